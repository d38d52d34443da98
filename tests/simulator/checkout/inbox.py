"""The server of a merchant that takes webhooks, and what the tests of every redirect provider share."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from simulator.settings import Settings
from tests.simulator.conftest import RunningSimulator
from tests.simulator.merchant import wait_for


@dataclass(frozen=True)
class Message:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: str

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


class Inbox:
    """Keeps what it gets; answers with ``statuses`` in turn, then with 200."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.statuses: list[int] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                inbox.messages.append(Message(self.command, self.path, headers, body))
                self.send_response(inbox.statuses.pop(0) if inbox.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = _take

            def log_message(self, *_: object) -> None:
                """Keep the test output quiet."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()

    def wait(self, count: int = 1) -> list[Message]:
        """Wait for so many messages and return them."""
        wait_for(lambda: len(self.messages) >= count)
        return list(self.messages)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running(settings: Settings) -> Iterator[RunningSimulator]:
    simulator = RunningSimulator(settings)
    try:
        yield simulator
    finally:
        simulator.stop()


class Control:
    """The control side of a running simulator."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def faults(self, *queue: Any, **rest: Any) -> None:
        response = self.http.post("/control/faults", json={"queue": list(queue), **rest})
        assert response.status_code == 200, response.text

    def auto_checkout(self, **rule: Any) -> None:
        response = self.http.post("/control/auto-checkout", json=rule or {"action": "pay"})
        assert response.status_code == 200, response.text

    def open_checkouts(self, reference: str | None = None) -> list[dict[str, Any]]:
        query = {} if reference is None else {"reference": reference}
        checkouts: list[dict[str, Any]] = self.http.get("/checkout/api/open", params=query).json()["checkouts"]
        return checkouts

    def act(self, reference: str, action: str) -> httpx.Response:
        """Do an action on the open checkout of a reference."""
        checkout = self.open_checkouts(reference)[0]
        return self.http.post(f"/checkout/api/{checkout['provider']}/{checkout['id']}/{action}")

    def books(self) -> dict[str, Any]:
        books: dict[str, Any] = self.http.get("/control/books").json()
        return books

    def payment(self, reference: str) -> dict[str, Any]:
        payments: list[dict[str, Any]] = self.http.get(f"/control/books?reference={reference}").json()["payments"]
        return payments[0]

    def deliveries(self) -> list[dict[str, Any]]:
        deliveries: list[dict[str, Any]] = self.http.get("/control/deliveries").json()["deliveries"]
        return deliveries

    def wait_until_delivered(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many deliveries have come to an end."""
        ends = ("answered", "failed", "refused", "lost")
        wait_for(lambda: sum(delivery["state"] in ends for delivery in self.deliveries()) >= count)
        return self.deliveries()
