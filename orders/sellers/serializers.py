"""The form of an order as one of its sellers sees it."""

from typing import Any

from rest_framework import serializers

from accounts.addresses.models import PLACE_FIELDS
from ecommerce.money import ZERO
from orders.models import Order, OrderItem


class SoldLineSerializer(serializers.ModelSerializer[OrderItem]):
    item_id = serializers.UUIDField(source="id", read_only=True)
    product_id = serializers.UUIDField(read_only=True)
    open_quantity = serializers.IntegerField(read_only=True, help_text="Still to be shipped.")
    total = serializers.SerializerMethodField(help_text="What the customer is charged for the line.")

    class Meta:
        model = OrderItem
        fields = (
            "item_id",
            "product_id",
            "product_name",
            "sku",
            "options",
            "quantity",
            "cancelled_quantity",
            "shipped_quantity",
            "returned_quantity",
            "awaited_quantity",
            "open_quantity",
            "price",
            "discount",
            "total",
        )
        read_only_fields = fields

    def get_total(self, line: OrderItem) -> str:
        return str(max(line.price * line.charged_quantity - line.discount, ZERO))


class ShipToSerializer(serializers.Serializer[Any]):
    """Where a parcel goes, and how. What the customer left empty is absent."""

    method = serializers.CharField(help_text="Of the delivery, as the customer chose it.")
    address = serializers.DictField(child=serializers.CharField())


class SoldOrderSerializer(serializers.ModelSerializer[Order]):
    placed_at = serializers.DateTimeField(source="created_at", read_only=True)
    items = SoldLineSerializer(source="own_lines", many=True, read_only=True)
    ship_to = serializers.SerializerMethodField(help_text="While something of yours must be sent; else null.")

    class Meta:
        model = Order
        fields = ("id", "number", "status", "currency", "placed_at", "items", "ship_to")
        read_only_fields = fields

    def get_ship_to(self, order: Order) -> dict[str, Any] | None:
        if not must_be_sent(order):
            return None
        address = {name: order.shipping_address[name] for name in PLACE_FIELDS if order.shipping_address.get(name)}
        return {"method": str(order.delivery.get("name", "")), "address": address}


def must_be_sent(order: Order) -> bool:
    """Tell whether a seller, to whom the order was read, has something to send, or has packed it."""
    if getattr(order, "own_packed", ()):
        return True
    goods = [line for line in getattr(order, "own_lines", ()) if line.product.kind == line.product.Kind.PHYSICAL]
    return Order.Status.SHIPPED in order.next_statuses and any(line.open_quantity for line in goods)
