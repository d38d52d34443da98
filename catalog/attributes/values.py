"""One value of an attribute, as its type understands it."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from catalog.attributes.models import Attribute
from catalog.attributes.units import LIMIT, NotANumber, UnknownUnit, fold_text, parse_number
from catalog.importing.cleaning import clean_line

MAX_TEXT = 1000
MAX_VALUES = 50  # of a choice or a text
YES_OR_NO = dict.fromkeys(("true", "yes", "y", "1", "on"), "true") | dict.fromkeys(
    ("false", "no", "n", "0", "off"), "false"
)

_NOT_ALNUM = re.compile(r"[\W_]+")


class ValueRefused(ValueError):
    """A value does not fit; ``code`` is for programs, the text for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def fold_name(name: str) -> str:
    """Return the code that a name has in the search: ``Screen Size`` is ``screen_size``."""
    return _NOT_ALNUM.sub("_", fold_text(name)).strip("_")


def is_absent(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not clean_line(value))


def clean_value_of(attribute: Attribute, value: Any) -> Any:
    """Return a value as products keep it.

    Raises:
        ValueRefused: it does not fit the type.
    """
    return _CLEANERS[Attribute.Type(attribute.type)](attribute, value)


def number_of(attribute: Attribute, value: Any) -> Decimal:
    """Return a number in the attribute's unit, of a number or of a text with or without a unit.

    Raises:
        ValueRefused: it is none.
    """
    example = f'128 or "128 {attribute.unit}"' if attribute.unit else "128"
    wanted = f"Give a number{f' in {attribute.unit}' if attribute.unit else ''}, such as {example}."
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueRefused("invalid_number", wanted)
    text = value if isinstance(value, str) else _plain(value)
    try:
        return parse_number(text, attribute.meaning)
    except NotANumber:
        raise ValueRefused("invalid_number", wanted) from None
    except UnknownUnit:
        raise ValueRefused("unknown_unit", wanted) from None


def _plain(value: float | Decimal) -> str:
    """Return a number without an exponent, with nine places at most; nothing for one that is none, or far too large."""
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    return f"{number:.9f}" if number.is_finite() and abs(number) < LIMIT else ""


def _number(attribute: Attribute, value: Any) -> int | float:
    number = number_of(attribute, value)
    return int(number) if number == number.to_integral_value() else float(number)


def _boolean(attribute: Attribute, value: Any) -> bool:
    known = YES_OR_NO.get(fold_text(str(value))) if isinstance(value, bool | int | str) else None
    if known is None:
        raise ValueRefused("invalid_boolean", "Give true or false, or yes or no.")
    return known == "true"


def _choice(attribute: Attribute, value: Any) -> Any:
    def one(text: str) -> str:
        code: str | None = attribute.meaning.get(fold_text(text))
        if code is None:
            raise ValueRefused("unknown_choice", "This is not one of the choices.")
        return code

    return _each(value, one)


def _text(attribute: Attribute, value: Any) -> Any:
    def one(text: str) -> str:
        if len(text) > MAX_TEXT:
            raise ValueRefused("too_long", f"Give at most {MAX_TEXT} characters.")
        return clean_line(text)

    return _each(value, one)


def _each(value: Any, one: Callable[[str], str]) -> Any:
    """Clean a text, or each of a list of texts, of which empty ones and repetitions go."""
    if isinstance(value, list):
        if len(value) > MAX_VALUES:
            raise ValueRefused("too_many", f"Give at most {MAX_VALUES} values.")
        texts = [_as_text(item) for item in value if not is_absent(item)]
        return list(dict.fromkeys(one(text) for text in texts))
    return one(_as_text(value))


def _as_text(value: Any) -> str:
    if isinstance(value, bool) or not (
        isinstance(value, str) or (isinstance(value, int | float) and abs(value) < 10**15)
    ):
        raise ValueRefused("invalid", "Give a text, or a list of texts.")
    return str(value)


_CLEANERS: dict[Attribute.Type, Callable[[Attribute, Any], Any]] = {
    Attribute.Type.NUMBER: _number,
    Attribute.Type.BOOLEAN: _boolean,
    Attribute.Type.CHOICE: _choice,
    Attribute.Type.TEXT: _text,
}
