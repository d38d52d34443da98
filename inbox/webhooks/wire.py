"""One POST to an address that is not ours: checked, once, without redirects, in bounded time and memory."""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import certifi
from django.conf import settings

from inbox.webhooks.addresses import AddressRefused, Target, target_of

SECONDS = 10.0  # for all of it: connecting, sending, the answer
CONNECT_SECONDS = 3.0
MOST_READ = 4096  # bytes of an answer; what follows is not looked at
SHOWN = 200


@dataclass(frozen=True)
class Outcome:
    """How a try ended: with a ``status``, or with the code of an ``error``."""

    status: int | None = None
    text: str = ""
    error: str = ""
    duration_ms: int = 0

    @property
    def arrived(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """Send a body as JSON and return what came of it; never raises for what the other side does."""
    begun = time.monotonic()
    status, text, error = None, "", ""
    try:
        status, text = _exchange(target_of(url), body, headers, deadline=begun + SECONDS)
    except AddressRefused as refused:
        error = refused.code
    except TimeoutError:
        error = "timeout"
    except ssl.SSLError:
        error = "tls_failed"
    except (http.client.HTTPException, ValueError):
        error = "no_http"
    except OSError:
        error = "connection_failed"
    return Outcome(status, text, error, round((time.monotonic() - begun) * 1000))


def _exchange(target: Target, body: bytes, headers: Mapping[str, str], *, deadline: float) -> tuple[int, str]:
    # The standard library's client, over a socket of ours: it looks nothing up, follows nothing, knows no proxies.
    client = http.client.HTTPConnection(target.host, target.port)
    with _connected(target, deadline) as raw:
        client.sock = _Bounded(raw, deadline)
        client.putrequest("POST", target.path, skip_host=True, skip_accept_encoding=True)
        sent = {
            "Host": target.host_header,
            "User-Agent": settings.WEBHOOK_USER_AGENT,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **headers,
        }
        for name, value in sent.items():
            client.putheader(name, value)
        client.endheaders(body)
        answer = client.getresponse()
        text = answer.read(MOST_READ).decode("utf-8", errors="replace").replace("\x00", "")
        return answer.status, text[:SHOWN]


def _connected(target: Target, deadline: float) -> socket.socket:
    """Connect to one of the checked addresses; by TLS the other side proves that it is the named host."""
    raw = _first_that_answers(target, deadline)
    if not target.is_tls:
        return raw
    try:
        raw.settimeout(_left(deadline))
        return tls_context().wrap_socket(raw, server_hostname=target.host)
    except BaseException:
        raw.close()
        raise


def _first_that_answers(target: Target, deadline: float) -> socket.socket:
    failure: OSError | None = None
    for address in target.addresses:
        try:
            return socket.create_connection((address, target.port), timeout=min(CONNECT_SECONDS, _left(deadline)))
        except OSError as error:
            failure = error
    raise failure or TimeoutError


@cache
def tls_context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Bounded:
    """As much of a socket as the client uses; all waiting ends at a deadline, also for one that drips."""

    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self._raw, self._deadline = raw, deadline

    def sendall(self, data: Any) -> None:
        self._raw.settimeout(_left(self._deadline))
        self._raw.sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._raw, self._deadline))

    def close(self) -> None:
        """Leave it to whoever connected: the client closes before it has read."""


class _Reading(io.RawIOBase):
    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self._raw, self._deadline = raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._raw.settimeout(_left(self._deadline))
        return self._raw.recv_into(buffer)
