from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from simulator.settings import ChapaSettings, Settings
from tests.simulator.chapa.merchant import ChapaMerchant
from tests.simulator.checkout.inbox import Inbox, running
from tests.simulator.conftest import RunningSimulator


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.close()


@pytest.fixture
def chapa(shared_simulator: RunningSimulator, inbox: Inbox) -> Iterator[ChapaMerchant]:
    """A merchant of a simulator with the settings that it has out of the box, and with empty books."""
    shared_simulator.http.post("/control/reset")
    merchant = ChapaMerchant(shared_simulator.http, f"{inbox.url}/chapa/")
    yield merchant
    merchant.http.post("/control/webhooks", json={"chapa": "", "retry_seconds": None})
    merchant.http.post("/control/reset")


@pytest.fixture
def start_chapa(inbox: Inbox) -> Iterator[Callable[..., tuple[RunningSimulator, ChapaMerchant]]]:
    """Start a simulator with other settings of Chapa; it is stopped with the test."""
    with ExitStack() as stack:

        def start(*, state: str = ":memory:", **changes: Any) -> tuple[RunningSimulator, ChapaMerchant]:
            settings = Settings(state=state, chapa=replace(ChapaSettings(), **changes))
            simulator = stack.enter_context(running(settings))
            return simulator, ChapaMerchant(simulator.http, f"{inbox.url}/chapa/")

        yield start
