"""Requests to other services: strict time limits, no redirects, no repeats, answers of bounded size, and a breaker.

What goes wrong is told in words that name neither the address nor anything that was sent: both may hold a secret.
"""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests
from django.conf import settings
from urllib3.exceptions import HTTPError, NewConnectionError

logger = logging.getLogger(__name__)

LARGEST_ANSWER = 1024 * 1024
_CHUNK = 64 * 1024


class NoAnswer(Exception):
    """It was sent, and no whole answer came: nobody knows whether it was received."""


class NotReceived(NoAnswer):
    """It certainly was not received: no connection, or nothing was sent."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. ``value`` is its JSON, None when it is none; ``body`` is empty when that is no object."""

    status: int
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)  # by names in lower case
    raw: bytes = b""

    @property
    def body(self) -> dict[str, Any]:
        return self.value if isinstance(self.value, dict) else {}


class Breaker:
    """Stop asking a service that lets every request time out, so that it cannot hold all our workers.

    Counted in each process: after ``LIMIT`` failures in a row nothing is sent for ``PAUSE`` seconds, then one request
    tries again.
    """

    LIMIT = 4
    PAUSE = 15.0

    def __init__(self, name: str) -> None:
        self.name = name
        self._failures = 0
        self._open_until = 0.0

    def check(self) -> None:
        """Raises: NotReceived: nothing was sent, the service is known not to answer."""
        if time.monotonic() < self._open_until:
            raise NotReceived("it does not answer at the moment")

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self.LIMIT:
            self._open_until = time.monotonic() + self.PAUSE
            self._failures = self.LIMIT - 1  # one more failure opens it again
            logger.error("breaker_open", extra={"service": self.name})


_breakers: dict[str, Breaker] = {}


def breaker_of(name: str) -> Breaker:
    return _breakers.setdefault(name, Breaker(name))


def reset_breakers() -> None:
    _breakers.clear()


def send(
    method: str,
    url: str,
    *,
    breaker: str = "",
    headers: Mapping[str, str] | None = None,
    read_timeout: float | None = None,
    largest: int = LARGEST_ANSWER,
    **kwargs: Any,
) -> Answer:
    """Send one request, at most once, and return its answer, whatever its status.

    ``breaker`` names the service, if it has a breaker. ``kwargs`` are those of ``requests``: ``json`` is sent as JSON,
    ``data`` (a mapping) form-encoded. JSON numbers in answers are kept as ``Decimal`` where they have a fraction. A
    response that drips is cut off after twice the read time-out (seconds; None: that of the settings), one of
    ``largest`` bytes or more as soon as they are there.

    Raises:
        NotReceived: it certainly was not received.
        NoAnswer: it was sent, and no whole answer came.
    """
    own = breaker_of(breaker) if breaker else Breaker(breaker)
    own.check()
    seconds = read_timeout or settings.PROVIDER_READ_TIMEOUT
    named = {"User-Agent": settings.PROVIDER_USER_AGENT, "Accept": "application/json", **(headers or {})}
    try:
        answer = _send(method, url, kwargs | {"headers": named}, seconds=seconds, largest=largest)
    except NoAnswer:
        own.failed()
        raise
    own.succeeded()
    return answer


def _send(method: str, url: str, kwargs: dict[str, Any], *, seconds: float, largest: int) -> Answer:
    deadline = time.monotonic() + 2 * seconds
    try:
        # A plain request without retries: a library that repeats a POST charges, or writes to people, twice.
        with requests.request(
            method,
            url,
            **kwargs,
            timeout=(settings.PROVIDER_CONNECT_TIMEOUT, seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            raw = _read(response, deadline, largest)
            return Answer(
                response.status_code,
                _json_value(raw),
                {name.lower(): value for name, value in response.headers.items()},
                raw,
            )
    # None is chained: the text of these may have a token, which stands in an address.
    except requests.ConnectTimeout:
        raise NotReceived("no connection") from None
    except requests.ConnectionError as error:
        reason = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(reason, NewConnectionError):
            raise NotReceived("no connection") from None
        raise NoAnswer("connection lost") from None
    except (requests.RequestException, HTTPError, OSError) as error:
        raise NoAnswer(type(error).__name__) from None


def _read(response: requests.Response, deadline: float, largest: int) -> bytes:
    read = b""
    while len(read) < largest:
        # Not read(): it waits for the whole chunk, however slowly that comes.
        chunk = response.raw.read1(_CHUNK, decode_content=True)
        if not chunk:
            return read
        read += chunk
        if time.monotonic() > deadline:
            raise NoAnswer("the answer drips")
    raise NoAnswer("the answer is too large")


def _json_value(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
