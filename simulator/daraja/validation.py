"""Checking what a merchant sends, field by field, as strictly as Safaricom documents it."""

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from simulator.daraja.wire import Refusal, bad_field
from simulator.msisdn import WIRE_MSISDN
from simulator.settings import DarajaSettings

PAY_BILL = "CustomerPayBillOnline"
BUY_GOODS = "CustomerBuyGoodsOnline"
REFERENCE_LENGTH = 12
DESCRIPTION_LENGTH = 13
# Safaricom names no limit; real addresses with a token stay far below this one.
CALLBACK_URL_LENGTH = 255


@dataclass(frozen=True)
class PushRequest:
    shortcode: str
    transaction_type: str
    amount: int  # whole shillings
    msisdn: str
    party_b: str
    callback_url: str
    reference: str
    description: str


def read_push(body: dict[str, Any], settings: DarajaSettings) -> PushRequest:
    """Read an STK push.

    Raises:
        Refusal: names the first field that is wrong; then an unknown shortcode; then a wrong password.
    """
    shortcode = _digits(body, "BusinessShortCode", r"[0-9]{5,7}")
    timestamp = _timestamp(body)
    if body.get("TransactionType") not in (PAY_BILL, BUY_GOODS):
        raise bad_field("TransactionType")
    amount = int(_digits(body, "Amount", r"[0-9]{1,12}"))
    if amount < 1:
        raise bad_field("Amount")
    _digits(body, "PartyA", WIRE_MSISDN.pattern)
    party_b = _digits(body, "PartyB", r"[0-9]{5,7}")
    msisdn = _digits(body, "PhoneNumber", WIRE_MSISDN.pattern)
    callback_url = body.get("CallBackURL")
    if not isinstance(callback_url, str) or not _is_callback_url(callback_url):
        raise bad_field("CallBackURL")
    reference = _text(body, "AccountReference", REFERENCE_LENGTH)
    description = _text(body, "TransactionDesc", DESCRIPTION_LENGTH, optional=True)
    check_merchant(body, shortcode, timestamp, settings)
    return PushRequest(
        shortcode=shortcode,
        transaction_type=body["TransactionType"],
        amount=amount,
        msisdn=msisdn,
        party_b=party_b,
        callback_url=callback_url,
        reference=reference,
        description=description,
    )


def read_query(body: dict[str, Any], settings: DarajaSettings) -> str:
    """Return the CheckoutRequestID that a query asks for.

    Raises:
        Refusal: as for a push.
    """
    shortcode = _digits(body, "BusinessShortCode", r"[0-9]{5,7}")
    timestamp = _timestamp(body)
    checkout_request_id = body.get("CheckoutRequestID")
    if not isinstance(checkout_request_id, str) or not re.fullmatch(r"ws_CO_[0-9]{20,32}", checkout_request_id):
        raise bad_field("CheckoutRequestID")
    check_merchant(body, shortcode, timestamp, settings)
    return checkout_request_id


def check_merchant(body: dict[str, Any], shortcode: str, timestamp: str, settings: DarajaSettings) -> None:
    password = body.get("Password")
    if not isinstance(password, str) or not password:
        raise bad_field("Password")
    if shortcode != settings.shortcode:
        raise Refusal(500, "500.001.1001", "Merchant does not exist")
    right = base64.b64encode(f"{shortcode}{settings.passkey}{timestamp}".encode()).decode()
    if password != right:
        raise Refusal(500, "500.001.1001", "Wrong credentials")


def _digits(body: dict[str, Any], name: str, pattern: str) -> str:
    """Return a number or a numeric string as text; numbers with a fraction, true and false are neither."""
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise bad_field(name)
    return value


def _timestamp(body: dict[str, Any]) -> str:
    value = body.get("Timestamp")
    if isinstance(value, str) and re.fullmatch(r"[0-9]{14}", value):
        try:
            datetime.strptime(value, "%Y%m%d%H%M%S")
        except ValueError:
            pass
        else:
            return value
    raise bad_field("Timestamp")


def _text(body: dict[str, Any], name: str, longest: int, *, optional: bool = False) -> str:
    value = body.get(name)
    if optional and value in (None, ""):
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > longest or not value.isprintable():
        raise bad_field(name)
    return value


def _is_callback_url(url: str) -> bool:
    if len(url) > CALLBACK_URL_LENGTH or not re.fullmatch(r"[!-~]+", url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or a bracket that makes no sense
        return False
