"""Is it still them? Asked before something is changed that one logs in with: a stolen token must not suffice."""

from rest_framework.request import Request

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.authentication import signed_in
from accounts.freshness import demand_fresh_log_in
from accounts.passwords.exceptions import WrongPassword
from accounts.quotas.services import spend

TRIES = "5/900"


def confirm_identity(request: Request, *, wanted: str, password: str, attr: str = "password") -> None:
    """Let whoever knows the password pass, or who has just logged in where the account has none.

    ``wanted`` says in the trail what a wrong password was for.

    Raises:
        WrongPassword: it is not theirs, or was not given; told at ``attr``.
        FreshLogInRequired: the account has no password, and the log-in is too old.
        Throttled: five tries in a quarter of an hour are enough.
    """
    user = signed_in(request)
    if not user.has_usable_password():
        demand_fresh_log_in(request)
        return
    if not password:
        raise WrongPassword(attr)
    spend("identity", str(user.pk), TRIES)
    if not user.check_password(password):
        record(SecurityEvent.Kind.PROOF_REFUSED, user=user, request=request._request, wanted=wanted)
        raise WrongPassword(attr)
