import time
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta

import pytest
from django.core.cache import caches
from django.db import connection
from django.db.models import F
from django.db.utils import load_backend

from ecommerce import health
from ecommerce.health import record_heartbeat
from ecommerce.models import Heartbeat

PARTS = ("database", "cache", "broker", "worker", "relay")
READY = {"status": "ok", "parts": dict.fromkeys(PARTS, True)}


def unavailable(*parts: str) -> tuple[int, dict[str, object]]:
    return 503, {"status": "unavailable", "parts": {name: name not in parts for name in PARTS}}


@pytest.fixture
def everybody_beats(db) -> None:
    record_heartbeat("worker")
    record_heartbeat("relay")


@pytest.fixture
def database_away(monkeypatch, dead_port) -> Callable[[], None]:
    """Give the health check a connection to a database that is not there."""

    def away() -> None:
        parameters = deepcopy(connection.settings_dict) | {"HOST": "127.0.0.1", "PORT": dead_port}
        broken = load_backend(parameters["ENGINE"]).DatabaseWrapper(parameters, "broken")
        monkeypatch.setattr(health, "connection", broken)

    return away


def ready(client) -> tuple[int, dict[str, object]]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()


def test_healthz_answers_whatever_is_away(api_client, monkeypatch, settings):
    monkeypatch.setattr(health, "check_parts", lambda: 1 / 0)
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"

    answer = api_client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


def test_readyz_is_ok_when_every_part_is_there(api_client, everybody_beats):
    assert ready(api_client) == (200, READY)


def test_readyz_answers_head_too(api_client, everybody_beats):
    answer = api_client.head("/readyz")

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("name", ["worker", "relay"])
def test_readyz_names_what_does_not_beat(api_client, everybody_beats, name):
    Heartbeat.objects.filter(name=name).update(seen_at=F("seen_at") - timedelta(seconds=61))

    assert ready(api_client) == unavailable(name)


def test_readyz_names_what_never_was(api_client, db):
    assert ready(api_client) == unavailable("worker", "relay")


@pytest.mark.parametrize("how", ["dead", "silent"])
def test_readyz_names_the_cache(api_client, everybody_beats, monkeypatch, dead_port, silent_port, how):
    port = dead_port if how == "dead" else silent_port
    monkeypatch.setattr(health, "cache", caches.create_connection("default"))
    monkeypatch.setattr(health.cache, "_servers", [f"redis://127.0.0.1:{port}/0"])

    assert ready(api_client) == unavailable("cache")


@pytest.mark.parametrize("how", ["dead", "silent"])
def test_readyz_names_the_broker_and_does_not_wait_for_it(
    api_client, everybody_beats, settings, dead_port, silent_port, how
):
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{dead_port if how == 'dead' else silent_port}/0"
    started = time.monotonic()

    answer = ready(api_client)

    assert answer == unavailable("broker")
    assert time.monotonic() - started < 6


def test_readyz_names_the_database_and_what_only_it_knows(api_client, everybody_beats, database_away):
    database_away()

    assert ready(api_client) == unavailable("database", "worker", "relay")


def test_readyz_tells_no_address_and_no_error(api_client, everybody_beats, database_away, settings):
    settings.CELERY_BROKER_URL = "redis://user:canary-secret@127.0.0.1:1/0"
    database_away()

    answer = api_client.get("/readyz")

    assert b"canary" not in answer.content
    assert set(answer.json()) == {"status", "parts"}


def test_heartbeat_moves_forward(db):
    record_heartbeat("worker")
    Heartbeat.objects.update(seen_at=F("seen_at") - timedelta(hours=1))
    before = Heartbeat.objects.get().seen_at

    record_heartbeat("worker")

    assert Heartbeat.objects.get().seen_at - before > timedelta(minutes=59)
