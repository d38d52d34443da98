"""Value-added tax on amounts that include it or do not.

The kinds are those that the Kenya Revenue Authority tells apart. Source: VAT Act 2013, sections 5 and 7, First and
Second Schedule.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from orders.pricing.allocation import rounded


class TaxKind(StrEnum):
    STANDARD = "standard"
    REDUCED = "reduced"
    ZERO_RATED = "zero_rated"  # taxed, at nothing: input tax is still given back
    EXEMPT = "exempt"  # not taxed at all


@dataclass(frozen=True, order=True)
class TaxRate:
    """``rate`` is a part of the net amount: 0.16. Zero-rated and exempt goods have none."""

    kind: TaxKind
    rate: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        free = self.kind in (TaxKind.ZERO_RATED, TaxKind.EXEMPT)
        if self.rate < 0 or (free and self.rate):
            raise ValueError(f"{self.rate} is no rate of {self.kind} goods")


def tax_of(amount: int, rate: TaxRate, *, included: bool) -> int:
    """Return the tax that ``amount`` minor units hold (``included``) or that comes on top of them."""
    exact = Fraction(rate.rate)
    return rounded(amount * exact / (1 + exact) if included else amount * exact)
