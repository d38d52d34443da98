"""Storing records in batches: each is one transaction, and a second run of the same file changes nothing."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.utils.text import slugify
from psycopg2.extras import Json, execute_values

from catalog import stock
from catalog.importing.records import ProductRecord, VariantRecord, fingerprint
from catalog.importing.taxonomy import BrandBook, CategoryTree, Path
from catalog.models import Product, StockMovement, Variant
from catalog.searching.indexing import index_products
from ecommerce.models import new_id

BATCH = 1000

_ATTEMPTS = 3
_IMPORT_LOCK = 0x696D7074  # a session-long advisory lock: one import at a time
_URL_KEY_LENGTH: int = Product._meta.get_field("url_key").max_length or 0

_PRODUCT_FIELDS = {
    "product_name": "text",
    "description": "text",
    "price": "numeric",
    "currency": "text",
    "category_id": "uuid",
    "brand_id": "uuid",
    "image_url": "text",
    "kind": "text",
    "attributes": "jsonb",
}
_VARIANT_FIELDS = {
    "mpn": "text",
    "options": "jsonb",
    "price": "numeric",
    "compare_at_price": "numeric",
    "weight_grams": "integer",
    "barcode": "text",
}


class ImportRunning(Exception):
    """Another import holds the lock."""


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Written:
    outcome: Outcome
    detail: str = ""  # why the database refused it


@contextmanager
def import_lock() -> Iterator[None]:
    """Be the only import in this database.

    Raises:
        ImportRunning: another one is at work.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_IMPORT_LOCK])
        if not cursor.fetchone()[0]:
            raise ImportRunning("Another import is running in this database; start this one when it has ended.")
    try:
        yield
    finally:
        if connection.connection is not None and connection.is_usable():  # a lost session has lost the lock too
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_IMPORT_LOCK])


class CatalogueWriter:
    """Stores records, keyed by ``Product.source_id``.

    What a record says overwrites what the shop has; what it leaves open does not. Never touched in a product that
    exists: url_key, SKU, stock, ``is_active``, ``deleted_at``, and every row in which nothing changed. The caller
    holds ``import_lock``.
    """

    def __init__(
        self,
        *,
        brand_spellings: dict[str, str] | None = None,
        brand_keys: dict[str, str] | None = None,
        category_keys: dict[Path, str] | None = None,
    ) -> None:
        self._brand_spellings = brand_spellings or {}
        self._brand_keys = brand_keys or {}
        self._category_keys = category_keys or {}
        self._load_taxonomy()

    def _load_taxonomy(self) -> None:
        self.categories = CategoryTree(self._category_keys)
        self.brands = BrandBook(self._brand_spellings, self._brand_keys)

    def write(self, records: Sequence[ProductRecord]) -> list[Written]:
        """Store these records, all in one transaction, and say for each what became of it.

        Somebody may edit the same rows meanwhile, so a failed batch is tried again. If it still fails it is halved
        until the record that the database refuses is alone.

        Raises:
            OperationalError: the database itself is in trouble; nothing of this batch is stored.
        """
        error: Exception | None = None
        for _ in range(_ATTEMPTS if records else 0):
            try:
                with transaction.atomic():
                    return self._write(records)
            except (IntegrityError, DataError, OperationalError) as caught:
                error = caught
                self._load_taxonomy()  # what was made in the transaction is gone
        if isinstance(error, OperationalError):
            raise error
        if len(records) == 1:
            return [Written(Outcome.REFUSED, str(error).splitlines()[0])]
        half = len(records) // 2
        return [*self.write(records[:half]), *self.write(records[half:])] if records else []

    def _write(self, records: Sequence[ProductRecord]) -> list[Written]:
        existing = {
            product.source_id: product
            for product in Product.objects.select_for_update(no_key=True)
            .filter(source_id__in=[record.source_id for record in records])
            .defer("search_vector")
            .order_by("pk")  # the order of the stock trigger, so that orders and imports cannot deadlock
        }
        variants: dict[UUID, list[Variant]] = {product.pk: [] for product in existing.values()}
        for variant in Variant.objects.filter(product_id__in=variants).order_by("position", "sku"):
            variants[variant.product_id].append(variant)
        brands = self.brands.resolve(record.brand for record in records)
        changes = _Changes(records)
        written = []
        for record in records:
            brand_id = brands.get(record.brand)
            product = existing.get(record.source_id)
            if product is None:
                changes.create(record, brand_id, self.categories.resolve(record.category).pk)
                written.append(Written(Outcome.CREATED))
                continue
            category_id = self.categories.resolve(record.category).pk if record.category else product.category_id
            changed = changes.update(product, variants[product.pk], record, brand_id, category_id)
            written.append(Written(Outcome.UPDATED if changed else Outcome.UNCHANGED))
        changes.store()
        return written


class _Changes:
    """The rows that one batch makes or alters."""

    def __init__(self, records: Sequence[ProductRecord]) -> None:
        self._new_products: list[Product] = []
        self._new_variants: list[Variant] = []
        self._first_units: dict[UUID, int] = {}
        self._products: list[Product] = []
        self._variants: list[Variant] = []
        self._touched: set[UUID] = set()
        wanted_keys = list(chain.from_iterable(_url_keys(record) for record in records))
        wanted_skus = list(chain.from_iterable(variant.skus for record in records for variant in record.variants))
        self._taken_keys = set(Product.objects.filter(url_key__in=wanted_keys).values_list("url_key", flat=True))
        self._taken_skus = set(Variant.objects.filter(sku__in=wanted_skus).values_list("sku", flat=True))

    def create(self, record: ProductRecord, brand_id: UUID | None, category_id: UUID) -> None:
        product = Product(
            source_id=record.source_id,
            product_name=record.name,
            url_key=_first_free(_url_keys(record), self._taken_keys),
            description=record.description,
            price=min(variant.price for variant in record.variants),
            currency=settings.DEFAULT_CURRENCY,
            category_id=category_id,
            brand_id=brand_id,
            image_url=record.image_url,
            kind=record.kind or Product.Kind.PHYSICAL,
            attributes=record.attributes,
        )
        self._new_products.append(product)
        self._touched.add(product.pk)
        for position, variant in enumerate(record.variants):
            self._create_variant(product, variant, position)

    def _create_variant(self, product: Product, record: VariantRecord, position: int) -> Variant:
        variant = Variant(
            product=product,
            sku=_first_free(record.skus, self._taken_skus),
            mpn=record.mpn,
            options=record.options,
            price=record.price,
            compare_at_price=record.compare_at_price,
            weight_grams=record.weight_grams,
            barcode=record.barcode,
            position=position,
        )
        self._new_variants.append(variant)
        self._touched.add(product.pk)
        if record.stock:
            self._first_units[variant.pk] = record.stock
        return variant

    def update(
        self,
        product: Product,
        variants: list[Variant],
        record: ProductRecord,
        brand_id: UUID | None,
        category_id: UUID,
    ) -> bool:
        """Bring a product and its variants up to date; return whether anything changed."""
        variants = list(variants)
        unmatched = list(variants)
        for variant_record in record.variants:
            variant = _match(variant_record, unmatched, only=len(record.variants) == 1)
            if variant is None:
                variants.append(self._create_variant(product, variant_record, len(variants)))
                continue
            unmatched.remove(variant)
            if _assign(variant, _variant_values(variant, variant_record)):
                self._variants.append(variant)
                self._touched.add(product.pk)
        prices = [variant.price for variant in variants if variant.is_active]
        values: dict[str, Any] = {
            "product_name": record.name,
            "description": record.description or product.description,
            "price": min(prices, default=product.price),
            "currency": settings.DEFAULT_CURRENCY,
            "category_id": category_id,
            "brand_id": brand_id or product.brand_id,
            "image_url": record.image_url or product.image_url,
            "kind": record.kind or product.kind,
            "attributes": product.attributes | record.attributes,
        }
        if _assign(product, values):
            self._products.append(product)
            self._touched.add(product.pk)
        return product.pk in self._touched

    def store(self) -> None:
        Product.objects.bulk_create(self._new_products)
        _update_rows(Product, _PRODUCT_FIELDS, self._products)
        Variant.objects.bulk_create(self._new_variants)
        _update_rows(Variant, _VARIANT_FIELDS, self._variants)
        stock.open_stock(self._new_variants)
        stock.adjust_stock(self._first_units, kind=StockMovement.Kind.RECEIVE, reason="first stock")
        index_products(self._touched)


def _url_keys(record: ProductRecord) -> tuple[str, ...]:
    """Return the url_keys to try: the plain one, then one that a different product with this name cannot have."""
    plain = record.url_key or slugify(record.name)[:_URL_KEY_LENGTH].strip("-")
    tail = f"-{fingerprint(record.source_id)}"
    marked = (plain or "product")[: _URL_KEY_LENGTH - len(tail)] + tail
    return (plain, marked) if plain else (marked,)


def _first_free(candidates: Iterable[str], taken: set[str]) -> str:
    chosen = next((text for text in candidates if text not in taken), new_id().hex)
    taken.add(chosen)
    return chosen


def _match(record: VariantRecord, variants: list[Variant], *, only: bool) -> Variant | None:
    """Return the variant that a record means: by SKU, by options, or, if the file knows just one, the first."""
    return next(
        chain(
            (variant for variant in variants if variant.sku in record.skus),
            (variant for variant in variants if variant.options == record.options),
            variants if only else (),
        ),
        None,
    )


def _variant_values(variant: Variant, record: VariantRecord) -> dict[str, Any]:
    compare_at_price = record.compare_at_price or variant.compare_at_price
    return {
        "mpn": record.mpn or variant.mpn,
        "options": record.options or variant.options,
        "price": record.price,
        # An old "was" price must not stand beside a higher new one.
        "compare_at_price": compare_at_price if compare_at_price and compare_at_price > record.price else None,
        "weight_grams": record.weight_grams or variant.weight_grams,
        "barcode": record.barcode or variant.barcode,
    }


def _assign(row: Product | Variant, values: dict[str, Any]) -> bool:
    """Set these fields; return whether any of them was different."""
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)


def _update_rows(model: type[Product | Variant], fields: dict[str, str], rows: Sequence[Product | Variant]) -> None:
    """Write these fields of many rows with one statement."""
    if not rows:
        return
    table = model._meta.db_table
    assignments = ", ".join(f"{name} = new.{name}" for name in fields)
    statement = (
        f"UPDATE {table} AS old SET {assignments}, updated_at = statement_timestamp() "  # noqa: S608 - our own names
        f"FROM (VALUES %s) AS new (id, {', '.join(fields)}) WHERE old.id = new.id"
    )
    template = f"(%s::uuid, {', '.join(f'%s::{kind}' for kind in fields.values())})"
    values = [(str(row.pk), *(_sql_value(getattr(row, name)) for name in fields)) for row in rows]
    with connection.cursor() as cursor, connection.wrap_database_errors:
        execute_values(cursor.cursor, statement, values, template=template, page_size=BATCH)


def _sql_value(value: Any) -> Any:
    if isinstance(value, dict):
        return Json(value)
    return value if value is None or isinstance(value, int | Decimal) else str(value)
