from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from simulator.settings import PaystackSettings, Settings
from tests.simulator.checkout.inbox import Inbox, running
from tests.simulator.conftest import RunningSimulator
from tests.simulator.paystack.merchant import PaystackMerchant


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.close()


@pytest.fixture
def paystack(shared_simulator: RunningSimulator, inbox: Inbox) -> Iterator[PaystackMerchant]:
    """A merchant of a simulator with the settings that it has out of the box, and with empty books."""
    shared_simulator.http.post("/control/reset")
    merchant = PaystackMerchant(shared_simulator.http, f"{inbox.url}/paystack/")
    yield merchant
    merchant.http.post("/control/webhooks", json={"paystack": "", "retry_seconds": None})
    merchant.http.post("/control/reset")


@pytest.fixture
def start_paystack(inbox: Inbox) -> Iterator[Callable[..., tuple[RunningSimulator, PaystackMerchant]]]:
    """Start a simulator with other settings of Paystack; it is stopped with the test."""
    with ExitStack() as stack:

        def start(*, state: str = ":memory:", **changes: Any) -> tuple[RunningSimulator, PaystackMerchant]:
            settings = Settings(state=state, paystack=replace(PaystackSettings(), **changes))
            simulator = stack.enter_context(running(settings))
            return simulator, PaystackMerchant(simulator.http, f"{inbox.url}/paystack/")

        yield start
