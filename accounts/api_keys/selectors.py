"""Who may hold keys, and which keys open something."""

from django.db.models import QuerySet
from django.utils import timezone

from accounts.api_keys.models import ApiKey
from accounts.models import User


def may_hold_keys(user: User) -> bool:
    return user.is_active and (user.is_staff or user.role == User.Role.SELLER)


def keys_of(user: User) -> QuerySet[ApiKey]:
    """Return the keys that somebody has, expired ones too; those that were ended are history."""
    return ApiKey.objects.filter(user=user, revoked_at__isnull=True).order_by("-created_at", "-id")


def live_keys(user: User) -> QuerySet[ApiKey]:
    return keys_of(user).filter(expires_at__gt=timezone.now())
