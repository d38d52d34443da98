"""Chapa (Ethiopia), v1 put together: its parts, its routes, its books."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from simulator.chapa.events import Events
from simulator.chapa.models import Payment
from simulator.chapa.parts import Parts
from simulator.chapa.payment_api import PaymentApi
from simulator.chapa.payments import Payments
from simulator.chapa.payout_api import PayoutApi
from simulator.chapa.payouts import Payouts
from simulator.chapa.refund_api import RefundApi
from simulator.chapa.refunds import Refunds
from simulator.chapa.statement import statement
from simulator.chapa.wire import ChapaError, error_response, guarded
from simulator.checkout.models import ActionUnknown, Checkout, CheckoutGone, nobody_waits
from simulator.deliveries import Deliveries
from simulator.documents import Documents
from simulator.faults import FaultBox
from simulator.later import Later
from simulator.settings import ChapaSettings
from simulator.store import Store
from simulator.transport import with_slashes

# Paths under these are Chapa's alone, so that a wrong one is answered in Chapa's form.
_PATHS = ("/v1/transaction", "/v1/transactions", "/v1/refund", "/v1/bulk-transfers", "/v1/banks")
_ERRORS = {404: "Route not found", 405: "Method not allowed", 500: "Server Error"}


class Chapa:
    name = "chapa"

    def __init__(self, settings: ChapaSettings, store: Store, deliveries: Deliveries, faults: FaultBox) -> None:
        self._settings = settings
        self._store = store
        self.webhook_url = settings.webhook_url
        self.on_checkout_opened: Callable[[Checkout], None] = nobody_waits
        self._documents = Documents(store, self.name)
        self._later = Later(store, self.name)
        events = Events(settings.webhook_secret, deliveries, lambda: self.webhook_url)
        parts = Parts(settings, store, self._documents, self._later, events)
        self.payments = Payments(parts)
        self.payments.on_opened = self._opened
        self._refunds = Refunds(parts, self.payments)
        self._payouts = Payouts(parts, self.payments, self._refunds)
        self._apis = (
            PaymentApi(self.payments, events, faults),
            RefundApi(self.payments, self._refunds, self._payouts, faults),
            PayoutApi(self._payouts, faults),
        )

    def routes(self) -> list[Route]:
        guard = partial(guarded, self._settings.secret_key)
        return with_slashes([route for api in self._apis for route in api.routes(guard)])

    def wire_error(self, status: int, path: str) -> Response | None:
        if status not in _ERRORS or not any(path == own or path.startswith(f"{own}/") for own in _PATHS):
            return None
        return error_response(ChapaError(status, _ERRORS[status]))

    # --- the page

    def checkout(self, checkout_id: str) -> Checkout | None:
        payment = self.payments.by_code(checkout_id)
        return self._shown(payment) if payment else None

    def open_checkouts(self) -> list[Checkout]:
        return [self._shown(payment) for payment in self.payments.waiting()]

    def act(self, checkout_id: str, action: str) -> str:
        payment = self.payments.by_code(checkout_id)
        if payment is None or not (choices := payment.choices()):
            raise CheckoutGone
        choice = next((choice for choice in choices if choice.action == action), None)
        if choice is None:
            raise ActionUnknown
        if choice.outcome == "failed":
            after = self.payments.fail(payment, choice)
            return "" if after.page == "open" else after.return_url  # while it is open, the customer may try again
        if choice.outcome == "cancelled":
            return self.payments.cancel(payment).return_url
        return self.payments.pay(payment, choice).return_url

    def _shown(self, payment: Payment) -> Checkout:
        return payment.as_checkout(self._settings.merchant_name)

    def _opened(self, payment: Payment) -> None:
        self.on_checkout_opened(self._shown(payment))

    # --- books

    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        """Return every payment, oldest first, or those of a reference; phones have no books here."""
        if msisdn is not None:
            return []
        return [
            payment.as_book_entry(self._refunds.book_entries(payment)) for payment in self.payments.listing(reference)
        ]

    def payouts(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        return [] if msisdn is not None else self._payouts.book_entries(reference)

    def statement(self, day: date) -> str:
        """Return the CSV of a day in East Africa."""
        return statement(day, self.payments.listing(), self._refunds.listing(), self._payouts.listing())

    def resume(self) -> None:
        self._later.resume()

    def stop(self) -> None:
        self._later.stop()

    def clear(self) -> None:
        self._later.clear()
        with self._store.transaction():
            self.payments.clear()
            self._documents.clear()
