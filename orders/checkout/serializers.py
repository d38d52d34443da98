"""The form of requests and answers about the checkout."""

from rest_framework import serializers

from ecommerce.fields import StrictIntegerField
from orders.links import order_token
from orders.models import Order
from orders.serializers import ContactSerializer, OrderSerializer


class ConfirmSerializer(ContactSerializer):
    """What is sent here goes before what the earlier steps were told."""

    version = StrictIntegerField(
        required=False, min_value=1, help_text="Of the cart that the customer has seen. Another one is not ordered."
    )


class PlacedOrderSerializer(OrderSerializer):
    """``order_token`` is for guests: keep it, it opens the order and nothing else does. Null for signed-in users."""

    order_token = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = (*OrderSerializer.Meta.fields, "order_token")
        read_only_fields = fields

    def get_order_token(self, order: Order) -> str | None:
        return order_token(order.pk) if order.user_id is None else None
