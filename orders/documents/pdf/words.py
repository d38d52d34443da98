"""How amounts, rates and times are printed."""

from datetime import datetime
from decimal import Decimal

from orders.documents.numbering import NAIROBI

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_METHODS = {"mpesa": "M-PESA", "paypal": "PayPal", "manual": "hand"}


def figures(amount: str) -> str:
    """Return an amount without its currency: ``1,234.50``."""
    return f"{Decimal(amount):,.2f}"


def percent(rate: str) -> str:
    """Return a rate such as ``0.1600`` as ``16 %``."""
    return f"{(Decimal(rate) * 100).normalize():f} %"


def day(at: str) -> str:
    """Return the day in Nairobi of a time in ISO 8601: ``21 Nov 2026``."""
    there = datetime.fromisoformat(at).astimezone(NAIROBI)
    return f"{there.day} {_MONTHS[there.month - 1]} {there.year}"


def moment(at: str) -> str:
    there = datetime.fromisoformat(at).astimezone(NAIROBI)
    return f"{day(at)}, {there:%H:%M}"


def method(name: str) -> str:
    return _METHODS.get(name, name.replace("_", " ").capitalize())
