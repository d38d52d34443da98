"""Identifiers in PayPal's forms. They are random: a restart must not hand out the same again."""

import secrets
import string
from datetime import UTC, datetime

_RESOURCE = string.ascii_uppercase + string.digits
_ACCOUNT = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_TOKEN = string.ascii_letters + string.digits + "-_"


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def new_resource_id() -> str:
    """Return an id as orders, captures, refunds and webhooks have."""
    return secrets.choice(string.digits) + _random(_RESOURCE, 16)


def new_account_id() -> str:
    """Return an id as merchants and payers have."""
    return _random(_ACCOUNT, 13)


def new_event_id() -> str:
    return f"WH-{new_resource_id()}-{new_resource_id()}"


def new_dispute_id() -> str:
    return f"PP-R-{_random(string.ascii_uppercase, 3)}-{10_000_000 + secrets.randbelow(90_000_000)}"


def new_batch_id() -> str:
    return _random(_RESOURCE, 13)


def new_debug_id() -> str:
    return f"f{secrets.token_hex(6)}"


def new_certificate_id() -> str:
    return f"CERT-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


def new_token() -> str:
    return "A21AA" + _random(_TOKEN, 80)


def new_nonce(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}{_random(_TOKEN, 43)}"


def timestamp(moment: float) -> str:
    """Write a moment as PayPal does, to the second."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
