"""Reading attributes: which ones the products of a category have."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F, Func, IntegerField, QuerySet

from catalog.attributes.models import Attribute, CategoryAttribute
from catalog.models import Category


@dataclass(frozen=True)
class Effective:
    """An attribute of a category, and the category, it or one above it, that says so."""

    attribute: Attribute
    required: bool
    position: int
    category: Category


@dataclass(frozen=True)
class AttributeSet:
    category: Category
    only_defined_attributes: bool
    attributes: list[Effective]


def attributes() -> QuerySet[Attribute]:
    """All attributes with their choices and categories, in three statements."""
    return Attribute.objects.prefetch_related("choices", "category_rows__category")


def effective_attributes(category: Category) -> AttributeSet:
    """Return what products of a category have, in its order, inherited ones too; three statements."""
    above = category.path.split(".")
    rows = (
        CategoryAttribute.objects.filter(category__in=above)
        .select_related("attribute", "category")
        .prefetch_related("attribute__choices")
        .order_by(Func(F("category__path"), function="nlevel", output_field=IntegerField()))  # the nearest last
    )
    nearest = {row.attribute_id: row for row in rows}
    found = [Effective(row.attribute, row.required, row.position, row.category) for row in nearest.values()]
    found.sort(key=lambda each: (each.position, each.attribute.code))
    strict = Category.objects.filter(pk__in=above, only_defined_attributes=True).exists()
    return AttributeSet(category, strict, found)


def definitions(codes: Iterable[str]) -> dict[str, Attribute]:
    """Return the attributes of these codes."""
    return {attribute.code: attribute for attribute in Attribute.objects.filter(code__in=list(codes))}
