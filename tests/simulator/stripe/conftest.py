from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from simulator.settings import Settings, StripeSettings
from tests.simulator.checkout.inbox import Inbox, running
from tests.simulator.conftest import RunningSimulator
from tests.simulator.stripe.shop import StripeShop


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.close()


@pytest.fixture
def shop(shared_simulator: RunningSimulator, inbox: Inbox) -> Iterator[StripeShop]:
    """A merchant of a simulator with the settings that it has out of the box, and with empty books."""
    shared_simulator.http.post("/control/reset")
    yield StripeShop(shared_simulator.http, f"{inbox.url}/stripe/")
    shared_simulator.http.post("/control/webhooks", json={"stripe": "", "retry_seconds": None})
    shared_simulator.http.post("/control/reset")


@pytest.fixture
def start_stripe(inbox: Inbox) -> Iterator[Callable[..., tuple[RunningSimulator, StripeShop]]]:
    """Start a simulator with other settings of Stripe; it is stopped with the test."""
    with ExitStack() as stack:

        def start(*, state: str = ":memory:", **changes: Any) -> tuple[RunningSimulator, StripeShop]:
            settings = Settings(state=state, stripe=replace(StripeSettings(), **changes))
            simulator = stack.enter_context(running(settings))
            return simulator, StripeShop(simulator.http, f"{inbox.url}/stripe/", key=settings.stripe.secret_key)

        yield start
