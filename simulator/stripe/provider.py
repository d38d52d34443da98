"""Stripe put together: its parts, its routes, its books."""

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
from simulator.settings import StripeSettings
from simulator.store import Store
from simulator.stripe.books import Books
from simulator.stripe.calls import Calls
from simulator.stripe.disputes import Disputes
from simulator.stripe.errors import server_error, unrecognized_url
from simulator.stripe.event_calls import EventCalls
from simulator.stripe.events import Events
from simulator.stripe.expanding import Expander
from simulator.stripe.identifiers import new_request_id
from simulator.stripe.intent_calls import IntentCalls
from simulator.stripe.intents import Intents
from simulator.stripe.ledger import Ledger
from simulator.stripe.methods import MethodCalls
from simulator.stripe.money_calls import DisputeCalls, RefundCalls
from simulator.stripe.pages import Pages
from simulator.stripe.payments import Payments
from simulator.stripe.refunds import Refunds
from simulator.stripe.session_calls import SessionCalls
from simulator.stripe.sessions import SUCCEED, Sessions
from simulator.stripe.transfer_calls import BalanceCalls, TransferCalls
from simulator.stripe.transfers import Transfers
from simulator.stripe.wire import Caller

# Paths under these are Stripe's, so that a wrong one is answered in Stripe's form.
_PATHS = (
    *("/v1/checkout/", "/v1/payment_intents", "/v1/payment_methods", "/v1/refunds", "/v1/charges", "/v1/disputes"),
    *("/v1/transfers", "/v1/balance", "/v1/events", "/v1/webhook_endpoints", "/v1/customers", "/v1/payouts"),
)


class Stripe:
    name = "stripe"

    def __init__(self, settings: StripeSettings, store: Store, deliveries: Deliveries, faults: FaultBox) -> None:
        self.on_checkout_opened: Callable[[Checkout], None] = nobody_waits
        self._store = store
        self._documents = Documents(store, self.name)
        self._later = Later(store, self.name)
        self._events = Events(settings, store, self._documents, deliveries)
        payments = Payments(self._documents, faults)
        ledger = Ledger(self._documents)
        self._intents = Intents(self._documents, payments, self._events, ledger, self._later)
        self._sessions = Sessions(self._documents, payments, self._intents, self._events, self._later)
        self._refunds = Refunds(self._documents, self._events, ledger, self._later)
        self._disputes = Disputes(self._documents, self._events, ledger)
        self._pages = Pages(self._documents, payments, self._sessions, self._intents, self._events)
        self._books = Books(self._documents, payments)
        sessions = SessionCalls(self._sessions, payments, self._documents, self._events, self._opened)
        expander = Expander(self._documents, sessions.expanded_line_items)
        self._calls = Calls(settings, store, deliveries, events=self._events, payments=payments, expander=expander)
        self._endpoints = (
            sessions,
            IntentCalls(self._intents, self._sessions, payments, self._documents, self._opened),
            MethodCalls(self._documents, self._events),
            RefundCalls(self._refunds, payments, self._documents),
            DisputeCalls(self._disputes, payments, self._documents),
            TransferCalls(Transfers(self._documents, self._events, ledger), self._documents),
            BalanceCalls(ledger, self._documents, self._events),
            EventCalls(self._documents, self._events),
        )
        self._later.works = {
            "expire": self._expire,
            "settle": self._settle,
            "end-refund": self._end_refund,
            "dispute": self._dispute,
        }

    @property
    def webhook_url(self) -> str:
        return self._events.webhook_url

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        self._events.webhook_url = url

    def routes(self) -> list[Route]:
        return [route for endpoint in self._endpoints for route in endpoint.routes(self._calls)]

    def wire_error(self, status: int, path: str) -> Response | None:
        if not path.startswith(_PATHS):
            return None
        error = server_error() if status == 500 else unrecognized_url(path)
        return Caller(new_request_id()).refuse(error)

    # --- the page

    def _opened(self, payment_id: str) -> None:
        if checkout := self._pages.checkout(payment_id):
            self.on_checkout_opened(checkout)

    def checkout(self, checkout_id: str) -> Checkout | None:
        return self._pages.checkout(checkout_id)

    def open_checkouts(self) -> list[Checkout]:
        return self._pages.open_checkouts()

    def act(self, checkout_id: str, action: str) -> str:
        return self._pages.act(checkout_id, action)

    # --- what happens by itself

    def _expire(self, details: Document) -> None:
        session = self._sessions.get(details["session"])
        if session and session["status"] == "open":
            with self._events.outbox.sent_at_once():
                self._sessions.expire(session)

    def _settle(self, details: Document) -> None:
        session = self._sessions.get(details["session"])
        intent = self._intents.get(session["payment_intent"]) if session and session["payment_intent"] else None
        if session and intent and intent["status"] == "processing":
            with self._events.outbox.sent_at_once():
                self._sessions.settle(session, succeeded=details["outcome"] == SUCCEED)

    def _end_refund(self, details: Document) -> None:
        refund = self._documents.get("refund", details["refund"])
        if refund and refund["status"] in ("pending", "succeeded"):
            with self._events.outbox.sent_at_once():
                self._refunds.end(refund, details["ending"])

    def _dispute(self, details: Document) -> None:
        if charge := self._documents.get("charge", details["charge"]):
            with self._events.outbox.sent_at_once():
                self._disputes.open(charge, details["reason"])

    # --- the simulator's own

    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        """Return every payment, oldest first, or those of a reference; cards have no phone number."""
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
        with self._store.transaction():
            self._later.clear()
            self._documents.clear()
            self._calls.clear()
