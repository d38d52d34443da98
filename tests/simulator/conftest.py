import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvicorn

from simulator.app import create_app
from simulator.settings import DarajaSettings, Settings
from tests.simulator.merchant import Merchant, Receiver, wait_for


class RunningSimulator:
    """A simulator under uvicorn, in a thread, on a port of its own."""

    def __init__(self, settings: Settings) -> None:
        # Naming the protocol lets asyncio send small answers at once instead of after 40 ms.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(create_app(settings), log_level="error", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started)

        self.http = httpx.Client(base_url=self.url, timeout=10.0, trust_env=False, verify=False)

    def stop(self) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join(5)


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[RunningSimulator]:
    simulator = RunningSimulator(Settings())
    yield simulator
    simulator.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def merchant(shared_simulator: RunningSimulator, receiver: Receiver) -> Merchant:
    """A merchant of a simulator with the settings that it has out of the box, and with empty books."""
    merchant = Merchant(shared_simulator.http, f"{receiver.url}/cb/")
    merchant.http.post("/control/reset")
    return merchant


@pytest.fixture
def start_simulator(receiver: Receiver) -> Iterator[Callable[..., tuple[RunningSimulator, Merchant]]]:
    """Start a simulator with other settings; it is stopped with the test."""
    running: list[RunningSimulator] = []

    def start(*, state: str = ":memory:", seed: int = 0, **daraja: Any) -> tuple[RunningSimulator, Merchant]:
        settings = Settings(state=state, seed=seed, daraja=replace(DarajaSettings(), **daraja))
        simulator = RunningSimulator(settings)
        running.append(simulator)
        return simulator, Merchant(simulator.http, f"{receiver.url}/cb/")

    yield start
    for simulator in running:
        simulator.stop()
