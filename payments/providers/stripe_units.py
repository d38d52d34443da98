"""How Stripe counts each currency. It is neither ISO 4217 nor PayPal, so it has a table of its own.

Source: Stripe documentation, Supported currencies.
"""

from decimal import ROUND_CEILING, Decimal

from ecommerce.currencies import ISO_4217
from payments.exceptions import AmountNotPayable

LARGEST = 99_999_999  # eight digits of the smallest unit

_EXPONENTS = dict.fromkeys(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"], 0
) | dict.fromkeys(["BHD", "JOD", "KWD", "OMR", "TND"], 3)
# What is charged must be a whole number of these: sent with two decimals that must be 00, or three that end in 0.
_STEPS = {"ISK": Decimal(1)}
# Stripe's own pages disagree whether these go with or without two zeros: a hundredfold charge is not worth it.
_DOUBTFUL = {"UGX"}


def exponent(currency: str) -> int:
    return _EXPONENTS.get(currency, 2)


def payable(amount: Decimal, currency: str) -> Decimal:
    """Round up to what Stripe charges in this currency.

    Raises:
        AmountNotPayable: the currency is unknown or doubtful, or the size is not one it takes.
    """
    if currency in _DOUBTFUL or currency not in ISO_4217 or not amount.is_finite():
        raise AmountNotPayable()
    step = _STEPS.get(currency, Decimal(1).scaleb(-min(exponent(currency), 2)))
    rounded = (amount / step).to_integral_value(ROUND_CEILING) * step
    if not 0 < to_units(rounded, currency) <= LARGEST:
        raise AmountNotPayable()
    return rounded


def to_units(amount: Decimal, currency: str) -> int:
    """Return an amount in the smallest unit: KES 1500.00 are 150000, JPY 1500 are 1500.

    Raises:
        AmountNotPayable: a part of a unit would be left over.
    """
    units = amount.scaleb(exponent(currency))
    if units != units.to_integral_value():
        raise AmountNotPayable()
    return int(units)


def from_units(units: object, currency: str) -> Decimal | None:
    """Return the amount of so many smallest units; None for what is no whole number."""
    if isinstance(units, bool) or not isinstance(units, int):
        return None
    return Decimal(units).scaleb(-exponent(currency))
