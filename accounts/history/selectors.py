"""Reading what was changed: who, when, what it was before and after."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BigIntegerField, F, Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast
from pghistory.models import Event

from accounts.history.events import KINDS, Kind, kind_of
from accounts.models import User

Key = Mapping[str, Any]  # {"at", "what", "ref"}: one change, before it is read
Facts = dict[str, Any]
_BEFORE_ANYTHING = ("created", "added")
_AFTER_ALL = ("deleted", "removed")
_ENCODER = DjangoJSONEncoder()


@dataclass(frozen=True)
class Ledger:
    """What is told among the changes of a kind, and is kept elsewhere: movements of stock."""

    of: str
    keys: Callable[[UUID], QuerySet[Any, Key]]
    read: Callable[[Sequence[int]], dict[int, Facts]]


LEDGERS: dict[str, Ledger] = {}


@dataclass(frozen=True)
class Change:
    """One change. ``changes`` has ``before`` and ``after`` by field; of stock, which is a ledger, ``by`` how much."""

    at: datetime
    kind: str
    id: UUID  # of what was changed; of a list, of what has it
    name: str
    action: str
    changes: dict[str, dict[str, Any]]
    note: str
    actor: User | None
    actor_id: str
    via: str
    request_id: str


def may_read_history(user: User, tracked: type[Model]) -> bool:
    meta = kind_of(tracked).model._meta
    return user.is_staff and user.has_perm(f"{meta.app_label}.view_{meta.model_name}")


def changes_of(tracked: type[Model], pk: UUID) -> QuerySet[Any, Key]:
    """Return the keys of all changes of one row and of what belongs to it, also of what is gone; newest first."""
    own = kind_of(tracked)
    below = [kind for kind in KINDS.values() if own.name in kind.belongs_to]
    keys = [
        as_keys(own.model.objects.filter(pgh_obj=pk), own.name),
        *(as_keys(kind.model.objects.filter(**{kind.belongs_to[own.name]: pk}), kind.name) for kind in below),
        *(ledger.keys(pk) for ledger in LEDGERS.values() if ledger.of == own.name),
    ]
    return (keys[0].union(*keys[1:], all=True) if keys[1:] else keys[0]).order_by("-at", "-ref")


def as_keys(rows: QuerySet[Any], kind: str, *, at: str = "pgh_created_at", ref: str = "pgh_id") -> QuerySet[Any, Key]:
    named = rows.order_by().annotate(at=F(at), what=Value(kind), ref=Cast(F(ref), BigIntegerField()))
    keys: QuerySet[Any, Key] = named.values("at", "what", "ref")
    return keys


def read_changes(keys: Sequence[Key]) -> list[Change]:
    """Read the changes that ``keys`` name, in their order; the statements do not grow with them."""
    found: dict[tuple[str, int], Facts] = {}
    for kind in {key["what"] for key in keys}:
        refs = [key["ref"] for key in keys if key["what"] == kind]
        facts = LEDGERS[kind].read(refs) if kind in LEDGERS else _events(KINDS[kind], refs)
        found |= {(kind, ref): fact for ref, fact in facts.items()}
    rows = [
        found[key["what"], key["ref"]] | {"kind": key["what"]} for key in keys if (key["what"], key["ref"]) in found
    ]
    people = User.objects.in_bulk([row["actor_id"] for row in rows if row["actor_id"]])
    return [Change(**row, actor=people.get(UUID(row["actor_id"])) if row["actor_id"] else None) for row in rows]


def before_and_after(kind: Kind, events: Iterable[Event]) -> dict[int, dict[str, dict[str, Any]]]:
    """Return, for each of these events of one model, the fields that it changed."""
    fields = [field for field in kind.fields if field.name != kind.list_of]
    changed = [event for event in events if event.pgh_label not in (*_BEFORE_ANYTHING, *_AFTER_ALL)]
    nexts, rows = _what_came_after(kind, changed) if changed else ({}, {})
    changes = {}
    for event in events:
        own = {field.name: getattr(event, field.attname) for field in fields}
        if event.pgh_label in _BEFORE_ANYTHING:
            blank = dict.fromkeys(own)
            changes[event.pk] = _differences(
                blank, {name: value for name, value in own.items() if value not in ("", {}, [])}
            )
        elif event.pgh_label in _AFTER_ALL:
            changes[event.pk] = _differences(own, dict.fromkeys(own))
        else:
            after = nexts.get(event.pk) or rows.get(id_of(kind, event))
            then = {field.name: getattr(after, field.attname) for field in fields} if after else {}
            changes[event.pk] = _differences(own, then)
    return changes


def _what_came_after(kind: Kind, events: Sequence[Event]) -> tuple[dict[int, Event], dict[Any, Model]]:
    """Return the next event of each, and the rows themselves of those that have none."""
    model = kind.model
    later = model.objects.filter(pgh_obj=OuterRef("pgh_obj"), pgh_id__gt=OuterRef("pgh_id")).exclude(
        pgh_label="created"
    )
    pairs = dict(
        model.objects.filter(pk__in=[event.pk for event in events]).values_list(
            "pk", Subquery(later.order_by("pgh_id").values("pgh_id")[:1])
        )
    )
    found = model.objects.in_bulk([pk for pk in pairs.values() if pk])
    open_ended = [id_of(kind, event) for event in events if not pairs.get(event.pk)]
    rows = kind.tracked._default_manager.only(*(field.name for field in kind.fields)).in_bulk(open_ended)
    return {pk: found[after] for pk, after in pairs.items() if after in found}, rows


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: {"before": _as_json(before[name]), "after": _as_json(after[name])}
        for name in after
        if before[name] != after[name]
    }


def _as_json(value: Any) -> Any:
    """Return amounts, times and ids as texts, as the API tells them elsewhere."""
    return _ENCODER.default(value) if isinstance(value, Decimal | date | UUID) else value


def _events(kind: Kind, refs: Sequence[int]) -> dict[int, Facts]:
    events = list(kind.model.objects.filter(pk__in=refs))
    changes, names = before_and_after(kind, events), names_of(kind, events)
    return {
        event.pk: facts_of(kind, event) | {"name": names[event.pk], "changes": changes[event.pk]} for event in events
    }


def names_of(kind: Kind, events: Sequence[Event]) -> dict[int, str]:
    """Return what each was called then; of what is called as another row is, as that is called now."""
    reference, _, name = kind.named_by.rpartition("__")
    if not reference:
        return {event.pk: getattr(event, name) if name else "" for event in events}
    column = kind.model._meta.get_field(reference)
    rows = column.related_model._default_manager.in_bulk({getattr(event, column.attname) for event in events})
    return {event.pk: getattr(rows.get(getattr(event, column.attname)), name, "") for event in events}


def facts_of(kind: Kind, event: Event) -> Facts:
    """Return who made a change, by which way, and of what."""
    context: dict[str, str] = getattr(event, "pgh_context", None) or {}
    return {
        "at": event.pgh_created_at,
        "id": id_of(kind, event),
        "action": event.pgh_label,
        "note": "",
        "actor_id": context.get("actor", ""),
        "via": context.get("via", ""),
        "request_id": context.get("request_id", ""),
    }


def id_of(kind: Kind, event: Event) -> UUID:
    pk: UUID = getattr(event, f"{kind.list_of or 'pgh_obj'}_id")
    return pk
