"""Identifiers in M-Pesa's forms. They are random: a restart must not hand out the same again."""

import base64
import secrets
import string

from simulator.clock import nairobi

# A receipt starts with year (R is 2023), month (A is January) and day (1-9, then A is 10).
_YEAR_OF_A = 2006
_DAYS = "123456789ABCDEFGHIJKLMNOPQRSTUV"
_RECEIPT_ALPHABET = string.ascii_uppercase + string.digits


def new_token() -> str:
    """Return 28 characters of the base64 alphabet, ``+`` and ``/`` among them, as real tokens have."""
    return base64.b64encode(secrets.token_bytes(21)).decode()


def new_request_id() -> str:
    """Return a requestId; the gateway gives OriginatorConversationIDs in the same form."""
    parts = (secrets.token_hex(2), secrets.token_hex(2), secrets.token_hex(2))
    return f"{'-'.join(parts)}-{secrets.token_hex(6)}{secrets.randbelow(10**7):07d}"


def new_merchant_request_id() -> str:
    return f"{secrets.randbelow(90_000) + 10_000}-{secrets.randbelow(90_000_000) + 10_000_000}-1"


def new_conversation_id(moment: float) -> str:
    return f"AG_{nairobi(moment):%Y%m%d}_{secrets.token_hex(10)}"


def new_checkout_request_id(msisdn: str, moment: float) -> str:
    return f"ws_CO_{nairobi(moment):%d%m%Y%H%M%S}{secrets.randbelow(1000)}{msisdn[-9:]}"


def new_receipt_number(moment: float) -> str:
    return _receipt_start(moment) + "".join(secrets.choice(_RECEIPT_ALPHABET) for _ in range(7))


def dummy_receipt_number(moment: float) -> str:
    """Return what results carry as ``TransactionID`` where no money moved."""
    return f"{_receipt_start(moment)}0000000"


def _receipt_start(moment: float) -> str:
    day = nairobi(moment)
    year = string.ascii_uppercase[(day.year - _YEAR_OF_A) % 26]
    return year + string.ascii_uppercase[day.month - 1] + _DAYS[day.day - 1]
