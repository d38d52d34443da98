"""Chapa's wire (v1), and what it says in the shop's words.

Source: Chapa developer documentation, v1. It contradicts itself in places and has no schema, so that a value or shape
which is not listed here means "outcome unknown", never paid and never failed. Amounts are major units, as numbers or
as text.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeGuard

from payments import outcomes
from payments.providers.base import (
    AttemptFacts,
    PayoutRequest,
    ProviderResult,
    RefundRequest,
    StatementEntry,
    TransferResult,
    Verdict,
)
from payments.providers.http import Answer
from payments.providers.values import decimal, iso_time, mapping, text

# How long a link can be paid; the dashboard allows 5 to 60 minutes, and 60 is its default.
LINK_LIFETIME = timedelta(minutes=60)

# The customer may try again on the same link, ten times: only the link's end makes these final.
_FAILED = {
    "failed": outcomes.DECLINED,
    "cancelled": outcomes.CANCELLED,
    "failed/cancelled": outcomes.DECLINED,
}
_TAKEN_BACK = ("refunded", "reversed")
_PAYOUT_VERDICTS = {
    "success": Verdict.SUCCEEDED,
    "pending": Verdict.IN_FLIGHT,
    "failed": Verdict.FAILED,
    "cancelled": Verdict.FAILED,
    "failed/cancelled": Verdict.FAILED,
    "reversed": Verdict.REVERSED,
}


def mode_of(key: str) -> str:
    """Return the mode that a secret key works in, as ``mode`` names it; empty for what is no secret key of v1."""
    if key.startswith("CHASECK_TEST-"):
        return "test"
    return "live" if key.startswith("CHASECK-") else ""


def word(value: Any) -> str:
    """Return a status in lower case; Chapa is not consistent about capitals."""
    return text(value, 40).strip().lower() if isinstance(value, str) else ""


def message_of(answer: Answer) -> str:
    """Return an error's text, for people: ``message`` is text, an object of lists, or null."""
    message = answer.body.get("message")
    if isinstance(message, dict):
        return text("; ".join(f"{name}: {value}" for name, value in message.items()))
    return text(message)


def has_worked(answer: Answer) -> bool:
    """Tell whether a call worked, which says nothing about money."""
    return answer.status == 200 and word(answer.body.get("status")) == "success"


def data_of(answer: Answer) -> Mapping[str, Any]:
    return mapping(answer.body.get("data")) if has_worked(answer) else {}


def is_refused(answer: Answer) -> bool:
    """Tell whether Chapa itself says no. Its envelope then says ``failed``, the text ``null``, or null."""
    says_no = word(answer.body.get("status")) in ("failed", "null") or answer.body.get("status", "") is None
    return answer.status in (400, 401, 404) and "message" in answer.body and says_no


def is_used_before(answer: Answer) -> bool:
    return is_refused(answer) and "used before" in message_of(answer).lower()


def currency_of(data: Mapping[str, Any]) -> str:
    value = data.get("currency")
    return value if isinstance(value, str) and re.fullmatch("[A-Z]{3}", value) else ""


# --- payments


def read_verify(answer: Answer, attempt: AttemptFacts, mode: str) -> ProviderResult:
    """404 covers "not paid yet" and "never heard of": the customer may pay a minute later, so it is never a failure."""
    data = data_of(answer)
    if data:
        return _read_payment(data, attempt, mode)
    message = message_of(answer)
    shared: dict[str, Any] = {"result_code": str(answer.status), "detail": message}
    if is_refused(answer) and answer.status == 404 and "not paid" in message.lower():
        return ProviderResult(
            verdict=Verdict.IN_FLIGHT,
            provider_reference=attempt.reference,
            outcome=outcomes.WAITING_ON_PAGE,
            **shared,
        )
    if is_refused(answer) and answer.status == 401:
        problem = "mode_mismatch" if "secret key" in message.lower() and "transaction" in message.lower() else ""
        outcome = outcomes.MISCONFIGURED
        return ProviderResult(verdict=Verdict.NO_ANSWER, outcome=outcome, problem=problem, **shared)
    return ProviderResult(verdict=Verdict.NO_ANSWER, outcome=outcomes.UNKNOWN, **shared)


def _read_payment(data: Mapping[str, Any], attempt: AttemptFacts, mode: str) -> ProviderResult:
    status = word(data.get("status"))
    shared: dict[str, Any] = {"result_code": status, "detail": text(data.get("method"))}
    if data.get("tx_ref") != attempt.reference:
        return ProviderResult(verdict=Verdict.NO_ANSWER, problem="reference_mismatch", **shared)
    shared["provider_reference"] = attempt.reference
    if not mode or data.get("mode") != mode:
        # A test payment is no money: a person sees it, and its amount is not told, so that nobody books it.
        verdict = Verdict.SUCCEEDED if status == "success" else Verdict.NO_ANSWER
        return ProviderResult(verdict=verdict, outcome=outcomes.REVIEW, problem="mode_mismatch", **shared)
    if status == "pending":
        return ProviderResult(verdict=Verdict.IN_FLIGHT, outcome=outcomes.WAITING_ON_PAGE, **shared)
    if status in _FAILED:
        over = attempt.age_seconds >= LINK_LIFETIME.total_seconds()
        verdict = Verdict.FAILED if over else Verdict.IN_FLIGHT
        return ProviderResult(verdict=verdict, outcome=_FAILED[status], **shared)
    amount, currency, receipt_number = decimal(data.get("amount")), currency_of(data), data.get("reference")
    known = status == "success" or status in _TAKEN_BACK
    if not known or amount is None or not currency or not _is_id(receipt_number):
        return ProviderResult(verdict=Verdict.NO_ANSWER, outcome=outcomes.UNKNOWN, **shared)
    return ProviderResult(
        verdict=Verdict.SUCCEEDED if status == "success" else Verdict.REVERSED,
        outcome=outcomes.PAID if status == "success" else outcomes.REVERSED,
        amount=amount,
        currency=currency,
        fee=decimal(data.get("charge")),
        receipt_number=receipt_number,
        paid_at=iso_time(data.get("updated_at")),
        **shared,
    )


def read_movement(row: Mapping[str, Any]) -> StatementEntry | None:
    """Return a listed payment that brought money. ``ref_id`` being Chapa's id and ``trans_id`` ours is unconfirmed."""
    amount, moment, currency = decimal(row.get("amount")), iso_time(row.get("created_at")), currency_of(row)
    receipt_number = row.get("ref_id")
    if word(row.get("status")) not in ("success", *_TAKEN_BACK) or amount is None or moment is None:
        return None
    if not currency or not _is_id(receipt_number):
        return None
    customer = mapping(row.get("customer"))
    return StatementEntry(
        receipt_number=receipt_number,
        amount=amount,
        currency=currency,
        at=moment,
        reference=text(row.get("trans_id"), 64),
        fee=decimal(row.get("charge")),
        payer_phone=text(customer.get("mobile"), 64),
        payer_name=f"{text(customer.get('first_name'), 59)} {text(customer.get('last_name'), 59)}".strip(),
        kind=text(row.get("payment_method"), 80),
    )


def _is_id(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= 64 and value.isprintable()


# --- money that leaves


def refund_id_of(data: Mapping[str, Any]) -> str:
    """Return Chapa's id of a refund: ``ref_id`` in newer answers, ``ref`` in older ones."""
    value = data.get("ref_id") or data.get("ref")
    return value if _is_id(value) else ""


def read_refund(data: Mapping[str, Any]) -> TransferResult:
    """The words for a refund's state are not documented: only "refunded" is believed, everything else is on its way."""
    status, refund_id = word(data.get("status")), refund_id_of(data)
    done = status == "refunded"
    return TransferResult(
        verdict=Verdict.SUCCEEDED if done else Verdict.IN_FLIGHT,
        provider_reference=refund_id,
        receipt_number=refund_id if done else "",
        code=status,
        detail=text(data.get("reason")),
        amount=decimal(data.get("amount")),
        currency=currency_of(data),
    )


def is_whole_refund(answer: Answer, request: RefundRequest) -> bool:
    """Tell whether Chapa says of the payment itself that it was given back."""
    data = data_of(answer)
    ours = request.payment_reference != "" and data.get("tx_ref") == request.payment_reference
    return request.is_whole and ours and word(data.get("status")) == "refunded"


def read_payout(data: Mapping[str, Any], request: PayoutRequest) -> TransferResult:
    status = word(data.get("status"))
    ours = request.reference in (data.get("tx_ref"), data.get("reference"))
    verdict = _PAYOUT_VERDICTS.get(status, Verdict.NO_ANSWER) if ours else Verdict.NO_ANSWER
    return TransferResult(
        verdict=verdict,
        provider_reference=request.reference if ours else "",
        receipt_number=text(data.get("chapa_transfer_id") or data.get("chapa_reference"), 64) if ours else "",
        code=status,
        detail=text(data.get("bank_name")),
        amount=decimal(data.get("amount")),
        currency=currency_of(data),
    )
