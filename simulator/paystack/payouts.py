"""Payouts: recipients, transfers and the balance that they come from."""

import time
from typing import Any

from simulator.clock import iso_utc
from simulator.documents import Document
from simulator.faults import Fault
from simulator.paystack.banks import find_bank
from simulator.paystack.identifiers import new_code, new_id
from simulator.paystack.money import DEFAULT_CURRENCY, major
from simulator.paystack.objects import INTEGRATION
from simulator.paystack.parts import Parts
from simulator.paystack.refunds import Refunds
from simulator.paystack.transactions import Transactions
from simulator.paystack.wire import Fields

# In each currency, so that payouts can be tried before anything was earned. Hundredths.
OPENING_BALANCE = 100_000_000
# The money is on its way, has arrived, or came back.
_TAKES = ("pending", "otp", "success", "received")
_BOOKED = {"success": "successful", "pending": "waiting", "otp": "waiting", "received": "waiting"}
_EVENTS = {"success": "transfer.success", "failed": "transfer.failed", "reversed": "transfer.reversed"}


class Payouts:
    """Recipients and transfers as Paystack keeps them. Keys that begin with ``_`` are the simulator's own."""

    def __init__(self, parts: Parts, transactions: Transactions, refunds: Refunds) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._documents = parts.documents
        self._later = parts.later
        self._events = parts.events
        self._transactions = transactions
        self._refunds = refunds
        self.otp_required = False  # until the merchant asks for it; real accounts begin with it
        parts.later.works["transfer"] = lambda details: self._end(str(details["reference"]), str(details["status"]))

    # --- recipients

    def recipient(self, code: str) -> Document | None:
        return self._documents.get("recipient", code)

    def recipients(self) -> list[Document]:
        return list(self._documents.all("recipient"))[::-1]

    def see_recipient(
        self, *, kind: str, name: str, account_number: str, bank_code: str, currency: str, metadata: Any
    ) -> tuple[Document, bool]:
        """Return the recipient of an account, and whether it is new."""
        owner = "/".join((kind, currency, bank_code, account_number))
        if known := self._documents.owned("recipient", owner):
            return known[0], False
        now = iso_utc(time.time())
        bank = find_bank(bank_code, currency)
        code = new_code("RCP")
        recipient = {
            "id": code,
            "_id": new_id() // 10_000,
            "active": True,
            "createdAt": now,
            "currency": currency,
            "description": "",
            "domain": self._transactions.domain,
            "email": None,
            "integration": INTEGRATION,
            "metadata": metadata,
            "name": name,
            "recipient_code": code,
            "type": kind,
            "updatedAt": now,
            "is_deleted": False,
            "isDeleted": False,
            "details": {
                "authorization_code": None,
                "account_number": account_number,
                "account_name": None,
                "bank_code": bank_code,
                "bank_name": bank["name"] if bank else None,
            },
        }
        self._documents.save("recipient", recipient, owner=owner)
        return recipient, True

    # --- transfers

    def transfer(self, reference: str) -> Document | None:
        return self._documents.get("transfer", reference)

    def transfers(self) -> list[Document]:
        return list(self._documents.all("transfer"))[::-1]

    def by_code(self, code: str) -> Document | None:
        """Return the transfer of a code, or of Paystack's id."""
        for field, value in (("transfer_code", code), ("_id_text", code)):
            if found := self._documents.matching("transfer", field, value):
                return found[0]
        return None

    def create(
        self, *, recipient: Document, amount: int, currency: str, reference: str, reason: str, faults: tuple[Fault, ...]
    ) -> Document:
        """Queue a transfer. Without a fault it is through at once, as in test mode. Call ``release`` afterwards."""
        now = iso_utc(time.time())
        number = new_id()
        names = {fault.name for fault in faults}
        status = "success"
        if self.otp_required or "paystack_transfer_otp" in names:
            status = "otp"
        elif names & {f"paystack_transfer_{name}" for name in ("pending", "fails", "blocked")}:
            status = "pending"
        transfer = {
            "id": reference,
            "_id": number,
            "_id_text": str(number),
            "amount": amount,
            "currency": currency,
            "domain": self._transactions.domain,
            "status": status,
            "reference": reference,
            "transfer_code": new_code("TRF"),
            "reason": reason,
            "source": "balance",
            "source_details": None,
            "failures": None,
            "titan_code": None,
            "transferred_at": None,
            "fee_charged": 0,
            "gateway_response": None,
            "recipient": recipient["recipient_code"],
            "session": {"provider": None, "id": None},
            "integration": INTEGRATION,
            "createdAt": now,
            "updatedAt": now,
            "_faults": [fault.as_json() for fault in faults],
        }
        with self._store.transaction():
            self._documents.save("transfer", transfer)
            if status == "pending":
                self._plan_end(transfer)
        return transfer

    def release(self, reference: str) -> None:
        """Tell the merchant of a transfer that was through at once."""
        transfer = self.transfer(reference)
        if transfer is not None and transfer["status"] == "success":
            with self._store.transaction():
                self._tell(transfer)
                self._plan_reversal(transfer)

    def finalize(self, transfer: Document) -> Document:
        """Send on a transfer that waited for its OTP."""
        with self._store.transaction():
            transfer.update(status="pending", updatedAt=iso_utc(time.time()))
            self._documents.save("transfer", transfer)
            self._plan_end(transfer)
        return transfer

    def _plan_end(self, transfer: Document) -> None:
        struck = _struck(transfer)
        status = "success"
        for name, end in (("fails", "failed"), ("blocked", "blocked")):
            if f"paystack_transfer_{name}" in struck:
                status = end
        pending = struck.get("paystack_transfer_pending")
        seconds = pending.parameters["seconds"] if pending else self._settings.step_seconds
        self._later.plan(seconds, "transfer", reference=transfer["reference"], status=status)

    def _plan_reversal(self, transfer: Document) -> None:
        if reversal := _struck(transfer).get("paystack_transfer_reversed"):
            seconds = reversal.parameters["seconds"]
            self._later.plan(seconds, "transfer", reference=transfer["reference"], status="reversed")

    def _end(self, reference: str, status: str) -> None:
        transfer = self.transfer(reference)
        if transfer is None:
            return
        now = iso_utc(time.time())
        transfer.update(status=status, updatedAt=now, transferred_at=now if status == "success" else None)
        with self._store.transaction():
            self._documents.save("transfer", transfer)
            self._tell(transfer)
            if status == "success":
                self._plan_reversal(transfer)

    def _tell(self, transfer: Document) -> None:
        status: str = transfer["status"]
        if status not in _EVENTS:
            return
        data = {**self.shown(transfer), "integration": _integration(self._transactions.domain)}
        if status != "success":  # Source: Paystack's samples of these two events.
            data["created_at"], data["updated_at"] = data.pop("createdAt"), data.pop("updatedAt")
        self._events.send(
            transfer["transfer_code"],
            _EVENTS[status],
            data,
            prefix="paystack_transfer_webhook",
            faults=_struck(transfer).values(),
        )

    def shown(self, transfer: Document) -> Fields:
        """Return a transfer with its recipient, as events and verify have it."""
        recipient = self.recipient(transfer["recipient"])
        data = {name: value for name, value in transfer.items() if not name.startswith("_")}
        return {**data, "id": transfer["_id"], "recipient": shown_recipient(recipient) if recipient else None}

    def queued(self, transfer: Document) -> Fields:
        """Return a transfer as ``POST /transfer`` answers: the recipient is a number."""
        recipient = self.recipient(transfer["recipient"])
        data = self.shown(transfer)
        return {**data, "recipient": recipient["_id"] if recipient else None}

    # --- the balance

    def balance(self, currency: str) -> int:
        """Return what can be sent: the opening balance, what was paid in less fees and refunds, less transfers."""
        amount = OPENING_BALANCE + self._transactions.earned().get(currency, 0)
        for refund in self._refunds.listing():
            if refund["currency"] == currency and refund["status"] != "failed":
                amount -= refund["amount"]
        for transfer in self.transfers():
            if transfer["currency"] == currency and transfer["status"] in _TAKES:
                amount -= transfer["amount"]
        return amount

    def balances(self) -> list[Fields]:
        used = [transfer["currency"] for transfer in self.transfers()]
        currencies = dict.fromkeys([DEFAULT_CURRENCY, *self._transactions.earned(), *used])
        return [{"currency": currency, "balance": self.balance(currency)} for currency in currencies]

    def book_entries(self, reference: str | None) -> list[dict[str, Any]]:
        return [
            {
                "provider": "paystack",
                "id": transfer["transfer_code"],
                "reference": transfer["reference"],
                "recipient": transfer["recipient"],
                "amount": major(transfer["amount"]),
                "currency": transfer["currency"],
                "status": _BOOKED.get(transfer["status"], "failed"),
                "provider_status": transfer["status"],
                "created_at": transfer["createdAt"],
                "finished_at": None if transfer["status"] in ("pending", "otp") else transfer["updatedAt"],
            }
            for transfer in reversed(self.transfers())
            if reference in (None, transfer["reference"])
        ]


def shown_recipient(recipient: Document) -> Fields:
    data = {name: value for name, value in recipient.items() if not name.startswith("_")}
    return {**data, "id": recipient["_id"]}


def _integration(domain: str) -> Fields:
    return {"id": INTEGRATION, "is_live": domain == "live", "business_name": "Shop"}


def _struck(transfer: Document) -> dict[str, Fault]:
    return {item["fault"]: Fault(item["fault"], item) for item in transfer["_faults"]}
