"""What a client asks of the form of products: ``?fields=``, ``?include=`` and prices in another currency."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from catalog.currencies.conversion import ShownIn
from catalog.currencies.views import shown_in
from catalog.documents.pricing import lists_offer, with_own_prices, with_price_breaks
from catalog.documents.rows import with_after
from catalog.serializers import ProductListSerializer, ProductSerializer

PARTS = ("description", "attributes", "variants", "images")  # what a product's own page adds
_CARD = tuple(ProductListSerializer.Meta.fields)
_ALL = tuple(ProductSerializer.Meta.fields)

FIELDS = OpenApiParameter(
    "fields", description="Only these fields of a product, separated by commas: `id,product_name,price`."
)
INCLUDE = OpenApiParameter(
    "include", description=f"More of each product, separated by commas: {', '.join(f'`{part}`' for part in PARTS)}."
)
_LONGEST_ECHO = 40


@dataclass(frozen=True)
class Shape:
    """Which keys a product has in the answer (None: those of its kind of page), and what prices it shows.

    These are its own, besides them those in another currency, and those that price lists give to everybody or to the
    reader, when that one is a ``member`` of a group of customers.
    """

    keys: tuple[str, ...] | None = None
    shown_in: ShownIn | None = None
    whole: bool = False  # a product's own page, which has every part
    member: UUID | None = None

    @property
    def needs_parts(self) -> bool:
        return self.keys is not None and not set(PARTS).isdisjoint(self.keys)

    def shaped(self, items: bytes) -> bytes:
        """Return JSON objects (the inside of an array) in this shape; up to two statements for what lists offer."""
        breaks = self._shows("variants", self.whole) and lists_offer(self.member)
        if not items or (self.keys is None and self.shown_in is None and self.member is None and not breaks):
            return items
        rows = json.loads(b"[" + items + b"]")
        if self.member is not None and self._shows("your_price", True):
            rows = with_own_prices(rows, self.member)
        if breaks:
            rows = with_price_breaks(rows, self.member)
        if self.shown_in is not None:
            rows = [_priced(row, self.shown_in) for row in rows]
        if self.keys is not None:
            rows = [{key: row[key] for key in self.keys if key in row} for row in rows]
        return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))[1:-1].encode()

    def _shows(self, key: str, by_itself: bool) -> bool:
        return by_itself if self.keys is None else key in self.keys


def shape_asked(request: Request, *, whole: bool = False, member: UUID | None = None) -> Shape:
    """Read the shape from the query; ``whole`` for a product's own page, which has every part.

    Raises:
        ValidationError: names a field or a part that products do not have, or a currency that is not offered.
    """
    parameters = request.query_params
    currency = shown_in(request)
    fields = _names(parameters.get(FIELDS.name, ""), _ALL, FIELDS.name)
    parts = () if whole else _names(parameters.get(INCLUDE.name, ""), PARTS, INCLUDE.name)
    if not fields and not parts:
        return Shape(None, currency, whole, member)
    return Shape(tuple(dict.fromkeys([*(fields or _default(currency)), *parts])), currency, whole, member)


def _default(currency: ShownIn | None) -> Iterable[str]:
    return (key for key in _CARD if currency is not None or not key.startswith("display_"))


def _names(text: str, known: tuple[str, ...], parameter: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name for each in text.split(",") if (name := each.strip())))
    if unknown := [name for name in names if name not in known]:
        told = ", ".join(name[:_LONGEST_ECHO] for name in unknown[:5])
        raise ValidationError({parameter: [f"Not known here: {told}. Known are: {', '.join(known)}."]})
    return names


def _priced(row: dict[str, Any], shown: ShownIn) -> dict[str, Any]:
    def price(text: str | None) -> str | None:
        return None if text is None else shown.price(Decimal(text), row["currency"])

    priced = with_after(row, "currency", {"display_price": price(row["price"]), "display_currency": shown.currency})
    if "variants" in row:
        priced["variants"] = [_variant_priced(variant, price, shown.currency) for variant in row["variants"]]
    return priced


def _variant_priced(
    variant: dict[str, Any], price: Callable[[str | None], str | None], currency: str
) -> dict[str, Any]:
    return with_after(
        variant,
        "compare_at_price",
        {
            "display_price": price(variant["price"]),
            "display_compare_at_price": price(variant["compare_at_price"]),
            "display_currency": currency,
        },
    )
