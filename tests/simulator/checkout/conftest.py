from collections.abc import Iterator

import pytest

from tests.simulator.chapa.merchant import ChapaMerchant
from tests.simulator.checkout.inbox import Control, Inbox
from tests.simulator.conftest import RunningSimulator
from tests.simulator.paystack.merchant import PaystackMerchant


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.close()


@pytest.fixture
def control(shared_simulator: RunningSimulator) -> Iterator[Control]:
    """The control side of a simulator with empty books; afterwards no webhooks go anywhere."""
    control = Control(shared_simulator.http)
    control.http.post("/control/reset")
    yield control
    control.http.post("/control/webhooks", json={"paystack": "", "chapa": "", "retry_seconds": None})
    control.http.post("/control/reset")


@pytest.fixture
def paystack(control: Control, inbox: Inbox) -> PaystackMerchant:
    return PaystackMerchant(control.http, f"{inbox.url}/paystack/")


@pytest.fixture
def chapa(control: Control, inbox: Inbox) -> ChapaMerchant:
    return ChapaMerchant(control.http, f"{inbox.url}/chapa/")
