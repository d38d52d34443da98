"""One attempt's own state: locking it, ending it, and telling its order whether money may still arrive."""

import hashlib
import logging
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from ecommerce.events import emit
from orders.models import Order
from orders.services import lock_order
from payments import outcomes
from payments.credit.models import CREDIT_PROVIDERS
from payments.models import Payment, PaymentAttempt
from payments.outcomes import Outcome
from payments.providers import get_provider
from payments.providers.base import AttemptFacts, ProviderResult
from payments.tasks import close_attempt

logger = logging.getLogger(__name__)

# Money may still come of it.
UNRESOLVED = (*PaymentAttempt.LIVE, PaymentAttempt.Status.REVIEW)
# After a failed try the customer keeps the goods for at least this long, to try again.
TIME_TO_TRY_AGAIN = timedelta(minutes=5)
# A worker that has not come back from the provider after this is gone.
SENDING_TAKES = timedelta(seconds=60)


def token_hash(token: str) -> str:
    """Return what is stored of the secret in a callback's address."""
    return hashlib.sha256(token.encode()).hexdigest()


def lock_attempt(attempt_id: UUID) -> tuple[Payment, PaymentAttempt]:
    """Lock an attempt and its payment, the payment first. Must run inside a transaction."""
    payment = Payment.objects.select_for_update(no_key=True, of=("self",)).get(attempts__pk=attempt_id)
    attempt = PaymentAttempt.objects.select_for_update(no_key=True, of=("self",)).get(pk=attempt_id)
    attempt.payment = payment
    return payment, attempt


def lock_payment_of(order: Order, *, method: str, provider: str) -> Payment:
    """Return an order's payment, made now if needed, locked. Payments are locked before orders, everywhere."""
    payment = Payment(
        order=order,
        user=order.user,
        amount=order.total_amount,
        currency=order.currency,
        method=method,
        provider=provider,
    )
    Payment.objects.bulk_create([payment], ignore_conflicts=True)
    return Payment.objects.select_for_update(no_key=True, of=("self",)).get(order=order)


def facts_of(attempt: PaymentAttempt) -> AttemptFacts:
    """Return what a provider is told when it is asked about an attempt."""
    age = timezone.now() - (attempt.sent_at or attempt.created_at)
    return AttemptFacts(
        reference=attempt.reference,
        provider_reference=attempt.provider_reference or "",
        amount=attempt.amount,
        currency=attempt.currency,
        method=attempt.method,
        age_seconds=age.total_seconds(),
    )


def is_asked_about(provider: str) -> bool:
    """Tell whether a provider can say what became of an attempt; of cash and bank transfers only staff can."""
    return bool(get_provider(provider).query_delays())


def learn_references(attempt: PaymentAttempt, result: ProviderResult) -> None:
    """Keep the provider's ids from whichever channel names them first."""
    if result.provider_reference and attempt.provider_reference is None:
        attempt.provider_reference = result.provider_reference
        attempt.merchant_reference = result.merchant_reference
        attempt.save(update_fields=["provider_reference", "merchant_reference", "updated_at"])


def mark_succeeded(attempt: PaymentAttempt, *, receipt_number: str, code: str = "", detail: str = "") -> None:
    """End a locked attempt with money."""
    attempt.status = PaymentAttempt.Status.SUCCEEDED
    attempt.outcome = outcomes.PAID.name
    attempt.result_code = code
    attempt.result_detail = detail[:300]
    attempt.received_amount = attempt.amount
    attempt.receipt_number = receipt_number or None
    attempt.ended_at = timezone.now()
    attempt.next_query_at = None
    attempt.save()


def fail_attempt(
    payment: Payment,
    attempt: PaymentAttempt,
    outcome: Outcome,
    *,
    code: str = "",
    detail: str = "",
    keep_asking: bool = False,
) -> None:
    """End a locked, live attempt without money; the customer may try again as ``outcome`` says.

    ``keep_asking`` goes on with the questions of its ladder: it is we who gave it up, and it may still be paid.
    """
    attempt.status = PaymentAttempt.Status.FAILED
    attempt.outcome = outcome.name
    attempt.result_code = code
    attempt.result_detail = detail[:300]
    attempt.ended_at = timezone.now()
    if not keep_asking:
        attempt.next_query_at = None
    attempt.save(
        update_fields=["status", "outcome", "result_code", "result_detail", "ended_at", "next_query_at", "updated_at"]
    )
    if payment.status == Payment.Status.PENDING:
        payment.status = Payment.Status.FAILED
        payment.save(update_fields=["status", "updated_at"])
    emit(
        "payment.failed",
        payment.pk,
        user_id=payment.user_id,
        order_id=str(payment.order_id),
        provider=attempt.provider,
        outcome=outcome.name,
    )
    order = lock_order(payment.order_id)
    set_payment_open(payment, order)
    if order.reserved_until is not None:
        order.reserved_until = max(order.reserved_until, timezone.now() + TIME_TO_TRY_AGAIN)
        order.save(update_fields=["reserved_until", "updated_at"])


def leave_attempt(payment: Payment, attempt: PaymentAttempt, outcome: Outcome) -> None:
    """Give a locked, live attempt up on our own account. Its page is closed as far as that can be done."""
    fail_attempt(payment, attempt, outcome, keep_asking=True)
    close_attempt.owe(f"close-attempt:{attempt.pk}", attempt_id=str(attempt.pk))


def send_to_review(attempt: PaymentAttempt, outcome: Outcome, reason: str, result: ProviderResult) -> None:
    """Money or facts do not match: keep everything that is known, credit nothing, and let a person decide."""
    logger.error("attempt_needs_review", extra={"attempt_id": str(attempt.pk), "reason": reason})
    attempt.status = PaymentAttempt.Status.REVIEW
    attempt.outcome = outcome.name
    attempt.result_code = result.result_code
    attempt.result_detail = f"{reason}: {result.detail}"[:300]
    attempt.received_amount = result.amount
    attempt.receipt_number = result.receipt_number or None
    attempt.next_query_at = None
    attempt.save(
        update_fields=[
            "status",
            "outcome",
            "result_code",
            "result_detail",
            "received_amount",
            "receipt_number",
            "next_query_at",
            "updated_at",
        ]
    )


def set_payment_open(payment: Payment, order: Order) -> None:
    """Tell the (locked) order whether money may still arrive, or is here in part, so that it is not cancelled.

    And, until it is shipped, whether it is to be paid at the door.
    """
    is_open = payment.attempts.filter(status__in=UNRESOLVED).exists() or (
        payment.status != Payment.Status.SUCCESSFUL
        # A gift card can take back what it paid, whenever the order ends; a person need not.
        and payment.received.filter(status="applied").exclude(provider__in=CREDIT_PROVIDERS).exists()
    )
    at_the_door = order.pay_on_delivery
    if order.status not in (Order.Status.SHIPPED, Order.Status.DELIVERED):
        at_the_door = payment.attempts.filter(
            status__in=PaymentAttempt.LIVE, method=Payment.Method.CASH_ON_DELIVERY
        ).exists()
    # Whatever ``order`` says: it may have been read before another step of this transaction wrote them.
    order.payment_open, order.pay_on_delivery = is_open, at_the_door
    order.save(update_fields=["payment_open", "pay_on_delivery", "updated_at"])
