"""Checkout Sessions from opening to completion or expiry."""

import time
from typing import Any

from simulator.documents import Document, Documents
from simulator.later import Later
from simulator.stripe.cards import Card
from simulator.stripe.events import Events
from simulator.stripe.identifiers import new_id
from simulator.stripe.intents import PAYABLE, Intents
from simulator.stripe.payments import Payment, Payments

KIND = "checkout.session"
SUCCEED = "succeeded"


class Sessions:
    """Call its methods in a transaction; they keep the events of what they do."""

    def __init__(
        self, documents: Documents, payments: Payments, intents: Intents, events: Events, later: Later
    ) -> None:
        self._documents = documents
        self._payments = payments
        self._intents = intents
        self._events = events
        self._later = later

    def open(self, session: Document, line_items: list[Document], payment: Payment) -> Document:
        self._documents.save(KIND, session, payment.id)
        self._documents.save("line_items", {"id": session["id"], "data": line_items}, payment.id)
        self._payments.save(payment)
        self._later.plan(max(0.0, session["expires_at"] - time.time()), "expire", session=session["id"])
        return session

    def get(self, session_id: str) -> Document | None:
        return self._documents.get(KIND, session_id)

    def line_items(self, session_id: str) -> list[Document]:
        kept = self._documents.get("line_items", session_id)
        return list(kept["data"]) if kept else []

    def pay(self, session: Document, card: Card, *, authenticated: bool | None = None) -> Document:
        """Pay an open session by a card. After a decline it stays open.

        ``authenticated`` says how the 3-D Secure of a card that wants one ends.
        """
        payment = self._payments.get(session["id"])
        unpaid = payment.fault("stripe_unpaid_completion")
        if unpaid and not card.decline:
            completed = self.pay_later(session)
            outcome = unpaid.parameters["outcome"]
            self._later.plan(unpaid.parameters["seconds"], "settle", session=session["id"], outcome=outcome)
            return completed
        intent = self._intents.use(self._intent(session), card, session["customer_email"])
        intent = self._intents.pay(intent)
        if intent["status"] == "requires_action":
            intent = self._intents.pay(intent, authenticated=bool(authenticated))
        return self._after_try(session, intent)

    def pay_later(self, session: Document) -> Document:
        """Complete an open session by a method whose money comes later, or does not."""
        return self._after_try(session, self._intents.delay(self._intent(session), session["customer_email"]))

    def settle(self, session: Document, *, succeeded: bool) -> Document:
        """End the payment of a session that was completed unpaid."""
        self._intents.settle(self._intent(session), succeeded=succeeded)
        if succeeded:
            session = self._save({**session, "payment_status": "paid"})
        self._emit(f"checkout.session.async_payment_{'succeeded' if succeeded else 'failed'}", session)
        return session

    def expire(self, session: Document) -> Document:
        """Close an open session, and its intent with it."""
        expired = self._save({**session, "status": "expired", "url": None})
        if session["payment_intent"]:
            self._intents.cancel(self._intent(session), "expired")
        self._emit("checkout.session.expired", expired)
        return expired

    def follow_intent(self, intent: Document) -> None:
        """Mark the session of an intent as paid once its held money was captured."""
        payment = self._payments.of("payment_intent", intent["id"])
        session = self.get(payment.session) if payment and payment.session else None
        if session and intent["status"] == "succeeded":
            self._save({**session, "payment_status": "paid"})

    def _intent(self, session: Document) -> Document:
        """Return the intent of a session; it is made when the customer first tries to pay."""
        payment = self._payments.get(session["id"])
        if payment.intent and (intent := self._intents.get(payment.intent)):
            return intent
        intent = self._intents.create(payment.template, payment.id)
        self._payments.save(Payment.from_document({**payment.as_document(), "intent": intent["id"]}))
        self._intents.announce(intent)
        return intent

    def _after_try(self, session: Document, intent: Document) -> Document:
        if intent["status"] in PAYABLE:
            return self._save({**session, "payment_intent": intent["id"]})
        address = {"city": None, "country": "KE", "line1": None, "line2": None, "postal_code": None, "state": None}
        completed = self._save(
            {
                **session,
                "payment_intent": intent["id"],
                "status": "complete",
                "payment_status": "paid" if intent["status"] == "succeeded" else "unpaid",
                "url": None,
                "customer_details": _customer_details(session["customer_email"] or "customer@example.com", address),
            }
        )
        self._emit("checkout.session.completed", completed)
        return completed

    def _save(self, session: Document) -> Document:
        return self._documents.save(KIND, session)

    def _emit(self, event_type: str, session: Document) -> None:
        payment = self._payments.get(session["id"])
        self._events.emit(event_type, session, payment.id, faults=payment.webhook_faults)


def checkout_session(wanted: Document, *, livemode: bool) -> Document:
    """Return a new session; ``wanted`` has its id, url, amounts and currency, and whatever differs from the usual."""
    email: str | None = wanted.get("customer_email")
    return {
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": None,
        "client_reference_id": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": int(time.time()),
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer": None,
        "customer_account": None,
        "customer_creation": "if_required",
        "customer_details": _customer_details(email) if email else None,
        "customer_email": None,
        "discounts": [],
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                **dict.fromkeys(("account_tax_ids", "custom_fields", "description", "footer", "issuer")),
                "metadata": {},
                "rendering_options": None,
            },
        },
        "livemode": livemode,
        "locale": None,
        "managed_payments": None,
        "metadata": {},
        "mode": "payment",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "wallet_options": None,
        **wanted,
    }


def _customer_details(email: str, address: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "address": address,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def line_item(*, name: str, unit_amount: int, quantity: int, currency: str, livemode: bool) -> Document:
    now = int(time.time())
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": unit_amount * quantity,
        "amount_tax": 0,
        "amount_total": unit_amount * quantity,
        "currency": currency,
        "description": name,
        "metadata": {},
        "price": {
            "id": new_id("price"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": now,
            "currency": currency,
            "custom_unit_amount": None,
            "livemode": livemode,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": new_id("prod"),
            "recurring": None,
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time",
            "unit_amount": unit_amount,
            "unit_amount_decimal": str(unit_amount),
        },
        "quantity": quantity,
    }
