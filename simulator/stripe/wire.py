"""What every answer of Stripe's has in common, and answers that go wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response

from simulator.daraja.wire import ClosedConnection
from simulator.faults import Fault
from simulator.outbox import EventFaults, without_prefix
from simulator.stripe.errors import StripeError, key_in_use, rate_limited, server_error

API_VERSION = "2026-10-28.endive"
_GATEWAY_PAGE = """<html>
<head><title>503 Service Temporarily Unavailable</title></head>
<body><center><h1>503 Service Temporarily Unavailable</h1></center><hr><center>nginx</center></body>
</html>"""
_BEFORE = ("500_before", "500", "429", "409", "html_503")


@dataclass(frozen=True)
class Answer:
    """A status and a body that are kept for a repeat with the same idempotency key."""

    body: dict[str, Any]
    status: int = 200
    opened: str = ""  # the payment that now waits for its customer


class Struck:
    """The faults of one request: those of its own stage by the rest of their names, the others to be kept."""

    def __init__(self, stage: str, faults: tuple[Fault, ...]) -> None:
        self.faults = without_prefix(faults, f"stripe_{stage}")
        self.rest = tuple(fault for fault in faults if not fault.name.startswith(f"stripe_{stage}_"))

    def get(self, name: str) -> Fault | None:
        return self.faults.get(name)

    def webhook_faults(self) -> EventFaults:
        """Return the faults of the webhooks that this request leads to."""
        prefix = "webhook_"
        return {name.removeprefix(prefix): fault for name, fault in self.faults.items() if name.startswith(prefix)}


@dataclass(frozen=True)
class Caller:
    """What an answer says about the request it belongs to."""

    request_id: str
    version: str = API_VERSION
    idempotency_key: str = ""

    def answer(self, body: Mapping[str, Any], status: int = 200, **headers: str) -> JSONResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return JSONResponse(body, status_code=status, headers={**self._common(), **named})

    def refuse(self, error: StripeError, **headers: str) -> JSONResponse:
        return self.answer(error.body(self.request_id), error.status, **headers)

    def _common(self) -> dict[str, str]:
        common = {"Request-Id": self.request_id, "Stripe-Version": self.version}
        if self.idempotency_key:
            common["Idempotency-Key"] = self.idempotency_key
            common["Original-Request"] = self.request_id
        return common


def strike_before(caller: Caller, struck: Struck) -> Response | None:
    """Return the answer of a fault that stops a request before it has any effect."""
    for name in _BEFORE:
        fault = struck.get(name)
        if fault is None:
            continue
        if name == "html_503":
            return HTMLResponse(_GATEWAY_PAGE, status_code=503)
        error = {"429": rate_limited(), "409": key_in_use(caller.idempotency_key)}.get(name, server_error())
        return caller.refuse(error, **_retry_header(fault))
    return None


def strike_after(caller: Caller, struck: Struck) -> Response | None:
    """Return the answer of a fault that breaks only the answer."""
    if fault := struck.get("500_after"):
        return caller.refuse(server_error(), **_retry_header(fault))
    if struck.get("empty_body"):
        return Response(media_type="application/json", headers={"Request-Id": caller.request_id})
    if struck.get("truncated_json"):
        headers = {"Request-Id": caller.request_id}
        return Response('{"id": "pi_3', media_type="application/json", headers=headers)
    if struck.get("answer_lost"):
        return ClosedConnection()
    return None


def _retry_header(fault: Fault) -> dict[str, str]:
    wanted = fault.parameters.get("should_retry", "unsaid")
    return {} if wanted == "unsaid" else {"Stripe_Should_Retry": wanted}
