"""Changing an order's status by naming the one that it shall have."""

from uuid import UUID

from accounts.models import User
from orders import services
from orders.editing.exceptions import StatusFollowsMoney
from orders.exceptions import InvalidOrderTransition
from orders.models import Order

_BY_STATUS = {
    Order.Status.SHIPPED: services.ship_order,
    Order.Status.DELIVERED: services.deliver_order,
    Order.Status.CANCELLED: services.cancel_order,
}


def change_status(order_id: UUID, target: Order.Status, *, actor: User, note: str = "") -> Order:
    """Ship, deliver or cancel all of an order.

    Raises:
        StatusFollowsMoney: ``paid`` and ``refunded`` are not said but done, by payments.
        InvalidOrderTransition: the table does not allow it; and what the service raises that does it.
    """
    service = _BY_STATUS.get(target)
    if service is not None:
        return service(order_id, actor=actor, note=note)
    order = Order.objects.get(pk=order_id)
    if target in order.next_statuses:
        raise StatusFollowsMoney()
    raise InvalidOrderTransition(order, target)
