"""The form of requests and answers about baskets."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.cart_changes import Change, Code, awaited_units, changes_of, units_left
from orders.cart_totals import totals_of
from orders.checkout.models import checkout_of
from orders.checkout.serializers import CheckoutSerializer
from orders.models import Cart, CartItem
from orders.pricing.baskets import amount
from orders.promotions.selectors import names_in
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
    available = serializers.SerializerMethodField(help_text="Units that are here.")
    awaited_quantity = serializers.SerializerMethodField(help_text="Units of the line that come later.")
    available_from = serializers.SerializerMethodField(help_text="When these are expected; null if nobody knows.")
    line_total = serializers.SerializerMethodField()

    def get_price(self, item: CartItem) -> str:
        return str(price_of(item))

    def get_available(self, item: CartItem) -> int:
        return item.variant.stock_level.units_here if units_left(item.variant) is not None else 0

    def get_awaited_quantity(self, item: CartItem) -> int:
        return awaited_units(item.variant, item.quantity)

    @extend_schema_field(serializers.DateField(allow_null=True))
    def get_available_from(self, item: CartItem) -> date | None:
        return item.variant.stock_level.available_from if self.get_awaited_quantity(item) else None

    def get_line_total(self, item: CartItem) -> str:
        return str(price_of(item) * item.quantity)


class CartChangeSerializer(serializers.Serializer[Change]):
    """What is not as the customer put it into the cart.

    `price_changed`, `insufficient_stock` and `unavailable` are told until the line is changed or taken out;
    `quantity_reduced` and `left_out` once, in the answer of the request that folded two carts into one. `from` and
    `to` are prices (decimal strings) or numbers of units (whole numbers); `item` is null if no line is left.
    """

    code = serializers.ChoiceField(choices=Code.choices)
    item = serializers.UUIDField(source="item_id", allow_null=True)
    product_id = serializers.UUIDField(source="variant.product_id")
    variant_id = serializers.UUIDField(source="variant.pk")
    product_name = serializers.CharField(source="variant.product.product_name")

    def get_fields(self) -> dict[str, Any]:
        # ``from`` is a word of Python, so the class cannot declare it.
        return super().get_fields() | {
            "from": serializers.CharField(source="before"),
            "to": serializers.CharField(source="after"),
        }


class CartPromotionSerializer(serializers.Serializer[Any]):
    """What one promotion takes off, of the goods and the shipping together."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    code = serializers.CharField(help_text="The code that opened it; empty for one that needs none.")
    amount = serializers.DecimalField(max_digits=12, decimal_places=2)


class CartSerializer(serializers.Serializer[Any]):
    """A cart with live prices, stock and totals. ``id`` is null while nothing was ever put in.

    What cannot be bought any more counts nothing in the totals.
    """

    id = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField()
    currency = serializers.CharField()
    items = CartItemSerializer(many=True)
    changes = CartChangeSerializer(many=True)
    checkout = CheckoutSerializer(allow_null=True, help_text="What the steps of the checkout were told.")
    codes = serializers.ListField(
        child=serializers.CharField(), help_text="Coupon codes that were entered, also those that take nothing off now."
    )
    promotions = CartPromotionSerializer(many=True)
    subtotal = serializers.DecimalField(max_digits=12, decimal_places=2)
    discount = serializers.DecimalField(max_digits=12, decimal_places=2)
    shipping = serializers.DecimalField(
        max_digits=12, decimal_places=2, help_text="By the method that was chosen; 0.00 before that."
    )
    tax = serializers.DecimalField(max_digits=12, decimal_places=2)
    total_amount = serializers.DecimalField(max_digits=12, decimal_places=2)


def cart_view(cart: Cart | None, items: list[CartItem], told_once: Sequence[Change] = ()) -> dict[str, Any]:
    """Return what ``CartSerializer`` shows of a cart and its lines, as ``selectors.cart_items`` has them."""
    checkout = checkout_of(cart)
    totals = totals_of(items, delivery=checkout.shown_delivery if checkout and items else None)
    names = names_in(item.promotions for item in items)  # type: ignore[attr-defined]
    currency = items[0].variant.product.currency if items else settings.DEFAULT_CURRENCY
    return {
        "id": cart.pk if cart else None,
        "version": cart.version if cart else 0,
        "currency": currency,
        "items": items,
        "changes": [*told_once, *changes_of(items)],
        "checkout": checkout,
        "codes": items[0].codes if items else [],  # type: ignore[attr-defined]
        "promotions": [
            {"id": one.key, "name": names[one.key][0], "code": names[one.key][1], "amount": amount(one.amount)}
            for one in totals.applied
        ],
        "subtotal": totals.subtotal,
        "discount": totals.discount,
        "shipping": totals.shipping,
        "tax": totals.tax,
        "total_amount": totals.total,
    }
