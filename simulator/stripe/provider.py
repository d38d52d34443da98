"""Stripe put together: its parts, its routes, its books."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from simulator.checkout.models import Checkout
from simulator.deliveries import Deliveries
from simulator.faults import FaultBox
from simulator.settings import StripeSettings
from simulator.store import Store


class Stripe:
    name = "stripe"

    def __init__(self, settings: StripeSettings, store: Store, deliveries: Deliveries, faults: FaultBox) -> None:
        self._settings = settings
        self._store = store
        self._deliveries = deliveries
        self._faults = faults
        self.webhook_url = settings.webhook_url

    def routes(self) -> list[Route]:
        return []

    def wire_error(self, status: int, path: str) -> Response | None:
        return None

    def checkout(self, checkout_id: str) -> Checkout | None:
        return None

    def open_checkouts(self) -> list[Checkout]:
        return []

    def act(self, checkout_id: str, action: str) -> str:
        raise NotImplementedError

    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        return []

    def resume(self) -> None: ...

    def stop(self) -> None: ...

    def clear(self) -> None: ...
