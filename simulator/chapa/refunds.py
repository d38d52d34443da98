"""Refunds: from the request to the money on the customer's side."""

import time
from typing import Any

from simulator.chapa import money
from simulator.chapa.identifiers import moment, new_code, new_number
from simulator.chapa.models import Payment
from simulator.chapa.objects import event_data
from simulator.chapa.parts import Parts
from simulator.chapa.payments import Payments
from simulator.chapa.wire import ChapaError, Fields
from simulator.documents import Document
from simulator.faults import Fault

STARTED, DONE, FAILED = "Refund Initiated", "Refunded", "Failed"
_BOOKED = {DONE: "successful", FAILED: "failed"}


class Refunds:
    """Refunds as Chapa keeps them; the key is the merchant's reference, or Chapa's own where none was given."""

    def __init__(self, parts: Parts, payments: Payments) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._documents = parts.documents
        self._later = parts.later
        self._events = parts.events
        self._payments = payments
        parts.later.works["refund"] = lambda details: self._finish(str(details["id"]))

    def create(
        self, payment: Payment, amount: int, *, reason: str, reference: str, meta: Any, faults: tuple[Fault, ...]
    ) -> Document:
        """Take a refund on. ``amount`` is in hundredths."""
        now = time.time()
        own = new_code("REF-", 12).upper()
        refund = {
            "id": reference or own,
            "number": new_number(),
            "ref": own,
            "chapa_reference": payment.reference,
            "bank_reference": None,
            "amount": amount,
            "currency": payment.currency,
            "status": STARTED,
            "reason": reason,
            "merchant_reference": reference or None,
            "meta": meta,
            "tx_ref": payment.tx_ref,
            "created_at": moment(now),
            "updated_at": moment(now),
            "faults": [fault.as_json() for fault in faults],
        }
        with self._store.transaction():
            self._documents.save("refund", refund, owner=payment.tx_ref)
            slow = next((fault for fault in faults if fault.name == "chapa_refund_slow"), None)
            self._later.plan(
                slow.parameters["seconds"] if slow else self._settings.step_seconds, "refund", id=refund["id"]
            )
        return refund

    def _finish(self, refund_id: str) -> None:
        refund = self._documents.get("refund", refund_id)
        if refund is None or refund["status"] != STARTED:
            return
        struck = {item["fault"]: Fault(item["fault"], item) for item in refund["faults"]}
        fails = "chapa_refund_fails" in struck
        refund.update(
            status=FAILED if fails else DONE,
            bank_reference=None if fails else new_code("B", 8).upper(),
            updated_at=moment(time.time()),
        )
        with self._store.transaction():
            self._documents.save("refund", refund)
            if fails:
                return
            payment = self._payments.get(refund["tx_ref"])
            done = sum(entry["amount"] for entry in self.of(payment) if entry["status"] == DONE)
            if done >= payment.amount and payment.status == "success":
                self._payments.set_status(payment, "refunded")
            other = struck.get("chapa_refund_other_event")
            event: str = other.parameters["event"] if other else "charge.refunded"
            data = event_data(payment, event, "refunded", self._payments.mode)
            data["amount"] = money.text(refund["amount"])
            self._events.send(payment.reference, data, prefix="chapa_refund_webhook", faults=struck.values())

    # --- reading

    def find(self, reference: str) -> Document | None:
        """Return the refund of Chapa's own reference or of the merchant's."""
        if found := self._documents.get("refund", reference):
            return found
        found_by_own = self._documents.matching("refund", "ref", reference)
        return found_by_own[0] if found_by_own else None

    def of(self, payment: Payment) -> list[Document]:
        return self._documents.owned("refund", payment.tx_ref)

    def listing(self) -> list[Document]:
        """Return every refund, oldest first."""
        return list(self._documents.all("refund"))

    def left(self, payment: Payment) -> int:
        """Return the hundredths that can still be refunded."""
        asked: int = sum(refund["amount"] for refund in self.of(payment) if refund["status"] != FAILED)
        return payment.amount - asked

    def book_entries(self, payment: Payment) -> list[dict[str, Any]]:
        """Return what went back of a payment, a reversal included."""
        entries = [
            {
                "id": refund["ref"],
                "reference": refund["merchant_reference"],
                "amount": money.text(refund["amount"]),
                "status": _BOOKED.get(refund["status"], "pending"),
                "provider_status": refund["status"],
            }
            for refund in self.of(payment)
        ]
        if payment.status == "reversed" and (left := self.left(payment)) > 0:
            name = f"{payment.reference}-reversal"
            entries.append({"id": name, "amount": money.text(left), "status": "successful"})
        return entries


def initiated(refund: Document) -> Fields:
    """Return a new refund as the request for it is answered."""
    names = ("chapa_reference", "bank_reference", "ref", "currency", "status", "reason", "merchant_reference")
    return {
        "id": refund["number"],
        **{name: refund[name] for name in names},
        "amount": money.text(refund["amount"]),
        "created_at": refund["created_at"],
        "updated_at": refund["updated_at"],
    }


def verified(refund: Document) -> Fields:
    """Return a refund as verify has it: its own reference is ``ref_id`` here."""
    data = initiated(refund)
    data["ref_id"] = data.pop("ref")
    return data


def reference_used() -> ChapaError:
    return ChapaError(400, "Refund reference has been used before")
