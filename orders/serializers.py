"""The form of requests and answers about baskets and orders."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.serializers import PhoneNumberField
from ecommerce.fields import StrictIntegerField
from orders.models import Cart, CartItem, Order, OrderEvent, OrderItem
from orders.pricing.baskets import price_basket
from orders.selectors import price_of


def quantity_field(**kwargs: Any) -> StrictIntegerField:
    return StrictIntegerField(min_value=1, max_value=settings.ORDER_MAX_QUANTITY, **kwargs)


class AddressSerializer(serializers.Serializer[Any]):
    """Where an order goes. Kenya needs no postal code: county, town, estate and a landmark find the door."""

    recipient = serializers.CharField(required=False, max_length=120)
    phone_number = PhoneNumberField(required=False)
    county = serializers.CharField(required=False, max_length=60)
    sub_county = serializers.CharField(required=False, max_length=60)
    town = serializers.CharField(required=False, max_length=80)
    estate = serializers.CharField(required=False, max_length=80)
    landmark = serializers.CharField(required=False, max_length=120)
    line1 = serializers.CharField(required=False, max_length=120)
    line2 = serializers.CharField(required=False, max_length=120)
    rider_note = serializers.CharField(required=False, max_length=200)
    country = serializers.RegexField(r"^[A-Z]{2}$", required=False, default="KE")
    postal_code = serializers.CharField(required=False, max_length=16)


class OrderItemInputSerializer(serializers.Serializer[Any]):
    """A line: a product with one variant by ``product_id``, any variant by ``variant_id``."""

    product_id = serializers.UUIDField(required=False)
    variant_id = serializers.UUIDField(required=False)
    quantity = quantity_field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("product_id") and not attrs.get("variant_id"):
            raise serializers.ValidationError({"product_id": ["Name a product_id or a variant_id."]}, code="required")
        return attrs


class ContactSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField(required=False, max_length=254)
    phone_number = PhoneNumberField(required=False)
    shipping_address = AddressSerializer(required=False)
    note = serializers.CharField(required=False, max_length=500, allow_blank=True)


class PlaceOrderSerializer(ContactSerializer):
    items = OrderItemInputSerializer(many=True, allow_empty=False, max_length=settings.ORDER_MAX_LINES)  # type: ignore[call-arg]


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
            "price",
            "line_total",
        )
        read_only_fields = fields

    def get_line_total(self, item: OrderItem) -> str:
        return str(item.price * item.quantity)


class OrderSerializer(serializers.ModelSerializer[Order]):
    items = OrderItemSerializer(many=True, read_only=True)

    class Meta:
        model = Order
        fields = (
            "id",
            "number",
            "user",
            "status",
            "currency",
            "subtotal",
            "discount",
            "shipping",
            "tax",
            "total_amount",
            "email",
            "phone_number",
            "shipping_address",
            "note",
            "items",
            "pay_on_delivery",
            "reserved_until",
            "paid_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class OrderEventSerializer(serializers.ModelSerializer[OrderEvent]):
    class Meta:
        model = OrderEvent
        fields = ("from_status", "to_status", "note", "created_at")
        read_only_fields = fields


class CartItemInputSerializer(OrderItemInputSerializer):
    quantity = quantity_field(default=1)


class CartItemChangeSerializer(serializers.Serializer[Any]):
    quantity = quantity_field()


class CartItemSerializer(serializers.Serializer[CartItem]):
    id = serializers.UUIDField()
    product_id = serializers.UUIDField(source="variant.product_id")
    variant_id = serializers.UUIDField()
    product_name = serializers.CharField(source="variant.product.product_name")
    url_key = serializers.CharField(source="variant.product.url_key")
    sku = serializers.CharField(source="variant.sku")
    options = serializers.DictField(source="variant.options", child=serializers.CharField())
    quantity = serializers.IntegerField()
    price = serializers.SerializerMethodField(help_text="Of one unit, for this customer and quantity. Decimal string.")
    price_when_added = serializers.DecimalField(source="price", max_digits=12, decimal_places=2)
    available = serializers.IntegerField(source="variant.stock_level.available")
    line_total = serializers.SerializerMethodField()

    def get_price(self, item: CartItem) -> str:
        return str(price_of(item))

    def get_line_total(self, item: CartItem) -> str:
        return str(price_of(item) * item.quantity)


class CartSerializer(serializers.Serializer[Any]):
    """A cart with live prices, stock and totals. ``id`` is null while nothing was ever put in."""

    id = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField()
    currency = serializers.CharField()
    items = CartItemSerializer(many=True)
    subtotal = serializers.DecimalField(max_digits=12, decimal_places=2)
    tax = serializers.DecimalField(max_digits=12, decimal_places=2)
    total_amount = serializers.DecimalField(max_digits=12, decimal_places=2)


def cart_view(cart: Cart | None, items: list[CartItem]) -> dict[str, Any]:
    """Return what ``CartSerializer`` shows of a cart and its lines, as ``selectors.cart_items`` has them."""
    totals = price_basket((item.pk, item.quantity, price_of(item)) for item in items)
    currency = items[0].variant.product.currency if items else settings.DEFAULT_CURRENCY
    return {
        "id": cart.pk if cart else None,
        "version": cart.version if cart else 0,
        "currency": currency,
        "items": items,
        "subtotal": totals.subtotal,
        "tax": totals.tax,
        "total_amount": totals.total,
    }
