"""What a cart costs now. Reading a cart and quoting its shipping both ask here."""

from collections.abc import Iterable
from decimal import Decimal

from catalog.tax_kinds import TaxKind
from orders.cart_changes import is_for_sale
from orders.models import CartItem
from orders.pricing.baskets import BasketLine, BasketTotals, Delivery, price_basket
from orders.promotions.selectors import promotions_of
from orders.selectors import price_of


def totals_of(items: Iterable[CartItem], *, delivery: Delivery | None = None) -> BasketTotals:
    """Price the lines, as ``selectors.cart_items`` has them; what cannot be bought any more counts nothing."""
    for_sale = [item for item in items if is_for_sale(item.variant)]
    return price_basket(
        [
            BasketLine(item.pk, item.quantity, price_of(item), TaxKind(item.variant.product.tax_kind))
            for item in for_sale
        ],
        delivery=delivery,
        promotions=promotions_of(for_sale),
    )


def worth_of(totals: BasketTotals) -> Decimal:
    """Return what the goods cost after discount, without the shipping: thresholds of shipping are about that."""
    return totals.subtotal - (totals.discount - totals.shipping_discount)
