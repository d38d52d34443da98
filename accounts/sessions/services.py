"""Ending log-ins one by one, all others at once, and sweeping up what has ended."""

from datetime import timedelta
from uuid import UUID

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import RefreshSession, User
from accounts.opaque_tokens.models import OpaqueToken
from accounts.opaque_tokens.selectors import idle_since, live_tokens
from accounts.sessions.models import BrowserSession
from accounts.sessions.selectors import Current, live_browser_sessions, live_families
from ecommerce.retention import delete_in_batches

KEPT_AFTER_END = timedelta(days=1)  # longer than any access token of a family that has ended


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


def sweep() -> int:
    """Delete what ended a day ago; return how many rows went.

    An expired refresh token proves nothing any more. One that was revoked stays while its family has others: it is
    the mark that the family has ended.
    """
    before = timezone.now() - KEPT_AFTER_END
    expired = RefreshSession.objects.filter(expires_at__lt=before)
    younger = RefreshSession.objects.filter(family=OuterRef("family"), expires_at__gte=before)
    gone = delete_in_batches(expired.filter(revoked_at__isnull=True))
    gone += delete_in_batches(expired.exclude(Exists(younger)))
    gone += delete_in_batches(OpaqueToken.objects.filter(revoked_at__lt=before))
    gone += delete_in_batches(OpaqueToken.objects.filter(last_used_at__lt=idle_since() - KEPT_AFTER_END))
    session = Session.objects.filter(session_key=OuterRef("session_key"))
    gone += delete_in_batches(BrowserSession.objects.filter(~Exists(session), created_at__lt=before))
    return gone


def _end_families(families: list[UUID]) -> int:
    return RefreshSession.objects.filter(family__in=families, revoked_at__isnull=True).update(revoked_at=timezone.now())


def _end_browser_sessions(keys: list[str]) -> int:
    Session.objects.filter(session_key__in=keys).delete()
    return BrowserSession.objects.filter(session_key__in=keys).delete()[0]
