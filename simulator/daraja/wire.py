"""What every Daraja endpoint shares: the error envelope, reading a body, and answers that go wrong."""

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from simulator.daraja.identifiers import new_request_id
from simulator.faults import Fault

_FIREWALL_PAGE = """<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW">
<title>Request unsuccessful</title></head>
<body>Request unsuccessful. Incapsula incident ID: 0-0</body></html>"""
_PORTAL_PAGE = """<!DOCTYPE html><html><head><title>Daraja</title></head>
<body>Welcome to the developers' portal</body></html>"""
_SPIKE_ARREST = {
    "fault": {
        "faultstring": "Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5,"
        " periodInMicroseconds=1000000, maxBurstMessageCount=1.0}",
        "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
    }
}


class Refusal(Exception):
    """A request that the gateway or M-Pesa refuses at once."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def refusal_response(refusal: Refusal) -> JSONResponse:
    return JSONResponse(
        {"requestId": new_request_id(), "errorCode": refusal.code, "errorMessage": refusal.message},
        status_code=refusal.status,
    )


def bad_field(name: str) -> Refusal:
    return Refusal(400, "400.002.02", f"Bad Request - Invalid {name}")


def invalid_access_token() -> Refusal:
    return Refusal(404, "404.001.03", "Invalid Access Token")


async def read_object(request: Request, first_field: Refusal | None = None) -> dict[str, Any]:
    """Return the JSON object in a request's body.

    Raises:
        Refusal: the body is no JSON object; one not even sent as JSON is refused for its first field.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise first_field or bad_field("BusinessShortCode")
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "400.002.05", "Invalid Request Payload") from error
    if not isinstance(body, dict):
        raise Refusal(400, "400.002.05", "Invalid Request Payload")
    return body


class ClosedConnection(Response):
    """Close the client's connection without a byte of an answer.

    ASGI has no message for it, so this reaches for the transport of the uvicorn connection.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: Any = getattr(receive, "__self__", None)
        transport = getattr(connection, "transport", None)
        if transport is None:
            raise RuntimeError("A connection can be closed only when the simulator runs under uvicorn.")
        transport.abort()
        while not connection.disconnected:  # otherwise uvicorn would still try to answer 500
            await asyncio.sleep(0)


def strike_answer(stage: str, faults: tuple[Fault, ...]) -> Response | None:
    """Return the answer that a transport fault of a stage puts in place of the right one, if one struck."""
    for fault in faults:
        match fault.name.removeprefix(f"{stage}_"):
            case "500" | "500_before" | "500_after":
                return refusal_response(Refusal(500, "500.003.1001", "Internal Server Error"))
            case "system_busy":
                return refusal_response(Refusal(500, "500.003.02", "System is busy. Please try again in few minutes."))
            case "locked":
                return refusal_response(subscriber_locked())
            case "spike_arrest":
                return JSONResponse(_SPIKE_ARREST, status_code=429)
            case "html_403":
                return HTMLResponse(_FIREWALL_PAGE, status_code=403)
            case "html_200":
                return HTMLResponse(_PORTAL_PAGE)
            case "empty_body":
                return Response(media_type="application/json")
            case "truncated_json":
                return Response('{"MerchantRequestID":"29115-3462', media_type="application/json")
            case "answer_lost":
                return ClosedConnection()
    return None


def subscriber_locked() -> Refusal:
    return Refusal(
        500,
        "500.001.1001",
        "Unable to lock subscriber, a transaction is already in process for the current subscriber",
    )
