"""The merchant's account with PayPal, one movement at a time."""

import time
from decimal import Decimal

from simulator.documents import Document, Documents

KIND = "movement"


class Ledger:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def record(
        self,
        kind: str,
        source: str,
        amount: Decimal,
        *,
        reference: str,
        currency: str,
        fee: Decimal = Decimal("0.00"),
    ) -> None:
        """Write a movement down: a positive amount comes in, a negative one goes out; the fee is taken besides."""
        movement: Document = {
            "id": f"{kind}:{source}",
            "source": source,
            "type": kind,
            "reference": reference,
            "currency": currency,
            "gross": str(amount),
            "fee": str(fee),
            "created_at": time.time(),
        }
        self._documents.save(KIND, movement)

    def movements(self) -> list[Document]:
        return list(self._documents.all(KIND))
