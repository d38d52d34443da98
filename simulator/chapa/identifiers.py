"""Identifiers and moments in Chapa's forms. Identifiers are random: a restart must not hand out the same again."""

import secrets
import string
from datetime import UTC, datetime

_ALPHABET = string.ascii_letters + string.digits


def new_code(prefix: str = "", length: int = 10) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_number() -> int:
    return secrets.randbelow(90_000_000) + 10_000_000


def moment(seconds: float) -> str:
    """Write a moment as Chapa does: UTC, microseconds that are always 0."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000000Z"
