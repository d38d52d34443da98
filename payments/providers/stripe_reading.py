"""What Stripe's objects mean: sessions and their intents, refunds, balance transactions."""

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

from payments import outcomes
from payments.exceptions import ProviderUnavailable
from payments.outcomes import Outcome
from payments.providers.base import ProviderResult, StatementEntry, TransferResult, Verdict
from payments.providers.stripe_units import from_units
from payments.providers.values import mapping, text, unix_time

# Status and payment status; a session that is complete may yet be unpaid.
_DELAYED_SESSION = ("complete", "unpaid")
_OPEN_SESSIONS = {("open", "unpaid"), _DELAYED_SESSION}
_FREE_SESSION = ("complete", "no_payment_required")
_PAID_SESSIONS = {("complete", "paid"), _FREE_SESSION}
# Of an intent whose page has ended. With a live page all but ``succeeded`` and ``canceled`` are simply undecided.
_UNDECIDED_INTENTS = {"requires_confirmation", "requires_action", "processing", "requires_capture"}
_DEAD_INTENTS = {"canceled", "requires_payment_method"}

# Why a card was refused, by ``decline_code`` or, where that says nothing, by ``code``.
_DECLINES: dict[str, Outcome] = {
    "insufficient_funds": outcomes.INSUFFICIENT_FUNDS,
    "expired_card": outcomes.CARD_DETAILS,
    "incorrect_cvc": outcomes.CARD_DETAILS,
    "invalid_cvc": outcomes.CARD_DETAILS,
    "incorrect_number": outcomes.CARD_DETAILS,
    "invalid_number": outcomes.CARD_DETAILS,
    "invalid_expiry_month": outcomes.CARD_DETAILS,
    "invalid_expiry_year": outcomes.CARD_DETAILS,
    "authentication_required": outcomes.NOT_AUTHENTICATED,
    "payment_intent_authentication_failure": outcomes.NOT_AUTHENTICATED,
}

_REFUND_VERDICTS = {
    "succeeded": Verdict.SUCCEEDED,
    "pending": Verdict.IN_FLIGHT,
    "requires_action": Verdict.IN_FLIGHT,
    "failed": Verdict.FAILED,
    "canceled": Verdict.FAILED,
}
# Movements of a customer's money, as opposed to Stripe's fees and our payouts.
_OF_CUSTOMERS = {"charge", "payment", "refund", "payment_refund", "refund_failure", "payment_failure_refund"}


def read_session(session: Mapping[str, Any], reference: str, *, is_live: bool) -> ProviderResult:
    """Say what became of the attempt ``reference``; ``payment_intent`` is expanded or null."""
    intent = mapping(session.get("payment_intent"))
    state = (text(session.get("status")), text(session.get("payment_status")))
    intent_status = text(intent.get("status"))
    result_code, detail, outcome = _last_error(intent)
    shared: dict[str, Any] = {
        "provider_reference": text(session.get("id"), 100),
        "merchant_reference": text(intent.get("id"), 100),
        "result_code": result_code,
        "detail": detail,
        "problem": _problem(session, intent, reference, is_live),
    }
    if (
        (state in _PAID_SESSIONS or state[0] == "expired")
        and intent_status == "succeeded"
        and is_intent_id(intent.get("id"))
    ):
        # A page that has ended may still have been paid at the last moment.
        return _paid(intent, "amount_received", shared)
    if state == _FREE_SESSION and not intent:
        return _paid(session, "amount_total", shared)
    # The customer can try again on an open page only.
    is_dead = intent_status in _DEAD_INTENTS or session.get("payment_intent") is None
    if state == ("expired", "unpaid") and is_dead and not shared["problem"]:
        return ProviderResult(verdict=Verdict.FAILED, outcome=outcomes.EXPIRED, **shared)
    if state == _DELAYED_SESSION and intent_status in _DEAD_INTENTS and not shared["problem"]:
        return ProviderResult(verdict=Verdict.FAILED, outcome=outcomes.DECLINED, **shared)
    if state in _OPEN_SESSIONS or (state[0] == "expired" and intent_status in _UNDECIDED_INTENTS):
        if state == _DELAYED_SESSION or intent_status == "processing":
            outcome = outcomes.PROVIDER_CHECKS  # the customer has done her part, and must not do it twice
        return ProviderResult(verdict=Verdict.IN_FLIGHT, outcome=outcome, **shared)
    shared["detail"] = f"session {state[0]} {state[1]}, intent {intent_status}"[:300]
    return ProviderResult(verdict=Verdict.NO_ANSWER, outcome=outcomes.UNKNOWN, **shared)


def is_intent_id(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"pi_[A-Za-z0-9_]{1,60}", value) is not None


def _problem(session: Mapping[str, Any], intent: Mapping[str, Any], reference: str, is_live: bool) -> str:
    paid = intent or session
    if session.get("livemode") is not is_live or paid.get("livemode") is not is_live:
        return "mode_mismatch"
    if session.get("client_reference_id") != reference:
        return "reference_mismatch"
    received = intent.get("amount_received") if intent.get("status") == "succeeded" else session.get("amount_total")
    if received != session.get("amount_total") or paid.get("currency") != session.get("currency"):
        return "amount_mismatch"
    return ""


def _paid(paid: Mapping[str, Any], amount_field: str, shared: dict[str, Any]) -> ProviderResult:
    """Read what was received of an intent, or of a session that needed none."""
    currency = text(paid.get("currency"), 3).upper()
    amount = from_units(paid.get(amount_field), currency)
    if amount is None or not currency:
        return ProviderResult(verdict=Verdict.NO_ANSWER, outcome=outcomes.UNKNOWN, **shared)
    charge = mapping(paid.get("latest_charge"))
    balance = mapping(charge.get("balance_transaction"))
    same_currency = text(balance.get("currency")).upper() == currency
    return ProviderResult(
        verdict=Verdict.SUCCEEDED,
        outcome=outcomes.PAID,
        amount=amount,
        currency=currency,
        fee=from_units(balance.get("fee"), currency) if same_currency else None,
        receipt_number=shared["merchant_reference"][:64],
        paid_at=unix_time(charge.get("created")),
        **shared,
    )


def _last_error(intent: Mapping[str, Any]) -> tuple[str, str, Outcome]:
    """Return code, text and advice of a try that failed; the page stays open for another."""
    if intent.get("status") == "canceled":
        return text(intent.get("cancellation_reason"), 40), "", outcomes.WAITING_ON_PAGE
    error = mapping(intent.get("last_payment_error"))
    if not error:
        return "", "", outcomes.WAITING_ON_PAGE
    code, reason = text(error.get("code"), 40), text(error.get("decline_code"), 40)
    outcome = _DECLINES.get(reason) or _DECLINES.get(code) or outcomes.CARD_DECLINED
    return reason or code, text(error.get("message")), outcome


def read_refund(refund: Mapping[str, Any], receipt_number: str) -> TransferResult:
    """Say what became of a refund of the receipt; a status that is not known decides nothing.

    Raises:
        ProviderUnavailable: it is a refund of something else.
    """
    if receipt_number not in (refund.get("payment_intent"), refund.get("charge")):
        raise ProviderUnavailable("answered about another refund")
    status = text(refund.get("status"), 40)
    verdict = _REFUND_VERDICTS.get(status, Verdict.NO_ANSWER)
    currency = text(refund.get("currency"), 3).upper()
    refund_id = text(refund.get("id"), 64)
    return TransferResult(
        verdict=verdict if refund_id else Verdict.NO_ANSWER,
        provider_reference=refund_id,
        receipt_number=refund_id,
        code=text(refund.get("failure_reason") or refund.get("pending_reason") or status, 40),
        amount=from_units(refund.get("amount"), currency),
        currency=currency,
    )


def read_movement(movement: Mapping[str, Any]) -> StatementEntry:
    """Read a balance transaction; ``source`` is expanded.

    Charges and refunds are told as the customer saw them. In the balance they may stand in another currency, and then
    the fee, which is in that one, is left out.

    Raises:
        ProviderUnavailable: it has no known shape.
    """
    source = mapping(movement.get("source"))
    balance_currency = text(movement.get("currency"), 3).upper()
    currency, units = balance_currency, movement.get("amount")
    of_customer = source.get("object") in ("charge", "refund") and text(movement.get("type")) in _OF_CUSTOMERS
    if of_customer and isinstance(source.get("amount"), int) and isinstance(units, int):
        currency = text(source.get("currency"), 3).upper()
        units = source["amount"] if units >= 0 else -source["amount"]
    amount = from_units(units, currency)
    at = unix_time(movement.get("created"))
    if amount is None or at is None:
        raise ProviderUnavailable("a movement of no known shape")
    same_currency = currency == balance_currency
    return StatementEntry(
        receipt_number=_receipt(movement, source),
        amount=amount,
        currency=currency,
        at=at,
        reference=text(mapping(source.get("metadata")).get("reference"), 100),
        fee=from_units(movement.get("fee"), currency) if same_currency else None,
        payer_name=text(mapping(source.get("billing_details")).get("name"), 120),
        kind=text(movement.get("type"), 40),
    )


def _receipt(movement: Mapping[str, Any], source: Mapping[str, Any]) -> str:
    """Return the number under which our books know it: the intent of a charge, the refund itself."""
    if source.get("object") == "charge" and movement.get("type") in ("charge", "payment"):
        return text(source.get("payment_intent") or source.get("id"), 64)
    if source.get("object") == "refund" and movement.get("type") in ("refund", "payment_refund"):
        return text(source.get("id"), 64)
    return text(movement.get("id"), 64)
