"""Payments and operations as the simulator holds them."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from simulator.clock import iso_utc
from simulator.daraja.results import describe_result
from simulator.faults import Fault

REFUND_STATUSES = {"waiting": "pending", "successful": "successful", "failed": "failed"}


def faults_from_json(text: str) -> tuple[Fault, ...]:
    return tuple(Fault(item.pop("fault"), item) for item in json.loads(text))


def faults_as_json(faults: tuple[Fault, ...]) -> str:
    return json.dumps([fault.as_json() for fault in faults])


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
        values["faults"] = faults_from_json(values["faults"])
        return cls(**values)

    def is_waiting_for_pin(self) -> bool:
        return self.status == "waiting" and self.decided_code is None

    def as_book_entry(self) -> dict[str, Any]:
        """Describe the payment in the form that all providers share: money as text with two places."""
        return {
            "provider": "daraja",
            "kind": "stk",
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


@dataclass(frozen=True)
class C2BPayment:
    """One row of ``mpesa_c2b``: a payment that a customer starts himself. ``amount`` is in whole shillings.

    M-Pesa gives it its receipt number before the merchant is asked, so a refused one has a ``trans_id`` as well.
    ``number`` is the paybill or the till that was typed.
    """

    trans_id: str
    msisdn: str
    amount: int
    transaction_type: str
    number: str
    reference: str
    third_party_trans_id: str
    faults: tuple[Fault, ...]
    status: str
    result_code: str | None
    created_at: float
    finished_at: float | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "C2BPayment":
        values: dict[str, Any] = dict(row)
        values["faults"] = faults_from_json(values["faults"])
        return cls(**values)

    def as_book_entry(self) -> dict[str, Any]:
        """Describe the payment with the keys of an STK payment; ``reference`` is what the customer typed."""
        return {
            "provider": "daraja",
            "kind": "c2b",
            "id": self.trans_id,
            "merchant_request_id": None,
            "checkout_request_id": None,
            "msisdn": self.msisdn,
            "amount": f"{self.amount}.00",
            "currency": "KES",
            "reference": self.reference,
            "description": "",
            "transaction_type": self.transaction_type,
            "status": self.status,
            "result_code": self.result_code,
            "result_desc": None if self.result_code is None else describe_result(self.result_code),
            "receipt_number": self.trans_id if self.status == "successful" else None,
            "callback_url": None,
            "faults": [fault.as_json() for fault in self.faults],
            "queries": 0,
            "created_at": iso_utc(self.created_at),
            "finished_at": iso_utc(self.finished_at),
        }


@dataclass(frozen=True)
class Operation:
    """One row of ``mpesa_operation``: what an initiator asked for. ``amount`` is in whole shillings.

    ``other_party`` is who is paid; ``receipt`` and ``asked_conversation`` name the transaction that is reversed or
    asked about. ``decided_code`` is a result that is settled before anything is tried (a wrong credential, a fault).
    """

    conversation_id: str
    originator_conversation_id: str
    kind: str
    command: str
    shortcode: str
    other_party: str
    amount: int | None
    reference: str
    receipt: str
    asked_conversation: str
    remarks: str
    occasion: str
    result_url: str
    timeout_url: str
    faults: tuple[Fault, ...]
    decided_code: str | None
    status: str
    result_code: str | None
    receipt_number: str | None
    created_at: float
    timed_out_at: float | None
    finished_at: float | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Operation":
        values: dict[str, Any] = dict(row)
        values["faults"] = faults_from_json(values["faults"])
        return cls(**values)

    def fault(self, name: str) -> Fault | None:
        """Return the fault of this operation's own stage: ``result_late`` is ``b2c_result_late`` for a payout."""
        stage = "b2c" if self.kind == "b2b" else self.kind
        return next((fault for fault in self.faults if fault.name == f"{stage}_{name}"), None)

    def as_refund(self) -> dict[str, Any]:
        """Describe a refund in the form that all providers share."""
        return {
            "id": self.originator_conversation_id,
            "kind": self.kind,
            "amount": f"{self.amount}.00",
            "status": REFUND_STATUSES[self.status],
            "receipt_number": self.receipt_number,
        }

    def as_payout(self) -> dict[str, Any]:
        """Describe a payout in the form that all providers share, ``reference`` being its occasion or account."""
        return {
            "provider": "daraja",
            "kind": self.kind,
            "id": self.originator_conversation_id,
            "conversation_id": self.conversation_id,
            "command": self.command,
            "recipient": self.other_party,
            "amount": f"{self.amount}.00",
            "currency": "KES",
            "reference": self.reference or self.occasion,
            "remarks": self.remarks,
            "status": self.status,
            "result_code": self.result_code,
            "result_desc": None if self.result_code is None else describe_result(self.result_code),
            "receipt_number": self.receipt_number,
            "faults": [fault.as_json() for fault in self.faults],
            "created_at": iso_utc(self.created_at),
            "finished_at": iso_utc(self.finished_at),
        }
