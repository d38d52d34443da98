"""How long uses are counted: until their window is over."""

from django.db.models.functions import Now

from accounts.quotas.models import Quota
from ecommerce.retention import rule_of_rows

RULES = (rule_of_rows("quotas", lambda: Quota.objects.filter(ends_at__lt=Now())),)
