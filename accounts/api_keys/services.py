"""Making and ending keys."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.api_keys.exceptions import TooManyKeys
from accounts.api_keys.models import ApiKey
from accounts.api_keys.selectors import live_keys
from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User

MOST = 20  # alive, of one owner
USE_NOTED_EVERY = timedelta(minutes=1)


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def make_key(owner: User, *, name: str, scopes: Collection[str], days: int, request: HttpRequest) -> tuple[ApiKey, str]:
    """Make a key that lasts ``days``; return its row and its text, which nobody can show again.

    Raises:
        TooManyKeys: the owner has as many as one may have.
    """
    prefix = f"bm_{secrets.token_hex(4)}"  # shown in lists, and found by scanners of leaked secrets
    text = f"{prefix}_{secrets.token_hex(20)}"
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)  # one at a time, or two would not count each other
        if live_keys(owner).count() >= MOST:
            raise TooManyKeys()
        key = ApiKey.objects.create(
            user=owner,
            name=name,
            prefix=prefix,
            key_hash=hashed(text),
            scopes=sorted(set(scopes)),
            expires_at=timezone.now() + timedelta(days=days),
        )
        record(
            SecurityEvent.Kind.API_KEY_MADE, user=owner, request=request, key=str(key.pk), scopes=key.scopes, days=days
        )
    return key, text


def end_key(key: ApiKey, *, actor: User, request: HttpRequest | None = None) -> None:
    """End a key at once; a second time changes nothing."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
            record(SecurityEvent.Kind.API_KEY_ENDED, user=key.user, actor=actor, request=request, key=str(key.pk))


def end_keys_of(owner: User) -> int:
    """End every key of somebody who leaves; return how many."""
    return ApiKey.objects.filter(user=owner, revoked_at__isnull=True).update(revoked_at=timezone.now())


def note_use(key: ApiKey) -> None:
    """Keep when the key was used last, at most once a minute."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - USE_NOTED_EVERY:
        # Of many requests at once one writes.
        ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=now)
