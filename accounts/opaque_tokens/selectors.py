"""Which opaque tokens still open something."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.opaque_tokens.models import OpaqueToken


def live_tokens(user: User) -> QuerySet[OpaqueToken]:
    return OpaqueToken.objects.filter(
        user=user, revoked_at__isnull=True, session_epoch=F("user__session_epoch"), last_used_at__gt=idle_since()
    )


def idle_since() -> datetime:
    """Return the moment before which a token must not have been used last."""
    idle: timedelta = settings.OPAQUE_TOKEN_IDLE
    return timezone.now() - idle
