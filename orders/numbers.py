"""Order numbers: short, all digits, with a check digit, so that a phone's keypad can type them without mistakes.

The database makes them (function ``orders_next_number``): a running number followed by its ISO 7064 MOD 11,10 check
digit, which catches every single wrong digit. They are public; knowing one gives access to nothing.
"""

from django.db.models import CharField, Func
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_10


class NextOrderNumber(Func):
    function = "orders_next_number"
    arity = 0
    output_field = CharField(max_length=12)


def is_order_number(text: str) -> bool:
    """Tell whether ``text`` can be an order number of ours: digits with a right check digit."""
    if not (text.isascii() and text.isdigit() and 7 <= len(text) <= 12):
        return False
    try:
        mod_11_10.validate(text)
    except ValidationError:
        return False
    return True
