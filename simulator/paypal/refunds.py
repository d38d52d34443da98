"""Refunds of captures, in parts up to what was captured; and what banks take back."""

import time
from collections.abc import Iterable
from decimal import Decimal

from simulator.documents import Document, Documents
from simulator.later import Later
from simulator.outbox import without_prefix
from simulator.paypal.errors import issue
from simulator.paypal.events import Events
from simulator.paypal.identifiers import new_resource_id, timestamp
from simulator.paypal.ledger import Ledger
from simulator.paypal.models import Order, refund_view
from simulator.paypal.money import amount_of, money
from simulator.paypal.orders import CAPTURE, PAID
from simulator.transport import Struck

KIND = "refund"
_COUNTED = ("COMPLETED", "PENDING")


class Refunds:
    """Call its methods in a transaction; they keep the events of what they do."""

    def __init__(self, documents: Documents, events: Events, ledger: Ledger, later: Later) -> None:
        self._documents = documents
        self._events = events
        self._ledger = ledger
        self._later = later

    def create(self, order: Order, capture: Document, wanted: Document, struck: Struck) -> Document:
        """Give back an amount of a capture, the rest where ``wanted`` names none.

        Raises:
            PayPalError: the capture cannot be refunded, or not by this much.
        """
        left = self._left(capture)
        self._check_refundable(capture, left)
        amount = left
        if "amount" in wanted:
            if wanted["amount"]["currency_code"] != order.currency:
                raise issue("CURRENCY_MISMATCH", field="/amount/currency_code", value=wanted["amount"]["currency_code"])
            amount = amount_of(wanted["amount"])
            if amount > left:
                raise issue("REFUND_AMOUNT_EXCEEDED", field="/amount/value", value=wanted["amount"]["value"])
        pending = struck.get("paypal_refund_pending")
        failing = struck.get("paypal_refund_turns_failed")
        waiting = pending or failing
        refund = self._new(order, capture, amount, wanted, "PENDING" if waiting else "COMPLETED")
        self._documents.save(KIND, refund, order.id)
        if waiting:
            outcome = "COMPLETED" if pending else "FAILED"
            self._later.plan(waiting.parameters["seconds"], "end-refund", refund=refund["id"], outcome=outcome)
        self._follow(order, capture)
        self._settle(order, refund, struck)
        return refund

    def _left(self, capture: Document) -> Decimal:
        refunds = self._of(capture)
        return amount_of(capture["amount"]) - sum((amount_of(refund["amount"]) for refund in refunds), Decimal(0))

    def _of(self, capture: Document) -> Iterable[Document]:
        owner = self._documents.owner_of(CAPTURE, capture["id"])
        return [
            refund
            for refund in self._documents.owned(KIND, owner)
            if refund["capture"] == capture["id"] and refund["status"] in _COUNTED
        ]

    def _check_refundable(self, capture: Document, left: Decimal) -> None:
        disputes = self._documents.matching("dispute", "capture", capture["id"])
        if any(dispute["status"] != "RESOLVED" for dispute in disputes):
            raise issue("TRANSACTION_DISPUTED")
        if capture["status"] == "PENDING":
            raise issue("PENDING_CAPTURE")
        if capture["status"] not in PAID or left <= 0:
            raise issue("CAPTURE_FULLY_REFUNDED")

    def _new(self, order: Order, capture: Document, amount: Decimal, wanted: Document, status: str) -> Document:
        now, currency = timestamp(time.time()), order.currency
        total = amount_of(capture["amount"]) - self._left(capture) + amount
        refund: Document = {
            "id": new_resource_id(),
            "unit": capture["unit"],
            "capture": capture["id"],
            "status": status,
            "amount": money(amount, currency),
            **{name: wanted[name] for name in ("custom_id", "invoice_id", "note_to_payer") if name in wanted},
            "seller_payable_breakdown": {
                "gross_amount": money(amount, currency),
                "paypal_fee": money(Decimal(0), currency),
                "net_amount": money(amount, currency),
                "total_refunded_amount": money(total, currency),
            },
            "create_time": now,
            "update_time": now,
        }
        return {**refund, "status_details": {"reason": "ECHECK"}} if status == "PENDING" else refund

    def _follow(self, order: Order, capture: Document) -> None:
        """Bring a capture's status in line with its refunds."""
        left = self._left(capture)
        full = amount_of(capture["amount"])
        status = "COMPLETED" if left == full else "REFUNDED" if left == 0 else "PARTIALLY_REFUNDED"
        changed = {**capture, "status": status, "update_time": timestamp(time.time())}
        self._documents.save(CAPTURE, changed, order.id)

    def _settle(self, order: Order, refund: Document, struck: Struck | None = None) -> None:
        """Book a refund as it stands, and tell of it."""
        status = refund["status"]
        if status == "COMPLETED":
            self._record("refund", refund, order)
        event_type = "PAYMENT.CAPTURE.REFUNDED" if status == "COMPLETED" else f"PAYMENT.REFUND.{status}"
        faults = without_prefix(struck.faults, "paypal_refund_webhook") if struck else {}
        self._events.emit(
            event_type,
            KIND,
            refund_view(refund, order),
            owner=order.id,
            base=order.base,
            summary=f"A $ {refund['amount']['value']} {order.currency} capture payment was refunded",
            faults=faults,
        )

    def _record(self, kind: str, refund: Document, order: Order) -> None:
        amount = -amount_of(refund["amount"])
        self._ledger.record(kind, refund["id"], amount, reference=order.reference, currency=order.currency)

    def end(self, order: Order, refund: Document, outcome: str) -> None:
        """End a refund that is pending: COMPLETED, or FAILED, and then the money stays with the merchant."""
        capture = self._documents.get(CAPTURE, refund["capture"])
        if capture is None or refund["status"] != "PENDING":
            return
        refund.pop("status_details", None)
        ended = {**refund, "status": outcome, "update_time": timestamp(time.time())}
        self._documents.save(KIND, ended)
        self._follow(order, capture)
        self._settle(order, ended)

    def reverse(self, order: Order, capture: Document) -> None:
        """Give the buyer back what is left of a capture, as after a dispute that he won."""
        left = self._left(capture)
        if left <= 0:
            return
        reversal = self._new(order, capture, left, {}, "COMPLETED")
        self._documents.save(KIND, reversal, order.id)
        self._follow(order, capture)
        self._record("reversal", reversal, order)
        self._events.emit(
            "PAYMENT.CAPTURE.REVERSED",
            KIND,
            refund_view(reversal, order),
            owner=order.id,
            base=order.base,
            summary=f"A $ {reversal['amount']['value']} {order.currency} capture payment was reversed",
        )
