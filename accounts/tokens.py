"""JSON web tokens: short access, rotating refresh with reuse detection.

simplejwt alone lets a refresh token be used many times in parallel and leaves a stolen one's successor alive. Here
each refresh token is a row that is consumed by one conditional update.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.exceptions import InvalidRefreshToken
from accounts.models import RefreshSession, User
from accounts.signing import AccessToken, RefreshToken

EPOCH_CLAIM = "epoch"
FAMILY_CLAIM = "family"  # which log-in it comes from: ending that one ends it
AUTH_TIME_CLAIM = "auth_time"  # when this session began; refreshing does not make it younger


@dataclass(frozen=True)
class TokenPair:
    access: str
    refresh: str


def start_session(user: User, *, user_agent: str = "", ip_address: str | None = None) -> TokenPair:
    """Log ``user`` in: begin a new family of refresh tokens."""
    session = _new_session(
        user, family=uuid.uuid4(), started_at=timezone.now(), user_agent=user_agent[:200], ip_address=ip_address
    )
    return _mint(user, session)


def rotate(refresh: str, *, request: HttpRequest | None = None) -> TokenPair:
    """Exchange a refresh token for a new pair.

    Two tabs that send the same token within the grace get the same successor. A later second use means that
    somebody else holds a copy: the whole family ends.

    Raises:
        InvalidRefreshToken: malformed, expired, revoked, reused, or its user may not log in any more.
    """
    session_id = _session_id(refresh)
    with transaction.atomic():
        session = (
            RefreshSession.objects.select_for_update(of=("self",)).select_related("user").filter(pk=session_id).first()
        )
        now = timezone.now()
        if session is None or session.expires_at <= now or not _still_welcome(session):
            raise InvalidRefreshToken()
        user = session.user
        if session.used_at is None:
            following = _new_session(
                user,
                family=session.family,
                started_at=session.family_started_at,
                user_agent=session.user_agent,
                ip_address=session.ip_address,
            )
            session.used_at, session.successor = now, following
            session.save(update_fields=["used_at", "successor", "updated_at"])
            return _mint(user, following)
        successor = session.successor
        in_grace = now - session.used_at <= settings.REFRESH_REUSE_GRACE
        if in_grace and successor and successor.used_at is None and successor.revoked_at is None:
            return _mint(user, successor)
    # Outside the block above: the refusal must not roll the revocation back.
    with transaction.atomic():
        if _end_family(session.family):
            kind = SecurityEvent.Kind.REFRESH_REUSED
            record(kind, user=user, request=request, session=str(session.family))
    raise InvalidRefreshToken()


def end_session(refresh: str, *, user: User, request: HttpRequest | None = None) -> None:
    """Log out: end the family of this refresh token. A token of somebody else, or none, is left alone.

    Raises:
        InvalidRefreshToken: it is not a token of ours.
    """
    session = RefreshSession.objects.filter(pk=_session_id(refresh), user=user).first()
    if session is not None:
        with transaction.atomic():
            if _end_family(session.family):
                record(SecurityEvent.Kind.LOGOUT, user=user, request=request, session=str(session.family))


def log_out_everywhere(user: User, *, request: HttpRequest) -> None:
    """End every log-in and token of ``user``, as they wish."""
    with transaction.atomic():
        end_all_sessions(user)
        record(SecurityEvent.Kind.LOGOUT_EVERYWHERE, user=user, request=request)


def end_all_sessions(user: User) -> None:
    """End every token of ``user`` at once, access tokens included."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    RefreshSession.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=timezone.now())


def _end_family(family: uuid.UUID) -> int:
    """End a log-in; return how many of its tokens that ended: none, if somebody else was faster."""
    return RefreshSession.objects.filter(family=family, revoked_at__isnull=True).update(revoked_at=timezone.now())


def _still_welcome(session: RefreshSession) -> bool:
    if not session.user.is_active or session.user.session_epoch != session.session_epoch:
        return False
    # The whole family is asked: a successor that was born while the family ended has not been marked itself.
    return not RefreshSession.objects.filter(family=session.family, revoked_at__isnull=False).exists()


def _session_id(refresh: str) -> uuid.UUID:
    try:
        return uuid.UUID(RefreshToken(refresh)["jti"])  # type: ignore[arg-type]
    except (TokenError, KeyError, ValueError):
        raise InvalidRefreshToken() from None


def _new_session(
    user: User, *, family: uuid.UUID, started_at: datetime, user_agent: str, ip_address: str | None
) -> RefreshSession:
    end_of_family = started_at + settings.REFRESH_FAMILY_LIFETIME
    lifetime: timedelta = api_settings.REFRESH_TOKEN_LIFETIME
    return RefreshSession.objects.create(
        user=user,
        family=family,
        family_started_at=started_at,
        session_epoch=user.session_epoch,
        expires_at=min(timezone.now() + lifetime, end_of_family),
        user_agent=user_agent,
        ip_address=ip_address,
    )


def _mint(user: User, session: RefreshSession) -> TokenPair:
    refresh = RefreshToken()
    refresh["jti"] = str(session.pk)
    refresh["user_id"] = str(user.pk)
    refresh["iat"] = int(session.created_at.timestamp())  # from the row, so that minting again gives the same text
    refresh["exp"] = int(session.expires_at.timestamp())
    access = AccessToken()
    access["user_id"] = str(user.pk)
    access[EPOCH_CLAIM] = user.session_epoch
    access[FAMILY_CLAIM] = str(session.family)
    access[AUTH_TIME_CLAIM] = int(session.family_started_at.timestamp())
    return TokenPair(access=str(access), refresh=str(refresh))
