"""Settlement: what a provider's word does to an attempt, its payment and its order. The only place that decides it.

Callbacks, queries, lists and staff all end here, in any order and any number of times. Success is never overwritten by
failure; a repeat changes nothing. Rows are locked in the one order: payment, attempt, received money, order.
"""

import logging
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from orders.services import lock_order
from payments import outcomes, received, refunds
from payments.attempts import (
    fail_attempt,
    learn_references,
    lock_attempt,
    mark_succeeded,
    send_to_review,
    set_payment_open,
)
from payments.credit.sold import switch_off_cards
from payments.models import Payment, PaymentAttempt, ReceivedMoney, Refund
from payments.outcomes import Outcome
from payments.providers.base import ProviderResult, Verdict
from payments.received import Arrival

logger = logging.getLogger(__name__)


@transaction.atomic
def settle(attempt_id: UUID, result: ProviderResult, *, source: str) -> PaymentAttempt:
    """Apply what the provider said about an attempt; idempotent, whichever channel comes first or again.

    ``source`` names the channel: ``callback`` (a mere message), or ``query`` and ``staff``, whose amounts are facts.
    """
    payment, attempt = lock_attempt(attempt_id)
    learn_references(attempt, result)
    if result.verdict == Verdict.SUCCEEDED:
        _succeed(payment, attempt, result, is_fact=source != "callback")
    elif result.verdict == Verdict.FAILED:
        if attempt.is_live:
            fail_attempt(payment, attempt, result.outcome, code=result.result_code, detail=result.detail)
        elif attempt.status == PaymentAttempt.Status.SUCCEEDED:
            logger.error("failure_after_success", extra={"attempt_id": str(attempt_id), "source": source})
    elif result.verdict == Verdict.REVERSED:
        _reversed(payment, attempt, result)
    return attempt


def _succeed(payment: Payment, attempt: PaymentAttempt, result: ProviderResult, *, is_fact: bool) -> None:
    if attempt.status == PaymentAttempt.Status.SUCCEEDED:
        _hear_again(payment, attempt, result, is_fact=is_fact)
        return
    doubt = _doubt(attempt, result)
    if doubt is not None:
        if not _was_decided(attempt, result):
            outcome, reason = doubt
            send_to_review(attempt, outcome, reason, result)
            _keep_doubtful_money(payment, attempt, result, reason, is_fact=is_fact)
            set_payment_open(payment, lock_order(payment.order_id))
        return
    money, _ = received.lock_or_create(_arrival(attempt, result, amount=attempt.amount), attempt=attempt)
    if money.verified_at is None:  # claimed before with another amount; this is the truth
        received.verify(money, _arrival(attempt, result, amount=attempt.amount))
    if (money.amount, money.currency) != (attempt.amount, attempt.currency):  # the provider has said both
        send_to_review(attempt, outcomes.REVIEW, "differs_from_books", result)
        set_payment_open(payment, lock_order(payment.order_id))
        return
    mark_succeeded(attempt, receipt_number=result.receipt_number, code=result.result_code, detail=result.detail)
    order = lock_order(payment.order_id)
    if received.due_of(payment) <= 0:  # a second attempt brought money too
        received.keep_as_surplus(money, payment, Refund.Cause.PAID_TWICE)
    else:
        worth = received.worth_of(money, payment, rate=attempt.rate)
        received.apply(money, payment, worth=worth, attempt=attempt)
    set_payment_open(payment, order)


def _was_decided(attempt: PaymentAttempt, result: ProviderResult) -> bool:
    """Tell whether staff have closed the attempt knowing of this very money: it is news to nobody."""
    return (
        attempt.outcome == outcomes.CLOSED_BY_STAFF.name
        and (attempt.receipt_number or "") == result.receipt_number
        and attempt.received_amount == result.amount
    )


def _doubt(attempt: PaymentAttempt, result: ProviderResult) -> tuple[Outcome, str] | None:
    """Return why a success must not be believed as it stands."""
    if result.problem:
        return outcomes.REVIEW, result.problem
    if result.currency and result.currency != attempt.currency:
        return outcomes.REVIEW, "currency_mismatch"
    if result.amount is not None and result.amount != attempt.amount:
        return (outcomes.UNDERPAID if result.amount < attempt.amount else outcomes.OVERPAID), "amount_mismatch"
    if result.receipt_number and _receipt_is_taken(attempt, result.receipt_number):
        return outcomes.REVIEW, "receipt_reused"
    return None


def _keep_doubtful_money(
    payment: Payment, attempt: PaymentAttempt, result: ProviderResult, reason: str, *, is_fact: bool
) -> None:
    """Put money that does not fit on the work list: into the books when the provider itself vouches for it."""
    if result.amount is None or result.amount <= 0 or not result.receipt_number or reason == "receipt_reused":
        return  # there is nothing to book that is not booked already
    arrival = _arrival(attempt, result, amount=result.amount, reason=attempt.outcome, is_verified=is_fact)
    money, is_new = received.lock_or_create(arrival)
    if is_new:
        money.payment = payment
        money.save(update_fields=["payment", "updated_at"])


def _hear_again(payment: Payment, attempt: PaymentAttempt, result: ProviderResult, *, is_fact: bool) -> None:
    """A success told twice: the later one may know the receipt, or speak of other money."""
    number = result.receipt_number
    if not number or attempt.receipt_number == number:
        return
    if result.amount is not None and result.amount != attempt.amount:
        logger.error("amount_differs_after_success", extra={"attempt_id": str(attempt.pk)})
        payment.needs_refund = True
        payment.save(update_fields=["needs_refund", "updated_at"])
    money = ReceivedMoney.objects.filter(attempt=attempt, receipt_number__isnull=True).first()
    if money is not None and not _receipt_is_taken(attempt, number):
        received.complete_receipt(money, number)
        attempt.receipt_number = number
        return
    logger.error("receipt_differs", extra={"attempt_id": str(attempt.pk)})
    if _receipt_is_taken(attempt, number):
        return
    # The attempt was settled by other money of the same order, such as a paybill payment: this is more.
    arrival = _arrival(attempt, result, amount=result.amount or attempt.amount, reason="", is_verified=is_fact)
    more, is_new = received.lock_or_create(arrival)
    if is_new and is_fact:
        received.keep_as_surplus(more, payment, Refund.Cause.PAID_TWICE)


def _reversed(payment: Payment, attempt: PaymentAttempt, result: ProviderResult) -> None:
    """The provider took the money back: for a live attempt a failure, for a settled one a matter for a person."""
    if attempt.is_live:
        fail_attempt(payment, attempt, outcomes.REVERSED, code=result.result_code, detail=result.detail)
    elif attempt.status == PaymentAttempt.Status.SUCCEEDED and not _went_back_by_us(attempt):
        logger.error("payment_reversed_by_provider", extra={"attempt_id": str(attempt.pk)})
        attempt.outcome = outcomes.REVERSED.name
        attempt.save(update_fields=["outcome", "updated_at"])
        payment.needs_refund = True
        payment.save(update_fields=["needs_refund", "updated_at"])
        switch_off_cards(payment)


def _went_back_by_us(attempt: PaymentAttempt) -> bool:
    """Tell whether our own refunds explain that a provider has an attempt's money no more."""
    money = ReceivedMoney.objects.filter(attempt=attempt).first()
    # What was given as store credit the provider has still.
    return money is not None and refunds.promised_of(money, by=money.provider) >= money.amount


def _arrival(
    attempt: PaymentAttempt, result: ProviderResult, *, amount: Decimal, reason: str = "", is_verified: bool = True
) -> Arrival:
    return Arrival(
        provider=attempt.provider,
        receipt_number=result.receipt_number,
        amount=amount,
        currency=result.currency or attempt.currency,
        fee=result.fee,
        received_at=result.paid_at or timezone.now(),
        account_reference=attempt.reference,
        payer_phone=attempt.phone_number,
        source=ReceivedMoney.Source.ATTEMPT,
        is_verified=is_verified,
        reason=reason,
    )


def _receipt_is_taken(attempt: PaymentAttempt, receipt_number: str) -> bool:
    """Tell whether a receipt has paid for something else already."""
    others = PaymentAttempt.objects.filter(
        provider=attempt.provider, receipt_number=receipt_number, status=PaymentAttempt.Status.SUCCEEDED
    )
    settled = (ReceivedMoney.Status.APPLIED, ReceivedMoney.Status.SURPLUS, ReceivedMoney.Status.RETURNED)
    return (
        others.exclude(pk=attempt.pk).exists()
        or ReceivedMoney.objects.filter(
            provider=attempt.provider, receipt_number=receipt_number, status__in=settled
        ).exists()
    )
