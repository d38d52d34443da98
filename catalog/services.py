"""Writing the catalogue: one place for each change, so that what follows from it always follows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Min
from django.db.models.functions import Now
from django.utils.text import slugify

from catalog import stock
from catalog.exceptions import CategoryCycle, CategoryTooDeep
from catalog.models import Brand, Category, Product, StockMovement, Variant
from catalog.searching.indexing import index_all, index_products
from catalog.tax_kinds import TaxKind
from ecommerce.exceptions import ErrorRow

# "One writer in the tree at a time": a transaction-long advisory lock, for a thing that has no row.
_TREE_LOCK = 0x62796D74
MAX_DEPTH = 20


@dataclass(frozen=True)
class VariantInput:
    sku: str
    price: Decimal
    options: dict[str, str] = field(default_factory=dict)
    mpn: str = ""
    compare_at_price: Decimal | None = None
    weight_grams: int | None = None
    barcode: str = ""
    stock: int = 0  # units that a new variant starts with


def lock_tree() -> None:
    """Be the only one who changes the category tree until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TREE_LOCK])


@transaction.atomic
def save_category(
    *,
    category_name: str,
    url_key: str = "",
    parent: Category | None = None,
    only_defined_attributes: bool | None = None,
    category: Category | None = None,
) -> Category:
    """Create a category, or change one; moving a branch takes everything below it along.

    Raises:
        CategoryCycle: the new parent is the category itself or stands below it.
        CategoryTooDeep: something of it would stand more than ``MAX_DEPTH`` levels deep.
    """
    lock_tree()
    if parent is not None:
        parent = Category.objects.get(pk=parent.pk)  # its path may have changed before we had the lock
    category = category or Category()
    adding = category._state.adding
    old = None if adding else Category.objects.get(pk=category.pk)
    old_path = old.path if old else ""
    label = category.pk.hex
    if parent is not None and (parent.pk == category.pk or label in parent.path.split(".")):
        raise CategoryCycle([ErrorRow(CategoryCycle.code, CategoryCycle.message, "parent")])
    below = Category.objects.filter(path__in_branch=old_path).values_list("path", flat=True) if old_path else []
    height = max((path.count(".") - old_path.count(".") + 1 for path in below), default=1)
    if (parent.path.count(".") + 1 if parent else 0) + height > MAX_DEPTH:
        raise CategoryTooDeep([ErrorRow(CategoryTooDeep.code, CategoryTooDeep.message, "parent")])
    category.category_name = category_name
    category.url_key = url_key or category.url_key or slugify(category_name)[:140] or category.pk.hex
    category.parent = parent
    category.path = f"{parent.path}.{label}" if parent else label
    if only_defined_attributes is not None:
        category.only_defined_attributes = only_defined_attributes
    category.save()
    if old_path and old_path != category.path:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE catalog_category SET path = %s::ltree || subpath(path, nlevel(%s::ltree)) "
                "WHERE path <@ %s::ltree AND id <> %s",
                [category.path, old_path, old_path, category.pk],
            )
    if old and (old.category_name, old.url_key) != (category.category_name, category.url_key):
        index_all(category.products.all())
    return category


@transaction.atomic
def save_brand(*, name: str, url_key: str = "", image_url: str | None = None, brand: Brand | None = None) -> Brand:
    """Create a brand or rename one; its products are found under the new name."""
    brand = brand or Brand()
    adding = brand._state.adding
    brand.name = name
    brand.image_url = brand.image_url if image_url is None else image_url
    brand.url_key = url_key or brand.url_key or slugify(name)[:140] or brand.pk.hex
    brand.save()
    if not adding:
        index_all(brand.products.all())
    return brand


@transaction.atomic
def create_product(*, variants: Sequence[VariantInput], actor: Any = None, **fields: Any) -> Product:
    """Create a product with its variants and their first stock.

    Amounts are in the product's currency. ``fields`` are those of ``Product``; its price comes from the variants.
    """
    if fields.get("kind") == Product.Kind.GIFT_CARD:
        fields.setdefault("tax_kind", TaxKind.OUTSIDE)
    product = Product.objects.create(price=min(variant.price for variant in variants), **fields)
    rows = Variant.objects.bulk_create(
        Variant(
            product=product,
            position=position,
            sku=variant.sku,
            mpn=variant.mpn,
            options=variant.options,
            price=variant.price,
            compare_at_price=variant.compare_at_price,
            weight_grams=variant.weight_grams,
            barcode=variant.barcode,
        )
        for position, variant in enumerate(variants)
    )
    stock.open_stock(rows)
    first_units = {row.pk: variant.stock for row, variant in zip(rows, variants, strict=True) if variant.stock}
    stock.adjust_stock(first_units, kind=StockMovement.Kind.RECEIVE, reason="first stock", actor=actor)
    index_products([product.pk])
    product.refresh_from_db(fields=["in_stock"])
    return product


@transaction.atomic
def refresh_product(product_id: UUID, *, touch: bool = False) -> None:
    """Bring what is derived from a product's variants up to date: price, stock rows, search columns.

    With ``touch`` the product counts as changed in any case: one of its variants was.
    """
    product = Product.objects.select_for_update(no_key=True).get(pk=product_id)
    variants = Variant.objects.filter(product=product)
    stock.open_stock(variants)
    lowest = variants.filter(is_active=True).aggregate(lowest=Min("price"))["lowest"]
    if touch or (lowest is not None and lowest != product.price):
        product.price = product.price if lowest is None else lowest
        product.save(update_fields=["price", "updated_at"])
    index_products([product_id])


def soft_delete_product(product: Product) -> None:
    """Take a product out of the shop; orders keep it, and it can be restored. A repeat changes nothing.

    It keeps its url_key and its SKUs, so that it can always come back, and an old link never leads to another thing.
    """
    Product.objects.filter(pk=product.pk, deleted_at__isnull=True).update(deleted_at=Now(), updated_at=Now())


def restore_product(product: Product) -> None:
    """Put a removed product back; a repeat changes nothing."""
    Product.objects.filter(pk=product.pk, deleted_at__isnull=False).update(deleted_at=None, updated_at=Now())
