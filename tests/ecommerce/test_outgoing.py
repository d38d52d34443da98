"""Requests to other services: what may go wrong, against a real socket."""

import logging
import socket
import threading
import time
from contextlib import closing
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ecommerce import outgoing

SECRET = "s3cr3t"


class Service(BaseHTTPRequestHandler):
    """Answers by path, and keeps what it was asked."""

    asked: list[str]

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.asked.append(path)
        body = {"/decimal": b'{"amount": 0.10}', "/deep": b"[" * 100_000, "/large": b"x" * 2048}.get(path, b"")
        if path == "/cut":
            return
        self.send_response(302 if path == "/moved" else 200)
        self.send_header("Location", "/decimal")
        self.send_header("X-Agent", self.headers["User-Agent"])
        self.end_headers()
        for _ in range(20 if path == "/drips" else 0):
            time.sleep(0.1)
            self.wfile.write(b" ")
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture
def service(settings):
    settings.PROVIDER_READ_TIMEOUT = 0.4
    Service.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    outgoing.reset_breakers()
    yield f"http://127.0.0.1:{server.server_port}"
    outgoing.reset_breakers()
    server.shutdown()
    server.server_close()


@pytest.fixture
def nobody():
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_answer_is_read_with_its_numbers_digit_by_digit(service, settings):
    answer = outgoing.send("GET", f"{service}/decimal")

    assert (answer.status, answer.body, answer.raw) == (200, {"amount": Decimal("0.10")}, b'{"amount": 0.10}')
    assert answer.headers["x-agent"] == settings.PROVIDER_USER_AGENT


def test_redirect_is_an_answer_and_not_followed(service):
    answer = outgoing.send("GET", f"{service}/moved", headers={"Authorization": SECRET})

    assert (answer.status, answer.value, Service.asked) == (302, None, ["/moved"])


def test_what_is_no_json_is_none(service):
    assert outgoing.send("GET", f"{service}/deep").value is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/large", "the answer is too large"), ("/drips", "the answer drips"), ("/cut", "connection lost")],
)
def test_no_whole_answer_is_no_answer_and_not_asked_again(service, path, reason):
    with pytest.raises(outgoing.NoAnswer) as told:
        outgoing.send("POST", f"{service}{path}", largest=1024, data={"a": "b"})

    assert (type(told.value), str(told.value), Service.asked) == (outgoing.NoAnswer, reason, [path])


def test_nobody_there_is_not_received(nobody):
    with pytest.raises(outgoing.NotReceived, match="no connection"):
        outgoing.send("GET", nobody)


@pytest.mark.parametrize("path", ["/cut", "/large"])
def test_what_goes_wrong_tells_no_secret(service, path, caplog):
    with caplog.at_level(logging.INFO), pytest.raises(outgoing.NoAnswer) as told:
        outgoing.send("GET", f"{service}{path}", params={"token": SECRET}, headers={"key": SECRET}, largest=1024)

    chain = told.getrepr(chain=True, showlocals=False)
    assert SECRET not in "".join(str(crash) for _, crash, _ in getattr(chain, "chain", []))
    assert told.value.__suppress_context__ or told.value.__context__ is None
    assert SECRET not in caplog.text


def test_breaker_lets_one_service_rest_and_no_other(service, nobody, caplog):
    for _ in range(outgoing.Breaker.LIMIT):
        with pytest.raises(outgoing.NoAnswer):
            outgoing.send("GET", f"{service}/cut", breaker="tired")
    with pytest.raises(outgoing.NotReceived, match="does not answer"):
        outgoing.send("GET", f"{service}/decimal", breaker="tired")
    others = [outgoing.send("GET", f"{service}/decimal", breaker=name).status for name in ("", "fresh")]

    assert (others, Service.asked) == ([200, 200], ["/cut"] * 4 + ["/decimal"] * 2)
    assert [(record.message, record.service) for record in caplog.records] == [("breaker_open", "tired")]


def test_breaker_tries_again_after_its_pause(service, monkeypatch):
    for _ in range(outgoing.Breaker.LIMIT):
        with pytest.raises(outgoing.NoAnswer):
            outgoing.send("GET", f"{service}/cut", breaker="tired")
    later = time.monotonic() + outgoing.Breaker.PAUSE + 1
    monkeypatch.setattr(outgoing.time, "monotonic", lambda: later)

    assert outgoing.send("GET", f"{service}/decimal", breaker="tired").status == 200
