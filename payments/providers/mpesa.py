"""M-Pesa through Safaricom's Daraja: STK push, query and callback.

Source: Daraja documentation, M-Pesa Express; where practice differs from it, the comment says so. One rule stands
above all: a value or shape that is not known here means "outcome unknown", never "failed" and never "paid".
"""

import base64
import json
import logging
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from ecommerce.money import whole_units
from payments import outcomes
from payments.exceptions import AmountNotPayable, ProviderUnavailable, UnreadableEvent
from payments.outcomes import Outcome
from payments.providers.base import (
    InitiateRequest,
    InitiateResult,
    PaymentProvider,
    ProviderResult,
    Verdict,
)
from payments.providers.daraja import Answer, DarajaClient

logger = logging.getLogger(__name__)

NAIROBI = ZoneInfo("Africa/Nairobi")

# STK result codes. Numbers in callbacks, text in queries, so text here.
FINAL_OUTCOMES: dict[str, Outcome] = {
    "1": outcomes.INSUFFICIENT_FUNDS,
    "2": outcomes.TOO_SMALL,
    "3": outcomes.ABOVE_LIMIT,
    "4": outcomes.DAILY_LIMIT,
    "8": outcomes.MISCONFIGURED,  # our own account is full
    "26": outcomes.BUSY,
    "1019": outcomes.EXPIRED,
    "1025": outcomes.BUSY,
    "1031": outcomes.CANCELLED,
    "1032": outcomes.CANCELLED,
    "1036": outcomes.NOT_REACHED,
    "1037": outcomes.NOT_REACHED,
    "1101": outcomes.MISCONFIGURED,
    "1102": outcomes.MISCONFIGURED,
    "2001": outcomes.WRONG_PIN,  # in spite of its text, "The initiator information is invalid."
    "2002": outcomes.MISCONFIGURED,
    "2006": outcomes.MISCONFIGURED,
    "2028": outcomes.MISCONFIGURED,
    "8006": outcomes.PIN_LOCKED,
    "9999": outcomes.BUSY,
    "SFC_IC0003": outcomes.MISCONFIGURED,
}
# Codes after which the earlier prompt may still be paid: not final by themselves.
HOLDING_CODES = {"17", "1001", "2029", "4999", "500.001.1001"}

_RECEIPT = re.compile(r"[A-Z0-9]{8,12}")
_PHONE = re.compile(r"254[17][0-9]{8}")
# Sent text: what has been seen to make requests fail silently is left out.
_UNSAFE_TEXT = re.compile(r"[^A-Za-z0-9 -]")

# When to ask, in seconds after sending; asked earlier, a running payment can look failed (2029).
_QUERY_DELAYS = (20, 35, 60, 90, 150, 300, 900, 1800, 3600, *range(7200, 86401, 3600))
# A failure that a query tells is final only when the attempt is older than this.
FAILURE_FINAL_AFTER = 90.0


class MpesaProvider(PaymentProvider):
    name = "mpesa"

    def __init__(self) -> None:
        self.settings: Mapping[str, Any] = settings.MPESA
        self.client = DarajaClient()

    def payable_amount(self, amount: Decimal, currency: str) -> Decimal:
        """M-Pesa takes whole shillings. Source: Daraja, M-Pesa Express, ``Amount``."""
        whole = whole_units(amount)
        if currency != "KES" or not 1 <= whole <= self.settings["MAX_AMOUNT"]:
            raise AmountNotPayable()
        return whole

    def query_delays(self) -> tuple[int, ...]:
        return _QUERY_DELAYS

    def initiate(self, request: InitiateRequest) -> InitiateResult:
        msisdn = request.phone_number.removeprefix("+")
        if not _PHONE.fullmatch(msisdn):
            return InitiateResult(accepted=False, outcome=outcomes.REFUSED_PHONE, detail="not a Kenyan mobile number")
        shortcode = self.settings["SHORTCODE"]
        answer = self.client.post(
            "/mpesa/stkpush/v1/processrequest",
            {
                **self._password(),
                "TransactionType": self.settings["TRANSACTION_TYPE"],
                "Amount": int(request.amount),
                "PartyA": msisdn,
                # For a till the money goes to the till, while the shortcode is the head office's.
                "PartyB": self.settings["TILL_NUMBER"] or shortcode,
                "PhoneNumber": msisdn,
                "CallBackURL": request.callback_url,
                "AccountReference": _UNSAFE_TEXT.sub("", request.reference)[:12],
                "TransactionDesc": "Order",
            },
        )
        return _read_push_answer(answer)

    def query(self, provider_reference: str, *, age_seconds: float) -> ProviderResult:
        body = {**self._password(), "CheckoutRequestID": provider_reference}
        answer = self.client.post("/mpesa/stkpushquery/v1/query", body)
        return _read_query_answer(answer, provider_reference, age_seconds)

    def parse_callback(self, body: bytes) -> ProviderResult:
        try:
            callback = json.loads(body.decode("utf-8", "replace"), parse_float=Decimal)["Body"]["stkCallback"]
            code = str(callback["ResultCode"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise UnreadableEvent("not an stkCallback") from None
        shared: dict[str, Any] = {
            "provider_reference": _text(callback.get("CheckoutRequestID"))[:100],
            "merchant_reference": _text(callback.get("MerchantRequestID"))[:100],
            "result_code": code[:40],
            "detail": _text(callback.get("ResultDesc"))[:300],
        }
        if code != "0":
            return _failure(code, shared)
        items = _metadata(callback)
        return ProviderResult(
            verdict=Verdict.SUCCEEDED,
            outcome=outcomes.PAID,
            amount=_decimal(items.get("Amount")),
            receipt_number=_receipt(items.get("MpesaReceiptNumber")),
            paid_at=_nairobi_time(items.get("TransactionDate")),
            **shared,
        )

    def _password(self) -> dict[str, str]:
        # One timestamp for both: the password holds it, and a second clock reading could differ.
        timestamp = timezone.now().astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")
        plain = f"{self.settings['SHORTCODE']}{self.settings['PASSKEY']}{timestamp}"
        return {
            "BusinessShortCode": self.settings["SHORTCODE"],
            "Password": base64.b64encode(plain.encode()).decode(),
            "Timestamp": timestamp,
        }


def _read_push_answer(answer: Answer) -> InitiateResult:
    """Tell accepted, certainly refused and unknown apart.

    Raises:
        ProviderUnavailable: nobody knows whether a prompt was sent.
    """
    body, message = answer.body, answer.error_message
    if answer.status == 200 and "ResponseCode" in body:
        if str(body["ResponseCode"]) == "0" and body.get("CheckoutRequestID"):
            return InitiateResult(
                accepted=True,
                provider_reference=_text(body["CheckoutRequestID"])[:100],
                merchant_reference=_text(body.get("MerchantRequestID"))[:100],
                outcome=outcomes.WAITING,
            )
        detail = _text(body.get("ResponseDescription"))[:300]
        return InitiateResult(accepted=False, outcome=outcomes.MISCONFIGURED, detail=detail)
    if answer.rate_limited:
        return InitiateResult(accepted=False, outcome=outcomes.BUSY, detail="rate limited")
    detail = f"{answer.error_code} {message}".strip()[:300]
    # One number, five meanings: only its text tells them apart.
    if answer.error_code == "500.001.1001":
        if "unable to lock subscriber" in message.lower():
            return InitiateResult(accepted=False, outcome=outcomes.PHONE_BUSY, detail=detail)
        if "wrong credentials" in message.lower() or "merchant does not exist" in message.lower():
            return InitiateResult(accepted=False, outcome=outcomes.MISCONFIGURED, detail=detail)
    elif 400 <= answer.status < 500 and answer.error_code:
        refused_phone = "PhoneNumber" in message or "PartyA" in message
        outcome = outcomes.REFUSED_PHONE if refused_phone else outcomes.MISCONFIGURED
        return InitiateResult(accepted=False, outcome=outcome, detail=detail)
    raise ProviderUnavailable(f"push answered {answer.status} {answer.error_code}")


def _read_query_answer(answer: Answer, asked: str, age_seconds: float) -> ProviderResult:
    """Take an answer as final only when nothing about it leaves a doubt; everything else is asked again."""
    body = answer.body
    code = _text(body.get("ResultCode"))
    detail = _text(body.get("ResultDesc"))[:300]
    final = (
        answer.status == 200
        and str(body.get("ResponseCode")) == "0"
        and body.get("CheckoutRequestID") == asked
        and code != ""
        # The one permitted look at prose, in the safe direction: "still under processing" under a final code.
        and ("process" not in detail.lower() or code == "0")
    )
    shared: dict[str, Any] = {"provider_reference": asked, "result_code": code[:40], "detail": detail}
    if final and code == "0":
        return ProviderResult(verdict=Verdict.SUCCEEDED, outcome=outcomes.PAID, **shared)
    if final and code in FINAL_OUTCOMES and age_seconds >= FAILURE_FINAL_AFTER:
        return _failure(code, shared)
    in_flight = code in HOLDING_CODES or answer.error_code == "500.001.1001" or "process" in detail.lower()
    verdict = Verdict.IN_FLIGHT if in_flight else Verdict.NO_ANSWER
    return ProviderResult(verdict=verdict, outcome=outcomes.WAITING, **shared)


def _failure(code: str, shared: dict[str, Any]) -> ProviderResult:
    outcome = FINAL_OUTCOMES.get(code)
    if outcome is None:
        # 17 and 1001 speak of an earlier prompt, an unlisted code of nothing we know: ask before failing it.
        return ProviderResult(verdict=Verdict.NO_ANSWER, outcome=outcomes.UNKNOWN, **shared)
    return ProviderResult(verdict=Verdict.FAILED, outcome=outcome, **shared)


def _metadata(callback: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items by name. Items may be missing, more than documented, or without a ``Value``."""
    metadata = callback.get("CallbackMetadata")
    items = metadata.get("Item") if isinstance(metadata, dict) else None
    if isinstance(items, dict):
        items = [items]
    if not isinstance(items, list):
        return {}
    return {_text(item.get("Name")): item.get("Value") for item in items if isinstance(item, dict)}


def _text(value: Any) -> str:
    return "" if value is None else str(value).replace("\x00", "")  # PostgreSQL keeps no NUL


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and -(10**10) < amount < 10**10 else None


def _receipt(value: Any) -> str:
    text = _text(value).strip().upper()
    return text if _RECEIPT.fullmatch(text) else ""


def _nairobi_time(value: Any) -> datetime | None:
    try:
        return datetime.strptime(_text(value), "%Y%m%d%H%M%S").replace(tzinfo=NAIROBI)
    except ValueError:
        return None
