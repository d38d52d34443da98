"""gunicorn's thread worker, which hands streams of events over to an event loop.

A thread serves each request as it always did: parsing, middleware, view. When the answer is an ``EventStream``, the
thread sends its head, gives the connection to the process's event loop and is free again. Requests that are no
stream never touch the loop. docs/decisions/0007-serving.md says why not ASGI.
"""

import asyncio
import json
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from typing import Any

from gunicorn import util
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import ThreadWorker

from ecommerce.exceptions import error_body
from ecommerce.sse import CAN_STREAM, EventStream

logger = logging.getLogger(__name__)

MOST_STREAMS = 2000  # in one process; beyond it a stream is told to come again
SLOW_CLIENT = 30.0  # seconds in which a client must take what was written
SILENT_CLIENT = 10  # seconds for which a thread waits for the next piece of a request

# Well-formed requests that gunicorn refuses before Django sees them; its own answer is a page.
_REFUSALS = (
    (LimitRequestLine, "414 URI Too Long", "uri_too_long", "The address is longer than this server takes."),
    (LimitRequestHeaders, "431 Request Header Fields Too Large", "headers_too_large", "The headers are too long."),
)

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class StreamLoop:
    """An event loop in a thread of its own, started for the first stream; it writes streams to their connections."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._ending = self._loop.create_future()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._open: set[asyncio.Task[None]] = set()

    @property
    def has_room(self) -> bool:
        return len(self._open) < MOST_STREAMS and not self._stopping.is_set()

    def take(self, connection: socket.socket, stream: EventStream, *, chunked: bool) -> None:
        """Own a connection whose head has been sent: write the stream's events, then close it. For any thread."""
        connection.setblocking(False)
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop.run_forever, name="streams", daemon=True)
                self._thread.start()
        self._loop.call_soon_threadsafe(self._begin, connection, stream, chunked)

    def stop(self) -> None:
        """Bid farewell to every stream, now and from now on. For any thread, and for a signal handler."""
        self._stopping.set()
        self._loop.call_soon_threadsafe(self._end_all)

    def close(self, seconds: float) -> None:
        """Stop, wait until all streams have ended, but no longer than ``seconds``, and end the loop for good."""
        if self._thread is None or not self._thread.is_alive():
            return
        self.stop()
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._wait_for_end(), self._loop).result(timeout=seconds)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(seconds)

    def _begin(self, connection: socket.socket, stream: EventStream, chunked: bool) -> None:
        task = asyncio.ensure_future(self._serve(connection, stream, chunked))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def _end_all(self) -> None:
        if not self._ending.done():
            self._ending.set_result(None)

    async def _wait_for_end(self) -> None:
        if self._open:
            await asyncio.wait(self._open)
        others = asyncio.all_tasks() - {asyncio.current_task()}  # such as a hub's listener
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, connection: socket.socket, stream: EventStream, chunked: bool) -> None:
        frame = _chunk if chunked else bytes
        reader, writer = await asyncio.open_connection(sock=connection)
        writing = asyncio.ensure_future(_write(stream, writer, frame))
        leaving = asyncio.ensure_future(_client_leaves(reader))
        try:
            await asyncio.wait({writing, leaving, self._ending}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
            elif not leaving.done():
                writing.cancel()  # it writes nothing more, and tidies up while the client hears the farewell
                writer.write(frame(stream.farewell()))
            if not leaving.done():
                if chunked:
                    writer.write(_chunk(b""))
                async with asyncio.timeout(SLOW_CLIENT):
                    writer.close()
                    await writer.wait_closed()
        except OSError:  # the client has gone, or takes nothing (TimeoutError)
            pass
        except Exception:
            logger.exception("stream_failed")  # the client sees a body that was cut off, and comes again
        finally:
            leaving.cancel()
            if not writing.cancelling():  # a second time would disturb its tidying up
                writing.cancel()
            writer.transport.abort()
            await asyncio.gather(writing, return_exceptions=True)


async def _write(stream: EventStream, writer: asyncio.StreamWriter, frame: Callable[[bytes], bytes]) -> None:
    async with aclosing(stream.events) as events:
        async for part in events:
            writer.write(frame(part))
            async with asyncio.timeout(SLOW_CLIENT):
                await writer.drain()


async def _client_leaves(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(4096):
            pass  # whatever it still says, this connection serves no second request


def _chunk(data: bytes) -> bytes:
    """Return ``data`` in HTTP/1.1's chunked framing; empty data is the end of the body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


class _Detached(Exception):
    """Carries a stream out of gunicorn's handling of a request, past the place where it would write the body."""

    def __init__(self, stream: EventStream, head: Any) -> None:
        super().__init__()
        self.stream, self.head = stream, head


class _Detaching:
    """Stands for a stream's body. gunicorn iterates over it, and closes it whatever happens."""

    def __init__(self, stream: EventStream, head: Any) -> None:
        self.stream, self.head = stream, head

    def __iter__(self) -> Iterator[bytes]:
        raise _Detached(self.stream, self.head)

    def close(self) -> None:
        self.stream.close()  # Django's end of the request, which gives this thread's database connection back


def _refusal(status: str, code: str, detail: str) -> bytes:
    """Return a whole answer in the one error shape."""
    body = json.dumps(error_body(code, detail))
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gthread, plus an event loop for streams. Plain HTTP/1 only: TLS and HTTP/2 end at the proxy in front."""

    wsgi: Application

    def init_process(self) -> None:
        self.streams = StreamLoop()
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application: Application = self.wsgi

        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            environ[CAN_STREAM] = self.streams.has_room
            body = application(environ, start_response)
            # start_response is a method of gunicorn's response, which knows how to send the head.
            return _Detaching(body, start_response.__self__) if isinstance(body, EventStream) else body

        self.wsgi = answer

    def enqueue_req(self, conn: Any) -> None:
        """Bound the time for which a client that says nothing holds a thread.

        Not by the socket's Python time-out, which gunicorn takes off. Dripping clients are for the proxy in front.
        """
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENT_CLIENT, 0))
        super().enqueue_req(conn)

    def handle_request(self, req: Any, conn: Any) -> bool:
        try:
            return bool(super().handle_request(req, conn))
        except _Detached as detached:
            detached.head.force_close()
            detached.head.send_headers()
            connection = socket.socket(fileno=conn.sock.detach())
            self.streams.take(connection, detached.stream, chunked=detached.head.chunked)
            return False

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        for kind, status, code, detail in _REFUSALS:
            if isinstance(exc, kind):
                self.log.warning("Invalid request from ip=%s: %s", addr[0] if addr else "", exc)
                util.write_nonblock(client, _refusal(status, code, detail))
                return
        super().handle_error(req, client, addr, exc)

    def finish_request(self, conn: Any, fs: Any) -> None:
        if conn.sock.fileno() == -1:  # detached; not ours to close, and nothing to wait for
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self.streams.stop()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.streams.close(seconds=3)
