"""One request to the control unit: a strict time limit, no redirects, no repeats."""

import json
from collections.abc import Mapping
from typing import Any

import requests
from django.conf import settings

LARGEST_ANSWER = 256 * 1024


class ControlUnitSilent(Exception):
    """No whole answer came; what was sent may have been received."""


def post(path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[int, Any]:
    """Return the status of an answer and its JSON, None when it is none.

    Raises:
        ControlUnitSilent: nothing, or not all of it, came back.
    """
    try:
        with requests.post(
            f"{settings.ETIMS['BASE_URL']}{path}",
            json=body,
            headers={"Accept": "application/json", "User-Agent": settings.PROVIDER_USER_AGENT, **headers},
            timeout=(settings.PROVIDER_CONNECT_TIMEOUT, settings.ETIMS["TIMEOUT"]),
            allow_redirects=False,
            stream=True,
        ) as response:
            raw = response.raw.read(LARGEST_ANSWER + 1, decode_content=True)
            status = response.status_code
    except (requests.RequestException, OSError) as error:
        raise ControlUnitSilent(type(error).__name__) from error
    except Exception as error:
        raise ControlUnitSilent(type(error).__name__) from error
    if len(raw) > LARGEST_ANSWER:
        raise ControlUnitSilent("the answer is too large")
    try:
        return status, json.loads(raw)
    except (ValueError, RecursionError):
        return status, None
