"""The query ladder: no attempt depends on a callback. Each live one is asked about until it is settled.

So is one that we gave up while its page may still be open somewhere: its time ran out, or the customer left it for
another way of paying.
"""

import logging
import math
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from orders.models import Order
from orders.services import lock_order
from payments import outcomes
from payments.attempts import (
    SENDING_TAKES,
    facts_of,
    fail_attempt,
    is_asked_about,
    learn_references,
    lock_attempt,
    send_to_review,
)
from payments.exceptions import ProviderUnavailable
from payments.models import PaymentAttempt
from payments.outcomes import Outcome
from payments.providers import get_provider
from payments.providers.base import PaymentProvider, ProviderResult, Verdict
from payments.sending import SEND_WITHIN
from payments.settlement import settle
from payments.tasks import query_attempt as query_attempt_task

logger = logging.getLogger(__name__)

LAST_CALL = timedelta(minutes=5)
# What an open attempt is from its start, or when nothing is known: no news to its customer.
_NO_NEWS = (outcomes.UNKNOWN, outcomes.WAITING, outcomes.WAITING_ON_PAGE)


def query_due_attempts(limit: int = 100) -> int:
    """Queue a question for each attempt that is due, and set its next turn first; return how many.

    A crash after this loses nothing: the next turn comes by itself.
    """
    with transaction.atomic():
        due = list(
            PaymentAttempt.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .filter(next_query_at__lte=Now())
            .order_by("next_query_at")[:limit]
        )
        for attempt in due:
            # The last question, too, is asked again when it is lost: only its own run ends the ladder.
            attempt.next_query_at = _next_turn(attempt) or (timezone.now() + LAST_CALL if attempt.is_live else None)
            attempt.query_count += 1
        PaymentAttempt.objects.bulk_update(due, ["next_query_at", "query_count"])
        for attempt in due:
            query_attempt_task.delay_on_commit(str(attempt.pk))  # type: ignore[attr-defined]
    return len(due)


def query_attempt(attempt_id: UUID) -> PaymentAttempt:
    """Ask the provider about one attempt and settle what it says; no lock is held while asking."""
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    if attempt.status in (PaymentAttempt.Status.SUCCEEDED, PaymentAttempt.Status.REVIEW):
        return attempt
    if attempt.status in (PaymentAttempt.Status.CREATED, PaymentAttempt.Status.SENDING):
        _close_unsent(attempt_id)
        attempt.refresh_from_db()
    if attempt.sent_at and is_asked_about(attempt.provider):
        try:
            attempt = _ask(attempt)
        except ProviderUnavailable:
            logger.warning("query_unavailable", extra={"attempt_id": str(attempt_id)})
    elif _has_run_out(attempt, get_provider(attempt.provider)):
        attempt = _end_by_hand(attempt_id)
    if attempt.is_live and is_asked_about(attempt.provider) and _was_last_call(attempt):
        _give_to_a_person(attempt_id)
    return attempt


def _was_last_call(attempt: PaymentAttempt) -> bool:
    """Tell whether the ladder has ended and no question is due that was not asked yet."""
    due = attempt.next_query_at
    return _next_turn(attempt) is None and (due is None or due > timezone.now())


def close_attempt(attempt_id: UUID) -> None:
    """Make the page of an attempt that was given up unusable, and see whether it was paid before. Called by a worker.

    Raises:
        ProviderUnavailable: it is not closed.
    """
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    if attempt.sent_at and attempt.status == PaymentAttempt.Status.FAILED and is_asked_about(attempt.provider):
        get_provider(attempt.provider).close(facts_of(attempt))
        _ask(attempt)


def ask_soon(attempt_id: UUID, *, seconds: int = 0) -> None:
    """Bring the next question about an attempt forward, or ask once more about one that was given up."""
    soon = Now() + timedelta(seconds=seconds)
    PaymentAttempt.objects.filter(
        Q(next_query_at__isnull=True) | Q(next_query_at__gt=soon),
        pk=attempt_id,
        sent_at__isnull=False,
        status__in=(*PaymentAttempt.LIVE, PaymentAttempt.Status.FAILED),
    ).update(next_query_at=soon)


def learn_state(attempt: PaymentAttempt, result: ProviderResult) -> PaymentAttempt:
    """Keep what the provider says of an attempt that is not settled: it has it, or declined a card, or checks it."""
    if attempt.status == PaymentAttempt.Status.PENDING:
        # That a page is open takes nothing back: its card was declined all the same.
        is_news = result.outcome not in _NO_NEWS and result.outcome.name != attempt.outcome
    else:
        is_news = attempt.status == PaymentAttempt.Status.UNKNOWN
    return _learn_state(attempt.pk, result) if is_news else attempt


@transaction.atomic
def _learn_state(attempt_id: UUID, result: ProviderResult) -> PaymentAttempt:
    _, attempt = lock_attempt(attempt_id)
    learn_references(attempt, result)
    if attempt.status in (PaymentAttempt.Status.UNKNOWN, PaymentAttempt.Status.PENDING):
        attempt.status, attempt.outcome = PaymentAttempt.Status.PENDING, result.outcome.name
        attempt.save(update_fields=["status", "outcome", "updated_at"])
    return attempt


def _ask(attempt: PaymentAttempt) -> PaymentAttempt:
    """Raises: ProviderUnavailable: no answer."""
    provider = get_provider(attempt.provider)
    facts = facts_of(attempt)
    result = provider.query(facts)
    if result.verdict == Verdict.IN_FLIGHT and _has_run_out(attempt, provider):
        provider.close(facts)
        result = provider.query(facts)  # it may have been paid just before
    if result.verdict in (Verdict.SUCCEEDED, Verdict.FAILED, Verdict.REVERSED):
        return settle(attempt.pk, result, source="query")
    if result.verdict == Verdict.NEVER_SEEN:
        return _give_up(attempt.pk, outcomes.NOT_SENT, keep_asking=False)
    if result.verdict == Verdict.IN_FLIGHT and _has_run_out(attempt, provider):
        return _give_up(attempt.pk, outcomes.EXPIRED, keep_asking=True)
    return learn_state(attempt, result) if result.verdict == Verdict.IN_FLIGHT else attempt


def _has_run_out(attempt: PaymentAttempt, provider: PaymentProvider) -> bool:
    """Tell whether a live attempt is older than its customer has to pay it."""
    started, lifetime = attempt.sent_at, provider.lifetime
    return attempt.is_live and lifetime is not None and started is not None and timezone.now() - started >= lifetime


@transaction.atomic
def _end_by_hand(attempt_id: UUID) -> PaymentAttempt:
    """Wait no longer for money that only people see, unless the goods are on their way: then somebody has it."""
    payment, attempt = lock_attempt(attempt_id)
    if lock_order(payment.order_id).status == Order.Status.PENDING:
        return _give_up(attempt_id, outcomes.EXPIRED, keep_asking=False)
    attempt.next_query_at = None
    attempt.save(update_fields=["next_query_at", "updated_at"])
    return attempt


@transaction.atomic
def _give_up(attempt_id: UUID, outcome: Outcome, *, keep_asking: bool) -> PaymentAttempt:
    payment, attempt = lock_attempt(attempt_id)
    if attempt.is_live and attempt.status != PaymentAttempt.Status.SENDING:  # else it is being sent again just now
        fail_attempt(payment, attempt, outcome, keep_asking=keep_asking)
    return attempt


@transaction.atomic
def _close_unsent(attempt_id: UUID) -> None:
    """What no worker took is not sent any more; what a worker took and never reported is unknown."""
    payment, attempt = lock_attempt(attempt_id)
    now = timezone.now()
    if attempt.status == PaymentAttempt.Status.CREATED and now - attempt.created_at > SEND_WITHIN:
        fail_attempt(payment, attempt, outcomes.NOT_SENT, detail="no worker took it in time")
    elif attempt.status == PaymentAttempt.Status.SENDING and attempt.sent_at and now - attempt.sent_at > SENDING_TAKES:
        if not is_asked_about(attempt.provider):  # so nothing was sent to anybody
            fail_attempt(payment, attempt, outcomes.NOT_SENT, detail="its worker did not come back")
            return
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
    """Return when to ask next: the ladder's first rung after now, or its time's end; None when both are past.

    A question that came late, from a backlog, does not cost the rungs that it missed: the next one comes as soon
    after it as it would have after one in time.
    """
    started = attempt.sent_at or attempt.created_at
    if attempt.status == PaymentAttempt.Status.CREATED:
        return timezone.now() + SEND_WITHIN
    if attempt.status == PaymentAttempt.Status.SENDING and not is_asked_about(attempt.provider):
        return timezone.now() + SENDING_TAKES
    age = (timezone.now() - started).total_seconds()
    provider = get_provider(attempt.provider)
    ladder = provider.query_delays()
    rungs: list[float] = [delay for delay in ladder if delay > age]
    asked = attempt.query_count
    if rungs and asked + 1 < len(ladder):
        rungs.append(age + ladder[asked + 1] - ladder[asked])
    if attempt.is_live and provider.lifetime is not None and provider.lifetime.total_seconds() > age:
        rungs.append(math.ceil(provider.lifetime.total_seconds()))
    return started + timedelta(seconds=min(rungs)) if rungs else None
