"""Amounts: whole hundredths inside, birr and dollars on the wire, and the fee that a payment costs its merchant."""

import re
from typing import Any

CURRENCIES = ("ETB", "USD")
LARGEST_AMOUNT = 10**11
# In hundredths of a percent. Close to Chapa's published price, not exact.
_FEE_RATE = 300


def read_major(value: Any) -> int | None:
    """Return the hundredths of an amount in major units, text or number; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = re.fullmatch(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?", str(value).strip())
    if match is None:
        return None
    hundredths = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    return hundredths if 0 < hundredths <= LARGEST_AMOUNT else None


def text(hundredths: int) -> str:
    """Write an amount in major units, two places."""
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def number(hundredths: int) -> int | float:
    """Return an amount in major units as JSON numbers have it: 400, 400.5."""
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100


def fee_of(hundredths: int) -> int:
    """Return the fee in hundredths, rounded half up."""
    return (hundredths * _FEE_RATE + 5_000) // 10_000
