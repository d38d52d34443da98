"""Transfers to connected accounts, and their reversals."""

import time

from simulator.documents import Document, Documents
from simulator.stripe import money
from simulator.stripe.errors import invalid
from simulator.stripe.events import Events
from simulator.stripe.identifiers import new_id
from simulator.stripe.ledger import Ledger

KIND = "transfer"


class Transfers:
    """Call its methods in a transaction; they keep the events of what they do."""

    def __init__(self, documents: Documents, events: Events, ledger: Ledger) -> None:
        self._documents = documents
        self._events = events
        self._ledger = ledger

    def create(self, wanted: Document) -> Document:
        """Send money to an account; ``wanted`` has amount, currency, destination and what else the merchant said.

        Raises:
            StripeError: the balance, or what is left of the source charge, is too low.
        """
        amount, currency, source = wanted["amount"], wanted["currency"], wanted["source_transaction"]
        left = self._left_of(source, currency) if source else self._ledger.available().get(currency, 0)
        if amount > left:
            raise invalid(
                "You have insufficient available funds in your Stripe account. Try adding funds directly to your"
                " available balance by creating Charges using the 4000000000000077 test card.",
                code="balance_insufficient",
            )
        transfer_id = new_id("tr")
        entry = self._ledger.record(
            "transfer",
            -amount,
            currency,
            source=transfer_id,
            owner=transfer_id,
            description=wanted["description"] or "",
        )
        transfer = {
            "id": transfer_id,
            "object": "transfer",
            "amount_reversed": 0,
            "balance_transaction": entry["id"],
            "created": int(time.time()),
            "destination_payment": new_id("py"),
            "livemode": self._events.livemode,
            "reversals": {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": f"/v1/transfers/{transfer_id}/reversals",
            },
            "reversed": False,
            "source_type": "card",
            **wanted,
        }
        self._documents.save(KIND, transfer, source or "")
        self._events.emit("transfer.created", transfer, transfer_id)
        return transfer

    def _left_of(self, charge_id: str, currency: str) -> int:
        charge = self._documents.get("charge", charge_id)
        if charge is None or charge["currency"] != currency:
            raise invalid(f"No such charge: '{charge_id}'", code="resource_missing", param="source_transaction")
        sent: int = sum(
            transfer["amount"] - transfer["amount_reversed"] for transfer in self._documents.owned(KIND, charge_id)
        )
        captured: int = charge["amount_captured"]
        return captured - sent

    def reverse(self, transfer: Document, amount: int | None, metadata: dict[str, str]) -> Document:
        """Take back an amount of a transfer, the rest where none is named; return the reversal.

        Raises:
            StripeError: there is less than this left.
        """
        left: int = transfer["amount"] - transfer["amount_reversed"]
        wanted = left if amount is None else amount
        currency = transfer["currency"]
        if wanted > left or left == 0:
            raise invalid(
                f"Reversal amount ({money.major(wanted, currency)} {currency}) is greater than unreversed amount on"
                f" transfer ({money.major(left, currency)} {currency})",
                param="amount",
            )
        reversal_id = new_id("trr")
        entry = self._ledger.record("transfer_refund", wanted, currency, source=reversal_id, owner=transfer["id"])
        reversal = {
            "id": reversal_id,
            "object": "transfer_reversal",
            "amount": wanted,
            "balance_transaction": entry["id"],
            "created": int(time.time()),
            "currency": currency,
            "destination_payment_refund": None,
            "metadata": metadata,
            "source_refund": None,
            "transfer": transfer["id"],
        }
        self._documents.save("transfer_reversal", reversal, transfer["id"])
        reversed_amount: int = transfer["amount_reversed"] + wanted
        listed = {**transfer["reversals"], "data": [reversal, *transfer["reversals"]["data"]][:10]}
        changed = {
            **transfer,
            "amount_reversed": reversed_amount,
            "reversed": reversed_amount == transfer["amount"],
            "reversals": listed,
        }
        self._documents.save(KIND, changed)
        self._events.emit("transfer.reversed", changed, transfer["id"])
        return reversal
