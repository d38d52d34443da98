"""Promising a customer what they paid back, by the order that was paid: a replacement's is the one it replaces."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from accounts.models import User
from ecommerce.money import ZERO
from orders import hooks
from orders.hooks import GiveBack
from orders.models import Order, OrderItem
from orders.returns.models import Return, ReturnItem

GivenLines = Sequence[tuple[OrderItem, int, Decimal]]


def prepare(order_id: UUID) -> None:
    """Lock what is locked before the order, which the caller then locks; needed before ``give_back``."""
    for lock in hooks.before_change:
        lock(_payer_of(order_id))


def prepare_cancel(order_id: UUID) -> None:
    """Do the same in ``before_cancel``, where payments lock what paid this order: so only for what paid for another."""
    if (payer_id := _payer_of(order_id)) != order_id:
        for lock in hooks.before_change:
            lock(payer_id)


def give_back(
    order: Order,
    amount: Decimal,
    reason: str,
    actor: User | None,
    lines: GivenLines,
    *,
    by: Sequence[GiveBack] | None = None,
) -> Decimal:
    """Promise a locked order's customer up to ``amount``, and return how much was: never more than was paid.

    ``by`` are ``hooks.give_back``, or others of that form.

    Raises:
        DomainError: it cannot go back now, such as RefundInProgress; nothing is promised.
    """
    payer_id = _payer_of(order.pk)
    payer = order if payer_id == order.pk else Order.objects.get(pk=payer_id)
    promised = ZERO
    for give in hooks.give_back if by is None else by:
        if promised < amount:
            promised += give(payer, amount - promised, reason, actor, lines)
    return promised


def give_replaced_back(order: Order, actor: User | None, note: str) -> None:
    """Promise what a cancelled replacement is worth back: the goods that it was for are here. In ``after_cancel``."""
    if order.total_amount:  # a replacement costs nothing
        return
    replaced = ReturnItem.objects.filter(replaced_by__order=order).select_related("replaced_by").order_by("pk")
    worth: dict[OrderItem, Decimal] = {}
    for item in replaced:
        if item.replaced_by is not None:
            worth[item.replaced_by] = worth.get(item.replaced_by, ZERO) + item.amount
    lines = [(line, line.quantity, amount) for line, amount in worth.items()]
    give_back(order, sum(worth.values(), ZERO), note, actor, lines)


def is_replacement(order: Order) -> bool:
    """Tell whether an order was made in exchange for goods of another."""
    return Return.objects.filter(replacement=order).exists()


def _payer_of(order_id: UUID) -> UUID:
    """Return the order whose payment paid for this one: itself, unless it was made in exchange for another's goods."""
    while replaced := Return.objects.filter(replacement_id=order_id).values_list("order_id", flat=True).first():
        order_id = replaced
    return order_id
