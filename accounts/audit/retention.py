"""How long the trail is kept."""

from django.conf import settings
from django.db.models.functions import Now

from accounts.audit.models import SecurityEvent
from ecommerce.retention import rule_of_rows

RULES = (
    rule_of_rows(
        "security_events", lambda: SecurityEvent.objects.filter(created_at__lt=Now() - settings.AUDIT_RETENTION)
    ),
)
