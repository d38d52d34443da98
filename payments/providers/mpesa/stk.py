"""STK push: the prompt on the customer's phone, the question what became of it, and the callback.

Source: Daraja documentation, M-Pesa Express.
"""

import base64
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from payments import outcomes
from payments.exceptions import ProviderUnavailable, UnreadableEvent
from payments.outcomes import Outcome
from payments.providers.base import InitiateResult, ProviderResult, Verdict
from payments.providers.mpesa.client import DarajaAnswer
from payments.providers.mpesa.reading import CURRENCY, NAIROBI, json_object, nairobi_time, receipt
from payments.providers.values import decimal, mapping, text

PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"

# Result codes. Numbers in callbacks, text in queries, so text here.
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

# When to ask, in seconds after sending; asked earlier, a running payment can look failed (2029).
QUERY_DELAYS = (20, 35, 60, 90, 150, 300, 900, 1800, 3600, *range(7200, 86401, 3600))
# A failure that a query tells is final only when the attempt is older than this.
FAILURE_FINAL_AFTER = 90.0


def signature(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return what every STK request is signed with."""
    # One timestamp for both: the password holds it, and a second clock reading could differ.
    timestamp = timezone.now().astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")
    plain = f"{settings['SHORTCODE']}{settings['PASSKEY']}{timestamp}"
    return {
        "BusinessShortCode": settings["SHORTCODE"],
        "Password": base64.b64encode(plain.encode()).decode(),
        "Timestamp": timestamp,
    }


def read_push_answer(answer: DarajaAnswer) -> InitiateResult:
    """Tell accepted, certainly refused and unknown apart.

    Raises:
        ProviderUnavailable: nobody knows whether a prompt was sent.
    """
    body, message = answer.body, answer.error_message
    checkout_id = body.get("CheckoutRequestID")
    if answer.accepted and isinstance(checkout_id, str) and checkout_id:
        return InitiateResult(
            accepted=True,
            provider_reference=text(checkout_id, 100),
            merchant_reference=text(body.get("MerchantRequestID"), 100),
            outcome=outcomes.WAITING,
        )
    if answer.response_code and not answer.accepted:
        return _refused(outcomes.MISCONFIGURED, text(body.get("ResponseDescription")))
    if answer.rate_limited:
        return _refused(outcomes.BUSY, "rate limited")
    if answer.product_missing:
        return _refused(outcomes.MISCONFIGURED, answer.detail)
    # One number, five meanings: only its text tells them apart.
    if answer.error_code == "500.001.1001":
        if "unable to lock subscriber" in message.lower():
            return _refused(outcomes.PHONE_BUSY, answer.detail)
        if "wrong credentials" in message.lower() or "merchant does not exist" in message.lower():
            return _refused(outcomes.MISCONFIGURED, answer.detail)
    elif 400 <= answer.status < 500 and answer.error_code:
        refused_phone = "PhoneNumber" in message or "PartyA" in message
        return _refused(outcomes.REFUSED_PHONE if refused_phone else outcomes.MISCONFIGURED, answer.detail)
    raise ProviderUnavailable(f"push answered {answer.status} {answer.error_code}".strip())


def read_query_answer(answer: DarajaAnswer, asked: str, age_seconds: float) -> ProviderResult:
    """Take an answer as final only when nothing about it leaves a doubt; everything else is asked again."""
    body = answer.body
    code = text(body.get("ResultCode"))
    detail = text(body.get("ResultDesc"))
    final = (
        answer.accepted
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


def parse_callback(body: bytes) -> ProviderResult:
    """Read a callback.

    Raises:
        UnreadableEvent: it has no known shape.
    """
    callback = mapping(mapping(json_object(body).get("Body")).get("stkCallback"))
    if "ResultCode" not in callback:
        raise UnreadableEvent("not an stkCallback")
    code = str(callback["ResultCode"])
    shared: dict[str, Any] = {
        "provider_reference": text(callback.get("CheckoutRequestID"), 100),
        "merchant_reference": text(callback.get("MerchantRequestID"), 100),
        "result_code": text(code, 40),
        "detail": text(callback.get("ResultDesc")),
    }
    if code != "0":
        return _failure(code, shared)
    items = _metadata(callback)
    amount = decimal(items.get("Amount"))
    return ProviderResult(
        verdict=Verdict.SUCCEEDED,
        outcome=outcomes.PAID,
        amount=amount,
        currency=CURRENCY if amount is not None else "",
        receipt_number=receipt(items.get("MpesaReceiptNumber")),
        paid_at=nairobi_time(items.get("TransactionDate")),
        **shared,
    )


def _refused(outcome: Outcome, detail: str) -> InitiateResult:
    return InitiateResult(accepted=False, outcome=outcome, detail=detail)


def _failure(code: str, shared: dict[str, Any]) -> ProviderResult:
    outcome = FINAL_OUTCOMES.get(code)
    if outcome is None:
        # 17 and 1001 speak of an earlier prompt, an unlisted code of nothing we know: ask before failing it.
        return ProviderResult(verdict=Verdict.NO_ANSWER, outcome=outcomes.UNKNOWN, **shared)
    return ProviderResult(verdict=Verdict.FAILED, outcome=outcome, **shared)


def _metadata(callback: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items by name. Items may be missing, more than documented, or without a ``Value``."""
    items = mapping(callback.get("CallbackMetadata")).get("Item")
    if isinstance(items, dict):
        items = [items]
    if not isinstance(items, list):
        return {}
    return {text(item.get("Name")): item.get("Value") for item in items if isinstance(item, dict)}
