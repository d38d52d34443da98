"""What somebody looks for in attributes: values, and ranges of numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from rest_framework.exceptions import ValidationError

from catalog.attributes.models import Attribute
from catalog.attributes.selectors import definitions
from catalog.attributes.units import fold_text
from catalog.attributes.values import ValueRefused, number_of
from catalog.searching.models import SearchAttribute

MAX_ATTRIBUTES = 20
MAX_CHOICES = 50  # of one attribute
MAX_LENGTH = 140  # of a value


@dataclass(frozen=True)
class RangeInput:
    """A range as somebody wrote it; ``below`` is ``max`` without its end."""

    min: Any = None
    max: Any = None
    below: Any = None


@dataclass(frozen=True)
class Interval:
    """Numbers from ``low`` to ``high``, with ``high`` itself unless it is ``open``; without an end where None."""

    low: Decimal | None = None
    high: Decimal | None = None
    open: bool = False


@dataclass(frozen=True)
class Chosen:
    """What is looked for, by the code of the attribute: any of the values, or a number in any of the intervals."""

    values: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, tuple[UUID, tuple[Interval, ...]]] = field(default_factory=dict)


Asked = Mapping[str, Sequence[str | RangeInput]]


def attributes_from_pairs(pairs: Iterable[str]) -> dict[str, list[str]]:
    """Return what the query parameter ``attributes`` asks for, which is repeated: ``color:black``, ``storage:64..256``.

    Raises:
        ValidationError: one of them is no pair.
    """
    attributes: dict[str, list[str]] = {}
    for pair in pairs:
        name, colon, value = pair.partition(":")
        if not colon:
            raise ValidationError({"attributes": ["Give name:value, such as color:black."]})
        attributes.setdefault(name, []).append(value)
    return attributes


def chosen_attributes(asked: Asked) -> Chosen:
    """Look up what a client named, and read the values as their attributes do; at most two statements.

    Raises:
        ValidationError: names each attribute that is unknown, or asked for in a way that it has not.
    """
    if len(asked) > MAX_ATTRIBUTES:
        raise ValidationError({"attributes": [f"Choose from at most {MAX_ATTRIBUTES} attributes."]})
    if any("\0" in name or len(name) > MAX_LENGTH for name in asked):
        raise ValidationError({"attributes": ["No product has such an attribute."]})
    chosen, refused = read_attributes(asked)
    if refused:
        raise ValidationError({"attributes": {name: [str(error)] for name, error in refused.items()}})
    return chosen


def read_attributes(asked: Asked, *, by_staff: bool = False) -> tuple[Chosen, dict[str, ValueRefused]]:
    """Read what is asked for, and say of each attribute why it cannot be; at most two statements.

    ``by_staff`` takes also what customers do not filter by.
    """
    defined = definitions(asked) if asked else {}
    free = asked.keys() - defined.keys()
    known = set(SearchAttribute.objects.filter(name__in=free).values_list("name", flat=True)) if free else set()
    chosen, refused = Chosen(), {}
    for name, values in sorted(asked.items()):
        try:
            _refuse_bad_values(values)
            if name in defined:
                if not (defined[name].filterable or by_staff):
                    raise ValueRefused("not_filterable", "Products are not filtered by this attribute.")
                _choose(chosen, defined[name], values)
            elif name in known:
                chosen.values[name] = [_text(value) for value in values]
            else:
                raise ValueRefused("unknown_attribute", "No product has this attribute.")
        except ValueRefused as error:
            refused[name] = error
    return chosen, refused


def _refuse_bad_values(values: Sequence[str | RangeInput]) -> None:
    if len(values) > MAX_CHOICES:
        raise ValueRefused("too_many", f"Choose at most {MAX_CHOICES} values.")
    if any(isinstance(value, str) and ("\0" in value or len(value) > MAX_LENGTH) for value in values):
        raise ValueRefused("invalid", f"A value has at most {MAX_LENGTH} characters.")


def _choose(chosen: Chosen, attribute: Attribute, values: Sequence[str | RangeInput]) -> None:
    if attribute.type == Attribute.Type.NUMBER:
        chosen.numbers[attribute.code] = (attribute.pk, tuple(_interval(attribute, value) for value in values))
        return
    texts = [_text(value) for value in values]
    if attribute.type != Attribute.Type.TEXT:
        meant = [attribute.meaning.get(fold_text(text)) for text in texts]
        if None in meant:
            told = "yes or no" if attribute.type == Attribute.Type.BOOLEAN else "one of its choices"
            raise ValueRefused("unknown_choice", f"Give {told}.")
        texts = [text for text in meant if text is not None]
    chosen.values[attribute.code] = texts


def _text(value: str | RangeInput) -> str:
    if isinstance(value, RangeInput):
        raise ValueRefused("no_number", "Only a number has ranges.")
    return value


def _interval(attribute: Attribute, value: str | RangeInput) -> Interval:
    """Read a range, ``64..256`` or ``64..<256``, or a number, which is a range of its own."""
    if isinstance(value, str):
        low, dots, high = value.partition("..")
        if not dots:
            number = number_of(attribute, value)
            return Interval(number, number)
        is_open = high.startswith("<")
        high = high.removeprefix("<")
        value = RangeInput(low or None, None if is_open else high or None, high if is_open else None)
    if value.max is not None and value.below is not None:
        raise ValueRefused("invalid", "Give max or below, not both.")
    upper = value.max if value.below is None else value.below
    if value.min is None and upper is None:
        raise ValueRefused("invalid", "Give min, max or below, such as 64..256.")
    interval = Interval(
        None if value.min is None else number_of(attribute, value.min),
        None if upper is None else number_of(attribute, upper),
        value.below is not None,
    )
    if interval.low is not None and interval.high is not None and interval.low > interval.high:
        raise ValueRefused("invalid", "The range ends before it begins.")
    return interval
