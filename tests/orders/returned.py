"""Orders that were delivered, and returns of them, for several test modules."""

from typing import Any

from django.contrib.auth.models import Permission

from accounts.models import User
from ecommerce.invariants import violations
from orders import services
from orders.models import Order
from orders.returns.checks import CHECKS
from orders.returns.models import Return
from orders.returns.receiving import Arrival, receive_return
from orders.returns.services import ReturnLine, approve_return, request_return
from tests.factories import UserFactory
from tests.orders.part_orders import phones_and_cables


def delivered() -> Order:
    """Three phones and two cables that were paid, shipped and delivered; see ``phones_and_cables``."""
    order = phones_and_cables()
    services.mark_paid(order.pk)
    services.ship_order(order.pk)
    services.deliver_order(order.pk)
    order.refresh_from_db()
    return order


def lines_of(order: Order, wanted: dict[str, int]) -> list[ReturnLine]:
    ids = dict(order.items.values_list("sku", "pk"))
    return [ReturnLine(ids[sku], quantity, attr=f"items.{n}") for n, (sku, quantity) in enumerate(wanted.items())]


def requested(order: Order, fields: dict[str, Any] | None = None, **wanted: int) -> Return:
    return request_return(
        order_id=order.pk, lines=lines_of(order, wanted), **{"reason": "changed_mind"} | (fields or {})
    )


def arrivals(goods_return: Return, **fields: Any) -> list[Arrival]:
    """Let all of a return come as it was asked for."""
    return [Arrival(item.pk, item.quantity, **fields) for item in goods_return.items.all()]


def received(order: Order, fields: dict[str, Any] | None = None, **wanted: int) -> Return:
    """Return units so far that the goods are here, back on the shelf."""
    goods_return = requested(order, fields, **wanted)
    approve_return(goods_return.pk)
    return receive_return(goods_return.pk, arrivals(goods_return))


def returns_clerk() -> User:
    """Staff who may handle returns, and nothing else."""
    return _member("view_return", "change_return")


def cashier() -> User:
    """Staff who may give money back for returns, and nothing else."""
    return _member("view_return", "refund_return")


def _member(*rights: str) -> User:
    member = UserFactory(is_staff=True)
    member.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return member


def assert_units_hold() -> None:
    """Cancelled and returned units, stock and sums belong together."""
    assert {check.name: found for check in CHECKS if (found := list(violations(check)))} == {}
