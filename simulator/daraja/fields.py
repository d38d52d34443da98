"""Reading one field of a request, as strictly as Safaricom documents it.

Every reader takes ``refuse``, which words the refusal: the products of Daraja number it differently.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from simulator.daraja.wire import Refusal, bad_field

# Safaricom names no limit; real addresses with a token stay far below this one.
URL_LENGTH = 255
SHORTCODE = r"[0-9]{5,7}"
Refuse = Callable[[str], Refusal]


def read_digits(body: dict[str, Any], name: str, pattern: str, refuse: Refuse = bad_field) -> str:
    """Return a number or a numeric string as text; numbers with a fraction, true and false are neither."""
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise refuse(name)
    return value


def read_amount(body: dict[str, Any], refuse: Refuse = bad_field) -> int:
    """Return ``Amount``: whole shillings, at least one."""
    amount = int(read_digits(body, "Amount", r"[0-9]{1,12}", refuse))
    if amount < 1:
        raise refuse("Amount")
    return amount


def read_timestamp(body: dict[str, Any]) -> str:
    value = body.get("Timestamp")
    if isinstance(value, str) and re.fullmatch(r"[0-9]{14}", value):
        try:
            datetime.strptime(value, "%Y%m%d%H%M%S")
        except ValueError:
            pass
        else:
            return value
    raise bad_field("Timestamp")


def read_text(
    body: dict[str, Any],
    name: str,
    longest: int,
    refuse: Refuse = bad_field,
    *,
    shortest: int = 1,
    optional: bool = False,
) -> str:
    value = body.get(name)
    if optional and value in (None, ""):
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.isprintable():
        raise refuse(name)
    if len(value) > longest or len(value.strip()) < shortest:
        raise refuse(name)
    return value


def read_url(body: dict[str, Any], name: str, refuse: Refuse = bad_field, *, optional: bool = False) -> str:
    value = body.get(name)
    if optional and value in (None, ""):
        return ""
    if not isinstance(value, str) or not _is_url(value):
        raise refuse(name)
    return value


def _is_url(url: str) -> bool:
    if len(url) > URL_LENGTH or not re.fullmatch(r"[!-~]+", url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or a bracket that makes no sense
        return False
