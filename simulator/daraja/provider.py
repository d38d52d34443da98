"""Daraja put together: its parts, its routes, its books."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from simulator.daraja.auto_answers import AutoAnswers
from simulator.daraja.oauth import OAuthEndpoint, Tokens
from simulator.daraja.payments import Payments
from simulator.daraja.phones import Phones
from simulator.daraja.stk_push import StkPushEndpoint
from simulator.daraja.stk_query import StkQueryEndpoint
from simulator.daraja.wire import Refusal, refusal_response
from simulator.deliveries import Deliveries
from simulator.faults import FaultBox
from simulator.settings import DarajaSettings
from simulator.store import Store

# Paths under these are the gateway's, so that a wrong one is answered in the gateway's form.
_GATEWAY_PATHS = ("/oauth/", "/mpesa/", "/pulltransactions/")
_GATEWAY_ERRORS = {404: ("404.001.01", "Resource not found"), 405: ("405.001", "Method Not Allowed")}


class Daraja:
    name = "daraja"

    def __init__(self, settings: DarajaSettings, store: Store, deliveries: Deliveries, faults: FaultBox) -> None:
        self._store = store
        self.auto_answers = AutoAnswers()
        self.phones = Phones(settings, store)
        self.payments = Payments(settings, store, deliveries, self.phones, self.auto_answers)
        tokens = Tokens(settings, store)
        self._oauth = OAuthEndpoint(settings, tokens, faults)
        self._push = StkPushEndpoint(settings, tokens, self.payments, deliveries, faults)
        self._query = StkQueryEndpoint(settings, tokens, self.payments, faults)

    def routes(self) -> list[Route]:
        return [
            Route("/oauth/v1/generate", self._oauth.generate, methods=["GET"]),
            Route("/mpesa/stkpush/v1/processrequest", self._push.process_request, methods=["POST"]),
            Route("/mpesa/stkpushquery/v1/query", self._query.query, methods=["POST"]),
        ]

    def wire_error(self, status: int, path: str) -> Response | None:
        if not path.startswith(_GATEWAY_PATHS) or status not in _GATEWAY_ERRORS:
            return None
        code, message = _GATEWAY_ERRORS[status]
        return refusal_response(Refusal(status, code, message))

    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        """Return every payment, oldest first, or those of a phone or a reference."""
        return [payment.as_book_entry() for payment in self.payments.listing(msisdn, reference)]

    def resume(self) -> None:
        self.payments.resume()

    def stop(self) -> None:
        self.payments.stop_timers()

    def clear(self) -> None:
        """Forget payments, phones, messages, automatic answers. Tokens stay: merchants cache them."""
        with self._store.transaction():
            self.payments.clear()
            self.phones.clear()
        self.auto_answers.clear()
