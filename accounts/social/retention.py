"""How long tokens of providers are remembered: until they have expired by themselves."""

from django.db.models.functions import Now

from accounts.social.models import SpentToken
from ecommerce.retention import rule_of_rows

RULES = (rule_of_rows("spent_tokens", lambda: SpentToken.objects.filter(expires_at__lt=Now())),)
