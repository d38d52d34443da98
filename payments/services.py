"""Starting payments: the attempt is stored first, a worker tells the provider, and only once."""

import base64
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from accounts.models import User
from ecommerce.models import new_id
from orders.exceptions import OrderNotPayable
from orders.models import Order
from orders.services import lock_order
from payments import outcomes
from payments.attempts import fail_attempt, lock_attempt, token_hash
from payments.exceptions import (
    AlreadyPaid,
    OrderNotFound,
    PaymentUnderReview,
    ProviderUnavailable,
    ProviderUnreachable,
    TooManyPrompts,
)
from payments.models import Payment, PaymentAttempt, ReceivedMoney
from payments.providers import get_provider, provider_for
from payments.providers.base import InitiateRequest, InitiateResult
from payments.received import due_of
from payments.tasks import send_attempt as send_attempt_task

logger = logging.getLogger(__name__)

# A prompt that appears minutes after the click frightens people: what was not sent by then is not sent at all.
SEND_WITHIN = timedelta(seconds=90)


@dataclass(frozen=True)
class StartedPayment:
    payment: Payment
    is_new: bool  # False: an attempt was live already, and no second one was made


@transaction.atomic
def start_payment(*, user: User, order_id: UUID, method: str, phone_number: str) -> StartedPayment:
    """Owe the provider a request for the order's money.

    Locks payment and order. While an attempt is live it is returned, and no other is made: two clicks, two tabs and
    two devices prompt once.

    Raises:
        OrderNotFound: there is no such order of this user.
        OrderNotPayable: it is not pending.
        AlreadyPaid: its money has arrived.
        PaymentUnderReview: money arrived that does not match; a person decides first.
        PaymentMethodUnavailable, AmountNotPayable
        TooManyPrompts: this phone number was asked too often.
    """
    provider = provider_for(method)
    order = Order.objects.filter(pk=order_id, user=user).first()
    if order is None:
        raise OrderNotFound()
    provider.payable_amount(order.total_amount, order.currency)  # refuses before anything is stored
    payment = _locked_payment(order, method=method, provider=provider.name)
    order = lock_order(order.pk)
    if payment.status == Payment.Status.SUCCESSFUL or order.status == Order.Status.PAID:
        raise AlreadyPaid()
    if order.status != Order.Status.PENDING:
        raise OrderNotPayable()
    attempts = payment.attempts.all()
    if attempts.filter(status__in=PaymentAttempt.LIVE).exists():
        return StartedPayment(payment, is_new=False)
    if attempts.filter(status=PaymentAttempt.Status.REVIEW).exists() or _has_money_in_doubt(payment):
        raise PaymentUnderReview()
    charge = provider.payable_amount(due_of(payment), payment.currency)
    _limit_prompts(phone_number)
    attempt_id = new_id()
    attempt = PaymentAttempt.objects.create(
        pk=attempt_id,
        payment=payment,
        provider=provider.name,
        method=method,
        reference=_new_reference(order, attempt_id),
        amount=charge.amount,
        currency=charge.currency,
        phone_number=phone_number,
        outcome=outcomes.WAITING.name,
        next_query_at=timezone.now() + SEND_WITHIN,
    )
    payment.status, payment.method, payment.provider = Payment.Status.PENDING, method, provider.name
    payment.save(update_fields=["status", "method", "provider", "updated_at"])
    order.payment_open = True
    order.save(update_fields=["payment_open", "updated_at"])
    send_attempt_task.owe(f"send-attempt:{attempt.pk}", attempt_id=str(attempt.pk))
    return StartedPayment(payment, is_new=True)


def send_attempt(attempt_id: UUID) -> None:
    """Tell the provider. Called by a worker; whatever happens, the provider is told at most once.

    The attempt is marked as being sent, and its callback secret stored, before the call; a second run finds the mark
    and leaves it alone. No lock is held while the provider is asked.
    """
    claimed = _claim_for_sending(attempt_id)
    if claimed is None:
        return
    attempt, token = claimed
    order = attempt.payment.order
    request = InitiateRequest(
        reference=attempt.reference,
        order_number=order.number,
        amount=attempt.amount,
        currency=attempt.currency,
        method=attempt.method,
        phone_number=attempt.phone_number,
        email=order.email,
        callback_url=f"{settings.PUBLIC_BASE_URL}/api/payments/{attempt.provider}/callback/{token}/",
        return_url=f"{settings.PUBLIC_BASE_URL}/api/payments/return/{attempt.reference}/",
    )
    try:
        result = get_provider(attempt.provider).initiate(request)
    except ProviderUnreachable as error:
        logger.warning("attempt_not_sent", extra={"attempt_id": str(attempt_id)})
        result = InitiateResult(accepted=False, outcome=outcomes.NOT_SENT, detail=str(error)[:300])
    except ProviderUnavailable as error:
        logger.warning("attempt_unknown", extra={"attempt_id": str(attempt_id)})
        detail = str(error)
        _record_surely(lambda: _record_unknown(attempt_id, detail))
        return
    _record_surely(lambda: _record_answer(attempt_id, result))


def _record_surely(record: Callable[[], None]) -> None:
    """Store what the provider said, also while the database restarts: it is said only once."""
    for pause in (0.5, 1, 2, 4, 8):
        try:
            record()
        except (OperationalError, InterfaceError):
            logger.warning("attempt_record_postponed")
            connection.close()
            time.sleep(pause)
        else:
            return
    record()


def _locked_payment(order: Order, *, method: str, provider: str) -> Payment:
    """Return the order's payment, made now if needed, locked. Payments are locked before orders, everywhere."""
    Payment.objects.bulk_create(
        [
            Payment(
                order=order,
                user=order.user,
                amount=order.total_amount,
                currency=order.currency,
                method=method,
                provider=provider,
            )
        ],
        ignore_conflicts=True,
    )
    return Payment.objects.select_for_update(no_key=True).get(order=order)


def _has_money_in_doubt(payment: Payment) -> bool:
    """Tell whether money that seems to be this payment's is on the work list: paying again would be paying twice."""
    return payment.received.filter(
        status__in=(ReceivedMoney.Status.UNVERIFIED, ReceivedMoney.Status.UNMATCHED)
    ).exists()


def _new_reference(order: Order, attempt_id: UUID) -> str:
    """Return ``<order number>-<8 characters>``: unique for ever, short enough for every provider's field."""
    tail = base64.b32encode(attempt_id.bytes[-5:]).decode()
    return f"{order.number}-{tail}"


def _limit_prompts(phone_number: str) -> None:
    """Refuse when this number was prompted too often, whoever asked; counted in PostgreSQL, exact."""
    most, window = settings.PAYMENT_PHONE_LIMIT
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"prompt:{phone_number}"])
    recent = PaymentAttempt.objects.filter(phone_number=phone_number, created_at__gt=timezone.now() - window)
    if recent.exclude(outcome=outcomes.NOT_SENT.name).count() >= most:
        raise TooManyPrompts()


@transaction.atomic
def _claim_for_sending(attempt_id: UUID) -> tuple[PaymentAttempt, str] | None:
    payment, attempt = lock_attempt(attempt_id)
    if attempt.status != PaymentAttempt.Status.CREATED:
        return None
    now = timezone.now()
    if now - attempt.created_at > SEND_WITHIN:
        fail_attempt(payment, attempt, outcomes.NOT_SENT, detail="no worker took it in time")
        return None
    token = secrets.token_urlsafe(32)
    attempt.status = PaymentAttempt.Status.SENDING
    attempt.callback_token_hash = token_hash(token)
    attempt.sent_at = now
    attempt.next_query_at = now + timedelta(seconds=get_provider(attempt.provider).query_delays()[0])
    attempt.save(update_fields=["status", "callback_token_hash", "sent_at", "next_query_at", "updated_at"])
    return attempt, token


@transaction.atomic
def _record_answer(attempt_id: UUID, result: InitiateResult) -> None:
    """Store what the provider answered, unless a callback was faster and has already said more."""
    payment, attempt = lock_attempt(attempt_id)
    if result.accepted:
        if attempt.provider_reference not in (None, result.provider_reference):
            logger.error("attempt_reference_differs", extra={"attempt_id": str(attempt_id)})
            return
        attempt.provider_reference = result.provider_reference
        attempt.merchant_reference = result.merchant_reference
        attempt.authorization_url = result.authorization_url
        attempt.instructions = result.instructions[:500]
        if attempt.status in (PaymentAttempt.Status.SENDING, PaymentAttempt.Status.UNKNOWN):
            attempt.status = PaymentAttempt.Status.PENDING
        attempt.save(
            update_fields=[
                "provider_reference",
                "merchant_reference",
                "authorization_url",
                "instructions",
                "status",
                "updated_at",
            ]
        )
    elif attempt.status == PaymentAttempt.Status.SENDING:
        if result.outcome.alert:
            logger.error("attempt_refused", extra={"attempt_id": str(attempt_id), "outcome": result.outcome.name})
        fail_attempt(payment, attempt, result.outcome, detail=result.detail)


@transaction.atomic
def _record_unknown(attempt_id: UUID, detail: str) -> None:
    _, attempt = lock_attempt(attempt_id)
    if attempt.status == PaymentAttempt.Status.SENDING:
        attempt.status = PaymentAttempt.Status.UNKNOWN
        attempt.outcome = outcomes.UNKNOWN.name
        attempt.result_detail = detail[:300]
        attempt.save(update_fields=["status", "outcome", "result_detail", "updated_at"])
