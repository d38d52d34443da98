"""The form of edits."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.addresses.serializers import AddressSerializer
from ecommerce.fields import StrictIntegerField
from orders.editing.lines import LineEdit
from orders.editing.models import OrderEdit
from orders.editing.pricing import DiscountInput
from orders.editing.services import DeliveryEdit, Edit
from orders.models import Order
from orders.promotions.codes import LONGEST, normalise
from orders.promotions.entered import MAX_CODES


class LineEditSerializer(serializers.Serializer[Any]):
    """A line (`item_id`) and how many units it shall have, 0: none; or units of a product or variant to be added."""

    item_id = serializers.UUIDField(required=False)
    product_id = serializers.UUIDField(required=False)
    variant_id = serializers.UUIDField(required=False)
    quantity = StrictIntegerField(min_value=0, max_value=settings.ORDER_MAX_QUANTITY)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("item_id", "product_id", "variant_id") if name in attrs]
        if len(named) != 1:
            raise serializers.ValidationError("Name an item_id, a product_id or a variant_id.", code="invalid")
        if named != ["item_id"] and attrs["quantity"] == 0:
            raise serializers.ValidationError({"quantity": ["Add one unit at least."]}, code="min_value")
        return attrs


class DiscountInputSerializer(serializers.Serializer[Any]):
    percent = serializers.DecimalField(
        max_digits=5, decimal_places=2, min_value=Decimal("0.01"), max_value=Decimal(100), required=False
    )
    amount = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=Decimal("0.01"), required=False)
    reason = serializers.CharField(max_length=120)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("percent" in attrs) == ("amount" in attrs):
            raise serializers.ValidationError("Give a percent or an amount.", code="invalid")
        return attrs


class EditSerializer(serializers.Serializer[Any]):
    """What is not sent stays as it is."""

    items = LineEditSerializer(many=True, required=False, max_length=settings.ORDER_MAX_LINES)  # type: ignore[call-arg]
    shipping_address = AddressSerializer(required=False)
    shipping_method_id = serializers.UUIDField(required=False)
    pickup_point_id = serializers.UUIDField(required=False)
    coupons = serializers.ListField(
        child=serializers.CharField(max_length=4 * LONGEST),
        required=False,
        max_length=MAX_CODES,
        help_text="All codes that the order shall have; an empty list takes them away.",
    )
    discount = DiscountInputSerializer(
        required=False, allow_null=True, help_text="Off the goods, after all promotions. Null takes it away."
    )
    at_todays_prices = serializers.BooleanField(
        required=False, help_text="Price all lines as if they were ordered now. Without, a line keeps its price."
    )
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=120,
        help_text="The customer sees it, in the timeline and the mail.",
    )
    expected_total = serializers.DecimalField(
        max_digits=12, decimal_places=2, required=False, help_text="What it shall cost then, as a preview has told."
    )
    preview = serializers.BooleanField(
        required=False, help_text="Answer with the order as it would be, and write nothing."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "pickup_point_id" in attrs and "shipping_method_id" not in attrs:
            raise serializers.ValidationError({"shipping_method_id": ["A point needs its method."]}, code="required")
        return attrs


def edit_from(data: dict[str, Any]) -> Edit:
    """Return what ``EditSerializer`` has checked."""
    discount = data.get("discount")
    return Edit(
        lines=[LineEdit(**item, attr=f"items.{index}") for index, item in enumerate(data.get("items", []))],
        delivery=DeliveryEdit(
            data.get("shipping_address"), data.get("shipping_method_id"), data.get("pickup_point_id")
        ),
        codes=[normalise(code) for code in data["coupons"]] if "coupons" in data else None,
        discount=DiscountInput(**discount) if discount else None,
        drops_discount="discount" in data and discount is None,
        at_todays_prices=data.get("at_todays_prices", False),
        reason=data.get("reason", ""),
    )


class StatusSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=Order.Status.choices)
    note = serializers.CharField(required=False, allow_blank=True, max_length=150, help_text="Kept in the timeline.")


class OrderChangeSerializer(serializers.Serializer[Any]):
    what = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class OrderEditSerializer(serializers.ModelSerializer[OrderEdit]):
    changes = OrderChangeSerializer(many=True)

    class Meta:
        model = OrderEdit
        fields = ("id", "actor", "reason", "changes", "total_before", "total_after", "created_at")
        read_only_fields = fields
