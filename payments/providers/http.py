"""HTTP to a payment service: strict time-outs, no redirects, no automatic repeats, and a breaker."""

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

from payments.exceptions import ProviderUnavailable, ProviderUnreachable

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. ``value`` is its JSON, None when it is none; ``body`` is empty when that is no object."""

    status: int
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""

    @property
    def body(self) -> dict[str, Any]:
        return self.value if isinstance(self.value, dict) else {}


class Breaker:
    """Stop asking a service that lets every request time out, so that it cannot hold all our workers.

    Counted in each process: after ``LIMIT`` time-outs in a row nothing is sent for ``PAUSE`` seconds, then one request
    tries again.
    """

    LIMIT = 4
    PAUSE = 15.0

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = 0.0

    def check(self, name: str) -> None:
        """Raises: ProviderUnreachable: nothing was sent, the service is known not to answer."""
        if time.monotonic() < self._open_until:
            raise ProviderUnreachable(f"{name} does not answer at the moment")

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, name: str) -> None:
        self._failures += 1
        if self._failures >= self.LIMIT:
            self._open_until = time.monotonic() + self.PAUSE
            self._failures = self.LIMIT - 1  # one more failure opens it again
            logger.error("provider_breaker_open", extra={"provider": name})


_breakers: dict[str, Breaker] = {}


def breaker_of(name: str) -> Breaker:
    return _breakers.setdefault(name, Breaker())


def reset_breakers() -> None:
    _breakers.clear()


class ProviderHttp:
    """Requests to one service, each sent at most once.

    ``json`` is sent as JSON, ``data`` (a mapping) form-encoded. JSON numbers in answers are kept as ``Decimal`` where
    they have a fraction. A response that drips is cut off after twice the read time-out.
    """

    def __init__(self, name: str, base_url: str) -> None:
        self.name = name
        self.base_url = base_url

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        read_timeout: float | None = None,
        **kwargs: Any,
    ) -> Answer:
        """Send one request and return its answer, whatever its status.

        Raises:
            ProviderUnreachable: it was certainly not received.
            ProviderUnavailable: it was sent, and no whole answer came.
        """
        breaker = breaker_of(self.name)
        breaker.check(self.name)
        read_timeout = read_timeout or settings.PROVIDER_READ_TIMEOUT
        try:
            answer = self._send(method, path, dict(headers), read_timeout, kwargs)
        except ProviderUnavailable:
            breaker.failed(self.name)
            raise
        breaker.succeeded()
        return answer

    def _send(
        self, method: str, path: str, headers: dict[str, str], read_timeout: float, kwargs: dict[str, Any]
    ) -> Answer:
        # A plain request without retries: an HTTP library that repeats a POST is a double-charge bug.
        headers = {"User-Agent": settings.PROVIDER_USER_AGENT, "Accept": "application/json"} | headers
        deadline = time.monotonic() + 2 * read_timeout
        try:
            with requests.request(
                method,
                f"{self.base_url}{path}",
                headers=headers,
                timeout=(settings.PROVIDER_CONNECT_TIMEOUT, read_timeout),
                allow_redirects=False,
                stream=True,
                **kwargs,
            ) as response:
                raw = _read(response, deadline)
                return Answer(
                    response.status_code,
                    _json_value(raw),
                    {name.lower(): value for name, value in response.headers.items()},
                    raw,
                )
        except requests.ConnectTimeout as error:
            raise ProviderUnreachable(f"{path}: no connection") from error
        except requests.ConnectionError as error:
            reason = getattr(error.args[0], "reason", None) if error.args else None
            if isinstance(reason, NewConnectionError):
                raise ProviderUnreachable(f"{path}: no connection") from error
            raise ProviderUnavailable(f"{path}: connection lost") from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise ProviderUnavailable(f"{path}: {type(error).__name__}") from error


def _read(response: requests.Response, deadline: float) -> bytes:
    read = b""
    while len(read) < MAX_BODY:
        # Not read(): it waits for the whole chunk, however slowly that comes.
        chunk = response.raw.read1(_CHUNK, decode_content=True)
        if not chunk:
            return read
        read += chunk
        if time.monotonic() > deadline:
            raise ProviderUnavailable("the answer drips")
    raise ProviderUnavailable("the answer is too large")


def _json_value(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
