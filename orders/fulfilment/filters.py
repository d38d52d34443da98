"""Filters of parcels."""

from django_filters import rest_framework as filters

from orders.fulfilment.carriers import carrier_choices
from orders.fulfilment.models import Shipment


class ShipmentFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Shipment.Status.choices)
    carrier = filters.ChoiceFilter(choices=carrier_choices())
    number = filters.CharFilter(max_length=16)
    tracking_number = filters.CharFilter(max_length=64)
    order_number = filters.CharFilter(field_name="order__number", max_length=12)
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Shipment
        fields = ()
