"""How long opaque tokens are kept that open nothing any more."""

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.opaque_tokens.models import OpaqueToken
from accounts.opaque_tokens.selectors import idle_since
from ecommerce.retention import rule_of_rows

KEPT = timedelta(days=1)  # after its end


def _over() -> QuerySet[OpaqueToken]:
    return OpaqueToken.objects.filter(Q(revoked_at__lt=Now() - KEPT) | Q(last_used_at__lt=idle_since() - KEPT))


RULES = (rule_of_rows("opaque_tokens", _over),)
