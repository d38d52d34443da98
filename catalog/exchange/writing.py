"""Storing an import's records: like a feed's, but the product is found by SKU, source id or handle."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from accounts.models import User
from catalog.attributes.cleaning import AttributeBook
from catalog.exchange.building import MADE, without_product
from catalog.exchange.models import ImportChange
from catalog.importing.changes import match_variant
from catalog.importing.records import ProductRecord, Reason
from catalog.importing.taxonomy import BrandBook, CategoryTree
from catalog.importing.writing import CatalogueWriter, Outcome, Written
from catalog.models import Category, Product, Variant


class ExchangeWriter(CatalogueWriter):
    """Finds the product of a record, makes sure that what is new is whole, and lets undone products come back.

    SKUs of the file's own come first, then the source id, then the handle. A record that has nothing but a SKU says
    only something of that variant, if its product has others.
    """

    def __init__(self, *, reason: str, actor: User | None) -> None:
        self._ambiguous: set[str] = set()
        super().__init__(reason=reason, actor=actor)

    def load_taxonomy(self) -> None:
        self.categories = CategoryTree(by_names=True)
        self.brands = BrandBook({})

    def _to_count(self, records: Sequence[ProductRecord]) -> list[UUID]:
        if not any(variant.counted is not None or variant.resells for record in records for variant in record.variants):
            return []
        products = set(self._find(records).values())
        return list(Variant.objects.filter(product_id__in=products).values_list("pk", flat=True))

    def _lock_existing(self, records: Sequence[ProductRecord]) -> dict[str, Product]:
        found = self._find(records)
        rows = (
            Product.objects.select_for_update(no_key=True)
            .filter(pk__in=set(found.values()))
            .defer("search_vector")
            .order_by("pk")
        )
        products = {product.pk: product for product in rows}
        self._undone = self._undone_products(product.pk for product in rows if product.deleted_at)
        return {key: products[pk] for key, pk in found.items() if pk in products}

    def _find(self, records: Sequence[ProductRecord]) -> dict[str, UUID]:
        """Return the products that these records mean, by the records' keys."""
        skus = [sku for record in records for sku in record.own_skus]
        by_sku = dict(Variant.objects.filter(sku__in=skus).values_list("sku", "product_id"))
        sources = [record.source_id for record in records if record.has_source]
        by_source = dict(Product.objects.filter(source_id__in=sources).values_list("source_id", "pk"))
        handles = [record.url_key for record in records if record.url_key]
        by_handle = dict(Product.objects.filter(url_key__in=handles).values_list("url_key", "pk"))
        found: dict[str, UUID] = {}
        self._ambiguous = set()
        for record in records:
            owners = {by_sku[sku] for sku in record.own_skus if sku in by_sku}
            if record.has_source and record.source_id in by_source:
                owners.add(by_source[record.source_id])
            if not owners and record.url_key in by_handle:
                owners.add(by_handle[record.url_key])
            if len(owners) > 1:
                self._ambiguous.add(record.source_id)
            elif owners:
                found[record.source_id] = owners.pop()
        return found

    def _undone_products(self, removed: Iterable[UUID]) -> set[UUID]:
        """Return those of the removed products that an undone import had made: nobody else has removed them."""
        created = ImportChange.objects.filter(
            product_id__in=list(removed), action=ImportChange.Action.CREATED, undone=True, variant_id__isnull=True
        )
        return set(created.values_list("product_id", flat=True))

    def _restores(self, product: Product) -> bool:
        return product.deleted_at is not None

    def _attributes(
        self, record: ProductRecord, product: Product | None, category: Category, book: AttributeBook
    ) -> dict[str, Any]:
        had = product.attributes if product else {}
        moved = product is None or product.category_id != category.pk
        return book.clean(category.path, record.attributes, had=had, moved=moved, free=MADE)

    def _as_meant(
        self, record: ProductRecord, product: Product | None, variants: list[Variant]
    ) -> ProductRecord | Written:
        if record.source_id in self._ambiguous:
            return _refusal("several_products", "Its SKUs and its id belong to different products of the shop.")
        if product is None:
            if not record.name:
                return _refusal(Reason.NO_NAME, "A new product needs a name.")
            if any(variant.price is None for variant in record.variants):
                return _refusal(Reason.NO_PRICE, "A new product needs a price for each variant.")
            return record
        if product.deleted_at is not None and product.pk not in self._undone:
            return _refusal("product_removed", "The product was removed from the shop; restore it first.")
        unmatched = list(variants)
        for variant_record in record.variants:
            only = len(record.variants) == 1 and not variant_record.has_sku
            variant = match_variant(variant_record, unmatched, only=only)
            if variant is None and variant_record.price is None:
                return _refusal(Reason.NO_PRICE, "A new variant needs a price.")
            if variant is not None:
                unmatched.remove(variant)
        names_the_product = record.has_source or bool(record.url_key)
        return record if names_the_product or len(variants) < 2 else without_product(record)


def _refusal(code: str, detail: str) -> Written:
    return Written(Outcome.REFUSED, detail, str(code))
