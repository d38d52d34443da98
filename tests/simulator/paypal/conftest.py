from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from simulator.settings import PayPalSettings, Settings
from tests.simulator.checkout.inbox import Inbox, running
from tests.simulator.conftest import RunningSimulator
from tests.simulator.paypal.shop import PayPalShop


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.close()


@pytest.fixture
def shop(shared_simulator: RunningSimulator, inbox: Inbox) -> Iterator[PayPalShop]:
    """A merchant of a simulator with the settings that it has out of the box, and with empty books."""
    shared_simulator.http.post("/control/reset")
    yield PayPalShop(shared_simulator.http, f"{inbox.url}/paypal/")
    shared_simulator.http.timeout = 10.0
    shared_simulator.http.post("/control/webhooks", json={"paypal": "", "retry_seconds": None})
    shared_simulator.http.post("/control/reset")


@pytest.fixture
def start_paypal(inbox: Inbox) -> Iterator[Callable[..., tuple[RunningSimulator, PayPalShop]]]:
    """Start a simulator with other settings of PayPal; it is stopped with the test."""
    with ExitStack() as stack:

        def start(*, state: str = ":memory:", **changes: Any) -> tuple[RunningSimulator, PayPalShop]:
            settings = Settings(state=state, paypal=replace(PayPalSettings(), **changes))
            simulator = stack.enter_context(running(settings))
            return simulator, PayPalShop(simulator.http, f"{inbox.url}/paypal/")

        yield start
