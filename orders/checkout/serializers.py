"""The form of requests and answers about the checkout."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ecommerce.fields import StrictIntegerField
from orders.checkout.models import Checkout, PaymentMethod
from orders.links import order_token
from orders.models import Order
from orders.serializers import ContactSerializer, OrderSerializer, expected_total_field


class ShippingStepSerializer(ContactSerializer):
    """Without a method the answer lists those to choose from. For pick-up no address is needed."""

    method_id = serializers.UUIDField(required=False)
    pickup_point_id = serializers.UUIDField(required=False)


class PaymentStepSerializer(serializers.Serializer[Any]):
    payment_method = serializers.ChoiceField(choices=PaymentMethod.choices)


class ChosenShippingSerializer(serializers.Serializer[Checkout]):
    """The method that was chosen. One that does not carry the cart (any more) has no amount, and no name."""

    method_id = serializers.UUIDField()
    pickup_point_id = serializers.UUIDField(allow_null=True)
    is_available = serializers.SerializerMethodField()
    amount = serializers.DecimalField(source="shipping_amount", max_digits=12, decimal_places=2, allow_null=True)
    name = serializers.CharField(source="delivery.name", default="")
    kind = serializers.CharField(source="delivery.kind", default="")
    zone_name = serializers.CharField(source="delivery.zone_name", default="")
    days_min = serializers.IntegerField(source="delivery.days_min", default=None, allow_null=True)
    days_max = serializers.IntegerField(source="delivery.days_max", default=None, allow_null=True)
    pay_at_door_limit = serializers.DecimalField(
        source="delivery.pay_at_door_limit", max_digits=12, decimal_places=2, default=None, allow_null=True
    )
    pickup_point = serializers.DictField(source="delivery.pickup_point", default=None, allow_null=True)

    def get_is_available(self, checkout: Checkout) -> bool:
        return checkout.shipping_amount is not None


class CheckoutSerializer(serializers.Serializer[Checkout]):
    email = serializers.CharField()
    phone_number = serializers.CharField()
    shipping_address = serializers.DictField()
    note = serializers.CharField()
    buyer_pin = serializers.CharField()
    payment_method = serializers.ChoiceField(choices=["", *PaymentMethod.values])
    shipping_method = serializers.SerializerMethodField()

    @extend_schema_field(ChosenShippingSerializer(allow_null=True))
    def get_shipping_method(self, checkout: Checkout) -> dict[str, Any] | None:
        return dict(ChosenShippingSerializer(checkout).data) if checkout.method_id else None


class ConfirmSerializer(ContactSerializer):
    """What is sent here goes before what the earlier steps were told."""

    version = StrictIntegerField(
        required=False, min_value=1, help_text="Of the cart that the customer has seen. Another one is not ordered."
    )
    expected_total = expected_total_field()


class PlacedOrderSerializer(OrderSerializer):
    """``order_token`` is for guests: keep it, it opens the order and nothing else does. Null for signed-in users."""

    order_token = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = (*OrderSerializer.Meta.fields, "order_token")
        read_only_fields = fields

    def get_order_token(self, order: Order) -> str | None:
        return order_token(order.pk) if order.user_id is None else None
