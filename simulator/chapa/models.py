"""A payment as the simulator holds it."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from simulator.chapa.methods import METHODS, Method
from simulator.chapa.money import text
from simulator.checkout.models import Action, Checkout
from simulator.clock import iso_utc
from simulator.faults import Fault

PAID = ("success", "refunded", "reversed")


@dataclass(frozen=True)
class Payment:
    """One row of ``chapa_payment``. Amounts are in hundredths.

    ``status`` is what verify says, empty while nobody has tried to pay; ``page`` is whether the customer can still
    act, and why not. ``requested`` is what the merchant asked for, ``amount`` what is paid: a fault can part them.
    """

    tx_ref: str
    code: str
    reference: str
    requested: int
    requested_currency: str
    amount: int
    currency: str
    payer: dict[str, str | None]
    callback_url: str
    return_url: str
    customization: dict[str, str | None]
    meta: Any
    faults: tuple[Fault, ...]
    verifies: int
    refunds: int
    status: str
    page: str
    method: str
    charge: int | None
    tries: int
    log: list[dict[str, Any]]
    created_at: float
    updated_at: float
    expires_at: float
    paid_at: float | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Payment":
        values: dict[str, Any] = dict(row)
        del values["position"]
        for name in ("payer", "customization", "meta", "log"):
            values[name] = json.loads(values[name])
        values["faults"] = tuple(Fault(item.pop("fault"), item) for item in json.loads(values["faults"]))
        return cls(**values)

    @property
    def is_paid(self) -> bool:
        return self.status in PAID

    def fault(self, name: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.name == name), None)

    def is_waiting(self) -> bool:
        """Say whether it can still be paid, by the customer or by a fault."""
        late = {"cancelled": "chapa_success_after_cancelled", "failed": "chapa_success_after_failed"}.get(self.page)
        return not self.is_paid and (self.page == "open" or (late is not None and self.fault(late) is not None))

    def choices(self) -> tuple[Method, ...]:
        return METHODS if self.page == "open" else ()

    def as_checkout(self, merchant: str) -> Checkout:
        return Checkout(
            provider="chapa",
            id=self.code,
            reference=self.tx_ref,
            merchant=merchant,
            description=self.customization["description"] or self.customization["title"] or "",
            amount=text(self.requested),
            currency=self.requested_currency,
            customer=self.payer["email"] or self.payer["phone_number"] or "",
            state=self.page,
            actions=tuple(Action(choice.action, choice.label, choice.outcome) for choice in self.choices()),
            return_url=self.return_url,
            note=f"Try {self.tries} failed." if self.tries and not self.is_paid else "",
        )

    def as_book_entry(self, refunds: list[dict[str, Any]]) -> dict[str, Any]:
        status = "waiting" if self.is_waiting() else "failed"
        return {
            "provider": "chapa",
            "id": self.reference,
            "reference": self.tx_ref,
            "code": self.code,
            "customer": self.payer["email"],
            "amount": text(self.amount),
            "currency": self.currency,
            "requested_amount": text(self.requested),
            "fee": None if self.charge is None else text(self.charge),
            "status": "successful" if self.is_paid else status,
            "provider_status": self.status or "not paid",
            "channel": self.method,
            "receipt_number": self.reference if self.is_paid else None,
            "refunds": refunds,
            "tries": self.tries,
            "faults": [fault.as_json() for fault in self.faults],
            "verifies": self.verifies,
            "created_at": iso_utc(self.created_at),
            "finished_at": iso_utc(self.paid_at),
        }
