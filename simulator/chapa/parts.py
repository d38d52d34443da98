"""What every book of Chapa's works with."""

from dataclasses import dataclass

from simulator.chapa.events import Events
from simulator.documents import Documents
from simulator.later import Later
from simulator.settings import ChapaSettings
from simulator.store import Store


@dataclass(frozen=True)
class Parts:
    settings: ChapaSettings
    store: Store
    documents: Documents
    later: Later
    events: Events

    @property
    def mode(self) -> str:
        return "test" if self.settings.secret_key.startswith("CHASECK_TEST") else "live"
