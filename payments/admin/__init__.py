"""The admin of payments, by topic: what waits for a person first; money moves in the services alone."""

from payments.admin import attempts, books, events, ledger, money_out, payments, received

__all__ = ["attempts", "books", "events", "ledger", "money_out", "payments", "received"]
