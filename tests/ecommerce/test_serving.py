"""The event loop that writes streams, with one end of a socket pair in the place of a client."""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator

import pytest

from ecommerce import serving
from ecommerce.serving import StreamLoop
from ecommerce.sse import EventStream

LONG = 10.0  # seconds


@pytest.fixture
def streams() -> Iterator[StreamLoop]:
    loop = StreamLoop()
    yield loop
    loop.close(seconds=LONG)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection: the server's, which the loop takes, and the client's."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(LONG)
    yield ours, theirs
    theirs.close()


def read_all(client: socket.socket) -> bytes:
    received = b""
    while part := client.recv(65536):
        received += part
    return received


class Source:
    """Events that are made by the test, and whether their maker was closed."""

    def __init__(self, *first: bytes, then: Callable[[], object] = lambda: None) -> None:
        self.first, self.then = first, then
        self.closed = threading.Event()

    async def events(self) -> AsyncGenerator[bytes, None]:
        try:
            for part in self.first:
                yield part
            if self.then() is None:
                await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)  # tidying up may take a while, and is not to be disturbed
            self.closed.set()


def fail() -> None:
    raise LookupError("a fault of ours")


def test_events_are_written_in_chunks_and_the_connection_is_closed(streams, pair):
    ours, theirs = pair

    streams.take(ours, EventStream(Source(b"one\n\n", b"two\n\n", then=lambda: "end").events()), chunked=True)

    assert read_all(theirs) == b"5\r\none\n\n\r\n5\r\ntwo\n\n\r\n0\r\n\r\n"


def test_old_client_gets_events_without_chunks(streams, pair):
    ours, theirs = pair

    streams.take(ours, EventStream(Source(b"one\n\n", then=lambda: "end").events()), chunked=False)

    assert read_all(theirs) == b"one\n\n"


def test_stop_says_farewell_to_open_streams_and_to_those_that_come_too_late(streams, pair, monkeypatch):
    monkeypatch.setattr(EventStream, "farewell", lambda self: b"retry: 700\n\n")
    ours, theirs = pair
    late_ours, late_theirs = socket.socketpair()
    source, late = Source(b"one\n\n"), Source()
    streams.take(ours, EventStream(source.events()), chunked=True)
    assert theirs.recv(100) == b"5\r\none\n\n\r\n"

    streams.stop()
    streams.take(late_ours, EventStream(late.events()), chunked=True)

    assert read_all(theirs) == b"c\r\nretry: 700\n\n\r\n0\r\n\r\n"
    assert read_all(late_theirs) == b"c\r\nretry: 700\n\n\r\n0\r\n\r\n"
    assert source.closed.wait(LONG)
    assert not streams.has_room
    late_theirs.close()


def test_close_waits_until_all_streams_have_ended(streams):
    sources = [Source(b"one\n\n") for _ in range(20)]
    clients = []
    for source in sources:
        ours, theirs = socket.socketpair()
        streams.take(ours, EventStream(source.events()), chunked=True)
        clients.append(theirs)
    for client in clients:
        assert client.recv(5) == b"5\r\non"

    streams.close(seconds=LONG)

    assert all(source.closed.is_set() for source in sources)
    for client in clients:
        assert read_all(client).endswith(b"\n\n\r\n0\r\n\r\n")
        client.close()


def test_events_are_no_longer_made_for_a_client_that_left(streams, pair):
    ours, theirs = pair
    source = Source(b"one\n\n")
    streams.take(ours, EventStream(source.events()), chunked=True)
    assert theirs.recv(100)

    theirs.close()

    assert source.closed.wait(LONG)


def test_client_that_takes_nothing_is_dropped(streams, pair, monkeypatch):
    monkeypatch.setattr(serving, "SLOW_CLIENT", 0.2)
    ours, theirs = pair
    source = Source(*[b"x" * 1_000_000] * 50)

    streams.take(ours, EventStream(source.events()), chunked=True)

    assert source.closed.wait(LONG)
    assert len(read_all(theirs)) < 50_000_000


def test_fault_cuts_the_body_off_so_that_the_client_comes_again(streams, pair, caplog):
    ours, theirs = pair

    streams.take(ours, EventStream(Source(b"one\n\n", then=fail).events()), chunked=True)

    assert read_all(theirs) == b"5\r\none\n\n\r\n"
    assert [record.message for record in caplog.records] == ["stream_failed"]


def test_room_is_counted(streams, pair, monkeypatch):
    monkeypatch.setattr(serving, "MOST_STREAMS", 1)
    ours, theirs = pair
    assert streams.has_room

    streams.take(ours, EventStream(Source(b"one\n\n").events()), chunked=True)
    assert theirs.recv(100)

    assert not streams.has_room
