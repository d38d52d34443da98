"""Whether somebody has proved lately who they are: what changes the ways into an account asks for that."""

from datetime import timedelta
from time import time

from rest_framework.request import Request

from accounts.tokens import AUTH_TIME_CLAIM

FRESH = timedelta(minutes=15)


def logged_in_lately(request: Request) -> bool:
    """Tell whether the log-in behind this request's access token is fresh. Other ways in know no such time: not fresh.

    Refreshing does not count: a stolen token stays as old as the log-in that it came from.
    """
    claims = getattr(request.auth, "payload", None)
    logged_in_at = claims.get(AUTH_TIME_CLAIM) if isinstance(claims, dict) else None
    return isinstance(logged_in_at, int) and time() - logged_in_at <= FRESH.total_seconds()
