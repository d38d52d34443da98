"""Inserting rows where every millisecond counts: a few hundred times a second, beside workers on the same cores.

Building a query takes Django longer than PostgreSQL takes to run it. ``bench/callbacks.py`` and ``bench/orders.py``
show what these are good for.
"""

from collections.abc import Sequence
from typing import Any

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


def _insert(rows: Sequence[models.Model]) -> tuple[str, list[Any]]:
    parameters: list[Any] = []
    texts = []
    fields = rows[0]._meta.concrete_fields
    for row in rows:
        values = []
        for field in fields:
            value = field.pre_save(row, add=True)
            if isinstance(value, DatabaseDefault) or (value is None and isinstance(field, models.AutoField)):
                values.append("DEFAULT")
            else:
                values.append("%s")
                parameters.append(field.get_db_prep_save(value, connection))
        texts.append(f"({', '.join(values)})")
    columns = ", ".join(f'"{field.column}"' for field in fields)
    sql = f'INSERT INTO "{rows[0]._meta.db_table}" ({columns}) VALUES {", ".join(texts)}'  # noqa: S608 - names of the model
    return sql, parameters


def _given_by_database(row: models.Model) -> "list[models.Field[Any, Any]]":
    return [field for field in row._meta.concrete_fields if isinstance(getattr(row, field.attname), DatabaseDefault)]
