"""Inserting rows where every millisecond counts: a few hundred times a second, beside workers on the same cores."""

from typing import Any

from django.db import connection, models
from django.db.models.expressions import DatabaseDefault


def insert_once(row: models.Model) -> bool:
    """Insert a row unless one of its unique keys is taken; tell whether it was inserted.

    What ``bulk_create(..., ignore_conflicts=True)`` does, without building a query each time, and with the answer. A
    twin that is being inserted is waited for. ``bench/callbacks.py`` shows what it is good for.
    """
    values: list[str] = []
    parameters: list[Any] = []
    fields = row._meta.concrete_fields
    for field in fields:
        value = field.pre_save(row, add=True)
        if isinstance(value, DatabaseDefault):
            values.append("DEFAULT")
        else:
            values.append("%s")
            parameters.append(field.get_db_prep_save(value, connection))
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{row._meta.db_table}" ({columns}) VALUES ({", ".join(values)}) ON CONFLICT DO NOTHING',  # noqa: S608 - names of the model
            parameters,
        )
        return bool(cursor.rowcount == 1)
