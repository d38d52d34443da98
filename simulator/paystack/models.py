"""A transaction as the simulator holds it."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from simulator.checkout.models import Action, Checkout
from simulator.clock import iso_utc
from simulator.faults import Fault
from simulator.paystack.instruments import Instrument, choices
from simulator.paystack.money import major

PAID = ("success", "reversal pending", "reversed")


@dataclass(frozen=True)
class Transaction:
    """One row of ``paystack_transaction``. Amounts are in hundredths.

    ``status`` is what the API says; ``page`` is whether the customer can still act, and why not. ``requested`` is
    what the merchant asked for, ``amount`` what is paid: with a fault these differ.
    """

    id: int
    reference: str
    access_code: str
    direct: bool
    email: str
    requested: int
    requested_currency: str
    amount: int
    currency: str
    channels: tuple[str, ...]
    callback_url: str
    label: str
    metadata: Any
    details: dict[str, Any]  # of a charge: phone, provider, bank account, …
    faults: tuple[Fault, ...]
    verifies: int
    refunds: int
    status: str
    page: str
    step: str  # "hosted", or what a charge waits for
    channel: str
    instrument: str
    authorization_code: str
    message: str
    gateway_response: str
    fees: int | None
    tries: int
    ip_address: str
    created_at: float
    expires_at: float | None
    paid_at: float | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Transaction":
        values: dict[str, Any] = dict(row)
        del values["position"]
        values["direct"] = bool(values["direct"])
        for name in ("metadata", "details"):
            values[name] = json.loads(values[name])
        values["channels"] = tuple(json.loads(values["channels"]))
        values["faults"] = tuple(Fault(item.pop("fault"), item) for item in json.loads(values["faults"]))
        return cls(**values)

    @property
    def is_paid(self) -> bool:
        return self.status in PAID

    def fault(self, name: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.name == name), None)

    def choices(self) -> tuple[Instrument, ...]:
        return choices(self.step, self.channels) if self.page == "open" else ()

    def as_checkout(self, merchant: str) -> Checkout:
        outcomes = {"rejected": "failed"}
        return Checkout(
            provider="paystack",
            id=self.access_code,
            reference=self.reference,
            merchant=merchant,
            description=self.label,
            amount=major(self.requested),
            currency=self.requested_currency,
            customer=self.details.get("phone") or self.email,
            state=self.page,
            actions=tuple(
                Action(choice.action, choice.label, outcomes.get(choice.outcome, choice.outcome))
                for choice in self.choices()
            ),
            return_url=self.next_url(),
            note=self.gateway_response if self.tries and not self.is_paid else "",
        )

    def next_url(self) -> str:
        """Return where the customer goes: back to the merchant with the reference, or nowhere."""
        if self.page == "cancelled" and isinstance(self.metadata, dict):
            cancelled = self.metadata.get("cancel_action")
            if isinstance(cancelled, str) and cancelled:
                return cancelled
        if not self.callback_url:
            return ""
        mark = "&" if "?" in self.callback_url else "?"
        return f"{self.callback_url}{mark}trxref={self.reference}&reference={self.reference}"

    def is_waiting(self) -> bool:
        """Say whether it can still be paid, by the customer or by a fault."""
        late = {"cancelled": "paystack_success_after_abandoned"}.get(self.page, "paystack_success_after_failed")
        return not self.is_paid and (self.page == "open" or self.fault(late) is not None)

    def as_book_entry(self, refunds: list[dict[str, Any]]) -> dict[str, Any]:
        status = "waiting" if self.is_waiting() else "failed"
        return {
            "provider": "paystack",
            "id": str(self.id),
            "reference": self.reference,
            "access_code": self.access_code,
            "customer": self.email,
            "amount": major(self.amount),
            "currency": self.currency,
            "requested_amount": major(self.requested),
            "fee": None if self.fees is None else major(self.fees),
            "status": "successful" if self.is_paid else status,
            "provider_status": self.status,
            "channel": self.channel,
            "receipt_number": str(self.id) if self.is_paid else None,
            "refunds": refunds,
            "faults": [fault.as_json() for fault in self.faults],
            "verifies": self.verifies,
            "created_at": iso_utc(self.created_at),
            "finished_at": iso_utc(self.paid_at),
        }
