"""Value-added tax on amounts that include it or do not."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from catalog.tax_kinds import TaxKind
from orders.pricing.allocation import rounded


@dataclass(frozen=True, order=True)
class TaxRate:
    """``rate`` is a part of the net amount: 0.16. What is zero-rated, exempt or outside VAT has none."""

    kind: TaxKind
    rate: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        free = self.kind in (TaxKind.ZERO_RATED, TaxKind.EXEMPT, TaxKind.OUTSIDE)
        if self.rate < 0 or (free and self.rate):
            raise ValueError(f"{self.rate} is no rate of {self.kind} goods")


def tax_of(amount: int, rate: TaxRate, *, included: bool) -> int:
    """Return the tax that ``amount`` minor units hold (``included``) or that comes on top of them."""
    exact = Fraction(rate.rate)
    return rounded(amount * exact / (1 + exact) if included else amount * exact)
