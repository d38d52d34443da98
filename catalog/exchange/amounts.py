"""Amounts as people and programs write them into files."""

import re
from decimal import Decimal

_POINT = re.compile(r"(?:[0-9]{1,20}|[0-9]{1,3}(?:,[0-9]{3}){1,6})(?:\.[0-9]{1,20})?")
_COMMA = re.compile(r"(?:[0-9]{1,20}|[0-9]{1,3}(?:\.[0-9]{3}){1,6})(?:,[0-9]{1,2})?")


def compact(text: str) -> str:
    """Return an amount without the spaces that part its thousands."""
    return text.replace(" ", "").replace("\u00a0", "")


def amount_in(text: str, *, delimiter: str) -> Decimal | None:
    """Return the amount that ``text`` is, else nothing. Where semicolons part cells, commas part the cents."""
    comma = delimiter == ";"
    if not (_COMMA if comma else _POINT).fullmatch(text):
        return None
    return Decimal(text.replace(".", "").replace(",", ".") if comma else text.replace(",", ""))
