"""Filters of shipping methods and pick-up points."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from ecommerce.geography.counties import find_county
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone


class ShippingZoneFilter(filters.FilterSet):
    country = filters.CharFilter()

    class Meta:
        model = ShippingZone
        fields = ()


class ShippingMethodFilter(filters.FilterSet):
    zone = filters.UUIDFilter(field_name="zone_id")
    kind = filters.ChoiceFilter(choices=ShippingMethod.Kind.choices)
    currency = filters.CharFilter()

    class Meta:
        model = ShippingMethod
        fields = ()


class PickupPointFilter(filters.FilterSet):
    county = filters.CharFilter(method="in_county", help_text="A name in any usual spelling, or the code.")
    town = filters.CharFilter(lookup_expr="iexact")
    method = filters.UUIDFilter(field_name="methods__id")

    class Meta:
        model = PickupPoint
        fields = ()

    def in_county(self, points: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        county = find_county(value)
        if county is None:
            raise ValidationError({"county": ["This is none of Kenya's 47 counties."]}, code="unknown_county")
        return points.filter(county=county.name)
