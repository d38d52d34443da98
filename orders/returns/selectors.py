"""Reading returns, by audience."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet, Sum

from accounts.models import User
from orders.models import Order
from orders.returns.models import Return, ReturnItem


def sees_returns(user: User | None) -> bool:
    """Tell whether somebody is staff who may see every return."""
    return user is not None and user.is_staff and user.has_perm("orders.view_return")


def handles_returns(user: User | None) -> bool:
    """Tell whether somebody is staff who may see every return and decide it."""
    return user is not None and sees_returns(user) and user.has_perm("orders.change_return")


def refunds_returns(user: User | None) -> bool:
    """Tell whether somebody is staff who may see every return and let its money leave the shop."""
    return user is not None and sees_returns(user) and user.has_perm("orders.refund_return")


def returns_visible_to(user: User | None, token_order: UUID | None = None) -> QuerySet[Return]:
    """A customer's own; every one for staff who may see returns; a guest's by the order that their token opens.

    With items and replacement, in two statements.
    """
    items = ReturnItem.objects.select_related("order_item", "exchange_variant", "warehouse")
    returns = Return.objects.select_related("order", "replacement").prefetch_related(Prefetch("items", queryset=items))
    if sees_returns(user):
        return returns
    return returns.filter(order__in=orders_of(user, token_order))


def orders_of(user: User | None, token_order: UUID | None = None) -> QuerySet[Order]:
    """Return the orders whose goods somebody may give back: their own, or the guest's order that a token opens."""
    if user is not None:
        return Order.objects.filter(user=user)
    return Order.objects.filter(pk=token_order, user__isnull=True) if token_order else Order.objects.none()


def coming_back(order: Order) -> dict[UUID, int]:
    """Return how many units of each line are named in returns whose goods may still come."""
    rows = ReturnItem.objects.filter(goods_return__order=order, goods_return__status__in=Return.COMING)
    return dict(rows.values_list("order_item_id").annotate(units=Sum("quantity")).order_by())


def returnable_until(order: Order, reason: str) -> datetime | None:
    """Return when the time to give an order back for this reason ends; None before all of it is delivered."""
    arrived = order.events.filter(~Q(from_status=Order.Status.DELIVERED), to_status=Order.Status.DELIVERED).last()
    if arrived is None:
        return None
    within = settings.ORDER_RETURN_WINDOW_FAULTY if reason in Return.FAULTY else settings.ORDER_RETURN_WINDOW
    return arrived.created_at + within


def came_back(order: Order) -> bool:
    """Tell whether nothing of a locked order is with its customer or will be, and all is settled by refunds."""
    items = list(order.items.all())
    returns = set(order.returns.values_list("status", flat=True))
    gone = {Return.Status.REFUNDED, Return.Status.REJECTED, Return.Status.CANCELLED}
    return (
        Return.Status.REFUNDED in returns
        and returns <= gone
        and all(item.quantity == item.cancelled_quantity + item.returned_quantity for item in items)
    )
