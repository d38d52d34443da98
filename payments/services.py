"""Starting payments: the attempt is stored, and its sending owed, before anybody is told (``payments.sending``)."""

import base64
import logging
import math
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from ecommerce.models import new_id
from orders.checkout.door import refuse_at_the_door
from orders.exceptions import OrderNotPayable
from orders.models import Order
from orders.selectors import Buyer, acts_for
from orders.services import lock_order
from payments import outcomes
from payments.attempts import (
    is_asked_about,
    leave_attempt,
    lock_payment_of,
    set_payment_open,
)
from payments.exceptions import (
    AlreadyPaid,
    OrderNotFound,
    PaymentInProgress,
    PaymentUnderReview,
    RetryLater,
    TooManyPrompts,
    TooManyUnpaidOrders,
)
from payments.models import Payment, PaymentAttempt
from payments.providers import get_provider, provider_for
from payments.providers.base import PaymentProvider
from payments.received import due_of, has_money_in_doubt
from payments.sending import SEND_WITHIN
from payments.tasks import send_attempt

logger = logging.getLogger(__name__)

RATE_STEP = Decimal("0.0000000001")  # of ``PaymentAttempt.rate``


@dataclass(frozen=True)
class StartedPayment:
    payment: Payment
    attempt: PaymentAttempt
    is_new: bool  # False: an attempt was live already, and no second one was made


@transaction.atomic
def start_payment(
    *,
    user: User | None,
    order_id: UUID,
    method: str,
    phone_number: str,
    provider_name: str = "",
    send_after: timedelta | None = None,
    holds_link: bool = False,
) -> StartedPayment:
    """Owe the provider a request for the order's money, to be sent by a worker, at once or ``send_after``.

    ``holds_link`` says that whoever asks has the link of this order, which then may be a guest's.

    Locks payment and order. While an attempt of the same way is live it is returned, and no other is made: two clicks,
    two tabs and two devices prompt once. Another way of paying takes its place, if it can be left.

    Raises:
        OrderNotFound: there is no such order that they may act on.
        OrderNotPayable: it is not pending.
        AlreadyPaid: its money has arrived.
        PaymentUnderReview: money arrived that does not match; a person decides first.
        PaymentInProgress: a prompt is open, and another way of paying was chosen.
        TooManyUnpaidOrders: the customer has promised to pay others by hand.
        RetryLater: the provider wants a pause after how the last try ended.
        PaymentMethodUnavailable, AmountNotPayable, RateUnavailable
        PayAtDoorRefused: it is above what may be paid at the door there.
        TooManyPrompts: this phone number was asked too often.
    """
    provider = provider_for(method, provider_name)
    buyer = Buyer(user, order_id if holds_link else None)
    order = Order.objects.filter(acts_for(buyer), pk=order_id).first()
    if order is None:
        raise OrderNotFound()
    if not Payment.objects.filter(order=order).exists():
        provider.payable_amount(order.total_amount, order.currency)  # refuses before anything is stored
    payment = lock_payment_of(order, method=method, provider=provider.name)
    order = lock_order(order.pk)
    if payment.status == Payment.Status.SUCCESSFUL or order.status == Order.Status.PAID:
        raise AlreadyPaid()
    if not order.is_payable:
        raise OrderNotPayable()
    attempts = payment.attempts.all()
    live = attempts.filter(status__in=PaymentAttempt.LIVE).first()
    if live is not None:
        can_be_left = get_provider(live.provider).can_be_superseded
        # One whose page was never given to anybody, or was closed by its customer, is no use to her.
        is_useless = live.status == PaymentAttempt.Status.UNKNOWN or live.outcome == outcomes.CANCELLED.name
        if (live.provider, live.method) == (provider.name, method) and not (can_be_left and is_useless):
            return StartedPayment(payment, live, is_new=False)
        if not can_be_left:
            raise PaymentInProgress()
    if attempts.filter(status=PaymentAttempt.Status.REVIEW).exists() or has_money_in_doubt(payment):
        raise PaymentUnderReview()
    due = due_of(payment)
    refuse_at_the_door(method, order.delivery, due)
    charge = provider.payable_amount(due, payment.currency)
    _keep_pause(payment, provider.name)
    if phone_number:
        _limit_prompts(phone_number)
    if not is_asked_about(provider.name):
        _limit_unpaid(order, payment)
    if live is not None:
        leave_attempt(payment, live, outcomes.SUPERSEDED)
    attempt_id = new_id()
    attempt = PaymentAttempt.objects.create(
        pk=attempt_id,
        payment=payment,
        provider=provider.name,
        method=method,
        reference=_new_reference(order, attempt_id),
        amount=charge.amount,
        currency=charge.currency,
        rate=None if charge.currency == payment.currency else (due / charge.amount).quantize(RATE_STEP),
        phone_number=phone_number,
        outcome=_first_outcome(provider).name,
        next_query_at=timezone.now() + SEND_WITHIN,
    )
    payment.status, payment.method, payment.provider = Payment.Status.PENDING, method, provider.name
    payment.save(update_fields=["status", "method", "provider", "updated_at"])
    set_payment_open(payment, order)
    send_attempt.owe(f"send-attempt:{attempt.pk}", delay=send_after, attempt_id=str(attempt.pk))
    return StartedPayment(payment, attempt, is_new=True)


def hand_over(order_id: UUID, user: User) -> None:
    """Make a guest's payment that of the user who takes the order over; locks it, before the order is locked."""
    Payment.objects.filter(order_id=order_id, user__isnull=True).update(user=user)


def refuse_unpayable(method: str, total: Decimal, currency: str) -> None:
    """Refuse a way of paying that could not be started for such a total.

    Raises:
        PaymentMethodUnavailable, AmountNotPayable, RateUnavailable
    """
    provider_for(method).payable_amount(total, currency)


def _first_outcome(provider: PaymentProvider) -> outcomes.Outcome:
    """Return what the customer is told until the provider has answered."""
    if provider.redirects:
        return outcomes.WAITING_ON_PAGE
    # Who cannot be asked about a payment prompts nobody: staff wait for the money.
    return outcomes.WAITING if provider.query_delays() else outcomes.AWAITING_MONEY


def _keep_pause(payment: Payment, provider_name: str) -> None:
    """Refuse a try that the provider would turn away because of how the one before it ended."""
    last = payment.attempts.filter(provider=provider_name).order_by("-created_at").first()
    outcome = outcomes.BY_NAME.get(last.outcome) if last else None
    if last is None or outcome is None or outcome.retry is not outcomes.Retry.LATER or last.ended_at is None:
        return
    left = last.ended_at + timedelta(seconds=outcome.pause) - timezone.now()
    if left > timedelta():
        raise RetryLater(outcome.advice, math.ceil(left.total_seconds()))


def _new_reference(order: Order, attempt_id: UUID) -> str:
    """Return ``<order number>-<8 characters>``: unique for ever, short enough for every provider's field."""
    tail = base64.b32encode(attempt_id.bytes[-5:]).decode()
    return f"{order.number}-{tail}"


def _limit_unpaid(order: Order, payment: Payment) -> None:
    """Refuse when a customer has too many orders that keep their stock for a mere promise; exact under concurrency.

    A guest is known by e-mail and phone number.
    """
    own = Q(payment__order__user=order.user_id)
    name = f"{order.user_id}"
    if order.user_id is None:
        own = Q(payment__order__user=None, payment__order__email=order.email)
        own &= Q(payment__order__phone_number=order.phone_number)
        name = f"{order.email} {order.phone_number}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"by-hand:{name}"])
    promised = PaymentAttempt.objects.filter(
        own, provider="manual", status__in=PaymentAttempt.LIVE, payment__order__status="pending"
    )
    if promised.exclude(payment=payment).count() >= settings.MANUAL["MOST_OPEN"]:
        raise TooManyUnpaidOrders()


def _limit_prompts(phone_number: str) -> None:
    """Refuse when this number was prompted too often, whoever asked; counted in PostgreSQL, exact."""
    most, window = settings.PAYMENT_PHONE_LIMIT
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"prompt:{phone_number}"])
    recent = PaymentAttempt.objects.filter(phone_number=phone_number, created_at__gt=timezone.now() - window)
    if recent.exclude(outcome=outcomes.NOT_SENT.name).count() >= most:
        raise TooManyPrompts()
