"""Orders after they were placed: every change of their state."""

from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from catalog import stock
from catalog.models import Product, StockMovement
from orders import hooks
from orders.exceptions import InvalidOrderTransition, OrderBeingPaid
from orders.models import Order
from orders.tasks import send_order_confirmation


def transition_order(order_id: UUID, target: Order.Status, *, actor: User | None = None, note: str = "") -> Order:
    """Change an order's status under its lock and note who did it. Must run inside a transaction.

    Raises:
        InvalidOrderTransition: the table does not allow it; carries the allowed ones.
    """
    order = lock_order(order_id)
    if target not in order.next_statuses:
        raise InvalidOrderTransition(order, target)
    order.events.create(from_status=order.status, to_status=target, actor=actor, note=note[:200])
    order.status = target
    order.save(update_fields=["status", "updated_at"])
    return order


def lock_order(order_id: UUID) -> Order:
    # NO KEY UPDATE: rows that merely point at the order may still be inserted meanwhile, without a deadlock.
    return Order.objects.select_for_update(no_key=True, of=("self",)).get(pk=order_id)


@transaction.atomic
def mark_paid(order_id: UUID) -> Order:
    """The money has arrived: the order is paid, and its confirmation mail is owed.

    One that was shipped to be paid at the door stays where it is on its way.

    Raises:
        InvalidOrderTransition: it does not wait for money (any more).
    """
    order = lock_order(order_id)
    if order.is_payable and order.status != Order.Status.PENDING:
        order.events.create(from_status=order.status, to_status=order.status, note="payment received")
    else:
        order = transition_order(order_id, Order.Status.PAID, note="payment received")
    order.paid_at = timezone.now()
    order.reserved_until = None
    order.save(update_fields=["paid_at", "reserved_until", "updated_at"])
    send_order_confirmation.owe(f"order-confirmation:{order.pk}", order_id=str(order.pk))
    return order


@transaction.atomic
def cancel_order(order_id: UUID, *, actor: User | None = None, note: str = "") -> Order:
    """Cancel an order that is not shipped: its stock comes back, and what was paid goes back, exactly once.

    Raises:
        InvalidOrderTransition: it is shipped, or cancelled already.
        OrderBeingPaid: a payment attempt is unresolved; the customer may have paid.
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
    order = transition_order(order.pk, Order.Status.CANCELLED, actor=actor, note=note)
    order.reserved_until = None
    order.save(update_fields=["reserved_until", "updated_at"])
    lines = list(order.items.filter(product__kind=Product.Kind.PHYSICAL))
    order.items.update(cancelled_quantity=F("quantity"))
    stock.lock_stock(line.variant_id for line in lines)
    stock.apply_changes(
        (
            stock.Change(
                variant_id=line.variant_id,
                kind=StockMovement.Kind.RELEASE,
                available=line.quantity,
                order_item_id=line.pk,
            )
            for line in lines
        ),
        actor=actor,
    )
    return order


@transaction.atomic
def ship_order(order_id: UUID, *, actor: User | None = None, note: str = "", warehouse_id: UUID | None = None) -> Order:
    """The goods have left the shelf: that of ``warehouse_id``, else those that ``catalog.inventory.picking`` says.

    Raises:
        InvalidOrderTransition: it is neither paid nor to be paid at the door.
        InsufficientInWarehouse: not all of it lies in the warehouse that was named.
    """
    order = transition_order(order_id, Order.Status.SHIPPED, actor=actor, note=note)
    order.reserved_until = None  # sold now, not held any more
    order.save(update_fields=["reserved_until", "updated_at"])
    order.items.update(shipped_quantity=F("quantity"))
    lines = order.items.filter(product__kind=Product.Kind.PHYSICAL)
    stock.sell(
        [stock.Sale(order_item_id=line.pk, variant_id=line.variant_id, units=line.quantity) for line in lines],
        warehouse_id=warehouse_id,
        actor=actor,
    )
    return order


@transaction.atomic
def deliver_order(order_id: UUID, *, actor: User | None = None, note: str = "") -> Order:
    """The customer has the goods.

    Raises:
        InvalidOrderTransition: it is not shipped.
    """
    return transition_order(order_id, Order.Status.DELIVERED, actor=actor, note=note)


def cancel_unpaid_orders(limit: int = 500) -> int:
    """Cancel orders whose reservation has ended without a payment; return how many.

    Each in its own transaction, decided again under its lock: one that was paid a moment ago stays.
    """
    due = Order.objects.filter(status=Order.Status.PENDING, payment_open=False, reserved_until__lt=Now())
    cancelled = 0
    for order_id in due.order_by("reserved_until").values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            order = lock_order(order_id)
            if order.reserved_until is None or order.reserved_until > timezone.now():
                continue
            try:
                # Without the hooks: nothing was paid, and payments lock their rows before the order.
                _cancel(order, actor=None, note="not paid in time")
            except (InvalidOrderTransition, OrderBeingPaid):
                continue
            cancelled += 1
    return cancelled
