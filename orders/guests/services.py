"""Taking a guest's order into an account."""

from uuid import UUID

from django.db import transaction

from accounts.models import User
from orders import hooks
from orders.exceptions import OrderNotFound
from orders.models import Order
from orders.services import lock_order


@transaction.atomic
def claim_order(order_id: UUID, *, user: User) -> Order:
    """Make an order that nobody owns a user's own; the caller has seen its link. Of two users the first gets it.

    Raises:
        OrderNotFound: there is no such order, or it is somebody else's.
    """
    if not Order.objects.filter(pk=order_id).exists():
        raise OrderNotFound()
    for prepare in hooks.before_claim:
        prepare(order_id, user)
    order = lock_order(order_id)
    if order.user_id == user.pk:
        return order
    if order.user_id is not None:
        raise OrderNotFound()
    order.user = user
    order.save(update_fields=["user", "updated_at"])
    order.events.create(from_status=order.status, to_status=order.status, actor=user, note="taken into an account")
    return order
