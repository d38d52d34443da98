"""Returns until the goods arrive: requested by the customer, decided by staff.

``receiving`` takes the goods in, ``settling`` gives something for them. Every change is made under the lock of the
return's order.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from catalog.models import Product
from ecommerce.exceptions import DomainError, ErrorRow
from orders import hooks
from orders.exceptions import UnknownOrderItem
from orders.models import Order, OrderItem
from orders.returns import selectors
from orders.returns.exceptions import (
    ItemNamedTwice,
    ItemNotReturnable,
    OrderNotReturnable,
    ReturnWindowOver,
    StoreCreditUnavailable,
    UnitsNotReturnable,
)
from orders.returns.exchanging import find_wanted
from orders.returns.models import Return, ReturnItem
from orders.returns.states import lock_return, move_return, tell_customer, tell_of_return
from orders.services import lock_order, note_event

Status = Return.Status


@dataclass(frozen=True)
class ReturnLine:
    """Units that somebody wants to give back. ``attr`` is where they stood in the request."""

    item_id: UUID
    quantity: int
    exchange_variant_id: UUID | None = None
    attr: str = ""


@transaction.atomic
def request_return(
    *,
    order_id: UUID,
    lines: Sequence[ReturnLine],
    reason: str,
    resolution: str = Return.Resolution.REFUND,
    note: str = "",
    actor: User | None = None,
    is_late_allowed: bool = False,
) -> Return:
    """Ask to give shipped units back that are in no other return; exact under concurrency. Locks the order.

    ``is_late_allowed`` is for staff, who may be kind.

    Raises:
        OrderNotReturnable: nothing of it was shipped and paid, or it has ended.
        ReturnWindowOver: it was delivered too long ago for this reason.
        StoreCreditUnavailable: credit is wanted, and the shop gives none, or there is no account to give it to.
        UnknownOrderItem, ItemNamedTwice, ItemNotReturnable, UnitsNotReturnable: with one row for each.
        ExchangeUnavailable: a wanted variant is not for sale, or at another price.
    """
    order = lock_order(order_id)
    if order.paid_at is None or order.status in (Order.Status.CANCELLED, Order.Status.REFUNDED):
        raise OrderNotReturnable()
    until = selectors.returnable_until(order, reason)
    if until is not None and until < timezone.now() and not is_late_allowed:
        raise ReturnWindowOver(ended_at=until.isoformat())
    if resolution == Return.Resolution.STORE_CREDIT and (order.user_id is None or not hooks.give_credit):
        raise StoreCreditUnavailable()
    chosen = _returnable(order, lines)
    is_exchange = resolution == Return.Resolution.EXCHANGE
    if is_exchange:
        find_wanted(order, [(item, _wanted(item, line), line.quantity, line.attr) for item, line in chosen])
    goods_return = Return.objects.create(
        order=order,
        number=f"{order.number}-R{order.returns.count() + 1}",
        reason=reason,
        resolution=resolution,
        customer_note=note,
    )
    ReturnItem.objects.bulk_create(
        ReturnItem(
            goods_return=goods_return,
            order_item=item,
            quantity=line.quantity,
            exchange_variant_id=_wanted(item, line) if is_exchange else None,
        )
        for item, line in chosen
    )
    note_event(order, f"return {goods_return.number} requested: {goods_return.get_reason_display()}", actor=actor)
    goods_return.order = order
    tell_of_return(goods_return)
    return goods_return


@transaction.atomic
def approve_return(return_id: UUID, *, actor: User | None = None, note: str = "") -> Return:
    """Let the goods be sent, until ``send_by``. The customer is told, and reads ``note``.

    Raises:
        InvalidReturnTransition: it was decided before.
    """
    goods_return = lock_return(return_id)
    now = timezone.now()
    goods_return.approved_at, goods_return.send_by = now, now + settings.ORDER_RETURN_SEND_WITHIN
    goods_return.staff_note = note
    move_return(goods_return, Status.APPROVED, actor=actor, note=note)
    tell_customer(goods_return, "approved")
    return goods_return


@transaction.atomic
def reject_return(return_id: UUID, *, note: str, actor: User | None = None) -> Return:
    """Refuse it; the customer is told why. Its units can be asked for again.

    Raises:
        InvalidReturnTransition: it was decided before.
    """
    goods_return = lock_return(return_id)
    goods_return.staff_note = note
    move_return(goods_return, Status.REJECTED, actor=actor, note=note)
    tell_customer(goods_return, "rejected")
    return goods_return


@transaction.atomic
def cancel_return(return_id: UUID, *, actor: User | None = None, note: str = "") -> Return:
    """Give it up before any goods have arrived.

    Raises:
        InvalidReturnTransition: they have, or it has ended.
    """
    goods_return = lock_return(return_id)
    move_return(goods_return, Status.CANCELLED, actor=actor, note=note)
    return goods_return


def _returnable(order: Order, lines: Sequence[ReturnLine]) -> list[tuple[OrderItem, ReturnLine]]:
    """Return the lines of a locked order that are meant, or name everything that is wrong with them."""
    items = {item.pk: item for item in order.items.select_related("product")}
    coming = selectors.coming_back(order)
    wrong: dict[type[DomainError], list[ErrorRow]] = {}
    chosen: dict[UUID, tuple[OrderItem, ReturnLine]] = {}
    for line in lines:
        refusal = _refusal(line, items, coming, chosen)
        if refusal is not None:
            kind, field, detail = refusal
            wrong.setdefault(kind, []).append(ErrorRow(kind.code, detail, f"{line.attr}.{field}".strip(".")))
        else:
            chosen[line.item_id] = (items[line.item_id], line)
    for kind in (UnknownOrderItem, ItemNamedTwice, ItemNotReturnable, UnitsNotReturnable):
        if kind in wrong:
            raise kind(wrong[kind])
    return list(chosen.values())


def _refusal(
    line: ReturnLine, items: Mapping[UUID, OrderItem], coming: Mapping[UUID, int], chosen: Container[UUID]
) -> tuple[type[DomainError], str, str] | None:
    """Return what is wrong with a line: the error, the field, and words for people."""
    item = items.get(line.item_id)
    if item is None:
        return UnknownOrderItem, "item_id", UnknownOrderItem.message
    if line.item_id in chosen:
        return ItemNamedTwice, "item_id", ItemNamedTwice.message
    if item.product.kind != Product.Kind.PHYSICAL:
        return ItemNotReturnable, "item_id", ItemNotReturnable.message
    left = item.shipped_quantity - item.returned_quantity - coming.get(item.pk, 0)
    if line.quantity > left:
        return UnitsNotReturnable, "quantity", f"Only {left} of {item.sku} can be returned."
    return None


def _wanted(item: OrderItem, line: ReturnLine) -> UUID:
    """Return the variant that is wanted in exchange: without a word, the same again."""
    return line.exchange_variant_id or item.variant_id
