"""Changing and deleting categories and brands: on the rows as they are now, not as a form has read them."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from rest_framework.exceptions import NotFound, ValidationError

from catalog.models import Brand, Category, Product
from catalog.searching.indexing import BATCH, index_products
from catalog.services import lock_tree, save_brand, save_category
from catalog.tasks import move_merged_products as move_later
from catalog.taxonomy.exceptions import BrandIntoItself, BrandInUse, BrandMerged, CategoryInUse
from ecommerce.exceptions import DomainError, ErrorRow, sqlstate
from ecommerce.models import new_id

# --- Categories -----------------------------------------------------------------------------------------------


@transaction.atomic
def update_category(category_id: UUID, **changes: Any) -> Category:
    """Change what ``changes`` names of a category: ``category_name``, ``url_key``, ``parent`` and so on.

    Raises:
        NotFound: it is gone.
        CategoryCycle: the new parent stands below it.
        CategoryTooDeep: something of it would stand too deep.
        ValidationError: the new parent is gone.
    """
    lock_tree()
    category = Category.objects.select_related("parent").filter(pk=category_id).first()
    if category is None:
        raise NotFound()
    fields = {"category_name": category.category_name, "parent": category.parent} | changes
    try:
        return save_category(category=category, **fields)
    except Category.DoesNotExist:
        raise ValidationError({"parent": ["There is no such category."]}, code="does_not_exist") from None


def delete_category(category_id: UUID) -> None:
    """Delete an empty category.

    Raises:
        NotFound: it is gone.
        CategoryInUse: with the number of ``products``, removed ones too, and of ``children`` in it.
    """
    try:
        _delete_category(category_id)
    except IntegrityError as error:  # something was put into it while we looked
        raise (_category_in_use(category_id) or error if sqlstate(error) == "23503" else error) from error


@transaction.atomic
def _delete_category(category_id: UUID) -> None:
    lock_tree()
    category = Category.objects.select_for_update().filter(pk=category_id).first()
    if category is None:
        raise NotFound()
    if refusal := _category_in_use(category_id):
        raise refusal
    category.delete()


def _category_in_use(category_id: UUID) -> DomainError | None:
    products = Product.objects.filter(category=category_id).count()
    children = Category.objects.filter(parent=category_id).count()
    return CategoryInUse(products=products, children=children) if products or children else None


# --- Brands ---------------------------------------------------------------------------------------------------


@transaction.atomic
def update_brand(brand_id: UUID, **changes: Any) -> Brand:
    """Change what ``changes`` names of a brand: ``name``, ``url_key``, ``image_url``.

    Raises:
        NotFound: it is gone.
        BrandMerged: it is a former name of another one.
    """
    brand = _locked_brands(brand_id)[brand_id]
    _refuse_merged(brand)
    return save_brand(brand=brand, **{"name": brand.name, **changes})


def delete_brand(brand_id: UUID) -> None:
    """Delete a brand without products, with its former names; or a former name, which is free then.

    Raises:
        NotFound: it is gone.
        BrandInUse: with the number of ``products`` of it, removed ones too.
    """
    try:
        _delete_brand(brand_id)
    except IntegrityError as error:
        raise (_brand_in_use(brand_id) or error if sqlstate(error) == "23503" else error) from error


@transaction.atomic
def _delete_brand(brand_id: UUID) -> None:
    brand = _locked_brands(brand_id)[brand_id]
    if refusal := _brand_in_use(brand_id):
        raise refusal
    brand.delete()


def _brand_in_use(brand_id: UUID) -> DomainError | None:
    products = Product.objects.filter(brand=brand_id).count()
    return BrandInUse(products=products) if products else None


@transaction.atomic
def merge_brands(source_id: UUID, *, into: UUID) -> Brand:
    """Make one brand a former name of another, and return that one; a repeat changes nothing.

    Products that are written from now on get the other brand. Up to ``BATCH`` of the present ones move in this
    transaction, the others by owed work soon after. The former name keeps finding the brand.

    Raises:
        NotFound: the brand that shall go is gone.
        ValidationError: the other one is gone.
        BrandIntoItself: both are one.
        BrandMerged: one of them is a former name already.
    """
    if source_id == into:
        raise BrandIntoItself([ErrorRow(BrandIntoItself.code, BrandIntoItself.message, "into")])
    brands = _locked_brands(source_id, into)
    if into not in brands:
        raise ValidationError({"into": ["There is no such brand."]}, code="does_not_exist")
    source, target = brands[source_id], brands[into]
    _refuse_merged(target, "into")
    if source.merged_into_id == target.pk:
        return target
    _refuse_merged(source)
    Brand.objects.filter(merged_into=source).update(merged_into=target, updated_at=Now())
    source.merged_into = target
    source.save(update_fields=["merged_into", "updated_at"])
    move_merged_products(source.pk)
    return target


@transaction.atomic
def move_merged_products(brand_id: UUID) -> None:
    """Give up to ``BATCH`` products of a merged brand to the other one, and owe the moving of the rest."""
    brand = Brand.objects.filter(pk=brand_id, merged_into__isnull=False).first()
    if brand is None:
        return
    # In key order, as orders lock them.
    rows = Product.objects.select_for_update(no_key=True).filter(brand=brand).order_by("pk")
    ids = list(rows.values_list("pk", flat=True)[: BATCH + 1])
    moved, more = ids[:BATCH], len(ids) > BATCH
    Product.objects.filter(pk__in=moved).update(brand=brand.merged_into_id, updated_at=Now())
    index_products(moved)
    if more:
        move_later.owe(f"move-merged:{new_id()}", brand_id=str(brand.pk))


def _locked_brands(first: UUID, *others: UUID) -> dict[UUID, Brand]:
    """Lock brands in key order, so that two merges in opposite directions cannot deadlock; the first must exist."""
    rows = Brand.objects.select_for_update().filter(pk__in=[first, *others]).order_by("pk")
    brands = {brand.pk: brand for brand in rows}
    if first not in brands:
        raise NotFound()
    return brands


def _refuse_merged(brand: Brand, attr: str | None = None) -> None:
    if brand.merged_into_id is not None:
        raise BrandMerged([ErrorRow(BrandMerged.code, BrandMerged.message, attr)], into=str(brand.merged_into_id))
