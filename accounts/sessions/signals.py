"""Log-ins by cookie leave a row, and log-outs an entry of the trail, whichever form they came by."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.freshness import SESSION_LOGGED_IN
from accounts.models import User
from accounts.sessions.models import BrowserSession
from ecommerce.client import client_address


@receiver(user_logged_in, dispatch_uid="note_browser_session")
def note_browser_session(request: HttpRequest, user: User, **kwargs: Any) -> None:
    if not request.session.session_key:
        request.session.create()  # the row needs its key
    request.session[SESSION_LOGGED_IN] = int(timezone.now().timestamp())
    BrowserSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "user": user,
            "session_epoch": user.session_epoch,
            "user_agent": request.headers.get("User-Agent", "")[:200],
            "ip_address": client_address(request) or None,
        },
    )


@receiver(user_logged_out, dispatch_uid="note_log_out")
def note_log_out(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if isinstance(user, User):  # nobody, when the session was over already
        record(SecurityEvent.Kind.LOGOUT, user=user, request=request, by="cookie")
