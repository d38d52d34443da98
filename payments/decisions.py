"""What staff decide about money that arrived: it pays an order, goes back, or was never there.

Locks: payment, received money, order, as in ``payments.received``.
"""

from uuid import UUID

from django.db import transaction

from accounts.models import User
from orders.models import Order
from orders.services import lock_order
from payments import refunds
from payments.attempts import lock_payment_of, set_payment_open
from payments.exceptions import NothingToAttachTo, ReceivedMoneyDecided
from payments.models import Payment, ReceivedMoney, Refund
from payments.received import apply, due_of, worth_of

Status = ReceivedMoney.Status


@transaction.atomic
def attach(received_id: UUID, *, order_number: str, actor: User) -> ReceivedMoney:
    """Let staff say which order unmatched money pays, whatever the amounts.

    What is more than the order lacks stays on the payment as credit that can be refunded; less leaves the order open.

    Raises:
        ReceivedMoneyDecided: it is on no work list (any more).
        NothingToAttachTo: there is no such order, it is not waiting for money, or in another currency.
    """
    order = Order.objects.filter(number=order_number).first()
    if order is None or not order.is_payable:
        raise NothingToAttachTo()
    provider = ReceivedMoney.objects.values_list("provider", flat=True).get(pk=received_id)
    payment = lock_payment_of(order, method=Payment.Method.MPESA, provider=provider)
    received = _lock_undecided(received_id, Status.UNMATCHED)
    if received.currency != payment.currency or due_of(payment) <= 0:
        raise NothingToAttachTo()
    received.decided_by = actor
    received.save(update_fields=["decided_by", "updated_at"])
    apply(received, payment, worth=worth_of(received, payment))
    set_payment_open(payment, lock_order(payment.order_id))
    return received


@transaction.atomic
def give_back(received_id: UUID, *, actor: User, reason: str = "") -> ReceivedMoney:
    """Let staff send money that pays nothing back to its payer: unmatched money, or surplus whose refund failed.

    Raises:
        ReceivedMoneyDecided: it is on no work list (any more).
    """
    received = _lock_undecided(received_id, Status.UNMATCHED, Status.SURPLUS)
    left = received.amount - refunds.promised_of(received)
    if left <= 0:
        raise ReceivedMoneyDecided()
    if received.status == Status.UNMATCHED:
        received.payment = None
    received.status, received.decided_by = Status.SURPLUS, actor
    received.save(update_fields=["status", "decided_by", "payment", "updated_at"])
    failed = received.refunds.order_by("-created_at").first()
    cause = Refund.Cause(failed.cause) if failed else Refund.Cause.UNASKED
    refunds.owe_refund(received, amount=left, cause=cause, payment=received.payment, actor=actor, reason=reason)
    return received


@transaction.atomic
def dismiss(received_id: UUID, *, actor: User, note: str) -> ReceivedMoney:
    """Let staff put away a claim that nobody confirmed. Money in the books cannot be dismissed.

    Raises:
        ReceivedMoneyDecided: it is no unverified claim (any more).
    """
    received = _lock_undecided(received_id, Status.UNVERIFIED)
    received.status, received.decided_by, received.note = Status.DISMISSED, actor, note[:300]
    received.next_query_at = None
    received.save(update_fields=["status", "decided_by", "note", "next_query_at", "updated_at"])
    return received


def _lock_undecided(received_id: UUID, *wanted: ReceivedMoney.Status) -> ReceivedMoney:
    received = ReceivedMoney.objects.select_for_update(no_key=True, of=("self",)).get(pk=received_id)
    if received.status not in wanted:
        raise ReceivedMoneyDecided()
    return received
