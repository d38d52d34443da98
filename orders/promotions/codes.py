"""Codes: how they are written, and making many that nobody can guess."""

import re
import secrets
import unicodedata

CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{2,39}")
LONGEST = 40
# Without what is mistaken for something else when it is read aloud or from paper: 0 O, 1 I L.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_SPACES = re.compile(r"\s+")


def normalise(text: str) -> str:
    """Return a code as it is kept: capitals, without spaces. What comes back need not be a code."""
    return _SPACES.sub("", unicodedata.normalize("NFKC", text[: 4 * LONGEST])).upper()


def random_code(prefix: str = "", *, length: int = 10) -> str:
    """Return ``prefix`` and so many random characters, of which each has five bits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))
