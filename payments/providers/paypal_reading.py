"""What PayPal's objects mean: orders and their captures, refunds.

Only a capture is money. An order that is approved, and even one that is completed, may have brought none.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from payments import outcomes
from payments.exceptions import AmountNotPayable, ProviderUnavailable
from payments.providers.base import AttemptFacts, ProviderResult, TransferResult, Verdict
from payments.providers.values import decimal, iso_time, mapping, page_address, text

# No decimals at all. Not ISO 4217 for the first and the last, and other than Stripe.
# Source: PayPal documentation, Currency codes.
ZERO_DECIMAL = {"HUF", "JPY", "TWD"}

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

_PAID_CAPTURES = {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"}
_DEAD_CAPTURES = {"DECLINED", "FAILED"}
_CAPTURES = _PAID_CAPTURES | _DEAD_CAPTURES | {"PENDING"}
_OPEN_ORDERS = {"CREATED", "SAVED", "PAYER_ACTION_REQUIRED", "APPROVED"}
_ORDERS = _OPEN_ORDERS | {"COMPLETED", "VOIDED"}

_REFUND_VERDICTS = {
    "COMPLETED": Verdict.SUCCEEDED,
    "PENDING": Verdict.IN_FLIGHT,
    "FAILED": Verdict.FAILED,
    "CANCELLED": Verdict.FAILED,
}


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """Return an amount as PayPal writes it: a text in major units.

    Raises:
        AmountNotPayable: it has more decimal places than PayPal takes.
    """
    value = f"{amount:.{0 if currency in ZERO_DECIMAL else 2}f}"
    if Decimal(value) != amount:
        raise AmountNotPayable()
    return {"currency_code": currency, "value": value}


def read_money(value: Any) -> tuple[Decimal | None, str]:
    """Return amount and currency; the amount is None for what is none."""
    told = mapping(value)
    return decimal(told.get("value")), text(told.get("currency_code"), 3)


def links(thing: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses that an object names, by their relation."""
    listed = thing.get("links")
    found = [mapping(link) for link in listed] if isinstance(listed, list) else []
    return {text(link.get("rel"), 60): page_address(link.get("href")) for link in found}


def id_in_link(thing: Mapping[str, Any], rel: str, of: str) -> str:
    """Return the id at the end of a link to one ``of`` these, as ``captures``; empty where there is no such link."""
    *_, parent, last = ["", "", *links(thing).get(rel, "").split("?")[0].rstrip("/").split("/")]
    return last[:100] if parent == of else ""


def may_be_captured(order: Mapping[str, Any], attempt: AttemptFacts) -> bool:
    """Tell whether an order is approved, and is what we asked for, and nothing was taken or is being taken for it."""
    unit = _unit(order)
    return (
        order.get("status") == "APPROVED"
        and order.get("intent") == "CAPTURE"
        and unit.get("custom_id") == attempt.reference
        and read_money(unit.get("amount")) == (attempt.amount, attempt.currency)
        and all(status in _DEAD_CAPTURES for status in capture_statuses(order))
    )


def capture_statuses(order: Mapping[str, Any]) -> list[str]:
    return [text(capture.get("status"), 40) for capture in _captures(_unit(order))]


def read_order(order: Mapping[str, Any], reference: str) -> ProviderResult:
    """Say what became of the attempt ``reference``, by the order's captures."""
    unit = _unit(order)
    captures, statuses = _captures(unit), capture_statuses(order)
    status = text(order.get("status"), 40)
    shared: dict[str, Any] = {
        "provider_reference": text(order.get("id"), 100),
        "problem": _problem(unit, captures, reference),
    }
    unknown = ProviderResult(
        verdict=Verdict.NO_ANSWER, result_code=status, detail=f"order {status}, captures {statuses}"[:300], **shared
    )
    if not unit or status not in _ORDERS or not set(statuses) <= _CAPTURES:
        return unknown
    paid = [capture for capture in captures if text(capture.get("status")) in _PAID_CAPTURES]
    if paid:
        return _paid(paid, shared) or unknown
    if "PENDING" in statuses:
        pending = captures[statuses.index("PENDING")]
        reason = text(mapping(pending.get("status_details")).get("reason"), 40)
        return ProviderResult(
            verdict=Verdict.IN_FLIGHT, outcome=outcomes.PROVIDER_CHECKS, result_code=reason or "PENDING", **shared
        )
    if status in _OPEN_ORDERS:
        outcome = outcomes.GO_BACK_TO_PAGE if statuses else outcomes.WAITING_ON_PAGE
        return ProviderResult(verdict=Verdict.IN_FLIGHT, outcome=outcome, result_code=status, **shared)
    if not shared["problem"] and status == "VOIDED":
        return ProviderResult(verdict=Verdict.FAILED, outcome=outcomes.EXPIRED, result_code=status, **shared)
    if not shared["problem"] and statuses:
        return ProviderResult(verdict=Verdict.FAILED, outcome=outcomes.DECLINED, result_code=statuses[-1], **shared)
    return unknown


def _paid(paid: list[Mapping[str, Any]], shared: dict[str, Any]) -> ProviderResult | None:
    capture = paid[0]
    amount, currency = read_money(capture.get("amount"))
    receipt_number = capture.get("id")
    if amount is None or not currency or not isinstance(receipt_number, str) or not _ID.fullmatch(receipt_number):
        return None
    if len(paid) > 1:
        shared = shared | {"problem": "captured_twice"}
    fee, fee_currency = read_money(mapping(capture.get("seller_receivable_breakdown")).get("paypal_fee"))
    return ProviderResult(
        verdict=Verdict.SUCCEEDED,
        outcome=outcomes.PAID,
        result_code=text(capture.get("status"), 40),
        amount=amount,
        currency=currency,
        fee=fee if fee_currency == currency else None,
        receipt_number=receipt_number,
        paid_at=iso_time(capture.get("create_time")),
        **shared,
    )


def _problem(unit: Mapping[str, Any], captures: list[Mapping[str, Any]], reference: str) -> str:
    """Our reference stands on the order, on its captures, or on both; a capture's answer shows only the latter."""
    told = [thing.get("custom_id") for thing in (unit, *captures)]
    named = [custom_id for custom_id in told if custom_id is not None]
    return "" if named and all(custom_id == reference for custom_id in named) else "reference_mismatch"


def _unit(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the purchase unit; an empty one where there is not exactly one, as we made it."""
    units = order.get("purchase_units")
    return mapping(units[0]) if isinstance(units, list) and len(units) == 1 else {}


def _captures(unit: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = mapping(unit.get("payments")).get("captures")
    return [mapping(capture) for capture in listed] if isinstance(listed, list) else []


def read_refund(refund: Mapping[str, Any], receipt_number: str) -> TransferResult:
    """Say what became of a refund of the capture; a status that is not known decides nothing.

    Raises:
        ProviderUnavailable: it is a refund of something else.
    """
    if id_in_link(refund, "up", "captures") not in ("", receipt_number):
        raise ProviderUnavailable("answered about another refund")
    refund_id, status = text(refund.get("id"), 64), text(refund.get("status"), 40)
    reason = text(mapping(refund.get("status_details")).get("reason"), 40)
    amount, currency = read_money(refund.get("amount"))
    verdict = _REFUND_VERDICTS.get(status, Verdict.NO_ANSWER)
    return TransferResult(
        verdict=verdict if refund_id else Verdict.NO_ANSWER,
        provider_reference=refund_id,
        receipt_number=refund_id,
        code=reason or status,
        amount=amount,
        currency=currency,
    )
