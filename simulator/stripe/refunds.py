"""Refunds: several for a charge, up to what was captured; a refund may wait, or fail after it looked done."""

import time

from simulator.documents import Document, Documents
from simulator.later import Later
from simulator.outbox import EventFaults
from simulator.stripe import money
from simulator.stripe.cards import card_named
from simulator.stripe.errors import StripeError, invalid
from simulator.stripe.events import Events
from simulator.stripe.identifiers import new_id
from simulator.stripe.ledger import Ledger
from simulator.stripe.wire import Struck

KIND = "refund"
CARD_SECONDS = 0.2  # until the refund of a test card for refunds changes
_FAILURE = "lost_or_stolen_card"


class Refunds:
    """Call its methods in a transaction; they keep the events of what they do."""

    def __init__(self, documents: Documents, events: Events, ledger: Ledger, later: Later) -> None:
        self._documents = documents
        self._events = events
        self._ledger = ledger
        self._later = later

    def create(
        self, charge: Document, amount: int | None, reason: str | None, metadata: dict[str, str], struck: Struck
    ) -> Document:
        """Give back an amount of a charge, the rest where none is named.

        Raises:
            StripeError: the charge is disputed, refunded already, or has less than this left.
        """
        amount = _allowed(charge, amount)
        seconds, ending = self._fate(charge, struck)
        owner = self._documents.owner_of("charge", charge["id"])
        refund = _refund(charge, amount, reason, metadata, "pending" if ending == "succeeded" else "succeeded")
        entry = self._ledger.record(
            "refund" if refund["charge"].startswith("ch_") else "payment_refund",
            -amount,
            charge["currency"],
            source=refund["id"],
            owner=owner,
            description="REFUND FOR CHARGE" + (f" ({charge['description']})" if charge["description"] else ""),
        )
        refund["balance_transaction"] = entry["id"]
        self._documents.save(KIND, refund, owner)
        refunded = self._change_charge(charge, amount)
        faults = struck.webhook_faults()
        self._emit("charge.refunded", refunded, owner, faults)
        self._emit("refund.created", refund, owner, faults)
        if ending:
            self._later.plan(seconds, "end-refund", refund=refund["id"], ending=ending)
        return refund

    def _fate(self, charge: Document, struck: Struck) -> tuple[float, str]:
        """Return what becomes of a new refund, and after how many seconds; empty when it is done at once."""
        if pending := struck.get("pending"):
            return pending.parameters["seconds"], "succeeded"
        if failing := struck.get("turns_failed"):
            return failing.parameters["seconds"], failing.parameters["reason"]
        name = self._documents.owner_of("payment_method", charge["payment_method"])
        kind = card_named(name).refund if name else ""
        return CARD_SECONDS, {"pending": "succeeded", "fails": _FAILURE}.get(kind, "")

    def end(self, refund: Document, ending: str) -> Document:
        """Let a refund succeed, or fail for the reason given: then the money is the merchant's again."""
        owner = self._documents.owner_of(KIND, refund["id"])
        previous = {"status": refund["status"]}
        if ending == "succeeded":
            refund.pop("pending_reason", None)
            ended = self._documents.save(KIND, {**refund, "status": "succeeded"})
        else:
            entry = self._ledger.record(
                "refund_failure" if refund["charge"].startswith("ch_") else "payment_failure_refund",
                refund["amount"],
                refund["currency"],
                source=refund["id"],
                owner=owner,
                description="REFUND FAILURE",
            )
            failure = {"status": "failed", "failure_reason": ending, "failure_balance_transaction": entry["id"]}
            ended = self._documents.save(KIND, {**refund, **failure})
            charge = self._documents.get("charge", refund["charge"])
            if charge:
                self._change_charge(charge, -refund["amount"])
        self._events.emit("refund.updated", ended, owner, previous=previous)
        self._events.emit("charge.refund.updated", ended, owner, previous=previous)
        if ending != "succeeded":
            self._events.emit("refund.failed", ended, owner)
        return ended

    def update(self, refund: Document, metadata: dict[str, str]) -> Document:
        previous = {"metadata": refund["metadata"]}
        updated = self._documents.save(KIND, {**refund, "metadata": metadata})
        self._events.emit("refund.updated", updated, self._documents.owner_of(KIND, refund["id"]), previous=previous)
        return updated

    def _change_charge(self, charge: Document, amount: int) -> Document:
        refunded: int = charge["amount_refunded"] + amount
        return self._documents.save(
            "charge", {**charge, "amount_refunded": refunded, "refunded": refunded == charge["amount_captured"]}
        )

    def _emit(self, event_type: str, document: Document, owner: str, faults: EventFaults) -> None:
        self._events.emit(event_type, document, owner, faults=faults)


def _allowed(charge: Document, amount: int | None) -> int:
    left: int = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    if not charge["captured"] or charge["status"] != "succeeded":
        raise no_successful_charge(charge["payment_intent"])
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    wanted = left if amount is None else amount
    if wanted > left:
        currency = charge["currency"]
        raise invalid(
            f"Refund amount ({money.major(wanted, currency)} {currency}) is greater than unrefunded amount on charge"
            f" ({money.major(left, currency)} {currency})",
            param="amount",
        )
    return wanted


def no_successful_charge(intent_id: str) -> StripeError:
    return invalid(
        f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.", param="payment_intent"
    )


def _refund(charge: Document, amount: int, reason: str | None, metadata: dict[str, str], status: str) -> Document:
    kind = charge["payment_method_details"]["type"]
    card = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    refund = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": int(time.time()),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {kind: card if kind == "card" else {}, "type": kind},
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
    return {**refund, "pending_reason": "processing"} if status == "pending" else refund
