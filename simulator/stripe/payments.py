"""One payment as the simulator sees it: a Checkout Session with its PaymentIntent, or a PaymentIntent alone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from simulator.documents import Document, Documents
from simulator.faults import Fault, FaultBox
from simulator.outbox import EventFaults, without_prefix

KIND = "payment"
# Where a merchant may put his own reference when there is no client_reference_id.
_REFERENCE_KEYS = ("reference", "attempt", "attempt_id", "order", "order_id")


@dataclass(frozen=True)
class Payment:
    """``id`` is that of the session, or of the intent when there is no session."""

    id: str
    reference: str
    origin: str  # where the merchant reaches the simulator: http://127.0.0.1:8100
    session: str | None = None
    intent: str | None = None
    faults: tuple[Fault, ...] = ()
    calls: dict[str, int] = field(default_factory=dict)  # by stage: how many of the faults kept for it are used up
    template: dict[str, Any] = field(default_factory=dict)  # of a session: what its intent is made from

    @classmethod
    def from_document(cls, document: Document) -> "Payment":
        faults = tuple(Fault(item.pop("fault"), item) for item in document["faults"])
        return cls(**{**document, "faults": faults})

    def as_document(self) -> Document:
        return {**asdict(self), "faults": [fault.as_json() for fault in self.faults]}

    def fault(self, name: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.name == name), None)

    @property
    def webhook_faults(self) -> EventFaults:
        """Return the faults of the webhooks that tell how the payment ended."""
        return without_prefix(self.faults, "stripe_webhook")


def reference_of(client_reference_id: str | None, metadata: Mapping[str, str], description: str | None) -> str:
    """Return the merchant's own reference: the client_reference_id, else one from the metadata, else the text."""
    if client_reference_id:
        return client_reference_id
    found = next((metadata[key] for key in _REFERENCE_KEYS if key in metadata), None)
    return found or description or ""


class Payments:
    def __init__(self, documents: Documents, faults: FaultBox) -> None:
        self._documents = documents
        self._faults = faults

    def save(self, payment: Payment) -> Payment:
        self._documents.save(KIND, payment.as_document())
        return payment

    def get(self, payment_id: str) -> Payment:
        document = self._documents.get(KIND, payment_id)
        if document is None:
            raise LookupError(payment_id)
        return Payment.from_document(document)

    def of(self, kind: str, document_id: str) -> Payment | None:
        """Return the payment that a document belongs to, None where it belongs to none, as transfers do."""
        document = self._documents.get(KIND, self._documents.owner_of(kind, document_id))
        return Payment.from_document(document) if document else None

    def all(self) -> list[Payment]:
        return [Payment.from_document(document) for document in self._documents.all(KIND)]

    def draw(self, stage: str, payment: Payment | None, reference: str | None) -> tuple[Fault, ...]:
        """Return the fault that came with this payment for this call, else what strikes any call of the stage."""
        if payment:
            attached = [fault for fault in payment.faults if fault.name.startswith(f"stripe_{stage}_")]
            used = payment.calls.get(stage, 0)
            if used < len(attached):
                self.save(replace(payment, calls={**payment.calls, stage: used + 1}))
                return (attached[used],)
            reference = payment.reference
        return self._faults.draw(f"stripe.{stage}", reference=reference)

    def attach(self, payment: Payment, faults: tuple[Fault, ...]) -> None:
        """Keep faults that strike later in the payment's life."""
        if faults:
            current = self.get(payment.id)
            self.save(replace(current, faults=(*current.faults, *faults)))
