"""Daraja put together: its parts, its routes, its books."""

from datetime import date
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from simulator.daraja.auto_answers import AutoAnswers
from simulator.daraja.books import Books
from simulator.daraja.c2b_endpoints import C2BEndpoints
from simulator.daraja.c2b_payments import C2BPayments
from simulator.daraja.confirmations import Confirmations
from simulator.daraja.initiator_endpoints import SERVICES, InitiatorEndpoint
from simulator.daraja.initiators import Certificate, Initiators
from simulator.daraja.inquiries import Inquiries
from simulator.daraja.ledger import Ledger
from simulator.daraja.oauth import OAuthEndpoint, Tokens
from simulator.daraja.operations import Operations
from simulator.daraja.payments import Payments
from simulator.daraja.payouts import Payouts
from simulator.daraja.phones import Phones
from simulator.daraja.pull import PullEndpoints
from simulator.daraja.registrations import Registrations
from simulator.daraja.reversals import Reversals
from simulator.daraja.statement import write_statement
from simulator.daraja.stk_push import StkPushEndpoint
from simulator.daraja.stk_query import StkQueryEndpoint
from simulator.daraja.wire import Refusal, refusal_response
from simulator.deliveries import Deliveries
from simulator.faults import FaultBox
from simulator.settings import DarajaSettings
from simulator.store import Store
from simulator.transport import with_slashes

# Paths under these are the gateway's, so that a wrong one is answered in the gateway's form.
_GATEWAY_PATHS = ("/oauth/", "/mpesa/", "/pulltransactions/")
_GATEWAY_ERRORS = {404: ("404.001.01", "Resource not found"), 405: ("405.001", "Method Not Allowed")}


class Daraja:
    name = "daraja"

    def __init__(self, settings: DarajaSettings, store: Store, deliveries: Deliveries, faults: FaultBox) -> None:
        self._settings = settings
        self._store = store
        self.auto_answers = AutoAnswers()
        self.ledger = Ledger(settings, store)
        self.phones = Phones(settings, store, self.ledger)
        self._registrations = Registrations(settings, store)
        confirmations = Confirmations(settings, self._registrations, self.ledger, faults)
        self.c2b = C2BPayments(
            settings,
            store,
            deliveries,
            phones=self.phones,
            ledger=self.ledger,
            registrations=self._registrations,
            confirmations=confirmations,
        )
        self.payments = Payments(
            settings,
            store,
            deliveries,
            phones=self.phones,
            ledger=self.ledger,
            confirmations=confirmations,
            c2b=self.c2b,
            auto_answers=self.auto_answers,
        )
        self._certificate = Certificate(store)
        self._initiators = Initiators(settings, store, self._certificate)
        payouts = Payouts(settings, self.phones, self.ledger)
        inquiries = Inquiries(settings, store, self.ledger)
        self._operations = Operations(
            store,
            deliveries,
            faults,
            self._initiators,
            {
                "b2c": payouts.pay_customer,
                "b2b": payouts.pay_business,
                "reversal": Reversals(settings, self.phones, self.ledger).reverse,
                "status": inquiries.transaction_status,
                "balance": inquiries.account_balance,
            },
        )
        self._books = Books(self.payments, self.c2b, self._operations)
        tokens = Tokens(settings, store)
        self._oauth = OAuthEndpoint(settings, tokens, faults)
        self._push = StkPushEndpoint(settings, tokens, self.payments, deliveries, faults)
        self._query = StkQueryEndpoint(settings, tokens, self.payments, faults)
        self._c2b_endpoints = C2BEndpoints(settings, tokens, self._registrations, self.c2b)
        self._pull = PullEndpoints(settings, store, tokens, self.ledger, faults)
        self._initiated = [
            (service.path, InitiatorEndpoint(service, tokens, self._operations, self.ledger, faults))
            for service in SERVICES
        ]

    def routes(self) -> list[Route]:
        routes: list[Route] = [
            Route("/oauth/v1/generate", self._oauth.generate, methods=["GET"]),
            Route("/mpesa/stkpush/v1/processrequest", self._push.process_request, methods=["POST"]),
            Route("/mpesa/stkpushquery/v1/query", self._query.query, methods=["POST"]),
            *(
                Route(f"/mpesa/c2b/{version}/{name}", endpoint, methods=["POST"])
                for version in ("v1", "v2")
                for name, endpoint in (
                    ("registerurl", self._c2b_endpoints.register),
                    ("simulate", self._c2b_endpoints.simulate),
                )
            ),
            *(Route(path, endpoint.request, methods=["POST"]) for path, endpoint in self._initiated),
            Route("/pulltransactions/v1/register", self._pull.register, methods=["POST"]),
            Route("/pulltransactions/v1/query", self._pull.query, methods=["POST"]),
            Route("/daraja-certificate.cer", self._certificate.download, methods=["GET"]),
        ]
        return with_slashes(routes)

    def wire_error(self, status: int, path: str) -> Response | None:
        if not path.startswith(_GATEWAY_PATHS) or status not in _GATEWAY_ERRORS:
            return None
        code, message = _GATEWAY_ERRORS[status]
        return refusal_response(Refusal(status, code, message))

    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        """Return every payment, oldest first, or those of a phone or a reference."""
        return self._books.payments(msisdn, reference)

    def payouts(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        return self._books.payouts(msisdn, reference)

    def statement(self, day: date | None = None) -> str:
        """Return the portal's CSV of one day in Nairobi, of all days when none is given."""
        return write_statement(self._settings, self.ledger, day)

    def resume(self) -> None:
        self.payments.resume()
        self.c2b.resume()
        self._operations.resume()

    def stop(self) -> None:
        self.payments.stop_timers()
        self.c2b.stop()
        self._operations.stop()

    def clear(self) -> None:
        """Forget payments, phones, messages, registered addresses, automatic answers. Tokens and the certificate stay:
        merchants keep them."""
        with self._store.transaction():
            self.payments.clear()
            self.c2b.clear()
            self._operations.clear()
            self.ledger.clear()
            self._registrations.clear()
            self._pull.clear()
            self._initiators.clear()
            self.phones.clear()
        self.auto_answers.clear()
