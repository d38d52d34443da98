"""How long half a log-in is kept."""

from datetime import timedelta

from django.db.models.functions import Now

from accounts.second_factor.models import LogInChallenge
from ecommerce.retention import rule_of_rows

KEPT = timedelta(days=1)  # after its end, for support

RULES = (rule_of_rows("log_in_challenges", lambda: LogInChallenge.objects.filter(expires_at__lt=Now() - KEPT)),)
