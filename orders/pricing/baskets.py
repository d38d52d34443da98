"""Pricing what carts and orders hold, at the shop's tax rates, in the amounts that their columns have."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings

from catalog.tax_kinds import TaxKind
from ecommerce.currencies import round_half_up
from orders.pricing.promotions import Applied, Goods, Key, Promotion
from orders.pricing.taxes import TaxRate
from orders.pricing.totals import Line, Shipping, totals_of

PLACES = 2  # of the columns, whatever the currency


class BasketLine(NamedTuple):
    """So many units, at what one of them costs."""

    key: Key
    quantity: int
    price: Decimal
    tax_kind: TaxKind = TaxKind.STANDARD


@dataclass(frozen=True)
class Delivery:
    """What bringing it costs before any promotion, how that is taxed, and how it was chosen (``Order.delivery``)."""

    amount: Decimal
    tax_kind: TaxKind = TaxKind.STANDARD
    snapshot: dict[str, object] | None = None


@dataclass(frozen=True)
class LineTotals:
    """Of all units of a line: what is taken off, and the tax that is in it or comes on top."""

    discount: Decimal
    tax: Decimal
    rate: TaxRate


@dataclass(frozen=True)
class BasketTotals:
    """In the basket's currency. ``total = subtotal - discount + shipping``, with ``tax`` in it or on top of it.

    ``discount`` has the ``shipping_discount`` in it, and ``tax`` the ``shipping_tax``.
    """

    subtotal: Decimal
    discount: Decimal
    shipping: Decimal
    tax: Decimal
    total: Decimal
    shipping_discount: Decimal
    shipping_tax: Decimal
    prices_include_tax: bool
    lines: dict[Key, LineTotals]
    applied: tuple[Applied, ...]  # what each promotion has taken off, in hundredths


def price_basket(
    lines: Iterable[BasketLine], *, delivery: Delivery | None = None, promotions: Sequence[Promotion] = ()
) -> BasketTotals:
    """Compute the sums of a basket, and each line's share of discounts and tax."""
    totals = totals_of(
        [Line(Goods(line.key, line.quantity, hundredths(line.price)), tax_rate(line.tax_kind)) for line in lines],
        shipping=Shipping(hundredths(delivery.amount), tax_rate(delivery.tax_kind)) if delivery else None,
        promotions=promotions,
        prices_include_tax=settings.PRICES_INCLUDE_TAX,
    )
    return BasketTotals(
        subtotal=amount(totals.subtotal),
        discount=amount(totals.discount + totals.shipping_discount),
        shipping=amount(totals.shipping),
        tax=amount(totals.tax),
        total=amount(totals.total),
        shipping_discount=amount(totals.shipping_discount),
        shipping_tax=amount(totals.shipping_tax),
        prices_include_tax=totals.prices_include_tax,
        lines={line.key: LineTotals(amount(line.discount), amount(line.tax), line.rate) for line in totals.lines},
        applied=totals.applied,
    )


def tax_rate(kind: TaxKind) -> TaxRate:
    """Return what goods of this kind are taxed at today."""
    rates = {TaxKind.STANDARD: settings.VAT_RATE, TaxKind.REDUCED: settings.VAT_REDUCED_RATE}
    return TaxRate(kind, rates.get(kind, Decimal(0)))


def hundredths(value: Decimal) -> int:
    """Return an amount of a column as whole hundredths, rounded half up."""
    return int(round_half_up(value, PLACES).scaleb(PLACES))


def amount(value: int) -> Decimal:
    """Return whole hundredths as an amount of a column."""
    return Decimal(value).scaleb(-PLACES)
