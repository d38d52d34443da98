"""What of somebody's log-ins is alive."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.utils import timezone
from rest_framework.request import Request
from rest_framework_simplejwt.tokens import Token

from accounts.models import RefreshSession, User
from accounts.opaque_tokens.models import OpaqueToken
from accounts.opaque_tokens.selectors import live_tokens
from accounts.sessions.models import BrowserSession
from accounts.tokens import FAMILY_CLAIM

SHOWN = 100  # of each kind, the newest


@dataclass(frozen=True)
class LogIn:
    """One way in that is open: a log-in of the API, of the admin (``browser``), or an opaque token."""

    id: UUID
    kind: str
    name: str
    started_at: datetime
    last_used_at: datetime | None  # of a log-in, when it was refreshed; of a browser's nobody knows
    expires_at: datetime
    ip_address: str | None
    user_agent: str
    current: bool


@dataclass(frozen=True)
class Current:
    """The log-in that a request was sent with; one of these is set."""

    family: UUID | None = None
    token_id: UUID | None = None
    session_key: str | None = None


def current_of(request: Request) -> Current:
    if isinstance(request.auth, Token):
        return Current(family=UUID(request.auth[FAMILY_CLAIM]))
    if isinstance(request.auth, OpaqueToken):
        return Current(token_id=request.auth.pk)
    return Current(session_key=request.session.session_key)


def live_families(user: User) -> QuerySet[RefreshSession]:
    """Return the newest refresh token of each family that can still be refreshed."""
    ended = RefreshSession.objects.filter(family=OuterRef("family"), revoked_at__isnull=False)
    return RefreshSession.objects.filter(
        ~Exists(ended),
        user=user,
        used_at__isnull=True,
        expires_at__gt=timezone.now(),
        session_epoch=F("user__session_epoch"),
    )


def live_browser_sessions(user: User) -> QuerySet[BrowserSession]:
    """Return log-ins by cookie, each with ``expires_at``."""
    theirs = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
    return BrowserSession.objects.filter(Exists(theirs), user=user, session_epoch=F("user__session_epoch")).annotate(
        expires_at=Subquery(theirs.values("expire_date"))
    )


def log_ins_of(user: User, current: Current) -> list[LogIn]:
    """Return every way in that is open, this one first, then the newest."""
    found = [
        *(_of_family(row, current) for row in live_families(user).order_by("-created_at")[:SHOWN]),
        *(_of_token(row, current) for row in live_tokens(user).order_by("-last_used_at")[:SHOWN]),
        *(_of_browser(row, current) for row in live_browser_sessions(user).order_by("-created_at")[:SHOWN]),
    ]
    return sorted(found, key=lambda each: (each.current, each.last_used_at or each.started_at), reverse=True)


def _of_family(row: RefreshSession, current: Current) -> LogIn:
    return LogIn(
        id=row.family,
        kind="log_in",
        name="",
        started_at=row.family_started_at,
        last_used_at=row.created_at,
        expires_at=row.expires_at,
        ip_address=row.ip_address,
        user_agent=row.user_agent,
        current=row.family == current.family,
    )


def _of_token(row: OpaqueToken, current: Current) -> LogIn:
    return LogIn(
        id=row.pk,
        kind="token",
        name=row.name,
        started_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.last_used_at + settings.OPAQUE_TOKEN_IDLE,
        ip_address=row.ip_address,
        user_agent=row.user_agent,
        current=row.pk == current.token_id,
    )


def _of_browser(row: BrowserSession, current: Current) -> LogIn:
    return LogIn(
        id=row.pk,
        kind="browser",
        name="",
        started_at=row.created_at,
        last_used_at=None,
        expires_at=row.expires_at,  # type: ignore[attr-defined]  # annotated
        ip_address=row.ip_address,
        user_agent=row.user_agent,
        current=row.session_key == current.session_key,
    )
