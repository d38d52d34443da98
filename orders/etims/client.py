"""One request to the control unit, by the shop's rules for what leaves it."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from ecommerce import outgoing

LARGEST_ANSWER = 256 * 1024


class ControlUnitSilent(Exception):
    """No whole answer came; what was sent may have been received."""


def post(path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[int, Any]:
    """Return the status of an answer and its JSON, None when it is none.

    Raises:
        ControlUnitSilent: nothing, or not all of it, came back.
    """
    try:
        answer = outgoing.send(
            "POST",
            f"{settings.ETIMS['BASE_URL']}{path}",
            json=body,
            headers=headers,
            read_timeout=settings.ETIMS["TIMEOUT"],
            largest=LARGEST_ANSWER,
        )
    except outgoing.NoAnswer as error:
        raise ControlUnitSilent(str(error)) from error
    return answer.status, answer.value
