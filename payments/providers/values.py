"""Reading values that providers write in more than one way."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

LARGEST = Decimal(10) ** 10
_NOT_KEPT = re.compile("[\x00\ud800-\udfff]")
_PAGE = re.compile(r"https?://[^\s\x00]{1,1990}")


def text(value: Any, most: int = 300) -> str:
    """Return a value as text; None is empty. PostgreSQL keeps no NUL, and no half of a character."""
    return "" if value is None else _NOT_KEPT.sub("", str(value))[:most]


def page_address(value: Any) -> str:
    """Return the address of a page to pay on, empty for what is none or would not fit: a cut one leads nowhere."""
    return value if isinstance(value, str) and _PAGE.fullmatch(value) else ""


def decimal(value: Any) -> Decimal | None:
    """Return a number or a digit string exactly; None for anything else, also for what no amount can be."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        amount = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and -LARGEST < amount < LARGEST else None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object of a provider's JSON, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def iso_time(value: Any) -> datetime | None:
    """Return an ISO 8601 moment; one without a zone is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def unix_time(value: Any) -> datetime | None:
    """Return a moment given in seconds since 1970."""
    seconds = decimal(value)
    try:
        return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, OSError, ValueError):
        return None
