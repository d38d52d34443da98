"""Cells that a spreadsheet would run as a formula get an apostrophe in front, and lose it again when they come back."""

import re

# Source: OWASP, CSV Injection. An apostrophe before one of these is doubled, so that nothing is lost on the way back.
_DANGEROUS = re.compile(r"'*[=+\-@\t\r\n\0＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n\0＝＋－＠]")


def guard(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def unguard(text: str) -> str:
    """Return what ``guard`` was given."""
    return text[1:] if text[:1] == "'" and _GUARDED.match(text) else text
