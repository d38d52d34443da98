"""Refunds: money that goes back, promised once, sent at most once, settled by whatever the provider says later.

A refund is of one receipt and never more than that receipt brought less what went back of it, under its lock. The
promise is booked at once; the provider is told by a worker, without a lock. Locks: payment, received money, refund.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import User
from ecommerce.currencies import round_to_minor_unit
from ecommerce.models import new_id
from ecommerce.money import ZERO
from orders.models import Order, OrderItem
from orders.services import lock_order, transition_order
from payments import ledger
from payments.attempts import token_hash
from payments.exceptions import (
    NothingToRefund,
    ProviderUnavailable,
    ProviderUnreachable,
    RefundInProgress,
    RefundNotByHand,
    RefundTooLarge,
)
from payments.models import Payment, ReceivedMoney, Refund, RefundLine
from payments.providers import get_provider
from payments.providers.base import RefundRequest, TransferResult, Verdict
from payments.tasks import query_refund as query_refund_task
from payments.tasks import send_refund as send_refund_task

logger = logging.getLogger(__name__)

Status = Refund.Status

# When to ask about a refund whose fate is not known, in seconds after it was sent; then once a day for a week.
QUERY_DELAYS = (30, 120, 300, 900, 3600, 21_600, *range(86_400, 7 * 86_400 + 1, 86_400))
# A worker that has not come back from the provider after this is gone.
SENDING_TAKES = timedelta(seconds=60)


@dataclass(frozen=True)
class RefundedLine:
    order_item: OrderItem
    quantity: int
    amount: Decimal


@transaction.atomic
def refund_payment(
    *, payment_id: UUID, amount: Decimal | None, reason: str, actor: User | None, lines: Sequence[RefundedLine] = ()
) -> list[Refund]:
    """Promise a payer ``amount`` of a payment back, in its currency; all that is left when None.

    Takes the newest receipts first; each gives a refund of its own, since a provider gives back what it received.

    Raises:
        NothingToRefund: nothing was paid, or all of it went back.
        RefundTooLarge: more than is left.
        RefundInProgress: an earlier refund of a receipt is not finished.
    """
    payment = Payment.objects.select_for_update(no_key=True, of=("self",)).get(pk=payment_id)
    receipts = list(
        payment.received.select_for_update(no_key=True, of=("self",))
        .filter(status=ReceivedMoney.Status.APPLIED)
        .order_by("-received_at", "-pk")
    )
    left = {received.pk: (received.applied_amount or ZERO) - _worth_promised(received) for received in receipts}
    available = sum(left.values(), ZERO)
    if available <= 0:
        raise NothingToRefund()
    wanted = available if amount is None else amount
    if wanted > available:
        raise RefundTooLarge(available)
    made: list[Refund] = []
    for received in receipts:
        worth = min(wanted, left[received.pk])
        if worth <= 0:
            continue
        made.append(
            owe_refund(
                received,
                amount=_share(received, worth, takes_rest=worth == left[received.pk]),
                payment=payment,
                payment_amount=worth,
                cause=Refund.Cause.REQUESTED,
                actor=actor,
                reason=reason,
            )
        )
        wanted -= worth
    RefundLine.objects.bulk_create(
        RefundLine(refund=made[0], order_item=line.order_item, quantity=line.quantity, amount=line.amount)
        for line in lines
    )
    return made


def owe_refund(
    received: ReceivedMoney,
    *,
    amount: Decimal,
    cause: Refund.Cause,
    payment: Payment | None,
    payment_amount: Decimal | None = None,
    actor: User | None = None,
    reason: str = "",
) -> Refund:
    """Promise ``amount`` of locked, booked money back, and owe its sending. Must run inside a transaction.

    Raises:
        RefundInProgress: an earlier one of this receipt is not finished.
        RefundTooLarge: more than the receipt has left.
    """
    if received.refunds.filter(status__in=Refund.OPEN).exists():
        raise RefundInProgress()
    left = received.amount - promised_of(received)
    if amount > left:
        raise RefundTooLarge(left)
    refund_id = new_id()
    refund = Refund.objects.create(
        pk=refund_id,
        received=received,
        payment=payment,
        payment_amount=payment_amount,
        provider=received.provider,
        amount=amount,
        currency=received.currency,
        reference=f"refund-{refund_id.hex}",
        cause=cause,
        reason=reason[:200],
        requested_by=actor,
    )
    ledger.record_refund_owed(refund)
    send_refund_task.owe(f"send-refund:{refund.pk}", refund_id=str(refund.pk))
    return refund


def owe_refund_of_payment(payment: Payment, *, cause: Refund.Cause) -> None:
    """Promise everything that paid a locked payment back: its order is gone."""
    for received in payment.received.select_for_update(no_key=True, of=("self",)).filter(
        status=ReceivedMoney.Status.APPLIED
    ):
        worth = (received.applied_amount or ZERO) - _worth_promised(received)
        if worth > 0:
            amount = _share(received, worth, takes_rest=True)
            owe_refund(received, amount=amount, cause=cause, payment=payment, payment_amount=worth)


def promised_of(received: ReceivedMoney) -> Decimal:
    """Return what went back of a receipt, or is on its way, in the receipt's currency."""
    promised = received.refunds.exclude(status=Status.FAILED).aggregate(total=Sum("amount"))["total"]
    return promised or ZERO


def _worth_promised(received: ReceivedMoney) -> Decimal:
    promised = received.refunds.exclude(status=Status.FAILED).aggregate(total=Sum("payment_amount"))["total"]
    return promised or ZERO


def _share(received: ReceivedMoney, worth: Decimal, *, takes_rest: bool) -> Decimal:
    """Return what of a receipt answers to ``worth`` of its payment; the last refund takes what is left."""
    if takes_rest:
        return received.amount - promised_of(received)
    applied = received.applied_amount or received.amount
    return round_to_minor_unit(worth * received.amount / applied, received.currency)


# --- sending


def send_refund(refund_id: UUID) -> None:
    """Tell the provider. Called by a worker; a refund that may have been received is asked about, never sent blindly.

    No lock is held while the provider is asked.
    """
    claimed = _claim(refund_id)
    if claimed is None:
        return
    try:
        result = get_provider(claimed.provider).refund(request_of(claimed))
    except ProviderUnreachable as error:
        logger.warning("refund_not_sent", extra={"refund_id": str(refund_id)})
        _put_back(refund_id, str(error))
        return
    except ProviderUnavailable as error:
        logger.warning("refund_unknown", extra={"refund_id": str(refund_id)})
        result = TransferResult(verdict=Verdict.NO_ANSWER, detail=str(error)[:300])
    settle_refund(refund_id, result, source="answer")


def request_of(refund: Refund) -> RefundRequest:
    """Return what the provider is told of a refund, the first time and when it is asked about."""
    received = refund.received
    attempt, payment = received.attempt, received.payment
    payer = (attempt.phone_number if attempt else "") or (payment.order.phone_number if payment else "")
    return RefundRequest(
        reference=refund.reference,
        amount=refund.amount,
        currency=refund.currency,
        is_whole=refund.amount == received.amount,
        reason=refund.reason or refund.get_cause_display(),
        order_number=payment.order.number if payment else "",
        receipt_number=received.receipt_number or "",
        payment_reference=attempt.reference if attempt else "",
        payment_provider_reference=(attempt.provider_reference or "") if attempt else "",
        phone_number=payer or received.payer_phone,
        result_url=f"{settings.PUBLIC_BASE_URL}/api/payments/result/{_result_token(refund)}/",
        provider_reference=refund.provider_reference,
        route=refund.route,
    )


@transaction.atomic
def _claim(refund_id: UUID) -> Refund | None:
    refund = Refund.objects.select_for_update(no_key=True, of=("self",)).get(pk=refund_id)
    if refund.status != Status.CREATED:
        return None
    refund.status = Status.SENDING
    refund.callback_token_hash = token_hash(_result_token(refund))
    refund.sent_at = timezone.now()
    refund.next_query_at = refund.sent_at + timedelta(seconds=QUERY_DELAYS[0])
    refund.save(update_fields=["status", "callback_token_hash", "sent_at", "next_query_at", "updated_at"])
    return refund


@transaction.atomic
def _put_back(refund_id: UUID, detail: str) -> None:
    """It certainly was not received: owe it again, a little later."""
    refund = Refund.objects.select_for_update(no_key=True, of=("self",)).get(pk=refund_id)
    if refund.status in (Status.SENDING, Status.UNKNOWN):
        refund.status, refund.result_detail, refund.next_query_at = Status.CREATED, detail[:300], None
        refund.query_count += 1
        refund.save(update_fields=["status", "result_detail", "next_query_at", "query_count", "updated_at"])
        send_refund_task.owe(
            f"send-refund:{refund.pk}:{refund.query_count}",
            delay=timedelta(seconds=min(900, 15 * 2 ** min(refund.query_count, 6))),
            refund_id=str(refund.pk),
        )


# --- asking


def query_due_refunds(limit: int = 50) -> int:
    """Queue a question for each open refund that is due, and set its next turn first; return how many."""
    with transaction.atomic():
        due = list(
            Refund.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .filter(status__in=_ASKABLE, next_query_at__lte=Now())
            .order_by("next_query_at")[:limit]
        )
        for refund in due:
            refund.query_count += 1
            refund.next_query_at = _next_turn(refund)
        Refund.objects.bulk_update(due, ["next_query_at", "query_count"])
        for refund in due:
            query_refund_task.delay_on_commit(str(refund.pk))  # type: ignore[attr-defined]
    return len(due)


_ASKABLE = (Status.SENDING, Status.PENDING, Status.UNKNOWN)


def query_refund(refund_id: UUID) -> Refund:
    """Ask the provider about one refund and settle what it says; no lock is held while asking.

    One whose acknowledgement was lost and that cannot be asked about is sent again where that is harmless: with the
    same reference, or as a reversal, which M-Pesa does once.
    """
    refund = Refund.objects.select_related("received__attempt", "received__payment__order").get(pk=refund_id)
    if refund.status not in _ASKABLE:
        return refund
    if refund.status == Status.SENDING and refund.sent_at and timezone.now() - refund.sent_at < SENDING_TAKES:
        return refund  # a worker may still be at it
    provider = get_provider(refund.provider)
    request = request_of(refund)
    try:
        result = provider.query_refund(request)
        if result.verdict == Verdict.NO_ANSWER and provider.refund_is_repeatable:
            result = provider.refund(request)
    except ProviderUnavailable as error:
        logger.warning("refund_query_unavailable", extra={"refund_id": str(refund_id)})
        result = TransferResult(verdict=Verdict.NO_ANSWER, detail=str(error)[:300])
    settled = settle_refund(refund_id, result, source="query")
    if settled.status in _ASKABLE and settled.next_query_at is None:
        Refund.objects.filter(pk=refund_id, status__in=_ASKABLE).update(status=Status.REVIEW)
        logger.error("refund_needs_person", extra={"refund_id": str(refund_id)})
        settled.refresh_from_db()
    return settled


def _result_token(refund: Refund) -> str:
    """Return the secret in the address of a refund's reports: always the same, so that a late one is understood."""
    return salted_hmac("payments.refund", str(refund.pk), algorithm="sha256").hexdigest()


def _next_turn(refund: Refund) -> datetime | None:
    """Return when to ask next: the ladder's first rung after now; None when the ladder has ended."""
    sent_at = refund.sent_at or refund.created_at
    age = (timezone.now() - sent_at).total_seconds()
    return next((sent_at + timedelta(seconds=delay) for delay in QUERY_DELAYS if delay > age), None)


# --- settling


@transaction.atomic
def settle_refund(refund_id: UUID, result: TransferResult, *, source: str) -> Refund:
    """Apply what the provider said about a refund; idempotent. Success is never overwritten by failure.

    ``source`` names the channel for the log: ``answer``, ``query``, ``callback`` or ``staff``.
    """
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=refund_id)
    payment = Payment.objects.select_for_update(no_key=True, of=("self",)).get(pk=payment_id) if payment_id else None
    received = ReceivedMoney.objects.select_for_update(no_key=True, of=("self",)).get(refunds__pk=refund_id)
    refund = Refund.objects.select_for_update(no_key=True, of=("self",)).get(pk=refund_id)
    refund.payment, refund.received = payment, received
    if not refund.is_open:
        if refund.status == Status.SUCCEEDED and result.verdict == Verdict.FAILED:
            logger.error("refund_failure_after_success", extra={"refund_id": str(refund_id), "source": source})
        elif refund.status == Status.FAILED and result.verdict == Verdict.SUCCEEDED:
            logger.error("refund_success_after_failure", extra={"refund_id": str(refund_id), "source": source})
        return refund
    refund.provider_reference = result.provider_reference or refund.provider_reference
    refund.receipt_number = result.receipt_number or refund.receipt_number
    refund.route = result.route or refund.route
    refund.result_code, refund.result_detail = result.code[:40], result.detail[:300]
    if result.verdict == Verdict.SUCCEEDED and result.amount in (None, refund.amount):
        _succeed(refund, received, payment)
    elif result.verdict == Verdict.SUCCEEDED:
        refund.status, refund.next_query_at = Status.REVIEW, None
        logger.error("refund_amount_differs", extra={"refund_id": str(refund_id)})
    elif result.verdict == Verdict.FAILED:
        _fail(refund, payment)
    elif result.needs_person:
        refund.status, refund.next_query_at = Status.REVIEW, None
    elif result.verdict == Verdict.IN_FLIGHT:
        refund.status = Status.PENDING
    elif result.verdict == Verdict.NEVER_SEEN:
        refund.save()
        _put_back(refund.pk, "the provider never received it")
        refund.refresh_from_db()
        return refund
    elif refund.status == Status.SENDING:
        refund.status = Status.UNKNOWN
    refund.save()
    return refund


def _succeed(refund: Refund, received: ReceivedMoney, payment: Payment | None) -> None:
    refund.status, refund.ended_at, refund.next_query_at = Status.SUCCEEDED, timezone.now(), None
    refund.save()
    ledger.record_refund_paid(refund)
    if received.status == ReceivedMoney.Status.SURPLUS and promised_of(received) == received.amount:
        received.status = ReceivedMoney.Status.RETURNED
        received.save(update_fields=["status", "updated_at"])
    if payment is not None:
        _follow(payment)


def _fail(refund: Refund, payment: Payment | None) -> None:
    """The money is where it was; a person sees it, as money that must go back and has not."""
    refund.status, refund.ended_at, refund.next_query_at = Status.FAILED, timezone.now(), None
    refund.save()
    logger.error("refund_failed", extra={"refund_id": str(refund.pk), "code": refund.result_code})
    ledger.record_refund_dropped(refund)
    if payment is not None and refund.cause != Refund.Cause.REQUESTED:
        payment.needs_refund = True
        payment.save(update_fields=["needs_refund", "updated_at"])


def _follow(payment: Payment) -> None:
    """Let a locked payment, and an order that is wholly paid back, show what has gone back."""
    gone = payment.refunds.filter(status=Status.SUCCEEDED, payment_amount__isnull=False)
    total = gone.aggregate(total=Sum("payment_amount"))["total"] or ZERO
    waiting = payment.received.filter(status=ReceivedMoney.Status.SURPLUS).exists()
    if total >= payment.amount:
        payment.status = Payment.Status.REFUNDED
    elif total > 0:
        payment.status = Payment.Status.PARTIALLY_REFUNDED
    payment.needs_refund = waiting
    payment.save(update_fields=["status", "needs_refund", "updated_at"])
    if payment.status == Payment.Status.REFUNDED:
        order = lock_order(payment.order_id)
        if Order.Status.REFUNDED in Order.TRANSITIONS[order.status] and order.status != Order.Status.CANCELLED:
            transition_order(order.pk, Order.Status.REFUNDED, note="paid back in full")


# --- staff


def complete_by_hand(refund_id: UUID, *, actor: User, receipt_number: str) -> Refund:
    """Let staff say that a refund which only a person could make has been made.

    Raises:
        RefundNotByHand: it does not wait for a person.
    """
    if not Refund.objects.filter(pk=refund_id, status=Status.REVIEW).exists():
        raise RefundNotByHand()
    logger.info("refund_by_hand", extra={"refund_id": str(refund_id), "actor_id": str(actor.pk)})
    result = TransferResult(
        verdict=Verdict.SUCCEEDED, receipt_number=receipt_number, route="by_hand", detail=f"by {actor.pk}"
    )
    return settle_refund(refund_id, result, source="staff")
