"""The form of requests and answers about returns."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from rest_framework import serializers

from catalog.inventory.models import Warehouse
from catalog.inventory.selectors import by_id_or_code
from orders.returns.models import Return, ReturnItem
from orders.serializers import quantity_field


class ReturnLineSerializer(serializers.Serializer[Any]):
    item_id = serializers.UUIDField(help_text="Of the order.")
    quantity = quantity_field()
    exchange_variant_id = serializers.UUIDField(
        required=False, help_text="What is wanted for it; without, the same again."
    )


class RequestReturnSerializer(serializers.Serializer[Any]):
    order_id = serializers.UUIDField()
    items = ReturnLineSerializer(many=True, allow_empty=False, max_length=settings.ORDER_MAX_LINES)  # type: ignore[call-arg]
    reason = serializers.ChoiceField(choices=Return.Reason.choices)
    resolution = serializers.ChoiceField(choices=Return.Resolution.choices, default=Return.Resolution.REFUND)
    note = serializers.CharField(required=False, max_length=500, allow_blank=True)


class DecisionSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(required=False, max_length=150, allow_blank=True, help_text="The customer reads it.")


class RejectSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=150, help_text="Why; the customer reads it.")


class WarehouseField(serializers.CharField):
    """A warehouse by its id or code; only one into which goods may come."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=36, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        key = super().to_internal_value(data)
        places: QuerySet[Warehouse] = Warehouse.objects.filter(by_id_or_code(key), is_active=True)
        warehouse = places.first()
        if warehouse is None:
            raise serializers.ValidationError("There is no such open warehouse.", code="unknown_warehouse")
        return warehouse


class ArrivalSerializer(serializers.Serializer[Any]):
    item_id = serializers.UUIDField(help_text="Of the return.")
    quantity = quantity_field()
    condition = serializers.ChoiceField(choices=ReturnItem.Condition.choices, required=False)
    restock = serializers.BooleanField(default=True, help_text="False: written off.")
    warehouse = WarehouseField(required=False, help_text="Id or code; without, the default one.")


class ReceiveReturnSerializer(DecisionSerializer):
    items = ArrivalSerializer(many=True, allow_empty=False, max_length=settings.ORDER_MAX_LINES)  # type: ignore[call-arg]


class RefundReturnSerializer(DecisionSerializer):
    restocking_fee = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=Decimal("0.00"), default=Decimal("0.00")
    )
    refund_shipping = serializers.BooleanField(
        default=False, help_text="Give the order's charge for shipping back, too; once for each order."
    )


class ReturnItemSerializer(serializers.ModelSerializer[ReturnItem]):
    order_item_id = serializers.UUIDField(read_only=True)
    sku = serializers.CharField(source="order_item.sku", read_only=True)
    product_name = serializers.CharField(source="order_item.product_name", read_only=True)
    exchange_sku = serializers.CharField(source="exchange_variant.sku", read_only=True, default=None, allow_null=True)

    class Meta:
        model = ReturnItem
        fields = (
            "id",
            "order_item_id",
            "sku",
            "product_name",
            "quantity",
            "received_quantity",
            "amount",
            "condition",
            "exchange_sku",
        )
        read_only_fields = fields


class ReturnSerializer(serializers.ModelSerializer[Return]):
    order_id = serializers.UUIDField(read_only=True)
    order_number = serializers.CharField(source="order.number", read_only=True)
    currency = serializers.CharField(source="order.currency", read_only=True)
    replacement_id = serializers.UUIDField(read_only=True, allow_null=True)
    exchange_order_id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="Of goods at another price: their order, perhaps still to be paid."
    )
    items = ReturnItemSerializer(many=True, read_only=True)

    class Meta:
        model = Return
        fields = (
            "id",
            "number",
            "order_id",
            "order_number",
            "status",
            "reason",
            "resolution",
            "customer_note",
            "staff_note",
            "currency",
            "restocking_fee",
            "shipping_amount",
            "refund_amount",
            "replacement_id",
            "exchange_order_id",
            "items",
            "send_by",
            "approved_at",
            "received_at",
            "ended_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields
