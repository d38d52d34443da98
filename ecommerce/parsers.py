"""Reading JSON bodies: what is not plain JSON is a named 400, never a 500."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from ecommerce.exceptions import PayloadTooLarge

MAX_DEPTH = 32
MAX_DIGITS = 1000


class StrictJSONParser(JSONParser):
    """Parse UTF-8 JSON without NaN, lone surrogates, NUL characters, duplicate keys or deep nesting."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise PayloadTooLarge()
        return parse_json(raw)


def parse_json(raw: bytes) -> Any:
    """Return the value that ``raw`` spells.

    Raises:
        ParseError: it is not well-formed JSON by the rules of ``StrictJSONParser``.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None
    if text.startswith("\ufeff"):
        raise ParseError("The body starts with a byte order mark.")
    try:
        value = json.loads(
            text,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_keys,
        )
        _check(value)
    except RecursionError:
        raise ParseError("The body is nested too deeply.") from None
    except ValueError as error:
        raise ParseError(f"JSON parse error: {error}") from None
    return value


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("a number has too many digits")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is out of range")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has the same key twice")
    return result


def _check(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth + 1)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str):
        if "\x00" in value:
            raise ValueError("a text holds a NUL character")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("a text holds half a character (lone surrogate)")
