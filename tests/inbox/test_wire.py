"""What the other side may do: answer late, much, elsewhere, or not at all."""

import ssl
import subprocess
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from inbox.webhooks import addresses, wire
from tests.inbox.receiver import receiving


@pytest.fixture
def in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SECONDS", 1.0)


def test_post_arrives_as_it_was_sent(receiver):
    outcome = wire.post(receiver.url, b'{"a":1}', {"webhook-id": "evt_1"})

    [got] = receiver.received
    assert (outcome.status, outcome.text, outcome.error, outcome.arrived) == (200, "ok", "", True)
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/hook?from=shop", b'{"a":1}', "evt_1")
    assert got.headers["content-type"] == "application/json"
    assert receiver.url.removeprefix("http://").startswith(got.headers["host"])


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_a_failure_and_is_not_followed(receiver, status):
    with receiving() as elsewhere:
        for target in (elsewhere.url, "http://169.254.169.254/latest/meta-data/"):
            receiver.status, receiver.headers = status, {"Location": target}
            outcome = wire.post(receiver.url, b"{}", {})
            assert (outcome.status, outcome.arrived) == (status, False)

        assert elsewhere.received == []
    assert len(receiver.received) == 2


def test_huge_answer_is_cut_off(receiver):
    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(2000):
                handler.wfile.write(b"x" * 100_000)
        except OSError:
            poured.append("cut off")

    poured: list[str] = []
    receiver.write = pour

    outcome = wire.post(receiver.url, b"{}", {})

    assert (outcome.status, outcome.text) == (200, "x" * wire.SHOWN)
    assert outcome.duration_ms < 3000
    assert wait_for(poured)


def wait_for(what: list[str]) -> bool:
    end = time.monotonic() + 5
    while not what and time.monotonic() < end:
        time.sleep(0.01)
    return bool(what)


def test_endless_headers_are_no_answer(receiver, in_a_second):
    def headers(handler: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(5000)))

    receiver.write = headers

    assert wire.post(receiver.url, b"{}", {}).error in ("no_http", "connection_failed")


@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["-", "head", "body"])
def test_answer_that_drips_is_cut_off(receiver, in_a_second, begins):
    def drip(handler: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):
            handler.wfile.write(begins)
            for _ in range(50):
                handler.wfile.write(b"x")
                time.sleep(0.1)

    receiver.write = drip
    begun = time.monotonic()

    outcome = wire.post(receiver.url, b"{}", {})

    assert (outcome.error, outcome.arrived) == ("timeout", False)
    assert time.monotonic() - begun < 2


def test_what_is_no_http_is_told(receiver):
    receiver.write = lambda handler: handler.wfile.write(b"220 smtp.example.com ESMTP\r\n") and None

    assert wire.post(receiver.url, b"{}", {}).error == "no_http"


def test_nobody_at_the_address_is_told(settings):
    settings.WEBHOOK_LOOPBACK = True

    assert wire.post("http://127.0.0.1:9/", b"{}", {}).error == "connection_failed"


def test_proxies_of_the_environment_are_not_asked(receiver, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert wire.post(receiver.url, b"{}", {}).arrived


def test_certificate_must_be_of_the_named_host_and_not_of_the_address(settings, monkeypatch, tmp_path: Path):
    settings.WEBHOOK_LOOPBACK = True
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    what = ["-subj", "/CN=hooks.example.com", "-addext", "subjectAltName=DNS:hooks.example.com", "-days", "2"]
    where = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *what, *where]
    subprocess.run(command, check=True, capture_output=True)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(wire, "tls_context", lambda: trusting)
    monkeypatch.setattr(addresses, "_addresses", lambda host, port: ("127.0.0.1",))
    with receiving(tls=(str(certificate), str(key))) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]

        right = wire.post(f"https://hooks.example.com:{port}/", b"{}", {})
        wrong = wire.post(f"https://other.example.com:{port}/", b"{}", {})

    assert (right.status, wrong.status, wrong.error) == (200, None, "tls_failed")
    assert len(receiver.received) == 1
