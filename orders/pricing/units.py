"""What some of the units of a line are worth when they go back, one by one or together, in whole minor units.

By cumulative rounding: the first ``n`` units that go back are worth the n-th part of the line, rounded half up, and
those that follow are worth what the longer part is worth more. So whatever goes back in whatever steps, the parts add
up to the line exactly, and no unit is worth less than nothing.
"""

from dataclasses import dataclass
from fractions import Fraction

from orders.pricing.allocation import rounded


@dataclass(frozen=True)
class Worth:
    """``amount - discount`` was charged, with ``tax`` in it, or on top if prices are without."""

    amount: int
    discount: int
    tax: int
    prices_include_tax: bool = True

    @property
    def total(self) -> int:
        """What the customer has paid for it."""
        return self.amount - self.discount + (0 if self.prices_include_tax else self.tax)


@dataclass(frozen=True)
class ChargedLine:
    """What was charged for ``quantity`` units together."""

    quantity: int
    amount: int  # before the discount
    discount: int = 0
    tax: int = 0
    prices_include_tax: bool = True

    def __post_init__(self) -> None:
        if self.quantity < 0 or not 0 <= self.discount <= self.amount or self.tax < 0:
            raise ValueError("a line is charged no less than nothing")

    def worth_of(self, units: int, *, gone: int = 0) -> Worth:
        """Return what the next ``units`` are worth when ``gone`` of the line went back before.

        Raises:
            ValueError: the line has not so many.
        """
        if units < 0 or gone < 0 or gone + units > self.quantity:
            raise ValueError(f"{gone} and {units} more of {self.quantity} units")
        before, after = self._first(gone), self._first(gone + units)
        return Worth(
            amount=after.amount - before.amount,
            discount=after.discount - before.discount,
            tax=after.tax - before.tax,
            prices_include_tax=self.prices_include_tax,
        )

    def _first(self, units: int) -> Worth:
        amount, discount, tax = (self._share(whole, units) for whole in (self.amount, self.discount, self.tax))
        return Worth(amount, discount, tax, self.prices_include_tax)

    def _share(self, whole: int, units: int) -> int:
        return rounded(Fraction(whole * units, self.quantity)) if units else 0
