"""The one way from one status of an order to the next."""

from collections.abc import Sequence
from uuid import UUID

from accounts.models import User
from ecommerce.events import event_of
from ecommerce.insertion import as_rows, inserting
from ecommerce.models import Event
from ecommerce.prepared import Statement
from orders.exceptions import InvalidOrderTransition
from orders.models import Order, OrderEvent

_MOVE = Statement(
    f"WITH {inserting(OrderEvent, 'timeline')}, {inserting(Event, 'events')} SELECT",
    timeline="jsonb",
    events="jsonb",
)


def transition_order(order_id: UUID, target: Order.Status, *, actor: User | None = None, note: str = "") -> Order:
    """Lock an order and change its status, see ``move_order``. Must run inside a transaction.

    Raises:
        InvalidOrderTransition: the table does not allow it; carries the allowed ones.
    """
    return move_order(lock_order(order_id), target, actor=actor, note=note)


def move_order(
    order: Order, target: Order.Status, *, actor: User | None = None, note: str = "", also: Sequence[str] = ()
) -> Order:
    """Change the status of an order, as it was read under its lock, and note who did it. Saves the fields ``also``.

    Raises:
        InvalidOrderTransition: the table does not allow it; carries the allowed ones.
    """
    if target not in order.next_statuses:
        raise InvalidOrderTransition(order, target)
    event = event_of(f"order.{target}", order.pk, user_id=order.user_id, from_status=order.status, status=str(target))
    moved = OrderEvent(order=order, from_status=order.status, to_status=target, actor=actor, note=note[:200])
    _MOVE.run(timeline=as_rows(OrderEvent, [moved]), events=as_rows(Event, [event]))
    order.status = target
    order.save(update_fields=["status", *also, "updated_at"])
    return order


def lock_order(order_id: UUID) -> Order:
    # NO KEY UPDATE: rows that merely point at the order may still be inserted meanwhile, without a deadlock.
    return Order.objects.select_for_update(no_key=True, of=("self",)).get(pk=order_id)
