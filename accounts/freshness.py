"""How long ago somebody proved who they are: what a found token must not be enough for asks for that."""

from datetime import timedelta
from time import time

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework_simplejwt.tokens import Token

from accounts.exceptions import FreshLogInRequired
from accounts.tokens import AUTH_TIME_CLAIM

SESSION_LOGGED_IN = "logged_in_at"


def demand_fresh_log_in(request: Request | HttpRequest) -> None:
    """Go on only for somebody who logged in during the last ``FRESH_LOG_IN``.

    Raises:
        FreshLogInRequired: longer ago, or by an opaque token or a key, which is no log-in.
    """
    if not is_fresh(request):
        raise FreshLogInRequired()


def is_fresh(request: Request | HttpRequest) -> bool:
    """Tell whether the log-in behind a request was during the last ``FRESH_LOG_IN``.

    Refreshing does not count: a stolen token stays as old as the log-in that it came from.
    """
    since = _logged_in_at(request)
    lasts: timedelta = settings.FRESH_LOG_IN
    return since is not None and time() - since < lasts.total_seconds()


def _logged_in_at(request: Request | HttpRequest) -> int | None:
    """Return when the log-in of a request was, in seconds; None where there was none."""
    credential = getattr(request, "auth", None)
    if isinstance(credential, Token):
        seconds = credential.get(AUTH_TIME_CLAIM)
    elif credential is None:  # a cookie, or nobody; what is written there is written by us
        seconds = request.session.get(SESSION_LOGGED_IN)
    else:
        return None
    return seconds if isinstance(seconds, int) else None
