"""The parts of the simulator, made once for each app. A further provider joins the ``providers`` here."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol, runtime_checkable

from starlette.responses import Response
from starlette.routing import Route

from simulator import deliveries as deliveries_module
from simulator.africastalking.fault_kinds import AFRICASTALKING_FAULTS
from simulator.africastalking.provider import AfricasTalking
from simulator.chapa import schema as chapa_schema
from simulator.chapa.fault_kinds import CHAPA_FAULTS
from simulator.chapa.provider import Chapa
from simulator.checkout.auto import AutoCheckouts
from simulator.checkout.models import CheckoutHost
from simulator.daraja import schema as daraja_schema
from simulator.daraja.fault_kinds import DARAJA_FAULTS
from simulator.daraja.provider import Daraja
from simulator.deliveries import Deliveries
from simulator.etims.fault_kinds import ETIMS_FAULTS
from simulator.etims.provider import Etims
from simulator.faults import FaultBox
from simulator.paypal import schema as paypal_schema
from simulator.paypal.fault_kinds import PAYPAL_FAULTS
from simulator.paypal.provider import PayPal
from simulator.paystack import schema as paystack_schema
from simulator.paystack.fault_kinds import PAYSTACK_FAULTS
from simulator.paystack.provider import Paystack
from simulator.settings import Settings
from simulator.store import Store
from simulator.stripe import schema as stripe_schema
from simulator.stripe.fault_kinds import STRIPE_FAULTS
from simulator.stripe.provider import Stripe

_SCHEMAS = (
    deliveries_module.SCHEMA,
    daraja_schema.SCHEMA,
    paystack_schema.SCHEMA,
    chapa_schema.SCHEMA,
    stripe_schema.SCHEMA,
    paypal_schema.SCHEMA,
)
_FAULTS = (
    *(*DARAJA_FAULTS, *PAYSTACK_FAULTS, *CHAPA_FAULTS, *STRIPE_FAULTS, *PAYPAL_FAULTS),
    *(*ETIMS_FAULTS, *AFRICASTALKING_FAULTS),
)


class Provider(Protocol):
    name: str

    def routes(self) -> list[Route]: ...
    def wire_error(self, status: int, path: str) -> Response | None:
        """Return how this provider words an HTTP error (404, 405, 500) for one of its own paths, else None."""

    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        """Return every payment, oldest first.

        An entry has ``provider, id, reference, amount`` (text, major units, two places), ``currency, status``
        (waiting, successful, failed), ``receipt_number`` and, where it can be refunded, ``refunds``: a list of
        ``id, amount, status`` (pending, successful, failed).
        """

    def resume(self) -> None: ...
    def stop(self) -> None: ...
    def clear(self) -> None: ...


@runtime_checkable
class PaysOut(Protocol):
    """A provider that also sends money out."""

    def payouts(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        """Return every payout, oldest first: ``provider, id, reference, amount, currency, status``, as in books."""


@runtime_checkable
class HasStatement(Protocol):
    """A provider whose statement can be downloaded."""

    def statement(self, day: date) -> str:
        """Return the CSV, header included, of what was settled on a day in Nairobi."""


class Simulator:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.state, _SCHEMAS)
        self.deliveries = Deliveries(self.store)
        self.faults = FaultBox(_FAULTS, settings.seed)
        self.daraja = Daraja(settings.daraja, self.store, self.deliveries, self.faults)
        self.paystack = Paystack(settings.paystack, self.store, self.deliveries, self.faults)
        self.chapa = Chapa(settings.chapa, self.store, self.deliveries, self.faults)
        self.stripe = Stripe(settings.stripe, self.store, self.deliveries, self.faults)
        self.paypal = PayPal(settings.paypal, self.store, self.deliveries, self.faults)
        self.etims = Etims(settings.etims, self.store, self.faults)
        show = self.daraja.phones.show_sms
        self.africastalking = AfricasTalking(settings.africastalking, self.store, self.faults, show)
        self.providers: Mapping[str, Provider] = {
            provider.name: provider
            for provider in (
                *(self.daraja, self.paystack, self.chapa, self.stripe, self.paypal),
                *(self.etims, self.africastalking),
            )
        }
        self.checkout_hosts: Mapping[str, CheckoutHost] = {
            host.name: host for host in (self.paystack, self.chapa, self.stripe, self.paypal)
        }
        self.auto_checkouts = AutoCheckouts(self.checkout_hosts)
        for host in self.checkout_hosts.values():
            host.on_checkout_opened = self.auto_checkouts.opened

    async def start(self) -> None:
        # Deliveries first: what the providers finish while they resume must not be taken for left over.
        self.deliveries.resume()
        for provider in self.providers.values():
            provider.resume()

    async def stop(self) -> None:
        self.auto_checkouts.stop()
        for provider in self.providers.values():
            provider.stop()
        await self.deliveries.cancel_all()
        self.store.close()

    async def reset(self) -> None:
        """Forget everything but the settings, the webhook addresses and the tokens."""
        self.auto_checkouts.clear()
        await self.deliveries.cancel_all()
        for provider in self.providers.values():
            provider.clear()
        self.deliveries.clear()
        self.faults.clear()
