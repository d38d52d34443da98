"""Paystack put together: its parts, its routes, its books."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from simulator.checkout.models import ActionUnknown, Checkout, CheckoutGone, nobody_waits
from simulator.deliveries import Deliveries
from simulator.documents import Documents
from simulator.faults import FaultBox
from simulator.later import Later
from simulator.paystack.dispute_api import DisputeApi
from simulator.paystack.disputes import Disputes
from simulator.paystack.events import Events
from simulator.paystack.models import Transaction
from simulator.paystack.parts import Parts
from simulator.paystack.payout_api import PayoutApi
from simulator.paystack.payouts import Payouts
from simulator.paystack.refund_api import RefundApi
from simulator.paystack.refunds import Refunds
from simulator.paystack.statement import statement
from simulator.paystack.transaction_api import TransactionApi
from simulator.paystack.transactions import Transactions
from simulator.paystack.wire import PaystackError, error_response, guarded
from simulator.settings import PaystackSettings
from simulator.store import Store
from simulator.transport import with_slashes

# Paths under these are Paystack's, so that a wrong one is answered in Paystack's form.
_PATHS = ("/transaction", "/charge", "/refund", "/transferrecipient", "/transfer", "/balance", "/bank", "/dispute")
_ERRORS = {404: "Route not found", 405: "Method not allowed", 500: "An error occurred"}


class Paystack:
    name = "paystack"

    def __init__(self, settings: PaystackSettings, store: Store, deliveries: Deliveries, faults: FaultBox) -> None:
        self._settings = settings
        self._store = store
        self.webhook_url = settings.webhook_url
        self.on_checkout_opened: Callable[[Checkout], None] = nobody_waits
        self._documents = Documents(store, self.name)
        self._later = Later(store, self.name)
        events = Events(settings.secret_key, deliveries, lambda: self.webhook_url)
        parts = Parts(settings, store, self._documents, self._later, events)
        self.transactions = Transactions(parts)
        self.transactions.on_opened = self._opened
        self._refunds = Refunds(parts, self.transactions)
        self._payouts = Payouts(parts, self.transactions, self._refunds)
        self.disputes = Disputes(parts, self.transactions, self._refunds)
        self._apis = (
            TransactionApi(self.transactions, events, faults),
            RefundApi(self.transactions, self._refunds, faults),
            PayoutApi(self._payouts, faults),
            DisputeApi(self.disputes, faults),
        )

    def routes(self) -> list[Route]:
        guard = partial(guarded, self._settings.secret_key)
        return with_slashes([route for api in self._apis for route in api.routes(guard)])

    def wire_error(self, status: int, path: str) -> Response | None:
        if status not in _ERRORS or not any(path == own or path.startswith(f"{own}/") for own in _PATHS):
            return None
        return error_response(PaystackError(status, _ERRORS[status]))

    # --- the page

    def checkout(self, checkout_id: str) -> Checkout | None:
        transaction = self.transactions.by_access_code(checkout_id)
        return self._shown(transaction) if transaction else None

    def open_checkouts(self) -> list[Checkout]:
        return [self._shown(transaction) for transaction in self.transactions.waiting() if transaction.choices()]

    def act(self, checkout_id: str, action: str) -> str:
        transaction = self.transactions.by_access_code(checkout_id)
        if transaction is None or not (choices := transaction.choices()):
            raise CheckoutGone
        choice = next((choice for choice in choices if choice.action == action), None)
        if choice is None:
            raise ActionUnknown
        if choice.outcome == "cancelled":
            return self.transactions.cancel(transaction).next_url()
        if choice.outcome == "rejected":
            self.transactions.reject(transaction, choice)
            return ""
        if choice.outcome == "failed":
            self.transactions.fail(transaction, choice)
            return ""  # the page shows what went wrong, and lets the customer try again
        return self.transactions.pay(transaction, choice).next_url()

    def _shown(self, transaction: Transaction) -> Checkout:
        return transaction.as_checkout(self._settings.merchant_name)

    def _opened(self, transaction: Transaction) -> None:
        if transaction.choices():
            self.on_checkout_opened(self._shown(transaction))

    # --- books

    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        """Return every payment, oldest first, or those of a reference; phones have no books here."""
        if msisdn is not None:
            return []
        return [
            transaction.as_book_entry(self._refunds.book_entries(transaction))
            for transaction in self.transactions.listing(reference)
        ]

    def payouts(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        return [] if msisdn is not None else self._payouts.book_entries(reference)

    def statement(self, day: date) -> str:
        """Return the CSV of a day in Nairobi."""
        refunds, transfers = self._refunds.listing()[::-1], self._payouts.transfers()[::-1]
        return statement(day, self.transactions.listing(), refunds, transfers)

    def resume(self) -> None:
        self._later.resume()

    def stop(self) -> None:
        self._later.stop()

    def clear(self) -> None:
        self._later.clear()
        with self._store.transaction():
            self.transactions.clear()
            self._documents.clear()
        self._payouts.otp_required = False
