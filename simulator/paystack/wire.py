"""What every Paystack endpoint shares: envelopes, the key, reading a body."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.forms import BadForm, parse_form
from simulator.transport import Wording

Handler = Callable[[Request], Awaitable[Response]]
Fields = dict[str, Any]
LARGEST_PAGE = 100


class PaystackError(Exception):
    """A request that Paystack refuses. Without a ``code`` the answer is the short form: status and message."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str = "",
        *,
        next_step: str = "",
        kind: str = "validation_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.next_step = next_step
        self.kind = kind


def error_response(error: PaystackError) -> Response:
    answer: Fields = {"status": False, "message": error.message}
    if error.code:
        answer["meta"] = {"nextStep": error.next_step or "Check the request against the documentation"}
        answer["type"] = error.kind
        answer["code"] = error.code
    return JSONResponse(answer, status_code=error.status)


def missing(message: str, next_step: str = "") -> PaystackError:
    return PaystackError(400, message, "missing_params", next_step=next_step)


def invalid(message: str, next_step: str = "") -> PaystackError:
    return PaystackError(400, message, "invalid_params", next_step=next_step)


def not_found(message: str, code: str = "not_found") -> PaystackError:
    return PaystackError(404, message, code, next_step="Ensure that the value passed is one of yours")


def envelope(message: str, data: Any, *, status: int = 200, meta: Fields | None = None) -> Response:
    answer: Fields = {"status": True, "message": message, "data": data}
    if meta is not None:
        answer["meta"] = meta
    return JSONResponse(answer, status_code=status)


def guarded(secret_key: str, handler: Handler) -> Handler:
    """Refuse requests without the secret key, and word refusals as Paystack does."""

    async def endpoint(request: Request) -> Response:
        try:
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or key.strip() != secret_key:
                raise PaystackError(401, "Invalid key")
            return await handler(request)
        except PaystackError as error:
            return error_response(error)

    return endpoint


async def read_fields(request: Request) -> Fields:
    """Return the fields of a JSON or a form body.

    Raises:
        PaystackError: the body is neither.
    """
    body = await request.body()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if content_type == "application/x-www-form-urlencoded":
            return parse_form(body.decode())
        fields = json.loads(body, parse_constant=_no_number) if body.strip() else {}
        json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair could not be answered back
    except (BadForm, ValueError, RecursionError) as error:
        raise invalid("Invalid request body", "Send JSON") from error
    if not isinstance(fields, dict):
        raise invalid("Invalid request body", "Send an object")
    return fields


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def page_of(request: Request, rows: list[Any], describe: Callable[[Any], Fields], message: str) -> Response:
    """Answer one page of a list. With ``use_cursor`` the pages are found by ``next`` and ``previous``."""
    size = _number(request, "perPage", 50, LARGEST_PAGE)
    if request.query_params.get("use_cursor") == "true":
        return _page_by_cursor(request, rows, describe, message, size)
    page = _number(request, "page", 1, 1_000_000)
    start = (page - 1) * size
    meta = {
        "total": len(rows),
        "skipped": start,
        "perPage": size,
        "page": page,
        "pageCount": max(1, -(-len(rows) // size)),
    }
    return envelope(message, [describe(row) for row in rows[start : start + size]], meta=meta)


def _page_by_cursor(
    request: Request, rows: list[Any], describe: Callable[[Any], Fields], message: str, size: int
) -> Response:
    cursor = request.query_params.get("next") or request.query_params.get("previous") or "c0"
    if not cursor.startswith("c") or not cursor[1:].isascii() or not cursor[1:].isdecimal():
        raise invalid("Invalid cursor")
    start = int(cursor[1:10])
    meta = {
        "next": f"c{start + size}" if start + size < len(rows) else None,
        "previous": f"c{max(0, start - size)}" if start else None,
        "perPage": size,
    }
    return envelope(message, [describe(row) for row in rows[start : start + size]], meta=meta)


def _number(request: Request, name: str, default: int, largest: int) -> int:
    text = request.query_params.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise invalid(f"Invalid {name} passed")
    return min(int(text), largest)


def _too_many_requests() -> Response:
    response = error_response(
        PaystackError(429, "Too many requests", "rate_limited", next_step="Wait, then try again", kind="api_error")
    )
    response.headers.update({"x-ratelimit-limit": "100", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "7"})
    return response


WORDING = Wording(
    server_error=lambda: error_response(
        PaystackError(500, "An error occurred", "unknown", next_step="Try again later", kind="api_error")
    ),
    too_many_requests=_too_many_requests,
    key_refused=lambda: error_response(PaystackError(401, "Invalid key")),
)
