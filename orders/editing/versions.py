"""Telling whether an order is still what its editor has read."""

from collections.abc import Sequence

from ecommerce.exceptions import ErrorRow
from orders.editing.exceptions import OrderChanged
from orders.models import Order


def etag_of(order: Order) -> str:
    """Return a strong ``ETag`` that changes whenever the order's row is written."""
    return f'"{int(order.updated_at.timestamp() * 1_000_000):x}"'


def refuse_changed(order: Order, etags: Sequence[str]) -> None:
    """Compare a locked order with what an editor has seen; without any ``etags`` nothing is asked.

    Raises:
        OrderChanged
    """
    if not etags or "*" in etags or etag_of(order) in etags:
        return
    raise OrderChanged(
        [ErrorRow(OrderChanged.code, OrderChanged.message, "If-Match")],
        etag=etag_of(order),
        updated_at=order.updated_at,
        total_amount=str(order.total_amount),
    )
