"""Refunds: from the request to the money on the customer's side, or back on the merchant's."""

import time
from typing import Any

from simulator.clock import iso_utc
from simulator.documents import Document
from simulator.faults import Fault
from simulator.paystack.identifiers import new_id, new_refund_reference
from simulator.paystack.instruments import paying_instrument
from simulator.paystack.models import Transaction
from simulator.paystack.money import major
from simulator.paystack.objects import INTEGRATION
from simulator.paystack.parts import Parts
from simulator.paystack.transactions import Transactions
from simulator.paystack.wire import Fields, PaystackError

EXPECTED_SECONDS = 9 * 86_400
# Amounts are text in most events, a number in this. Source: Paystack's samples.
_NUMBER_IN = ("failed",)
_BOOKED = {"processed": "successful", "failed": "failed"}


class Refunds:
    """Refunds as Paystack keeps them. Keys that begin with ``_`` are the simulator's own."""

    def __init__(self, parts: Parts, transactions: Transactions) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._documents = parts.documents
        self._later = parts.later
        self._events = parts.events
        self._transactions = transactions
        parts.later.works["refund"] = lambda details: self._advance(str(details["id"]))

    def create(
        self,
        transaction: Transaction,
        amount: int,
        faults: tuple[Fault, ...],
        *,
        customer_note: str = "",
        merchant_note: str = "",
        fate: str = "",
    ) -> Document:
        """Queue a refund. Amounts are in hundredths. Call ``release`` once the merchant has the answer."""
        now = iso_utc(time.time())
        names = {fault.name for fault in faults}
        if "paystack_refund_fails" in names:
            fate = "failed"
        elif "paystack_refund_needs_attention" in names:
            fate = "needs-attention"
        refund = {
            "id": new_id(),
            "integration": INTEGRATION,
            "domain": self._transactions.domain,
            "transaction": transaction.id,
            "dispute": None,
            "settlement": None,
            "amount": amount,
            "deducted_amount": 0,
            "fully_deducted": 0,
            "currency": transaction.currency,
            "channel": None,
            "status": "pending",
            "refunded_by": "ops@shop.example",
            "refunded_at": None,
            "expected_at": iso_utc(time.time() + EXPECTED_SECONDS),
            "customer_note": customer_note or f"Refund for transaction {transaction.reference}",
            "merchant_note": merchant_note or f"Refund for transaction {transaction.reference}",
            "createdAt": now,
            "updatedAt": now,
            "_reference": None,
            "_fate": fate or paying_instrument(transaction.instrument).refund_fate or "processed",
            "_faults": [fault.as_json() for fault in faults],
        }
        with self._store.transaction():
            self._documents.save("refund", refund, owner=transaction.reference)
            self._update_transaction(transaction)
            self._plan_step(refund)
        return refund

    def release(self, refund_id: int) -> None:
        """Tell the merchant of a new refund."""
        refund = self.get(str(refund_id))
        if refund is not None and refund["status"] == "pending":
            self._tell(refund)

    def retry(self, refund: Document) -> Document:
        """Queue a refund again that needed the customer's account, which is known now."""
        with self._store.transaction():
            self._write(refund, status="pending", _fate="processed")
            self._plan_step(refund)
        return refund

    # --- from state to state

    def _plan_step(self, refund: Document) -> None:
        slow = self._faults(refund).get("paystack_refund_slow")
        seconds = slow.parameters["seconds"] if slow else self._settings.step_seconds
        self._later.plan(seconds, "refund", id=refund["id"])

    def _advance(self, refund_id: str) -> None:
        refund = self.get(refund_id)
        if refund is None or refund["status"] not in ("pending", "processing"):
            return
        with self._store.transaction():
            if refund["status"] == "pending":
                self._write(refund, status="processing")
                self._plan_step(refund)
            elif refund["_fate"] == "processed":
                self._write(
                    refund,
                    status="processed",
                    _reference=new_refund_reference(),
                    deducted_amount=refund["amount"],
                    fully_deducted=1,
                    refunded_at=iso_utc(time.time()),
                )
            else:
                self._write(refund, status=refund["_fate"])
            self._update_transaction(self._transaction(refund))
            self._tell(refund)

    def _write(self, refund: Document, **changes: Any) -> None:
        refund.update(changes, updatedAt=iso_utc(time.time()))
        self._documents.save("refund", refund)

    def _update_transaction(self, transaction: Transaction) -> None:
        """Let the transaction say whether all of it goes back, or has gone back."""
        refunds = self.of(transaction)
        gone = sum(refund["amount"] for refund in refunds if refund["status"] == "processed")
        going = sum(refund["amount"] for refund in refunds if refund["status"] != "failed")
        if gone >= transaction.amount:
            self._transactions.set_status(transaction, "reversed")
        elif going >= transaction.amount:
            self._transactions.set_status(transaction, "reversal pending")
        else:
            self._transactions.set_status(transaction, "success")

    # --- events

    def _tell(self, refund: Document) -> None:
        struck = self._faults(refund)
        status: str = refund["status"]
        reordered = "paystack_refund_events_reordered" in struck
        if reordered and status == "processing":
            return  # it comes after the end
        prefix = "paystack_refund_webhook"
        before, after = [], []
        if f"{prefix}_forged" in struck and status == "pending":
            before.append(self._events.forged("refund.processed", self._event_data(refund, "processed")))
        if reordered and status not in ("pending", "processing"):
            after.append(self._events.right("refund.processing", self._event_data(refund, "processing")))
        self._events.send(
            str(refund["transaction"]),
            f"refund.{status}",
            self._event_data(refund, status),
            prefix=prefix,
            faults=struck.values(),
            before=tuple(before),
            after=tuple(after),
        )

    def _event_data(self, refund: Document, status: str) -> Fields:
        transaction = self._transaction(refund)
        customer = self._transactions.customer(transaction)
        struck = self._faults(refund)
        amount: int = refund["amount"]
        if "paystack_refund_webhook_wrong_amount" in struck:
            amount = amount - 100 if amount > 100 else amount + 100
        number = (status in _NUMBER_IN) != ("paystack_refund_amount_flipped" in struck)
        data: Fields = {
            "status": status,
            "transaction_reference": transaction.reference,
            "refund_reference": refund["_reference"],
            "amount": amount if number else str(amount),
            "currency": refund["currency"],
            "processor": "mpesa" if transaction.channel == "mobile_money" else "mpgs",
            "customer": {name: customer[name] for name in ("first_name", "last_name", "email")},
            "integration": INTEGRATION,
            "domain": refund["domain"],
        }
        if status == "needs-attention":
            data["id"] = str(refund["id"])
            data["customer_note"] = refund["customer_note"]
            data["merchant_note"] = refund["merchant_note"]
        return data

    # --- reading

    def get(self, refund_id: str) -> Document | None:
        return self._documents.get("refund", refund_id)

    def of(self, transaction: Transaction) -> list[Document]:
        return self._documents.owned("refund", transaction.reference)

    def listing(self) -> list[Document]:
        """Return every refund, newest first."""
        return list(self._documents.all("refund"))[::-1]

    def left(self, transaction: Transaction) -> int:
        """Return the hundredths that can still be refunded."""
        asked: int = sum(refund["amount"] for refund in self.of(transaction) if refund["status"] != "failed")
        return transaction.amount - asked

    def book_entries(self, transaction: Transaction) -> list[dict[str, Any]]:
        return [
            {
                "id": str(refund["id"]),
                "amount": major(refund["amount"]),
                "status": _BOOKED.get(refund["status"], "pending"),
                "provider_status": refund["status"],
            }
            for refund in self.of(transaction)
        ]

    def _transaction(self, refund: Document) -> Transaction:
        transaction = self._transactions.find(refund["transaction"])
        if transaction is None:
            raise PaystackError(404, "Transaction not found", "transaction_not_found")
        return transaction

    def _faults(self, refund: Document) -> dict[str, Fault]:
        return {item["fault"]: Fault(item["fault"], item) for item in refund["_faults"]}


def shown(refund: Document) -> Fields:
    """Return a refund as ``GET /refund`` has it."""
    return {name: value for name, value in refund.items() if not name.startswith("_")}
