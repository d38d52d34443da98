"""Kenyan mobile numbers."""

import re

# Operator prefixes are not tested: numbers are portable and new ranges appear.
WIRE_MSISDN = re.compile(r"254[17][0-9]{8}")


def normalise_msisdn(text: str) -> str | None:
    """Return the wire form ``2547XXXXXXXX`` of what was typed, None if it is no Kenyan mobile number."""
    digits = re.sub(r"[\s\-()]", "", text).removeprefix("+")
    if not digits.isascii():
        return None
    if len(digits) == 10 and digits.startswith("0"):
        digits = "254" + digits[1:]
    elif len(digits) == 9:
        digits = "254" + digits
    return digits if WIRE_MSISDN.fullmatch(digits) else None
