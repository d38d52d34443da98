"""PayPal put together: its parts, its routes, its books."""

from collections.abc import Callable
from datetime import date
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from simulator.checkout.models import Checkout, nobody_waits
from simulator.deliveries import Deliveries
from simulator.documents import Document, Documents
from simulator.faults import FaultBox
from simulator.later import Later
from simulator.paypal.books import Books
from simulator.paypal.calls import Calls
from simulator.paypal.certificates import KIND as CERTIFICATE
from simulator.paypal.certificates import Certificates
from simulator.paypal.disputes import Disputes
from simulator.paypal.errors import PayPalError
from simulator.paypal.events import Events
from simulator.paypal.identifiers import new_debug_id
from simulator.paypal.ledger import Ledger
from simulator.paypal.notification_calls import NotificationCalls
from simulator.paypal.order_calls import OrderCalls
from simulator.paypal.orders import CAPTURE, Orders
from simulator.paypal.orders import KIND as ORDER
from simulator.paypal.pages import Pages
from simulator.paypal.payment_calls import PaymentCalls
from simulator.paypal.payout_calls import PayoutCalls
from simulator.paypal.payouts import BATCH, Payouts
from simulator.paypal.refunds import KIND as REFUND
from simulator.paypal.refunds import Refunds
from simulator.paypal.tokens import Tokens
from simulator.paypal.wire import refuse
from simulator.settings import PayPalSettings
from simulator.store import Store

# Paths under these are PayPal's, so that a wrong one is answered in PayPal's form.
_PATHS = ("/v2/", "/v1/oauth2", "/v1/notifications", "/v1/payments/", "/v1/customer/")
_ERRORS = (404, 405, 500)


class PayPal:
    name = "paypal"

    def __init__(self, settings: PayPalSettings, store: Store, deliveries: Deliveries, faults: FaultBox) -> None:
        self.on_checkout_opened: Callable[[Checkout], None] = nobody_waits
        self._store = store
        self._documents = documents = Documents(store, self.name)
        self._later = Later(store, self.name)
        certificates = Certificates(documents)
        self._events = Events(settings, store, documents, deliveries, certificates=certificates)
        ledger = Ledger(documents)
        self._orders = Orders(documents, self._events, ledger, self._later, faults)
        self._orders.on_opened = self._opened
        self._refunds = Refunds(documents, self._events, ledger, self._later)
        self._disputes = Disputes(documents, self._events, self._refunds)
        self._payouts = Payouts(documents, self._events, ledger, self._later)
        self._pages = Pages(self._orders, self._events.outbox)
        self._books = Books(documents, self._orders, ledger)
        self._tokens = Tokens(settings, store, faults)
        orders = OrderCalls(self._orders)
        payments = PaymentCalls(documents, self._orders, self._refunds, self._disputes)
        payouts = PayoutCalls(documents, self._payouts)
        notifications = NotificationCalls(documents, self._events, certificates)
        self._endpoints = (orders, payments, payouts, notifications)
        views = {ORDER: orders.view, REFUND: payments.view_refund, BATCH: payouts.view}
        self._calls = Calls(store, deliveries, self._events.outbox, self._tokens, self._orders, views=views)
        self._later.works = {
            "expire": self._expire,
            "lapse": self._lapse,
            "decide": self._decide,
            "end-refund": self._end_refund,
            "dispute": self._dispute,
            "pay-out": self._pay_out,
        }

    @property
    def webhook_url(self) -> str:
        return self._events.webhook_url

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        self._events.webhook_url = url

    def routes(self) -> list[Route]:
        return [
            *self._tokens.routes(),
            *(route for endpoint in self._endpoints for route in endpoint.routes(self._calls)),
        ]

    def wire_error(self, status: int, path: str) -> Response | None:
        if not path.startswith(_PATHS) or status not in _ERRORS:
            return None
        return refuse(PayPalError(status), new_debug_id())

    # --- the page

    def _opened(self, order_id: str) -> None:
        if checkout := self._pages.checkout(order_id):
            self.on_checkout_opened(checkout)

    def checkout(self, checkout_id: str) -> Checkout | None:
        return self._pages.checkout(checkout_id)

    def open_checkouts(self) -> list[Checkout]:
        return self._pages.open_checkouts()

    def act(self, checkout_id: str, action: str) -> str:
        return self._pages.act(checkout_id, action)

    # --- what happens by itself

    def _expire(self, details: Document) -> None:
        if order := self._orders.find(details["order"]):
            self._orders.expire(order)

    def _lapse(self, details: Document) -> None:
        if order := self._orders.find(details["order"]):
            with self._events.outbox.sent_at_once():
                self._orders.lapse(order)

    def _decide(self, details: Document) -> None:
        if capture := self._documents.get(CAPTURE, details["capture"]):
            with self._events.outbox.sent_at_once():
                self._orders.decide(capture, details["outcome"])

    def _end_refund(self, details: Document) -> None:
        order, refund = self._orders.of(REFUND, details["refund"]), self._documents.get(REFUND, details["refund"])
        if order and refund:
            with self._events.outbox.sent_at_once():
                self._refunds.end(order, refund, details["outcome"])

    def _dispute(self, details: Document) -> None:
        order, capture = self._orders.of(CAPTURE, details["capture"]), self._documents.get(CAPTURE, details["capture"])
        if order and capture:
            with self._events.outbox.sent_at_once():
                self._disputes.open(order, capture, details["outcome"])

    def _pay_out(self, details: Document) -> None:
        if batch := self._documents.get(BATCH, details["batch"]):
            with self._events.outbox.sent_at_once():
                self._payouts.pay(batch)

    # --- the simulator's own

    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        """Return every payment, oldest first, or those of a reference; PayPal knows no phone numbers."""
        return [] if msisdn else self._books.payments(reference)

    def payouts(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        return [] if msisdn else self._books.payouts(reference)

    def statement(self, day: date) -> str:
        return self._books.statement(day)

    def resume(self) -> None:
        self._later.resume()

    def stop(self) -> None:
        self._later.stop()

    def clear(self) -> None:
        """Forget everything but the tokens, which merchants cache, and the key that signs."""
        with self._store.transaction():
            self._later.clear()
            self._documents.clear(keep=(CERTIFICATE,))
            self._calls.clear()
