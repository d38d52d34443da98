"""Payouts: transfers and the balance that they come from."""

import time
from typing import Any

from simulator.chapa import money
from simulator.chapa.banks import BY_ID
from simulator.chapa.identifiers import moment, new_code, new_number
from simulator.chapa.parts import Parts
from simulator.chapa.payments import Payments
from simulator.chapa.refunds import FAILED, Refunds
from simulator.chapa.wire import Fields
from simulator.documents import Document
from simulator.faults import Fault

# In each currency, so that payouts can be tried before anything was earned. Hundredths.
OPENING_BALANCE = 100_000_000
PENDING, SUCCESS, FAILED_TRANSFER = "pending", "success", "failed/cancelled"
_BOOKED = {SUCCESS: "successful", PENDING: "waiting", FAILED_TRANSFER: "failed"}


class Payouts:
    def __init__(self, parts: Parts, payments: Payments, refunds: Refunds) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._documents = parts.documents
        self._later = parts.later
        self._events = parts.events
        self._payments = payments
        self._refunds = refunds
        self.mode = parts.mode
        parts.later.works["transfer"] = lambda details: self._finish(str(details["reference"]))

    def create(self, wanted: Fields, faults: tuple[Fault, ...]) -> None:
        """Queue a transfer. ``wanted`` has ``amount`` in hundredths; its ``fate`` is how it ends."""
        now = moment(time.time())
        names = {fault.name: fault for fault in faults}
        transfer = {
            **wanted,
            "id": wanted["reference"],
            "fate": FAILED_TRANSFER if "chapa_transfer_fails" in names else wanted["fate"],
            "status": PENDING,
            "chapa_reference": new_code("PO", 10),
            "bank_reference": None,
            "created_at": now,
            "updated_at": now,
            "faults": [fault.as_json() for fault in faults],
        }
        slow = names.get("chapa_transfer_pending")
        with self._store.transaction():
            self._documents.save("transfer", transfer)
            seconds = slow.parameters["seconds"] if slow else self._settings.step_seconds
            self._later.plan(seconds, "transfer", reference=wanted["reference"])

    def create_bulk(self, title: str, wanted: list[Fields], faults: tuple[Fault, ...]) -> Fields:
        """Queue several transfers; return the batch."""
        for entry in wanted:
            self.create(entry, faults)
        batch = {"id": new_number(), "title": title, "created_at": moment(time.time())}
        self._documents.save("batch", {**batch, "references": [entry["reference"] for entry in wanted]})
        return {"id": batch["id"], "created_at": batch["created_at"]}

    def _finish(self, reference: str) -> None:
        transfer = self.find(reference)
        if transfer is None or transfer["status"] != PENDING:
            return
        done = transfer["fate"] == SUCCESS
        transfer.update(
            status=transfer["fate"],
            bank_reference=new_code("B", 8).upper() if done else None,
            updated_at=moment(time.time()),
        )
        with self._store.transaction():
            self._documents.save("transfer", transfer)
            names = ("account_name", "account_number", "bank_id", "bank_name")
            data = {
                "event": f"payout.{transfer['status']}",
                "type": "Payout",
                **{name: transfer[name] for name in names},
                "amount": money.text(transfer["amount"]),
                "charge": "0.00",
                "currency": transfer["currency"],
                "status": transfer["status"],
                "reference": transfer["reference"],
                "chapa_reference": transfer["chapa_reference"],
                "bank_reference": transfer["bank_reference"],
                "created_at": transfer["created_at"],
                "updated_at": transfer["updated_at"],
            }
            struck = [Fault(item["fault"], item) for item in transfer["faults"]]
            self._events.send(transfer["chapa_reference"], data, prefix="chapa_transfer_webhook", faults=struck)

    # --- reading

    def find(self, reference: str) -> Document | None:
        return self._documents.get("transfer", reference)

    def listing(self) -> list[Document]:
        """Return every transfer, oldest first."""
        return list(self._documents.all("transfer"))

    def verified(self, transfer: Document) -> Fields:
        return {
            "account_name": transfer["account_name"],
            "account_number": transfer["account_number"],
            "mobile": None,
            "currency": transfer["currency"],
            "amount": money.number(transfer["amount"]),
            "charge": 0,
            "mode": self.mode,
            "transfer_method": "mobile_money" if BY_ID[transfer["bank_id"]].mobile_money else "bank",
            "narration": None,
            "chapa_transfer_id": transfer["chapa_reference"],
            "bank_code": transfer["bank_id"],
            "bank_name": transfer["bank_name"],
            "cross_party_reference": transfer["bank_reference"],
            "ip_address": "127.0.0.1",
            "status": transfer["status"],
            "tx_ref": transfer["reference"],
            "created_at": transfer["created_at"],
            "updated_at": transfer["updated_at"],
        }

    def listed(self, transfer: Document) -> Fields:
        names = ("account_name", "account_number", "currency", "chapa_reference", "bank_name", "bank_reference")
        return {
            **{name: transfer[name] for name in names},
            "amount": money.number(transfer["amount"]),
            "charge": 0,
            "transfer_type": "mobile_money" if BY_ID[transfer["bank_id"]].mobile_money else "bank",
            "bank_code": transfer["bank_id"],
            "status": transfer["status"],
            "reference": transfer["reference"],
            "created_at": transfer["created_at"],
            "updated_at": transfer["updated_at"],
        }

    def balance(self, currency: str) -> int:
        """Return what can be sent: the opening balance, what was paid less fees and refunds, less transfers."""
        amount = OPENING_BALANCE + self._payments.earned().get(currency, 0)
        for refund in self._refunds.listing():
            if refund["currency"] != currency or refund["status"] == FAILED:
                continue
            if self._payments.get(refund["tx_ref"]).status != "reversed":  # else nothing of it was earned
                amount -= refund["amount"]
        for transfer in self.listing():
            if transfer["currency"] == currency and transfer["status"] != FAILED_TRANSFER:
                amount -= transfer["amount"]
        return amount

    def book_entries(self, reference: str | None) -> list[dict[str, Any]]:
        return [
            {
                "provider": "chapa",
                "id": transfer["chapa_reference"],
                "reference": transfer["reference"],
                "recipient": f"{transfer['bank_name']} {transfer['account_number']}",
                "amount": money.text(transfer["amount"]),
                "currency": transfer["currency"],
                "status": _BOOKED[transfer["status"]],
                "provider_status": transfer["status"],
                "created_at": transfer["created_at"],
                "finished_at": None if transfer["status"] == PENDING else transfer["updated_at"],
            }
            for transfer in self.listing()
            if reference in (None, transfer["reference"])
        ]
