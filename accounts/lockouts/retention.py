"""How long failed tries are remembered: until the count means nothing any more."""

from django.db.models.functions import Now

from accounts.lockouts.models import TryCount
from ecommerce.retention import rule_of_rows

RULES = (rule_of_rows("try_counts", lambda: TryCount.objects.filter(expires_at__lt=Now())),)
