"""The form of requests and answers about baskets."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from catalog.tax_kinds import TaxKind
from orders.models import Cart, CartItem
from orders.pricing.baskets import BasketLine, price_basket
from orders.selectors import price_of
from orders.serializers import OrderItemInputSerializer, quantity_field


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
    totals = price_basket(
        BasketLine(item.pk, item.quantity, price_of(item), TaxKind(item.variant.product.tax_kind)) for item in items
    )
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
