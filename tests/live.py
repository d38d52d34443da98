"""Listening in tests: readers whose connections end with the test, and commits by somebody else."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection, connections, transaction

from ecommerce import live

Result = TypeVar("Result")


@contextmanager
def own_readers(monkeypatch: Any) -> Iterator[None]:
    """Give ``in_database`` a thread of this test's own, so that no connection outlives the test's database."""
    with ThreadPoolExecutor(max_workers=1) as readers:
        monkeypatch.setattr(live, "_readers", readers)
        yield
        readers.submit(connections.close_all).result()


async def elsewhere(work: Callable[[], Result]) -> Result:
    """Commit ``work`` in a thread and a connection of its own, as another process would."""

    def run() -> Result:
        try:
            with transaction.atomic():
                return work()
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def listeners() -> list[int]:
    """Return the backends that listen for hubs on this test's database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'live'"
        )
        return [pid for (pid,) in cursor.fetchall()]


def terminate(backends: list[int]) -> None:
    """End these backends, as a restarting database does, and wait until they are gone."""
    with connection.cursor() as cursor:
        for pid in backends:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
