"""A payment as the simulator holds it."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from simulator.clock import iso_utc
from simulator.daraja.results import describe_result
from simulator.faults import Fault


@dataclass(frozen=True)
class Payment:
    """One row of ``mpesa_payment``. ``amount`` is in whole shillings.

    ``decided_code`` is the result of a push that never shows a prompt (a locked PIN, a limit, ...); it
    becomes ``result_code`` as soon as the push is answered.
    """

    checkout_request_id: str
    merchant_request_id: str
    msisdn: str
    amount: int
    reference: str
    description: str
    transaction_type: str
    shortcode: str
    party_b: str
    callback_url: str
    faults: tuple[Fault, ...]
    queries: int
    decided_code: str | None
    status: str
    result_code: str | None
    receipt_number: str | None
    created_at: float
    expires_at: float
    finished_at: float | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Payment":
        values: dict[str, Any] = dict(row)
        values["faults"] = tuple(Fault(item.pop("fault"), item) for item in json.loads(values["faults"]))
        return cls(**values)

    def is_waiting_for_pin(self) -> bool:
        return self.status == "waiting" and self.decided_code is None

    def as_book_entry(self) -> dict[str, Any]:
        """Describe the payment in the form that all providers share: money as text with two places."""
        return {
            "provider": "daraja",
            "id": self.checkout_request_id,
            "merchant_request_id": self.merchant_request_id,
            "checkout_request_id": self.checkout_request_id,
            "msisdn": self.msisdn,
            "amount": f"{self.amount}.00",
            "currency": "KES",
            "reference": self.reference,
            "description": self.description,
            "transaction_type": self.transaction_type,
            "status": self.status,
            "result_code": self.result_code,
            "result_desc": None if self.result_code is None else describe_result(self.result_code),
            "receipt_number": self.receipt_number,
            "callback_url": self.callback_url,
            "faults": [fault.as_json() for fault in self.faults],
            "queries": self.queries,
            "created_at": iso_utc(self.created_at),
            "finished_at": iso_utc(self.finished_at),
        }
