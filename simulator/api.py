"""What the phone's and the control API share: reading JSON, refusing with ``{"error": sentence}``."""

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from simulator.core import Simulator
from simulator.msisdn import normalise_msisdn

LARGEST_PAGE = 1_000_000


def simulator_of(request: Request) -> Simulator:
    simulator: Simulator = request.app.state.simulator
    return simulator


async def read_json(request: Request) -> Any:
    """Return the JSON of a body; an empty body is an empty object."""
    body = await request.body()
    if not body.strip():
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body is not JSON.") from error


def read_msisdn(text: str | None) -> str | None:
    """Return the wire form of a number from a path or a query; None when none was given."""
    if not text:
        return None
    # A plus sign that was not escaped in a query arrives as a blank.
    msisdn = normalise_msisdn(text.strip())
    if msisdn is None:
        raise HTTPException(400, f"{text} is no Kenyan mobile number.")
    return msisdn


def read_number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise HTTPException(400, f"{name} must be a whole number.")
    return min(int(text), LARGEST_PAGE)
