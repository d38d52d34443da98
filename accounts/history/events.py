"""The tables of changes, one for each model whose history is kept. Triggers write them, whatever writes the rows.

A change keeps the row as it was *before*. What it was after is told by the next change, or by the row itself: so
nothing is doubled, history needs no beginning, and forgetting the oldest of it leaves the rest whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pghistory
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from pghistory.models import Event

# Kept by triggers, workers and the search, or plain from the event itself.
_DERIVED = ("id", "created_at", "updated_at")


@dataclass(frozen=True)
class Kind:
    """One kind of thing whose history is kept; of a list, such as the products of a promotion, what comes and goes.

    ``named_by`` is the field that tells what a row is called, maybe through a reference: ``variant__sku``.
    ``belongs_to`` tells by which column it belongs to which other kinds; ``list_of`` is the column of a list's owner.
    """

    name: str
    model: Any  # the library makes its fields, so no type checker knows them
    named_by: str = ""
    belongs_to: Mapping[str, str] = field(default_factory=dict)
    list_of: str = ""

    @property
    def tracked(self) -> type[models.Model]:
        tracked: type[models.Model] = self.model.pgh_tracked_model
        return tracked

    @property
    def fields(self) -> list[Any]:
        return [each for each in self.model._meta.fields if not each.name.startswith("pgh_")]


KINDS: dict[str, Kind] = {}


def kept(kind: Kind) -> type[Event]:
    """Let the history of a kind be read, and forgotten when it is old; return its table."""
    KINDS[kind.name] = kind
    model: type[Event] = kind.model
    return model


def kind_of(tracked: type[models.Model]) -> Kind:
    """Return the kind that keeps the history of a model."""
    return next(kind for kind in KINDS.values() if kind.tracked is tracked)


def history_of(
    model: type[models.Model],
    *,
    fields: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    by: str = "",
    only_changes: bool = False,
) -> type[Event]:
    """Make the table and the triggers of one model's history.

    ``by`` adds an index for finding what belongs to another row. With ``only_changes`` a row that is made or deleted
    is told by another.
    """
    trackers: list[Any] = [pghistory.UpdateEvent(label="changed", row=pghistory.Old)]
    if not only_changes:
        trackers = [pghistory.InsertEvent(label="created"), *trackers, pghistory.DeleteEvent(label="deleted")]
    return _event_model(
        model,
        trackers,
        fields=None if fields is None else list(fields),
        exclude=[*_DERIVED, *exclude],
        obj_field=pghistory.ObjForeignKey(related_name="+", db_index=False),
        columns=("pgh_obj", by),
    )


def history_of_list(proxy: type[models.Model], *, owner: str) -> type[Event]:
    """Make the table and the triggers of what comes to a many-to-many list and goes from it.

    ``proxy`` is a proxy of the list's own model: migrations see no triggers of that.
    """
    trackers = [pghistory.InsertEvent(label="added"), pghistory.DeleteEvent(label="removed")]
    return _event_model(proxy, trackers, exclude=["id"], obj_field=None, columns=(owner,))


def _event_model(
    model: type[models.Model], trackers: Sequence[Any], *, columns: Sequence[str], **options: Any
) -> type[Event]:
    short = model.__name__.lower()
    names = [f"{short}_events", f"{short}_events_of_{columns[-1].rpartition('_')[2]}"]
    indexes: list[Any] = [
        models.Index(fields=[column, "pgh_id"], name=name)
        for column, name in zip(columns, names, strict=False)
        if column
    ]
    indexes.insert(1, BrinIndex(fields=["pgh_created_at"], name=f"{short}_events_age"))
    event: type[Event] = pghistory.create_event_model(  # type: ignore[assignment]
        model,
        *trackers,
        append_only=True,
        abstract=False,
        model_name=f"{model.__name__}Event",
        meta={"default_permissions": ("view",), "indexes": indexes},
        **options,
    )
    return event
