"""Exporting and erasing by what the tables say of themselves."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pgtrigger
from django.db import models
from django.db.models import QuerySet

from accounts.models import User
from accounts.privacy.identity import Identity
from accounts.privacy.registry import Exporter, Section
from accounts.privacy.tables import Fate, Table, declared

BATCH = 500


def export_tables(app: str) -> Exporter:
    """Return what exports all rows of an app's tables that belong to a user."""

    def export(user: User) -> Iterator[Section]:
        for table in _tables_of(app):
            yield table.label, _rows(table, user)

    return export


def erase_tables(app: str, identity: Identity) -> None:
    """Do with an app's tables what they say of themselves, in the order in which they were declared."""
    for table in _tables_of(app):
        if table.fate is Fate.OWN_RULE:
            continue
        rows = owned(table, identity)
        if table.fate is Fate.DELETED:
            rows.delete()
            continue
        with pgtrigger.ignore(f"{table.label}:{table.guard}") if table.guard else nullcontext():
            if empty := {name: _empty(table.model, name) for name in table.names("erased")}:
                rows.update(**empty)
            scrub(rows, table.names("scrubbed"), identity)


def owned(table: Table, identity: Identity) -> QuerySet[Any]:
    return table.model._base_manager.filter(**{table.owner: identity.user_id})


def scrub(rows: QuerySet[Any], columns: list[str], identity: Identity) -> None:
    """Take the person's names out of texts, row by row, where they stand there."""
    if not columns:
        return
    for pk, *texts in rows.values_list("pk", *columns).iterator(chunk_size=BATCH):
        changed = {
            name: clean
            for name, text in zip(columns, texts, strict=True)
            if text and (clean := _fitting(rows.model, name, identity.scrub(text))) != text
        }
        if changed:
            rows.model._base_manager.filter(pk=pk).update(**changed)


def _fitting(model: type[models.Model], name: str, text: str) -> str:
    """Return a text no longer than its column: what was taken out may have been shorter than what says so."""
    return text[: getattr(model._meta.get_field(name), "max_length", None)]


def _tables_of(app: str) -> list[Table]:
    return [table for table in declared() if table.owner and table.model._meta.app_label == app]


def _rows(table: Table, user: User) -> Iterator[dict[str, Any]]:
    hidden = set(table.names("hidden"))
    columns = [
        field.attname
        for field in table.model._meta.concrete_fields
        # Other people's ids, the user's own, and what is of no meaning outside are left out.
        if field.name not in hidden and field.related_model is not User
    ]
    rows = table.model._base_manager.filter(**{table.owner: user.pk}).order_by("pk")
    return rows.values(*columns).iterator(chunk_size=BATCH)


def _empty(model: type[models.Model], name: str) -> Any:
    field = model._meta.get_field(name)
    if isinstance(field, models.JSONField):
        return {}
    return None if getattr(field, "null", False) else ""
