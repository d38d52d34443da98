"""The form of requests and answers about orders."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.addresses.serializers import AddressSerializer
from accounts.serializers import PhoneNumberField
from ecommerce.fields import StrictIntegerField
from ecommerce.kra import is_kra_pin
from orders.fulfilment.selectors import FulfilmentStatus, fulfilment_status
from orders.models import Order, OrderEvent, OrderItem
from orders.placing import Contact
from orders.selectors import amount_due


def quantity_field(**kwargs: Any) -> StrictIntegerField:
    return StrictIntegerField(min_value=1, max_value=settings.ORDER_MAX_QUANTITY, **kwargs)


def expected_total_field() -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=12,
        decimal_places=2,
        min_value=0,
        required=False,
        help_text="What the customer was shown. An order that costs anything else is not made: 409 `total_changed`.",
    )


class OrderItemInputSerializer(serializers.Serializer[Any]):
    """A line: a product with one variant by ``product_id``, any variant by ``variant_id``."""

    product_id = serializers.UUIDField(required=False)
    variant_id = serializers.UUIDField(required=False)
    quantity = quantity_field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("product_id") and not attrs.get("variant_id"):
            raise serializers.ValidationError({"product_id": ["Name a product_id or a variant_id."]}, code="required")
        return attrs


class KraPinField(serializers.CharField):
    """A taxpayer's PIN: a letter, nine digits and a letter; small letters are taken for capitals."""

    default_error_messages = {"invalid_pin": "A KRA PIN is a letter, nine digits and a letter, such as A012345678Z."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=11, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        pin = super().to_internal_value(data).upper()
        if pin and not is_kra_pin(pin):
            self.fail("invalid_pin")
        return pin


class ContactSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField(required=False, max_length=254)
    phone_number = PhoneNumberField(required=False)
    shipping_address = AddressSerializer(required=False)
    address_id = serializers.UUIDField(
        required=False, help_text="Of your address book, instead of a `shipping_address`. It is copied."
    )
    note = serializers.CharField(required=False, max_length=500, allow_blank=True)
    buyer_pin = KraPinField(required=False, allow_blank=True, help_text="The buyer's KRA PIN, for the tax invoice.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "address_id" in attrs and "shipping_address" in attrs:
            raise serializers.ValidationError(
                {"address_id": ["Send an address_id or a shipping_address, not both."]}, code="address_given_twice"
            )
        return attrs


def contact_from(data: dict[str, Any]) -> Contact:
    """Return what ``ContactSerializer`` has checked."""
    return Contact(
        email=data.get("email", ""),
        phone_number=data.get("phone_number", ""),
        shipping_address=data.get("shipping_address"),
        note=data.get("note", ""),
        buyer_pin=data.get("buyer_pin", ""),
    )


class PlaceOrderSerializer(ContactSerializer):
    shipping_method_id = serializers.UUIDField(required=False)
    pickup_point_id = serializers.UUIDField(required=False)
    expected_total = expected_total_field()
    items = OrderItemInputSerializer(many=True, allow_empty=False, max_length=settings.ORDER_MAX_LINES)  # type: ignore[call-arg]


class UnitsInputSerializer(serializers.Serializer[Any]):
    item_id = serializers.UUIDField()
    quantity = quantity_field()


class CancelOrderSerializer(serializers.Serializer[Any]):
    items = UnitsInputSerializer(
        many=True,
        required=False,
        allow_empty=False,
        max_length=settings.ORDER_MAX_LINES,  # type: ignore[call-arg]
        help_text="Units that are not shipped; without, the whole order is meant.",
    )
    reason = serializers.CharField(required=False, max_length=150, allow_blank=True)


class OrderItemSerializer(serializers.ModelSerializer[OrderItem]):
    product_id = serializers.UUIDField(read_only=True)
    variant_id = serializers.UUIDField(read_only=True)
    line_total = serializers.SerializerMethodField()

    class Meta:
        model = OrderItem
        fields = (
            "id",
            "product_id",
            "variant_id",
            "product_name",
            "sku",
            "options",
            "quantity",
            "cancelled_quantity",
            "shipped_quantity",
            "returned_quantity",
            "awaited_quantity",
            "available_from",
            "price",
            "line_total",
        )
        read_only_fields = fields

    def get_line_total(self, item: OrderItem) -> str:
        return str(item.price * item.charged_quantity)


class OrderSerializer(serializers.ModelSerializer[Order]):
    items = OrderItemSerializer(many=True, read_only=True)
    fulfilment_status = serializers.SerializerMethodField()
    amount_due = serializers.SerializerMethodField(
        help_text="What is still to be paid, by any means, less what gift cards, credit or parts have paid already."
    )

    class Meta:
        model = Order
        fields = (
            "id",
            "number",
            "user",
            "status",
            "fulfilment_status",
            "currency",
            "subtotal",
            "discount",
            "shipping",
            "tax",
            "total_amount",
            "amount_due",
            "email",
            "phone_number",
            "shipping_address",
            "delivery",
            "note",
            "buyer_pin",
            "items",
            "pay_on_delivery",
            "reserved_until",
            "paid_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=FulfilmentStatus.choices))
    def get_fulfilment_status(self, order: Order) -> str:
        return fulfilment_status(order.items.all())

    @extend_schema_field(serializers.DecimalField(max_digits=12, decimal_places=2))
    def get_amount_due(self, order: Order) -> str:
        return str(amount_due(order))


class OrderEventSerializer(serializers.ModelSerializer[OrderEvent]):
    class Meta:
        model = OrderEvent
        fields = ("from_status", "to_status", "note", "created_at")
        read_only_fields = fields
