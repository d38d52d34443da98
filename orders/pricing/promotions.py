"""What promotions and coupons take off, and which of them go together.

A promotion is tried on what those before it have left. Those that combine are tried together, by ``order``; one that
does not is tried alone. The customer gets whichever takes off most; of equals, the one that needs fewer promotions.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import islice

from orders.pricing.allocation import allocate, rounded

Key = Hashable
Sums = dict[Key, int]  # minor units by line


@dataclass(frozen=True)
class Goods:
    """Units of one thing, at a price of so many minor units each."""

    key: Key
    quantity: int
    unit_price: int

    def __post_init__(self) -> None:
        if self.quantity < 1 or self.unit_price < 0:
            raise ValueError("goods are one unit at least, at no negative price")

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_price


class Effect(ABC):
    """What a promotion does to the goods that it is for, given what is ``left`` of each line's amount."""

    @abstractmethod
    def on_goods(self, goods: Sequence[Goods], left: Mapping[Key, int]) -> Sums:
        """Return what it takes off each line: never more than is left."""

    def on_shipping(self, left: int) -> int:
        """Return what it takes off the shipping charge."""
        return 0


@dataclass(frozen=True)
class PercentOff(Effect):
    """``percent`` of the goods, rounded once for all of them together."""

    percent: Decimal

    def __post_init__(self) -> None:
        _check_percent(self.percent)

    def on_goods(self, goods: Sequence[Goods], left: Mapping[Key, int]) -> Sums:
        base = [left[one.key] for one in goods]
        return _parted(rounded(sum(base) * Fraction(self.percent) / 100), goods, base)


@dataclass(frozen=True)
class AmountOff(Effect):
    """So many minor units off the goods together; never more than they cost."""

    amount: int

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ValueError("a discount is not negative")

    def on_goods(self, goods: Sequence[Goods], left: Mapping[Key, int]) -> Sums:
        base = [left[one.key] for one in goods]
        return _parted(min(self.amount, sum(base)), goods, base)


@dataclass(frozen=True)
class BuyGet(Effect):
    """Of every ``buy + get`` units the ``get`` cheapest are ``percent`` cheaper, at most ``times`` times."""

    buy: int
    get: int
    percent: Decimal = Decimal(100)
    times: int | None = None

    def __post_init__(self) -> None:
        _check_percent(self.percent)
        if self.buy < 1 or self.get < 1 or (self.times is not None and self.times < 1):
            raise ValueError("something is bought and something is given, once at least")

    def on_goods(self, goods: Sequence[Goods], left: Mapping[Key, int]) -> Sums:
        # The dearest first: each group gives its own cheapest away, as a customer who pays group by group would do.
        units = [one for one in sorted(goods, key=lambda one: -one.unit_price) for _ in range(one.quantity)]
        size = self.buy + self.get
        groups = [units[start : start + size] for start in range(0, len(units) - size + 1, size)]
        given: Sums = {}
        for group in islice(groups, self.times):
            for one in group[self.buy :]:
                given[one.key] = given.get(one.key, 0) + one.unit_price
        base = [min(given.get(one.key, 0), left[one.key]) for one in goods]
        return _parted(rounded(sum(base) * Fraction(self.percent) / 100), goods, base)


@dataclass(frozen=True)
class FreeShipping(Effect):
    """No charge for shipping, or ``most`` minor units less."""

    most: int | None = None

    def on_goods(self, goods: Sequence[Goods], left: Mapping[Key, int]) -> Sums:
        return {}

    def on_shipping(self, left: int) -> int:
        return left if self.most is None else min(self.most, left)


@dataclass(frozen=True)
class Promotion:
    """An effect, what it is for, and what it needs.

    ``lines`` are the keys of the goods that it is for; None means all. It needs ``minimum`` minor units (before any
    discount) and ``minimum_quantity`` units of them.
    """

    key: Key
    effect: Effect
    lines: Collection[Key] | None = None
    minimum: int = 0
    minimum_quantity: int = 1
    combines: bool = True
    order: int = 0

    def its(self, goods: Sequence[Goods]) -> list[Goods]:
        """Return the goods that it is for, none if they do not suffice."""
        own = [one for one in goods if self.lines is None or one.key in self.lines]
        enough = sum(one.amount for one in own) >= self.minimum
        return own if enough and sum(one.quantity for one in own) >= self.minimum_quantity else []


@dataclass(frozen=True)
class Applied:
    """What one promotion has taken off, by line and off the shipping charge, in minor units."""

    key: Key
    lines: Sums = field(default_factory=dict)
    shipping: int = 0

    @property
    def amount(self) -> int:
        return sum(self.lines.values()) + self.shipping


def best_of(promotions: Sequence[Promotion], goods: Sequence[Goods], shipping: int) -> list[Applied]:
    """Return what the promotions take off that are best for the customer; see the module's text.

    Promotions that take nothing off are left out.
    """
    together = sorted((one for one in promotions if one.combines), key=lambda one: one.order)
    choices = [together, *([one] for one in promotions if not one.combines)]
    outcomes = [_apply(choice, goods, shipping) for choice in choices]
    return max(outcomes, key=lambda applied: (sum(one.amount for one in applied), -len(applied)))


def _apply(promotions: Sequence[Promotion], goods: Sequence[Goods], shipping: int) -> list[Applied]:
    left: Sums = {one.key: one.amount for one in goods}
    applied: list[Applied] = []
    for promotion in promotions:
        own = promotion.its(goods)
        if not own:
            continue
        one = Applied(
            promotion.key,
            {key: off for key, off in promotion.effect.on_goods(own, left).items() if off},
            promotion.effect.on_shipping(shipping),
        )
        for key, off in one.lines.items():
            left[key] -= off
        shipping -= one.shipping
        if one.amount:
            applied.append(one)
    return applied


def _parted(amount: int, goods: Sequence[Goods], base: Sequence[int]) -> Sums:
    return {one.key: part for one, part in zip(goods, allocate(amount, base), strict=True)}


def _check_percent(percent: Decimal) -> None:
    if not 0 <= percent <= 100:
        raise ValueError(f"{percent} is no percentage of a price")
