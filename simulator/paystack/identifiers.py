"""Identifiers in Paystack's forms. They are random: a restart must not hand out the same again."""

import secrets
import string

_ALPHABET = string.ascii_lowercase + string.digits
_PAST_53_BITS = 2**53 + 1


def new_id() -> int:
    return 5_000_000_000 + secrets.randbelow(4_000_000_000)


def new_wide_id() -> int:
    """Return an id that a program with 64-bit floating-point numbers cannot keep."""
    return _PAST_53_BITS + 2 * secrets.randbelow(10**15)


def new_code(prefix: str = "", length: int = 15) -> str:
    """Return a code such as ``CUS_x1y2z3…``; without a prefix, the code alone."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(length))
    return f"{prefix}_{code}" if prefix else code


def new_refund_reference() -> str:
    return f"{secrets.randbelow(10**12):012d}"
