"""A network without a wire: scripted answers, and a record of everything that was sent.

It stands where ``requests`` hands a request to the socket, so that whatever is built on ``requests`` meets it:
``ProviderHttp``, and an SDK that has its own session.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NewConnectionError

from ecommerce import outgoing


class Failure(Enum):
    """What can happen instead of an answer."""

    REFUSED = "connection refused"  # nothing was sent
    NO_CONNECTION = "no connection in time"  # nothing was sent
    SILENCE = "no answer in time"  # sent, and perhaps done
    CUT = "connection cut before the answer"  # sent, and perhaps done


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. ``body`` is sent as it is when it is bytes, as JSON otherwise; a float is never needed.

    ``seconds_per_read`` makes it drip: so much time passes for each byte.
    """

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds_per_read: float = 0.0

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else wire_json(self.body)


Answer = Reply | Failure
# By route, such as ``POST /refund`` or ``GET /transaction/verify/*``: one answer, or several of which the last stays.
Script = Mapping[str, Answer | Sequence[Answer]]


def wire_json(value: Any) -> bytes:
    """Return JSON in which a ``Decimal`` is a number, digit by digit as it is written here."""
    marked: dict[str, str] = {}

    def mark(number: Any) -> str:
        if not isinstance(number, Decimal):
            raise TypeError(f"{number!r} has no place in JSON")
        key = f"\x00{len(marked)}\x00"
        marked[json.dumps(key)] = str(number)
        return key

    text = json.dumps(value, default=mark)
    for key, number in marked.items():
        text = text.replace(key, number)
    return text.encode()


@dataclass(frozen=True)
class Sent:
    """A request as it left."""

    method: str
    host: str
    path: str  # decoded, without the query
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    raw: bytes
    timeout: Any

    @property
    def route(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw.decode(), keep_blank_values=True))


class Network:
    """Answers by route; a request that no route foresees fails the test."""

    def __init__(self) -> None:
        self.routes: dict[str, list[Answer]] = {}
        self.sent: list[Sent] = []
        self.now = 1000.0

    def script(self, script: Script) -> None:
        """Add routes. A later one comes before an earlier one of the same name."""
        for route, answers in script.items():
            self.routes[route] = [answers] if isinstance(answers, Reply | Failure) else list(answers)

    def answer_all(self, answer: Answer) -> None:
        """Answer every route so, whatever was scripted."""
        self.routes = {"*": [answer]}

    def requests_to(self, route: str) -> list[Sent]:
        return [sent for sent in self.sent if fnmatchcase(sent.route, route)]

    @property
    def writes(self) -> list[Sent]:
        """Return what may have had an effect: everything but GET."""
        return [sent for sent in self.sent if sent.method not in ("GET", "HEAD")]

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put it between ``requests`` and the sockets, and let its clock tell how long an answer takes."""
        network = self

        def send(
            adapter: HTTPAdapter, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None, **_: Any
        ) -> requests.Response:
            return adapter.build_response(request, network._exchange(request, timeout))

        monkeypatch.setattr(HTTPAdapter, "send", send)
        monkeypatch.setattr(outgoing, "time", _Clock(lambda: self.now))

    def _exchange(self, request: requests.PreparedRequest, timeout: Any) -> HTTPResponse:
        sent = _record(request, timeout)
        self.sent.append(sent)
        answer = self._next_answer(sent)
        if answer is Failure.NO_CONNECTION:
            raise requests.ConnectTimeout("no connection in time", request=request)
        if answer is Failure.REFUSED:
            raise requests.ConnectionError(_refused(sent), request=request)
        if answer is Failure.SILENCE:
            raise requests.ReadTimeout("no answer in time", request=request)
        if answer is Failure.CUT:
            raise requests.ConnectionError("Remote end closed connection without response", request=request)
        assert isinstance(answer, Reply)  # noqa: S101 - the failures are all named above
        body = _Dripping(answer.raw, answer.seconds_per_read, self._pass) if answer.seconds_per_read else None
        return HTTPResponse(
            body or io.BytesIO(answer.raw),
            headers={"Content-Type": "application/json"} | dict(answer.headers),
            status=answer.status,
            preload_content=False,
        )

    def _next_answer(self, sent: Sent) -> Answer:
        for route in reversed(self.routes):
            if fnmatchcase(sent.route, route):
                answers = self.routes[route]
                return answers.pop(0) if len(answers) > 1 else answers[0]
        pytest.fail(f"nothing is scripted for {sent.route}, only for {', '.join(self.routes) or 'nothing'}")

    def _pass(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class _Clock:
    """Stands for the ``time`` module."""

    monotonic: Callable[[], float]


class _Dripping(io.BytesIO):
    """A body of which each read gets one byte, and takes its time."""

    def __init__(self, raw: bytes, seconds: float, wait: Callable[[float], None]) -> None:
        super().__init__(raw)
        self._seconds = seconds
        self._wait = wait

    def read1(self, size: int | None = -1, /) -> bytes:
        self._wait(self._seconds)
        return super().read(1)

    def read(self, size: int | None = -1, /) -> bytes:
        # As a socket's file does: it returns only when it has all that was asked for.
        whole = super().read(size)
        self._wait(self._seconds * len(whole))
        return whole


def _record(request: requests.PreparedRequest, timeout: Any) -> Sent:
    parts = urlsplit(request.url or "")
    body = request.body or b""
    return Sent(
        method=request.method or "",
        host=parts.netloc,
        path=unquote(parts.path),
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers={name.lower(): _text(value) for name, value in request.headers.items()},
        raw=body.encode() if isinstance(body, str) else bytes(body),
        timeout=timeout,
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _refused(sent: Sent) -> MaxRetryError:
    """Return what urllib3 says of a refused connection."""
    pool = HTTPConnectionPool(sent.host)
    return MaxRetryError(pool, sent.path, NewConnectionError(HTTPConnection(sent.host), "Connection refused"))
