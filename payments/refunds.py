"""Refunds: money that goes back, promised once, sent at most once, settled by whatever the provider says later.

A refund is of one receipt and never more than that receipt brought less what went back of it, under its lock. The
promise is booked at once; the provider is told by a worker, without a lock. What was paid with a gift card or with
store credit goes back onto it at once, and nobody is told. Locks: payment, received money, refund, order, stock, gift
cards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from ecommerce.currencies import round_to_minor_unit
from ecommerce.events import emit
from ecommerce.models import new_id
from ecommerce.money import ZERO
from orders.models import Order, OrderItem
from orders.returns.settling import settle_returned
from orders.services import lock_open_stock, lock_order, mark_refunded
from payments import ledger, order_documents
from payments.credit import books as credit
from payments.credit import sold
from payments.credit.exceptions import RefundNotToCredit
from payments.credit.models import STORE_CREDIT
from payments.exceptions import NothingToRefund, OrderNotPaid, RefundInProgress, RefundNotByHand, RefundTooLarge
from payments.models import Payment, ReceivedMoney, Refund, RefundLine
from payments.money_out import Outgoing
from payments.providers import get_provider
from payments.providers.base import RefundRequest, TransferResult, Verdict
from payments.tasks import query_refund as query_refund_task
from payments.tasks import send_refund as send_refund_task

Status = Refund.Status


@dataclass(frozen=True)
class RefundedLine:
    order_item: OrderItem
    quantity: int
    amount: Decimal


@transaction.atomic
def refund_payment(
    *,
    payment_id: UUID,
    amount: Decimal | None,
    reason: str,
    actor: User | None,
    cause: Refund.Cause = Refund.Cause.REQUESTED,
    lines: Sequence[RefundedLine] = (),
    to_store_credit: bool = False,
) -> list[Refund]:
    """Promise a payer ``amount`` of a payment back, in its currency; all that is left when None.

    Takes the newest receipts first; each gives a refund of its own, since a provider gives back what it received.
    ``to_store_credit`` gives as store credit what came by a provider; what came from a gift card goes back onto it.

    Raises:
        OrderNotPaid: a part has come, and the order waits for the rest.
        RefundNotToCredit: nobody's account could be credited, or not in this currency.
        NothingToRefund: nothing was paid, or all of it went back.
        RefundTooLarge: more than is left.
        RefundInProgress: an earlier refund of a receipt is not finished.
        GiftCardSpent, GiftCardIndivisible: its gift cards cannot come in for that; see ``credit.sold``.
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
    if payment.paid_at is None and payment.order.is_payable:
        raise OrderNotPaid()
    if to_store_credit:
        _refuse_to_credit(payment, receipts)
    wanted = available if amount is None else amount
    if wanted > available:
        raise RefundTooLarge(available)
    _lock_for_credit(payment, receipts, also=to_store_credit, is_all=wanted == available)
    sold.take_cards_back(payment, going=wanted, kept=available - wanted, actor=actor)
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
                cause=cause,
                actor=actor,
                reason=reason,
                to_store_credit=to_store_credit,
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
    to_store_credit: bool = False,
) -> Refund:
    """Promise ``amount`` of locked, booked money back, and owe its sending. Must run inside a transaction.

    What goes back within the shop's own books has gone when this returns.

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
        provider=STORE_CREDIT if to_store_credit and not credit.is_credit(received.provider) else received.provider,
        amount=amount,
        currency=received.currency,
        reference=f"refund-{refund_id.hex}",
        cause=cause,
        reason=reason[:200],
        requested_by=actor,
    )
    ledger.record_refund_owed(refund)
    if credit.is_credit(refund.provider):
        gone = TransferResult(verdict=Verdict.SUCCEEDED, route="credit")
        return settle_refund(refund.pk, gone, source="credit")
    _refunds.owe_sending(refund)
    return refund


def owe_refund_of_payment(
    payment: Payment, *, cause: Refund.Cause, actor: User | None = None, reason: str = ""
) -> None:
    """Promise everything that paid a locked payment back: its order is gone.

    Raises:
        RefundInProgress: an earlier refund of a receipt is not finished.
    """
    receipts = list(
        payment.received.select_for_update(no_key=True, of=("self",))
        .filter(status=ReceivedMoney.Status.APPLIED)
        .order_by("-received_at", "-pk")
    )
    _lock_for_credit(payment, receipts)
    sold.take_cards_back(payment, going=left_of(payment), kept=ZERO, actor=actor)
    for received in receipts:
        worth = (received.applied_amount or ZERO) - _worth_promised(received)
        if worth > 0:
            amount = _share(received, worth, takes_rest=True)
            owe_refund(
                received,
                amount=amount,
                cause=cause,
                payment=payment,
                payment_amount=worth,
                actor=actor,
                reason=reason,
            )


def left_of(payment: Payment) -> Decimal:
    """Return what of a locked payment was paid and neither went back nor is promised, in its currency."""
    receipts = payment.received.filter(status=ReceivedMoney.Status.APPLIED)
    return sum(((received.applied_amount or ZERO) - _worth_promised(received) for received in receipts), ZERO)


def _lock_for_credit(
    payment: Payment, receipts: Sequence[ReceivedMoney], *, also: bool = False, is_all: bool = False
) -> None:
    """Lock what a refund within the books needs after the receipts: the order, then what they were paid from.

    One of all that is left may end the order, so its stock comes between.
    """
    if also or any(credit.is_credit(received.provider) for received in receipts):
        order = lock_order(payment.order_id)
        if is_all:
            lock_open_stock(order)
        credit.lock_sources(receipts)


def _refuse_to_credit(payment: Payment, receipts: Sequence[ReceivedMoney]) -> None:
    if payment.user is None:
        raise RefundNotToCredit("This order belongs to no account.")
    if any(received.currency != payment.currency for received in receipts):
        raise RefundNotToCredit("It was paid in another currency: give it back the way it came.")


def promised_of(received: ReceivedMoney, *, by: str = "") -> Decimal:
    """Return what went back of a receipt (``by`` a provider), or is on its way, in the receipt's currency."""
    refunds = received.refunds.exclude(status=Status.FAILED)
    if by:
        refunds = refunds.filter(provider=by)
    return refunds.aggregate(total=Sum("amount"))["total"] or ZERO


def _worth_promised(received: ReceivedMoney) -> Decimal:
    promised = received.refunds.exclude(status=Status.FAILED).aggregate(total=Sum("payment_amount"))["total"]
    return promised or ZERO


def _share(received: ReceivedMoney, worth: Decimal, *, takes_rest: bool) -> Decimal:
    """Return what of a receipt answers to ``worth`` of its payment; the last refund takes what is left."""
    if takes_rest:
        return received.amount - promised_of(received)
    applied = received.applied_amount or received.amount
    return round_to_minor_unit(worth * received.amount / applied, received.currency)


# --- sending, asking, settling


class _Refunds(Outgoing[Refund]):
    name = "refund"
    model = Refund
    send_task = send_refund_task
    query_task = query_refund_task
    not_by_hand = RefundNotByHand

    def load(self, row_id: UUID) -> Refund:
        return Refund.objects.select_related("received__attempt", "received__payment__order").get(pk=row_id)

    def lock(self, row_id: UUID) -> Refund:
        payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=row_id)
        payments = Payment.objects.select_for_update(no_key=True, of=("self",))
        payment = payments.get(pk=payment_id) if payment_id else None
        received = ReceivedMoney.objects.select_for_update(no_key=True, of=("self",)).get(refunds__pk=row_id)
        refund = Refund.objects.select_for_update(no_key=True, of=("self",)).get(pk=row_id)
        refund.payment, refund.received = payment, received
        return refund

    def tell(self, row: Refund) -> TransferResult:
        return get_provider(row.provider).refund(request_of(row))

    def ask(self, row: Refund) -> TransferResult:
        return get_provider(row.provider).query_refund(request_of(row))

    def is_repeatable(self, row: Refund) -> bool:
        """With the same reference, or as a reversal, which M-Pesa does once."""
        return get_provider(row.provider).refund_is_repeatable

    def succeeded(self, row: Refund) -> None:
        booked = ledger.record_refund_paid(row)
        received = row.received
        if received.status == ReceivedMoney.Status.SURPLUS and promised_of(received) == received.amount:
            received.status = ReceivedMoney.Status.RETURNED
            received.save(update_fields=["status", "updated_at"])
        if row.payment is not None:
            kept = _follow(row.payment)
            order_documents.tell_of_refund(row, row.payment, kept)
            emit(
                "refund.succeeded",
                row.pk,
                user_id=row.payment.user_id,
                order_id=str(row.payment.order_id),
                payment_id=str(row.payment.pk),
                amount=str(row.amount),
                currency=row.currency,
            )
        if credit.is_credit(row.provider):
            credit.pay_back(row, booked)

    def failed(self, row: Refund) -> None:
        """A person sees it, as money that must go back and has not."""
        ledger.record_refund_dropped(row)
        if row.payment is not None and row.cause != Refund.Cause.REQUESTED:
            row.payment.needs_refund = True
            row.payment.save(update_fields=["needs_refund", "updated_at"])


_refunds = _Refunds()


def send_refund(refund_id: UUID) -> None:
    """Tell the provider. Called by a worker; a refund that may have been received is asked about, never sent blindly.

    No lock is held while the provider is asked.
    """
    _refunds.send(refund_id)


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
        result_url=_refunds.result_url(refund),
        provider_reference=refund.provider_reference,
        route=refund.route,
    )


def query_due_refunds(limit: int = 50) -> int:
    """Queue a question for each open refund that is due, and set its next turn first; return how many."""
    return _refunds.query_due(limit)


def query_refund(refund_id: UUID) -> Refund:
    """Ask the provider about one refund and settle what it says; no lock is held while asking."""
    return _refunds.query(refund_id)


def settle_refund(refund_id: UUID, result: TransferResult, *, source: str) -> Refund:
    """Apply what the provider said about a refund; idempotent. See ``Outgoing.settle``."""
    return _refunds.settle(refund_id, result, source=source)


def complete_by_hand(refund_id: UUID, *, actor: User, receipt_number: str) -> Refund:
    """Let staff say that a refund which only a person could make has been made.

    Raises:
        RefundNotByHand: it does not wait for a person.
    """
    return _refunds.complete_by_hand(refund_id, actor=actor, receipt_number=receipt_number)


def _follow(payment: Payment) -> Decimal:
    """Let a locked payment, and an order that is wholly paid back, show what has gone back; return what is kept."""
    gone = payment.refunds.filter(status=Status.SUCCEEDED, payment_amount__isnull=False)
    total = gone.aggregate(total=Sum("payment_amount"))["total"] or ZERO
    applied = payment.received.filter(status=ReceivedMoney.Status.APPLIED)
    kept = (applied.aggregate(total=Sum("applied_amount"))["total"] or ZERO) - total
    waiting = payment.received.filter(status=ReceivedMoney.Status.SURPLUS).exists()
    if payment.paid_at is not None:  # one that was never paid in full stays what it was
        if kept <= 0:
            payment.status = Payment.Status.REFUNDED
        elif kept < payment.amount:
            payment.status = Payment.Status.PARTIALLY_REFUNDED
    payment.needs_refund = waiting or kept > payment.amount
    payment.save(update_fields=["status", "needs_refund", "updated_at"])
    order = lock_order(payment.order_id)
    if order.status != Order.Status.CANCELLED:
        if payment.status == Payment.Status.REFUNDED:
            if Order.Status.REFUNDED in order.next_statuses:
                mark_refunded(order, note="paid back in full")
        elif not payment.refunds.filter(status__in=Refund.OPEN).exists():
            settle_returned(order)
    return kept
