"""What every Chapa endpoint shares: the envelope, the key, reading a body, and whose request it is."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from simulator.forms import BadForm, parse_form
from simulator.transport import Wording

Handler = Callable[[Request], Awaitable[Response]]
Fields = dict[str, Any]
Problems = dict[str, list[str]]
KEY_START = "CHASECK"


class ChapaError(Exception):
    """A request that Chapa refuses. ``message`` is text, or lists of what is wrong by field."""

    def __init__(self, status: int, message: str | Problems, envelope_status: str | None = "failed") -> None:
        super().__init__(str(message))
        self.status = status
        self.message = message
        self.envelope_status = envelope_status


def error_response(error: ChapaError) -> Response:
    answer = {"message": error.message, "status": error.envelope_status, "data": None}
    return JSONResponse(answer, status_code=error.status)


def envelope(message: str, data: Any) -> Response:
    return JSONResponse({"message": message, "status": "success", "data": data})


def guarded(secret_key: str, handler: Handler) -> Handler:
    """Refuse requests without the secret key, and word refusals as Chapa does."""

    async def endpoint(request: Request) -> Response:
        try:
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not key.strip():
                raise ChapaError(401, "Authorization required")
            if key.strip() != secret_key:
                raise ChapaError(401, "Invalid API Key or User doesn't exist")
            return await handler(request)
        except ChapaError as error:
            return error_response(error)

    return endpoint


class KeyedRoute(Route):
    """A route whose path another provider has too: at the root it takes only requests that come with a Chapa key."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and not scope.get("root_path", "").endswith("/chapa"):
            headers = dict(scope["headers"])
            key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")[2].strip()
            if not key.startswith(KEY_START):
                return Match.NONE, {}
        return super().matches(scope)


async def read_fields(request: Request) -> Fields:
    """Return the fields of a JSON or a form body.

    Raises:
        ChapaError: the body is neither; a content type that is neither gives the misleading text that Chapa gives.
    """
    body = await request.body()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and content_type not in ("application/json", "application/x-www-form-urlencoded"):
        raise ChapaError(400, "Incorrect header settings. Please check your Content-Type")
    try:
        if content_type == "application/x-www-form-urlencoded":
            return parse_form(body.decode())
        fields = json.loads(body, parse_constant=_no_number) if body.strip() else {}
        json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair could not be answered back
    except (BadForm, ValueError, RecursionError) as error:
        raise ChapaError(400, "Invalid request body") from error
    if not isinstance(fields, dict):
        raise ChapaError(400, "Invalid request body")
    return fields


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _too_many_requests() -> Response:
    response = JSONResponse({"message": "Too Many Attempts."}, status_code=429)
    response.headers.update({"retry-after": "7", "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0"})
    return response


WORDING = Wording(
    server_error=lambda: JSONResponse({"message": "Server Error"}, status_code=500),
    too_many_requests=_too_many_requests,
    key_refused=lambda: error_response(ChapaError(401, "Invalid API Key or User doesn't exist")),
)
