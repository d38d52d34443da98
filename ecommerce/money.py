"""Money: decimals with two places, rounded once, half up, here."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def round_money(amount: Decimal) -> Decimal:
    """Round to two places, half up. For the one place where a rate is applied."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def whole_units(amount: Decimal) -> Decimal:
    """Round up to whole units of the currency, for providers that take no cents."""
    return amount.to_integral_value(rounding="ROUND_CEILING")


def format_money(amount: Decimal, currency: str) -> str:
    """Return the form for people: ``KES 1,500.00``."""
    return f"{currency} {amount:,.2f}"
