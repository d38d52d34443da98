"""Identifiers in Stripe's forms. They are random: a restart must not hand out the same again."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_id(prefix: str) -> str:
    """Return an id such as ``pi_3`` and 23 more characters: what hangs on a payment starts with a 3, the rest a 1."""
    start = "3" if prefix in ("pi", "ch", "py", "re", "txn") else "1"
    return f"{prefix}_{start}{_random(23)}"


def new_session_id(*, livemode: bool) -> str:
    return f"cs_{'live' if livemode else 'test'}_a1{_random(56)}"


def new_client_secret(intent_id: str) -> str:
    return f"{intent_id}_secret_{_random(25)}"


def new_request_id() -> str:
    return f"req_{_random(14)}"


def new_webhook_secret() -> str:
    return f"whsec_{_random(32)}"


def new_fingerprint() -> str:
    return _random(16)


def new_account_id() -> str:
    return f"acct_1{_random(15)}"
