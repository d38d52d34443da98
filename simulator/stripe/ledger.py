"""The merchant's balance with Stripe, one transaction at a time. Everything is available at once."""

import time

from simulator.documents import Document, Documents
from simulator.stripe.identifiers import new_id

KIND = "balance_transaction"
_CATEGORIES = {
    "payment": "charge",
    "payment_refund": "refund",
    "payment_failure_refund": "refund_failure",
    "adjustment": "dispute",
    "transfer_refund": "transfer_reversal",
}


class Ledger:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def record(
        self, kind: str, amount: int, currency: str, *, source: str, owner: str, fee: int = 0, description: str = ""
    ) -> Document:
        """Write a movement down: a positive amount comes in, a negative one goes out; the fee is taken besides."""
        now = int(time.time())
        fees = {"amount": fee, "application": None, "currency": currency, "description": "Stripe processing fees"}
        transaction = {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now,
            "balance_type": "payments",
            "created": now,
            "currency": currency,
            "description": description or None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [{**fees, "type": "stripe_fee"}] if fee else [],
            "net": amount - fee,
            "reporting_category": _CATEGORIES.get(kind, kind),
            "source": source,
            "status": "available",
            "type": kind,
        }
        return self._documents.save(KIND, transaction, owner)

    def available(self) -> dict[str, int]:
        """Return what can be transferred, by currency."""
        sums: dict[str, int] = {}
        for transaction in self._documents.all(KIND):
            sums[transaction["currency"]] = sums.get(transaction["currency"], 0) + transaction["net"]
        return sums

    def balance(self, *, livemode: bool) -> Document:
        sums = self.available() or {"usd": 0}
        return {
            "object": "balance",
            "available": [
                {"amount": amount, "currency": currency, "source_types": {"card": amount}}
                for currency, amount in sums.items()
            ],
            "livemode": livemode,
            "pending": [{"amount": 0, "currency": currency, "source_types": {"card": 0}} for currency in sums],
        }
