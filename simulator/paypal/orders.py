"""Orders from creation over the payer's approval to the capture."""

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from simulator.documents import Document, Documents
from simulator.faults import Fault, FaultBox
from simulator.later import Later
from simulator.outbox import NO_FAULTS, EventFaults
from simulator.paypal.errors import PayPalError, issue, not_found
from simulator.paypal.events import Events
from simulator.paypal.identifiers import new_resource_id, timestamp
from simulator.paypal.ledger import Ledger
from simulator.paypal.models import Order, capture_view, order_view, payer_link
from simulator.paypal.money import amount_of, fee, money
from simulator.transport import Struck

KIND = "order"
CAPTURE = "capture"
PAID = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")
APPROVAL_SECONDS = 3 * 3600.0  # for the payer to approve, and then for the merchant to capture
ACCEPTED, DECLINED = "accepted", "declined"


class Orders:
    """Call its methods that change something in a transaction; they keep the events of what they do."""

    def __init__(self, documents: Documents, events: Events, ledger: Ledger, later: Later, faults: FaultBox) -> None:
        self._documents = documents
        self._events = events
        self._ledger = ledger
        self._later = later
        self._faults = faults
        self.on_opened: Callable[[str], None] = lambda _: None

    # --- keeping

    def save(self, order: Order) -> Order:
        self._documents.save(KIND, order.as_document(), order.id)
        return order

    def find(self, order_id: str) -> Order | None:
        document = self._documents.get(KIND, order_id)
        return Order.from_document(document) if document else None

    def get(self, order_id: str) -> Order:
        """Return an order that a request names. Raises: PayPalError."""
        order = self.find(order_id)
        if order is None or order.status == "EXPIRED":
            raise not_found()
        return order

    def of(self, kind: str, document_id: str) -> Order | None:
        """Return the order that a capture, a refund or a dispute belongs to."""
        return self.find(self._documents.owner_of(kind, document_id))

    def all(self) -> list[Order]:
        return [Order.from_document(document) for document in self._documents.all(KIND)]

    def waiting(self) -> list[Order]:
        found = [
            document
            for status in ("CREATED", "PAYER_ACTION_REQUIRED")
            for document in self._documents.matching(KIND, "status", status)
        ]
        return sorted((Order.from_document(document) for document in found), key=lambda order: order.created_at)

    def captures(self, order: Order) -> list[Document]:
        return self._documents.owned(CAPTURE, order.id)

    def view(self, order: Order) -> Document:
        return order_view(order, self.captures(order), self._documents.owned("refund", order.id))

    # --- faults

    def draw(self, stage: str, order: Order | None, reference: str | None) -> tuple[Fault, ...]:
        """Return the fault that came with this order for this call, else what strikes any call of the stage."""
        if order:
            prefix = stage.replace(".", "_") + "_"
            attached = [fault for fault in order.faults if fault.name.startswith(prefix)]
            used = order.calls.get(stage, 0)
            if used < len(attached):
                self.save(replace(order, calls={**order.calls, stage: used + 1}))
                return (attached[used],)
            reference = order.reference
        return self._faults.draw(stage, reference=reference)

    def attach(self, order: Order, faults: tuple[Fault, ...]) -> None:
        """Keep faults that strike later in the payment's life."""
        current = self.find(order.id)
        if faults and current:
            self.save(replace(current, faults=(*current.faults, *faults)))

    # --- the payer

    def open(self, order: Order) -> Order:
        self._later.plan(APPROVAL_SECONDS, "expire", order=order.id)
        return self.save(order)

    def approve(self, order: Order, instrument: str) -> Order:
        approved = self.save(replace(order, status="APPROVED", instrument=instrument, updated_at=time.time(), note=""))
        self._tell("CHECKOUT.ORDER.APPROVED", approved, "An order has been approved by buyer", order.approval_faults)
        lapse = order.fault("paypal_approval_lapses")
        self._later.plan(lapse.parameters["seconds"] if lapse else APPROVAL_SECONDS, "lapse", order=order.id)
        return approved

    def turn_down(self, order: Order) -> Order:
        """Let PayPal itself refuse what the payer chose on its page; the order stays open."""
        return self.save(replace(order, note="PayPal could not use this card. Choose another one."))

    def expire(self, order: Order) -> None:
        """End an order that nobody approved in time."""
        if order.waits_for_payer:
            self.save(replace(order, status="EXPIRED"))

    def lapse(self, order: Order) -> None:
        """Take back an approval that was never used."""
        if order.status != "APPROVED":
            return
        voided = self.save(replace(order, status="VOIDED", instrument="", updated_at=time.time()))
        resource = {"order_id": order.id, "purchase_units": order.units}
        self._events.emit(
            "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
            "checkout-order",
            resource,
            owner=voided.id,
            base=voided.base,
            summary="A problem occurred after the buyer approved the order but before you captured the payment.",
        )

    # --- the capture

    def capture(self, order: Order, struck: Struck) -> PayPalError | None:
        """Take the money of an approved order. A refusal that is returned has changed something.

        Raises:
            PayPalError: the order cannot be captured; nothing was changed.
        """
        self._check_capturable(order)
        if order.instrument == DECLINED:
            self.save(replace(order, status=order.first_status, note="The card was declined. Choose another one."))
            return issue("INSTRUMENT_DECLINED", links=(payer_link(order, "redirect"),))
        status, pending = "COMPLETED", struck.get("paypal_capture_pending")
        if pending:
            status = "PENDING"
        elif struck.get("paypal_capture_declined"):
            status = "DECLINED"
        completed = self.save(replace(order, status="COMPLETED", updated_at=time.time()))
        for number in range(len(order.units)):
            capture = _capture(order, number, status, pending.parameters["reason"] if pending else "")
            self._documents.save(CAPTURE, capture, order.id)
            self._settle(completed, capture)
            if pending:
                self._later.plan(
                    pending.parameters["seconds"],
                    "decide",
                    capture=capture["id"],
                    outcome=pending.parameters["outcome"],
                )
        self._tell("CHECKOUT.ORDER.COMPLETED", completed, "Checkout Order Completed", order.webhook_faults)
        return None

    def _check_capturable(self, order: Order) -> None:
        if order.status == "COMPLETED":
            raise issue("ORDER_ALREADY_CAPTURED")
        if order.status == "VOIDED":
            raise issue("ORDER_NOT_APPROVED")
        if order.waits_for_payer:
            # After a decline PayPal wants the payer back, before the first approval it wants just that.
            name = "PAYER_ACTION_REQUIRED" if order.instrument == DECLINED else "ORDER_NOT_APPROVED"
            raise issue(name, links=(payer_link(order, "payer-action"),))
        invoices = {unit["invoice_id"] for unit in order.units if unit.get("invoice_id")}
        for invoice in sorted(invoices):
            earlier = self._documents.matching(CAPTURE, "invoice_id", invoice)
            if any(capture["status"] in (*PAID, "PENDING") for capture in earlier):
                raise issue("DUPLICATE_INVOICE_ID", field="/purchase_units/0/invoice_id", value=invoice)

    def decide(self, capture: Document, outcome: str) -> None:
        """End a capture that is pending: COMPLETED or DENIED, which its status calls DECLINED."""
        order = self.of(CAPTURE, capture["id"])
        if order is None or capture["status"] != "PENDING":
            return
        capture.pop("status_details", None)
        status = "COMPLETED" if outcome == "COMPLETED" else "DECLINED"
        decided = {**capture, "status": status, "update_time": timestamp(time.time())}
        if status == "COMPLETED":
            decided["seller_receivable_breakdown"] = _breakdown(capture)
        self._documents.save(CAPTURE, decided)
        self._settle(order, decided, "PAYMENT.CAPTURE.DENIED" if status == "DECLINED" else "")

    def _settle(self, order: Order, capture: Document, event_type: str = "") -> None:
        """Book a capture as it stands, and tell of it."""
        amount, status = amount_of(capture["amount"]), capture["status"]
        shown = f"$ {capture['amount']['value']} {order.currency}"
        if status == "COMPLETED":
            self._ledger.record(
                "payment",
                capture["id"],
                amount,
                reference=order.reference,
                currency=order.currency,
                fee=fee(amount, order.currency),
            )
            dispute = order.fault("paypal_dispute")
            if dispute:
                seconds, outcome = dispute.parameters["seconds"], dispute.parameters["outcome"]
                self._later.plan(seconds, "dispute", capture=capture["id"], outcome=outcome)
        words = {"COMPLETED": "Payment completed", "PENDING": "Payment pending"}.get(status, "Payment denied")
        self._events.emit(
            event_type or f"PAYMENT.CAPTURE.{status}",
            CAPTURE,
            capture_view(capture, order, related=True),
            owner=order.id,
            base=order.base,
            summary=f"{words} for {shown}",
            faults=order.webhook_faults,
        )

    def _tell(self, event_type: str, order: Order, summary: str, faults: EventFaults = NO_FAULTS) -> None:
        self._events.emit(
            event_type,
            "checkout-order",
            self.view(order),
            owner=order.id,
            base=order.base,
            summary=summary,
            faults=faults,
        )


def _capture(order: Order, number: int, status: str, reason: str) -> Document:
    unit, now = order.units[number], timestamp(time.time())
    capture: Document = {
        "id": new_resource_id(),
        "unit": number,
        "status": status,
        "amount": {name: unit["amount"][name] for name in ("currency_code", "value")},
        "final_capture": True,
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
        **{name: unit[name] for name in ("invoice_id", "custom_id") if unit.get(name)},
        "create_time": now,
        "update_time": now,
    }
    if reason:
        capture["status_details"] = {"reason": reason}
    if status == "COMPLETED":
        capture["seller_receivable_breakdown"] = _breakdown(capture)
    return capture


def _breakdown(capture: Document) -> Document:
    currency, gross = capture["amount"]["currency_code"], amount_of(capture["amount"])
    taken: Decimal = fee(gross, currency)
    return {
        "gross_amount": money(gross, currency),
        "paypal_fee": money(taken, currency),
        "net_amount": money(gross - taken, currency),
    }
