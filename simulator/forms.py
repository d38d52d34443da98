"""Form bodies with brackets: ``customization[title]=Order&items[0]=a`` becomes nested objects and lists."""

import re
from typing import Any
from urllib.parse import parse_qsl

MOST_FIELDS = 500
DEEPEST = 6
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


class BadForm(Exception):
    """The fields contradict each other, or are too many or too deep."""


def parse_form(text: str) -> dict[str, Any]:
    """Return the fields of a form body; ``a[]`` and ``a[0]`` make lists, ``a[b]`` makes objects.

    Raises:
        BadForm: it cannot be read.
    """
    fields: dict[str, Any] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadForm("too many fields") from error
    for name, value in pairs:
        match = _NAME.fullmatch(name)
        if match is None:
            raise BadForm(f"{name} is no field name")
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(path) > DEEPEST:
            raise BadForm(f"{name} is too deep")
        _put(fields, path, value)
    return {name: _as_list(value) for name, value in fields.items()}


def _put(fields: dict[str, Any], path: list[str], value: str) -> None:
    here = fields
    for step in path[:-1]:
        following = here.setdefault(step or str(len(here)), {})
        if not isinstance(following, dict):
            raise BadForm(f"{step} is both a value and an object")
        here = following
    last = path[-1] or str(len(here))
    if isinstance(here.get(last), dict):
        raise BadForm(f"{last} is both a value and an object")
    here[last] = value


def _as_list(value: Any) -> Any:
    """Turn objects whose keys count from 0 into lists, all the way down."""
    if not isinstance(value, dict):
        return value
    inner = {name: _as_list(item) for name, item in value.items()}
    if inner and list(inner) == [str(number) for number in range(len(inner))]:
        return list(inner.values())
    return inner
