"""Cancelling some units of an order; ``orders.services.cancel_order`` cancels all of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from accounts.models import User
from ecommerce.exceptions import ErrorRow
from ecommerce.money import ZERO
from orders import giving_back, hooks, services
from orders.exceptions import (
    InvalidOrderTransition,
    NothingLeftToPay,
    OrderBeingPaid,
    ReplacementIndivisible,
    UnitsNotOpen,
    UnknownOrderItem,
)
from orders.fulfilment.services import settle_fulfilment
from orders.models import Order, OrderItem
from orders.worth import reprice, worth_of_units


@dataclass(frozen=True)
class UnitsInput:
    """Units of a line that somebody names. ``attr`` is where they stood in the request, for the error about them."""

    item_id: UUID
    quantity: int
    attr: str = ""


@transaction.atomic
def cancel_units(order_id: UUID, wanted: Sequence[UnitsInput], *, actor: User | None = None, note: str = "") -> Order:
    """Cancel units that are neither shipped nor cancelled: their stock comes back, exactly once.

    Of a paid order their worth goes back, an unpaid one costs so much less. The charge for shipping stays, unless
    these are the last units and none was shipped: then the order is cancelled as a whole.

    Raises:
        UnknownOrderItem: the order has no such line.
        UnitsNotOpen: more than can be cancelled, with one row each; nothing is.
        InvalidOrderTransition: it is shipped, or cancelled already.
        OrderBeingPaid: it is unpaid, and a payment attempt is unresolved.
        ReplacementIndivisible: it was made in exchange for other goods.
        NothingLeftToPay: what would be left of an unpaid order costs nothing.
        DomainError: what was paid cannot go back now; see ``hooks.give_back``.
    """
    giving_back.prepare(order_id)
    order = services.lock_order(order_id)
    if Order.Status.CANCELLED not in order.next_statuses:
        raise InvalidOrderTransition(order, Order.Status.CANCELLED)
    items = list(order.items.select_related("product"))
    units = units_of(items, wanted)
    if all(item.open_quantity == units.get(item, 0) and not item.shipped_quantity for item in items):
        return services.cancel_order(order_id, actor=actor, note=note)
    if giving_back.is_replacement(order):
        raise ReplacementIndivisible()
    is_paid = order.status != Order.Status.PENDING
    if not is_paid and order.payment_open:
        raise OrderBeingPaid()
    lines = [(item, number, worth_of_units(order, item, number).amount) for item, number in units.items()]
    services.release_units(units, actor=actor)
    named = ", ".join(f"{number} × {item.sku}" for item, number in units.items())
    services.note_event(order, f"{named} cancelled{': ' * bool(note)}{note}", actor=actor)
    if is_paid:
        worth = sum((worth for *_, worth in lines), ZERO)
        giving_back.give_back(order, worth, note or "cancelled in part", actor, lines)
        order.refresh_from_db(fields=["status"])  # all of what was paid may have gone back
    else:
        before = order.total_amount
        reprice(order, items, units)
        if before > 0 and order.total_amount == 0:
            raise NothingLeftToPay()
        for follow in hooks.total_changed:
            follow(order)
    return settle_fulfilment(order, actor=actor, note="the rest was cancelled")


def units_of(items: Sequence[OrderItem], wanted: Sequence[UnitsInput]) -> dict[OrderItem, int]:
    """Return how many units of which line are meant; the same line twice is added up.

    Raises:
        UnknownOrderItem, UnitsNotOpen: with one row for each that is wrong.
    """
    by_id = {item.pk: item for item in items}
    units: dict[OrderItem, int] = {}
    unknown: list[ErrorRow] = []
    short: list[ErrorRow] = []
    for one in wanted:
        item = by_id.get(one.item_id)
        if item is None:
            unknown.append(ErrorRow(UnknownOrderItem.code, UnknownOrderItem.message, f"{one.attr}.item_id".strip(".")))
            continue
        units[item] = units.get(item, 0) + one.quantity
        if units[item] > item.open_quantity:
            detail = f"Only {item.open_quantity} of {item.sku} can be cancelled."
            short.append(ErrorRow(UnitsNotOpen.code, detail, f"{one.attr}.quantity".strip(".")))
    if unknown:
        raise UnknownOrderItem(unknown)
    if short:
        raise UnitsNotOpen(short)
    return units
