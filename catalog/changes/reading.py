"""Reading the changes so that none is skipped, whoever commits when.

A change carries the number of its transaction. Transactions commit in another order than that of their numbers, so
only numbers below those of all that still run are told: among these nothing can appear any more. A change that has been
told and happens again moves behind the reader's place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from catalog import selectors
from catalog.changes.exceptions import CursorFromElsewhere
from catalog.models import Product
from ecommerce.cursors import InvalidCursor, read_cursor, write_cursor

_KIND = "product-changes"
_NOBODY = UUID(int=0)
_LARGEST = 2**64 - 1

_PAGE = """
SELECT product_id, changed_xid::text, changed_at
FROM catalog_productchange
WHERE (changed_xid, product_id) > (%s::xid8, %s::uuid) AND changed_xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY changed_xid, product_id LIMIT %s
"""
# A transaction that still runs may have a smaller number than the first one that is old enough.
_SINCE = """
SELECT least(min(changed_xid), pg_snapshot_xmin(pg_current_snapshot()))::text
FROM catalog_productchange WHERE changed_at >= %s
"""
_LAST = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"


@dataclass(frozen=True)
class Place:
    """Where a reader has got to: behind this product among the changes of this transaction."""

    transaction: int
    product_id: UUID

    def as_cursor(self) -> str:
        return write_cursor(_KIND, str(self.transaction), self.product_id.hex)


BEGINNING = Place(0, _NOBODY)


@dataclass(frozen=True)
class Change:
    """``product`` is None when it is not for sale (any more)."""

    product_id: UUID
    changed_at: datetime
    product: Product | None


@dataclass(frozen=True)
class ChangePage:
    changes: Sequence[Change]
    place: Place
    has_more: bool


def place_of(cursor: str) -> Place:
    """Return the place that a cursor names.

    Raises:
        InvalidCursor: it names none.
        CursorFromElsewhere: a later transaction than this database has seen.
    """
    parts = read_cursor(_KIND, cursor)
    try:
        number, product_id = parts
        place = Place(_number(number), UUID(hex=product_id))
    except ValueError:
        raise InvalidCursor() from None
    with connection.cursor() as statement:
        statement.execute(_LAST)
        if place.transaction > int(statement.fetchone()[0]):
            raise CursorFromElsewhere()
    return place


def place_since(moment: datetime) -> Place:
    """Return a place before all changes since ``moment``; a few older ones may come behind it."""
    with connection.cursor() as statement:
        statement.execute(_SINCE, [moment])
        return Place(int(statement.fetchone()[0]), _NOBODY)


def changes_after(place: Place, size: int) -> ChangePage:
    """Return up to ``size`` changes behind ``place``, in two statements."""
    with connection.cursor() as statement:
        statement.execute(_PAGE, [str(place.transaction), str(place.product_id), size + 1])
        rows = statement.fetchall()
    page = rows[:size]
    found = selectors.products_for_sale().filter(pk__in=[product_id for product_id, _, _ in page]) if page else ()
    products = {product.pk: product for product in found}
    changes = [Change(product_id, changed_at, products.get(product_id)) for product_id, _, changed_at in page]
    if page:
        place = Place(int(page[-1][1]), page[-1][0])
    return ChangePage(changes, place, has_more=len(rows) > size)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= _LARGEST):
        raise ValueError(text)
    return int(text)


def restart() -> int:
    """Note every product, also what is gone, as changed in a transaction of this database; return how many."""
    with transaction.atomic(), connection.cursor() as statement:
        statement.execute("SET LOCAL statement_timeout = '600s'")
        statement.execute("UPDATE catalog_productchange SET changed_xid = pg_current_xact_id()")
        statement.execute("SELECT catalog_note_changes(array_agg(id)) FROM catalog_product")
        statement.execute("SELECT count(*) FROM catalog_productchange")
        return int(statement.fetchone()[0])
