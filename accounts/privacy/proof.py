"""Proving once more who one is, before what cannot be undone."""

from rest_framework.request import Request

from accounts.authentication import signed_in
from accounts.passwords.identity import confirm_identity
from accounts.second_factor.exceptions import CodeRequired
from accounts.second_factor.proof import with_proof


def demand_proof(request: Request, *, password: str = "", code: str = "") -> None:
    """Refuse unless it is still them: by the second factor's code, or without one as ``confirm_identity`` asks.

    Raises:
        CodeRequired: the account has a second factor, and no code came.
        InvalidCode, TooManyTries: see ``with_proof``.
        WrongPassword, FreshLogInRequired, Throttled: see ``confirm_identity``.
    """
    user = signed_in(request)
    if user.second_factor_at is None:
        confirm_identity(request, wanted="erasure", password=password)
    elif not code:
        raise CodeRequired()
    else:
        with_proof(user, lambda factor, proof: None, request=request._request, code=code)
