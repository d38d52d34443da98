"""Proving once more who one is, before what cannot be undone."""

from collections.abc import Callable

from django.http import HttpRequest

from accounts.models import User
from accounts.privacy.exceptions import ProofRefused

# Tell whether a code, typed now, proves that this user asks; a code that was used is used up. What sends codes puts its
# check in here.
code_checks: list[Callable[[HttpRequest, User, str], bool]] = []


def demand_proof(request: HttpRequest, user: User, *, password: str = "", code: str = "") -> None:
    """Refuse unless the password or the code is the user's own.

    Raises:
        ProofRefused: it is not; whether the account has a password is not told.
    """
    if code:
        if not any(check(request, user, code) for check in code_checks):
            raise ProofRefused("code")
    elif not user.check_password(password):
        raise ProofRefused("password")
