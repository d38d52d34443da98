"""The rows that one batch of an import makes or alters, and the journal of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.text import slugify
from psycopg2.extras import Json

from accounts.models import User
from catalog import stock
from catalog.editing.url_keys import is_free_of_the_shop
from catalog.importing.records import Entry, ProductRecord, VariantRecord, fingerprint
from catalog.inventory.availability import Selling
from catalog.models import Category, Product, Stock, StockMovement, Variant
from catalog.searching.indexing import index_products
from catalog.tax_kinds import TaxKind
from ecommerce.models import new_id

BATCH = 1000

PRODUCT_FIELDS = {
    "product_name": "text",
    "description": "text",
    "price": "numeric",
    "currency": "text",
    "category_id": "uuid",
    "brand_id": "uuid",
    "image_url": "text",
    "kind": "text",
    "attributes": "jsonb",
    "tags": "varchar[]",
    "tax_kind": "text",
    "item_class_code": "text",
    "is_active": "boolean",
    "deleted_at": "timestamptz",
}
VARIANT_FIELDS = {
    "mpn": "text",
    "options": "jsonb",
    "price": "numeric",
    "compare_at_price": "numeric",
    "weight_grams": "integer",
    "barcode": "text",
    "image_url": "text",
    "is_active": "boolean",
}

_URL_KEY_LENGTH: int = Product._meta.get_field("url_key").max_length or 0


class Changes:
    """Collects what a batch does, and stores it with a statement for each kind of row.

    ``levels`` are the locked stock rows of the variants that exist, where their stock may be changed; ``reason`` is
    what the stock ledger says. ``tags`` are the url_keys that the records' names mean. ``journal`` tells, by
    the record's number, what was done to which row.
    """

    def __init__(
        self,
        records: Sequence[ProductRecord],
        *,
        levels: dict[UUID, Stock] | None = None,
        tags: Mapping[str, str] | None = None,
        reason: str = "first stock",
        actor: User | None = None,
    ) -> None:
        self.journal: defaultdict[int, list[Entry]] = defaultdict(list)
        self._levels, self._tags, self._reason, self._actor = levels or {}, tags or {}, reason, actor
        self._new_products: list[Product] = []
        self._new_variants: list[Variant] = []
        self._first_units: dict[UUID, int] = {}
        self._counted: dict[UUID, int] = {}  # units to add
        self._selling: dict[UUID, Selling] = {}
        self._products: list[Product] = []
        self._variants: list[Variant] = []
        self._touched: set[UUID] = set()
        wanted_keys = list(chain.from_iterable(_url_keys(record) for record in records))
        wanted_skus = list(chain.from_iterable(variant.skus for record in records for variant in record.variants))
        self._taken_keys = set(Product.objects.filter(url_key__in=wanted_keys).values_list("url_key", flat=True))
        self._taken_skus = set(Variant.objects.filter(sku__in=wanted_skus).values_list("sku", flat=True))

    def create(
        self,
        number: int,
        record: ProductRecord,
        brand_id: UUID | None,
        category: Category,
        attributes: dict[str, Any],
    ) -> None:
        is_gift_card = record.kind == Product.Kind.GIFT_CARD
        product = Product(
            source_id=record.source_id if record.has_source else None,
            product_name=record.name,
            url_key=_first_free(_url_keys(record), self._taken_keys),
            description=record.description,
            price=_lowest(record.variants),
            currency=settings.DEFAULT_CURRENCY,
            category=category,
            brand_id=brand_id,
            image_url=record.image_url,
            kind=record.kind or Product.Kind.PHYSICAL,
            is_active=record.is_active is not False,
            attributes=attributes,
            tags=self._tag_keys(record),
            tax_kind=TaxKind.OUTSIDE if is_gift_card else record.tax_kind or TaxKind.STANDARD,
            item_class_code=record.item_class_code,
        )
        self._new_products.append(product)
        self._touched.add(product.pk)
        self.journal[number].append(Entry("created", product.pk))
        for position, variant in enumerate(record.variants):
            self._create_variant(product, variant, position)

    def _create_variant(self, product: Product, record: VariantRecord, position: int) -> Variant:
        variant = Variant(
            product=product,
            sku=_first_free(record.skus, self._taken_skus),
            mpn=record.mpn,
            options=record.options,
            price=product.price if record.price is None else record.price,
            compare_at_price=record.compare_at_price,
            weight_grams=record.weight_grams,
            barcode=record.barcode,
            image_url=record.image_url,
            is_active=record.is_active is not False,
            position=position,
        )
        self._new_variants.append(variant)
        self._touched.add(product.pk)
        if record.stock:
            self._first_units[variant.pk] = record.stock
        if record.selling and record.selling.limit:
            self._selling[variant.pk] = record.selling
        return variant

    def update(
        self,
        number: int,
        product: Product,
        variants: list[Variant],
        record: ProductRecord,
        *,
        brand_id: UUID | None,
        category: Category,
        attributes: dict[str, Any],
        restore: bool = False,
    ) -> bool:
        """Bring a product and its variants up to date; return whether anything changed."""
        journal = self.journal[number]
        variants = list(variants)
        unmatched = list(variants)
        for variant_record in record.variants:
            only = len(record.variants) == 1 and not variant_record.has_sku
            variant = match_variant(variant_record, unmatched, only=only)
            if variant is None:
                variants.append(self._create_variant(product, variant_record, len(variants)))
                journal.append(Entry("created", product.pk, variants[-1].pk))
                continue
            unmatched.remove(variant)
            before = assign(variant, _variant_values(variant, variant_record))
            if before:
                self._variants.append(variant)
                self._touched.add(product.pk)
                journal.append(Entry("changed", product.pk, variant.pk, *_told(variant, before)))
            self._count(journal, variant, variant_record)
            self._sell(journal, variant, variant_record)
        prices = [variant.price for variant in variants if variant.is_active]
        values: dict[str, Any] = {
            "product_name": record.name or product.product_name,
            "description": record.description or product.description,
            "price": min(prices, default=product.price),
            "currency": settings.DEFAULT_CURRENCY,
            "category_id": category.pk,
            "brand_id": brand_id or product.brand_id,
            "image_url": record.image_url or product.image_url,
            "kind": record.kind or product.kind,
            "attributes": attributes,
            "tags": self._tag_keys(record) or product.tags,
            "tax_kind": record.tax_kind or product.tax_kind,
            "item_class_code": record.item_class_code or product.item_class_code,
            "is_active": product.is_active if record.is_active is None else record.is_active,
        }
        before = assign(product, values)
        if before:
            self._products.append(product)
            self._touched.add(product.pk)
            journal.insert(0, Entry("changed", product.pk, None, *_told(product, before)))
        if restore:
            product.deleted_at = None
            self._products.append(product)
            self._touched.add(product.pk)
            journal.insert(0, Entry("restored", product.pk))
        return bool(journal)

    def _tag_keys(self, record: ProductRecord) -> list[str]:
        return sorted({self._tags[name] for name in record.tags if name in self._tags})

    def _count(self, journal: list[Entry], variant: Variant, record: VariantRecord) -> None:
        level = self._levels.get(variant.pk)
        if level is None or record.counted is None or record.counted == level.units_here:
            return
        self._counted[variant.pk] = record.counted - level.units_here
        journal.append(
            Entry("stock", variant.product_id, variant.pk, {"stock": level.units_here}, {"stock": record.counted})
        )

    def _sell(self, journal: list[Entry], variant: Variant, record: VariantRecord) -> None:
        level = self._levels.get(variant.pk)
        if level is None or record.selling is None:
            return
        wanted = record.selling.columns()
        before = {name: getattr(level, name) for name in wanted}
        if before == wanted:
            return
        self._selling[variant.pk] = record.selling
        told = ({name: as_json(value) for name, value in values.items()} for values in (before, wanted))
        journal.append(Entry("selling", variant.product_id, variant.pk, *told))

    def store(self) -> None:
        Product.objects.bulk_create(self._new_products)
        update_rows(Product, PRODUCT_FIELDS, self._products)
        Variant.objects.bulk_create(self._new_variants)
        update_rows(Variant, VARIANT_FIELDS, self._variants)
        stock.open_stock(self._new_variants)
        receive, count = StockMovement.Kind.RECEIVE, StockMovement.Kind.COUNT
        stock.adjust_stock(self._first_units, kind=receive, reason=self._reason, actor=self._actor)
        stock.adjust_stock(self._counted, kind=count, reason=self._reason, actor=self._actor)
        stock.set_selling(self._selling)
        index_products(self._touched)


def assign(row: Product | Variant, values: dict[str, Any]) -> dict[str, Any]:
    """Set these fields; return what those that were different had before."""
    before = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    for name in before:
        setattr(row, name, values[name])
    return before


def update_rows(model: type[Product | Variant], fields: dict[str, str], rows: Sequence[Product | Variant]) -> None:
    """Write these fields of many rows with one statement."""
    if not rows:
        return
    table = model._meta.db_table
    assignments = ", ".join(f"{name} = new.{name}" for name in fields)
    template = f"(%s::uuid, {', '.join(f'%s::{kind}' for kind in fields.values())})"
    statement = (
        f"UPDATE {table} AS old SET {assignments}, updated_at = statement_timestamp() "  # noqa: S608 - our own names
        f"FROM (VALUES {', '.join([template] * len(rows))}) AS new (id, {', '.join(fields)}) WHERE old.id = new.id"
    )
    values = [(str(row.pk), *(_sql_value(getattr(row, name)) for name in fields)) for row in rows]
    with connection.cursor() as cursor:  # Django's own: it tells the history who acts
        cursor.execute(statement, list(chain.from_iterable(values)))


def as_json(value: Any) -> Any:
    """Return a column's value as the journal keeps it."""
    return str(value) if isinstance(value, Decimal | UUID | date) else value


def _told(row: Product | Variant, before: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {name: as_json(value) for name, value in before.items()},
        {name: as_json(getattr(row, name)) for name in before},
    )


def _lowest(variants: Sequence[VariantRecord]) -> Decimal:
    """Return the lowest price of the variants that are sold, or of all when none is."""
    sold = [variant.price for variant in variants if variant.price is not None and variant.is_active is not False]
    return min(sold or [variant.price for variant in variants if variant.price is not None])


def _url_keys(record: ProductRecord) -> tuple[str, ...]:
    """Return the url_keys to try: the plain one, then one that a different product with this name cannot have."""
    plain = record.url_key or slugify(record.name)[:_URL_KEY_LENGTH].strip("-")
    tail = f"-{fingerprint(record.source_id)}"
    marked = (plain or "product")[: _URL_KEY_LENGTH - len(tail)] + tail
    return (plain, marked) if plain and is_free_of_the_shop(plain) else (marked,)


def _first_free(candidates: Iterable[str], taken: set[str]) -> str:
    chosen = next((text for text in candidates if text not in taken), new_id().hex)
    taken.add(chosen)
    return chosen


def match_variant(record: VariantRecord, variants: list[Variant], *, only: bool) -> Variant | None:
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
    price = variant.price if record.price is None else record.price
    compare_at_price = record.compare_at_price or variant.compare_at_price
    return {
        "mpn": record.mpn or variant.mpn,
        "options": record.options or variant.options,
        "price": price,
        # An old "was" price must not stand beside a higher new one.
        "compare_at_price": compare_at_price if compare_at_price and compare_at_price > price else None,
        "weight_grams": record.weight_grams or variant.weight_grams,
        "barcode": record.barcode or variant.barcode,
        "image_url": record.image_url or variant.image_url,
        "is_active": variant.is_active if record.is_active is None else record.is_active,
    }


def _sql_value(value: Any) -> Any:
    if isinstance(value, dict):
        return Json(value)
    return value if value is None or isinstance(value, int | Decimal | list) else str(value)
