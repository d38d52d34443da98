"""What Paystack says of a transaction, a refund or a transfer, in the shop's words.

A status that is not listed here means "outcome unknown", never paid and never failed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from payments import outcomes
from payments.outcomes import Outcome
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
from payments.providers.paystack_wire import (
    data_of,
    from_hundredths,
    id_text,
    is_key_refused,
    is_unknown_reference,
    message_of,
)
from payments.providers.values import iso_time, mapping, text

# ``abandoned`` is "started, not finished": it can still become ``success``.
OPEN = {"abandoned", "ongoing", "pending", "processing", "queued"}
# A request that timed out here may still be on its way there; only later is "not found" the truth.
UNSEEN_AFTER = 60.0

_REFUND_VERDICTS = {
    "pending": Verdict.IN_FLIGHT,
    "processing": Verdict.IN_FLIGHT,
    "needs-attention": Verdict.IN_FLIGHT,
    "processed": Verdict.SUCCEEDED,
    "failed": Verdict.FAILED,
}
_TRANSFER_VERDICTS = {
    "pending": Verdict.IN_FLIGHT,
    "received": Verdict.IN_FLIGHT,
    "otp": Verdict.IN_FLIGHT,
    "success": Verdict.SUCCEEDED,
    "failed": Verdict.FAILED,
    "abandoned": Verdict.FAILED,
    "blocked": Verdict.FAILED,
    "rejected": Verdict.FAILED,
    "reversed": Verdict.REVERSED,
}
_CURRENCY = re.compile("[A-Z]{3}")


# --- transactions


@dataclass(frozen=True)
class Received:
    """The money of one transaction, without a fee that the customer bore on top of the price."""

    amount: Decimal
    fee: Decimal | None
    currency: str
    requested: Decimal | None  # what we had asked for; None where the answer does not say


def read_verify(answer: Answer, attempt: AttemptFacts, mode: str) -> ProviderResult:
    data = data_of(answer)
    if data:
        return read_transaction(data, attempt, mode)
    if is_unknown_reference(answer):
        # Once accepted it must be there; an answer that denies it proves nothing.
        is_new = not attempt.provider_reference and attempt.age_seconds >= UNSEEN_AFTER
        verdict = Verdict.NEVER_SEEN if is_new else Verdict.NO_ANSWER
        return ProviderResult(verdict=verdict, result_code=str(answer.status), detail=message_of(answer))
    outcome = outcomes.MISCONFIGURED if is_key_refused(answer) else outcomes.UNKNOWN
    return ProviderResult(
        verdict=Verdict.NO_ANSWER, outcome=outcome, result_code=str(answer.status), detail=message_of(answer)
    )


def read_transaction(data: Mapping[str, Any], attempt: AttemptFacts, mode: str) -> ProviderResult:
    """Read a transaction about which we asked by our reference. ``metadata`` is never looked at."""
    status, domain = data.get("status"), data.get("domain")
    shared: dict[str, Any] = {
        "result_code": text(status, 40),
        "detail": text(data.get("gateway_response") or data.get("message")),
    }
    if data.get("reference") != attempt.reference:
        return ProviderResult(verdict=Verdict.NO_ANSWER, problem="reference_mismatch", **shared)
    if isinstance(status, str) and status in OPEN:
        return ProviderResult(verdict=Verdict.IN_FLIGHT, outcome=outcomes.WAITING_ON_PAGE, **shared)
    if domain != mode or not mode:
        return _of_other_mode(status, domain, shared)
    if status == "failed":
        return ProviderResult(verdict=Verdict.FAILED, outcome=_why_failed(shared["detail"]), **shared)
    received = read_received(data, expected=attempt.amount)
    receipt_number = id_text(data.get("id"))
    if status not in ("success", "reversed") or received is None or not receipt_number:
        return ProviderResult(verdict=Verdict.NO_ANSWER, outcome=outcomes.UNKNOWN, **shared)
    asked = received.requested is None or received.requested == attempt.amount
    return ProviderResult(
        verdict=Verdict.SUCCEEDED if status == "success" else Verdict.REVERSED,
        outcome=outcomes.PAID if status == "success" else outcomes.REVERSED,
        amount=received.amount,
        currency=received.currency,
        fee=received.fee,
        receipt_number=receipt_number,
        paid_at=iso_time(data.get("paid_at") or data.get("paidAt")),
        problem="" if asked else "requested_amount_mismatch",
        **shared,
    )


def read_received(data: Mapping[str, Any], *, expected: Decimal | None = None) -> Received | None:
    """Return a transaction's money; None when a figure is none.

    Where the customer bears the fee, ``amount`` holds it and exceeds ``requested_amount``; that part never was ours.
    """
    amount, currency = from_hundredths(data.get("amount")), _currency(data)
    requested = data.get("requested_amount")
    wanted = from_hundredths(requested)
    if amount is None or not currency or (requested is not None and wanted is None):
        return None
    fee = from_hundredths(data.get("fees"))
    if fee is not None and fee < 0:
        fee = None
    on_top = Decimal(0)
    if wanted is not None and amount > wanted and (fee is None or amount - wanted <= fee):
        on_top = amount - wanted
    elif wanted is None and fee is not None and amount - fee == expected:
        on_top = fee
    return Received(amount - on_top, None if fee is None else fee - on_top, currency, wanted)


def read_movement(data: Mapping[str, Any]) -> StatementEntry | None:
    """Return what a listed transaction brought; None when it brought nothing, or is no readable row."""
    received, moment = read_received(data), iso_time(data.get("paid_at") or data.get("paidAt"))
    receipt_number = id_text(data.get("id"))
    if data.get("status") not in ("success", "reversed") or received is None or moment is None or not receipt_number:
        return None
    return StatementEntry(
        receipt_number=receipt_number,
        amount=received.amount,
        currency=received.currency,
        at=moment,
        reference=text(data.get("reference"), 64),
        fee=received.fee,
        kind=text(data.get("channel"), 80),
    )


def read_returned(data: Mapping[str, Any]) -> StatementEntry | None:
    """Return what a listed refund gave back; None when it gave nothing back yet."""
    amount, moment = from_hundredths(data.get("amount")), iso_time(data.get("refunded_at") or data.get("updatedAt"))
    refund_id, currency = id_text(data.get("id")), _currency(data)
    if data.get("status") != "processed" or amount is None or moment is None or not refund_id or not currency:
        return None
    return StatementEntry(
        receipt_number=refund_receipt(refund_id),
        amount=-amount,
        currency=currency,
        at=moment,
        reference=text(data.get("merchant_note")).partition(" ")[0][:64],
        kind="refund",
    )


def is_untouched(data: Mapping[str, Any], reference: str, mode: str) -> bool:
    """Tell whether nobody has used a transaction's page: it was opened by us, and nothing was tried on it."""
    authorization = mapping(data.get("authorization"))
    return (
        data.get("reference") == reference
        and data.get("domain") == mode
        and data.get("status") == "abandoned"
        and not data.get("log")
        and not authorization.get("authorization_code")
    )


def _currency(data: Mapping[str, Any]) -> str:
    currency = data.get("currency")
    return currency if isinstance(currency, str) and _CURRENCY.fullmatch(currency) else ""


def _of_other_mode(status: Any, domain: Any, shared: dict[str, Any]) -> ProviderResult:
    """A test payment is no money: it is shown to a person, and its amount is not told, so that nobody books it."""
    shared["detail"] = f"{text(domain, 40) or 'no domain'}: {shared['detail']}"[:300]
    verdict = Verdict.SUCCEEDED if status == "success" else Verdict.NO_ANSWER
    return ProviderResult(verdict=verdict, outcome=outcomes.REVIEW, problem="mode_mismatch", **shared)


def _why_failed(detail: str) -> Outcome:
    # For the customer's eyes only: the texts vary, and nothing is decided by them.
    if "insufficient" in detail.lower():
        return outcomes.INSUFFICIENT_FUNDS
    return outcomes.DECLINED


# --- money that leaves


def refund_receipt(refund_id: str) -> str:
    """Return a refund's receipt. Refunds and transactions are numbered apart, so the bare numbers can meet."""
    return f"refund-{refund_id}"


def read_refund(data: Mapping[str, Any]) -> TransferResult:
    status, refund_id = data.get("status"), id_text(data.get("id"))
    verdict = _REFUND_VERDICTS.get(status) if isinstance(status, str) else None
    return TransferResult(
        verdict=verdict or Verdict.NO_ANSWER,
        provider_reference=refund_id,
        receipt_number=refund_receipt(refund_id) if verdict == Verdict.SUCCEEDED and refund_id else "",
        code=text(status, 40),
        detail=text(data.get("merchant_note")),
        amount=from_hundredths(data.get("amount")),
        currency=_currency(data),
        needs_person=status == "needs-attention",  # Paystack lacks the customer's account
    )


def is_refund_of(data: Mapping[str, Any], request: RefundRequest) -> bool:
    """Tell whether a listed refund is ours: our reference stands in the note that only we write."""
    return request.reference in text(data.get("merchant_note")).split()


def read_transfer(data: Mapping[str, Any], request: PayoutRequest) -> TransferResult:
    status, code = data.get("status"), text(data.get("transfer_code"), 100)
    verdict = _TRANSFER_VERDICTS.get(status) if isinstance(status, str) else None
    if data.get("reference") != request.reference or verdict is None:
        return TransferResult(verdict=Verdict.NO_ANSWER, provider_reference=code, code=text(status, 40))
    return TransferResult(
        verdict=verdict,
        provider_reference=code,
        receipt_number=id_text(data.get("id")),
        code=text(status, 40),
        detail=text(data.get("gateway_response") or data.get("failures")),
        amount=from_hundredths(data.get("amount")),
        currency=_currency(data),
        needs_person=status == "otp",  # somebody must type the code that Paystack has sent
    )
