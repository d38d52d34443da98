"""The stream with everything real: gunicorn, PostgreSQL's NOTIFY, Redis and clients on sockets."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import User
from accounts.tokens import start_session
from launcher.ports import free_port
from payments.models import Payment
from tests.e2e.shop import wait_for
from tests.live import listeners, terminate
from tests.payments.events import change, parse, path_of, payment_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LONG = 15.0  # seconds; what is expected comes within milliseconds
ROOT = Path(__file__).resolve().parents[2]
WORKERS, THREADS = 2, 2


class Web:
    """gunicorn as the shop runs it, on this test's database."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.log = log
        database = connection.settings_dict["NAME"]
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "ecommerce.wsgi:application"),
                    *("--bind", f"127.0.0.1:{self.port}", "--graceful-timeout", "8"),
                    *("--workers", str(WORKERS), "--threads", str(THREADS)),
                ],
                cwd=ROOT,
                env=os.environ
                | {
                    "DATABASE_URL": re.sub(r"/[^/]*$", f"/{database}", os.environ["DATABASE_URL"]),
                    "CACHE_KEY_PREFIX": settings.CACHES["default"]["KEY_PREFIX"],
                },
                stdout=output,
                stderr=output,
            )
        wait_for(lambda: self.alive() and len(self.workers()) == WORKERS, seconds=30)

    def alive(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.ask("/healthz")[0] == 200
        except OSError:
            return False

    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in children.read_text().split()}

    def ask(self, path: str, **headers: str) -> tuple[int, bytes]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)
        try:
            client.request("GET", path, headers=headers)
            answer = client.getresponse()
            return answer.status, answer.read()
        finally:
            client.close()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=30)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    running = Web(tmp_path / "web.log")
    yield running
    if running.process.poll() is None:
        running.stop()


class Reader:
    """A client that reads a stream; ``next`` returns one message that is no heartbeat, or None after the last."""

    def __init__(self, web: Web, path: str, user: User, version: str = "1.1") -> None:
        token = start_session(user).access
        self.socket = socket.create_connection(("127.0.0.1", web.port), timeout=LONG)
        head = f"GET {path} HTTP/{version}\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        self.socket.sendall(head.encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = http.client.parse_headers(self.file)
        self.is_chunked = self.headers["Transfer-Encoding"] == "chunked"
        self.ended_well = False

    def next(self) -> dict[str, Any] | None:
        assert (self.status, self.headers["Connection"]) == (200, "close"), self.file.read1()
        while True:
            text = self._chunk() if self.is_chunked else self._plain()
            if not text:
                return None
            if text != b":\n\n":
                return parse(text)

    def event(self) -> dict[str, Any]:
        while "data" not in (said := self.next() or {"data": None}):
            pass
        return said

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def _chunk(self) -> bytes:
        size = self.file.readline()
        text = self.file.read(int(size, 16) + 2)[:-2] if size else b""
        self.ended_well = size == b"0\r\n"
        return text

    def _plain(self) -> bytes:
        text = b""
        while (line := self.file.readline()) not in (b"\n", b""):
            text += line
        return text + line if text else b""


@pytest.fixture
def reading(web: Web) -> Iterator[Callable[..., Reader]]:
    """``reading(payment)`` opens its owner's stream."""
    opened: list[Reader] = []

    def read(payment: Payment, version: str = "1.1") -> Reader:
        opened.append(Reader(web, path_of(payment), payment.user, version))
        return opened[-1]

    yield read
    for reader in opened:
        reader.close()


def test_twelve_streams_leave_all_threads_to_other_requests(web, reading):
    payments = [payment_of() for _ in range(4)]

    readers = [reading(payment) for payment in payments for _ in range(3)]

    assert len(readers) > WORKERS * THREADS
    assert [reader.event()["data"]["status"] for reader in readers] == ["pending"] * 12
    assert [web.ask("/api/categories/")[0] for _ in range(20)] == [200] * 20
    for payment in payments:
        change(payment, status="failed")
    assert [reader.event()["data"]["status"] for reader in readers] == ["failed"] * 12
    assert [reader.next() for reader in readers] == [{"event": "end", "data": {"reason": "final"}}] * 12
    assert [(reader.next(), reader.ended_well) for reader in readers] == [(None, True)] * 12


def test_result_arrives_while_nothing_else_happens(reading):
    payment = payment_of()
    reader = reading(payment)
    first = reader.event()
    wait_for(listeners, seconds=LONG)
    began = time.monotonic()

    change(payment, status="failed")
    after = reader.event()

    assert (first["data"]["status"], after["data"]["status"]) == ("pending", "failed")
    assert time.monotonic() - began < 10  # before the heartbeat, so it was the notice


def test_refusals_and_answers_are_those_of_any_address(web, reading):
    payment, stranger = payment_of(), payment_of()

    answers = [web.ask(path_of(payment))]
    token = start_session(stranger.user).access
    answers.append(web.ask(path_of(payment), Authorization=f"Bearer {token}"))
    three = [reading(stranger) for _ in range(3)]
    answers.append(web.ask(path_of(stranger), Authorization=f"Bearer {token}"))

    codes = [(status, re.findall(rb'"code":"(\w+)"', body)) for status, body in answers]
    assert codes == [(401, [b"not_authenticated"]), (404, [b"not_found"]), (429, [b"too_many_streams"])]
    reader = three[0]
    assert (reader.status, reader.headers["Connection"], reader.headers["Content-Type"]) == (
        200,
        "close",
        "text/event-stream",
    )
    assert (reader.headers["Cache-Control"], reader.headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert re.fullmatch(r"[0-9a-f]{32}", reader.headers["X-Request-Id"])
    logged = re.findall(r'"route": "api/payments/<uuid:id>/stream/", "status": (\d+)', web.log.read_text())
    assert sorted(logged) == ["200", "200", "200", "401", "404", "429"]


def test_place_of_a_client_that_left_is_free(reading):
    payment = payment_of()
    three = [reading(payment) for _ in range(3)]
    assert reading(payment).status == 429

    three[0].close()

    wait_for(lambda: reading(payment).status == 200, seconds=LONG)


def test_listener_comes_back_after_the_database_ended_it(reading):
    payments = [payment_of() for _ in range(4)]
    readers = [reading(payment) for payment in payments]
    for reader in readers:
        reader.event()
    before = wait_for(listeners, seconds=LONG)

    terminate(before)
    wait_for(lambda: set(listeners()) - set(before), seconds=LONG)

    for payment in payments:
        change(payment, method="card")
    assert [reader.event()["data"]["method"] for reader in readers] == ["card"] * 4


def test_old_http_client_reads_until_the_connection_closes(reading):
    payment = payment_of()
    reader = reading(payment, version="1.0")

    first = reader.event()
    change(payment, status="failed")

    assert not reader.is_chunked
    assert [first["data"]["status"], reader.event()["data"]["status"]] == ["pending", "failed"]
    assert [reader.next(), reader.next()] == [{"event": "end", "data": {"reason": "final"}}, None]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_stop_and_restart_end_streams_at_once_and_finish_requests(web, reading, number):
    payment = payment_of()
    readers = [reading(payment) for _ in range(3)]
    for reader in readers:
        reader.event()
    upload = socket.create_connection(("127.0.0.1", web.port), timeout=LONG)
    upload.sendall(b"POST /api/auth/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
    upload.sendall(b"Content-Length: 2\r\n\r\n{")
    old = web.workers()
    time.sleep(0.5)  # the upload is being handled
    began = time.monotonic()

    web.process.send_signal(number)

    for reader in readers:
        said = reader.next()
        assert said is not None
        assert 500 <= int(said["retry"]) <= 2500
        assert (reader.next(), reader.ended_well) == (None, True)
    assert time.monotonic() - began < 5  # not the grace that requests have
    upload.sendall(b"}")
    assert upload.recv(4096).startswith(b"HTTP/1.1 400 ")
    upload.close()
    if number == signal.SIGTERM:
        assert web.process.wait(timeout=30) == 0
    else:
        wait_for(lambda: not web.workers() & old and web.alive(), seconds=30)
        assert reading(payment).event()["data"]["status"] == "pending"
    assert "Traceback" not in web.log.read_text()
    assert "never awaited" not in web.log.read_text()


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        (
            b"GET /api/products/?search=" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            (414, "uri_too_long"),
        ),
        (b"GET /healthz HTTP/1.1\r\nX-A: " + b"x" * 10_000 + b"\r\n\r\n", (431, "headers_too_large")),
    ],
    ids=["address", "headers"],
)
def test_request_too_long_for_the_server_is_refused_in_the_one_error_shape(web, request_text, expected):
    client = socket.create_connection(("127.0.0.1", web.port), timeout=LONG)
    client.sendall(request_text)

    answer = http.client.HTTPResponse(client)
    answer.begin()
    body = answer.read()
    client.close()

    status, code = expected
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/json")
    assert re.findall(rb'"code": "(\w+)"', body) == [code.encode()]
