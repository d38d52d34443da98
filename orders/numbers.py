"""Order numbers: short, all digits, with a check digit, so that a phone's keypad can type them without mistakes.

The database makes them (function ``orders_next_number``): a running number followed by its ISO 7064 MOD 11,10 check
digit, which catches every single wrong digit. They are public; knowing one gives access to nothing.
"""

import re

from django.db.models import CharField, Func
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_10

_SEPARATORS = re.compile(r"[\s#./]+")


class NextOrderNumber(Func):
    function = "orders_next_number"
    arity = 0
    output_field = CharField(max_length=12)


def numbers_meant(text: str) -> list[str]:
    """Return the numbers that may be meant: with dashes, spaces or a ``#``, of a parcel, without the last digit."""
    compact = _SEPARATORS.sub("", text.strip())
    digits = compact.replace("-", "")
    order, dash, _ = compact.rpartition("-")  # a parcel's number is its order's, a dash, and which it is
    candidates = [digits, *([order.replace("-", "")] if dash else [])]
    meant = [one for one in candidates if is_order_number(one)]
    meant += [
        one + mod_11_10.calc_check_digit(one)
        for one in candidates
        if one.isascii() and one.isdigit() and 6 <= len(one) <= 11
    ]
    return list(dict.fromkeys(meant))


def is_order_number(text: str) -> bool:
    """Tell whether ``text`` can be an order number of ours: digits with a right check digit."""
    if not (text.isascii() and text.isdigit() and 7 <= len(text) <= 12):
        return False
    try:
        mod_11_10.validate(text)
    except ValidationError:
        return False
    return True
