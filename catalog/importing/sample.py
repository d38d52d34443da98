"""The sample shop: a small Kenyan electronics shop to look around in."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from catalog.importing import taxonomy
from catalog.importing.changes import BATCH
from catalog.importing.cleaning import fold
from catalog.importing.records import ProductRecord, VariantRecord, fingerprint
from catalog.importing.writing import CatalogueWriter, Outcome, import_lock
from catalog.searching.indexing import refresh_vocabulary

SAMPLES = Path(__file__).resolve().parent.parent / "sample"
SAMPLE_SHOP = SAMPLES / "sample_shop.json"
SAMPLE_RATES = SAMPLES / "rates.csv"
SAMPLE_SYNONYMS = SAMPLES / "synonyms.csv"
# What the apps above this one add to the sample shop; each says what it has done.
more: list[Callable[[], str]] = []


class SampleRefused(Exception):
    """The database takes part of the sample only, so none of it is stored."""


@dataclass(frozen=True)
class SampleLoaded:
    categories: int
    brands: int
    variants: int
    created: int
    updated: int  # with the unchanged ones
    unchanged: int


def load_sample_shop(path: Path = SAMPLE_SHOP) -> SampleLoaded:
    """Store the sample shop, all or nothing; a repeat only restores what the file says.

    Raises:
        ImportRunning: another import is at work; nothing is stored.
        SampleRefused: a product clashes with one that staff have changed; nothing is stored.
    """
    shop = json.loads(path.read_text(encoding="utf-8"))
    paths = _category_paths(shop["categories"])
    brand_names = {brand["url_key"]: brand["name"] for brand in shop["brands"]}
    records = [_product(row, paths, brand_names) for row in shop["products"]]
    with import_lock(), transaction.atomic():
        writer = CatalogueWriter(
            brand_spellings={fold(name): name for name in brand_names.values()},
            brand_keys={fold(name): url_key for url_key, name in brand_names.items()},
            category_keys={path: url_key for url_key, path in paths.items()},
        )
        for category_path in paths.values():
            writer.categories.resolve(category_path)
        writer.brands.resolve(brand_names.values())
        outcomes = []
        for start in range(0, len(records), BATCH):
            outcomes += [written.outcome for written in writer.write(records[start : start + BATCH])]
        if Outcome.REFUSED in outcomes:
            raise SampleRefused("The sample shop clashes with what staff have changed; nothing was loaded.")
        refresh_vocabulary()
    return SampleLoaded(
        categories=len(paths),
        brands=len(brand_names),
        variants=sum(len(record.variants) for record in records),
        created=outcomes.count(Outcome.CREATED),
        updated=outcomes.count(Outcome.UPDATED) + outcomes.count(Outcome.UNCHANGED),
        unchanged=outcomes.count(Outcome.UNCHANGED),
    )


def _category_paths(rows: list[dict[str, Any]]) -> dict[str, taxonomy.Path]:
    """Return the path of names of each category, by url_key; parents stand before their children."""
    paths: dict[str, taxonomy.Path] = {}
    for row in rows:
        above = paths[row["parent"]] if row["parent"] else ()
        paths[row["url_key"]] = (*above, row["category_name"])
    return paths


def _product(row: dict[str, Any], paths: dict[str, taxonomy.Path], brand_names: dict[str, str]) -> ProductRecord:
    source_id = f"sample:{row['url_key']}"
    return ProductRecord(
        source_id=source_id,
        name=row["product_name"],
        url_key=row["url_key"],
        category=paths[row["category"]],
        brand=brand_names[row["brand"]] if row["brand"] else "",
        description=row["description"],
        kind=row["kind"],
        attributes=row["attributes"],
        variants=tuple(_variant(variant, source_id) for variant in row["variants"]),
    )


def _variant(row: dict[str, Any], source_id: str) -> VariantRecord:
    return VariantRecord(
        skus=(row["sku"], f"{row['sku'][:55]}-{fingerprint(source_id)}"),
        options=row["options"],
        mpn=row["mpn"] or "",
        price=Decimal(row["price"]),
        compare_at_price=Decimal(row["compare_at_price"]) if row["compare_at_price"] else None,
        weight_grams=row["weight_grams"],
        barcode=row["barcode"] or "",
        stock=row["stock"],
    )
