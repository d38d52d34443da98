"""Checking what a merchant sends, as strictly as Paystack documents it."""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from simulator.paystack.identifiers import new_code
from simulator.paystack.instruments import HOSTED_CHANNELS
from simulator.paystack.money import DEFAULT_CURRENCY, TARIFFS, major
from simulator.paystack.wire import Fields, invalid, missing

CHANNELS = (
    "card",
    "bank",
    "apple_pay",
    "ussd",
    "qr",
    "mobile_money",
    "bank_transfer",
    "eft",
    "capitec_pay",
    "payattitude",
)
LARGEST_AMOUNT = 10**12
LONGEST_TEXT = 255
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Start:
    """A payment that is to be started. ``amount`` is in hundredths."""

    email: str
    amount: int
    currency: str
    reference: str
    callback_url: str = ""
    channels: tuple[str, ...] = HOSTED_CHANNELS
    label: str = ""
    metadata: Any = ""
    direct: bool = False
    step: str = "hosted"
    channel: str = "card"
    details: Fields = field(default_factory=dict)

    @property
    def phone(self) -> str | None:
        phone: str | None = self.details.get("phone")
        return phone


def read_hosted(fields: Fields) -> Start:
    """Read ``POST /transaction/initialize``.

    Raises:
        PaystackError: names what is wrong first.
    """
    start = read_common(fields)
    callback_url = fields.get("callback_url") or ""
    if callback_url and not is_web_address(callback_url):
        raise invalid("Invalid callback URL", "Ensure that the callback URL is a full web address")
    channels = _channels(fields.get("channels"))
    return replace(start, callback_url=callback_url, channels=channels, label=text_of(fields, "label"))


def read_common(fields: Fields) -> Start:
    """Read what every start of a payment has: e-mail, amount, currency, reference, metadata.

    Raises:
        PaystackError: names what is wrong first.
    """
    email = fields.get("email")
    if email in (None, ""):
        raise missing("Email Address is required", "Provide the customer's email address")
    if (
        not isinstance(email, str)
        or len(email) > LONGEST_TEXT
        or not email.isprintable()
        or not _EMAIL.fullmatch(email)
    ):
        raise invalid("Invalid Email Address Passed", "Ensure that the email address is valid")
    currency = fields.get("currency") or DEFAULT_CURRENCY
    if not isinstance(currency, str) or currency.upper() not in TARIFFS:
        raise invalid("Currency not supported by merchant", "Use a currency that is enabled for your account")
    currency = currency.upper()
    amount = read_amount(fields.get("amount"))
    if amount < TARIFFS[currency].minimum:
        least = major(TARIFFS[currency].minimum)
        raise invalid("Invalid Amount Sent", f"Ensure that the amount is at least {currency} {least}")
    return Start(email, amount, currency, _reference(fields), metadata=_metadata(fields.get("metadata")))


def read_amount(value: Any, message: str = "Invalid Amount Sent") -> int:
    """Return a whole number of hundredths, given as a number or a digit string.

    Raises:
        PaystackError: it is neither.
    """
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_AMOUNT:
        raise invalid(message, "Ensure that the amount is a positive whole number in the subunit")
    return value


def _reference(fields: Fields) -> str:
    reference = fields.get("reference")
    if reference in (None, ""):
        return new_code(length=10)
    if not isinstance(reference, str) or not re.fullmatch(r"[A-Za-z0-9.=\-]{1,100}", reference):
        raise invalid("Invalid reference", "Use letters, digits, -, . and = only")
    return reference


def _metadata(value: Any) -> Any:
    if value in (None, ""):
        return ""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise invalid("Invalid metadata", "Send an object, or JSON in a string") from error
    if not isinstance(value, dict | list):
        raise invalid("Invalid metadata", "Send an object, or JSON in a string")
    return value


def _channels(value: Any) -> tuple[str, ...]:
    if value in (None, ""):
        return HOSTED_CHANNELS
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = [value]
    if not isinstance(value, list) or not value or any(entry not in CHANNELS for entry in value):
        raise invalid("Invalid channels", f"Use a list of: {', '.join(CHANNELS)}")
    return tuple(dict.fromkeys(value))


def text_of(fields: Fields, name: str, *, required: bool = False, longest: int = LONGEST_TEXT) -> str:
    """Return a field's text, empty when it is not there.

    Raises:
        PaystackError: it is missing, or no text.
    """
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value in (None, ""):
        if required:
            raise missing(f"{name} is required", f"Provide {name}")
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(f"Invalid {name} passed", f"Ensure that {name} is text")
    return value


def is_web_address(address: Any) -> bool:
    if not isinstance(address, str) or len(address) > 2000 or not re.fullmatch(r"[!-~]+", address):
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or a bracket that makes no sense
        return False
