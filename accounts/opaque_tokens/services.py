"""Issuing and ending opaque tokens."""

import hashlib
import secrets

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User
from accounts.opaque_tokens.models import OpaqueToken
from accounts.opaque_tokens.selectors import live_tokens
from ecommerce.client import client_address

MOST = 20  # of one user at a time; the one that was not used for longest makes room


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(user: User, *, request: HttpRequest, name: str = "") -> tuple[OpaqueToken, str]:
    """Make a token for ``user``; return its row and the 40 characters, which nobody can show again."""
    text = secrets.token_hex(20)  # 160 bits
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # one at a time, or two would not count each other
        crowded = live_tokens(user).order_by("-last_used_at").values("pk")[MOST - 1 :]
        OpaqueToken.objects.filter(pk__in=list(crowded.values_list("pk", flat=True))).update(revoked_at=timezone.now())
        token = OpaqueToken.objects.create(
            user=user,
            name=name,
            token_hash=hashed(text),
            # That of the request, not that of the row just locked: whoever was logged out meanwhile gets a dead token.
            session_epoch=user.session_epoch,
            last_used_at=timezone.now(),
            user_agent=request.headers.get("User-Agent", "")[:200],
            ip_address=client_address(request) or None,
        )
        record(SecurityEvent.Kind.TOKEN_ISSUED, user=user, request=request, token=str(token.pk))
    return token, text


def revoke(token: OpaqueToken, *, user: User, request: HttpRequest) -> None:
    """End one token of ``user``; a second time changes nothing."""
    with transaction.atomic():
        if OpaqueToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
            record(SecurityEvent.Kind.TOKEN_REVOKED, user=user, request=request, token=str(token.pk))


def revoke_all(user: User, *, request: HttpRequest) -> None:
    """End every opaque token of ``user``; log-ins stay."""
    with transaction.atomic():
        if ended := live_tokens(user).update(revoked_at=timezone.now()):
            record(SecurityEvent.Kind.TOKEN_REVOKED, user=user, request=request, tokens=ended)


def note_use(token: OpaqueToken) -> None:
    """Keep when the token was used last, at most once in ``OPAQUE_TOKEN_USE_NOTED_EVERY``."""
    now = timezone.now()
    before = now - settings.OPAQUE_TOKEN_USE_NOTED_EVERY
    if token.last_used_at < before:
        # Of many requests at once one writes.
        OpaqueToken.objects.filter(pk=token.pk, last_used_at__lt=before).update(last_used_at=now)
