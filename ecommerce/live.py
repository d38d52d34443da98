"""Changes as they are committed: one PostgreSQL listener for each event loop, told on to whoever waits in memory.

A trigger, or a service by ``notify("payment", str(payment.pk))``, says inside its transaction what changes. Whoever
watches writes::

    with hub().subscribe("payment", str(payment.pk)) as changes:
        while True:
            ...  # read the row
            await changes.wait(seconds=15)

A notice carries no data and may be missing while the database restarts. So the row is read after subscribing, after
each notice and now and then; a new connection to the database counts as a notice to everybody.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import psycopg2
from django.db import close_old_connections, connection, connections
from psycopg2 import sql

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between two tries to reach the database
# A listener only waits, so it would never notice that the other side has silently gone.
_LISTENER_OPTIONS: dict[str, Any] = {
    "application_name": "live",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
# Few threads, so that thousands of streams hold few connections; they keep theirs, like those of the web.
_readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live-reader")


def notify(channel: str, payload: str) -> None:
    """Tell every hub that ``payload`` changed; heard when the current transaction commits, and not if it does not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])


async def in_database(read: Callable[[], Result]) -> Result:
    """Run a short read in a thread that keeps its database connection."""

    def run() -> Result:
        close_old_connections()  # as at the start of a request: a broken one is replaced
        return read()

    return await asyncio.get_running_loop().run_in_executor(_readers, run)


class Changes:
    """What a subscriber hears: that something has changed, not what or how often."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    def tell(self) -> None:
        self._told.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for the next notice; returns False when none came in time. Notices since the last call count."""
        try:
            async with asyncio.timeout(seconds):
                await self._told.wait()
        except TimeoutError:
            return False
        self._told.clear()
        return True


class Hub:
    """The subscribers of one event loop, and its one listening connection, opened for the first of them."""

    def __init__(self) -> None:
        self._subscribers: defaultdict[tuple[str, str], set[Changes]] = defaultdict(set)
        self._channels: set[str] = set()
        self._listening: asyncio.Task[None] | None = None
        self._lost: asyncio.Future[None] | None = None

    @contextmanager
    def subscribe(self, channel: str, payload: str) -> Iterator[Changes]:
        """Hear of ``payload`` on ``channel`` until the block ends. Returns at once, even without a database."""
        changes = Changes()
        self._subscribers[channel, payload].add(changes)
        self._listen_to(channel)
        try:
            yield changes
        finally:
            self._subscribers[channel, payload].discard(changes)
            if not self._subscribers[channel, payload]:
                del self._subscribers[channel, payload]

    def _listen_to(self, channel: str) -> None:
        if channel not in self._channels:
            self._channels.add(channel)
            if self._lost is not None and not self._lost.done():
                self._lost.set_result(None)  # connects again, for one channel more
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        pause = SHORTEST_PAUSE
        while True:
            try:
                listener = await asyncio.to_thread(_connect, sorted(self._channels))
            except psycopg2.Error:
                logger.warning("live_database_unavailable")
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause = SHORTEST_PAUSE
                try:
                    for waiting in self._subscribers.values():
                        _tell(waiting)  # nobody knows what was missed
                    await self._hear(listener)
                finally:
                    listener.close()
            await asyncio.sleep(pause)

    async def _hear(self, listener: Any) -> None:
        """Pass notices on until the connection is lost."""
        loop = asyncio.get_running_loop()
        lost = self._lost = loop.create_future()
        descriptor = listener.fileno()  # a broken connection no longer tells

        def read() -> None:
            try:
                listener.poll()
            except psycopg2.Error:
                loop.remove_reader(descriptor)
                if not lost.done():
                    lost.set_result(None)
            while listener.notifies:
                notice = listener.notifies.pop(0)
                _tell(self._subscribers.get((notice.channel, notice.payload), ()))

        loop.add_reader(descriptor, read)
        try:
            read()  # what came while LISTEN was being answered
            await lost
        finally:
            loop.remove_reader(descriptor)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """Return the running event loop's hub."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


def _connect(channels: list[str]) -> Any:
    listener = psycopg2.connect(**connections["default"].get_connection_params(), **_LISTENER_OPTIONS)
    try:
        listener.autocommit = True
        with listener.cursor() as cursor:
            for channel in channels:
                cursor.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
    except psycopg2.Error:
        listener.close()
        raise
    return listener


def _tell(waiting: Any) -> None:
    for changes in waiting:
        changes.tell()
