"""Telling a provider of an attempt: at most once, and without a lock while it is asked."""

import logging
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from ecommerce.outbox import Postpone
from payments import outcomes
from payments.attempts import SENDING_TAKES, fail_attempt, is_asked_about, lock_attempt, token_hash
from payments.exceptions import ProviderUnavailable, ProviderUnreachable
from payments.models import PaymentAttempt
from payments.providers import get_provider
from payments.providers.base import InitiateRequest, InitiateResult
from payments.tasks import close_attempt

logger = logging.getLogger(__name__)

# A prompt that appears minutes after the click frightens people: what was not sent by then is not sent at all.
SEND_WITHIN = timedelta(seconds=90)
# After an answer that never came, where the provider takes the same request twice as one.
SEND_AGAIN = timedelta(seconds=5)


def send_attempt(attempt_id: UUID) -> None:
    """Tell the provider, at most once; again, after an answer that never came, only where twice is as good as once.

    The attempt is marked as being sent, and its callback secret stored, before the call; a second run finds the mark
    and leaves it alone. No lock is held while the provider is asked.

    Raises:
        Postpone: it may be told again, and shall be, soon.
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
        if get_provider(attempt.provider).initiate_is_repeatable:
            raise Postpone(SEND_AGAIN, detail) from error
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


@transaction.atomic
def _claim_for_sending(attempt_id: UUID) -> tuple[PaymentAttempt, str] | None:
    payment, attempt = lock_attempt(attempt_id)
    now = timezone.now()
    is_late = now - attempt.created_at > SEND_WITHIN
    if attempt.status == PaymentAttempt.Status.UNKNOWN and not attempt.provider_reference and not is_late:
        if not get_provider(attempt.provider).initiate_is_repeatable:
            return None
    elif attempt.status != PaymentAttempt.Status.CREATED:
        return None
    elif is_late:
        fail_attempt(payment, attempt, outcomes.NOT_SENT, detail="no worker took it in time")
        return None
    token = secrets.token_urlsafe(32)
    attempt.status = PaymentAttempt.Status.SENDING
    attempt.callback_token_hash = token_hash(token)
    attempt.sent_at = now
    delays = get_provider(attempt.provider).query_delays()
    attempt.next_query_at = now + (timedelta(seconds=delays[0]) if delays else SENDING_TAKES)
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
        if attempt.is_live and result.outcome is not outcomes.UNKNOWN:
            attempt.outcome = result.outcome.name
        if attempt.status in (PaymentAttempt.Status.SENDING, PaymentAttempt.Status.UNKNOWN):
            attempt.status = PaymentAttempt.Status.PENDING
        if not is_asked_about(attempt.provider):  # staff will say, until its time is over
            lifetime = get_provider(attempt.provider).lifetime
            attempt.next_query_at = timezone.now() + lifetime if lifetime else None
        attempt.save(
            update_fields=[
                "next_query_at",
                "provider_reference",
                "merchant_reference",
                "authorization_url",
                "instructions",
                "outcome",
                "status",
                "updated_at",
            ]
        )
        if attempt.status == PaymentAttempt.Status.FAILED:  # given up while it was being sent
            close_attempt.owe(f"close-attempt:{attempt.pk}:answered", attempt_id=str(attempt.pk))
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
