"""The query ladder: no attempt depends on a callback. Each live one is asked about until it is settled."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from payments import outcomes
from payments.attempts import facts_of, fail_attempt, lock_attempt, send_to_review
from payments.exceptions import ProviderUnavailable
from payments.models import PaymentAttempt
from payments.providers import get_provider
from payments.providers.base import ProviderResult, Verdict
from payments.services import SEND_WITHIN
from payments.settlement import settle
from payments.tasks import query_attempt as query_attempt_task

logger = logging.getLogger(__name__)

# A worker that has not come back from the provider after this is gone.
SENDING_TAKES = timedelta(seconds=60)


def query_due_attempts(limit: int = 100) -> int:
    """Queue a question for each live attempt that is due, and set its next turn first; return how many.

    A crash after this loses nothing: the next turn comes by itself.
    """
    with transaction.atomic():
        due = list(
            PaymentAttempt.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .filter(status__in=PaymentAttempt.LIVE, next_query_at__lte=Now())
            .order_by("next_query_at")[:limit]
        )
        for attempt in due:
            attempt.next_query_at = _next_turn(attempt)
            attempt.query_count += 1
        PaymentAttempt.objects.bulk_update(due, ["next_query_at", "query_count"])
        for attempt in due:
            query_attempt_task.delay_on_commit(str(attempt.pk))  # type: ignore[attr-defined]
    return len(due)


def query_attempt(attempt_id: UUID) -> PaymentAttempt:
    """Ask the provider about one attempt and settle what it says; no lock is held while asking."""
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    if not attempt.is_live:
        return attempt
    if attempt.status in (PaymentAttempt.Status.CREATED, PaymentAttempt.Status.SENDING):
        _close_unsent(attempt_id)
        attempt.refresh_from_db()
    if attempt.is_live and attempt.provider_reference and attempt.sent_at:
        try:
            result = get_provider(attempt.provider).query(facts_of(attempt))
        except ProviderUnavailable:
            logger.warning("query_unavailable", extra={"attempt_id": str(attempt_id)})
        else:
            if result.verdict in (Verdict.SUCCEEDED, Verdict.FAILED):
                attempt = settle(attempt_id, result, source="query")
    if attempt.is_live and attempt.next_query_at is None:
        _give_to_a_person(attempt_id)
    return attempt


@transaction.atomic
def _close_unsent(attempt_id: UUID) -> None:
    """What no worker took is not sent any more; what a worker took and never reported is unknown."""
    payment, attempt = lock_attempt(attempt_id)
    now = timezone.now()
    if attempt.status == PaymentAttempt.Status.CREATED and now - attempt.created_at > SEND_WITHIN:
        fail_attempt(payment, attempt, outcomes.NOT_SENT, detail="no worker took it in time")
    elif attempt.status == PaymentAttempt.Status.SENDING and attempt.sent_at and now - attempt.sent_at > SENDING_TAKES:
        attempt.status = PaymentAttempt.Status.UNKNOWN
        attempt.outcome = outcomes.UNKNOWN.name
        attempt.save(update_fields=["status", "outcome", "updated_at"])


@transaction.atomic
def _give_to_a_person(attempt_id: UUID) -> None:
    _, attempt = lock_attempt(attempt_id)
    if attempt.is_live:
        last = ProviderResult(verdict=Verdict.NO_ANSWER, result_code=attempt.result_code, detail=attempt.result_detail)
        send_to_review(attempt, outcomes.REVIEW, "no_final_answer", last)


def _next_turn(attempt: PaymentAttempt) -> datetime | None:
    """Return when to ask next: the ladder's first rung after now; None when the ladder has ended."""
    started = attempt.sent_at or attempt.created_at
    if attempt.status == PaymentAttempt.Status.CREATED:
        return timezone.now() + SEND_WITHIN
    age = (timezone.now() - started).total_seconds()
    for delay in get_provider(attempt.provider).query_delays():
        if delay > age:
            return started + timedelta(seconds=delay)
    return None
