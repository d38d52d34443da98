"""Giving the catalogue out: row by row, a page of products in memory, in forms that an import takes back."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from django.utils.text import slugify

from catalog.exchange.formats import csv_file, ndjson_file, xlsx_file
from catalog.exchange.rows import join_path
from catalog.inventory.availability import AvailabilityPolicy
from catalog.models import Category, Product, ProductQuerySet, Stock, Variant
from catalog.tagging.models import Tag
from catalog.tax_kinds import TaxKind

FORMATS = {
    "csv": ("text/csv", "csv"),
    "ndjson": ("application/x-ndjson", "ndjson"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "shopify": ("text/csv", "csv"),
}
PAGE = 500  # products

_PRODUCT = (
    *("url_key", "source_id", "product_name", "description", "brand", "category", "kind", "is_active", "image_url"),
    *("attributes", "tags", "tax_kind", "item_class_code"),
)
_SELLING = ("availability_policy", "backorder_limit", "available_from")
_VARIANT = (
    *("sku", "options", "price", "compare_at_price", "currency", "stock", "mpn", "barcode", "weight_grams"),
    *("variant_image_url", "variant_is_active", *_SELLING),
)
COLUMNS = (*_PRODUCT, *_VARIANT)
_NUMBERS = ("price", "compare_at_price", "stock", "weight_grams", "backorder_limit")

# Shopify's template as most programs know it. Source: help.shopify.com, Using CSV files to import and export products
SHOPIFY_COLUMNS = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published"),
    *("Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value", "Option3 Name", "Option3 Value"),
    *("Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty"),
    *("Variant Inventory Policy", "Variant Fulfillment Service", "Variant Price", "Variant Compare At Price"),
    *("Variant Requires Shipping", "Variant Taxable", "Variant Barcode", "Image Src", "Image Position"),
    *("Image Alt Text", "Gift Card", "Google Shopping / MPN", "Variant Image", "Variant Weight Unit", "Status"),
    # What Shopify has no column for: metafields, which it leaves alone where it does not know them.
    *("Tax kind (product.metafields.shop.tax_kind)", "Item class code (product.metafields.shop.item_class_code)"),
)
_SHOPIFY_OPTIONS = 3

Rows = list[list[str]]


@dataclass(frozen=True)
class _Names:
    """What categories, with all above them, and tags are called."""

    categories: dict[UUID, list[str]]
    tags: dict[str, str]


def export(products: ProductQuerySet, form: str) -> Iterator[bytes]:
    """Yield a file of these products in one of ``FORMATS``, sorted by url_key; amounts are in their currency."""
    pages = _pages(products)
    names = _Names(category_names(), tag_names())
    if form == "ndjson":
        return ndjson_file([_as_json(product, names) for product in page] for page in pages)
    if form == "shopify":
        return csv_file(SHOPIFY_COLUMNS, ([row for p in page for row in _as_shopify(p, names)] for page in pages))
    rows = ([row for product in page for row in _as_rows(product, names)] for page in pages)
    return csv_file(COLUMNS, rows) if form == "csv" else xlsx_file(COLUMNS, rows, numbers=_NUMBERS)


def _pages(products: ProductQuerySet) -> Iterator[list[Product]]:
    """Yield the products by their keys, not by a cursor: no transaction stays open while a slow client reads."""
    variants = Variant.objects.select_related("stock_level").order_by("position", "sku")
    rows = (
        products.select_related("brand")
        .defer("search_vector")
        .prefetch_related(Prefetch("variants", queryset=variants))
        .order_by("url_key")
    )
    page = list(rows[:PAGE])
    while page:
        yield page
        page = list(rows.filter(url_key__gt=page[-1].url_key)[:PAGE]) if len(page) == PAGE else []


def category_names() -> dict[UUID, list[str]]:
    """Return the names of each category and of all above it, root first."""
    known = {category.pk: category for category in Category.objects.all()}
    names = {category.pk.hex: category.category_name for category in known.values()}
    return {pk: [names[label] for label in category.path.split(".")] for pk, category in known.items()}


def tag_names() -> dict[str, str]:
    """Return the names of tags by url_key, where the name, among others with commas between, leads back to the tag."""
    tags = Tag.objects.values_list("url_key", "name")
    return {key: name for key, name in tags if slugify(name) == key and "," not in name}


# --- Our own forms --------------------------------------------------------------------------------------------


def _product_values(product: Product, names: _Names) -> dict[str, Any]:
    return {
        "url_key": product.url_key,
        "source_id": product.source_id or "",
        "product_name": product.product_name,
        "description": product.description,
        "brand": product.brand.name if product.brand else "",
        "category": names.categories.get(product.category_id, []),
        "kind": product.kind,
        "is_active": product.is_active,
        "image_url": product.image_url,
        "attributes": product.attributes,
        "tags": [names.tags.get(key, key) for key in product.tags],
        "tax_kind": product.tax_kind,
        "item_class_code": product.item_class_code,
    }


def _variant_values(variant: Variant, currency: str) -> dict[str, Any]:
    level = getattr(variant, "stock_level", None)
    return {
        "sku": variant.sku,
        "options": variant.options,
        "price": variant.price,
        "compare_at_price": variant.compare_at_price,
        "currency": currency,
        "stock": level.units_here if level else 0,
        "mpn": variant.mpn,
        "barcode": variant.barcode,
        "weight_grams": variant.weight_grams,
        "variant_image_url": variant.image_url,
        "variant_is_active": variant.is_active,
        **_selling(level),
    }


def _selling(level: Stock | None) -> dict[str, Any]:
    """Return how a variant is sold beyond what is here, by the columns of a file."""
    if level is None:
        return dict(zip(_SELLING, (AvailabilityPolicy.DENY.value, 0, ""), strict=True))
    day = level.available_from
    return dict(zip(_SELLING, (level.availability_policy, level.backorder_limit, str(day or "")), strict=True))


def _as_rows(product: Product, names: _Names) -> Rows:
    """Return a row for each variant; what is said of the product stands in the first, its keys in each."""
    values = {name: _text(value) for name, value in _product_values(product, names).items()}
    values["category"] = join_path(names.categories.get(product.category_id, []))
    values["tags"] = _shown_tags(product, names)
    again = {name: values[name] if name in ("url_key", "source_id") else "" for name in values}
    return [
        [*(again if place else values).values(), *map(_text, _variant_values(variant, product.currency).values())]
        for place, variant in enumerate(product.variants.all())
    ]


def _as_json(product: Product, names: _Names) -> dict[str, Any]:
    variants = []
    for variant in product.variants.all():
        values = _variant_values(variant, product.currency)
        values |= {"image_url": values.pop("variant_image_url"), "is_active": values.pop("variant_is_active")}
        variants.append({name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()})
    return _product_values(product, names) | {"variants": variants}


def _text(value: Any) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _shown_tags(product: Product, names: _Names) -> str:
    return ", ".join(names.tags.get(key, key) for key in product.tags)


# --- Shopify's form -------------------------------------------------------------------------------------------


def _as_shopify(product: Product, names: _Names) -> Rows:
    """Return the rows of a product: one for each variant, and one for each further picture."""
    every = list(product.variants.all())
    variants = [variant for variant in every if variant.is_active] or every
    options = list(dict.fromkeys(name for variant in variants for name in variant.options))[:_SHOPIFY_OPTIONS]
    images = _images(product)
    rows: list[dict[str, str]] = []
    for place in range(max(len(variants), len(images))):
        row = {"Handle": product.url_key}
        if place == 0:
            row |= _shopify_product(product, names)
        if place < len(variants):
            row |= _shopify_variant(product, variants[place], options, first=place == 0)
        if place < len(images):
            row |= {"Image Src": images[place], "Image Position": str(place + 1)}
        rows.append(row)
    return [[row.get(column, "") for column in SHOPIFY_COLUMNS] for row in rows]


def _images(product: Product) -> list[str]:
    listed = product.attributes.get("images") if isinstance(product.attributes, dict) else None
    more = [address for address in listed if isinstance(address, str)] if isinstance(listed, list) else []
    first = [product.shown_image_url] if product.shown_image_url else []
    return list(dict.fromkeys([*first, *more]))


def _shopify_product(product: Product, names: _Names) -> dict[str, str]:
    return {
        "Title": product.product_name,
        "Body (HTML)": escape(product.description, quote=False).replace("\n", "<br>"),
        "Vendor": product.brand.name if product.brand else "",
        "Product Category": join_path(names.categories.get(product.category_id, [])),
        "Tags": _shown_tags(product, names),
        "Published": "TRUE" if product.is_active else "FALSE",
        "Gift Card": "FALSE",
        "Status": "active" if product.is_active else "draft",
        SHOPIFY_COLUMNS[-2]: product.tax_kind,
        SHOPIFY_COLUMNS[-1]: product.item_class_code,
    }


def _shopify_variant(product: Product, variant: Variant, options: Sequence[str], *, first: bool) -> dict[str, str]:
    values = {name: _text(value) for name, value in _variant_values(variant, product.currency).items()}
    row = {
        "Variant SKU": values["sku"],
        "Variant Grams": values["weight_grams"],
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": values["stock"],
        "Variant Inventory Policy": "deny",
        "Variant Fulfillment Service": "manual",
        "Variant Price": values["price"],
        "Variant Compare At Price": values["compare_at_price"],
        "Variant Requires Shipping": "FALSE" if product.kind == Product.Kind.DIGITAL else "TRUE",
        "Variant Taxable": "FALSE" if product.tax_kind == TaxKind.EXEMPT else "TRUE",
        "Variant Barcode": values["barcode"],
        "Google Shopping / MPN": values["mpn"],
        "Variant Image": variant.shown_image_url,
        "Variant Weight Unit": "g" if values["weight_grams"] else "",
    }
    for number, name in enumerate(options, start=1):
        row |= {
            f"Option{number} Name": name if first else "",
            f"Option{number} Value": _text(variant.options.get(name)),
        }
    if not options:
        row |= {"Option1 Name": "Title" if first else "", "Option1 Value": "Default Title"}
    return row
