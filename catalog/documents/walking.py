"""Lists by cursor: each page begins behind the last row of the one before, at the same cost however deep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as FieldValidationError
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from catalog.documents.orders import NEWEST, ORDERINGS
from catalog.documents.sql import Fragment
from catalog.models import Product
from ecommerce.cursors import InvalidCursor, read_cursor, write_cursor
from ecommerce.filters import ORDERING_PARAMETERS

# The columns of each ordering: none of them nullable, the last one unique.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    NEWEST: ("-created_at", "id"),
    "newest": ("-created_at", "id"),
    "created_at": ("created_at", "id"),
    "price": ("price", "id"),
    "price_asc": ("price", "id"),
    "-price": ("-price", "id"),
    "price_desc": ("-price", "id"),
    "product_name": ("product_name", "id"),
    "-product_name": ("-product_name", "id"),
}


@dataclass(frozen=True)
class Walk:
    """A place in an ordered list. A cursor belongs to its ordering and its list; another one has other places."""

    kind: str
    ordering: str
    behind: tuple[Fragment, ...]  # the condition for what comes next; none at the start

    @property
    def order(self) -> Fragment:
        return ORDERINGS[self.ordering]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.lstrip("-") for column in COLUMNS[self.ordering])

    def cursor_behind(self, values: Sequence[Any]) -> str:
        """Return the cursor behind the row with these values in ``columns``."""
        return write_cursor(self.kind, *(_text(value) for value in values))


def walk_asked(request: Request, cursor: str) -> Walk:
    """Read how to go on; an empty cursor starts.

    Raises:
        ValidationError: the list cannot be walked in the ordering that is asked for.
        InvalidCursor: it is none of this list in this ordering.
    """
    name = next((name for name in ORDERING_PARAMETERS if name in request.query_params), None)
    ordering = request.query_params[name] if name else NEWEST
    if ordering not in COLUMNS:
        raise ValidationError({name or "cursor": [f"By cursor, order by one of: {', '.join(COLUMNS)}."]})
    kind = f"{request.path} {ordering}"
    return Walk(kind, ordering, (_behind(kind, COLUMNS[ordering], cursor),) if cursor else ())


def _behind(kind: str, columns: Sequence[str], cursor: str) -> Fragment:
    """Return the condition for the rows behind a cursor: further in the first column, or equal in it and so on."""
    texts = read_cursor(kind, cursor)
    if len(texts) != len(columns):
        raise InvalidCursor()
    bound, alternatives, parameters = "", [], []
    equal: list[str] = []
    values: list[Any] = []
    for column, text in zip(columns, texts, strict=True):
        name, further = column.lstrip("-"), "<" if column.startswith("-") else ">"
        try:
            value = Product._meta.get_field(name).clean(text, None)  # type: ignore[union-attr]
        except FieldValidationError:
            raise InvalidCursor() from None
        # Said apart as well: the first column alone bounds the scan of an index.
        bound = bound or f"catalog_product.{name} {further}= %s"
        alternatives.append(" AND ".join([*equal, f"catalog_product.{name} {further} %s"]))
        equal.append(f"catalog_product.{name} = %s")
        values.append(value)
        parameters += values
    return Fragment(f"{bound} AND ({' OR '.join(alternatives)})", (values[0], *parameters))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
