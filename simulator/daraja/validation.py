"""Checking an STK push and an STK query, field by field, as strictly as Safaricom documents them."""

import base64
import re
from dataclasses import dataclass
from typing import Any

from simulator.daraja.fields import SHORTCODE, read_amount, read_digits, read_text, read_timestamp, read_url
from simulator.daraja.wire import Refusal, bad_field
from simulator.msisdn import WIRE_MSISDN
from simulator.settings import DarajaSettings

PAY_BILL = "CustomerPayBillOnline"
BUY_GOODS = "CustomerBuyGoodsOnline"
REFERENCE_LENGTH = 12
LENIENT_LENGTH = 182  # no prompt could show more; the real gateway is said to let longer texts pass


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
    shortcode = read_digits(body, "BusinessShortCode", SHORTCODE)
    timestamp = read_timestamp(body)
    transaction_type = _transaction_type(body)
    amount = read_amount(body)
    read_digits(body, "PartyA", WIRE_MSISDN.pattern)
    party_b = read_digits(body, "PartyB", SHORTCODE)
    msisdn = read_digits(body, "PhoneNumber", WIRE_MSISDN.pattern)
    callback_url = read_url(body, "CallBackURL")
    reference = read_text(body, "AccountReference", REFERENCE_LENGTH if settings.strict_lengths else LENIENT_LENGTH)
    # Documented with 13 characters; common client libraries send some 20 of their own, and are served.
    description = read_text(body, "TransactionDesc", LENIENT_LENGTH, optional=True)
    check_merchant(body, shortcode, timestamp, settings)
    return PushRequest(
        shortcode=shortcode,
        transaction_type=transaction_type,
        amount=amount,
        msisdn=msisdn,
        party_b=party_b,
        callback_url=callback_url,
        reference=reference,
        description=description,
    )


def _transaction_type(body: dict[str, Any]) -> str:
    value = body.get("TransactionType")
    # One client library has a blank behind the name that it sends by default.
    name = value.strip() if isinstance(value, str) else None
    if name not in (PAY_BILL, BUY_GOODS):
        raise bad_field("TransactionType")
    return name


def read_query(body: dict[str, Any], settings: DarajaSettings) -> str:
    """Return the CheckoutRequestID that a query asks for.

    Raises:
        Refusal: as for a push.
    """
    shortcode = read_digits(body, "BusinessShortCode", SHORTCODE)
    timestamp = read_timestamp(body)
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
