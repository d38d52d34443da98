"""How long links in mails are kept after their end; they hold addresses."""

from django.conf import settings
from django.db.models.functions import Now

from accounts.emails.models import EmailChange
from accounts.models import EmailToken
from ecommerce.retention import rule_of_rows

RULES = (
    rule_of_rows("email_tokens", lambda: EmailToken.objects.filter(expires_at__lt=Now() - settings.LINK_RETENTION)),
    rule_of_rows("email_changes", lambda: EmailChange.objects.filter(expires_at__lt=Now() - settings.LINK_RETENTION)),
)
