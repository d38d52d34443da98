"""Stripe's objects as its API sends them, made-up values throughout."""

from decimal import Decimal
from typing import Any

from payments.providers.base import AttemptFacts
from payments.testing.network import Reply

KEY = "sk_test_51QexampleKeyOfNobody"
WEBHOOK_SECRET = "whsec_example"
REFERENCE = "BM-1001-K7QW2MZA"
SESSION = "cs_test_a1B2c3"
INTENT = "pi_1Abc"
REFUND = "re_1Abc"
REFUND_REFERENCE = "refund-0197a1b2c3d4e5f6"
PAGE = "https://checkout.stripe.com/c/pay/cs_test_a1B2c3"


def configure(settings: Any, **changes: Any) -> None:
    settings.STRIPE = {
        "API_BASE": "https://api.stripe.com",
        "SECRET_KEY": KEY,
        "WEBHOOK_SECRETS": [WEBHOOK_SECRET],
    } | changes


def session(**changes: Any) -> dict[str, Any]:
    """Return a Checkout Session that waits for the customer."""
    return {
        "id": SESSION,
        "object": "checkout.session",
        "mode": "payment",
        "status": "open",
        "payment_status": "unpaid",
        "url": PAGE,
        "amount_subtotal": 150000,
        "amount_total": 150000,
        "currency": "kes",
        "client_reference_id": REFERENCE,
        "customer_email": "amina@example.com",
        "payment_intent": None,
        "metadata": {"reference": REFERENCE, "order": "BM-1001"},
        "created": 1795200000,
        "expires_at": 1795203600,
        "livemode": False,
    } | changes


def intent(**changes: Any) -> dict[str, Any]:
    """Return a PaymentIntent that has succeeded, its charge and its balance transaction shown."""
    return {
        "id": INTENT,
        "object": "payment_intent",
        "amount": 150000,
        "amount_received": 150000,
        "currency": "kes",
        "status": "succeeded",
        "client_secret": "pi_1Abc_secret_9xY",
        "latest_charge": {
            "id": "ch_1Abc",
            "object": "charge",
            "amount": 150000,
            "currency": "kes",
            "created": 1795200100,
            "balance_transaction": {
                "id": "txn_1Abc",
                "object": "balance_transaction",
                "amount": 150000,
                "currency": "kes",
                "fee": 5850,
                "net": 144150,
            },
        },
        "last_payment_error": None,
        "cancellation_reason": None,
        "metadata": {"reference": REFERENCE, "order": "BM-1001"},
        "created": 1795200000,
        "livemode": False,
    } | changes


def paid_session(units: int = 150000, currency: str = "kes", **changes: Any) -> dict[str, Any]:
    livemode = changes.get("livemode", False)
    paid = intent(amount=units, amount_received=units, currency=currency, livemode=livemode)
    for part in (paid["latest_charge"], paid["latest_charge"]["balance_transaction"]):
        part.update(amount=units, currency=currency)
    return session(
        **{
            "status": "complete",
            "payment_status": "paid",
            "amount_total": units,
            "currency": currency,
            "payment_intent": paid,
            **changes,
        }
    )


def refund(**changes: Any) -> dict[str, Any]:
    return {
        "id": REFUND,
        "object": "refund",
        "amount": 150000,
        "charge": "ch_1Abc",
        "payment_intent": INTENT,
        "currency": "kes",
        "status": "succeeded",
        "reason": "requested_by_customer",
        "created": 1795203600,
        "metadata": {"reference": REFUND_REFERENCE, "order": "BM-1001"},
        "balance_transaction": "txn_2Abc",
    } | changes


def listed(*entries: dict[str, Any], has_more: bool = False) -> Reply:
    return Reply(200, {"object": "list", "data": list(entries), "has_more": has_more, "url": "/v1/list"})


def error(status: int, code: str, kind: str = "invalid_request_error", **changes: Any) -> Reply:
    fault = {"type": kind, "code": code, "message": "It was not possible.", "param": None} | changes
    return Reply(status, {"error": fault}, {"Request-Id": "req_9"})


def event(kind: str, thing: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": "evt_1Abc",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": 1795200100,
        "type": kind,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": "req_9", "idempotency_key": None},
        "data": {"object": thing},
    } | changes


def facts(**changes: Any) -> AttemptFacts:
    known: dict[str, Any] = {
        "reference": REFERENCE,
        "provider_reference": SESSION,
        "amount": Decimal("1500.00"),
        "currency": "KES",
        "method": "card",
        "age_seconds": 300.0,
    }
    return AttemptFacts(**known | changes)


class FixedTime:
    """Stands for the ``time`` module."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now
