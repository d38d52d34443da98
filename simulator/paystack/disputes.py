"""Disputes (chargebacks): opened from the control side, answered by the merchant, decided by the bank."""

import time
from typing import Any

from simulator.clock import iso_utc
from simulator.documents import Document
from simulator.paystack.identifiers import new_id
from simulator.paystack.models import Transaction
from simulator.paystack.objects import authorization_data
from simulator.paystack.parts import Parts
from simulator.paystack.refunds import Refunds
from simulator.paystack.transactions import Transactions
from simulator.paystack.wire import Fields

CATEGORIES = ("chargeback", "fraud")
WAITS_FOR_MERCHANT, WAITS_FOR_BANK, RESOLVED = "awaiting-merchant-feedback", "awaiting-bank-feedback", "resolved"
_BANK = "bank@example.com"
_PREFIX = "paystack_webhook"
_TRANSACTION = (
    "id",
    "domain",
    "status",
    "reference",
    "amount",
    "currency",
    "channel",
    "gateway_response",
    "metadata",
)


class Disputes:
    def __init__(self, parts: Parts, transactions: Transactions, refunds: Refunds) -> None:
        self._store = parts.store
        self._documents = parts.documents
        self._later = parts.later
        self._events = parts.events
        self._transactions = transactions
        self._refunds = refunds
        parts.later.works["dispute_due"] = lambda details: self._due(str(details["id"]))

    def open(self, transaction: Transaction, *, amount: int, category: str, due_seconds: float) -> Document:
        """Let a customer's bank dispute a payment. ``amount`` is in hundredths, at most what was not refunded."""
        moment = time.time()
        now = iso_utc(moment)
        dispute = {
            "id": new_id() // 10_000,
            "refund_amount": amount,
            "currency": transaction.currency,
            "status": WAITS_FOR_MERCHANT,
            "resolution": None,
            "domain": self._transactions.domain,
            "transaction_reference": None,
            "category": category,
            "merchant_transaction_reference": None,
            "dueAt": iso_utc(moment + due_seconds),
            "resolvedAt": None,
            "evidence": None,
            "attachments": None,
            "note": None,
            "history": [{"status": "pending", "by": _BANK, "createdAt": now}],
            "messages": [{"sender": _BANK, "body": "Goods not received", "createdAt": now}],
            "created_at": now,
            "updated_at": now,
            "_transaction": transaction.reference,
        }
        with self._store.transaction():
            self._documents.save("dispute", dispute, owner=transaction.reference)
            self._later.plan(due_seconds, "dispute_due", id=dispute["id"])
            self._tell(dispute, "create")
        return dispute

    def remind(self, dispute: Document) -> None:
        self._tell(dispute, "remind")

    def add_evidence(self, dispute: Document, evidence: Fields) -> Fields:
        """Keep what the merchant says for himself."""
        now = iso_utc(time.time())
        kept = {**evidence, "dispute": dispute["id"], "id": new_id() // 10_000, "createdAt": now, "updatedAt": now}
        self._write(dispute, evidence=kept)
        return kept

    def set_refund_amount(self, dispute: Document, amount: int) -> Document:
        self._write(dispute, refund_amount=amount)
        return dispute

    def resolve(self, dispute: Document, *, resolution: str, message: str, amount: int) -> Document:
        """Take the merchant's answer: accepted money goes back at once, a refusal is for the bank to judge."""
        with self._store.transaction():
            self._say(dispute, "merchant", message)
            if resolution == "declined":
                self._write(dispute, status=WAITS_FOR_BANK)
        if resolution == "declined":
            return dispute
        self._write(dispute, refund_amount=amount)
        return self._close(dispute, resolution, pays_back=True)

    def decide(self, dispute: Document, *, merchant_wins: bool) -> Document:
        """Let the bank judge what the merchant declined."""
        return self._close(dispute, "declined" if merchant_wins else "merchant-lost", pays_back=not merchant_wins)

    def _due(self, dispute_id: str) -> None:
        dispute = self.get(dispute_id)
        if dispute is not None and dispute["status"] == WAITS_FOR_MERCHANT:
            self._close(dispute, "auto-accepted", pays_back=True)

    def _close(self, dispute: Document, resolution: str, *, pays_back: bool) -> Document:
        now = iso_utc(time.time())
        with self._store.transaction():
            dispute["history"].append({"status": RESOLVED, "by": "Paystack", "createdAt": now})
            self._write(dispute, status=RESOLVED, resolution=resolution, resolvedAt=now)
            self._tell(dispute, "resolve")
        transaction = self.transaction(dispute)
        if pays_back and (amount := min(dispute["refund_amount"], self._refunds.left(transaction))) > 0:
            refund = self._refunds.create(transaction, amount, (), merchant_note=f"Dispute {dispute['id']}")
            self._refunds.release(refund["id"])
        return dispute

    def _say(self, dispute: Document, sender: str, body: str) -> None:
        now = iso_utc(time.time())
        dispute["messages"].append({"sender": sender, "body": body, "createdAt": now})
        dispute["history"].append({"status": dispute["status"], "by": sender, "createdAt": now})

    def _write(self, dispute: Document, **changes: Any) -> None:
        dispute.update(changes, updated_at=iso_utc(time.time()))
        self._documents.save("dispute", dispute)

    def _tell(self, dispute: Document, what: str) -> None:
        transaction = self.transaction(dispute)
        self._events.send(str(transaction.id), f"charge.dispute.{what}", self._event_data(dispute), prefix=_PREFIX)

    # --- reading

    def shown(self, dispute: Document) -> Fields:
        """Return a dispute; its ``transaction_reference`` is null, the reference stands in ``transaction``."""
        transaction = self.transaction(dispute)
        described = self._transactions.describe(transaction)
        authorization = authorization_data(transaction)
        data = {name: value for name, value in dispute.items() if not name.startswith("_")}
        return {
            **data,
            "transaction": described,
            "customer": described["customer"],
            "bin": authorization.get("bin"),
            "last4": authorization.get("last4"),
        }

    def _event_data(self, dispute: Document) -> Fields:
        """Return a dispute as events have it: there is less in ``transaction`` and ``customer``."""
        data = self.shown(dispute)
        return {
            **data,
            "transaction": {name: data["transaction"][name] for name in _TRANSACTION},
            "customer": {name: data["customer"][name] for name in ("id", "email", "customer_code")},
        }

    def transaction(self, dispute: Document) -> Transaction:
        return self._transactions.get(dispute["_transaction"])

    def get(self, dispute_id: str) -> Document | None:
        return self._documents.get("dispute", dispute_id)

    def listing(self) -> list[Document]:
        """Return every dispute, newest first."""
        return list(self._documents.all("dispute"))[::-1]
