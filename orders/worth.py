"""What units of an order were worth, and what an unpaid order costs without some, from the rows' kept prices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db.models import Sum

from catalog.tax_kinds import TaxKind
from ecommerce.currencies import find_currency, round_half_up
from ecommerce.money import ZERO
from orders.models import Order, OrderItem
from orders.pricing.promotions import Effect, Goods, Key, Promotion, Sums
from orders.pricing.taxes import TaxRate
from orders.pricing.totals import Line, Shipping, totals_of
from orders.pricing.units import ChargedLine

PLACES = 2  # of the columns


@dataclass(frozen=True)
class UnitsWorth:
    """What the customer has paid for some units, and the tax in it or on top; in the order's currency."""

    amount: Decimal
    tax: Decimal


@dataclass(frozen=True)
class KeptDiscounts(Effect):
    """What was promised off each line and off the shipping, as it was promised."""

    lines: Mapping[Key, int]
    shipping: int

    def on_goods(self, goods: Iterable[Goods], left: Mapping[Key, int]) -> Sums:
        return {one.key: min(self.lines[one.key], left[one.key]) for one in goods}

    def on_shipping(self, left: int) -> int:
        return min(self.shipping, left)


def worth_of_units(order: Order, item: OrderItem, units: int) -> UnitsWorth:
    """Return what the next ``units`` of a charged line are worth, after those that are cancelled or came back.

    Exact to the smallest unit of the order's currency only while the order is locked.
    """
    places = min(PLACES, find_currency(order.currency).exponent)
    line = _charged(order, item, places)
    gone = item.cancelled_quantity - item.uncharged_quantity + item.returned_quantity
    worth = line.worth_of(units, gone=gone)
    return UnitsWorth(amount=_amount(worth.total, places), tax=_amount(worth.tax, places))


def reprice(order: Order, items: Iterable[OrderItem], dropped: Mapping[OrderItem, int]) -> None:
    """Compute a locked, unpaid order's sums without the ``dropped`` units, and write them and its lines.

    Prices and the shipping charge stay; of a line's discount goes what its dropped units had of it. Tax is computed
    anew. ``uncharged_quantity`` is raised, ``cancelled_quantity`` must have been.
    """
    items = list(items)
    for item in items:
        if units := dropped.get(item, 0):
            line = _charged(order, item, PLACES)
            item.discount -= _amount(line.worth_of(units).discount, PLACES)
            item.uncharged_quantity += units
    kept = [item for item in items if item.charged_quantity]
    shipping = Shipping(_units(order.shipping, PLACES), _shipping_rate(order, items)) if order.shipping else None
    discounts = KeptDiscounts(
        lines={item.pk: _units(item.discount, PLACES) for item in kept},
        shipping=_units(order.shipping_discount, PLACES),
    )
    totals = totals_of(
        [
            Line(
                Goods(item.pk, item.charged_quantity, _units(item.price, PLACES)),
                TaxRate(TaxKind(item.tax_kind), item.tax_rate),
            )
            for item in kept
        ],
        shipping=shipping,
        promotions=[Promotion("kept", discounts)],
        prices_include_tax=order.prices_include_tax,
    )
    taxes = {line.key: line.tax for line in totals.lines}
    for item in items:
        item.tax = _amount(taxes.get(item.pk, 0), PLACES)
    OrderItem.objects.bulk_update(items, ["discount", "tax", "uncharged_quantity"])
    order.subtotal = _amount(totals.subtotal, PLACES)
    order.discount = _amount(totals.discount + totals.shipping_discount, PLACES)
    order.shipping_tax = _amount(totals.shipping_tax, PLACES)
    order.tax = _amount(totals.tax, PLACES)
    order.total_amount = _amount(totals.total, PLACES)
    order.save(update_fields=["subtotal", "discount", "shipping_tax", "tax", "total_amount", "updated_at"])


def _charged(order: Order, item: OrderItem, places: int) -> ChargedLine:
    if item.discount == item.price * item.charged_quantity:
        # It costs nothing: perhaps it was given for other goods, and is worth what they were.
        given = item.exchanged_for.aggregate(amount=Sum("amount"), tax=Sum("tax"))
        if given["amount"] is not None:
            return ChargedLine(item.quantity, _units(given["amount"], places), tax=_units(given["tax"], places))
    return ChargedLine(
        quantity=item.charged_quantity,
        amount=_units(item.price * item.charged_quantity, places),
        discount=_units(item.discount, places),
        tax=_units(item.tax, places),
        prices_include_tax=order.prices_include_tax,
    )


def _shipping_rate(order: Order, items: Iterable[OrderItem]) -> TaxRate:
    """Return the rate of the shipping charge, of which the order keeps only the tax: none, or the standard one."""
    if order.shipping_tax == ZERO:
        return TaxRate(TaxKind.EXEMPT)
    rates = [item.tax_rate for item in items if item.tax_kind == TaxKind.STANDARD and item.tax_rate]
    return TaxRate(TaxKind.STANDARD, rates[0] if rates else settings.VAT_RATE)


def _units(amount: Decimal, places: int) -> int:
    return int(round_half_up(amount, places).scaleb(places))


def _amount(units: int, places: int) -> Decimal:
    return Decimal(units).scaleb(-places).quantize(Decimal("0.01"))
