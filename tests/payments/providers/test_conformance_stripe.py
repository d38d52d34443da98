"""Stripe keeps the rules of every provider."""

import json
from decimal import Decimal
from typing import Any

from stripe import WebhookSignature

from payments.providers.stripe import StripeProvider
from payments.testing.conformance import ProviderConformance
from payments.testing.network import Reply
from tests.payments.providers import stripe_wire as wire


class TestStripe(ProviderConformance):
    method = "card"
    secrets = (wire.KEY, wire.WEBHOOK_SECRET, "pi_1Abc_secret_9xY")
    reference = wire.REFERENCE
    provider_reference = wire.SESSION
    receipt_number = wire.INTENT
    refund_reference = wire.REFUND_REFERENCE
    known_refund = wire.REFUND
    initiate_route = "POST /v1/checkout/sessions"
    query_route = "GET /v1/checkout/sessions/*"
    refund_route = "POST /v1/refunds"
    query_refund_route = "GET /v1/refunds/*"
    decisive = (
        "id",
        "status",
        "payment_status",
        "livemode",
        "client_reference_id",
        "amount_total",
        "currency",
        "payment_intent.id",
        "payment_intent.status",
        "payment_intent.amount_received",
        "payment_intent.currency",
        "payment_intent.livemode",
    )

    def make_provider(self, settings: Any) -> StripeProvider:
        wire.configure(settings)
        return StripeProvider()

    def side_script(self) -> Any:
        return {
            "GET /v1/refunds": wire.listed(),  # looked through before a refund is made
            "GET /v1/checkout/sessions": wire.listed(),  # and this after a fault
            "GET /v1/payment_intents/*": wire.error(404, "resource_missing"),
        }

    def accepted(self) -> Reply:
        return Reply(200, wire.session())

    def collected(self, sent: Any) -> tuple[Decimal, str]:
        form = sent[-1].form
        price = "line_items[0][price_data]"
        return Decimal(form[f"{price}[unit_amount]"]) / 100, form[f"{price}[currency]"].upper()

    def refused(self) -> Reply:
        return wire.error(400, "amount_too_small")

    def duplicate(self) -> Reply:
        return wire.error(409, "idempotency_key_in_use")

    def paid(self, amount: Decimal, currency: str, reference: str) -> Reply:
        return Reply(200, wire.paid_session(int(amount * 100), currency.lower(), client_reference_id=reference))

    def paid_in_other_mode(self) -> Reply:
        return Reply(200, wire.paid_session(livemode=True))

    def with_status(self, status: Any) -> Reply:
        return Reply(200, wire.paid_session(payment_status=status))

    def pending(self) -> Reply:
        return Reply(200, wire.session())

    def failed(self, reference: str) -> Reply:
        return Reply(200, wire.session(status="expired", client_reference_id=reference))

    def not_known(self) -> Reply:
        return wire.error(404, "resource_missing")

    def refund_accepted(self) -> Reply:
        return Reply(200, wire.refund(status="pending"))

    def refund_refused(self) -> Reply:
        return wire.error(400, "charge_already_refunded")

    def refund_done(self, amount: Decimal) -> Reply:
        return Reply(200, wire.refund(amount=int(amount * 100)))

    def refund_open(self) -> Reply:
        return Reply(200, wire.refund(status="requires_action"))

    def refund_failed(self) -> Reply:
        return Reply(200, wire.refund(status="failed", failure_reason="expired_or_canceled_card"))

    def refund_with_status(self, status: Any) -> Reply:
        return Reply(200, wire.refund(status=status))

    def webhook(self) -> bytes:
        return json.dumps(wire.event("checkout.session.completed", wire.paid_session())).encode()

    def sign(self, body: bytes) -> dict[str, str]:
        header = WebhookSignature.generate_signature_header(body.decode("utf-8", "replace"), wire.WEBHOOK_SECRET)
        return {"stripe-signature": header}


class TestUnexpandedStripe(TestStripe):
    """Stripe where it names the intent without showing it."""

    query_route = "GET /v1/payment_intents/*"
    decisive = ("id", "status", "amount_received", "currency", "livemode")

    def side_script(self) -> Any:
        session = wire.paid_session() | {"payment_intent": wire.INTENT}
        return {**super().side_script(), "GET /v1/checkout/sessions/*": Reply(200, session)}

    def paid(self, amount: Decimal, currency: str, reference: str) -> Any:
        whole = wire.paid_session(int(amount * 100), currency.lower(), client_reference_id=reference)
        return {
            "GET /v1/checkout/sessions/*": Reply(200, whole | {"payment_intent": wire.INTENT}),
            "GET /v1/payment_intents/*": Reply(200, whole["payment_intent"]),
        }

    def with_status(self, status: Any) -> Reply:
        return Reply(200, wire.intent(status=status))

    def paid_in_other_mode(self) -> Reply:
        return Reply(200, wire.intent(livemode=True))

    def pending(self) -> Any:
        session = wire.session() | {"payment_intent": wire.INTENT}
        return {
            "GET /v1/checkout/sessions/*": Reply(200, session),
            "GET /v1/payment_intents/*": Reply(200, wire.intent(status="processing", amount_received=0)),
        }

    def failed(self, reference: str) -> Any:
        session = wire.session(status="expired", client_reference_id=reference) | {"payment_intent": wire.INTENT}
        return {
            "GET /v1/checkout/sessions/*": Reply(200, session),
            "GET /v1/payment_intents/*": Reply(200, wire.intent(status="canceled", amount_received=0)),
        }
