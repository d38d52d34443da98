"""Filters of what sellers see."""

from django_filters import rest_framework as filters

from orders.models import Order


class SoldOrderFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Order.Status.choices)
    number = filters.CharFilter(max_length=12)
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Order
        fields = ()
