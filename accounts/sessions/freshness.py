"""How long ago somebody proved who they are, for what a found token must not be enough."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.tokens import Token

from accounts.tokens import AUTH_TIME_CLAIM

SESSION_LOGGED_IN = "logged_in_at"


class FreshLogInNeeded(PermissionDenied):
    default_code = "fresh_log_in_needed"
    default_detail = "Log in again first: this takes a log-in of the last few minutes."


def demand_fresh_log_in(request: Request | HttpRequest) -> None:
    """Go on only for somebody who logged in during the last ``FRESH_LOG_IN``.

    Raises:
        FreshLogInNeeded: longer ago, or by a token or key, which is no log-in.
    """
    if not is_fresh(request):
        raise FreshLogInNeeded()


def is_fresh(request: Request | HttpRequest) -> bool:
    since = logged_in_at(request)
    lasts: timedelta = settings.FRESH_LOG_IN
    return since is not None and timezone.now() - since < lasts


def logged_in_at(request: Request | HttpRequest) -> datetime | None:
    """Return when the log-in of a request began; None where there was none (an opaque token, a key, nobody)."""
    credential = getattr(request, "auth", None)
    if isinstance(credential, Token):
        seconds = credential.get(AUTH_TIME_CLAIM)
    elif credential is None:  # a cookie, or nobody; what is written there is written by us
        seconds = request.session.get(SESSION_LOGGED_IN)
    else:
        return None
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None
