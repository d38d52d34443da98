"""Money that arrived: one row for each receipt, in the books at once, and matched to what it pays.

A callback, a query, a paybill's confirmation, a statement line and staff all end in ``record``; the receipt makes them
one. Matching goes by the account reference (an order number with its check digit), then by phone number and exact
amount within a window; whatever is not certain is a work list, which staff decide on in ``payments.decisions``.
Locks: payment, attempt, received money, order.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from ecommerce.currencies import round_to_minor_unit
from ecommerce.events import emit
from ecommerce.money import ZERO
from orders.exceptions import InvalidOrderTransition
from orders.models import Order
from orders.numbers import is_order_number
from orders.services import lock_order, mark_paid
from payments import ledger, refunds
from payments.attempts import mark_succeeded, set_payment_open
from payments.exceptions import AmountNotPayable
from payments.models import Payment, PaymentAttempt, ReceivedMoney, Refund
from payments.providers import get_provider

logger = logging.getLogger(__name__)

Status = ReceivedMoney.Status

# Money without a reference is matched to a payment that was asked for no longer ago than this.
PHONE_WINDOW = timedelta(hours=24)
MASKED_PHONE_WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Arrival:
    """What a channel tells of money. ``is_verified``: it comes from the provider itself, not from a mere caller."""

    provider: str
    amount: Decimal
    currency: str
    received_at: datetime
    source: str  # a value of ReceivedMoney.Source
    is_verified: bool
    receipt_number: str = ""
    fee: Decimal | None = None
    account_reference: str = ""
    payer_phone: str = ""
    payer_name: str = ""
    reason: str = ""


def record(arrival: Arrival) -> ReceivedMoney:
    """Write down money that nobody was asked for, once, and match it; idempotent by its receipt.

    A repeat, and news of money that an attempt has brought already, change nothing but what was unknown before.
    """
    with transaction.atomic():
        payment = _payment_named(arrival.account_reference, arrival.provider) if arrival.is_verified else None
        if payment is not None:
            # A query may be settling this very payment without its receipt: wait, or one payment becomes two.
            Payment.objects.select_for_update(no_key=True, of=("self",)).get(pk=payment.pk)
        received = _record(arrival)
        if payment is not None and received.status == Status.UNMATCHED:
            received = _match_to(received.pk, payment.pk)
    if received.status == Status.UNMATCHED and payment is None:
        received = _match_by_phone(received)
    return received


def _record(arrival: Arrival) -> ReceivedMoney:
    completed = _complete_attempt_without_receipt(arrival)
    if completed is not None:
        return completed
    received, is_new = lock_or_create(arrival)
    if is_new or not arrival.is_verified:
        return received
    if received.status in (Status.UNVERIFIED, Status.DISMISSED):
        verify(received, arrival)
    elif received.amount != arrival.amount or received.currency != arrival.currency:
        logger.error("received_amount_differs", extra={"received_id": str(received.pk)})
        received.note = f"{arrival.source} says {arrival.amount} {arrival.currency}"
        received.save(update_fields=["note", "updated_at"])
    elif received.fee is None and arrival.fee:
        received.fee = arrival.fee
        received.save(update_fields=["fee", "updated_at"])
        ledger.record_fee(received)
    return received


def lock_or_create(arrival: Arrival, *, attempt: PaymentAttempt | None = None) -> tuple[ReceivedMoney, bool]:
    """Return the locked row of a receipt, made (and booked) now if need be, and whether it is new.

    Money without a receipt number is that of ``attempt``; without either it is new. Must run inside a transaction.
    """
    candidate = ReceivedMoney(
        provider=arrival.provider,
        receipt_number=arrival.receipt_number or None,
        amount=arrival.amount,
        currency=arrival.currency,
        fee=arrival.fee,
        status=Status.UNMATCHED if arrival.is_verified else Status.UNVERIFIED,
        reason=arrival.reason,
        source=arrival.source,
        received_at=arrival.received_at,
        account_reference=arrival.account_reference[:64],
        payer_phone=arrival.payer_phone[:64],
        payer_name=arrival.payer_name[:120],
        attempt=attempt,
        verified_at=timezone.now() if arrival.is_verified else None,
    )
    # Waits for a twin that is being inserted, and then does nothing.
    ReceivedMoney.objects.bulk_create([candidate], ignore_conflicts=True)
    if arrival.receipt_number:
        same = Q(provider=arrival.provider, receipt_number=arrival.receipt_number)
    else:
        same = Q(attempt=attempt) if attempt else Q(pk=candidate.pk)
    received = ReceivedMoney.objects.select_for_update(no_key=True, of=("self",)).get(same)
    is_new = received.pk == candidate.pk
    if is_new and arrival.is_verified:
        ledger.record_received(received)
    return received, is_new


def verify(received: ReceivedMoney, arrival: Arrival) -> None:
    """Turn a claim into money in the books, with what the provider itself says of it."""
    received.status, received.reason = Status.UNMATCHED, arrival.reason
    received.amount, received.currency, received.fee = arrival.amount, arrival.currency, arrival.fee
    received.received_at, received.verified_at = arrival.received_at, timezone.now()
    # Whoever claimed it may have named an order and a phone of his own: only the provider's word is matched by.
    if received.account_reference and received.account_reference != arrival.account_reference[:64]:
        received.note = f"claimed for {received.account_reference}"
    received.account_reference = arrival.account_reference[:64]
    received.payer_phone, received.payer_name = arrival.payer_phone[:64], arrival.payer_name[:120]
    received.next_query_at = None
    received.save()
    ledger.record_received(received)


def apply(received: ReceivedMoney, payment: Payment, *, worth: Decimal, attempt: PaymentAttempt | None = None) -> None:
    """Let locked, booked money pay ``worth`` of a locked payment; the payment may be complete by it.

    What is more than the payment lacked stays on it as credit, for staff to give back.
    """
    is_more = worth > due_of(payment)
    received.status, received.reason = Status.APPLIED, "overpaid" if is_more else ""
    received.payment, received.applied_amount = payment, worth
    received.attempt = attempt or received.attempt
    received.save(update_fields=["status", "reason", "payment", "applied_amount", "attempt", "updated_at"])
    ledger.record_applied(received, payment, worth)
    _complete(payment, received)
    if is_more and not payment.needs_refund:
        payment.needs_refund = True
        payment.save(update_fields=["needs_refund", "updated_at"])


def worth_of(received: ReceivedMoney, payment: Payment, *, rate: Decimal | None = None) -> Decimal:
    """Return what money is worth to a payment, in the payment's currency: what it lacks, if this was asked for it.

    ``rate`` is that of the attempt that asked for another currency. Other money may have come since it asked.
    """
    if rate is not None:
        return round_to_minor_unit(received.amount * rate, payment.currency)
    due = due_of(payment)
    return due if received.amount == _payable(received, due) else received.amount


def keep_as_surplus(received: ReceivedMoney, payment: Payment, cause: Refund.Cause) -> None:
    """Money that its payment does not need, or whose order is gone, goes back by itself.

    Unless staff have written it down as taken by hand: then it came once, and a person decides.
    """
    if is_typed_by_staff(received):
        _leave(received.pk, "typed_by_staff", payment)
        received.refresh_from_db()
        return
    received.status, received.reason, received.payment = Status.SURPLUS, cause, payment
    received.save(update_fields=["status", "reason", "payment", "updated_at"])
    payment.needs_refund = True
    payment.save(update_fields=["needs_refund", "updated_at"])
    refunds.owe_refund(received, amount=received.amount, cause=cause, payment=payment)


def due_of(payment: Payment) -> Decimal:
    """Return what a payment still lacks, in its currency."""
    return payment.amount - applied_total(payment)


def applied_total(payment: Payment) -> Decimal:
    applied = payment.received.filter(status=Status.APPLIED)
    return applied.aggregate(total=Sum("applied_amount"))["total"] or ZERO


def has_money_in_doubt(payment: Payment) -> bool:
    """Tell whether money that seems to be this payment's is on the work list: paying again would be paying twice."""
    return payment.received.filter(status__in=(Status.UNVERIFIED, Status.UNMATCHED)).exists()


def _complete(payment: Payment, received: ReceivedMoney) -> None:
    if payment.status not in (Payment.Status.PENDING, Payment.Status.FAILED) or due_of(payment) > 0:
        return
    order = lock_order(payment.order_id)
    payment.status = Payment.Status.SUCCESSFUL
    if not Payment.objects.filter(transaction_id=received.receipt_number).exists():  # staff may have typed it elsewhere
        payment.transaction_id = received.receipt_number
    payment.paid_at = received.received_at
    try:
        mark_paid(order.pk)
    except InvalidOrderTransition:  # cancelled meanwhile, but the money did arrive
        payment.needs_refund = True
    payment.save(update_fields=["status", "transaction_id", "paid_at", "needs_refund", "updated_at"])
    emit(
        "payment.succeeded",
        payment.pk,
        user_id=payment.user_id,
        order_id=str(payment.order_id),
        provider=payment.provider,
        amount=str(payment.amount),
        currency=payment.currency,
    )
    if payment.needs_refund:
        logger.error("payment_needs_refund", extra={"payment_id": str(payment.pk)})
        refunds.owe_refund_of_payment(payment, cause=Refund.Cause.ORDER_CANCELLED)


# --- matching


def _match_by_phone(received: ReceivedMoney) -> ReceivedMoney:
    """Find what money without a known reference pays; leave it on the work list when that is not certain."""
    payment = _payment_by_phone(received)
    if payment is None:
        return _leave(received.pk, "unknown_reference", None)
    return _match_to(received.pk, payment.pk)


@transaction.atomic
def _match_to(received_id: UUID, payment_id: UUID) -> ReceivedMoney:
    payment = Payment.objects.select_for_update(no_key=True, of=("self",)).get(pk=payment_id)
    received = ReceivedMoney.objects.select_for_update(no_key=True, of=("self",)).get(pk=received_id)
    if received.status != Status.UNMATCHED:
        return received
    if is_typed_by_staff(received):
        return _leave(received_id, "typed_by_staff", payment)
    if received.currency != payment.currency:
        return _leave(received_id, "other_currency", payment)
    order = lock_order(payment.order_id)
    if order.status == Order.Status.CANCELLED:
        keep_as_surplus(received, payment, Refund.Cause.ORDER_CANCELLED)
        return received
    due = due_of(payment)
    if due <= 0:
        if received.amount == _payable(received, payment.amount):
            keep_as_surplus(received, payment, Refund.Cause.PAID_TWICE)
            return received
        return _leave(received_id, "already_paid", payment)
    if _settle_attempt(payment, received):
        return received
    # Paid in parts: what is on the work list for this payment and this together may be exactly what it lacks.
    parts = [received, *_parts(payment, received)]
    if sum(part.amount for part in parts) == _payable(received, due):
        for part in parts[1:]:
            apply(part, payment, worth=part.amount)
        apply(received, payment, worth=due_of(payment))
        set_payment_open(payment, order)
        return received
    reason = "underpaid" if received.amount < _payable(received, due) else "overpaid"
    return _leave(received_id, reason, payment)


def _parts(payment: Payment, but: ReceivedMoney) -> QuerySet[ReceivedMoney]:
    parts = payment.received.select_for_update(no_key=True, of=("self",)).filter(
        status=Status.UNMATCHED, currency=payment.currency
    )
    return parts.exclude(pk=but.pk).order_by("pk")


def _payable(received: ReceivedMoney, amount: Decimal) -> Decimal:
    """Return what the provider of received money would have asked for ``amount``, in the same currency."""
    try:
        return get_provider(received.provider).payable_amount(amount, received.currency).amount
    except AmountNotPayable:
        return amount


@transaction.atomic
def _leave(received_id: UUID, reason: str, payment: Payment | None) -> ReceivedMoney:
    received = ReceivedMoney.objects.select_for_update(no_key=True, of=("self",)).get(pk=received_id)
    if received.status == Status.UNMATCHED:
        logger.warning("money_unmatched", extra={"received_id": str(received_id), "reason": reason})
        received.reason, received.payment = reason, payment
        received.save(update_fields=["reason", "payment", "updated_at"])
    return received


def is_typed_by_staff(received: ReceivedMoney) -> bool:
    """Tell whether staff wrote this receipt down as money that they took: the two may be one and the same."""
    typed = ReceivedMoney.objects.filter(receipt_number=received.receipt_number, source=ReceivedMoney.Source.STAFF)
    return bool(received.receipt_number) and typed.exclude(pk=received.pk).exists()


def _payment_named(reference: str, provider: str) -> Payment | None:
    """Return the payment of the order whose number the payer typed, or of the attempt that it names."""
    typed = reference.strip()
    digits = "".join(character for character in typed if character.isdigit())
    attempt = PaymentAttempt.objects.filter(reference=typed.upper()).select_related("payment").first()
    if attempt is not None:
        return attempt.payment
    number = next((text for text in (typed, digits) if is_order_number(text)), None)
    # What costs nothing has no payment.
    order = Order.objects.filter(number=number, total_amount__gt=0).first() if number else None
    if order is None:
        return None
    Payment.objects.bulk_create(
        [
            Payment(
                order=order,
                user=order.user,
                amount=order.total_amount,
                currency=order.currency,
                method=Payment.Method.MPESA,
                provider=provider,
            )
        ],
        ignore_conflicts=True,
    )
    return Payment.objects.get(order=order)


def _payment_by_phone(received: ReceivedMoney) -> Payment | None:
    """Return the one open payment of this phone and exactly this amount, if there is but one."""
    if received.account_reference.strip() or not received.payer_phone:
        return None
    is_masked = not received.payer_phone.lstrip("+").isdigit()
    since = timezone.now() - (MASKED_PHONE_WINDOW if is_masked else PHONE_WINDOW)
    attempts = PaymentAttempt.objects.filter(
        provider=received.provider, amount=received.amount, currency=received.currency, created_at__gt=since
    ).filter(payment__status__in=(Payment.Status.PENDING, Payment.Status.FAILED))
    found = {
        attempt.payment_id: attempt.payment
        for attempt in attempts.select_related("payment")
        if _is_phone(received.payer_phone, attempt.phone_number)
    }
    return next(iter(found.values())) if len(found) == 1 else None


def _is_phone(told: str, phone_number: str) -> bool:
    """Compare a phone number as told (plain, or masked as ``2547 ***** 126``) with one in E.164."""
    known, told = phone_number.removeprefix("+"), told.replace(" ", "").removeprefix("+")
    if told.isdigit():
        return bool(known) and known == told
    start, _, end = told.partition("*")
    end = end.rpartition("*")[2] if "*" in end else end
    return len(start) + len(end) >= 6 and known.startswith(start) and known.endswith(end)


def _complete_attempt_without_receipt(arrival: Arrival) -> ReceivedMoney | None:
    """Give a payment that only a query told of the receipt that now comes; None when there is none such."""
    if not (arrival.receipt_number and arrival.is_verified):
        return None
    if ReceivedMoney.objects.filter(provider=arrival.provider, receipt_number=arrival.receipt_number).exists():
        return None
    reference = arrival.account_reference.strip()
    if not reference:
        return None
    candidate = (
        ReceivedMoney.objects.filter(
            Q(attempt__reference=reference) | Q(payment__order__number=reference),
            provider=arrival.provider,
            receipt_number__isnull=True,
            amount=arrival.amount,
            currency=arrival.currency,
            attempt__isnull=False,
        )
        .order_by("created_at")
        .first()
    )
    if candidate is None or candidate.payment_id is None:
        return None
    return complete_receipt(candidate, arrival.receipt_number)


def complete_receipt(known: ReceivedMoney, receipt_number: str) -> ReceivedMoney:
    """Fill in the receipt of money that only a query had told of, on its payment and attempt too."""
    payment = Payment.objects.select_for_update(no_key=True, of=("self",)).get(received__pk=known.pk)
    received = ReceivedMoney.objects.select_for_update(no_key=True, of=("self",)).get(pk=known.pk)
    if received.receipt_number is not None:
        return received
    received.receipt_number = receipt_number
    received.save(update_fields=["receipt_number", "updated_at"])
    payment.attempts.filter(received=received).update(receipt_number=receipt_number, updated_at=timezone.now())
    if payment.transaction_id is None and received.status == Status.APPLIED:
        payment.transaction_id = receipt_number
        payment.save(update_fields=["transaction_id", "updated_at"])
    return received


def _settle_attempt(payment: Payment, received: ReceivedMoney) -> bool:
    """Tell whether money is what an attempt of its payment asked for; then it ends that attempt.

    M-Pesa reports an STK payment to the paybill's address as well, at times before its own callback.
    """
    unpaid = payment.attempts.select_for_update(no_key=True, of=("self",)).exclude(
        status=PaymentAttempt.Status.SUCCEEDED
    )
    same = unpaid.filter(
        Q(receipt_number__isnull=True) | Q(receipt_number=received.receipt_number),
        provider=received.provider,
        amount=received.amount,
        currency=received.currency,
        sent_at__isnull=False,
    )
    attempt = same.order_by("-created_at").first()
    due = due_of(payment)
    if attempt is None or received.amount != _payable(received, due):
        return False
    mark_succeeded(attempt, receipt_number=received.receipt_number or "", detail=received.source)
    apply(received, payment, worth=due, attempt=attempt)
    set_payment_open(payment, lock_order(payment.order_id))
    return True
