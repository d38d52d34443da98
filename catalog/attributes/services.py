"""Writing attributes, and cleaning what products say of themselves."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from rest_framework.exceptions import NotFound

from catalog.attributes import units
from catalog.attributes.exceptions import AttributeInUse, AttributesRefused, ChoiceInUse
from catalog.attributes.models import Attribute, AttributeChoice, CategoryAttribute
from catalog.attributes.selectors import definitions, effective_attributes
from catalog.attributes.values import YES_OR_NO, ValueRefused, clean_value_of, fold_name, is_absent
from catalog.importing.cleaning import TooDeep, clean_line, clean_value
from catalog.models import Category
from catalog.searching.indexing import count_having
from catalog.tasks import follow_attribute as follow_later
from ecommerce.exceptions import ErrorRow
from ecommerce.models import new_id

MAX_ATTRIBUTES = 100  # of one product
MAX_NAME = 60
MAX_BYTES = 32 * 1024
# A product that was being written while an attribute changed may have missed it; nobody writes for so long.
STRAGGLERS_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class ChoiceInput:
    """A choice; ``was`` is the code of the one that it takes the place of."""

    code: str
    label: str
    was: str = ""


@dataclass(frozen=True)
class PlaceInput:
    """A category whose products, with those below, have the attribute."""

    category: Category
    required: bool = False
    position: int = 0


@dataclass
class _Cleaned:
    kept: dict[str, Any] = field(default_factory=dict)
    rows: list[ErrorRow] = field(default_factory=list)

    def refuse(self, name: str, code: str, detail: str) -> None:
        self.rows.append(ErrorRow(code, detail, f"attributes.{name}"))


# --- Products -------------------------------------------------------------------------------------------------


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
            cleaned.refuse(name, "unknown_attribute", "Products of this category have no such attribute.")
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
            cleaned.refuse(given, "required", f"{each.attribute.label} is required in this category.")
    if cleaned.rows:
        raise AttributesRefused(cleaned.rows)
    return cleaned.kept


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
        size = len(json.dumps(attributes, default=str))
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
    try:
        kept = clean_value(float(value) if isinstance(value, Decimal) else value)
    except TooDeep:
        cleaned.refuse(name, "too_deep", "This is nested too deeply.")
        return
    if kept is not None:
        cleaned.kept[clean_line(name)] = kept


def _keep_definitions(codes: Iterable[str]) -> None:
    """Wait for a change of these attributes that is under way, and let none begin before the transaction ends."""
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM catalog_attribute WHERE code = ANY(%s) ORDER BY id FOR SHARE", [list(codes)])


# --- Attributes -----------------------------------------------------------------------------------------------


@transaction.atomic
def save_attribute(
    *,
    attribute_id: UUID | None = None,
    choices: Sequence[ChoiceInput] | None = None,
    places: Sequence[PlaceInput] | None = None,
    **fields: Any,
) -> Attribute:
    """Create an attribute, or change one; what is not given stays.

    ``fields`` are those of ``Attribute`` but ``code`` of one that exists. ``choices`` and ``places`` replace those that
    are there. The search reads the values of products anew, and products get the new codes of renamed choices, by owed
    work soon after; until then, and for ever after, a former code means the choice that took its place.

    Raises:
        NotFound: it is gone.
        AttributeInUse: products have it, and its type or unit would change; with the number of ``products``.
        ChoiceInUse: products have a choice that would be gone, with the number of ``products``.
        AttributesRefused: names what does not go together.
    """
    attribute = Attribute(**fields) if attribute_id is None else _locked(attribute_id)
    before = None if attribute_id is None else (attribute.type, attribute.unit)
    for name, value in fields.items():
        setattr(attribute, name, value)
    present = [] if attribute_id is None else list(attribute.choices.all())
    if choices is None and attribute.type != Attribute.Type.CHOICE:
        choices = ()
    _refuse_mismatch(attribute, [*(choices if choices is not None else present)])
    if before not in (None, (attribute.type, attribute.unit)):
        _refuse_used(attribute)
    old_meaning = attribute.meaning
    attribute.save()
    if choices is not None:
        present = _put_choices(attribute, present, choices)
    attribute.meaning = _meaning(attribute, present)
    attribute.save(update_fields=["meaning"])
    if places is not None:
        _put_places(attribute, places)
    if before != (attribute.type, attribute.unit) or old_meaning != attribute.meaning:
        _owe_following(attribute.code)
    return attribute


@transaction.atomic
def delete_attribute(attribute_id: UUID) -> None:
    """Delete an attribute that no product has; one that later has it says so in free text.

    Raises:
        NotFound: it is gone.
        AttributeInUse: with the number of ``products`` that have it.
    """
    attribute = _locked(attribute_id)
    _refuse_used(attribute)
    attribute.delete()
    _owe_following(attribute.code)


def _locked(attribute_id: UUID) -> Attribute:
    attribute = Attribute.objects.select_for_update().filter(pk=attribute_id).first()
    if attribute is None:
        raise NotFound()
    return attribute


def _refuse_used(attribute: Attribute) -> None:
    if products := count_having(attribute.code):
        raise AttributeInUse(products=products)


def _refuse_mismatch(attribute: Attribute, choices: Sequence[Any]) -> None:
    rows: list[ErrorRow] = []
    number, chosen = attribute.type == Attribute.Type.NUMBER, attribute.type == Attribute.Type.CHOICE
    if attribute.unit and not number:
        rows.append(ErrorRow("invalid", "Only a number has a unit.", "unit"))
    if attribute.steps and not number:
        rows.append(ErrorRow("invalid", "Only a number has steps.", "steps"))
    if choices and not chosen:
        rows.append(ErrorRow("invalid", "Only a choice has choices.", "choices"))
    if chosen and not choices:
        rows.append(ErrorRow("required", "Give at least one choice.", "choices"))
    if rows:
        raise AttributesRefused(rows)


def _put_choices(
    attribute: Attribute, present: Sequence[AttributeChoice], wanted: Sequence[ChoiceInput]
) -> list[AttributeChoice]:
    """Bring the choices into this form and order; what was renamed is remembered as a former code."""
    rows: list[ErrorRow] = []
    codes = {choice.code for choice in wanted}
    by_code = {choice.code: choice for choice in present}
    for n, choice in enumerate(wanted):
        if choice.was and (choice.was not in by_code or choice.was in codes):
            rows.append(ErrorRow("invalid", "This is not a choice that is going.", f"choices.{n}.was"))
    if rows:
        raise AttributesRefused(rows)
    replaced = {choice.was for choice in wanted if choice.was}
    for code in by_code.keys() - codes - replaced:
        if products := count_having(attribute.code, code):
            detail = (
                f"Products have {by_code[code].label} ({products} of them); rename it, or give them another one first."
            )
            raise ChoiceInUse([ErrorRow(ChoiceInUse.code, detail, "choices")], products=products, choice=code)
    kept: list[AttributeChoice] = []
    for n, choice in enumerate(wanted):
        row = by_code.get(choice.code) or AttributeChoice(attribute=attribute, code=choice.code)
        gone = by_code[choice.was] if choice.was else None
        former = [*row.former, *([gone.code, *gone.former] if gone else [])]
        row.former = [code for code in dict.fromkeys(former) if code not in codes]
        row.label, row.position = choice.label, n
        kept.append(row)
    attribute.choices.exclude(code__in=codes).delete()
    for row in kept:
        row.save()
    return kept


def _put_places(attribute: Attribute, places: Sequence[PlaceInput]) -> None:
    attribute.category_rows.all().delete()
    CategoryAttribute.objects.bulk_create(
        CategoryAttribute(
            attribute=attribute, category=place.category, required=place.required, position=place.position
        )
        for place in places
    )


def _meaning(attribute: Attribute, choices: Sequence[AttributeChoice]) -> dict[str, str]:
    """Return how the search reads the values of products: spellings to values, or units to factors."""
    if attribute.type == Attribute.Type.NUMBER:
        return units.factors(attribute.unit)
    if attribute.type == Attribute.Type.BOOLEAN:
        return dict(YES_OR_NO)
    found: dict[str, str] = {}
    for spelled in ("former", "label", "code"):  # a code wins over another one's label
        for choice in choices:
            for text in choice.former if spelled == "former" else [getattr(choice, spelled)]:
                found[units.fold_text(text)] = choice.code
    return found


def _owe_following(code: str) -> None:
    follow_later.owe(f"follow-attribute:{new_id()}", code=code)
    follow_later.owe(
        f"follow-attribute:{new_id()}", delay=STRAGGLERS_AFTER, code=code, changed_at=timezone.now().isoformat()
    )
