"""Giving units that have come to the orders that wait for them.

An order's line knows how many of its units are awaited. That is decided when it is placed, or when staff add units to
it, under the lock of the stock row, and nothing else raises it. ``Stock.available`` below zero is how many units are
owed in all, so the lines of a variant never await fewer than that. They await more for a moment after goods have come,
or an order is cancelled: the difference has come and is to be given out. A trigger on ``Stock`` owes ``allocate`` then,
whatever wrote the row.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from catalog import stock
from ecommerce.models import new_id
from orders.models import Order, OrderItem
from orders.tasks import allocate_stock, send_goods_arrived

BATCH = 50  # lines, and so orders, that one transaction locks


@transaction.atomic
def allocate(variant_id: UUID) -> int:
    """Give what has come of a variant to those who wait, the first order first; return how many units.

    A repeat gives nothing. Locks orders by key, then the stock row: as whoever cancels or ships one. Orders that wait
    for nothing more are told of, once, if they are paid or will be at the door.
    """
    first = list(_waiting(variant_id)[:BATCH])
    # What is cancelled or given out meanwhile leaves the queue and what is ordered meanwhile stands behind these.
    orders = Order.objects.select_for_update(no_key=True).filter(pk__in={line.order_id for line in first})
    locked = {order.pk: order for order in orders.order_by("pk")}
    level = stock.lock_stock([variant_id]).get(variant_id)
    if level is None:
        return 0
    awaited = OrderItem.objects.filter(variant_id=variant_id, awaited_quantity__gt=0).aggregate(
        units=Sum("awaited_quantity", default=0)
    )
    come: int = awaited["units"] - max(-level.available, 0)
    left = come
    given: list[OrderItem] = []
    for line in _waiting(variant_id).filter(order__in=locked) if left > 0 else ():
        units = min(left, line.awaited_quantity)
        if not units:
            break
        line.awaited_quantity -= units
        line.updated_at = timezone.now()
        left -= units
        given.append(line)
        _note(locked[line.order_id], f"{units} × {line.sku} came for it")
    OrderItem.objects.bulk_update(given, ["awaited_quantity", "updated_at"])
    _tell([locked[line.order_id] for line in given])
    if left > 0 and len(first) == BATCH:
        allocate_stock.owe(f"allocate:{variant_id}:{new_id()}", variant_id=str(variant_id))
    return max(come - left, 0)


def _waiting(variant_id: UUID) -> QuerySet[OrderItem]:
    """Return the lines that wait for a variant, those of the first order first."""
    return OrderItem.objects.filter(variant_id=variant_id, awaited_quantity__gt=0).order_by(
        "order__created_at", "order_id"
    )


def _tell(orders: Sequence[Order]) -> None:
    waiting = set(OrderItem.objects.filter(order__in=orders, awaited_quantity__gt=0).values_list("order_id", flat=True))
    for order in orders:
        is_due = order.status == Order.Status.PAID or order.pay_on_delivery
        if order.email and is_due and order.pk not in waiting:
            send_goods_arrived.owe(f"goods-arrived:{order.pk}", order_id=str(order.pk))


def _note(order: Order, note: str) -> None:
    order.events.create(from_status=order.status, to_status=order.status, note=note[:200])
