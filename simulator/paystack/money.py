"""Currencies in hundredths, their smallest payments, and the fees that a payment costs its merchant."""

from dataclasses import dataclass

DEFAULT_CURRENCY = "KES"


@dataclass(frozen=True)
class Tariff:
    """``minimum`` and ``flat`` are in hundredths, rates in hundredths of a percent."""

    minimum: int
    card_rate: int
    other_rate: int
    flat: int = 0


# Source for the minimums: Paystack documentation. The fees are close to its published prices, not exact.
TARIFFS = {
    "KES": Tariff(300, 290, 150),
    "NGN": Tariff(5000, 150, 150, 10_000),
    "GHS": Tariff(10, 195, 195),
    "ZAR": Tariff(100, 290, 200, 100),
    "XOF": Tariff(100, 320, 195),
    "USD": Tariff(200, 380, 380),
}


def fee_of(amount: int, currency: str, channel: str) -> int:
    """Return the fee in hundredths, rounded half up."""
    tariff = TARIFFS[currency]
    rate = tariff.card_rate if channel == "card" else tariff.other_rate
    return (amount * rate + 5_000) // 10_000 + tariff.flat


def major(hundredths: int) -> str:
    """Write an amount in major units, two places."""
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"
