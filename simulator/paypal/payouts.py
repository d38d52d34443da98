"""Payouts to sellers, in batches. ``/v1/payments/payouts``."""

import re
import time
from decimal import Decimal
from typing import Any

from simulator.documents import Document, Documents
from simulator.later import Later
from simulator.paypal.events import Events
from simulator.paypal.identifiers import new_batch_id, new_resource_id, timestamp
from simulator.paypal.ledger import Ledger
from simulator.paypal.money import places

BATCH, ITEM = "payout", "payout-item"
PROCESSING_SECONDS = 0.2
_FEE = Decimal("0.25")
# An item whose note is one of these codes fails with it, as in the sandbox's negative tests.
_FAILURES = {
    "ERRPYO001": ("FAILED", "INSUFFICIENT_FUNDS", "Sender does not have sufficient funds."),
    "ERRPYO002": ("FAILED", "SENDER_RESTRICTED", "Sender is restricted."),
    "ERRPYO003": ("UNCLAIMED", "RECEIVER_UNREGISTERED", "Receiver is unregistered."),
    "ERRPYO004": ("RETURNED", "RECEIVER_UNCONFIRMED", "Receiver did not confirm the address."),
    "ERRPYO005": ("BLOCKED", "TRANSACTION_BLOCKED", "The payout was blocked."),
}
_EVENTS = {"SUCCESS": "SUCCEEDED"}


class Payouts:
    """Call its methods in a transaction; they keep the events of what they do."""

    def __init__(self, documents: Documents, events: Events, ledger: Ledger, later: Later) -> None:
        self._documents = documents
        self._events = events
        self._ledger = ledger
        self._later = later

    def create(self, header: Document, items: list[Document], base: str) -> Document:
        now = timestamp(time.time())
        batch: Document = {
            "id": new_batch_id(),
            "sender_batch_id": header.get("sender_batch_id", ""),
            "base": base,
            "status": "PENDING",
            "time_created": now,
            "header": header,
        }
        self._documents.save(BATCH, batch, batch["id"])
        for item in items:
            kept = {"id": new_resource_id(), "transaction_id": "", "status": "PENDING", "batch": batch["id"]}
            self._documents.save(ITEM, {**kept, "payout_item": item, "time_created": now}, batch["id"])
        self._later.plan(PROCESSING_SECONDS, "pay-out", batch=batch["id"])
        self._tell("PAYMENT.PAYOUTSBATCH.PROCESSING", "payouts", self.batch_view(batch), batch)
        return batch

    def sent_with(self, sender_batch_id: str) -> Document | None:
        found = self._documents.matching(BATCH, "sender_batch_id", sender_batch_id)
        return found[0] if found else None

    def pay(self, batch: Document) -> None:
        """Pay every item of a batch, but those whose note wants a failure."""
        for item in self._documents.owned(ITEM, batch["id"]):
            paid = self._pay_item(batch, item)
            status = paid["status"]
            self._tell(
                f"PAYMENT.PAYOUTS-ITEM.{_EVENTS.get(status, status)}", "payouts_item", item_view(paid, batch), batch
            )
        done = {**batch, "status": "SUCCESS", "time_completed": timestamp(time.time())}
        self._documents.save(BATCH, done)
        self._tell("PAYMENT.PAYOUTSBATCH.SUCCESS", "payouts", self.batch_view(done), done)

    def _pay_item(self, batch: Document, item: Document) -> Document:
        wanted = item["payout_item"]
        failure = _FAILURES.get(wanted.get("note", ""))
        paid = {**item, "time_processed": timestamp(time.time()), "status": failure[0] if failure else "SUCCESS"}
        if failure:
            paid["errors"] = {"name": failure[1], "message": failure[2], "debug_id": item["id"][:13].lower()}
        if not failure or failure[0] == "UNCLAIMED":
            paid["transaction_id"] = new_resource_id()
            currency = wanted["amount"]["currency"]
            reference = wanted.get("sender_item_id") or batch["sender_batch_id"]
            amount = -Decimal(wanted["amount"]["value"])
            self._ledger.record("payout", item["id"], amount, reference=reference, currency=currency, fee=_FEE)
        return self._documents.save(ITEM, paid)

    def items(self, batch: Document) -> list[Document]:
        return self._documents.owned(ITEM, batch["id"])

    def batch_view(self, batch: Document) -> Document:
        """Write a batch with its items, as ``GET`` shows it."""
        return {
            "batch_header": self.header_view(batch),
            "items": [item_view(item, batch) for item in self.items(batch)],
            "links": [_link(batch["base"], f"payouts/{batch['id']}")],
        }

    def header_view(self, batch: Document) -> Document:
        amounts = [item["payout_item"]["amount"] for item in self.items(batch)]
        currency = amounts[0]["currency"] if amounts else "USD"
        total = sum((Decimal(amount["value"]) for amount in amounts), Decimal(0))
        header: dict[str, Any] = {
            "payout_batch_id": batch["id"],
            "batch_status": batch["status"],
            "time_created": batch["time_created"],
            "sender_batch_header": batch["header"],
            "funding_source": "BALANCE",
            "amount": {"currency": currency, "value": f"{total:.{places(currency)}f}"},
            "fees": {"currency": currency, "value": f"{_FEE * len(amounts):.{places(currency)}f}"},
        }
        if "time_completed" in batch:
            header["time_completed"] = batch["time_completed"]
        return header

    def _tell(self, event_type: str, resource_type: str, resource: Document, batch: Document) -> None:
        self._events.emit(
            event_type,
            resource_type,
            resource,
            owner=batch["id"],
            base=batch["base"],
            summary=re.sub(r"[.-]", " ", event_type.removeprefix("PAYMENT.")).capitalize(),
        )


def item_view(item: Document, batch: Document) -> Document:
    amount = item["payout_item"]["amount"]
    view: Document = {
        "payout_item_id": item["id"],
        "transaction_id": item["transaction_id"],
        "activity_id": f"0{item['id']}",
        "transaction_status": item["status"],
        "payout_item_fee": {"currency": amount["currency"], "value": str(_FEE)},
        "payout_batch_id": batch["id"],
        "sender_batch_id": batch["sender_batch_id"],
        "payout_item": item["payout_item"],
        "time_processed": item.get("time_processed", item["time_created"]),
        "links": [_link(batch["base"], f"payouts-item/{item['id']}")],
    }
    return {**view, "errors": item["errors"]} if "errors" in item else view


def created_view(batch: Document) -> Document:
    """Write a batch as the answer to its creation."""
    return {
        "batch_header": {
            "payout_batch_id": batch["id"],
            "batch_status": batch["status"],
            "sender_batch_header": batch["header"],
        },
        "links": [_link(batch["base"], f"payouts/{batch['id']}")],
    }


def _link(base: str, path: str) -> dict[str, str]:
    return {"href": f"{base}/v1/payments/{path}", "rel": "self", "method": "GET", "encType": "application/json"}
