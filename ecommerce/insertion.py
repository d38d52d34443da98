"""Inserting rows where every millisecond counts: a few hundred times a second, beside workers on the same cores.

Building a query takes Django longer than PostgreSQL takes to run it. ``bench/callbacks.py`` and ``bench/orders.py``
show what these are good for.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models.expressions import DatabaseDefault


def insert_once(row: models.Model) -> bool:
    """Insert a row unless one of its unique keys is taken; tell whether it was inserted.

    What ``bulk_create(..., ignore_conflicts=True)`` does, without building a query each time, and with the answer. A
    twin that is being inserted is waited for.
    """
    sql, parameters = _insert([row])
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} ON CONFLICT DO NOTHING", parameters)
        return bool(cursor.rowcount == 1)


def inserting(model: type[models.Model], name: str) -> str:
    """Return the step of a statement, for its ``WITH``, that inserts what ``as_rows`` gives it by this name.

    It has the name itself, and gives what the database has put into the rows, if anything, beside their keys. Several
    such steps may insert rows that refer to each other: foreign keys are looked at when the transaction ends.
    """
    table = f'"{model._meta.db_table}"'
    columns = ", ".join(f'"{column.field.column}"' for column in _brought(model))
    returned = ", ".join(f'"{field.column}"' for field in {model._meta.pk: 0, **dict.fromkeys(_given(model))})
    return (
        f"{name} AS (INSERT INTO {table} ({columns})"  # noqa: S608 - names of the model
        f" SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, %({name})s) RETURNING {returned})"
    )


def as_rows(model: type[models.Model], rows: Sequence[models.Model]) -> str:
    """Return new rows as the ``jsonb`` that ``inserting`` takes; they count as stored."""
    columns = _brought(model)
    brought = []
    for row in rows:
        brought.append(
            {
                column.field.column: column.field.pre_save(row, add=True)
                if column.sets_itself
                else getattr(row, column.attname)
                for column in columns
            }
        )
        row._state.adding, row._state.db = False, connection.alias
    return json.dumps(brought, default=_text)


@dataclass(frozen=True)
class _Column:
    """A field, and what its values ask for: ``sets_itself`` when it is saved (``auto_now``), ``is_plain`` or not.

    A plain field's values go to the driver as they are, if they are of a type that it knows.
    """

    field: "models.Field[Any, Any]"
    attname: str
    is_plain: bool
    sets_itself: bool


_KNOWN_TYPES = frozenset({str, int, bool, Decimal, UUID, datetime, NoneType})


@cache
def _columns(model: type[models.Model]) -> tuple[str, tuple[_Column, ...]]:
    """Return how an INSERT into this model's table begins, and its columns."""
    fields = model._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    columns = tuple(
        _Column(
            field,
            field.attname,
            is_plain=not isinstance(field, models.JSONField | models.AutoField),
            sets_itself=getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False),
        )
        for field in fields
    )
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ', columns  # noqa: S608 - names of the model


def _insert(rows: Sequence[models.Model]) -> tuple[str, list[Any]]:
    head, columns = _columns(type(rows[0]))
    parameters: list[Any] = []
    texts = []
    for row in rows:
        places = []
        for column in columns:
            value = column.field.pre_save(row, add=True) if column.sets_itself else getattr(row, column.attname)
            if isinstance(value, DatabaseDefault) or (value is None and isinstance(column.field, models.AutoField)):
                places.append("DEFAULT")
                continue
            places.append("%s")
            known = column.is_plain and type(value) in _KNOWN_TYPES
            parameters.append(value if known else column.field.get_db_prep_save(value, connection))
        texts.append(f"({', '.join(places)})")
    return head + ", ".join(texts), parameters


@cache
def _given(model: type[models.Model]) -> "list[models.Field[Any, Any]]":
    """Return the fields that are the database's to fill."""
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, models.AutoField) or (field.has_db_default() and not field.has_default())
    ]


@cache
def _brought(model: type[models.Model]) -> list[_Column]:
    return [column for column in _columns(model)[1] if column.field not in _given(model)]


def _text(value: object) -> str:
    if isinstance(value, UUID | Decimal | date):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")
