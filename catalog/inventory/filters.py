"""Filters of stock and its ledger."""

from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from catalog.inventory.models import LowStockAlert, StockCount, StockCountLine, Warehouse, WarehouseStock
from catalog.inventory.selectors import UNKNOWN_WAREHOUSE, by_id_or_code, low_stock
from catalog.models import Product, Stock, StockMovement
from catalog.selectors import by_id_or_url_key
from ecommerce.filters import YesOrNoFilter


def warehouse_named(name: str, key: str) -> Warehouse:
    """Return the warehouse that the filter ``name`` asks for.

    Raises:
        ValidationError: there is none.
    """
    warehouse = Warehouse.objects.filter(by_id_or_code(key)).first()
    if warehouse is None:
        raise ValidationError({name: [UNKNOWN_WAREHOUSE]})
    return warehouse


class GoodsFilter(filters.FilterSet):
    """What is about variants is found by them."""

    variant = filters.UUIDFilter(field_name="variant_id")
    sku = filters.CharFilter(field_name="variant__sku", max_length=64)
    product = filters.CharFilter(method="of_product", label="a product's id or url_key", max_length=140)
    warehouse = filters.CharFilter(method="in_warehouse", label="a warehouse's id or code", max_length=36)

    def of_product(self, rows: QuerySet[Any], name: str, key: str) -> QuerySet[Any]:
        return rows.filter(variant__product__in=Product.objects.filter(by_id_or_url_key(key)).values("pk"))

    def in_warehouse(self, rows: QuerySet[Any], name: str, key: str) -> QuerySet[Any]:
        return rows.filter(warehouse=warehouse_named(name, key))


class StockFilter(GoodsFilter):
    low = YesOrNoFilter(method="that_is_low", label="as many left as the threshold, or fewer")

    class Meta:
        model = Stock
        fields = ()

    def in_warehouse(self, rows: QuerySet[Any], name: str, key: str) -> QuerySet[Any]:
        place = warehouse_named(name, key)
        lying = WarehouseStock.objects.filter(variant=OuterRef("variant"), warehouse=place, on_hand__gt=0)
        return rows.filter(Exists(lying))

    def that_is_low(self, rows: QuerySet[Stock], name: str, wanted: bool) -> QuerySet[Stock]:
        return rows.filter(low_stock()) if wanted else rows.exclude(low_stock())


class MovementFilter(GoodsFilter):
    kind = filters.ChoiceFilter(choices=StockMovement.Kind.choices)
    order_item = filters.UUIDFilter(field_name="order_item_id", label="the line of an order that it was for")
    document = filters.UUIDFilter(field_name="document_id", label="the transfer or the count that it is part of")
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = StockMovement
        fields = ()


class CountFilter(filters.FilterSet):
    warehouse = filters.CharFilter(method="in_warehouse", label="a warehouse's id or code", max_length=36)
    state = filters.ChoiceFilter(choices=StockCount.State.choices)

    class Meta:
        model = StockCount
        fields = ()

    def in_warehouse(self, rows: QuerySet[Any], name: str, key: str) -> QuerySet[Any]:
        return rows.filter(warehouse=warehouse_named(name, key))


class CountLineFilter(filters.FilterSet):
    different = YesOrNoFilter(method="that_differ", label="counted was not what was expected")
    state = filters.ChoiceFilter(choices=StockCountLine.State.choices)

    class Meta:
        model = StockCountLine
        fields = ()

    def that_differ(self, rows: QuerySet[Any], name: str, wanted: bool) -> QuerySet[Any]:
        return rows.exclude(counted=F("expected")) if wanted else rows.filter(counted=F("expected"))


class AlertFilter(filters.FilterSet):
    variant = filters.UUIDFilter(field_name="variant_id")
    sku = filters.CharFilter(field_name="variant__sku", max_length=64)
    open = YesOrNoFilter(field_name="cleared_at", lookup_expr="isnull", label="still low")

    class Meta:
        model = LowStockAlert
        fields = ()
