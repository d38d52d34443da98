"""The pause between the two steps of a log-in."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from accounts.second_factor.exceptions import InvalidChallenge
from accounts.second_factor.models import LogInChallenge

LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True)
class Challenge:
    """What a log-in gives instead of tokens when a code is missing. ``expires_in`` is in seconds."""

    token: str
    expires_in: int = int(LIFETIME.total_seconds())


def start(user: User, *, by: str) -> Challenge:
    """Note that ``user`` has done the first step; the code ends the log-in. Old ones of theirs go."""
    token = secrets.token_urlsafe(32)
    LogInChallenge.objects.filter(user=user, expires_at__lt=Now()).delete()
    LogInChallenge.objects.create(
        user=user,
        token_hash=_hash(token),
        by=by,
        session_epoch=user.session_epoch,
        expires_at=timezone.now() + LIFETIME,
    )
    return Challenge(token)


def find(token: str) -> LogInChallenge:
    """Return the open challenge of ``token``, with its user.

    Raises:
        InvalidChallenge: unknown, too old, used; or its user has been deactivated, has ended all sessions (a new
            password does), or has no second factor any more since.
    """
    challenge = (
        LogInChallenge.objects.select_related("user")
        .filter(
            token_hash=_hash(token),
            used_at=None,
            expires_at__gt=Now(),
            session_epoch=F("user__session_epoch"),
            user__is_active=True,
            user__second_factor_at__isnull=False,
        )
        .first()
    )
    if challenge is None:
        raise InvalidChallenge()
    return challenge


def use(challenge: LogInChallenge) -> None:
    """Spend a challenge, in the transaction of the log-in.

    Raises:
        InvalidChallenge: it is spent.
    """
    unused = LogInChallenge.objects.filter(pk=challenge.pk, used_at=None)
    if not unused.update(used_at=Now(), updated_at=Now()):
        raise InvalidChallenge()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
