"""Goods of another price for those that came back: an order like any other, paid with what these were worth.

Their worth becomes store credit as far as the new order needs it, and pays it at once; of cheaper goods the rest goes
back the way it was paid, of dearer ones the customer pays the difference, in ``PAY_WITHIN``. So each order has money of
its own, each sale its invoice, and what came back its credit note. If the new order is cancelled, as it is when the
difference is not paid, the credit is the customer's.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from ecommerce.money import ZERO
from orders import giving_back, hooks
from orders.lines import ItemInput
from orders.models import Order
from orders.placing import Contact, place_order
from orders.pricing.baskets import Delivery
from orders.returns.exceptions import StoreCreditUnavailable
from orders.returns.exchanging import Wanted
from orders.returns.models import Return, ReturnItem
from orders.returns.states import move_return, tell_customer

PAY_WITHIN = timedelta(days=3)


def order_wanted(
    goods_return: Return, came: Sequence[ReturnItem], wanted: Sequence[Wanted], *, actor: User | None, note: str
) -> None:
    """Order what is wanted for received goods, and settle with their worth what it costs.

    The payment is locked already (``giving_back.prepare``), and so is the order.

    Raises:
        StoreCreditUnavailable: nobody's account could be credited.
        InsufficientStock: names every short variant.
        DomainError: the money cannot go back now, such as RefundInProgress; nothing is changed.
    """
    order = goods_return.order
    if order.user is None or not hooks.give_credit:
        raise StoreCreditUnavailable()
    ordered = _place(order, wanted, goods_return.number)
    lines = [(item.order_item, item.received_quantity, item.amount) for item in came]
    worth = sum((item.amount for item in came), ZERO)
    reason = f"return {goods_return.number}"
    goods_return.refund_amount, goods_return.exchange_order = ZERO, ordered
    move_return(goods_return, Return.Status.REFUNDED, actor=actor, note=f"order {ordered.number} {note}".strip())
    # The credit first: it has gone when this returns, and a refund that is under way would keep it.
    needed = min(worth, ordered.total_amount)
    credit = giving_back.give_back(order, needed, reason, actor, lines, by=hooks.give_credit)
    for pay in hooks.pay_with_credit if credit else ():
        pay(ordered, credit)
    rest = giving_back.give_back(order, worth - needed, reason, actor, []) if worth > needed else ZERO
    goods_return.refund_amount = credit + rest
    goods_return.save(update_fields=["refund_amount", "updated_at"])
    waiting = Order.objects.filter(pk=ordered.pk, status=Order.Status.PENDING)
    waiting.update(reserved_until=timezone.now() + PAY_WITHIN, updated_at=timezone.now())
    tell_customer(goods_return, "exchanged")


def _place(order: Order, wanted: Sequence[Wanted], number: str) -> Order:
    """Order what is wanted at what it costs today, to be brought as the first order was, for nothing."""
    return place_order(
        user=order.user,
        items=[ItemInput(quantity=units, variant_id=variant, attr=attr) for _, variant, units, attr in wanted],
        contact=Contact(
            email=order.email,
            phone_number=order.phone_number,
            shipping_address=order.shipping_address,
            buyer_pin=order.buyer_pin,
            note=f"In exchange: return {number}",
        ),
        delivery=Delivery(ZERO, snapshot=dict(order.delivery)),
    )
