"""Is it still them? Asked before something is changed that one logs in with: a stolen token must not suffice."""

import time
from datetime import timedelta

from rest_framework.request import Request
from rest_framework_simplejwt.tokens import Token

from accounts.authentication import signed_in
from accounts.passwords.exceptions import FreshLoginRequired, WrongPassword
from accounts.quotas.services import spend
from accounts.tokens import AUTH_TIME_CLAIM

FRESH = timedelta(minutes=10)
TRIES = "5/900"


def confirm_identity(request: Request, *, password: str, attr: str = "password") -> None:
    """Let whoever knows the password pass, or who has just logged in where the account has none.

    Raises:
        WrongPassword: it is not theirs, or was not given; told at ``attr``.
        FreshLoginRequired: the account has no password, and the log-in is older than ten minutes.
        Throttled: five tries in a quarter of an hour are enough.
    """
    user = signed_in(request)
    if not user.has_usable_password():
        if not _is_fresh(request):
            raise FreshLoginRequired()
        return
    if not password:
        raise WrongPassword(attr)
    spend("identity", str(user.pk), TRIES)
    if not user.check_password(password):
        raise WrongPassword(attr)


def _is_fresh(request: Request) -> bool:
    """Tell whether this very session began a moment ago. Only an access token says so."""
    if not isinstance(request.auth, Token):
        return False
    began = request.auth.get(AUTH_TIME_CLAIM)
    return isinstance(began, int) and time.time() - began <= FRESH.total_seconds()
