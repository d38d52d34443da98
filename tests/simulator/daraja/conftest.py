from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.simulator.conftest import RunningSimulator
from tests.simulator.daraja.shop import Inbox, Shop


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.close()


@pytest.fixture
def shop(shared_simulator: RunningSimulator, inbox: Inbox) -> Iterator[Shop]:
    """A shop at a simulator with the settings that it has out of the box, and with empty books."""
    shop = Shop(shared_simulator.http, inbox)
    shop.http.post("/control/reset")
    yield shop
    shop.http.post("/control/reset")  # the addresses that were registered are gone with this test


@pytest.fixture
def start_shop(
    start_simulator: Callable[..., tuple[RunningSimulator, Any]], inbox: Inbox
) -> Callable[..., tuple[RunningSimulator, Shop]]:
    """Start a simulator with other settings, and a shop at it."""

    def start(**settings: Any) -> tuple[RunningSimulator, Shop]:
        simulator, _ = start_simulator(**settings)
        return simulator, Shop(simulator.http, inbox)

    return start
