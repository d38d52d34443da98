"""The ways to pay by ``POST /charge``: what each needs, and what the customer has to do first."""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from simulator.clock import iso_utc
from simulator.paystack.identifiers import new_code
from simulator.paystack.instruments import ORANGE_OTP, ORANGE_TEST_PHONE, OTP
from simulator.paystack.validation import Start, read_common, text_of
from simulator.paystack.wire import Fields, invalid, missing

PESALINK_SECONDS = 25 * 60
SHORTEST_ACCOUNT, LONGEST_ACCOUNT = 15 * 60, 8 * 60 * 60
STEPS = ("send_pin", "send_otp", "send_phone", "send_birthday", "send_address")

_ON_THE_PHONE = "Please complete authorization process on your mobile phone"
_TEXTS = {
    "send_pin": "Please enter your card PIN",
    "send_otp": "Please enter the OTP sent to you",
    "send_phone": "Please enter your phone number",
    "send_birthday": "Please enter your birthday",
    "send_address": "Please enter your address",
    "pay_offline": _ON_THE_PHONE,
    "pending_bank_transfer": "Please make a transfer to the account specified",
}
# Provider, its currencies, what comes first. Source: Paystack documentation, Mobile Money.
_MOBILE_MONEY = {
    "mtn": (("GHS", "XOF"), "pay_offline"),
    "atl": (("GHS", "KES"), "pay_offline"),
    "vod": (("GHS",), "send_otp"),
    "mpesa": (("KES",), "pay_offline"),
    "mpesa_offline": (("KES",), "pay_offline"),
    "mptill": (("KES",), "pay_offline"),
    "orange": (("XOF",), "send_otp"),
    "wave": (("XOF",), "open_url"),
}


def read_charge(fields: Fields) -> Start:
    """Read ``POST /charge``.

    Raises:
        PaystackError: names what is wrong first; exactly one way to pay must be given.
    """
    start = read_common(fields)
    given = [name for name in _WAYS if fields.get(name) not in (None, "")]
    if not given:
        raise missing("Charge channel is required", f"Provide one of: {', '.join(_WAYS)}")
    if len(given) > 1:
        raise invalid("Only one charge channel is allowed", f"You sent {' and '.join(given)}")
    name = given[0]
    way = fields[name]
    if name == "authorization_code":
        way = {"authorization_code": way}
    if not isinstance(way, dict):
        raise invalid(f"Invalid {name} passed", f"Ensure that {name} is an object")
    start = _WAYS[name](start, way)
    return replace(start, direct=True, channels=(start.channel,))


def _mobile_money(start: Start, way: Fields) -> Start:
    provider = text_of(way, "provider", required=True)
    if provider not in _MOBILE_MONEY or start.currency not in _MOBILE_MONEY[provider][0]:
        raise invalid("Invalid mobile money provider", f"{start.currency} is paid by other providers")
    step = _MOBILE_MONEY[provider][1]
    if provider == "mptill":
        account = text_of(way, "account", required=True)
        if not re.fullmatch(r"[0-9]{5,9}", account):
            raise invalid("Invalid till number", "Ensure that the account is a till number")
        return replace(start, step=step, channel="mobile_money", details={"provider": provider, "account": account})
    phone = text_of(way, "phone", required=True)
    form = r"\+254[17][0-9]{8}" if start.currency == "KES" else r"\+?[0-9]{9,15}"
    if not re.fullmatch(form, phone):
        raise invalid("Invalid phone number", "Ensure that the phone number is like +254710000000")
    details: Fields = {"provider": provider, "phone": phone}
    if step == "send_otp":
        details["otp"] = ORANGE_OTP if provider == "orange" and phone == ORANGE_TEST_PHONE else OTP
    if provider == "vod":
        details["display_text"] = "Please dial *110# to generate a voucher, then enter it"
    if provider == "mpesa_offline":
        details["account_number"] = "4000111"
        details["account_reference"] = secrets.randbelow(9_000_000) + 1_000_000
        details["display_text"] = "Please pay to the paybill and account given"
    return replace(start, step=step, channel="mobile_money", details=details)


def _bank_transfer(start: Start, way: Fields) -> Start:
    if start.currency not in ("KES", "NGN"):
        raise invalid("Bank transfer is not available", f"{start.currency} cannot be paid by bank transfer")
    now = time.time()
    expires = now + PESALINK_SECONDS if start.currency == "KES" else _account_expiry(way.get("account_expires_at"), now)
    details: Fields = {
        "account_name": "PAYSTACK CHECKOUT",
        "account_number": f"{secrets.randbelow(10**10):010d}",
        "bank": {"slug": "example-bank", "name": "Example Bank", "id": 999},
        "account_expires_at": iso_utc(expires),
        "expires": expires,
    }
    if start.currency == "KES":
        details["transaction_reference"] = new_code(length=6).upper()
    return replace(start, step="pending_bank_transfer", channel="bank_transfer", details=details)


def _account_expiry(value: Any, now: float) -> float:
    if value in (None, ""):
        return now + LONGEST_ACCOUNT
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise invalid("Invalid account_expires_at", "Use an ISO 8601 moment") from error
    expires = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not now + SHORTEST_ACCOUNT <= expires <= now + LONGEST_ACCOUNT:
        raise invalid("Invalid account_expires_at", "It must be 15 minutes to 8 hours from now")
    return expires


def _bank(start: Start, way: Fields) -> Start:
    _only_in(start, "NGN")
    text_of(way, "code", required=True)
    if not way.get("account_number") and not (way.get("phone") and way.get("token")):
        raise missing("account_number is required", "Provide account_number, or phone and token")
    return replace(start, step="send_birthday", channel="bank", details={"then": ["send_otp"], "otp": OTP})


def _ussd(start: Start, way: Fields) -> Start:
    _only_in(start, "NGN")
    kind = text_of(way, "type", required=True)
    code = f"*{kind}*000*{secrets.randbelow(9000) + 1000}#"
    return replace(
        start,
        step="pay_offline",
        channel="ussd",
        details={"ussd_code": code, "display_text": f"Please dial {code} on your mobile phone"},
    )


def _eft(start: Start, way: Fields) -> Start:
    _only_in(start, "ZAR")
    if way.get("provider") != "ozow":
        raise invalid("Invalid EFT provider", "Use ozow")
    return replace(start, step="open_url", channel="eft")


def _qr(start: Start, way: Fields) -> Start:
    _only_in(start, "ZAR")
    if way.get("provider") not in ("scan-to-pay", "visa"):
        raise invalid("Invalid QR provider", "Use scan-to-pay")
    return replace(
        start,
        step="pay_offline",
        channel="qr",
        details={"qr_code": str(secrets.randbelow(10**10)), "display_text": "Please scan the QR code to pay"},
    )


def _capitec_pay(start: Start, way: Fields) -> Start:
    _only_in(start, "ZAR")
    for name in ("identifier_key", "identifier_value"):
        text_of(way, name, required=True)
    return replace(
        start,
        step="pay_offline",
        channel="capitec_pay",
        details={"display_text": "Please approve the payment in your Capitec app"},
    )


def _saved_card(start: Start, way: Fields) -> Start:
    code = text_of(way, "authorization_code", required=True)
    return replace(start, step="", channel="card", details={"authorization_code": code})


def _only_in(start: Start, currency: str) -> None:
    if start.currency != currency:
        raise invalid("Channel not available", f"This channel takes {currency} only")


_WAYS: dict[str, Callable[[Start, Fields], Start]] = {
    "mobile_money": _mobile_money,
    "bank_transfer": _bank_transfer,
    "bank": _bank,
    "ussd": _ussd,
    "eft": _eft,
    "qr": _qr,
    "capitec_pay": _capitec_pay,
    "authorization_code": _saved_card,
}


def step_data(reference: str, step: str, amount: int, details: Fields, page_url: str) -> Fields:
    """Return ``data`` of a charge that waits for its customer."""
    data: Fields = {"reference": reference, "status": step}
    if step == "pending":
        return data
    if step == "open_url":
        return {**data, "url": page_url}
    data["display_text"] = details.get("display_text", _TEXTS[step])
    if step == "pending_bank_transfer":
        data["amount"] = amount
    shown = ("account_name", "account_number", "bank", "account_expires_at", "transaction_reference")
    for name in (*shown, "account_reference", "ussd_code", "qr_code"):
        if name in details:
            data[name] = details[name]
    return data
