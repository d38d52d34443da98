"""Orders after they were placed: every change of their state."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from catalog import stock
from catalog.models import Product, StockMovement
from orders import hooks
from orders.exceptions import InvalidOrderTransition, OrderBeingPaid
from orders.fulfilment import services as fulfilment
from orders.fulfilment.exceptions import PartlyShipped
from orders.models import Order, OrderItem
from orders.promotions import limits
from orders.tasks import issue_invoice, send_order_confirmation
from orders.transitions import lock_order as lock_order  # noqa: PLC0414 - also this module's, for the apps above
from orders.transitions import move_order
from orders.transitions import transition_order as transition_order  # noqa: PLC0414


@transaction.atomic
def mark_paid(order_id: UUID, *, note: str = "payment received") -> Order:
    """The money has arrived: the order is paid, and its invoice and the confirmation mail are owed.

    Digital goods are handed over. One that was shipped to be paid at the door stays where it is on its way.

    Raises:
        InvalidOrderTransition: it does not wait for money (any more).
    """
    order = lock_order(order_id)
    at_door = order.is_payable and order.status != Order.Status.PENDING
    order.paid_at, order.reserved_until = timezone.now(), None
    if at_door:
        note_event(order, note)
        order.save(update_fields=["paid_at", "reserved_until", "updated_at"])
    else:
        move_order(order, Order.Status.PAID, note=note, also=("paid_at", "reserved_until"))
    issue_invoice.owe(f"invoice:{order.pk}", order_id=str(order.pk))
    send_order_confirmation.owe(f"order-confirmation:{order.pk}", order_id=str(order.pk))
    return fulfilment.settle_fulfilment(order, note="handed over")


@transaction.atomic
def cancel_order(order_id: UUID, *, actor: User | None = None, note: str = "") -> Order:
    """Cancel an order that is not shipped: its stock comes back, and what was paid goes back, exactly once.

    Raises:
        InvalidOrderTransition: it is shipped, or cancelled already.
        OrderBeingPaid: a payment attempt is unresolved; the customer may have paid.
        PartlyShipped: some of it has left already.
        DomainError: what was paid cannot go back now; see ``hooks.after_cancel``.
    """
    for prepare in hooks.before_cancel:
        prepare(order_id)
    order = _cancel(lock_order(order_id), actor=actor, note=note)
    for follow in hooks.after_cancel:
        follow(order, actor, note)
    return order


def _cancel(order: Order, *, actor: User | None, note: str) -> Order:
    if Order.Status.CANCELLED not in order.next_statuses:
        raise InvalidOrderTransition(order, Order.Status.CANCELLED)
    # Money that comes for a paid order is too much anyway, and goes back by itself.
    if order.status == Order.Status.PENDING and order.payment_open:
        raise OrderBeingPaid()
    items = list(order.items.select_related("product"))
    if any(item.shipped_quantity for item in items):
        raise PartlyShipped()
    order.reserved_until = None
    move_order(order, Order.Status.CANCELLED, actor=actor, note=note, also=("reserved_until",))
    release_units({item: item.open_quantity for item in items if item.open_quantity}, actor=actor)
    limits.give_back(order)
    return order


def mark_refunded(order: Order, *, note: str = "") -> Order:
    """All that was paid for a locked order has gone back: what of it has not left yet stays, and is for sale again.

    Raises:
        InvalidOrderTransition: it waits for its money still, or is refunded already.
    """
    move_order(order, Order.Status.REFUNDED, note=note)
    release_units({item: item.open_quantity for item in order.items.select_related("product") if item.open_quantity})
    return order


def lock_open_stock(order: Order) -> None:
    """Lock the stock that ``mark_refunded`` gives back, before rows that are locked after stock, such as gift cards."""
    waiting = order.items.filter(quantity__gt=F("cancelled_quantity") + F("shipped_quantity"))
    stock.lock_stock(waiting.filter(product__kind=Product.Kind.PHYSICAL).values_list("variant_id", flat=True))


def release_units(units: Mapping[OrderItem, int], *, actor: User | None = None) -> None:
    """Count open units of a locked order's lines as cancelled and give their stock back. Products must be loaded."""
    goods = {item: number for item, number in units.items() if item.product.kind == Product.Kind.PHYSICAL}
    # Of a line that has cancelled nothing yet nothing was released.
    parts = next_parts((item for item in goods if item.cancelled_quantity), StockMovement.Kind.RELEASE)
    for item, number in units.items():
        item.cancelled_quantity += number
        item.awaited_quantity -= min(number, item.awaited_quantity)  # who waits no more for some, keeps what is here
    OrderItem.objects.bulk_update(units, ["cancelled_quantity", "awaited_quantity"])
    stock.lock_stock(item.variant_id for item in goods)
    stock.apply_changes(
        (
            stock.Change(
                variant_id=item.variant_id,
                kind=StockMovement.Kind.RELEASE,
                available=number,
                order_item_id=item.pk,
                part=parts.get(item.pk, 0),
            )
            for item, number in goods.items()
        ),
        actor=actor,
    )


def next_parts(items: Iterable[OrderItem], kind: StockMovement.Kind) -> dict[UUID, int]:
    """Return the number that the next movement of a kind has for each line, whose order is locked."""
    ids = [item.pk for item in items]
    moved = StockMovement.objects.filter(order_item_id__in=ids, kind=kind).values_list("order_item_id")
    return dict.fromkeys(ids, 0) | {pk: last + 1 for pk, last in moved.annotate(last=Max("part")) if pk}


def note_event(order: Order, note: str, *, actor: User | None = None) -> None:
    """Write what happened to an order, whose status stays, into its timeline."""
    order.events.create(from_status=order.status, to_status=order.status, actor=actor, note=note[:200])


@transaction.atomic
def ship_order(order_id: UUID, *, actor: User | None = None, note: str = "", warehouse_id: UUID | None = None) -> Order:
    """All that is left of the order has left the shelf, in one parcel: see ``fulfilment.services.ship``.

    Raises:
        InvalidOrderTransition: it is neither paid nor to be paid at the door.
        NothingToShip: nothing of it is left.
        InsufficientInWarehouse: not all of it lies in the warehouse that was named.
    """
    fulfilment.ship(order_id, actor=actor, note=note, warehouse_id=warehouse_id)
    return lock_order(order_id)


def deliver_order(order_id: UUID, *, actor: User | None = None, note: str = "") -> Order:
    """The customer has the goods: see ``fulfilment.services.deliver_all``.

    Raises:
        InvalidOrderTransition: it is not shipped.
    """
    return fulfilment.deliver_all(order_id, actor=actor, note=note)


def cancel_unpaid_orders(limit: int = 500) -> int:
    """Cancel orders whose reservation has ended without a payment; return how many.

    Each in its own transaction, decided again under its lock: one that was paid a moment ago stays.
    """
    due = Order.objects.filter(status=Order.Status.PENDING, payment_open=False, reserved_until__lt=Now())
    cancelled = 0
    for order_id in due.order_by("reserved_until").values_list("pk", flat=True)[:limit]:
        try:
            cancelled += _expire(order_id)
        except (InvalidOrderTransition, OrderBeingPaid, PartlyShipped):
            continue
    return cancelled


@transaction.atomic
def _expire(order_id: UUID) -> bool:
    """Cancel an order that is not paid in time; what a gift card or store credit has paid of it goes back."""
    for prepare in hooks.before_expiry:
        prepare(order_id)
    order = lock_order(order_id)
    if order.reserved_until is None or order.reserved_until > timezone.now():
        return False
    note = "not paid in time"
    order = _cancel(order, actor=None, note=note)
    for follow in hooks.after_cancel:
        follow(order, None, note)
    return True
