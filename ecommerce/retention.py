"""Deleting what has served its time, in batches, so that no sweep holds locks for long.

What has a retention is a ``Rule``, declared beside its model::

    RULE = rule_of_rows("one_time_codes", lambda: OneTimeCode.objects.filter(expires_at__lt=Now() - KEPT))
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import QuerySet
from django.db.models.functions import Now

from ecommerce.models import Event, IdempotencyKey, OutboxMessage, RequestCount

logger = logging.getLogger(__name__)

BATCH = 1000
SHARE = 15.0  # seconds of one rule in one clean-up; a heap that takes longer is gone after some hours
DONE_MESSAGES = timedelta(days=7)
TOLD_EVENTS = timedelta(days=30)


@dataclass(frozen=True)
class Rule:
    """Something that is kept for a time. ``clear`` deletes what is over and returns how many that were."""

    name: str
    clear: Callable[[], int]


def rule_of_rows(name: str, over: Callable[[], QuerySet[Any]]) -> Rule:
    """Return the rule of a table; ``over`` are the rows whose time is over, asked for anew at each clean-up."""
    return Rule(name, lambda: delete_in_batches(over(), seconds=SHARE))


def clean_up(rules: Iterable[Rule]) -> dict[str, int]:
    """Apply rules one after the other and return how much each has deleted. One that fails leaves the others alone.

    Must not run in a transaction: each batch is committed by itself.
    """
    gone = {}
    for rule in rules:
        try:
            gone[rule.name] = rule.clear()
        except SoftTimeLimitExceeded:
            raise  # of the whole task, and nothing that this rule did
        except Exception:
            logger.exception("clean_up_failed", extra={"rule": rule.name})
        else:
            logger.info("cleaned_up", extra={"rule": rule.name, "count": gone[rule.name]})
    return gone


def purge_expired_rows() -> int:
    """Delete expired keys, long-done outbox messages, long-told events and counts of past windows; return how many."""
    expired_keys = IdempotencyKey.objects.filter(expires_at__lt=Now())
    done_messages = OutboxMessage.objects.filter(done_at__lt=Now() - DONE_MESSAGES)
    past_windows = RequestCount.objects.filter(expires_at__lt=Now())
    told_events = Event.objects.filter(created_at__lt=Now() - TOLD_EVENTS, published_at__isnull=False)
    return sum(delete_in_batches(rows) for rows in (expired_keys, done_messages, past_windows, told_events))


def delete_in_batches(rows: QuerySet[Any], *, seconds: float = float("inf")) -> int:
    """Delete ``rows`` and return how many; no batch begins when the ``seconds`` are over."""
    deleted, end = 0, time.monotonic() + seconds
    while time.monotonic() < end and (batch := list(rows.values_list("pk", flat=True)[:BATCH])):
        deleted += rows.model._default_manager.filter(pk__in=batch).delete()[0]
    return deleted
