"""Reading what was changed: who, when, what it was before and after."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BigIntegerField, F, Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast
from pghistory.models import Event

from accounts.models import User
from catalog.history.models import (
    BrandEvent,
    CategoryEvent,
    PriceListEvent,
    PriceListItemEvent,
    ProductEvent,
    ProductImageEvent,
    ReviewEvent,
    VariantEvent,
)
from catalog.models import Product, StockMovement, Variant
from catalog.permissions import staff_may
from catalog.prices.models import PriceList

Key = Mapping[str, Any]  # {"at", "what", "ref"}: one change, before it is read
STOCK = "stock"
PRICE = "price"
# The library makes their fields, so no type checker knows them.
EVENTS: dict[str, Any] = {
    "product": ProductEvent,
    "variant": VariantEvent,
    "image": ProductImageEvent,
    "review": ReviewEvent,
    "category": CategoryEvent,
    "brand": BrandEvent,
    "price_list": PriceListEvent,
    PRICE: PriceListItemEvent,
}
_BELOW_PRODUCT = ("variant", "image", "review")
# What a row of each kind is called.
_NAMES = {
    "product": "product_name",
    "variant": "sku",
    "image": "alt",
    "category": "category_name",
    "brand": "name",
    "price_list": "name",
}
_ENCODER = DjangoJSONEncoder()


@dataclass(frozen=True)
class Change:
    """One change. ``changes`` has ``before`` and ``after`` by field; of stock, which is a ledger, ``by`` how much."""

    at: datetime
    kind: str
    id: UUID  # of what was changed
    name: str
    action: str
    changes: dict[str, dict[str, Any]]
    note: str
    actor: User | None
    actor_id: str
    via: str
    request_id: str


def may_read_history(user: User) -> bool:
    return staff_may(user, "view_productevent")


def changes_of_product(product_id: UUID) -> QuerySet[Any, Key]:
    """Return the keys of all changes of a product and what belongs to it, also of what is gone; newest first.

    Of stock those that people made: what orders do to it, the orders tell.
    """
    events = [
        _keys(EVENTS["product"].objects.filter(pgh_obj=product_id), "product"),
        *(_keys(EVENTS[kind].objects.filter(product=product_id), kind) for kind in _BELOW_PRODUCT),
    ]
    movements = StockMovement.objects.filter(variant__product=product_id, order_item_id__isnull=True)
    first, *others = events
    return _newest_first(first.union(*others, _keys(movements, STOCK, at="created_at", ref="pk"), all=True))


def changes_of_price_list(price_list_id: UUID) -> QuerySet[Any, Key]:
    """Return the keys of all changes of a price list and its prices, newest first."""
    own = _keys(EVENTS["price_list"].objects.filter(pgh_obj=price_list_id), "price_list")
    prices = _keys(EVENTS[PRICE].objects.filter(price_list=price_list_id), PRICE)
    return _newest_first(own.union(prices, all=True))


def changes_of(row: Model) -> QuerySet[Any, Key]:
    """Return the keys of the changes of one row, newest first: of a product and a price list with what is in it."""
    if isinstance(row, Product):
        return changes_of_product(row.pk)
    if isinstance(row, PriceList):
        return changes_of_price_list(row.pk)
    kind = next(kind for kind, model in EVENTS.items() if model.pgh_tracked_model is type(row))
    return _newest_first(_keys(EVENTS[kind].objects.filter(pgh_obj=row.pk), kind))


def read_changes(keys: Sequence[Key]) -> list[Change]:
    """Read the changes that ``keys`` name, in their order; the statements do not grow with them."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for kind in {key["what"] for key in keys}:
        refs = [key["ref"] for key in keys if key["what"] == kind]
        facts = _movements(refs) if kind == STOCK else _events(kind, refs)
        found |= {(kind, ref): fact for ref, fact in facts.items()}
    rows = [
        found[key["what"], key["ref"]] | {"kind": key["what"]} for key in keys if (key["what"], key["ref"]) in found
    ]
    people = User.objects.in_bulk([row["actor_id"] for row in rows if row["actor_id"]])
    return [Change(**row, actor=people.get(UUID(row["actor_id"])) if row["actor_id"] else None) for row in rows]


def before_and_after(kind: str, events: Iterable[Event]) -> dict[int, dict[str, dict[str, Any]]]:
    """Return, for each of these events of one model, the fields that it changed."""
    model = EVENTS[kind]
    fields = [field for field in model._meta.fields if not field.name.startswith("pgh_")]
    later = model.objects.filter(pgh_obj=OuterRef("pgh_obj"), pgh_id__gt=OuterRef("pgh_id")).exclude(
        pgh_label="created"
    )
    pairs = dict(
        model.objects.filter(pk__in=[event.pk for event in events]).values_list(
            "pk", Subquery(later.order_by("pgh_id").values("pgh_id")[:1])
        )
    )
    nexts = model.objects.in_bulk([pk for pk in pairs.values() if pk])
    tracked: type[Model] = model.pgh_tracked_model
    open_ended = [_object_id(event) for event in events if not pairs.get(event.pk)]
    rows = tracked._default_manager.only(*(field.name for field in fields)).in_bulk(open_ended)
    changes = {}
    for event in events:
        own = {field.name: getattr(event, field.attname) for field in fields}
        if event.pgh_label == "created":
            blank = dict.fromkeys(own)
            changes[event.pk] = _differences(
                blank, {name: value for name, value in own.items() if value not in ("", {}, [])}
            )
        elif event.pgh_label == "deleted":
            changes[event.pk] = _differences(own, dict.fromkeys(own))
        else:
            after = nexts.get(pairs.get(event.pk)) or rows.get(_object_id(event))
            then = {field.name: getattr(after, field.attname) for field in fields} if after else {}
            changes[event.pk] = _differences(own, then)
    return changes


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: {"before": _as_json(before[name]), "after": _as_json(after[name])}
        for name in after
        if before[name] != after[name]
    }


def _as_json(value: Any) -> Any:
    """Return amounts, times and ids as texts, as the API tells them elsewhere."""
    return _ENCODER.default(value) if isinstance(value, Decimal | datetime | UUID) else value


def _keys(rows: QuerySet[Any], kind: str, *, at: str = "pgh_created_at", ref: str = "pgh_id") -> QuerySet[Any, Key]:
    named = rows.order_by().annotate(at=F(at), what=Value(kind), ref=Cast(F(ref), BigIntegerField()))
    keys: QuerySet[Any, Key] = named.values("at", "what", "ref")
    return keys


def _newest_first(keys: QuerySet[Any, Key]) -> QuerySet[Any, Key]:
    return keys.order_by("-at", "-ref")


def _events(kind: str, refs: Sequence[int]) -> dict[int, dict[str, Any]]:
    events = list(EVENTS[kind].objects.filter(pk__in=refs))
    changes = before_and_after(kind, events)
    facts = {event.pk: facts_of(kind, event) | {"changes": changes[event.pk]} for event in events}
    if kind == PRICE:  # which has no name but its variant's
        variants = {event.pk: event.variant_id for event in events}
        skus = dict(Variant.objects.filter(pk__in=variants.values()).values_list("pk", "sku"))
        for pk, variant_id in variants.items():
            facts[pk]["name"] = skus.get(variant_id, "")
    return facts


def facts_of(kind: str, event: Event) -> dict[str, Any]:
    """Return who made a change, by which way, and of what."""
    context: dict[str, str] = getattr(event, "pgh_context", None) or {}
    return {
        "at": event.pgh_created_at,
        "id": _object_id(event),
        "name": getattr(event, _NAMES[kind]) if kind in _NAMES else "",
        "action": event.pgh_label,
        "note": "",
        "actor_id": context.get("actor", ""),
        "via": context.get("via", ""),
        "request_id": context.get("request_id", ""),
    }


def _movements(refs: Sequence[int]) -> dict[int, dict[str, Any]]:
    return {
        movement.pk: {
            "at": movement.created_at,
            "id": movement.variant_id,
            "name": movement.variant.sku,
            "action": movement.kind,
            "changes": {
                "available": {"by": movement.available_change},
                "on_hand": {"by": movement.on_hand_change},
            },
            "note": movement.reason,
            "actor_id": str(movement.actor_id or ""),
            "via": "",
            "request_id": "",
        }
        for movement in StockMovement.objects.filter(pk__in=refs).select_related("variant")
    }


def _object_id(event: Event) -> UUID:
    pk: UUID = getattr(event, "pgh_obj_id")  # noqa: B009 - the library adds the field
    return pk
