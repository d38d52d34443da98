"""Owed work that cannot be lost: a row in the transaction that owes it, a relay that publishes, a task that does it.

Declare the work once, in an app's ``tasks.py``::

    @owed_task("orders.send_confirmation")
    def send_confirmation(order_id: str) -> None: ...

and owe it in a service, inside its transaction::

    send_confirmation.owe(f"confirmation:{order.pk}", order_id=str(order.pk))

The relay (``manage.py relay_outbox``) is told by NOTIFY after the commit and publishes to Celery at once; an
unfinished message is published again with growing pauses. The task takes a lease, so that a message delivered twice at
the same time runs once, and marks the row done: in the transaction of the effect for database work (the default),
after the call for work over the network (``network=True``), which must then be safe to repeat.
"""

import logging
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Protocol

from celery import shared_task
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from ecommerce.context import request_id
from ecommerce.insertion import insert_once
from ecommerce.models import OutboxMessage

logger = logging.getLogger(__name__)

CHANNEL = "outbox"
FIRST_PAUSE = timedelta(seconds=30)
BROKER_PAUSE = timedelta(seconds=2)  # while the broker is away; when it is back, nobody shall wait
LONGEST_PAUSE = timedelta(minutes=15)
SOFT_LIMIT, HARD_LIMIT = 40, 50  # seconds; owed work is short
# After a wake-up others may follow: ten messages claimed together cost a third of ten claimed one by one.
GATHER_SECONDS = 0.03
LEASE = timedelta(seconds=60)  # above the hard limit: nobody still works on an expired lease

# The pause doubles: sent again and again to dead workers, messages would fill the broker. Times are the statement's, as
# in Django's ``Now``.
_CLAIM = """
WITH due AS (
    SELECT id, next_attempt_at, sent_at FROM ecommerce_outboxmessage
    WHERE done_at IS NULL AND dead_at IS NULL AND (leased_until IS NULL OR leased_until < statement_timestamp())
        AND next_attempt_at <= statement_timestamp()
    ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE ecommerce_outboxmessage AS message
    SET sent_at = statement_timestamp(),
        next_attempt_at = statement_timestamp()
            + least(greatest(%s, 2 * coalesce(due.next_attempt_at - due.sent_at, interval '0')), %s)
    FROM due WHERE message.id = due.id
    RETURNING message.topic, message.id, due.next_attempt_at
)
SELECT topic, id FROM claimed ORDER BY next_attempt_at
"""

OPEN_AND_FREE = Q(done_at__isnull=True, dead_at__isnull=True) & (
    Q(leased_until__isnull=True) | Q(leased_until__lt=Now())
)


_woken_at = float("-inf")  # monotonic seconds, of this process


class Postpone(Exception):
    """Raised by owed work that cannot be done yet; the row stays open and comes again after ``delay``."""

    def __init__(self, delay: timedelta, reason: str) -> None:
        super().__init__(reason)
        self.delay = delay


class OwedTask(Protocol):
    name: str

    def owe(self, dedupe_key: str, *, delay: timedelta | None = None, **payload: Any) -> None: ...

    def delay(self, message_id: str) -> Any: ...


def owed_task(
    name: str, *, network: bool = False, max_attempts: int = OutboxMessage.MAX_ATTEMPTS
) -> Callable[[Callable[..., None]], OwedTask]:
    """Declare the Celery task that does the work of a topic; see the module's text."""

    def decorate(work: Callable[..., None]) -> OwedTask:
        def run(message_id: str) -> None:
            _run(message_id, work, network=network, max_attempts=max_attempts)

        run.__doc__ = work.__doc__
        run.__module__ = work.__module__
        task: Any = shared_task(name=name, soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)(run)

        def owe(dedupe_key: str, *, delay: timedelta | None = None, **payload: Any) -> None:
            _owe(name, dedupe_key, payload, delay)

        task.owe = owe
        return task  # type: ignore[no-any-return]

    return decorate


def _owe(topic: str, dedupe_key: str, payload: dict[str, Any], delay: timedelta | None) -> None:
    """Insert the row; one with the same ``dedupe_key`` makes this a no-op. Must run inside a transaction."""
    if not connection.in_atomic_block:
        raise RuntimeError("Owed work must be written in the transaction that owes it.")
    message = OutboxMessage(topic=topic, payload=payload, dedupe_key=dedupe_key, request_id=request_id.get())
    if delay is not None:
        message.next_attempt_at = Now() + delay
        OutboxMessage.objects.bulk_create([message], ignore_conflicts=True)
    elif insert_once(message):
        transaction.on_commit(wake_relay, robust=True)


def wake_relay() -> None:
    """Tell the relay that something is owed, unless this process told it a moment ago.

    Called after the commit, never in its transaction: transactions that notify commit one at a time, each holding up
    all others while it waits for the disk. A wake-up that is lost costs a second, until the relay looks by itself.
    Source: PostgreSQL, ``PreCommit_Notify`` takes a lock that is held until the commit is through.
    """
    global _woken_at  # noqa: PLW0603 - of the process, as the connection is
    now = time.monotonic()
    if now - _woken_at < GATHER_SECONDS / 2:
        return  # what it was woken for it has not yet claimed, and it will claim this as well
    _woken_at = now
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def claim_due(limit: int = 200) -> list[tuple[str, str]]:
    """Take open, due messages for publishing and return ``(topic, id)`` pairs.

    The next try is set before the message is published: if it is lost on the way, it comes again by itself.
    Several relays may run; SKIP LOCKED gives each its own messages.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, (limit, FIRST_PAUSE, LONGEST_PAUSE))  # type: ignore[arg-type]  # psycopg2 adapts them
        return [(topic, str(message_id)) for topic, message_id in cursor.fetchall()]


def put_back(message_ids: Iterable[str]) -> None:
    """Let messages that could not be published come due again soon, as if they had not been claimed."""
    OutboxMessage.objects.filter(OPEN_AND_FREE, pk__in=message_ids).update(
        next_attempt_at=Now() + BROKER_PAUSE, sent_at=None
    )


def _run(message_id: str, work: Callable[..., None], *, network: bool, max_attempts: int) -> None:
    message = _lease(message_id, max_attempts)
    if message is None:
        return
    token = request_id.set(message.request_id)
    try:
        if network:
            work(**message.payload)
            _mark_done(message)
        else:
            with transaction.atomic():
                locked = OutboxMessage.objects.select_for_update(no_key=True).get(pk=message.pk)
                if locked.done_at is None:
                    work(**message.payload)
                    _mark_done(message)
    except Postpone as postponed:
        # Waiting is not failing: the try does not count.
        OutboxMessage.objects.filter(pk=message.pk, done_at__isnull=True).update(
            attempts=F("attempts") - 1,
            leased_until=None,
            next_attempt_at=Now() + postponed.delay,
            last_error=str(postponed)[:500],
        )
    except Exception as error:
        OutboxMessage.objects.filter(pk=message.pk, done_at__isnull=True).update(
            leased_until=None, last_error=f"{type(error).__name__}: {error}"[:500]
        )
        logger.exception("owed_work_failed", extra={"topic": message.topic, "message_id": message_id})
    finally:
        request_id.reset(token)


def _lease(message_id: str, max_attempts: int) -> OutboxMessage | None:
    """Count the try and commit it *before* the work, so that work which kills its worker cannot loop for ever."""
    taken = OutboxMessage.objects.filter(OPEN_AND_FREE, pk=message_id).update(
        attempts=F("attempts") + 1, leased_until=Now() + LEASE
    )
    if not taken:
        return None
    message = OutboxMessage.objects.get(pk=message_id)
    if message.attempts > max_attempts:
        OutboxMessage.objects.filter(pk=message_id).update(dead_at=Now(), leased_until=None)
        logger.error("owed_work_dead", extra={"topic": message.topic, "message_id": message_id})
        return None
    return message


def _mark_done(message: OutboxMessage) -> None:
    OutboxMessage.objects.filter(pk=message.pk).update(done_at=Now(), leased_until=None, last_error="")
