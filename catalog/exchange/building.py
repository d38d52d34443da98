"""Making a record of the rows of one product, or saying what is wrong with each of them."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.text import slugify

from catalog.editing.url_keys import RESERVED_TEXT, is_free_of_the_shop
from catalog.exchange.amounts import amount_in, compact
from catalog.exchange.models import CatalogueImport
from catalog.exchange.rows import Group, Problem, Row, attribute_name, split_path
from catalog.importing import cleaning
from catalog.importing.reading import (
    MAX_LEVELS,
    MAX_PRICE,
    Terms,
    clean_addresses,
    clean_barcode,
    clean_brand,
    read_product,
    to_shillings,
)
from catalog.importing.records import ProductRecord, Reason, SkippedLine, VariantRecord, fingerprint
from catalog.inventory.availability import AvailabilityPolicy, Selling
from catalog.inventory.exceptions import AvailabilityNotWhole
from catalog.models import Category, Product, Variant
from catalog.tagging.exceptions import TagsRefused
from catalog.tagging.services import clean_names
from catalog.tax_kinds import TaxKind
from ecommerce.parsers import parse_json

MAX_STOCK = 1_000_000
MAX_IMAGES = 50

_YES, _NO = {"true", "yes", "y", "1", "on"}, {"false", "no", "n", "0", "off"}
_STATUSES = {"active": True, "published": True, "draft": False, "archived": False, "unlisted": False, "inactive": False}
_WHOLE = re.compile(r"-?[0-9]{1,12}(?:\.0{1,6})?")
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_OPTIONS = (1, 2, 3)
MADE = ("images", "type")  # attributes that a file's other columns become
_MAX_OPTIONS = 10
_SELLING = ("availability_policy", "backorder_limit", "available_from")
_VARIANT_FIELDS = {
    *("sku", "mpn", "barcode", "price", "compare_at_price", "stock", "options", "option1_value", "option2_value"),
    *("option3_value", *_SELLING),
}
_NAME: int = Product._meta.get_field("product_name").max_length or 0
_URL_KEY: int = Product._meta.get_field("url_key").max_length or 0
_SOURCE: int = Product._meta.get_field("source_id").max_length or 0
_CLASS_CODE: int = Product._meta.get_field("item_class_code").max_length or 0
_SKU: int = Variant._meta.get_field("sku").max_length or 0
_MPN: int = Variant._meta.get_field("mpn").max_length or 0
_CATEGORY: int = Category._meta.get_field("category_name").max_length or 0


class Refused(Exception):
    """These rows are no product; ``problems`` names each thing that is wrong."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


class Builder:
    """Makes records by an import's mapping and options. Amounts become KES, rounded once, as feeds' are."""

    def __init__(self, job: CatalogueImport, columns: dict[str, str]) -> None:
        options: dict[str, Any] = job.options
        self._columns = columns
        self._rates = {code: Decimal(rate) for code, rate in options["rates"].items()}
        self._currency: str = options["currency"]
        self._stock: int = options.get("stock", 0)
        self._update_stock: bool = options.get("update_stock", False)
        self._delimiter = job.delimiter
        self._problems: list[Problem] = []

    def build(self, group: Group) -> ProductRecord:
        """Return the record of a group.

        Raises:
            Refused: with everything that is wrong with its rows.
        """
        self._problems = []
        first = group.rows[0]
        if first.problem:
            raise Refused([first.problem])
        if first.feed is not None:
            return self._fed(first)
        if group.too_many:
            self._wrong(first, "url_key", "too_many_rows", "A product has too many rows, or the rows share a handle.")
        record = self._product(group)
        if self._problems:
            raise Refused(self._problems)
        return record

    def _fed(self, row: Row) -> ProductRecord:
        try:
            record = read_product(row.feed, Terms(rates=self._rates, stock=self._stock))
        except SkippedLine as skipped:
            raise Refused([Problem(row.line, "", skipped.reason, skipped.detail or skipped.reason)]) from None
        return record

    # --- The product ------------------------------------------------------------------------------------------

    def _product(self, group: Group) -> ProductRecord:
        rows = group.rows
        first = rows[0]
        name = cleaning.clean_line(self._one(rows, "name"), limit=_NAME)
        if name and not any(char.isalnum() for char in name):
            self._wrong(first, "name", Reason.NO_NAME, "The name has no letter and no digit.")
        source_id = self._one(rows, "source_id")
        if source_id and (len(source_id) > _SOURCE or cleaning.clean_line(source_id) != source_id):
            self._wrong(first, "source_id", Reason.BAD_ID, "The id is too long or has invisible characters.")
        if not is_free_of_the_shop(slugify(self._one(rows, "url_key"))[:_URL_KEY]):
            self._wrong(first, "url_key", "url_key_reserved", RESERVED_TEXT)
        url_key = slugify(self._one(rows, "url_key") or (name if group.key.startswith("name:") else ""))
        url_key = url_key[:_URL_KEY].strip("-")
        images = _foreign(row.values.get("image_url", "") for row in rows)
        attributes = self._attributes(rows, images)
        category = self._category(rows)
        kind = self._kind(rows)
        record = ProductRecord(
            source_id=source_id or group.key or f"line:{first.line}",
            has_source=bool(source_id),
            name=name,
            variants=self._variants(rows, url_key or slugify(name) or group.key),
            category=category,
            brand=clean_brand(self._one(rows, "brand")),
            description=cleaning.clean_paragraphs(self._one(rows, "description")),
            image_url=images[0] if images else "",
            kind=kind,
            url_key=url_key,
            is_active=self._is_active(rows),
            attributes=attributes,
            tags=self._tags(rows),
            tax_kind=self._tax_kind(rows),
            item_class_code=self._item_class_code(rows),
        )
        if not record.variants:
            self._wrong(first, "price", Reason.NO_PRICE, "No row of the product has a variant.")
        return record

    def _one(self, rows: Iterable[Row], field: str) -> str:
        """Return the first text that any row has for a field of the product."""
        return next((text for row in rows if (text := row.values.get(field))), "")

    def _category(self, rows: list[Row]) -> tuple[str, ...]:
        """Return the names of the category, root first; Shopify's type stands in where there is no category."""
        text = self._one(rows, "category") or self._one(rows, "type").replace(">", "\\>")
        names = [cleaning.clean_line(name, limit=_CATEGORY) for name in split_path(text)]
        if len(names) > MAX_LEVELS:
            self._wrong(rows[0], "category", Reason.CATEGORY_TOO_DEEP, f"The category stands {len(names)} levels deep.")
        return tuple(name for name in names if name)

    def _attributes(self, rows: list[Row], images: list[str]) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        if text := self._one(rows, "attributes"):
            try:
                given = parse_json(text.encode())
                attributes = cleaning.clean_value(given) if isinstance(given, dict) else {}
            except Exception:  # noqa: BLE001 - not JSON, or too deep: said below
                given = None
            if not isinstance(given, dict):
                self._wrong(rows[0], "attributes", "bad_attributes", "This is no JSON object.")
        for field in self._columns:
            if (name := attribute_name(field)) and (text := self._one(rows, field)):
                attributes[cleaning.clean_line(name)] = cleaning.clean_line(text)
        kind = cleaning.clean_line(self._one(rows, "type"))
        if kind and self._one(rows, "category"):
            attributes.setdefault("type", kind)
        if len(images) > 1:
            attributes.setdefault("images", images[:MAX_IMAGES])
        return attributes

    def _tags(self, rows: list[Row]) -> tuple[str, ...]:
        names = [name for text in self._one(rows, "tags").split(",") if (name := cleaning.clean_line(text))]
        try:
            return tuple(clean_names(list(dict.fromkeys(names))))
        except TagsRefused as refusal:
            for row in refusal.rows:
                self._wrong(rows[0], "tags", "bad_tags", row.detail)
        return ()

    def _is_active(self, rows: list[Row]) -> bool | None:
        """Tell whether the product is to be sold: said, published, and neither a draft nor archived."""
        first = rows[0]
        said = [self._yes_or_no(first, field, self._one(rows, field)) for field in ("is_active", "published")]
        if status := self._one(rows, "status").casefold():
            if status not in _STATUSES:
                self._wrong(first, "status", "bad_status", f"{status[:40]!r} is neither active, draft nor archived.")
            said.append(_STATUSES.get(status))
        known = [answer for answer in said if answer is not None]
        return all(known) if known else None

    def _kind(self, rows: list[Row]) -> str:
        kind = self._one(rows, "kind").casefold()
        if kind and kind not in Product.Kind.values:
            self._wrong(rows[0], "kind", "bad_kind", f"One of: {', '.join(Product.Kind.values)}.")
        if not kind and self._one(rows, "requires_shipping").casefold() in _NO:
            return str(Product.Kind.DIGITAL)
        return kind

    def _tax_kind(self, rows: list[Row]) -> str:
        kind = self._one(rows, "tax_kind").casefold()
        if kind and kind not in TaxKind.values:
            self._wrong(rows[0], "tax_kind", "bad_tax_kind", f"One of: {', '.join(TaxKind.values)}.")
        return kind

    def _item_class_code(self, rows: list[Row]) -> str:
        code = self._one(rows, "item_class_code")
        if code and not (code.isascii() and code.isdigit() and len(code) <= _CLASS_CODE):
            self._wrong(rows[0], "item_class_code", "bad_item_class_code", f"At most {_CLASS_CODE} digits.")
        return code

    # --- Its variants -----------------------------------------------------------------------------------------

    def _variants(self, rows: list[Row], stem: str) -> tuple[VariantRecord, ...]:
        names = [self._one(rows, f"option{number}_name") for number in _OPTIONS]
        records: list[VariantRecord] = []
        lines: dict[str, int] = {}
        for row in rows:
            if len(rows) > 1 and not _VARIANT_FIELDS & row.values.keys():
                continue  # a picture only
            record = self._variant(row, names, stem)
            same = json.dumps(record.options, sort_keys=True)
            if same in lines:
                detail = f"Line {lines[same]} has a variant with the same options."
                self._wrong(row, "option1_value", "duplicate_options", detail)
            lines[same] = row.line
            records.append(record)
        return tuple(records)

    def _variant(self, row: Row, names: list[str], stem: str) -> VariantRecord:
        options = self._options(row, names)
        price = self._amount(row, "price")
        if price == 0:
            self._wrong(row, "price", Reason.ZERO_PRICE, "A price of 0 sells nothing.")
        compare_at_price = self._amount(row, "compare_at_price")
        units, selling = self._units(row), self._selling(row)
        own = cleaning.clean_line(row.values.get("sku", ""))
        if len(own) > _SKU:
            self._wrong(row, "sku", "bad_sku", f"A SKU has at most {_SKU} characters.")
        mpn = cleaning.clean_line(row.values.get("mpn", ""))
        images = _foreign([row.values.get("variant_image_url", "")])
        return VariantRecord(
            skus=(own,) if own else made_skus(stem, options),
            has_sku=bool(own),
            price=price,
            options=options,
            mpn=mpn if len(mpn) <= _MPN else "",
            compare_at_price=compare_at_price if compare_at_price and price and compare_at_price > price else None,
            weight_grams=self._grams(row),
            barcode=clean_barcode(row.values.get("barcode", "")),
            image_url=images[0] if images else "",
            is_active=self._yes_or_no(row, "variant_is_active", row.values.get("variant_is_active", "")),
            stock=self._stock if units is None else units,
            selling=selling,
            resells=self._update_stock and selling is not None,
            counted=units if self._update_stock else None,
        )

    def _options(self, row: Row, names: list[str]) -> dict[str, str]:
        options: dict[str, str] = {}
        if text := row.values.get("options"):
            try:
                given = parse_json(text.encode())
            except Exception:  # noqa: BLE001 - not JSON: said below
                given = None
            if not isinstance(given, dict) or len(given) > _MAX_OPTIONS:
                self._wrong(row, "options", "bad_options", 'This is no JSON object such as {"color": "Black"}.')
            else:
                options = {cleaning.clean_line(name): cleaning.clean_line(str(value)) for name, value in given.items()}
        for number, name in zip(_OPTIONS, names, strict=True):
            value = cleaning.clean_line(row.values.get(f"option{number}_value", ""), limit=200)
            if value and not (name.casefold() in ("title", "") and value.casefold() == "default title"):
                options[cleaning.clean_line(name, limit=60) or f"Option {number}"] = value
        return options

    def _amount(self, row: Row, field: str) -> Decimal | None:
        """Return an amount in KES; None where there is none, or where it is wrong, which is noted."""
        text = compact(row.values.get(field, ""))
        if not text:
            return None
        currency = row.values.get("currency", "").upper() or self._currency
        plain = amount_in(text, delimiter=self._delimiter)
        if plain is None:
            self._wrong(row, field, Reason.BAD_PRICE, f"{text[:40]!r} is no amount such as 1299.00.")
            return None
        if currency not in self._rates:
            self._wrong(row, "currency", Reason.UNKNOWN_CURRENCY, f"This import has no rate for {currency[:10]!r}.")
            return None
        amount = to_shillings(plain, self._rates[currency])
        if amount > MAX_PRICE:
            self._wrong(row, field, Reason.PRICE_TOO_HIGH, f"{text[:40]} is more than a price can be.")
            return None
        return amount

    def _units(self, row: Row) -> int | None:
        text = row.values.get("stock", "").replace(",", "")
        if not text:
            return None
        if not _WHOLE.fullmatch(text) or int(Decimal(text)) > MAX_STOCK:
            self._wrong(row, "stock", "bad_stock", f"{text[:40]!r} is no number of units up to {MAX_STOCK:,}.")
            return None
        return max(0, int(Decimal(text)))  # Shopify counts below zero what was sold without stock

    def _selling(self, row: Row) -> Selling | None:
        """Return how a variant is sold beyond its stock; None where the row says nothing, or nothing sensible."""
        policy, limit, day = (row.values.get(name, "").strip() for name in _SELLING)
        if not (policy or limit or day):
            return None
        try:
            selling = Selling(
                AvailabilityPolicy(policy.casefold()),
                int(Decimal(limit)) if _WHOLE.fullmatch(limit) else 0,
                date.fromisoformat(day[:10]) if day else None,
            )
            selling.check()
        except ValueError:
            detail = "Name deny, backorder or preorder, and a day as 2026-12-14."
        except AvailabilityNotWhole as refusal:
            detail = refusal.rows[0].detail
        else:
            if 0 <= selling.limit <= MAX_STOCK:
                return selling
            detail = f"{limit[:40]!r} is no number of units up to {MAX_STOCK:,}."
        self._wrong(row, "availability_policy", "bad_availability", detail)
        return None

    def _grams(self, row: Row) -> int | None:
        """Return a weight in grams. Where a column says grams, the unit beside it is only what a shop shows."""
        grams = row.values.get("grams", "")
        if grams:
            weight = cleaning.weight_in_grams(f"{grams} g") if _DECIMAL.fullmatch(grams) else None
            if weight is None and (not _DECIMAL.fullmatch(grams) or Decimal(grams) > 1):
                self._wrong(row, "grams", "bad_weight", f"{grams[:40]!r} is no weight in grams.")
            return weight
        weight_text = row.values.get("weight", "")
        unit = row.values.get("weight_unit", "")
        return cleaning.weight_in_grams(weight_text) or cleaning.weight_in_grams(f"{weight_text} {unit}")

    # --- What is wrong ----------------------------------------------------------------------------------------

    def _yes_or_no(self, row: Row, field: str, text: str) -> bool | None:
        word = text.casefold()
        if word and word not in _YES | _NO:
            self._wrong(row, field, "bad_yes_or_no", f"{text[:40]!r} is neither true nor false.")
        return word in _YES if word in _YES | _NO else None

    def _wrong(self, row: Row, field: str, code: str, message: str) -> None:
        self._problems.append(Problem(row.line, self._columns.get(field, field), str(code), message[:300]))


def made_skus(stem: str, options: dict[str, str]) -> tuple[str, ...]:
    """Return SKUs for a variant that the file gives none: from the handle and the options, the same in every run."""
    tail = "-".join(slug for value in options.values() if (slug := slugify(value)))
    plain = "-".join(part for part in (slugify(stem.removeprefix("handle:")), tail) if part)
    mark = f"-{fingerprint(stem + json.dumps(options, sort_keys=True))}"
    sure = (plain or "item")[: _SKU - len(mark)] + mark
    return (plain, sure) if 0 < len(plain) <= _SKU else (sure,)


def without_product(record: ProductRecord) -> ProductRecord:
    """Return what a record says of its variants alone."""
    return replace(
        record,
        name="",
        category=(),
        brand="",
        description="",
        image_url="",
        kind="",
        is_active=None,
        attributes={},
        tags=(),
        tax_kind="",
        item_class_code="",
    )


def _foreign(addresses: Iterable[str]) -> list[str]:
    """Return the addresses of pictures elsewhere, each once: this shop's own follow from its files."""
    own = f"{settings.PUBLIC_BASE_URL}{settings.MEDIA_URL}"
    return [address for address in dict.fromkeys(clean_addresses(addresses)) if not address.startswith(own)]
