"""Sold goods over HTTP: for their sellers."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets

from accounts.authentication import signed_in
from orders.fulfilment.filters import ShipmentFilter
from orders.fulfilment.models import Shipment
from orders.fulfilment.permissions import Sells
from orders.fulfilment.serializers import SellerShipmentSerializer
from orders.models import Order
from orders.sellers import selectors
from orders.sellers.filters import SoldOrderFilter
from orders.sellers.serializers import SoldOrderSerializer

_ORDERINGS = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
_ORDER: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000031",
    "number": "1000019",
    "status": "paid",
    "currency": "KES",
    "placed_at": "2026-11-21T09:30:00Z",
    "items": [
        {
            "item_id": "0198c0de-0000-7000-8000-000000000021",
            "product_id": "0198c0de-0000-7000-8000-000000000001",
            "product_name": "Samsung Galaxy A07",
            "sku": "SM-A075-128-BLK",
            "options": {"color": "Black"},
            "quantity": 2,
            "cancelled_quantity": 0,
            "shipped_quantity": 1,
            "returned_quantity": 0,
            "awaited_quantity": 0,
            "open_quantity": 1,
            "price": "14999.00",
            "discount": "0.00",
            "total": "29998.00",
        }
    ],
    "ship_to": {
        "method": "Rider in Nairobi",
        "address": {
            "recipient": "Wanjiku Mwangi",
            "phone_number": "+254712345678",
            "county": "Nairobi",
            "estate": "Kangemi",
            "country": "KE",
        },
    },
}
_SHOWN = OpenApiExample("An order with goods of yours", value=_ORDER, response_only=True)
_WHAT = (
    "With your own lines alone. `ship_to` is there while something of yours must be sent, or is packed. Orders "
    "appear when they are paid, or shall be paid at the door."
)


@extend_schema_view(
    list=extend_schema(summary="List orders with goods of yours", description=_WHAT, examples=[_SHOWN]),
    retrieve=extend_schema(summary="Show an order with goods of yours", description=_WHAT, examples=[_SHOWN]),
)
class SoldOrderViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Order]):
    queryset = Order.objects.none()
    serializer_class = SoldOrderSerializer
    permission_classes = (Sells,)
    filterset_class = SoldOrderFilter
    orderings = _ORDERINGS
    lookup_value_converter = "uuid"
    schema_tag = "sellers"
    api_key_area = "orders"

    def get_queryset(self) -> QuerySet[Order]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.orders_of(signed_in(self.request))


@extend_schema_view(
    list=extend_schema(
        summary="List parcels with goods of yours",
        description="With your own lines alone. You ship by `POST /api/orders/{id}/shipments/`.",
    )
)
class SoldShipmentViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Shipment]):
    queryset = Shipment.objects.none()
    serializer_class = SellerShipmentSerializer
    permission_classes = (Sells,)
    filterset_class = ShipmentFilter
    orderings = _ORDERINGS
    schema_tag = "sellers"
    api_key_area = "orders"

    def get_queryset(self) -> QuerySet[Shipment]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.shipments_of(signed_in(self.request))
