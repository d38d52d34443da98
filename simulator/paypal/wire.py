"""What every answer of PayPal's has in common, and the words for failures that no request is to blame for."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from simulator.faults import Fault
from simulator.paypal.errors import PayPalError, TokenError, unknown_token
from simulator.transport import Struck, Wording


def answer(body: Mapping[str, Any] | None, debug_id: str, status: int = 200) -> Response:
    headers = {"Paypal-Debug-Id": debug_id, "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate"}
    if body is None:
        return Response(status_code=status, headers=headers)
    return JSONResponse(body, status_code=status, headers=headers)


def refuse(error: PayPalError | TokenError, debug_id: str) -> Response:
    if isinstance(error, TokenError):
        return answer({"error": error.error, "error_description": error.description}, debug_id, error.status)
    return answer(error.body(debug_id), debug_id, error.status)


def struck_by(stage: str, faults: tuple[Fault, ...], debug_id: str) -> Struck:
    return Struck(
        stage,
        faults,
        Wording(
            server_error=lambda: refuse(PayPalError(500), debug_id),
            too_many_requests=lambda: refuse(PayPalError(429), debug_id),
            key_refused=lambda: refuse(unknown_token(), debug_id),
        ),
    )
