"""Reading and writing values as M-Pesa has them."""

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from payments.exceptions import UnreadableEvent
from payments.providers.values import decimal, text

NAIROBI = ZoneInfo("Africa/Nairobi")
CURRENCY = "KES"  # M-Pesa in Kenya knows no other

_RECEIPT = re.compile(r"[A-Z0-9]{8,12}")
_MSISDN = re.compile(r"254[17][0-9]{8}")
# Sent text: what has been seen to make requests fail silently is left out.
_UNSAFE_TEXT = re.compile(r"[^A-Za-z0-9 -]")
_BASIC_AMOUNT = re.compile(r"\bBasicAmount=([0-9.]+)")
_TIME_FORMS = ("%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S")


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that Safaricom posted.

    Raises:
        UnreadableEvent: it is none.
    """
    try:
        value = json.loads(body.decode("utf-8", "replace"), parse_float=Decimal)
    except (ValueError, RecursionError):
        raise UnreadableEvent("not JSON") from None
    if not isinstance(value, dict):
        raise UnreadableEvent("not a JSON object")
    return value


def receipt(value: Any) -> str:
    """Return a receipt number, empty for what cannot be one."""
    number = text(value).strip().upper()
    return number if _RECEIPT.fullmatch(number) else ""


def nairobi_time(value: Any) -> datetime | None:
    """Return a moment written ``20261121104531`` (also as a number) or ``21.11.2026 10:45:31``, Nairobi time."""
    for form in _TIME_FORMS:
        try:
            return datetime.strptime(text(value).strip(), form).replace(tzinfo=NAIROBI)
        except ValueError:
            continue
    return None


def amount(value: Any) -> Decimal | None:
    """Return an amount, also one inside ``{Amount={CurrencyCode=KES, MinimumAmount=618683, BasicAmount=6186.83}}``."""
    hidden = _BASIC_AMOUNT.search(value) if isinstance(value, str) else None
    return decimal(hidden[1] if hidden else value)


def wire_msisdn(phone_number: str) -> str:
    """Return an E.164 number as twelve digits, empty when it is no Kenyan mobile number."""
    digits = phone_number.removeprefix("+")
    return digits if _MSISDN.fullmatch(digits) else ""


def clean(value: str, most: int) -> str:
    return _UNSAFE_TEXT.sub("", value)[:most].strip()
