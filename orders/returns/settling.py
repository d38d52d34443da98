"""What a customer gets for goods that came back: their money, credit, or other goods."""

from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts.models import User
from ecommerce.exceptions import ErrorRow
from ecommerce.money import ZERO
from orders import giving_back, hooks
from orders.models import Order
from orders.returns import selectors
from orders.returns.exceptions import FeeTooLarge, ShippingGivenBack, StoreCreditUnavailable
from orders.returns.exchanging import find_wanted, is_even, place_replacement, wanted_for
from orders.returns.models import Return
from orders.returns.other_prices import order_wanted
from orders.returns.states import lock_return, move_return, order_of, refuse_transition, tell_customer
from orders.services import transition_order

Status = Return.Status


@transaction.atomic
def refund_return(
    return_id: UUID,
    *,
    actor: User | None = None,
    note: str = "",
    restocking_fee: Decimal = ZERO,
    refund_shipping: bool = False,
) -> Return:
    """Promise the worth of what was received back, less the fee; as credit if that was wanted. Locks payment and order.

    Never more than was paid and has not gone back: ``refund_amount`` says how much it was. ``refund_shipping`` adds the
    order's charge for shipping, once.

    Raises:
        InvalidReturnTransition: it is not received, or settled already.
        FeeTooLarge, ShippingGivenBack, StoreCreditUnavailable
        DomainError: the money cannot go back now, such as RefundInProgress; nothing is changed.
    """
    giving_back.prepare(order_of(return_id))
    goods_return = lock_return(return_id)
    order = goods_return.order
    lines = [
        (item.order_item, item.received_quantity, item.amount)
        for item in goods_return.items.select_related("order_item")
        if item.received_quantity
    ]
    worth = sum((amount for *_, amount in lines), ZERO)
    refuse_transition(goods_return, Status.REFUNDED)
    if restocking_fee > worth:
        raise FeeTooLarge([ErrorRow(FeeTooLarge.code, f"At most {worth}.", "restocking_fee")])
    goods_return.restocking_fee = restocking_fee
    if refund_shipping:
        goods_return.shipping_amount = _shipping_of(order)
    wanted = worth - restocking_fee + goods_return.shipping_amount
    reason = f"return {goods_return.number}"
    by = None
    if goods_return.resolution == Return.Resolution.STORE_CREDIT:
        if not hooks.give_credit:
            raise StoreCreditUnavailable()
        by = hooks.give_credit
    goods_return.refund_amount = ZERO
    move_return(goods_return, Status.REFUNDED, actor=actor, note=note)
    # After the move: what is within the shop's own books goes back at once, and then the order may be settled.
    goods_return.refund_amount = giving_back.give_back(order, wanted, reason, actor, lines, by=by)
    goods_return.save(update_fields=["refund_amount", "updated_at"])
    tell_customer(goods_return, "refunded")
    # Else the payment settles it, when the money has gone.
    if goods_return.refund_amount == 0 or giving_back.is_replacement(order):
        settle_returned(order)
    return goods_return


@transaction.atomic
def exchange_return(return_id: UUID, *, actor: User | None = None, note: str = "") -> Return:
    """Put the wanted goods on order, paid by those that were received. Locks the payment, the order, and stock.

    At the same prices it is a replacement that costs nothing, else an order of its own: see ``other_prices``.

    Raises:
        InvalidReturnTransition: it is not received, or settled already.
        ExchangeUnavailable: no exchange was asked for, or a variant is not for sale, or at another price for a guest.
        InsufficientStock: names every short variant; nothing is changed.
        DomainError: money cannot go back now, such as RefundInProgress; nothing is changed.
    """
    giving_back.prepare(order_of(return_id))
    goods_return = lock_return(return_id)
    refuse_transition(goods_return, Status.EXCHANGED)
    came, wanted = wanted_for(goods_return)
    variants = find_wanted(goods_return.order, wanted)
    if not is_even(wanted, variants):
        order_wanted(goods_return, came, wanted, actor=actor, note=note)
        if giving_back.is_replacement(goods_return.order):
            settle_returned(goods_return.order)
        return goods_return
    goods_return.replacement = place_replacement(goods_return, came, wanted, variants, actor=actor)
    move_return(
        goods_return, Status.EXCHANGED, actor=actor, note=f"by order {goods_return.replacement.number} {note}".strip()
    )
    return goods_return


def settle_returned(order: Order) -> None:
    """Let a locked order that came back altogether, and was paid back for it, be refunded, whatever was kept as fee."""
    if Order.Status.REFUNDED in order.next_statuses and selectors.came_back(order):
        transition_order(order.pk, Order.Status.REFUNDED, note="all of it came back")


def _shipping_of(order: Order) -> Decimal:
    """Return what was paid for the shipping of a locked order.

    Raises:
        ShippingGivenBack: it went back before.
    """
    if order.returns.filter(shipping_amount__gt=0).exists():
        raise ShippingGivenBack([ErrorRow(ShippingGivenBack.code, ShippingGivenBack.message, "refund_shipping")])
    on_top = ZERO if order.prices_include_tax else order.shipping_tax
    return order.shipping - order.shipping_discount + on_top
