"""Deleting what has served its time, in batches, so that no sweep holds locks for long."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from ecommerce.models import Event, IdempotencyKey, OutboxMessage, RequestCount

BATCH = 1000
DONE_MESSAGES = timedelta(days=7)
TOLD_EVENTS = timedelta(days=30)


def purge_expired_rows() -> int:
    """Delete expired keys, long-done outbox messages, long-told events and counts of past windows; return how many."""
    expired_keys = IdempotencyKey.objects.filter(expires_at__lt=Now())
    done_messages = OutboxMessage.objects.filter(done_at__lt=Now() - DONE_MESSAGES)
    past_windows = RequestCount.objects.filter(expires_at__lt=Now())
    told_events = Event.objects.filter(created_at__lt=Now() - TOLD_EVENTS, published_at__isnull=False)
    return sum(delete_in_batches(rows) for rows in (expired_keys, done_messages, past_windows, told_events))


def delete_in_batches(rows: QuerySet[Any]) -> int:
    deleted = 0
    while batch := list(rows.values_list("pk", flat=True)[:BATCH]):
        deleted += rows.model._default_manager.filter(pk__in=batch).delete()[0]
    return deleted
