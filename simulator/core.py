"""The parts of the simulator, made once for each app. A further provider joins the ``providers`` here."""

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.routing import Route

from simulator import deliveries as deliveries_module
from simulator.daraja import schema as daraja_schema
from simulator.daraja.fault_kinds import DARAJA_FAULTS
from simulator.daraja.provider import Daraja
from simulator.deliveries import Deliveries
from simulator.faults import FaultBox
from simulator.settings import Settings
from simulator.store import Store


class Provider(Protocol):
    @property
    def path_prefixes(self) -> tuple[str, ...]: ...

    def routes(self) -> list[Route]: ...
    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]: ...
    def resume(self) -> None: ...
    def stop(self) -> None: ...
    def clear(self) -> None: ...


class Simulator:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.state, (deliveries_module.SCHEMA, daraja_schema.SCHEMA))
        self.deliveries = Deliveries(self.store)
        self.faults = FaultBox(DARAJA_FAULTS, settings.seed)
        self.daraja = Daraja(settings.daraja, self.store, self.deliveries, self.faults)
        self.providers: Mapping[str, Provider] = {"daraja": self.daraja}

    async def start(self) -> None:
        # Deliveries first: what the providers finish while they resume must not be taken for left over.
        self.deliveries.resume()
        for provider in self.providers.values():
            provider.resume()

    async def stop(self) -> None:
        for provider in self.providers.values():
            provider.stop()
        await self.deliveries.cancel_all()
        self.store.close()

    async def reset(self) -> None:
        """Forget everything but the settings and the tokens."""
        await self.deliveries.cancel_all()
        for provider in self.providers.values():
            provider.clear()
        self.deliveries.clear()
        self.faults.clear()
