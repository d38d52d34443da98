"""How long it is kept what became of a message."""

from django.conf import settings
from django.db.models.functions import Now

from accounts.sms.models import SmsMessage
from ecommerce.retention import rule_of_rows

RULES = (
    rule_of_rows("sms_messages", lambda: SmsMessage.objects.filter(created_at__lt=Now() - settings.SMS_RETENTION)),
)
