"""PayPal's books in the form that all providers share, and its statement."""

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

from simulator.clock import iso_utc, nairobi
from simulator.documents import Document, Documents
from simulator.paypal.ledger import Ledger
from simulator.paypal.models import Order
from simulator.paypal.money import amount_of, two_places
from simulator.paypal.orders import PAID, Orders
from simulator.paypal.payouts import BATCH, ITEM

_REFUND_STATES = {"COMPLETED": "successful", "PENDING": "pending"}
_PAYOUT_STATES = {"SUCCESS": "successful", "PENDING": "waiting", "UNCLAIMED": "waiting"}
_STATEMENT = ("id", "type", "reference", "gross", "fee", "net", "currency", "created")


class Books:
    def __init__(self, documents: Documents, orders: Orders, ledger: Ledger) -> None:
        self._documents = documents
        self._orders = orders
        self._ledger = ledger

    def payments(self, reference: str | None) -> list[dict[str, Any]]:
        return [self._entry(order) for order in self._orders.all() if reference in (None, order.reference)]

    def _entry(self, order: Order) -> dict[str, Any]:
        captures = self._orders.captures(order)
        status = _status(order, captures)
        total = sum((amount_of(unit["amount"]) for unit in order.units), Decimal(0))
        first = order.units[0]
        return {
            "provider": "paypal",
            "id": order.id,
            "reference": order.reference,
            "amount": two_places(total),
            "currency": order.currency,
            "status": status,
            "receipt_number": captures[0]["id"] if captures and status == "successful" else None,
            "order_status": order.status,
            "capture_status": captures[0]["status"] if captures else None,
            "custom_id": first.get("custom_id"),
            "invoice_id": first.get("invoice_id"),
            "disputed": bool(self._documents.owned("dispute", order.id)),
            "refunds": [
                {
                    "id": refund["id"],
                    "amount": two_places(amount_of(refund["amount"])),
                    "status": _REFUND_STATES.get(refund["status"], "failed"),
                }
                for refund in self._documents.owned("refund", order.id)
            ],
            "faults": [fault.as_json() for fault in order.faults],
            "created_at": iso_utc(order.created_at),
        }

    def payouts(self, reference: str | None) -> list[dict[str, Any]]:
        batches = {batch["id"]: batch for batch in self._documents.all(BATCH)}
        found = []
        for item in self._documents.all(ITEM):
            wanted, batch = item["payout_item"], batches[item["batch"]]
            own = wanted.get("sender_item_id") or batch["sender_batch_id"]
            if reference in (None, own):
                entry = {
                    "provider": "paypal",
                    "id": item["id"],
                    "reference": own,
                    "amount": two_places(Decimal(wanted["amount"]["value"])),
                    "currency": wanted["amount"]["currency"],
                    "status": _PAYOUT_STATES.get(item["status"], "failed"),
                    "batch": batch["id"],
                    "receiver": wanted["receiver"],
                }
                found.append(entry)
        return found

    def statement(self, day: date) -> str:
        """Return the movements of a day in Nairobi as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_STATEMENT)
        for movement in self._ledger.movements():
            if nairobi(movement["created_at"]).date() == day:
                gross, fee = Decimal(movement["gross"]), Decimal(movement["fee"])
                amounts = (two_places(gross), two_places(fee), two_places(gross - fee))
                writer.writerow(
                    (
                        movement["source"],
                        movement["type"],
                        movement["reference"],
                        *amounts,
                        movement["currency"],
                        iso_utc(movement["created_at"]),
                    )
                )
        return text.getvalue()


def _status(order: Order, captures: list[Document]) -> str:
    statuses = {capture["status"] for capture in captures}
    if statuses and statuses <= set(PAID):
        return "successful"
    if order.status in ("VOIDED", "EXPIRED") or statuses & {"DECLINED", "FAILED"}:
        return "failed"
    return "waiting"
