"""Sending what is owed: one thing after the other for each object, by however many workers at once.

A try is counted and leased in a transaction, made outside of any, and its end is written in a second one. A worker that
dies leaves a lease that runs out; the message comes again with the same id.
"""

import logging
import random
import time
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from inbox.tasks import wake_sender
from inbox.webhooks import pausing
from inbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from inbox.webhooks.sealing import KeyLost, unseal
from inbox.webhooks.signing import signed_headers
from inbox.webhooks.wire import Outcome, post

logger = logging.getLogger(__name__)

Status = WebhookDelivery.Status

# After each failed try, the wait before the next: three days together. Source: Standard Webhooks, "Retries"
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 20 * 3600)
)
JITTER = 0.1
LEASE = timedelta(seconds=60)  # well above what a try may take
LONGEST_REST = timedelta(minutes=5)  # of an endpoint that does not answer at all
DRAIN_SECONDS = 20.0  # then other work has its turn
_REFUSED_FOR_ITSELF = range(400, 500)  # this message, not the endpoint, seems to be wrong
_NOT_ITS_FAULT = (408, 429)


def send_due() -> None:
    """Have workers send what is due, endpoint by endpoint. What a wake-up missed is found here."""
    for endpoint_id in _due().values_list("endpoint_id", flat=True).order_by("endpoint_id").distinct():
        wake_sender(endpoint_id)


def drain(endpoint_id: UUID) -> int:
    """Send what is due to one endpoint, until nothing is, one try fails, or the time is over; return how many."""
    until = time.monotonic() + DRAIN_SECONDS
    sent = 0
    while time.monotonic() < until and (delivery := claim(endpoint_id)):
        if not attempt(delivery):
            break
        sent += 1
    return sent


def _due() -> QuerySet[WebhookDelivery]:
    earlier = WebhookDelivery.objects.filter(
        endpoint=OuterRef("endpoint"), object_id=OuterRef("object_id"), status=Status.PENDING
    ).filter(event_id__lt=OuterRef("event_id"))
    return WebhookDelivery.objects.filter(
        Q(endpoint__not_before__isnull=True) | Q(endpoint__not_before__lte=Now()),
        Q(leased_until__isnull=True) | Q(leased_until__lt=Now()),
        ~Exists(earlier),
        status=Status.PENDING,
        next_attempt_at__lte=Now(),
        endpoint__paused_at__isnull=True,
    )


@transaction.atomic
def claim(endpoint_id: UUID) -> WebhookDelivery | None:
    """Take the next message that is due, for ``LEASE``, and count the try; None when there is none.

    While one is leased, none that comes later of the same object is due. One endpoint is sent to by one worker.
    """
    if WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first() is None:
        return None
    leased = WebhookDelivery.objects.filter(endpoint_id=endpoint_id, status=Status.PENDING, leased_until__gte=Now())
    if leased.exists():
        return None
    due = _due().filter(endpoint_id=endpoint_id).order_by("next_attempt_at", "event_id")
    delivery = due.select_for_update(of=("self",)).first()
    if delivery is None:
        return None
    delivery.attempts += 1
    delivery.leased_until = timezone.now() + LEASE
    delivery.save(update_fields=["attempts", "leased_until", "updated_at"])
    return delivery


def attempt(delivery: WebhookDelivery) -> bool:
    """Send a claimed message and write down how that ended; tell whether it arrived. Holds no lock meanwhile."""
    endpoint = WebhookEndpoint.objects.get(pk=delivery.endpoint_id)
    try:
        secrets = secrets_of(endpoint)
    except KeyLost:
        logger.error("webhook_secret_lost", extra={"endpoint_id": str(endpoint.pk)})
        outcome = Outcome(error="secret_lost")
    else:
        body = delivery.body.encode()
        headers = signed_headers(secrets, message_id=delivery.message_id, timestamp=int(time.time()), body=body)
        outcome = post(endpoint.url, body, headers)
    finish(delivery, outcome)
    return outcome.arrived


def secrets_of(endpoint: WebhookEndpoint) -> list[str]:
    """Return what messages are signed with now: the secret, and the former one while both are valid."""
    secrets = [unseal(endpoint.secret, endpoint_id=endpoint.pk)]
    if endpoint.former_secret and endpoint.former_until and endpoint.former_until > timezone.now():
        secrets.append(unseal(endpoint.former_secret, endpoint_id=endpoint.pk))
    return secrets


@transaction.atomic
def finish(delivery: WebhookDelivery, outcome: Outcome) -> None:
    """Write down how a try ended. One whose lease ran out and was tried again by another changes nothing."""
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=delivery.endpoint_id).first()
    row = WebhookDelivery.objects.select_for_update().filter(pk=delivery.pk, attempts=delivery.attempts).first()
    if endpoint is None or row is None or row.status != Status.PENDING:
        return
    row.leased_until = None
    row.response_status, row.response_text = outcome.status, outcome.text
    row.error, row.duration_ms = outcome.error, outcome.duration_ms
    if outcome.arrived:
        row.status, row.delivered_at = Status.DELIVERED, timezone.now()
        _recovered(endpoint)
    else:
        pause = _pause_after(row.attempts)
        if pause is None or outcome.status == 410:
            row.status = Status.FAILED
        else:
            row.next_attempt_at = timezone.now() + pause
        _failed(endpoint, outcome)
    row.save()


def _pause_after(attempts: int) -> timedelta | None:
    if attempts > len(PAUSES):
        return None
    return PAUSES[attempts - 1] * (1 + random.uniform(0, JITTER))  # noqa: S311 - spreads the load, no secret


def _recovered(endpoint: WebhookEndpoint) -> None:
    if endpoint.failures or endpoint.not_before or endpoint.failing_since:
        endpoint.failures, endpoint.not_before, endpoint.failing_since = 0, None, None
        endpoint.save(update_fields=["failures", "not_before", "failing_since", "updated_at"])


def _failed(endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    now = timezone.now()
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    if outcome.status not in _REFUSED_FOR_ITSELF or outcome.status in _NOT_ITS_FAULT:
        endpoint.not_before = now + min(PAUSES[0] * 2 ** min(endpoint.failures - 1, 10), LONGEST_REST)
    endpoint.save(update_fields=["failures", "failing_since", "not_before", "updated_at"])
    if outcome.status == 410:
        pausing.pause(endpoint, WebhookEndpoint.Pause.GONE)
    elif endpoint.failing_since <= now - pausing.PATIENCE:
        pausing.pause(endpoint, WebhookEndpoint.Pause.FAILING)
