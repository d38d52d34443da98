"""Money that people take: cash at the door, and transfers that staff see on the shop's bank account.

It is here whatever became of the order meanwhile, so it is always booked; what the order does not need goes back.
Locks: payment, attempt, received money, order.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from orders.services import lock_order
from payments import services
from payments.attempts import lock_payment_of, mark_succeeded, set_payment_open
from payments.exceptions import AmountNotPayable, OrderNotFound, ReceiptUsed
from payments.models import Payment, PaymentAttempt, ReceivedMoney, Refund
from payments.providers import get_provider, provider_for
from payments.received import Arrival, apply, due_of, keep_as_surplus, lock_or_create

logger = logging.getLogger(__name__)

MANUAL = "manual"


@dataclass(frozen=True)
class Collected:
    payment: Payment
    received: ReceivedMoney | None  # None: the customer's phone was asked
    is_new: bool = True


@transaction.atomic
def collect(
    *,
    order_id: UUID,
    amount: Decimal,
    method: str,
    collector: User,
    actor: User,
    receipt_number: str = "",
    collected_at: datetime | None = None,
) -> Collected:
    """Book ``amount`` (in the order's currency) that ``collector`` took for an order, and let it pay the order.

    Less than the order lacks leaves it open. What is more stays on the payment as credit, for staff to give back;
    money for an order that is paid, or cancelled, goes back whole. ``actor`` is who writes it down.

    Raises:
        OrderNotFound: there is no such order.
        AmountNotPayable: it has more places than its currency, or is too large.
        ReceiptUsed: money with this receipt is in the books; nothing is booked again.
    """
    order = Order.objects.select_related("user").filter(pk=order_id).first()
    if order is None:
        raise OrderNotFound()
    get_provider(MANUAL).payable_amount(amount, order.currency)
    receipt_number = "".join(receipt_number.split()).upper()
    payment = lock_payment_of(order, method=method, provider=MANUAL)
    attempt = _lock_waiting_attempt(payment)
    if receipt_number and _is_used(receipt_number):
        raise ReceiptUsed()
    received, is_new = lock_or_create(
        Arrival(
            provider=MANUAL,
            receipt_number=receipt_number,
            amount=amount,
            currency=order.currency,
            received_at=collected_at or timezone.now(),
            account_reference=order.number,
            source=ReceivedMoney.Source.STAFF,
            is_verified=True,
        )
    )
    if not is_new:
        raise ReceiptUsed()
    received.collected_by, received.decided_by = collector, actor
    received.save(update_fields=["collected_by", "decided_by", "updated_at"])
    logger.info("money_collected", extra={"received_id": str(received.pk), "actor_id": str(actor.pk)})
    order = lock_order(order.pk)
    if due_of(payment) <= 0:
        keep_as_surplus(received, payment, Refund.Cause.PAID_TWICE)
    elif not order.is_payable:
        keep_as_surplus(received, payment, Refund.Cause.ORDER_CANCELLED)
    else:
        _pay(payment, received, attempt, method)
    set_payment_open(payment, lock_order(order.pk))
    return Collected(payment, received)


def ask_phone(*, order_id: UUID, phone_number: str, amount: Decimal | None = None) -> services.StartedPayment:
    """Ask a phone at the door for what an order lacks, for the order's owner; a worker sends the prompt.

    Raises:
        OrderNotFound: there is no such order.
        AmountNotPayable: ``amount`` is not what the order lacks: M-Pesa is asked for that and nothing else.
        OrderNotPayable, AlreadyPaid, PaymentUnderReview, PaymentMethodUnavailable, TooManyPrompts
    """
    order = Order.objects.select_related("user").filter(pk=order_id).first()
    if order is None:
        raise OrderNotFound()
    if amount is not None:
        payment = Payment.objects.filter(order=order).first()
        due = due_of(payment) if payment else order.total_amount
        if amount not in (due, provider_for(Payment.Method.MPESA).payable_amount(due, order.currency).amount):
            raise AmountNotPayable()
    return services.start_payment(
        user=order.user,
        order_id=order.pk,
        method=Payment.Method.MPESA,
        phone_number=phone_number,
        holds_link=True,  # staff stand in for a guest too
    )


def _lock_waiting_attempt(payment: Payment) -> PaymentAttempt | None:
    """Lock the attempt that waits for staff to say that its money is here, if there is one."""
    live = payment.attempts.select_for_update(no_key=True, of=("self",)).filter(status__in=PaymentAttempt.LIVE)
    return live.filter(provider=MANUAL).first()


def _is_used(receipt_number: str) -> bool:
    """Tell whether any provider's money came with this receipt: staff may have copied that of an M-Pesa message."""
    known = ReceivedMoney.objects.filter(receipt_number=receipt_number)
    return known.exists() or Payment.objects.filter(transaction_id=receipt_number).exists()


def _pay(payment: Payment, received: ReceivedMoney, attempt: PaymentAttempt | None, method: str) -> None:
    due = due_of(payment)
    if received.amount < due:
        apply(received, payment, worth=received.amount)
        return
    payment.method, payment.provider = method, MANUAL
    payment.save(update_fields=["method", "provider", "updated_at"])
    if attempt is not None:
        mark_succeeded(attempt, receipt_number=received.receipt_number or "", detail=received.source)
    apply(received, payment, worth=received.amount, attempt=attempt)
