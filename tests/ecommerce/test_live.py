import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import psycopg2
import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction

from ecommerce import live
from ecommerce.live import hub, in_database, notify
from tests.live import elsewhere, listeners, own_readers, terminate

pytestmark = pytest.mark.django_db(transaction=True)

LONG = 10.0  # seconds; what is expected comes within milliseconds
SHORT = 0.3  # what is not expected had this much time


@pytest.fixture(autouse=True)
def readers(monkeypatch) -> Iterator[None]:
    with own_readers(monkeypatch):
        yield


def scenario(play: Callable[[], Awaitable[None]]) -> None:
    async_to_sync(play)()


async def connected(changes: live.Changes) -> None:
    """Wait until the hub listens, which everybody is told of."""
    assert await changes.wait(LONG)


def test_notice_is_heard_by_those_who_watch_that_payload_alone():
    async def play() -> None:
        with hub().subscribe("test", "a") as first, hub().subscribe("test", "a") as second:
            with hub().subscribe("test", "b") as other:
                for changes in (first, second, other):
                    await connected(changes)
                await elsewhere(partial(notify, "test", "a"))
                assert await first.wait(LONG)
                assert await second.wait(LONG)
                assert not await other.wait(SHORT)
            assert not await first.wait(SHORT)

    scenario(play)


def test_notice_comes_with_the_commit_and_not_before_it():
    async def play() -> None:
        committed = threading.Event()

        def slowly() -> None:
            notify("test", "a")
            committed.wait(LONG)

        with hub().subscribe("test", "a") as changes:
            await connected(changes)
            writing = asyncio.ensure_future(elsewhere(slowly))
            assert not await changes.wait(SHORT)
            committed.set()
            assert await changes.wait(LONG)
            await writing

    scenario(play)


def test_notice_of_a_rolled_back_transaction_is_never_heard():
    def in_vain() -> None:
        notify("test", "a")
        transaction.set_rollback(True)

    async def play() -> None:
        with hub().subscribe("test", "a") as changes:
            await connected(changes)
            await elsewhere(in_vain)
            assert not await changes.wait(SHORT)

    scenario(play)


def test_notices_that_came_meanwhile_are_heard_once():
    async def play() -> None:
        with hub().subscribe("test", "a") as changes, hub().subscribe("test", "a") as witness:
            for each in (changes, witness):
                await connected(each)
            for _ in range(3):
                await elsewhere(partial(notify, "test", "a"))
                assert await witness.wait(LONG)
            assert await changes.wait(LONG)
            assert not await changes.wait(SHORT)

    scenario(play)


def test_hundreds_of_subscribers_and_several_channels_share_one_connection():
    async def play() -> None:
        watching = [hub().subscribe("one", str(number)) for number in range(300)]
        everybody = [entered.__enter__() for entered in watching]
        for changes in everybody:
            await connected(changes)
        with hub().subscribe("two", "a") as other:
            await connected(other)  # it listens anew, for a channel more
            assert len(await elsewhere(listeners)) == 1
            await elsewhere(partial(notify, "two", "a"))
            assert await other.wait(LONG)
            assert await everybody[7].wait(LONG)  # the new connection was a notice to all
            await elsewhere(partial(notify, "one", "7"))
            assert await everybody[7].wait(LONG)
        for entered in watching:
            entered.__exit__(None, None, None)

    scenario(play)


def test_lost_connection_is_made_anew_and_everybody_is_told():
    async def play() -> None:
        with hub().subscribe("test", "a") as first, hub().subscribe("test", "b") as second:
            for changes in (first, second):
                await connected(changes)
            before = await elsewhere(listeners)

            await elsewhere(partial(terminate, before))

            assert await first.wait(LONG)
            assert await second.wait(LONG)
            after = await elsewhere(listeners)
            assert (len(after), set(before) & set(after)) == (1, set())
            await elsewhere(partial(notify, "test", "b"))
            assert await second.wait(LONG)

    scenario(play)


def test_database_that_is_away_stops_nobody_and_is_tried_again(monkeypatch, caplog):
    real, tries = live._connect, []

    def refuse_twice(channels: list[str]) -> Any:
        tries.append(channels)
        if len(tries) <= 2:
            raise psycopg2.OperationalError("connection refused")
        return real(channels)

    monkeypatch.setattr(live, "_connect", refuse_twice)

    async def play() -> None:
        with hub().subscribe("test", "a") as changes:
            assert await changes.wait(LONG)
            await elsewhere(partial(notify, "test", "a"))
            assert await changes.wait(LONG)

    scenario(play)

    assert tries == [["test"]] * 3
    assert [record.message for record in caplog.records] == ["live_database_unavailable"] * 2


def test_nothing_is_kept_of_those_who_left():
    async def play() -> None:
        with hub().subscribe("test", "a") as changes:
            await connected(changes)
            assert list(hub()._subscribers) == [("test", "a")]
        assert not hub()._subscribers

    scenario(play)


def test_read_gets_another_connection_when_its_own_is_broken():
    def backend() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    async def play() -> tuple[int, int, int]:
        first, again = await in_database(backend), await in_database(backend)
        await elsewhere(partial(terminate, [first]))
        return first, again, await in_database(backend)

    first, again, after = async_to_sync(play)()

    assert first == again != after
