"""Inserting rows where every millisecond counts: a few hundred times a second, beside workers on the same cores.

Building a query takes Django longer than PostgreSQL takes to run it. ``bench/callbacks.py`` and ``bench/orders.py``
show what these are good for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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


def insert_together(*batches: Sequence[models.Model]) -> None:
    """Insert rows of several models in one statement; each batch is of one model, and none is empty.

    They may refer to each other: foreign keys are looked at when the transaction ends. Values that the database gives
    the only row of the first batch are put into it.

    Raises:
        IntegrityError: a unique key is taken; nothing is inserted.
    """
    parts, parameters = [], []
    for number, batch in enumerate(batches):
        sql, values = _insert(batch)
        given = _given_by_database(batch[0]) if number == 0 else []
        returning = ", ".join(f'"{field.column}"' for field in given) or "1"
        parts.append(f"inserted_{number} AS ({sql} RETURNING {returning})")
        parameters += values
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(parts)} SELECT * FROM inserted_0", parameters)  # noqa: S608 - names of models
        first = cursor.fetchone()
    row = batches[0][0]
    for field, value in zip(_given_by_database(row), first, strict=False):
        setattr(row, field.attname, value)
    for each in (each for batch in batches for each in batch):
        each._state.adding, each._state.db = False, connection.alias


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


def _given_by_database(row: models.Model) -> "list[models.Field[Any, Any]]":
    return [field for field in row._meta.concrete_fields if isinstance(getattr(row, field.attname), DatabaseDefault)]
