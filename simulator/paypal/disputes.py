"""Disputes: a buyer complains, and wins or loses. ``/v1/customer/disputes``."""

import time

from simulator.documents import Document, Documents
from simulator.paypal.events import Events
from simulator.paypal.identifiers import new_dispute_id, timestamp
from simulator.paypal.models import MERCHANT_ID, PAYER_EMAIL, Order
from simulator.paypal.orders import CAPTURE
from simulator.paypal.refunds import Refunds

KIND = "dispute"
WAITING, UNDER_REVIEW = "WAITING_FOR_SELLER_RESPONSE", "UNDER_REVIEW"
_ACTIONS = {WAITING: ("accept-claim", "provide-evidence"), UNDER_REVIEW: ("accept-claim", "adjudicate")}
_OUTCOMES = {"buyer": "RESOLVED_BUYER_FAVOUR", "seller": "RESOLVED_SELLER_FAVOUR"}


class Disputes:
    """Call its methods in a transaction; they keep the events of what they do."""

    def __init__(self, documents: Documents, events: Events, refunds: Refunds) -> None:
        self._documents = documents
        self._events = events
        self._refunds = refunds

    def open(self, order: Order, capture: Document, outcome: str) -> Document:
        """Dispute a capture; ``outcome`` is who wins at once, or open."""
        now = timestamp(time.time())
        dispute: Document = {
            "id": new_dispute_id(),
            "capture": capture["id"],
            "create_time": now,
            "update_time": now,
            "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
            "status": WAITING,
            "dispute_amount": capture["amount"],
            "dispute_life_cycle_stage": "CHARGEBACK",
            "dispute_channel": "INTERNAL",
            "disputed_transactions": [
                {
                    "seller_transaction_id": capture["id"],
                    "create_time": capture["create_time"],
                    "transaction_status": "COMPLETED",
                    "gross_amount": capture["amount"],
                    "custom": capture.get("custom_id", ""),
                    "invoice_number": capture.get("invoice_id", ""),
                    "buyer": {"email": PAYER_EMAIL},
                    "seller": {"merchant_id": MERCHANT_ID},
                }
            ],
            "seller_response_due_date": timestamp(time.time() + 10 * 24 * 3600),
        }
        self._documents.save(KIND, dispute, order.id)
        self._tell("CREATED", dispute, order)
        return self.resolve(order, dispute, outcome) if outcome in _OUTCOMES else dispute

    def review(self, order: Order, dispute: Document) -> Document:
        """Take the merchant's evidence: now PayPal has to decide."""
        reviewed = {**dispute, "status": UNDER_REVIEW, "update_time": timestamp(time.time())}
        self._documents.save(KIND, reviewed)
        self._tell("UPDATED", reviewed, order)
        return reviewed

    def resolve(self, order: Order, dispute: Document, winner: str) -> Document:
        """End a dispute; what the buyer wins is taken from the merchant."""
        resolved = {
            **dispute,
            "status": "RESOLVED",
            "update_time": timestamp(time.time()),
            "dispute_outcome": {"outcome_code": _OUTCOMES[winner], "amount_refunded": dispute["dispute_amount"]},
        }
        self._documents.save(KIND, resolved)
        capture = self._documents.get(CAPTURE, dispute["capture"])
        if winner == "buyer" and capture:
            self._refunds.reverse(order, capture)
        self._tell("RESOLVED", resolved, order)
        return resolved

    def _tell(self, what: str, dispute: Document, order: Order) -> None:
        self._events.emit(
            f"CUSTOMER.DISPUTE.{what}",
            KIND,
            dispute_view(dispute, order.base),
            owner=order.id,
            base=order.base,
            summary=f"A dispute was {what.lower()} for {order.id}",
        )


def dispute_view(dispute: Document, base: str) -> Document:
    own = f"{base}/v1/customer/disputes/{dispute['id']}"
    view = {name: value for name, value in dispute.items() if name not in ("id", "capture")}
    return {
        "dispute_id": dispute["id"],
        **view,
        "links": [
            {"href": own, "rel": "self", "method": "GET"},
            *(
                {"href": f"{own}/{name}", "rel": name.replace("-", "_"), "method": "POST"}
                for name in _ACTIONS.get(dispute["status"], ())
            ),
        ],
    }
