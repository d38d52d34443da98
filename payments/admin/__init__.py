"""The admin of payments, by topic: what waits for a person first; money moves in the services alone."""

from payments.admin import attempts, books, events, ledger, money_out, payments, received
from payments.credit import admin as credit
from payments.sellers import admin as sellers

__all__ = ["attempts", "books", "credit", "events", "ledger", "money_out", "payments", "received", "sellers"]
