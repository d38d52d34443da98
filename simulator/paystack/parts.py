"""What every book of Paystack's works with."""

from dataclasses import dataclass

from simulator.documents import Documents
from simulator.later import Later
from simulator.paystack.events import Events
from simulator.settings import PaystackSettings
from simulator.store import Store


@dataclass(frozen=True)
class Parts:
    settings: PaystackSettings
    store: Store
    documents: Documents
    later: Later
    events: Events
