"""How many of a thing one person has open at a time, over all processes: leases in Redis.

A lease ends by itself, so what a killed process held is free again within ``LEASE`` seconds. Without Redis everybody
finds room: it spares the server, it guards nothing.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache as once
from weakref import WeakKeyDictionary

from django.conf import settings
from django.core.cache import cache
from redis import Redis
from redis import asyncio as aioredis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

LEASE = 45.0  # seconds; renewed after a third of it


@dataclass(frozen=True)
class Slot:
    """One place that was taken."""

    key: str
    name: str

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the place until the block ends; then it is free at once."""
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewing.cancel()
            with _warning_only():
                await _client_of_loop().zrem(self.key, self.name)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE / 3)
            with _warning_only():
                async with _client_of_loop().pipeline() as commands:
                    commands.zadd(self.key, {self.name: time.time() + LEASE})
                    commands.pexpire(self.key, int(LEASE * 1000))
                    await commands.execute()


def take(kind: str, identity: str, *, most: int) -> Slot | None:
    """Take one of ``most`` places; returns None when all are taken. Exact under concurrency."""
    slot = Slot(cache.make_key(f"slots:{kind}:{identity}"), uuid.uuid4().hex)
    now = time.time()
    with _warning_only():
        with _client().pipeline() as commands:  # MULTI: nobody comes between the adding and the counting
            commands.zremrangebyscore(slot.key, 0, now)
            commands.zadd(slot.key, {slot.name: now + LEASE})
            commands.zcard(slot.key)
            commands.pexpire(slot.key, int(LEASE * 1000))
            _, _, count, _ = commands.execute()
        if count > most:
            _client().zrem(slot.key, slot.name)
            return None
    return slot


@contextmanager
def _warning_only() -> Iterator[None]:
    try:
        yield
    except RedisError:
        logger.warning("slots_unavailable")


@once
def _client() -> "Redis":
    options = settings.CACHES["default"]
    return Redis.from_url(options["LOCATION"], **options["OPTIONS"])


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, "aioredis.Redis"] = WeakKeyDictionary()


def _client_of_loop() -> "aioredis.Redis":
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        options = settings.CACHES["default"]
        # Bounded: when a process stops, all its streams speak at once.
        pool = aioredis.BlockingConnectionPool.from_url(
            options["LOCATION"], max_connections=4, timeout=2, **options["OPTIONS"]
        )
        _clients[loop] = aioredis.Redis(connection_pool=pool)
    return _clients[loop]
