"""Filters of gift cards."""

from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters

from payments.credit.models import GiftCard


class GiftCardFilter(filters.FilterSet):
    last4 = filters.CharFilter(lookup_expr="iexact", max_length=4)
    currency = filters.CharFilter(lookup_expr="iexact", max_length=3)
    is_active = filters.BooleanFilter()
    recipient_email = filters.CharFilter(lookup_expr="iexact", max_length=254)
    has_balance = filters.BooleanFilter(method="filter_balance", label="Something is left on it")
    is_expired = filters.BooleanFilter(method="filter_expired", label="Its time is over")
    issued_since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    issued_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    order_number = filters.CharFilter(field_name="order_item__order__number", max_length=12)

    class Meta:
        model = GiftCard
        fields = ()

    def filter_balance(self, cards: QuerySet[GiftCard], _name: str, wanted: bool) -> QuerySet[GiftCard]:
        return cards.filter(balance__gt=0) if wanted else cards.filter(balance=0)

    def filter_expired(self, cards: QuerySet[GiftCard], _name: str, wanted: bool) -> QuerySet[GiftCard]:
        expired = Q(expires_at__lte=timezone.now())
        return cards.filter(expired) if wanted else cards.exclude(expired)
