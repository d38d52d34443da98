"""Answers that go wrong on their way, for the providers whose APIs answer JSON under a secret key.

A stage ``paystack.refund`` has faults that are named ``paystack_refund_…``; a stage that changes something has
them before and after the effect.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from simulator.daraja.wire import ClosedConnection
from simulator.faults import Fault, FaultKind

_GATEWAY_PAGE = """<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body>
</html>"""

_WITHOUT_EFFECT: tuple[tuple[str, str], ...] = (
    ("429", "HTTP 429 with the provider's headers, nothing is done"),
    ("key_refused", "HTTP 401, the key is refused although it is right; nothing is done"),
)
_BROKEN: tuple[tuple[str, str], ...] = (
    ("empty_body", "HTTP 200 with an empty body"),
    ("truncated_json", "the right answer breaks off in the middle"),
    ("answer_lost", "the connection is closed without an answer"),
)


def write_faults(stage: str) -> tuple[FaultKind, ...]:
    """Return the transport faults of a stage that changes something."""
    return _kinds(
        stage,
        ("500_before", "HTTP 500, nothing is done", {}),
        ("html_before", "HTTP 502 with a gateway's HTML page, nothing is done", {}),
        *((name, effect, {}) for name, effect in _WITHOUT_EFFECT),
        ("hang_before", "waits, then does it and answers", {"seconds": 10.0}),
        ("500_after", "HTTP 500, but it is done", {}),
        ("html_after", "HTTP 502 with a gateway's HTML page, but it is done", {}),
        *((name, f"{effect}, but it is done", {}) for name, effect in _BROKEN),
        ("hang_after", "does it at once, answers after a wait", {"seconds": 10.0}),
    )


def read_faults(stage: str) -> tuple[FaultKind, ...]:
    """Return the transport faults of a stage that only reads."""
    return _kinds(
        stage,
        ("500", "HTTP 500", {}),
        ("html", "HTTP 502 with a gateway's HTML page", {}),
        *((name, effect, {}) for name, effect in _WITHOUT_EFFECT),
        *((name, effect, {}) for name, effect in _BROKEN),
        ("hang", "the right answer, so many seconds late", {"seconds": 10.0}),
    )


def _kinds(stage: str, *rows: tuple[str, str, dict[str, Any]]) -> tuple[FaultKind, ...]:
    return tuple(FaultKind(prefix_of(stage) + name, stage, effect, parameters) for name, effect, parameters in rows)


def prefix_of(stage: str) -> str:
    return stage.replace(".", "_") + "_"


@dataclass(frozen=True)
class Wording:
    """How a provider words the failures that have nothing to do with the request."""

    server_error: Callable[[], Response]
    too_many_requests: Callable[[], Response]
    key_refused: Callable[[], Response]


class Struck:
    """The faults that strike one request, and what they do to its answer."""

    def __init__(self, stage: str, faults: tuple[Fault, ...], wording: Wording) -> None:
        self.faults = faults
        self._prefix = prefix_of(stage)
        self._by_name = {fault.name: fault for fault in faults}
        self._wording = wording

    def get(self, name: str) -> Fault | None:
        """Return the fault of a full name."""
        return self._by_name.get(name)

    def _own(self, name: str) -> Fault | None:
        return self._by_name.get(self._prefix + name)

    async def instead(self) -> Response | None:
        """Wait where a fault says so; return the answer to a request that has no effect, None for any other."""
        if hang := self._own("hang_before") or self._own("hang"):
            await asyncio.sleep(hang.parameters["seconds"])
        if self._own("500_before") or self._own("500"):
            return self._wording.server_error()
        if self._own("429"):
            return self._wording.too_many_requests()
        if self._own("key_refused"):
            return self._wording.key_refused()
        if self._own("html_before") or self._own("html"):
            return HTMLResponse(_GATEWAY_PAGE, status_code=502)
        return None

    async def answer(
        self,
        right: Response,
        then: Callable[[], None] | None = None,
        early: Callable[[], Awaitable[None]] | None = None,
    ) -> Response:
        """Return the right answer, or what became of it.

        ``then`` is what happens next at the provider: after the answer, unless that goes wrong or comes late. With
        ``early`` it happens at once, and the answer waits for this.
        """
        hang, broken = self._own("hang_after"), self._broken(right)
        if not (hang or broken or early):
            if then is not None:
                right.background = BackgroundTask(_do, then)
            return right
        if then is not None:
            then()
        if early:
            await early()
        if hang:
            await asyncio.sleep(hang.parameters["seconds"])
        return broken or right

    def _broken(self, right: Response) -> Response | None:
        if self._own("500_after"):
            return self._wording.server_error()
        if self._own("html_after"):
            return HTMLResponse(_GATEWAY_PAGE, status_code=502)
        if self._own("empty_body"):
            return Response(media_type="application/json")
        if self._own("truncated_json"):
            return Response(bytes(right.body)[: len(right.body) // 2], media_type="application/json")
        if self._own("answer_lost"):
            return ClosedConnection()
        return None


async def _do(then: Callable[[], None]) -> None:
    then()  # on the event loop: a plain function would be run in a thread


def with_slashes(routes: list[Route]) -> list[Route]:
    """Return routes and their twins that end in a slash: some client libraries send it, and it is no other place."""
    twins = [type(route)(f"{route.path}/", route.endpoint, methods=list(route.methods or ())) for route in routes]
    return [*routes, *twins]
