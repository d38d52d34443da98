"""Forgetting what has been kept long enough, without being asked."""

from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from accounts.audit.models import SecurityEvent
from accounts.models import EmailToken, RefreshSession
from accounts.privacy.services import owe_unfinished
from ecommerce.retention import delete_in_batches


def keep_to_retention() -> int:
    """Delete what is older than the settings allow, and see to erasures that are late; return how many rows went."""
    owe_unfinished()
    old = Now() - settings.SESSION_RETENTION
    return sum(
        delete_in_batches(rows)
        for rows in (
            SecurityEvent.objects.filter(created_at__lt=Now() - settings.AUDIT_RETENTION),
            _ended_sessions(old),
            EmailToken.objects.filter(expires_at__lt=old),
            Session.objects.filter(expire_date__lt=Now()),
        )
    )


def _ended_sessions(before: Any) -> QuerySet[RefreshSession]:
    """Whole families that ended before then. One row that is left of a revoked family would not know of it."""
    alive = RefreshSession.objects.filter(family=OuterRef("family"), expires_at__gte=before)
    return RefreshSession.objects.filter(~Exists(alive), expires_at__lt=before)
