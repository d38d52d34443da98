"""Settlement: what a provider's word does to an attempt, its payment and its order. The only place that decides it.

Callbacks, queries and staff all end here, in any order and any number of times. Success is never overwritten by
failure; a repeat changes nothing. Rows are locked in the one order: payment, attempt, order.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from orders.exceptions import InvalidOrderTransition
from orders.models import Order
from orders.services import lock_order, mark_paid
from payments import outcomes
from payments.models import Payment, PaymentAttempt
from payments.outcomes import Outcome
from payments.providers.base import ProviderResult, Verdict

logger = logging.getLogger(__name__)

# After a failed try the customer keeps the goods for at least this long, to try again.
TIME_TO_TRY_AGAIN = timedelta(minutes=5)


def lock_attempt(attempt_id: UUID) -> tuple[Payment, PaymentAttempt]:
    """Lock an attempt and its payment, the payment first. Must run inside a transaction."""
    payment = Payment.objects.select_for_update(no_key=True).get(attempts__pk=attempt_id)
    attempt = PaymentAttempt.objects.select_for_update(no_key=True, of=("self",)).get(pk=attempt_id)
    attempt.payment = payment
    return payment, attempt


@transaction.atomic
def settle(attempt_id: UUID, result: ProviderResult, *, source: str) -> PaymentAttempt:
    """Apply what the provider said about an attempt; idempotent, whichever channel comes first or again.

    ``source`` names the channel for the log: ``callback``, ``query`` or ``staff``. Locks payment, attempt, order.
    """
    payment, attempt = lock_attempt(attempt_id)
    if result.provider_reference and attempt.provider_reference is None:
        # The callback was faster than the push's own answer.
        attempt.provider_reference = result.provider_reference
        attempt.merchant_reference = result.merchant_reference
        attempt.save(update_fields=["provider_reference", "merchant_reference", "updated_at"])
    if result.verdict == Verdict.SUCCEEDED:
        _succeed(payment, attempt, result)
    elif result.verdict == Verdict.FAILED:
        if attempt.is_live:
            fail_attempt(payment, attempt, result.outcome, code=result.result_code, detail=result.detail)
        elif attempt.status == PaymentAttempt.Status.SUCCEEDED:
            logger.error("failure_after_success", extra={"attempt_id": str(attempt_id), "source": source})
    return attempt


def fail_attempt(
    payment: Payment, attempt: PaymentAttempt, outcome: Outcome, *, code: str = "", detail: str = ""
) -> None:
    """End a locked, live attempt without money; the customer may try again as ``outcome`` says."""
    attempt.status = PaymentAttempt.Status.FAILED
    attempt.outcome = outcome.name
    attempt.result_code = code
    attempt.result_detail = detail[:300]
    attempt.ended_at = timezone.now()
    attempt.next_query_at = None
    attempt.save(
        update_fields=["status", "outcome", "result_code", "result_detail", "ended_at", "next_query_at", "updated_at"]
    )
    if payment.status == Payment.Status.PENDING:
        payment.status = Payment.Status.FAILED
        payment.save(update_fields=["status", "updated_at"])
    order = lock_order(payment.order_id)
    _set_payment_open(payment, order)
    if order.reserved_until is not None:
        order.reserved_until = max(order.reserved_until, timezone.now() + TIME_TO_TRY_AGAIN)
        order.save(update_fields=["reserved_until", "updated_at"])


def send_to_review(payment: Payment, attempt: PaymentAttempt, reason: str, result: ProviderResult) -> None:
    """Money or facts do not match: keep everything that is known, credit nothing, and let a person decide."""
    logger.error("attempt_needs_review", extra={"attempt_id": str(attempt.pk), "reason": reason})
    attempt.status = PaymentAttempt.Status.REVIEW
    attempt.outcome = outcomes.REVIEW.name
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


def _succeed(payment: Payment, attempt: PaymentAttempt, result: ProviderResult) -> None:
    if attempt.status == PaymentAttempt.Status.SUCCEEDED:
        _complete_receipt(payment, attempt, result)
        return
    if result.amount is not None and result.amount != attempt.amount:
        send_to_review(payment, attempt, "amount_mismatch", result)
        return
    if result.receipt_number and _receipt_is_taken(attempt, result.receipt_number):
        send_to_review(payment, attempt, "receipt_reused", result)
        return
    attempt.status = PaymentAttempt.Status.SUCCEEDED
    attempt.outcome = outcomes.PAID.name
    attempt.result_code = result.result_code
    attempt.result_detail = result.detail
    attempt.received_amount = attempt.amount
    attempt.receipt_number = result.receipt_number or None
    attempt.ended_at = timezone.now()
    attempt.next_query_at = None
    attempt.save()
    order = lock_order(payment.order_id)
    if payment.status in (Payment.Status.PENDING, Payment.Status.FAILED):
        payment.status = Payment.Status.SUCCESSFUL
        payment.transaction_id = attempt.receipt_number
        payment.paid_at = result.paid_at or timezone.now()
        try:
            mark_paid(order.pk)
        except InvalidOrderTransition:  # cancelled meanwhile, but the money did arrive
            payment.needs_refund = True
    else:  # a second attempt brought money too
        payment.needs_refund = True
    if payment.needs_refund:
        logger.error("payment_needs_refund", extra={"payment_id": str(payment.pk)})
    payment.save(update_fields=["status", "transaction_id", "paid_at", "needs_refund", "updated_at"])
    _set_payment_open(payment, order)


def _complete_receipt(payment: Payment, attempt: PaymentAttempt, result: ProviderResult) -> None:
    """A success told by a query has no receipt; the callback that comes later brings it."""
    if not result.receipt_number or attempt.receipt_number == result.receipt_number:
        return
    if attempt.receipt_number is not None or _receipt_is_taken(attempt, result.receipt_number):
        logger.error("receipt_differs", extra={"attempt_id": str(attempt.pk)})
        return
    if result.amount is not None and result.amount != attempt.amount:
        logger.error("amount_differs_after_success", extra={"attempt_id": str(attempt.pk)})
        payment.needs_refund = True
        payment.save(update_fields=["needs_refund", "updated_at"])
    attempt.receipt_number = result.receipt_number
    attempt.save(update_fields=["receipt_number", "updated_at"])
    if payment.transaction_id is None:
        payment.transaction_id = result.receipt_number
        payment.save(update_fields=["transaction_id", "updated_at"])


def _receipt_is_taken(attempt: PaymentAttempt, receipt_number: str) -> bool:
    others = PaymentAttempt.objects.filter(provider=attempt.provider, receipt_number=receipt_number)
    return (
        others.exclude(pk=attempt.pk).exists()
        or Payment.objects.filter(transaction_id=receipt_number).exclude(pk=attempt.payment_id).exists()
    )


def _set_payment_open(payment: Payment, order: Order) -> None:
    """Tell the (locked) order whether money may still arrive, so that it is not cancelled meanwhile."""
    unresolved = (*PaymentAttempt.LIVE, PaymentAttempt.Status.REVIEW)
    is_open = payment.attempts.filter(status__in=unresolved).exists()
    Order.objects.filter(pk=order.pk).update(payment_open=is_open)
    order.payment_open = is_open
