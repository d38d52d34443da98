"""Filters of orders."""

from django_filters import rest_framework as filters

from ecommerce.filters import YesOrNoFilter
from orders.models import Order


class OrderFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Order.Status.choices)
    number = filters.CharFilter()
    pay_on_delivery = YesOrNoFilter()
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Order
        fields = ()
