"""What an order costs, from its lines to its total. Carts, checkout, orders and part-refunds all ask here.

Everything is whole minor units (cents). There is one rule of rounding: what is a part of a sum (a percentage, a tax)
is taken of the whole sum, exactly, rounded once, half up, and then parted among the lines by largest remainder. So
the parts add up to the whole, whatever the prices and rates are. Tax is taken once for each rate, on the goods and
the shipping of that rate together.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from orders.pricing.allocation import allocate
from orders.pricing.promotions import Applied, Goods, Key, Promotion, best_of
from orders.pricing.taxes import TaxRate, tax_of


@dataclass(frozen=True)
class Line:
    """A line of a basket; ``unit_price`` includes tax or not, as all of the basket's prices do."""

    goods: Goods
    tax: TaxRate


@dataclass(frozen=True)
class Shipping:
    amount: int
    tax: TaxRate


@dataclass(frozen=True)
class PricedLine:
    """``amount - discount`` is what it costs, and ``tax`` is in it or comes on top."""

    key: Key
    amount: int
    discount: int
    tax: int
    rate: TaxRate

    @property
    def total(self) -> int:
        return self.amount - self.discount


@dataclass(frozen=True)
class Totals:
    """The sums of a basket or order, in minor units.

    ``subtotal - discount + shipping - shipping_discount`` is the total, with ``tax`` on top if prices are without it.
    """

    lines: tuple[PricedLine, ...]
    subtotal: int
    discount: int
    shipping: int
    shipping_discount: int
    shipping_tax: int
    tax: int
    total: int
    prices_include_tax: bool
    taxes: dict[TaxRate, int] = field(default_factory=dict)  # by rate; sums up to ``tax``
    applied: tuple[Applied, ...] = ()  # what each promotion has taken off


def totals_of(
    lines: Sequence[Line],
    *,
    shipping: Shipping | None = None,
    promotions: Sequence[Promotion] = (),
    prices_include_tax: bool = True,
) -> Totals:
    """Compute everything that an order costs; see the module's text for the rules.

    Raises:
        ValueError: two lines have one key.
    """
    goods = [line.goods for line in lines]
    if len({one.key for one in goods}) != len(goods):
        raise ValueError("two lines have one key")
    charge = shipping.amount if shipping else 0
    applied = best_of(promotions, goods, charge)
    discounts = [sum(one.lines.get(key, 0) for one in applied) for key in (one.key for one in goods)]
    shipping_discount = sum(one.shipping for one in applied)
    charged = [one.amount - discount for one, discount in zip(goods, discounts, strict=True)]
    rates = [line.tax for line in lines]
    if shipping:
        charged.append(charge - shipping_discount)
        rates.append(shipping.tax)
    taxes, parts = _taxes(charged, rates, included=prices_include_tax)
    tax = sum(taxes.values())
    subtotal, discount = sum(one.amount for one in goods), sum(discounts)
    return Totals(
        lines=tuple(
            PricedLine(one.key, one.amount, off, part, rate)
            for one, off, part, rate in zip(goods, discounts, parts, rates, strict=False)  # shipping has no line
        ),
        subtotal=subtotal,
        discount=discount,
        shipping=charge,
        shipping_discount=shipping_discount,
        shipping_tax=parts[-1] if shipping else 0,
        tax=tax,
        total=sum(charged) + (0 if prices_include_tax else tax),
        prices_include_tax=prices_include_tax,
        taxes=taxes,
        applied=tuple(applied),
    )


def _taxes(charged: Sequence[int], rates: Sequence[TaxRate], *, included: bool) -> tuple[dict[TaxRate, int], list[int]]:
    """Return the tax of each rate, and each amount's part of it."""
    by_rate: defaultdict[TaxRate, list[int]] = defaultdict(list)
    for index, rate in enumerate(rates):
        by_rate[rate].append(index)
    taxes: dict[TaxRate, int] = {}
    parts = [0] * len(charged)
    for rate, indexes in by_rate.items():
        taxes[rate] = tax_of(sum(charged[index] for index in indexes), rate, included=included)
        shares = allocate(taxes[rate], [charged[index] for index in indexes])
        for index, share in zip(indexes, shares, strict=True):
            parts[index] = share
    return taxes, parts
