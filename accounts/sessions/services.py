"""Ending log-ins one by one, or all others at once."""

from uuid import UUID

from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import RefreshSession, User
from accounts.opaque_tokens.selectors import live_tokens
from accounts.sessions.models import BrowserSession
from accounts.sessions.selectors import Current, live_browser_sessions, live_families


def end_log_in(log_in_id: UUID, *, user: User, request: HttpRequest) -> bool:
    """End one log-in of ``user``, with its access tokens; return whether there was such a one."""
    now = timezone.now()
    with transaction.atomic():
        ended = _end_families([*live_families(user).filter(family=log_in_id).values_list("family", flat=True)])
        ended = ended or live_tokens(user).filter(pk=log_in_id).update(revoked_at=now)
        ended = ended or _end_browser_sessions(
            [*live_browser_sessions(user).filter(pk=log_in_id).values_list("session_key", flat=True)]
        )
        if ended:
            record(SecurityEvent.Kind.SESSION_ENDED, user=user, request=request, session=str(log_in_id))
    return bool(ended)


def end_others(*, user: User, current: Current, request: HttpRequest) -> None:
    """End every log-in and opaque token of ``user`` but the one that asks."""
    with transaction.atomic():
        families = live_families(user).exclude(family=current.family) if current.family else live_families(user)
        _end_families([*families.values_list("family", flat=True)])
        tokens = live_tokens(user).exclude(pk=current.token_id) if current.token_id else live_tokens(user)
        tokens.update(revoked_at=timezone.now())
        browsers = live_browser_sessions(user).exclude(session_key=current.session_key or "")
        _end_browser_sessions([*browsers.values_list("session_key", flat=True)])
        record(SecurityEvent.Kind.OTHER_SESSIONS_ENDED, user=user, request=request)


def _end_families(families: list[UUID]) -> int:
    return RefreshSession.objects.filter(family__in=families, revoked_at__isnull=True).update(revoked_at=timezone.now())


def _end_browser_sessions(keys: list[str]) -> int:
    Session.objects.filter(session_key__in=keys).delete()
    return BrowserSession.objects.filter(session_key__in=keys).delete()[0]
