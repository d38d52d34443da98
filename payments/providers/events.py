"""What the webhooks of several providers need: JSON that may be anything, ids for events without one, HMACs."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from payments.exceptions import UnreadableEvent

MAX_EVENT_ID = 140


def event_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a webhook is.

    Raises:
        UnreadableEvent: it is none.
    """
    try:
        value = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise UnreadableEvent("not JSON") from None
    if not isinstance(value, dict):
        raise UnreadableEvent("not a JSON object")
    return value


def fingerprint(body: bytes, *parts: str) -> str:
    """Return an id for an event that has none: from its lasting ``parts``, or from the body when one is missing."""
    if not all(parts):
        return hashlib.sha256(body).hexdigest()
    joined = ":".join(parts)
    return joined if len(joined) <= MAX_EVENT_ID else hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()


def is_signed(signature: str, message: bytes, keys: Sequence[str], algorithm: str) -> bool:
    """Tell whether ``signature`` is the lower-case hex HMAC of ``message`` with one of ``keys``; an empty key is none.

    In constant time: every key is tried, whichever fits.
    """
    given = signature.encode("utf-8", "replace")
    fits = [
        hmac.compare_digest(hmac.new(key.encode(), message, algorithm).hexdigest().encode(), given)
        for key in keys
        if key
    ]
    return any(fits)
