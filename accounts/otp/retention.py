"""How long codes are kept."""

from datetime import timedelta

from django.db.models.functions import Now

from accounts.otp.models import OneTimeCode
from ecommerce.retention import rule_of_rows

KEPT = timedelta(days=1)  # after its end, for support

RULES = (rule_of_rows("one_time_codes", lambda: OneTimeCode.objects.filter(expires_at__lt=Now() - KEPT)),)
