"""What a reader hands to the writer, and why a line may not get that far."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2s
from typing import Any
from uuid import UUID

from catalog.inventory.availability import Selling


class Reason(StrEnum):
    """Why a line was skipped; the codes stand in the report and never change."""

    BLANK_LINE = "blank_line"
    LINE_TOO_LONG = "line_too_long"
    NOT_UTF8 = "not_utf8"
    MALFORMED_JSON = "malformed_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_KEYS = "missing_keys"
    WRONG_TYPE = "wrong_type"
    BAD_ID = "bad_id"
    DUPLICATE_ID = "duplicate_id"
    NO_NAME = "no_name"
    NO_PRICE = "no_price"
    BAD_PRICE = "bad_price"
    ZERO_PRICE = "zero_price"
    PRICE_TOO_HIGH = "price_too_high"
    UNKNOWN_CURRENCY = "unknown_currency"
    CATEGORY_TOO_DEEP = "category_too_deep"
    REFUSED_BY_DATABASE = "refused_by_database"


class SkippedLine(Exception):
    """A line that cannot be sold."""

    def __init__(self, reason: Reason, detail: str = "", source_id: str = "") -> None:
        super().__init__(reason, detail, source_id)
        self.reason = reason
        self.detail = detail
        self.source_id = source_id


@dataclass(frozen=True, slots=True)
class VariantRecord:
    skus: tuple[str, ...]  # wanted first; the first that nobody else has is taken
    price: Decimal | None  # KES; None: the file says nothing, and a new variant cannot be made of it
    options: dict[str, str] = field(default_factory=dict)
    mpn: str = ""
    compare_at_price: Decimal | None = None
    weight_grams: int | None = None
    barcode: str = ""
    image_url: str = ""
    is_active: bool | None = None  # None: the file says nothing
    stock: int = 0  # units that a new variant starts with
    has_sku: bool = False  # the first SKU is the file's own, and names the variant wherever it is
    selling: Selling | None = None  # how it is sold beyond its stock; None: the file says nothing
    resells: bool = False  # also of a variant that exists
    counted: int | None = None  # sellable units that an existing variant shall have; None leaves its stock alone


@dataclass(frozen=True, slots=True)
class ProductRecord:
    """One product, cleaned. An empty value means that the file says nothing, and erases nothing in the shop."""

    source_id: str
    name: str
    variants: tuple[VariantRecord, ...]
    category: tuple[str, ...] = ()  # names, root first
    brand: str = ""
    description: str = ""
    image_url: str = ""
    kind: str = ""
    url_key: str = ""
    is_active: bool | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()  # names, as clean_names returns them
    tax_kind: str = ""
    item_class_code: str = ""
    has_source: bool = True  # else ``source_id`` tells records apart and is not stored

    @property
    def own_skus(self) -> list[str]:
        """Return the SKUs that the file itself gives, in its order."""
        return [variant.skus[0] for variant in self.variants if variant.has_sku]


@dataclass(frozen=True, slots=True)
class Entry:
    """What an import did to one row; ``variant_id`` is None for the product itself. Values are ready for JSON."""

    action: str  # "created", "changed", "restored" or "stock"
    product_id: UUID
    variant_id: UUID | None = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


def fingerprint(text: str) -> str:
    """Return eight hex digits that tell equal-looking keys apart and are the same in every run."""
    return blake2s(text.encode("utf-8", "backslashreplace"), digest_size=4).hexdigest()
