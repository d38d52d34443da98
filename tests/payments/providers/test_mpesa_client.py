"""Daraja's token, shared by all processes, and its many ways to say no."""

import base64
import threading
import time
from contextlib import contextmanager
from io import BytesIO

import pytest
import requests
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisConnectionError
from urllib3 import HTTPResponse

from ecommerce import outgoing
from payments.exceptions import ProviderUnreachable
from payments.providers.mpesa import client as client_module
from payments.providers.mpesa.client import DarajaClient, KeysRefused
from payments.testing.network import Failure, Reply, wire_json
from tests.payments.providers.mpesa_wire import (
    NO_PRODUCT,
    SETTINGS,
    SPIKE,
    TOKEN,
    gateway_error,
    scripted_network,
    token,
)
from tests.racing import at_once

network = pytest.fixture(scripted_network)

PATH = "/mpesa/any/v1/call"
CALL = f"POST {PATH}"
KEY = "daraja-token:https://daraja.test:key"
DONE = Reply(200, {"ResponseCode": "0"})
INVALID_TOKEN = gateway_error(404, "404.001.03", "Invalid Access Token")


@pytest.fixture
def client(network):
    return DarajaClient(SETTINGS)


def bearers(network):
    return [sent.headers["authorization"] for sent in network.requests_to(CALL)]


def test_token_is_asked_for_as_documented_and_used(client, network):
    network.script({CALL: DONE})

    answer = client.post(PATH, {"Amount": 1})

    asked, sent = network.sent
    assert (asked.route, asked.query) == (TOKEN, {"grant_type": "client_credentials"})
    assert asked.headers["authorization"] == f"Basic {base64.b64encode(b'key:secret').decode()}"
    assert (sent.route, sent.json, sent.headers["content-type"]) == (CALL, {"Amount": 1}, "application/json")
    assert sent.headers["authorization"] == "Bearer x7Qm2LwZ0b9TtVnE4rYcK1sDfHgA"
    assert answer.accepted


@pytest.mark.parametrize("expires_in", ["3599", 3599])
def test_token_is_kept_until_two_minutes_before_its_end(client, network, monkeypatch, expires_in):
    network.script({TOKEN: token(expires_in=expires_in), CALL: DONE})
    kept = []
    monkeypatch.setattr(cache, "set", lambda key, value, timeout: kept.append((key, timeout)))

    client.post(PATH, {})

    assert kept == [(KEY, 3479)]


def test_token_is_shared(client, network):
    network.script({CALL: DONE})

    client.post(PATH, {})
    DarajaClient(SETTINGS).post(PATH, {})

    assert len(network.requests_to(TOKEN)) == 1


def test_short_lived_token_is_kept_for_half_its_life(client, network, monkeypatch):
    network.script({TOKEN: token(expires_in="60"), CALL: DONE})
    kept = []
    monkeypatch.setattr(cache, "set", lambda key, value, timeout: kept.append(timeout))

    client.post(PATH, {})

    assert kept == [30]


@pytest.mark.parametrize("expires_in", [None, "soon", 0, -5])
def test_token_without_a_life_is_used_once(client, network, expires_in):
    network.script({TOKEN: token(expires_in=expires_in), CALL: DONE})

    client.post(PATH, {})

    assert cache.get(KEY) is None


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "404.001.03"), (401, "401.002.01"), (400, "400.003.01"), (401, "401.001"), (401, "401.003.01")],
)
def test_refused_token_is_renewed_and_the_call_sent_once_more(client, network, status, code):
    cache.set(KEY, "old")
    network.script({CALL: [gateway_error(status, code, "refused"), DONE]})

    answer = client.post(PATH, {})

    assert answer.accepted
    assert bearers(network) == ["Bearer old", "Bearer x7Qm2LwZ0b9TtVnE4rYcK1sDfHgA"]
    assert cache.get(KEY) == "x7Qm2LwZ0b9TtVnE4rYcK1sDfHgA"


def test_token_refused_after_its_renewal_was_never_received(client, network):
    network.script({CALL: INVALID_TOKEN})

    with pytest.raises(ProviderUnreachable):
        client.post(PATH, {})

    assert (len(network.requests_to(TOKEN)), len(network.requests_to(CALL))) == (2, 2)


@pytest.mark.parametrize(
    "error", [NO_PRODUCT, gateway_error(401, "401.002.01", "Invalid API call as no apiproduct match found")]
)
def test_missing_product_is_no_matter_of_the_token(client, network, caplog, error):
    network.script({CALL: error})

    answer = client.post(PATH, {})

    assert answer.product_missing
    assert (len(network.requests_to(TOKEN)), len(network.requests_to(CALL))) == (1, 1)
    assert [record.message for record in caplog.records] == ["daraja_product_missing"]


def test_malformed_header_is_no_matter_of_the_token(client, network):
    network.script({CALL: gateway_error(404, "404.001.04", "Invalid Authentication Header")})

    assert client.post(PATH, {}).error_code == "404.001.04"
    assert len(network.requests_to(CALL)) == 1


@pytest.mark.parametrize(
    "answer", [gateway_error(400, "400.008.01", "Invalid Authentication passed"), Reply(401, b""), Reply(400, b"")]
)
def test_wrong_keys_are_told_apart(client, network, answer):
    network.script({TOKEN: answer})

    with pytest.raises(KeysRefused):
        client.post(PATH, {})

    assert network.requests_to(CALL) == []


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b"<html>portal</html>"),
        Reply(403, b"<html>firewall</html>"),
        Reply(200, {"expires_in": "3599"}),
        Reply(200, {"access_token": None}),
        Reply(500, b""),
        SPIKE,
        Failure.SILENCE,
        Failure.REFUSED,
    ],
)
def test_without_a_token_nothing_was_sent(client, network, answer):
    network.script({TOKEN: answer})

    with pytest.raises(ProviderUnreachable) as caught:
        client.post(PATH, {})

    assert not isinstance(caught.value, KeysRefused)
    assert network.requests_to(CALL) == []
    assert cache.get(f"{KEY}:lock") is None


def test_only_the_refused_token_is_forgotten(client, network):
    """Another process has renewed it meanwhile: its token is used, and none is asked for."""
    cache.set(KEY, "old")
    send = client.http.send

    def renewed_meanwhile(method, path, **kwargs):
        answer = send(method, path, **kwargs)
        if kwargs["headers"]["Authorization"] == "Bearer old":
            cache.set(KEY, "new")
        return answer

    client.http.send = renewed_meanwhile
    network.script({CALL: [INVALID_TOKEN, DONE]})

    assert client.post(PATH, {}).accepted

    assert bearers(network) == ["Bearer old", "Bearer new"]
    assert network.requests_to(TOKEN) == []
    assert cache.get(KEY) == "new"


def test_token_that_another_process_fetches_is_waited_for(client, network):
    network.script({CALL: DONE})
    cache.set(f"{KEY}:lock", "another")
    threading.Timer(0.25, lambda: cache.set(KEY, "theirs")).start()

    client.post(PATH, {})

    assert bearers(network) == ["Bearer theirs"]
    assert network.requests_to(TOKEN) == []
    assert cache.get(f"{KEY}:lock") == "another"


def test_waiting_for_another_process_has_an_end(client, network, monkeypatch):
    cache.set(f"{KEY}:lock", "another")
    monkeypatch.setattr(client_module, "LOCK_WAIT", 0.3)

    with pytest.raises(ProviderUnreachable):
        client.post(PATH, {})

    assert network.sent == []


def test_lock_of_a_process_that_died_ends(client, network):
    network.script({CALL: DONE})
    cache.set(f"{KEY}:lock", "dead", timeout=0.2)

    client.post(PATH, {})

    assert len(network.requests_to(TOKEN)) == 1


def test_lock_that_another_process_took_over_stays_its_own(client, network):
    """Ours ended while the token was on its way."""
    send = client.http.send

    def slow(method, path, **kwargs):
        if method == "GET":
            cache.set(f"{KEY}:lock", "another")
        return send(method, path, **kwargs)

    client.http.send = slow
    network.script({CALL: DONE})

    client.post(PATH, {})

    assert cache.get(f"{KEY}:lock") == "another"


def test_token_works_without_a_cache(client, network, monkeypatch):
    def away(*_, **__):
        raise RedisConnectionError("away")

    for name in ("get", "set", "add", "delete"):
        monkeypatch.setattr(cache, name, away)
    network.script({CALL: [INVALID_TOKEN, DONE]})

    assert client.post(PATH, {}).accepted
    assert len(network.requests_to(TOKEN)) == 2


class SingleTokenDaraja:
    """A Daraja as Safaricom's FAQ has it: each new token ends the one before."""

    def __init__(self):
        self.lock = threading.Lock()
        self.issued = 0

    @contextmanager
    def request(self, method, url, *, headers, **_):
        if method == "GET":
            with self.lock:
                self.issued += 1
                current = f"token-{self.issued}"
            time.sleep(0.05)  # the token is on its way, and ended others already
            yield self._response(200, {"access_token": current, "expires_in": "3599"})
        elif headers["Authorization"] == f"Bearer token-{self.issued}":
            yield self._response(200, {"ResponseCode": "0"})
        else:
            yield self._response(404, {"errorCode": "404.001.03", "errorMessage": "Invalid Access Token"})

    def _response(self, status, body):
        response = requests.Response()
        response.status_code = status
        response.raw = HTTPResponse(BytesIO(wire_json(body)), preload_content=False)
        return response


@pytest.mark.parametrize("cached", ["", "ended"])
def test_workers_that_renew_at_once_do_not_end_each_others_attempts(settings, monkeypatch, cached):
    settings.MPESA = SETTINGS
    single = SingleTokenDaraja()
    monkeypatch.setattr(outgoing.requests, "request", single.request)
    outgoing.reset_breakers()
    if cached:
        cache.set(KEY, cached)

    answers = at_once([lambda: DarajaClient(SETTINGS).post(PATH, {}).accepted for _ in range(16)])

    assert answers == [True] * 16
    assert single.issued == 1
