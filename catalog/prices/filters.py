"""Filters of prices."""

from django_filters import rest_framework as filters

from catalog.prices.models import PriceListItem


class PriceListItemFilter(filters.FilterSet):
    sku = filters.CharFilter(field_name="variant__sku")
    product = filters.UUIDFilter(field_name="variant__product_id")

    class Meta:
        model = PriceListItem
        fields = ()
