"""Pages of finished JSON, each in one statement."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.core.signals import setting_changed
from django.db import connection
from django.dispatch import receiver

from catalog.documents.sql import Fragment, all_of
from catalog.images.files import PICTURES
from ecommerce.pictures.storage import address_of
from ecommerce.prepared import run

# Stands in front of the name of a file of ours; JSON has this byte as an escape everywhere else.
_MARK = b"\x01"

# The ids first: what is skipped on the way to a deep page is skipped in an index.
_PAGE = """
SELECT catalog_documents(ARRAY(
    SELECT catalog_product.id FROM catalog_product WHERE {where} ORDER BY {order} LIMIT %s OFFSET %s
), %s), {count}
"""
_COUNT = "(SELECT count(*) FROM catalog_product WHERE {where})"
# Each match is looked up and ranked once, for the page and for the count.
_FOUND_PAGE = """
WITH found AS MATERIALIZED (
    SELECT catalog_product.id, row_number() OVER (ORDER BY {order}) AS place FROM catalog_product WHERE {where}
)
SELECT catalog_documents(ARRAY(SELECT id FROM found WHERE place > %s ORDER BY place LIMIT %s), %s),
    (SELECT count(*) FROM found)
"""
# One row more than the page is looked up, to tell whether there is a next one. The rows bear the table's name, so that
# the same words order them again.
_PAGE_BEHIND = """
WITH page AS MATERIALIZED (
    SELECT {columns}, row_number() OVER (ORDER BY {order}) AS place
    FROM (SELECT {columns} FROM catalog_product WHERE {where} ORDER BY {order} LIMIT %s) AS catalog_product
)
SELECT catalog_documents(ARRAY(SELECT id FROM page WHERE place <= %s ORDER BY place), %s), {last}
FROM (SELECT) AS always LEFT JOIN page AS last ON last.place = %s AND EXISTS (SELECT FROM page WHERE place > %s)
"""
_COUNT_UP_TO = "SELECT count(*) FROM (SELECT FROM catalog_product WHERE {where} LIMIT %s) AS found"


@dataclass(frozen=True)
class Documents:
    """``items`` are JSON objects joined by commas, the inside of an array; ``count`` is of all pages."""

    items: bytes
    count: int


def read_page(
    conditions: Iterable[Fragment],
    order: Fragment,
    *,
    start: int,
    size: int,
    whole: bool = False,
    count: int | None = None,
) -> Documents:
    """Read products for sale, from the row ``start`` on; ``count`` is counted too, unless it is known.

    ``whole`` adds what only a product's own page shows: description, attributes, variants and images.
    """
    where = all_of(conditions)
    statement = _PAGE.format(
        where=where.sql, order=order.sql, count="%s" if count is not None else _COUNT.format(where=where.sql)
    )
    counted = where.parameters if count is None else (count,)
    return _read(statement, [*where.parameters, *order.parameters, size, start, whole, *counted])


def read_found_page(
    conditions: Iterable[Fragment], order: Fragment, *, start: int, size: int, whole: bool = False
) -> Documents:
    """Read a page of what a search finds: few rows that are dear to look up, or an order that is dear to compute."""
    where = all_of(conditions)
    statement = _FOUND_PAGE.format(where=where.sql, order=order.sql)
    return _read_prepared(statement, [*order.parameters, *where.parameters, start, size, whole])


def read_behind(
    conditions: Iterable[Fragment], order: Fragment, columns: Sequence[str], *, size: int, whole: bool = False
) -> tuple[bytes, tuple[Any, ...] | None]:
    """Read the first products of an order, as the inside of a JSON array.

    Return also what the last of them has in ``columns``, by which they are ordered; None when nothing comes behind it.
    """
    where = all_of(conditions)
    statement = _PAGE_BEHIND.format(
        where=where.sql,
        order=order.sql,
        columns=", ".join(f"catalog_product.{name}" for name in columns),
        last=", ".join(f"last.{name}" for name in columns),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*where.parameters, size + 1, size, whole, size, size])
        text, *last = cursor.fetchone()
    return with_addresses((text or "").encode()), tuple(last) if last[-1] is not None else None


def count_up_to(most: int, conditions: Iterable[Fragment]) -> int:
    """Count products for sale, no further than to ``most``."""
    where = all_of(conditions)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_UP_TO.format(where=where.sql), [*where.parameters, most])
        count: int = cursor.fetchone()[0]
    return count


def named(key: str) -> Fragment:
    """Return the condition for the product with this UUID or url_key."""
    try:
        return Fragment("catalog_product.id = %s::uuid", (str(UUID(key)),))
    except ValueError:
        return Fragment("catalog_product.url_key = %s", (key,))


def read_product(condition: Fragment) -> bytes | None:
    """Read one product for sale with all that its own page shows."""
    where = all_of([condition])
    statement = (
        "SELECT catalog_documents(ARRAY(SELECT catalog_product.id FROM catalog_product "  # noqa: S608 - our own words
        f"WHERE {where.sql}), TRUE), 1"
    )
    return _read_prepared(statement, where.parameters).items or None


def _read(statement: str, parameters: list[Any]) -> Documents:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        text, count = cursor.fetchone()
    return Documents(with_addresses((text or "").encode()), count)


def _read_prepared(statement: str, parameters: Sequence[Any]) -> Documents:
    ((text, count),) = run(statement, parameters)
    return Documents(with_addresses((text or "").encode()), count)


def with_addresses(items: bytes) -> bytes:
    """Put the address of our files in front of their names, in what ``catalog_documents`` gave."""
    return items.replace(_MARK, _address()) if _MARK in items else items


@cache
def _address() -> bytes:
    """Return what stands in front of the name of every picture, as the inside of a JSON string."""
    name = f"{PICTURES}/00/0-0.webp"
    return json.dumps(address_of(name).removesuffix(name))[1:-1].encode()


@receiver(setting_changed)
def _forget_address(**signal: Any) -> None:  # tests change settings, nothing else does
    _address.cache_clear()
