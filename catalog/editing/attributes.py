"""The form of a product's attributes: a JSON object of bounded size and depth."""

import json
from typing import Any

from catalog.editing.exceptions import AttributesRefused
from catalog.importing.cleaning import clean_value
from catalog.models import Category
from ecommerce.exceptions import ErrorRow

MAX_ATTRIBUTES = 100
MAX_NAME = 60  # characters
MAX_TEXT = 2000  # characters of one value
MAX_DEPTH = 4  # the object itself, and three levels in it
MAX_BYTES = 32 * 1024
LARGEST_NUMBER = 10**15


def clean_attributes(category: Category, attributes: dict[str, Any]) -> dict[str, Any]:
    """Return ``attributes`` without invisible characters, as they are stored.

    Raises:
        AttributesRefused: too many, too long, too deep or too large; with a row for the first of each attribute.
    """
    rows = []
    if len(attributes) > MAX_ATTRIBUTES:
        rows.append(
            ErrorRow("too_many_attributes", f"A product has at most {MAX_ATTRIBUTES} attributes.", "attributes")
        )
    elif len(json.dumps(attributes, ensure_ascii=False).encode()) > MAX_BYTES:
        rows.append(
            ErrorRow("attributes_too_large", f"All attributes together: at most {MAX_BYTES} bytes.", "attributes")
        )
    else:
        for name, value in attributes.items():
            if mistake := _mistake_in(name, value):
                rows.append(ErrorRow(*mistake, f"attributes.{name[:MAX_NAME]}"))
    if rows:
        raise AttributesRefused(rows)
    cleaned: dict[str, Any] = clean_value(attributes)
    return cleaned


def _mistake_in(name: str, value: Any) -> tuple[str, str] | None:
    if not name.strip() or len(name) > MAX_NAME:
        return "attribute_name_invalid", f"The name of an attribute has 1 to {MAX_NAME} characters."
    return _mistake_in_value(value, depth=2)


def _mistake_in_value(value: Any, depth: int) -> tuple[str, str] | None:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return "attribute_too_long", f"A text has at most {MAX_TEXT} characters."
    if isinstance(value, int | float) and abs(value) >= LARGEST_NUMBER:
        return "attribute_out_of_range", "A number has at most 15 digits before the point."
    if isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            return "attribute_too_deep", f"Attributes are nested at most {MAX_DEPTH} levels deep."
        if isinstance(value, dict) and any(len(name) > MAX_NAME for name in value):
            return "attribute_name_invalid", f"The name of an attribute has 1 to {MAX_NAME} characters."
        items = value.values() if isinstance(value, dict) else value
        return next((mistake for item in items if (mistake := _mistake_in_value(item, depth + 1))), None)
    return None
