"""Returned goods arrive: back on the shelf of a warehouse, or written off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from catalog import stock
from catalog.inventory.models import Warehouse
from catalog.models import StockMovement
from ecommerce.exceptions import ErrorRow
from orders.exceptions import UnknownOrderItem
from orders.models import OrderItem
from orders.returns.exceptions import ItemNamedTwice, NothingReceived, UnitsNotReturnable
from orders.returns.models import Return, ReturnItem
from orders.returns.states import lock_return, move_return, refuse_transition
from orders.services import next_parts
from orders.worth import worth_of_units


@dataclass(frozen=True)
class Arrival:
    """What has come of one item of a return. Without a warehouse it lies in the default one."""

    item_id: UUID  # of the return
    quantity: int
    condition: str = ""
    restock: bool = True
    warehouse: Warehouse | None = None
    attr: str = ""


@transaction.atomic
def receive_return(
    return_id: UUID, arrivals: Sequence[Arrival], *, actor: User | None = None, note: str = ""
) -> Return:
    """Take the goods of an approved return in, each with its fate; what is not named has not come.

    Restocked units are for sale again at once. What the units were worth is kept with them. Locks the order, and stock.

    Raises:
        InvalidReturnTransition: it is not approved, or was received before.
        UnknownOrderItem, ItemNamedTwice, UnitsNotReturnable: with one row for each item that is wrong.
        NothingReceived: not one unit has come.
    """
    goods_return = lock_return(return_id)
    refuse_transition(goods_return, Return.Status.RECEIVED)
    items = {item.pk: item for item in goods_return.items.select_related("order_item")}
    _refuse_wrong(arrivals, items)
    come = [(items[arrival.item_id], arrival) for arrival in arrivals if arrival.quantity]
    if not come:
        raise NothingReceived()
    for item, arrival in come:
        line = item.order_item
        worth = worth_of_units(goods_return.order, line, arrival.quantity)
        item.received_quantity, item.amount, item.tax = arrival.quantity, worth.amount, worth.tax
        item.condition, item.restock = arrival.condition, arrival.restock
        item.warehouse = arrival.warehouse if arrival.restock else None
        line.returned_quantity += arrival.quantity
    fields = ["received_quantity", "amount", "tax", "condition", "restock", "warehouse"]
    ReturnItem.objects.bulk_update([item for item, _ in come], fields)
    OrderItem.objects.bulk_update([item.order_item for item, _ in come], ["returned_quantity"])
    _restock([item for item, arrival in come if arrival.restock], reason=f"return {goods_return.number}", actor=actor)
    goods_return.received_at = timezone.now()
    move_return(goods_return, Return.Status.RECEIVED, actor=actor, note=note)
    return goods_return


def _restock(items: Sequence[ReturnItem], *, reason: str, actor: User | None) -> None:
    stock.lock_stock(item.order_item.variant_id for item in items)
    parts = next_parts([item.order_item for item in items], StockMovement.Kind.RETURN)
    stock.apply_changes(
        (
            stock.Change(
                variant_id=item.order_item.variant_id,
                kind=StockMovement.Kind.RETURN,
                available=item.received_quantity,
                on_hand=item.received_quantity,
                order_item_id=item.order_item_id,
                part=parts[item.order_item_id],
                warehouse_id=item.warehouse_id,
                reason=reason,
            )
            for item in items
        ),
        actor=actor,
    )


def _refuse_wrong(arrivals: Sequence[Arrival], items: Mapping[UUID, ReturnItem]) -> None:
    unknown: list[ErrorRow] = []
    twice: list[ErrorRow] = []
    many: list[ErrorRow] = []
    seen: set[UUID] = set()
    for arrival in arrivals:
        item = items.get(arrival.item_id)
        if item is None:
            attr = f"{arrival.attr}.item_id".strip(".")
            unknown.append(ErrorRow(UnknownOrderItem.code, "The return has no such item.", attr))
        elif arrival.item_id in seen:
            twice.append(ErrorRow(ItemNamedTwice.code, ItemNamedTwice.message, f"{arrival.attr}.item_id".strip(".")))
        elif arrival.quantity > item.quantity:
            detail = f"Only {item.quantity} of {item.order_item.sku} were to come."
            many.append(ErrorRow(UnitsNotReturnable.code, detail, f"{arrival.attr}.quantity".strip(".")))
        seen.add(arrival.item_id)
    if unknown:
        raise UnknownOrderItem(unknown)
    if twice:
        raise ItemNamedTwice(twice)
    if many:
        raise UnitsNotReturnable(many)
