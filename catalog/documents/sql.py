"""Pieces of SQL with their parameters."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

Rows = TypeVar("Rows", bound=QuerySet[Any])


@dataclass(frozen=True)
class Fragment:
    """Our own SQL about one row of ``catalog_product``; what a client wrote stands in ``parameters`` alone."""

    sql: str
    parameters: tuple[Any, ...] = ()


FOR_SALE = Fragment("catalog_product.is_active AND catalog_product.deleted_at IS NULL")


def all_of(conditions: Iterable[Fragment]) -> Fragment:
    """Join conditions about products for sale."""
    conditions = [FOR_SALE, *conditions]
    return Fragment(
        " AND ".join(condition.sql for condition in conditions),
        tuple(parameter for condition in conditions for parameter in condition.parameters),
    )


def narrowed(rows: Rows, conditions: Iterable[Fragment]) -> Rows:
    """Return those products of a query set for which all conditions hold."""
    return rows.filter(
        *(RawSQL(each.sql, each.parameters, output_field=BooleanField()) for each in conditions)  # noqa: S611 - our own
    )
