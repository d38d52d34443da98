"""Storing records in batches: each is one transaction, and a second run of the same file changes nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import DataError, IntegrityError, OperationalError, connection, transaction

from accounts.history.context import acting
from accounts.models import User
from catalog import stock
from catalog.attributes.cleaning import AttributeBook
from catalog.attributes.exceptions import AttributesRefused
from catalog.importing.changes import Changes
from catalog.importing.records import Entry, ProductRecord, Reason
from catalog.importing.taxonomy import BrandBook, CategoryTree, Path
from catalog.models import Category, Product, Variant
from catalog.tagging.services import meant_by
from ecommerce.exceptions import ErrorRow

_ATTEMPTS = 3
_IMPORT_LOCK = 0x696D7074  # a session-long advisory lock: one import at a time


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
    detail: str = ""  # why it was refused
    code: str = ""
    entries: tuple[Entry, ...] = ()
    rows: tuple[ErrorRow, ...] = ()  # what was wrong, where it is more than one thing


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
        reason: str = "first stock",
        actor: User | None = None,
    ) -> None:
        self._reason, self._actor = reason, actor
        self._brand_spellings = brand_spellings or {}
        self._brand_keys = brand_keys or {}
        self._category_keys = category_keys or {}
        self.load_taxonomy()

    def load_taxonomy(self) -> None:
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
                with acting(via="import", actor=self._actor), transaction.atomic():
                    return self._write(records)
            except (IntegrityError, DataError, OperationalError) as caught:
                error = caught
                self.load_taxonomy()  # what was made in the transaction is gone
        if isinstance(error, OperationalError):
            raise error
        if len(records) == 1:
            return [Written(Outcome.REFUSED, str(error).splitlines()[0], Reason.REFUSED_BY_DATABASE)]
        half = len(records) // 2
        return [*self.write(records[:half]), *self.write(records[half:])] if records else []

    def _write(self, records: Sequence[ProductRecord]) -> list[Written]:
        # Before products, as whoever renames a tag does.
        tags = meant_by(list(dict.fromkeys(name for record in records for name in record.tags)), create=True)
        book = AttributeBook(name for record in records for name in record.attributes)
        levels = stock.lock_stock(self._to_count(records))  # before products, as orders do
        existing = self._lock_existing(records)
        variants: dict[UUID, list[Variant]] = {product.pk: [] for product in existing.values()}
        for variant in Variant.objects.filter(product_id__in=variants).order_by("position", "sku"):
            variants[variant.product_id].append(variant)
        brands = self.brands.resolve(record.brand for record in records)
        changes = Changes(records, levels=levels, tags=tags, reason=self._reason, actor=self._actor)
        outcomes: list[Outcome | Written] = []
        for number, given in enumerate(records):
            product = existing.get(given.source_id)
            record = self._as_meant(given, product, variants[product.pk] if product else [])
            if isinstance(record, Written):
                outcomes.append(record)
                continue
            brand_id = brands.get(record.brand)
            if product is None or record.category:
                category = self.categories.resolve(record.category)
            else:
                category = self.categories.known(product.category_id)
            try:
                attributes = self._attributes(record, product, category, book)
            except AttributesRefused as refusal:
                first = refusal.rows[0]
                outcomes.append(Written(Outcome.REFUSED, first.detail, first.code, rows=tuple(refusal.rows)))
                continue
            if product is None:
                changes.create(number, record, brand_id, category, attributes)
                outcomes.append(Outcome.CREATED)
                continue
            changed = changes.update(
                number,
                product,
                variants[product.pk],
                record,
                brand_id=brand_id,
                category=category,
                attributes=attributes,
                restore=self._restores(product),
            )
            outcomes.append(Outcome.UPDATED if changed else Outcome.UNCHANGED)
        changes.store()
        return [
            outcome if isinstance(outcome, Written) else Written(outcome, entries=tuple(changes.journal[number]))
            for number, outcome in enumerate(outcomes)
        ]

    def _attributes(
        self, record: ProductRecord, product: Product | None, category: Category, book: AttributeBook
    ) -> dict[str, Any]:
        """Return what the product shall say of itself. A value that does not fit stays as it is.

        Raises:
            AttributesRefused: it cannot say what the record does.
        """
        return (product.attributes if product else {}) | book.conform(record.attributes)

    def _as_meant(
        self, record: ProductRecord, product: Product | None, variants: list[Variant]
    ) -> ProductRecord | Written:
        """Return what shall be stored of a record, now that its product in the shop is known, or a refusal."""
        return record

    def _restores(self, product: Product) -> bool:
        """Tell whether this product, which the record names, comes back into the shop."""
        return False

    def _to_count(self, records: Sequence[ProductRecord]) -> list[UUID]:
        """Return the variants whose stock these records may change."""
        return []

    def _lock_existing(self, records: Sequence[ProductRecord]) -> dict[str, Product]:
        """Lock and return the products that the shop has of these records, by the records' ``source_id``."""
        return {
            product.source_id or "": product
            for product in Product.objects.select_for_update(no_key=True)
            .filter(source_id__in=[record.source_id for record in records])
            .defer("search_vector")
            .order_by("pk")  # the order of the stock trigger, so that orders and imports cannot deadlock
        }
