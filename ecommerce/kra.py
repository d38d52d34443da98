"""What the Kenya Revenue Authority hands out: the form of a taxpayer's PIN."""

import re

_PIN = re.compile(r"[A-Z][0-9]{9}[A-Z]")


def is_kra_pin(text: str) -> bool:
    """Tell whether ``text`` can be a KRA PIN: a letter, nine digits, a letter, all in capitals."""
    return _PIN.fullmatch(text) is not None
