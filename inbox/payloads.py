"""The body of an event: its own facts, and those of its object as they are when it is told, a moment later."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from catalog.models import Product, Variant
from catalog.selectors import products_for_sale
from ecommerce.models import Event
from inbox.catalogue import KINDS
from orders.models import Order

MAX_BODY = 64 * 1024  # bytes; a longer one goes without the list that makes it long
Data = dict[str, Any]


def bodies_of(events: Sequence[Event]) -> dict[int, str]:
    """Return the JSON of each event by its id; of kinds that nobody may subscribe to there is none."""
    known = [event for event in events if event.kind in KINDS]
    found: dict[str, Mapping[UUID, Data]] = {}
    for topic in {_topic(event) for event in known}:
        if reader := _READERS.get(topic):
            found[topic] = reader({event.object_id for event in known if _topic(event) == topic})
    return {event.pk: _body(event, found.get(_topic(event), {}).get(event.object_id, {})) for event in known}


def _body(event: Event, facts: Data) -> str:
    # The event's own facts last: an order that was paid says so, though it may be shipped by now.
    own = {name: value for name, value in event.data.items() if name != "waiting"}
    if event.user_id is not None or _topic(event) in _OF_SOMEBODY:
        own["user_id"] = str(event.user_id) if event.user_id else None
    data = {"id": str(event.object_id), **facts, **own}
    text = _json(event, data)
    if len(text.encode()) > MAX_BODY:
        text = _json(event, {name: value for name, value in data.items() if name != "items"} | {"truncated": True})
    return text


def _json(event: Event, data: Data) -> str:
    timestamp = event.created_at.isoformat().replace("+00:00", "Z")
    body = {"type": event.kind, "timestamp": timestamp, "sequence": event.pk, "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _topic(event: Event) -> str:
    return event.kind if event.kind.startswith("stock.") else event.kind.partition(".")[0]


def _orders(ids: Iterable[UUID]) -> dict[UUID, Data]:
    return {
        order.pk: {
            "number": order.number,
            "status": order.status,
            "currency": order.currency,
            "total_amount": str(order.total_amount),
            "items": [
                {
                    "id": str(item.pk),
                    "product_id": str(item.product_id),
                    "variant_id": str(item.variant_id),
                    "sku": item.sku,
                    "quantity": item.quantity,
                    "price": str(item.price),
                }
                for item in order.items.all()
            ],
        }
        for order in Order.objects.filter(pk__in=ids).prefetch_related("items")
    }


def _products(ids: Iterable[UUID]) -> dict[UUID, Data]:
    gone: dict[UUID, Data] = {pk: {"for_sale": False} for pk in ids}
    products: Iterable[Product] = products_for_sale().filter(pk__in=list(gone))
    return gone | {
        product.pk: {
            "for_sale": True,
            "product_name": product.product_name,
            "url_key": product.url_key,
            "price": str(product.price),
            "currency": product.currency,
            "in_stock": product.in_stock,
        }
        for product in products
    }


def _variants(ids: Iterable[UUID]) -> dict[UUID, Data]:
    variants = Variant.objects.filter(pk__in=ids).select_related("stock_level")
    return {variant.pk: {"sku": variant.sku, "available": variant.stock_level.available} for variant in variants}


_READERS: dict[str, Callable[[Iterable[UUID]], Mapping[UUID, Data]]] = {
    "order": _orders,
    "product": _products,
    "stock.back": _products,
    "stock.low": _variants,
}
_OF_SOMEBODY = ("order", "payment", "refund", "return")  # guests' things have nobody's id
