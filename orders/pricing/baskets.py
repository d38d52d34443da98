"""Pricing what carts and orders hold, at the shop's tax rate, in the amounts that their columns have."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from catalog.tax_kinds import TaxKind
from ecommerce.currencies import round_half_up
from orders.pricing.promotions import Goods, Key
from orders.pricing.taxes import TaxRate
from orders.pricing.totals import Line, totals_of

PLACES = 2  # of the columns, whatever the currency


@dataclass(frozen=True)
class BasketTotals:
    """In the basket's currency. Prices include tax: ``total = subtotal - discount + shipping``, with ``tax`` in it."""

    subtotal: Decimal
    discount: Decimal
    shipping: Decimal
    tax: Decimal
    total: Decimal


def price_basket(lines: Iterable[tuple[Key, int, Decimal]]) -> BasketTotals:
    """Compute the sums of a basket. A line is its key, how many units, and what one costs with tax."""
    rate = TaxRate(TaxKind.STANDARD, settings.VAT_RATE)
    totals = totals_of([Line(Goods(key, quantity, _hundredths(price)), rate) for key, quantity, price in lines])
    return BasketTotals(
        subtotal=_amount(totals.subtotal),
        discount=_amount(totals.discount + totals.shipping_discount),
        shipping=_amount(totals.shipping),
        tax=_amount(totals.tax),
        total=_amount(totals.total),
    )


def _hundredths(amount: Decimal) -> int:
    return int(round_half_up(amount, PLACES).scaleb(PLACES))


def _amount(hundredths: int) -> Decimal:
    return Decimal(hundredths).scaleb(-PLACES)
