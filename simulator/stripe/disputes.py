"""Disputes: the customer's bank takes the money back, until the merchant wins it again."""

import time
from typing import Any

from simulator.documents import Document, Documents
from simulator.stripe.errors import invalid
from simulator.stripe.events import Events
from simulator.stripe.identifiers import new_id
from simulator.stripe.ledger import Ledger
from simulator.stripe.money import DISPUTE_FEE

KIND = "dispute"
DUE_SECONDS = 7 * 24 * 3600
OPEN = ("needs_response", "under_review")
# Evidence that decides a dispute at once, as in Stripe's test mode.
_VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}
EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name"),
    *("customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation"),
    *("duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure"),
    *("refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier"),
    *("shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file"),
    "uncategorized_text",
)


class Disputes:
    """Call its methods in a transaction; they keep the events of what they do."""

    def __init__(self, documents: Documents, events: Events, ledger: Ledger) -> None:
        self._documents = documents
        self._events = events
        self._ledger = ledger

    def open(self, charge: Document, reason: str) -> Document | None:
        """Dispute what is left of a charge; one that is given back already cannot be disputed."""
        amount: int = charge["amount_captured"] - charge["amount_refunded"]
        if charge["disputed"] or amount == 0:
            return None
        owner = self._documents.owner_of("charge", charge["id"])
        dispute = _dispute(charge, amount, reason)
        entry = self._ledger.record(
            "adjustment",
            -amount,
            charge["currency"],
            source=dispute["id"],
            owner=owner,
            fee=DISPUTE_FEE,
            description=f"Chargeback withdrawal for {charge['id']}",
        )
        self._documents.save(KIND, dispute, owner)
        self._documents.save("charge", {**charge, "disputed": True})
        self._events.emit("charge.dispute.created", dispute, owner)
        withdrawn = self._documents.save(KIND, {**dispute, "balance_transactions": [entry]})
        self._events.emit("charge.dispute.funds_withdrawn", withdrawn, owner)
        return withdrawn

    def respond(
        self, dispute: Document, evidence: dict[str, str], metadata: dict[str, str], *, submit: bool
    ) -> Document:
        """Add evidence. Once submitted, the dispute is under review, or decided by test evidence.

        Raises:
            StripeError: the dispute is decided already.
        """
        _check_open(dispute)
        details: dict[str, Any] = {**dispute["evidence_details"], "has_evidence": True}
        changed = {**dispute, "evidence": {**dispute["evidence"], **evidence}, "metadata": metadata}
        if submit:
            details |= {"submission_count": details["submission_count"] + 1, "submission_method": "manual"}
            changed["status"] = "under_review"
        changed["evidence_details"] = details
        owner = self._documents.owner_of(KIND, dispute["id"])
        self._documents.save(KIND, changed)
        previous = {"status": dispute["status"], "evidence_details": dispute["evidence_details"]}
        self._events.emit("charge.dispute.updated", changed, owner, previous=previous)
        verdict = _VERDICTS.get(changed["evidence"]["uncategorized_text"] or "")
        return self._end(changed, verdict) if submit and verdict else changed

    def close(self, dispute: Document) -> Document:
        """Give in: the dispute is lost. Raises: StripeError."""
        _check_open(dispute)
        return self._end(dispute, "lost")

    def _end(self, dispute: Document, verdict: str) -> Document:
        owner = self._documents.owner_of(KIND, dispute["id"])
        ended = self._documents.save(KIND, {**dispute, "status": verdict})
        self._events.emit("charge.dispute.closed", ended, owner)
        if verdict == "won":
            entry = self._ledger.record(
                "adjustment",
                dispute["amount"],
                dispute["currency"],
                source=dispute["id"],
                owner=owner,
                fee=-DISPUTE_FEE,
                description=f"Chargeback reversal for {dispute['charge']}",
            )
            movements = [*dispute["balance_transactions"], entry]
            ended = self._documents.save(KIND, {**ended, "balance_transactions": movements})
            self._events.emit("charge.dispute.funds_reinstated", ended, owner)
        return ended


def _check_open(dispute: Document) -> None:
    if dispute["status"] not in OPEN:
        raise invalid(f"This dispute is already closed: its status is {dispute['status']}.")


def _dispute(charge: Document, amount: int, reason: str) -> Document:
    now = int(time.time())
    card = charge["payment_method_details"].get("card")
    details: dict[str, Any] = {"type": "sepa_debit"}
    if card:
        network = {"brand": card["brand"], "case_type": "chargeback", "network": card["brand"]}
        details = {"card": {**network, "network_reason_code": "10.4"}, "type": "card"}
    return {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + DUE_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": charge["livemode"],
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": details,
        "reason": reason,
        "status": "needs_response",
    }
