"""From an event to the notifications of those whom it concerns."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from accounts.models import User
from catalog.models import Product, Variant
from ecommerce.models import Event
from inbox.notifications.models import Notification, NotificationWish
from inbox.notifications.texts import TOPICS
from inbox.people import staff_who_may
from orders.models import Order

# Tries to pay that the customer or the shop gave up for another: no news to anybody.
_NO_NEWS = ("superseded", "order_cancelled", "closed_by_staff")


def notify(events: Sequence[Event]) -> None:
    """Make the notifications of some events, for everybody who wants them, once each. In a transaction."""
    told = [event for event in events if event.kind in TOPICS and event.data.get("outcome") not in _NO_NEWS]
    concerned = {event.pk: _concerned(event) for event in told}
    wanted_by = _wanting({user_id for ids in concerned.values() for user_id in ids})
    news = [event for event in told if concerned[event.pk] & wanted_by[TOPICS[event.kind]]]
    if not news:
        return
    facts = _facts(news)
    Notification.objects.bulk_create(
        (
            Notification(
                user_id=user_id,
                event_id=event.pk,
                kind=event.kind,
                topic=TOPICS[event.kind],
                object_id=event.object_id,
                data=facts[event.pk],
            )
            for event in news
            for user_id in sorted(concerned[event.pk] & wanted_by[TOPICS[event.kind]])
        ),
        ignore_conflicts=True,
    )


def _concerned(event: Event) -> set[UUID]:
    if event.kind == "stock.low":
        return set(staff_who_may("catalog.view_lowstockalert").values_list("pk", flat=True))
    if event.kind == "stock.back":
        return {UUID(user_id) for user_id in event.data.get("waiting", [])}
    return {event.user_id} if event.user_id else set()


def _wanting(user_ids: Iterable[UUID]) -> dict[str, set[UUID]]:
    """Return, for each topic, those of some users who are still here and want it."""
    if not user_ids:
        return defaultdict(set)
    here = set(User.objects.filter(pk__in=user_ids, is_active=True).values_list("pk", flat=True))
    unwanted: defaultdict[str, set[UUID]] = defaultdict(set)
    wishes = NotificationWish.objects.filter(user__in=here, is_wanted=False)
    for user_id, topic in wishes.values_list("user_id", "topic"):
        unwanted[topic].add(user_id)
    return {topic: here - unwanted[topic] for topic in TOPICS.values()}


def _facts(events: Sequence[Event]) -> dict[int, dict[str, Any]]:
    """Return what each notification shows: the order's number, the name of the goods, an amount."""
    orders = Order.objects.in_bulk({pk for event in events if (pk := _order_id(event))})
    back = {event.object_id for event in events if event.kind == "stock.back"}
    names = dict(Product.objects.filter(pk__in=back).values_list("pk", "product_name")) if back else {}
    low = {event.object_id for event in events if event.kind == "stock.low"}
    skus = dict(Variant.objects.filter(pk__in=low).values_list("pk", "sku")) if low else {}
    facts: dict[int, dict[str, Any]] = {}
    for event in events:
        found: dict[str, Any] = {
            name: event.data[name] for name in ("amount", "currency", "outcome") if name in event.data
        }
        if order := orders.get(_order_id(event) or event.object_id):
            found |= {"order_id": str(order.pk), "number": order.number}
        if event.kind.startswith("return."):
            found["return_number"] = event.data.get("number", "")
        if event.kind.startswith("stock."):
            found["name"] = names.get(event.object_id) or skus.get(event.object_id) or ""
        facts[event.pk] = found
    return facts


def _order_id(event: Event) -> UUID | None:
    if event.kind.startswith("order."):
        return event.object_id
    named = event.data.get("order_id")
    return UUID(named) if named else None
