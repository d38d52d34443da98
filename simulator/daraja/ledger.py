"""The merchant's money at M-Pesa: every movement under one receipt, and what is in his accounts."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from simulator.daraja.identifiers import new_receipt_number
from simulator.settings import DarajaSettings
from simulator.store import Store

FROM_CUSTOMERS = ("stk", "c2b")


@dataclass(frozen=True)
class Movement:
    """One row of ``mpesa_movement``; amounts are whole shillings.

    ``charge`` is what the merchant pays besides. ``utility_change`` and the balance after it include the charge.
    """

    id: int
    receipt_number: str
    kind: str
    source_id: str
    transaction_type: str
    amount: int
    charge: int
    shortcode: str
    other_party: str
    reference: str
    linked_receipt: str | None
    utility_change: int
    utility_balance: int
    working_balance: int
    initiated_at: float
    completed_at: float

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Movement":
        values: dict[str, Any] = dict(row)
        return cls(**values)


class Ledger:
    """Customers' payments and what goes back to them move the utility account, transfers to businesses the working
    account. Source: Daraja, B2C and Business Pay Bill."""

    def __init__(self, settings: DarajaSettings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def is_own(self, shortcode: str) -> bool:
        """Tell whether a shortcode is one of the merchant's."""
        return shortcode in (self._settings.shortcode, self._settings.till, self._settings.b2c_shortcode)

    def balances(self) -> tuple[int, int]:
        """Return what is in the utility and in the working account."""
        row = self._store.one("SELECT utility_balance, working_balance FROM mpesa_movement ORDER BY id DESC LIMIT 1")
        if row is None:
            return self._settings.utility_balance, self._settings.working_balance
        return row["utility_balance"], row["working_balance"]

    def fresh_receipt(self, moment: float) -> str:
        """Return a receipt number that no payment has."""
        while True:
            receipt = new_receipt_number(moment)
            taken = self._store.one(
                "SELECT 1 FROM mpesa_movement WHERE receipt_number = ?1 UNION SELECT 1 FROM mpesa_c2b"
                " WHERE trans_id = ?1",
                (receipt,),
            )
            if taken is None:
                return receipt

    def record(
        self,
        kind: str,
        *,
        receipt_number: str,
        source_id: str,
        transaction_type: str,
        amount: int,
        shortcode: str,
        other_party: str,
        initiated_at: float,
        completed_at: float,
        reference: str = "",
        charge: int = 0,
        linked_receipt: str | None = None,
        utility_change: int = 0,
        working_change: int = 0,
    ) -> None:
        """Write a movement down. Call it in the transaction that moves the customer's money, and check funds before."""
        utility, working = self.balances()
        self._store.execute(
            "INSERT INTO mpesa_movement (receipt_number, kind, source_id, transaction_type, amount, charge, shortcode,"
            " other_party, reference, linked_receipt, utility_change, utility_balance, working_balance,"
            " initiated_at, completed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                receipt_number,
                kind,
                source_id,
                transaction_type,
                amount,
                charge,
                shortcode,
                other_party,
                reference,
                linked_receipt,
                utility_change,
                utility + utility_change,
                working + working_change,
                initiated_at,
                completed_at,
            ),
        )

    def find(self, receipt_number: str) -> Movement | None:
        row = self._store.one("SELECT * FROM mpesa_movement WHERE receipt_number = ?", (receipt_number,))
        return Movement.from_row(row) if row else None

    def of_source(self, source_id: str) -> Movement | None:
        """Return the movement of a payment or an operation, None where no money moved."""
        row = self._store.one("SELECT * FROM mpesa_movement WHERE source_id = ?", (source_id,))
        return Movement.from_row(row) if row else None

    def reversed_amount(self, receipt_number: str) -> int:
        """Return how many shillings of a payment went back to the customer by reversal."""
        return self._store.number(
            "SELECT sum(amount) FROM mpesa_movement WHERE linked_receipt = ? AND kind = 'reversal'", (receipt_number,)
        )

    def paid_by(self, msisdn: str, *, since: float) -> int:
        """Return the shillings that a customer has paid since a moment."""
        return self._store.number(
            "SELECT sum(amount) FROM mpesa_movement WHERE other_party = ? AND completed_at >= ? AND kind IN (?, ?)",
            (msisdn, since, *FROM_CUSTOMERS),
        )

    def paid_to(self, msisdn: str, *, since: float) -> int:
        """Return the shillings that a customer was paid by B2C since a moment."""
        return self._store.number(
            "SELECT sum(amount) FROM mpesa_movement WHERE other_party = ? AND completed_at >= ? AND kind = 'b2c'",
            (msisdn, since),
        )

    def between(self, start: float, end: float) -> list[Movement]:
        """Return what moved the utility account from ``start`` until before ``end``, oldest first."""
        rows = self._store.all(
            "SELECT * FROM mpesa_movement WHERE completed_at >= ? AND completed_at < ? AND utility_change != 0"
            " ORDER BY id",
            (start, end),
        )
        return [Movement.from_row(row) for row in rows]

    def customer_payments(self, start: float, end: float, *, limit: int, offset: int) -> list[Movement]:
        """Return what customers paid from ``start`` to ``end``, both included, oldest first."""
        rows = self._store.all(
            "SELECT * FROM mpesa_movement WHERE kind IN (?, ?) AND completed_at BETWEEN ? AND ?"
            " ORDER BY id LIMIT ? OFFSET ?",
            (*FROM_CUSTOMERS, start, end, limit, offset),
        )
        return [Movement.from_row(row) for row in rows]

    def clear(self) -> None:
        self._store.execute("DELETE FROM mpesa_movement")
