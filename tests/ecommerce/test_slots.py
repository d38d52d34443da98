import asyncio
import time
from functools import partial

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import cache
from redis import Redis

from ecommerce import slots
from tests.racing import at_once


@pytest.fixture
def redis() -> Redis:
    return slots._client()


@pytest.fixture
def redis_at(settings):
    """Let slots be counted by another Redis for this test."""

    def point(url: str) -> None:
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": url}}
        slots._client.cache_clear()

    yield point
    slots._client.cache_clear()


def test_places_are_counted_by_person_and_kind():
    taken = [slots.take("page", "amina", most=2) for _ in range(3)]

    assert [slot is not None for slot in taken] == [True, True, False]
    assert slots.take("page", "otieno", most=2) is not None
    assert slots.take("file", "amina", most=2) is not None


def test_twenty_who_come_together_get_exactly_three_places():
    taken = at_once([partial(slots.take, "page", "amina", most=3) for _ in range(20)])

    assert sum(slot is not None for slot in taken) == 3


def test_place_is_kept_until_the_block_ends_and_free_at_once_then(monkeypatch):
    monkeypatch.setattr(slots, "LEASE", 0.6)
    slot = slots.take("page", "amina", most=1)

    async def hold() -> None:
        async with slot.kept():
            await asyncio.sleep(1.5)  # past the lease
            assert await asyncio.to_thread(slots.take, "page", "amina", most=1) is None

    async_to_sync(hold)()

    assert slots.take("page", "amina", most=1) is not None


def test_place_of_somebody_who_died_is_free_after_the_lease(redis):
    dead = slots.take("page", "amina", most=1)
    assert slots.take("page", "amina", most=1) is None

    redis.zadd(dead.key, {dead.name: time.time() - 0.001})

    assert slots.take("page", "amina", most=1) is not None


def test_nothing_stays_in_redis_for_ever(redis):
    slot = slots.take("page", "amina", most=1)

    assert slot.key == cache.make_key("slots:page:amina")
    assert 0 < redis.ttl(slot.key) <= slots.LEASE


@pytest.mark.parametrize("port", ["dead_port", "silent_port"])
def test_without_redis_everybody_finds_room_within_seconds(redis_at, port, request, caplog):
    redis_at(f"redis://127.0.0.1:{request.getfixturevalue(port)}/0")
    began = time.monotonic()

    async def hold(slot: slots.Slot) -> None:
        async with slot.kept():
            pass

    for _ in range(2):
        slot = slots.take("page", "amina", most=1)
        assert slot is not None
        async_to_sync(hold)(slot)

    assert time.monotonic() - began < 12
    assert {record.message for record in caplog.records} == {"slots_unavailable"}
