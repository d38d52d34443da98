"""What an edited order costs: by the function that prices carts and new orders, and then what staff took off."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ecommerce.money import ZERO
from orders.pricing.baskets import BasketLine, BasketTotals, Delivery, amount, hundredths, price_basket
from orders.pricing.promotions import AmountOff, Effect, Goods, Key, PercentOff, Promotion, Sums

_BY_HAND = "by hand"


@dataclass(frozen=True)
class DiscountInput:
    """A percentage or an amount, in the order's currency, off the goods, and why."""

    reason: str
    percent: Decimal | None = None
    amount: Decimal | None = None

    @property
    def effect(self) -> Effect:
        if self.percent is not None:
            return PercentOff(self.percent)
        return AmountOff(hundredths(self.amount or ZERO))


@dataclass(frozen=True)
class _Decided(Effect):
    """What the promotions have come to, whichever of them were best."""

    lines: Mapping[Key, int]
    shipping: int

    def on_goods(self, goods: Sequence[Goods], left: Mapping[Key, int]) -> Sums:
        return {one.key: self.lines[one.key] for one in goods}

    def on_shipping(self, left: int) -> int:
        return self.shipping


def price_edited(
    lines: Iterable[BasketLine],
    *,
    delivery: Delivery | None,
    promotions: Sequence[Promotion],
    by_hand: DiscountInput | None,
) -> tuple[BasketTotals, Decimal]:
    """Return the sums of an order, and how much of its discount was given by hand.

    That is taken off what the promotions have left of the goods, whether or not these combine with others.
    """
    lines = list(lines)
    totals = price_basket(lines, delivery=delivery, promotions=promotions)
    if by_hand is None:
        return totals, ZERO
    decided = _Decided(
        lines={key: hundredths(line.discount) for key, line in totals.lines.items()},
        shipping=hundredths(totals.shipping_discount),
    )
    both = price_basket(
        lines,
        delivery=delivery,
        promotions=[Promotion("promotions", decided), Promotion(_BY_HAND, by_hand.effect, order=1)],
    )
    off = sum(one.amount for one in both.applied if one.key == _BY_HAND)
    return replace(both, applied=totals.applied), amount(off).quantize(Decimal("0.01"))
