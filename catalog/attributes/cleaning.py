"""What products say of themselves, made to fit the attributes of their category."""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection

from catalog.attributes.exceptions import AttributesRefused
from catalog.attributes.models import Attribute, CategoryAttribute
from catalog.attributes.selectors import definitions, effective_attributes
from catalog.attributes.values import ValueRefused, clean_value_of, fold_name, is_absent
from catalog.importing.cleaning import clean_line, clean_value
from catalog.models import Category
from ecommerce.exceptions import ErrorRow

MAX_ATTRIBUTES = 100  # of one product
MAX_NAME = 60  # characters
MAX_BYTES = 32 * 1024  # of all together
# Of what nobody has defined:
MAX_TEXT = 2000  # characters
MAX_DEPTH = 3  # levels of lists and objects
LARGEST_NUMBER = 10**15


@dataclass
class _Cleaned:
    kept: dict[str, Any] = field(default_factory=dict)
    rows: list[ErrorRow] = field(default_factory=list)

    def refuse(self, name: str, code: str, detail: str) -> None:
        self.rows.append(ErrorRow(code, detail, f"attributes.{name}"))


def clean_attributes(category: Category, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``Product.attributes`` of a product in ``category`` shall be.

    Names and values of defined attributes become their codes and types; numbers are in the attribute's unit. What
    nobody has defined stays as it is, unless the category takes defined attributes only. Absent values go. Inside a
    transaction the definitions stay as they are until it ends.

    Raises:
        AttributesRefused: with a row for each attribute that does not fit; ``attr`` is ``attributes.<name>``.
    """
    _refuse_oversized(attributes)
    effective = effective_attributes(category)
    own = {each.attribute.code: each for each in effective.attributes}
    names = {name: fold_name(name) for name in attributes}
    _keep_definitions(names.values())
    known = definitions(names.values())
    cleaned = _Cleaned()
    for name, value in attributes.items():
        code = names[name]
        if effective.only_defined_attributes and code not in own:
            _refuse_unknown(cleaned, name)
        elif code in known:
            if code in cleaned.kept:
                cleaned.refuse(name, "given_twice", f"This is the same attribute as {code}.")
            elif not is_absent(value):
                _clean_defined(cleaned, known[code], name, value)
        elif value is not None:
            _clean_free(cleaned, name, value)
    named = {row.attr for row in cleaned.rows}
    for code, each in own.items():
        given = next((name for name, folded in names.items() if folded == code), code)
        if each.required and code not in cleaned.kept and f"attributes.{given}" not in named:
            _refuse_missing(cleaned, given, each.attribute)
    if cleaned.rows:
        raise AttributesRefused(cleaned.rows)
    return cleaned.kept


class AttributeBook:
    """The definitions that a batch of products of a file needs, in five statements, or two where there are none.

    Inside a transaction they stay as they are until it ends.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._codes = {name: fold_name(name) for name in set(names)}
        self._known: dict[str, Attribute] = {}
        self._places: list[CategoryAttribute] = []
        strict = Category.objects.filter(only_defined_attributes=True)
        self._strict = {pk.hex for pk in strict.values_list("pk", flat=True)}  # as paths have them
        if Attribute.objects.exists():
            _keep_definitions(self._codes.values())
            self._known = definitions(self._codes.values())
            self._places = list(CategoryAttribute.objects.select_related("attribute"))

    def clean(
        self, path: str, given: Mapping[str, Any], *, had: Mapping[str, Any], moved: bool, free: Collection[str] = ()
    ) -> dict[str, Any]:
        """Return what a product says after ``given`` is laid over what it ``had``.

        ``path`` is its category's. What it had already is not looked at again, and what is missing only when the
        product is new or has ``moved``. Names in ``free`` are left out where the category does not take them.

        Raises:
            AttributesRefused: with a row for each attribute that does not fit.
        """
        above = path.split(".")
        own = self._of_category(above)
        strict = not self._strict.isdisjoint(above)
        cleaned = _Cleaned()
        for name, value in given.items():
            code = self._codes[name]
            if value in (had.get(name), had.get(code)):
                continue
            if strict and code not in own:
                if name not in free:
                    _refuse_unknown(cleaned, name)
            elif code not in self._known:
                cleaned.kept[name] = value
            elif code in cleaned.kept:
                cleaned.refuse(name, "given_twice", f"This is the same attribute as {code}.")
            elif not is_absent(value):
                _clean_defined(cleaned, self._known[code], name, value)
        result = {name: value for name, value in had.items() if not self._is_told(name, cleaned.kept)} | cleaned.kept
        for code, attribute in own.items() if moved and not cleaned.rows else ():
            if attribute is not None and is_absent(result.get(code)):
                _refuse_missing(cleaned, code, attribute)
        if cleaned.rows:
            raise AttributesRefused(cleaned.rows)
        return result

    def conform(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``given`` with what fits its attribute in the attribute's form; what does not stays as it is."""
        if not self._known:
            return dict(given)
        result: dict[str, Any] = {}
        for name, value in given.items():
            attribute = self._known.get(self._codes[name])
            cleaned = _Cleaned()
            if attribute is not None and attribute.code not in result and not is_absent(value):
                _clean_defined(cleaned, attribute, name, value)
            result |= cleaned.kept or {name: value}
        return result

    def _of_category(self, above: Sequence[str]) -> dict[str, Attribute | None]:
        """Return the codes of what products below these categories have; with the attribute where it is required."""
        depth = {label: number for number, label in enumerate(above)}
        places = [place for place in self._places if place.category_id.hex in depth]
        places.sort(key=lambda place: depth[place.category_id.hex])  # the nearest last
        return {place.attribute.code: place.attribute if place.required else None for place in places}

    def _is_told(self, name: str, kept: Mapping[str, Any]) -> bool:
        """Tell whether a name is another spelling of an attribute that has just been said."""
        return name not in kept and any(code in self._known for code in kept) and fold_name(name) in kept


def _refuse_unknown(cleaned: _Cleaned, name: str) -> None:
    cleaned.refuse(name, "unknown_attribute", "Products of this category have no such attribute.")


def _refuse_missing(cleaned: _Cleaned, name: str, attribute: Attribute) -> None:
    cleaned.refuse(name, "required", f"{attribute.label} is required in this category.")


def _refuse_oversized(attributes: Mapping[str, Any]) -> None:
    if not isinstance(attributes, Mapping):
        raise AttributesRefused([ErrorRow("invalid", "Give a JSON object.", "attributes")])
    if len(attributes) > MAX_ATTRIBUTES:
        raise AttributesRefused([ErrorRow("too_many", f"Give at most {MAX_ATTRIBUTES} attributes.", "attributes")])
    rows = [
        ErrorRow("invalid_name", f"A name has 1 to {MAX_NAME} characters.", "attributes")
        for name in attributes
        if not isinstance(name, str) or not clean_line(name[: MAX_NAME + 1]) or len(name) > MAX_NAME
    ]
    if rows:
        raise AttributesRefused(rows[:1])
    try:
        size = len(json.dumps(attributes, default=str, ensure_ascii=False).encode(errors="replace"))
    except (RecursionError, ValueError):
        size = MAX_BYTES + 1
    if size > MAX_BYTES:
        raise AttributesRefused([ErrorRow("too_large", f"Give at most {MAX_BYTES // 1024} kB.", "attributes")])


def _clean_defined(cleaned: _Cleaned, attribute: Attribute, name: str, value: Any) -> None:
    try:
        cleaned.kept[attribute.code] = clean_value_of(attribute, value)
    except ValueRefused as error:
        cleaned.refuse(name, error.code, str(error))


def _clean_free(cleaned: _Cleaned, name: str, value: Any) -> None:
    value = float(value) if isinstance(value, Decimal) else value
    if mistake := _mistake_in(value):
        cleaned.refuse(name, *mistake)
        return
    kept = clean_value(value)
    if kept is not None:
        cleaned.kept[clean_line(name)] = kept


def _mistake_in(value: Any, depth: int = 1) -> tuple[str, str] | None:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return "too_long", f"A text has at most {MAX_TEXT} characters."
    if isinstance(value, int | float) and LARGEST_NUMBER <= abs(value) < math.inf:  # which is none
        return "out_of_range", "A number has at most 15 digits before the point."
    if not isinstance(value, dict | list):
        return None
    if depth > MAX_DEPTH:
        return "too_deep", f"A value is nested at most {MAX_DEPTH} levels deep."
    if isinstance(value, dict) and any(not isinstance(name, str) or len(name) > MAX_NAME for name in value):
        return "invalid_name", f"A name has 1 to {MAX_NAME} characters."
    items = value.values() if isinstance(value, dict) else value
    return next((mistake for item in items if (mistake := _mistake_in(item, depth + 1))), None)


def _keep_definitions(codes: Iterable[str]) -> None:
    """Wait for a change of these attributes that is under way, and let none begin before the transaction ends."""
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM catalog_attribute WHERE code = ANY(%s) ORDER BY id FOR SHARE", [list(codes)])
