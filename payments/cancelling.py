"""What becomes of an order's payment when all or some of the order goes back; told by ``orders.hooks``."""

from decimal import Decimal
from uuid import UUID

from accounts.models import User
from ecommerce.money import ZERO
from orders.giving_back import GivenLines
from orders.models import Order
from orders.services import lock_order
from payments import outcomes, refunds
from payments.attempts import UNRESOLVED, leave_attempt
from payments.exceptions import OrderPartlyPaid
from payments.models import Payment, PaymentAttempt, Refund
from payments.providers import get_provider


def end_waiting(order_id: UUID) -> None:
    """Leave the attempts that can be left, so that an order which waits for staff or on a page can be cancelled.

    Locks the payment, and then the order. Money that came in part is no obstacle: it goes back (``give_back``).
    """
    payment = Payment.objects.select_for_update(no_key=True, of=("self",)).filter(order_id=order_id).first()
    if payment is None:
        return
    for attempt in payment.attempts.select_for_update(no_key=True, of=("self",)).filter(status__in=PaymentAttempt.LIVE):
        if get_provider(attempt.provider).can_be_superseded:
            leave_attempt(payment, attempt, outcomes.ORDER_CANCELLED)
    order = lock_order(order_id)
    if order.payment_open and not payment.attempts.filter(status__in=UNRESOLVED).exists():
        order.payment_open = False
        order.save(update_fields=["payment_open", "updated_at"])


def lock_payment(order_id: UUID) -> None:
    """Lock an order's payment, if it has one, before the order is."""
    list(Payment.objects.select_for_update(no_key=True, of=("self",)).filter(order_id=order_id).values_list("pk"))


def give_back(order: Order, actor: User | None, note: str) -> None:
    """Promise everything that paid a cancelled order back.

    Raises:
        RefundInProgress: an earlier refund is not finished; the order stays as it was.
    """
    payment = Payment.objects.filter(order=order).first()  # locked before the order was
    if payment is not None:
        refunds.owe_refund_of_payment(payment, cause=Refund.Cause.ORDER_CANCELLED, actor=actor, reason=note)


def follow_total(order: Order) -> None:
    """Let an unpaid order's locked payment be about what the order costs now.

    Raises:
        OrderPartlyPaid: money has come for it, which may be more than what is left to pay.
    """
    payment = Payment.objects.filter(order=order).first()  # locked before the order was
    if payment is None or payment.amount == order.total_amount:
        return
    if refunds.left_of(payment) > 0:
        raise OrderPartlyPaid()
    payment.amount = order.total_amount
    payment.save(update_fields=["amount", "updated_at"])


def give_part_back(order: Order, amount: Decimal, reason: str, actor: User | None, lines: GivenLines) -> Decimal:
    """Promise up to ``amount`` of what paid a locked order back, by the way it was paid; return how much.

    Raises:
        RefundInProgress: an earlier refund of a receipt is not finished; nothing is changed.
    """
    return _give(order, amount, reason, actor, lines, to_store_credit=False)


def give_credit(order: Order, amount: Decimal, reason: str, actor: User | None, lines: GivenLines) -> Decimal:
    """Do the same as store credit.

    Raises:
        RefundNotToCredit: the order belongs to no account, or was paid in another currency.
        RefundInProgress: an earlier refund of a receipt is not finished; nothing is changed.
    """
    return _give(order, amount, reason, actor, lines, to_store_credit=True)


def _give(
    order: Order,
    amount: Decimal,
    reason: str,
    actor: User | None,
    lines: GivenLines,
    *,
    to_store_credit: bool,
) -> Decimal:
    payment = Payment.objects.filter(order=order).first()  # locked before the order was
    promised = min(amount, refunds.left_of(payment)) if payment is not None else ZERO
    if payment is None or promised <= 0:
        return ZERO
    refunds.refund_payment(
        payment_id=payment.pk,
        amount=promised,
        reason=reason,
        actor=actor,
        cause=Refund.Cause.UNITS_BACK,
        to_store_credit=to_store_credit,
        lines=[refunds.RefundedLine(item, units, worth) for item, units, worth in lines],
    )
    return promised
