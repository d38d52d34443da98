"""Attempts that wait for a person: what staff find in the provider's portal is noted, and the provider asked again.

Staff never say that money has come by an attempt. They say where to look; what the provider answers settles it, and
an attempt without a final answer comes back to them.
"""

import logging
import re
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from orders.services import lock_order
from payments import outcomes
from payments.attempts import fail_attempt, is_asked_about, lock_attempt, set_payment_open
from payments.exceptions import AttemptDecided, OtherAttemptLive, ReceiptUsed, ReferenceRefused
from payments.models import Payment, PaymentAttempt, ReceivedMoney
from payments.received import Arrival, record
from payments.statement_files import shop_zone

logger = logging.getLogger(__name__)

Status = PaymentAttempt.Status

_CHECKOUT_ID = re.compile(r"ws_CO_[0-9A-Za-z_]{6,80}")
# The usual form: the time it was made, by the clock of Nairobi, some digits, and the phone without its country code.
_TELLING_ID = re.compile(r"ws_CO_(\d{14})\d{1,3}(\d{9})")
# Between our sending and Safaricom's writing it down.
_AROUND = timedelta(minutes=10)


def can_be_asked_again(attempt: PaymentAttempt) -> bool:
    """Tell whether a provider may still settle an attempt that was left to a person.

    Not where money came that does not fit: the answer to a question may name no amount, and would cover that up.
    """
    return (
        attempt.status == Status.REVIEW
        and bool(attempt.provider_reference)
        and attempt.received_amount is None
        and attempt.receipt_number is None
        and is_asked_about(attempt.provider)
    )


def lacks_reference(attempt: PaymentAttempt) -> bool:
    """Tell whether M-Pesa may have an attempt under a CheckoutRequestID that never reached us."""
    return (
        attempt.provider == "mpesa"
        and attempt.provider_reference is None
        and attempt.sent_at is not None
        and attempt.status in (Status.UNKNOWN, Status.REVIEW)
    )


@transaction.atomic
def reopen(attempt_id: UUID, *, actor: User) -> PaymentAttempt:
    """Let an attempt that was left to a person be asked about again, at once.

    Raises:
        AttemptDecided: it is not in review, or money came by it that does not fit.
        OtherAttemptLive: the customer is paying by another one now.
    """
    payment, attempt = lock_attempt(attempt_id)
    if not can_be_asked_again(attempt):
        raise AttemptDecided()
    _ask_now(payment, attempt)
    logger.info("attempt_reopened", extra={"attempt_id": str(attempt_id), "actor_id": str(actor.pk)})
    return attempt


@transaction.atomic
def note_reference(attempt_id: UUID, *, checkout_request_id: str, actor: User) -> PaymentAttempt:
    """Keep the CheckoutRequestID of a push whose answer was lost, and have M-Pesa asked about it at once.

    Raises:
        AttemptDecided: it has a reference, or an end.
        ReferenceRefused: it is not M-Pesa's, or that of another push.
        OtherAttemptLive: the customer is paying by another attempt now.
    """
    reference = checkout_request_id.strip()
    payment, attempt = lock_attempt(attempt_id)
    if not lacks_reference(attempt):
        raise AttemptDecided()
    if reason := _reason_to_refuse(attempt, reference):
        raise ReferenceRefused(reason)
    attempt.provider_reference = reference
    _ask_now(payment, attempt)
    logger.info("reference_noted", extra={"attempt_id": str(attempt_id), "actor_id": str(actor.pk)})
    return attempt


@transaction.atomic
def claim_receipt(attempt_id: UUID, *, receipt_number: str, actor: User) -> ReceivedMoney:
    """Note a receipt that staff found for an attempt, as a claim: M-Pesa is asked before it is booked or pays.

    Raises:
        AttemptDecided: the attempt has a reference to be asked by, or an end.
        ReceiptUsed: it is known already.
    """
    _, attempt = lock_attempt(attempt_id)
    if not lacks_reference(attempt):
        raise AttemptDecided()
    if ReceivedMoney.objects.filter(receipt_number=receipt_number).exists():
        raise ReceiptUsed()
    claim = record(
        Arrival(
            provider=attempt.provider,
            receipt_number=receipt_number,
            amount=attempt.amount,
            currency=attempt.currency,
            received_at=attempt.sent_at or attempt.created_at,
            account_reference=attempt.reference,
            payer_phone=attempt.phone_number,
            source=ReceivedMoney.Source.STAFF,
            is_verified=False,
            reason="unverified",
        )
    )
    logger.info("receipt_claimed", extra={"received_id": str(claim.pk), "actor_id": str(actor.pk)})
    return claim


@transaction.atomic
def close_review(attempt_id: UUID, *, actor: User, reason: str) -> PaymentAttempt:
    """End an attempt in review without money, so that the customer may pay again.

    Money that came all the same keeps its own row among the received money, and a late success still counts.

    Raises:
        AttemptDecided: it is not in review (any more).
        OtherAttemptLive: the customer is paying by another attempt now.
    """
    payment, attempt = lock_attempt(attempt_id)
    if attempt.status != Status.REVIEW:
        raise AttemptDecided()
    _refuse_beside_another(payment, attempt)
    fail_attempt(payment, attempt, outcomes.CLOSED_BY_STAFF, code=attempt.result_code, detail=reason)
    logger.info("review_closed", extra={"attempt_id": str(attempt_id), "actor_id": str(actor.pk)})
    return attempt


def _ask_now(payment: Payment, attempt: PaymentAttempt) -> None:
    """Make a locked attempt live and due; when its ladder has ended, it is asked once and then a person's again."""
    _refuse_beside_another(payment, attempt)
    attempt.status, attempt.outcome = Status.UNKNOWN, outcomes.UNKNOWN.name
    attempt.next_query_at = timezone.now()
    attempt.save(update_fields=["status", "outcome", "provider_reference", "next_query_at", "updated_at"])
    set_payment_open(payment, lock_order(payment.order_id))


def _refuse_beside_another(payment: Payment, attempt: PaymentAttempt) -> None:
    if payment.attempts.filter(status__in=PaymentAttempt.LIVE).exclude(pk=attempt.pk).exists():
        raise OtherAttemptLive()


def _reason_to_refuse(attempt: PaymentAttempt, reference: str) -> str:
    """Return why a reference cannot be this attempt's: by a wrong one, somebody else's money would pay this order."""
    if not _CHECKOUT_ID.fullmatch(reference):
        return "This is no CheckoutRequestID: it starts with ws_CO_."
    if PaymentAttempt.objects.filter(provider=attempt.provider, provider_reference=reference).exists():
        return "This CheckoutRequestID belongs to another attempt."
    telling = _TELLING_ID.fullmatch(reference)
    if telling is None:
        return ""
    made, phone = telling.groups()
    if attempt.phone_number and not attempt.phone_number.endswith(phone):
        return "This CheckoutRequestID was made for another phone."
    try:
        made_at = datetime.strptime(made, "%d%m%Y%H%M%S").replace(tzinfo=shop_zone())
    except ValueError:
        return ""
    if attempt.sent_at is not None and abs(made_at - attempt.sent_at) > _AROUND:
        return "This CheckoutRequestID was made at another time."
    return ""
