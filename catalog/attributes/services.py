"""Writing attributes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from rest_framework.exceptions import NotFound

from catalog.attributes import units
from catalog.attributes.exceptions import AttributeInUse, AttributesRefused, ChoiceInUse
from catalog.attributes.models import Attribute, AttributeChoice, CategoryAttribute
from catalog.attributes.values import YES_OR_NO
from catalog.models import Category
from catalog.searching.indexing import count_having
from catalog.tasks import follow_attribute as follow_later
from ecommerce.exceptions import ErrorRow
from ecommerce.models import new_id

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
