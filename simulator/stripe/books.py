"""Stripe's books in the form that all providers share, and its statement."""

import csv
import io
from datetime import date
from typing import Any

from simulator.clock import iso_utc, nairobi
from simulator.documents import Document, Documents
from simulator.stripe import money
from simulator.stripe.ledger import KIND as BALANCE_TRANSACTION
from simulator.stripe.payments import Payment, Payments

_REFUND_STATES = {"succeeded": "successful", "failed": "failed", "canceled": "failed"}
_STATEMENT = ("id", "type", "reference", "gross", "fee", "net", "currency", "created")


class Books:
    def __init__(self, documents: Documents, payments: Payments) -> None:
        self._documents = documents
        self._payments = payments

    def payments(self, reference: str | None) -> list[dict[str, Any]]:
        return [self._entry(payment) for payment in self._payments.all() if reference in (None, payment.reference)]

    def _entry(self, payment: Payment) -> dict[str, Any]:
        session = self._documents.get("checkout.session", payment.session) if payment.session else None
        intent = self._documents.get("payment_intent", payment.intent) if payment.intent else None
        made_from = intent or payment.template
        currency = made_from["currency"]
        status = _status(session, intent)
        amount = made_from["amount_received"] if status == "successful" else made_from["amount"]
        known = session or intent or {}
        return {
            "provider": "stripe",
            "id": payment.id,
            "reference": payment.reference,
            "amount": money.major(amount, currency),
            "currency": currency.upper(),
            "status": status,
            "receipt_number": intent["latest_charge"] if intent and status == "successful" else None,
            "checkout_session": payment.session,
            "payment_intent": payment.intent,
            "session_status": session["status"] if session else None,
            "payment_status": session["payment_status"] if session else None,
            "intent_status": intent["status"] if intent else None,
            "disputed": any(charge["disputed"] for charge in self._documents.owned("charge", payment.id)),
            "metadata": made_from["metadata"],
            "refunds": [_refund(refund) for refund in self._documents.owned("refund", payment.id)],
            "faults": [fault.as_json() for fault in payment.faults],
            "created_at": iso_utc(known["created"]),
        }

    def payouts(self, reference: str | None) -> list[dict[str, Any]]:
        return [
            {
                "provider": "stripe",
                "id": transfer["id"],
                "reference": transfer["transfer_group"] or "",
                "amount": money.major(transfer["amount"] - transfer["amount_reversed"], transfer["currency"]),
                "currency": transfer["currency"].upper(),
                "status": "failed" if transfer["reversed"] else "successful",
                "destination": transfer["destination"],
                "created_at": iso_utc(transfer["created"]),
            }
            for transfer in self._documents.all("transfer")
            if reference in (None, transfer["transfer_group"])
        ]

    def statement(self, day: date) -> str:
        """Return the balance transactions of a day in Nairobi as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_STATEMENT)
        for transaction in self._documents.all(BALANCE_TRANSACTION):
            if nairobi(transaction["created"]).date() == day:
                writer.writerow(self._statement_row(transaction))
        return text.getvalue()

    def _statement_row(self, transaction: Document) -> tuple[str, ...]:
        currency = transaction["currency"]
        payment = self._payments.of(BALANCE_TRANSACTION, transaction["id"])
        return (
            transaction["id"],
            transaction["type"],
            payment.reference if payment else "",
            money.major(transaction["amount"], currency),
            money.major(transaction["fee"], currency),
            money.major(transaction["net"], currency),
            currency.upper(),
            iso_utc(transaction["created"]) or "",
        )


def _status(session: Document | None, intent: Document | None) -> str:
    if intent and intent["status"] == "succeeded":
        return "successful"
    if (intent and intent["status"] == "canceled") or (session and session["status"] == "expired"):
        return "failed"
    completed_unpaid = session is not None and session["status"] == "complete"
    if completed_unpaid and intent and intent["status"] == "requires_payment_method":
        return "failed"  # the bank debit did not come
    return "waiting"


def _refund(refund: Document) -> dict[str, Any]:
    return {
        "id": refund["id"],
        "amount": money.major(refund["amount"], refund["currency"]),
        "status": _REFUND_STATES.get(refund["status"], "pending"),
    }
