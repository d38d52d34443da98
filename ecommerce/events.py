"""Events: what has happened, kept in the transaction in which it happened, and told afterwards to whoever subscribed.

Whoever changes something says so, under the lock of what changed::

    emit("payment.succeeded", payment.pk, user_id=payment.user_id, amount=str(payment.amount))

or, where rows are inserted anyway, puts ``event_of(…)`` beside them in the same statement. An app that wants to know
subscribes when it starts::

    subscribe("webhooks", owe_deliveries)

Events are told in batches by a worker, one after the other for each object; nobody waits for it who made the change.
Told is at least once: a subscriber handles an event twice without harm. The relay sees what waits, within a second.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from ecommerce.models import Event

logger = logging.getLogger(__name__)

BATCH = 200  # events told in one transaction
MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=2)  # doubled with each attempt
_LOCK = 0x65766E74  # a transaction-long advisory lock: one teller at a time keeps the order

Subscriber = Callable[[Sequence[Event]], None]
_subscribers: dict[str, Subscriber] = {}


def subscribe(name: str, handle: Subscriber) -> None:
    """Have events told to ``handle``, in a worker's transaction and in their order. Called when an app starts."""
    _subscribers[name] = handle


def event_of(kind: str, object_id: UUID, *, user_id: UUID | None = None, **data: Any) -> Event:
    """Return the event that something has happened to an object, for the caller to insert in its transaction.

    ``user_id`` is whom it concerns. ``data`` are ids, codes and amounts as text; never names, addresses or secrets.
    """
    return Event(kind=kind, object_id=object_id, user_id=user_id, data=data)


def emit(kind: str, object_id: UUID, *, user_id: UUID | None = None, **data: Any) -> None:
    """Keep that something has happened, see ``event_of``. Must run inside the transaction of the change."""
    emit_all([event_of(kind, object_id, user_id=user_id, **data)])


def emit_all(events: Iterable[Event]) -> None:
    """Keep several events, in one statement. Must run inside the transaction of the changes."""
    if not connection.in_atomic_block:
        raise RuntimeError("An event must be written in the transaction of its change.")
    Event.objects.bulk_create(events)


def publish_events(*, seconds: float = 20) -> int:
    """Tell the subscribers what waits, for at most so long; return how many events were done with."""
    until = time.monotonic() + seconds
    published = 0
    while time.monotonic() < until and (count := _publish_batch()):
        published += count
    return published


def _publish_batch() -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                return 0
        waiting = Event.objects.filter(published_at__isnull=True)
        # Behind an event that could not be told, those of the same object wait; the others go on.
        held = set(waiting.filter(retry_at__gt=Now()).values_list("object_id", flat=True))
        due = waiting.exclude(object_id__in=held) if held else waiting
        events = list(due.order_by("pk")[:BATCH])
        if not events:
            return 0
        told = _told(events)
        Event.objects.filter(pk__in=[event.pk for event in told]).update(published_at=Now())
        return len(told)


def _told(events: Sequence[Event]) -> Sequence[Event]:
    """Tell a batch; if that fails, tell each event by itself, so that one holds up nothing but its own object."""
    try:
        with transaction.atomic():
            _tell(events)
    except Exception:
        logger.exception("events_not_told", extra={"first": events[0].pk, "count": len(events)})
    else:
        return events
    told, held = [], set()
    for event in events:
        if event.object_id in held:
            continue
        try:
            with transaction.atomic():
                _tell([event])
        except Exception as error:  # noqa: BLE001 - a subscriber's fault; the event is kept and tried again
            if _postpone(event, error):
                held.add(event.object_id)
                continue
        told.append(event)
    return told


def _tell(events: Sequence[Event]) -> None:
    for handle in _subscribers.values():
        handle(events)


def _postpone(event: Event, error: Exception) -> bool:
    """Try an event again later; give it up, loudly, when that was done often enough. Tell whether it waits."""
    attempts = event.attempts + 1
    pause = FIRST_PAUSE * 2**attempts
    Event.objects.filter(pk=event.pk).update(
        attempts=attempts, retry_at=Now() + pause, last_error=f"{type(error).__name__}: {error}"[:500]
    )
    if attempts < MAX_ATTEMPTS:
        return True
    logger.error("event_given_up", extra={"event_id": event.pk, "kind": event.kind})
    return False


class Watch:
    """Sees for the relay whether events wait, and says when a worker should be told.

    Looks once in ``INTERVAL``. While the oldest one stays the same (no worker is there), it speaks ever more seldom, so
    that the broker is not filled.
    """

    INTERVAL, LONGEST = 0.5, 60.0

    def __init__(self) -> None:
        self._next_look = self._next_word = float("-inf")
        self._oldest: int | None = None
        self._pause = self.INTERVAL

    def calls(self) -> bool:
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + self.INTERVAL
        waiting = Event.objects.filter(Q(retry_at__isnull=True) | Q(retry_at__lte=Now()), published_at__isnull=True)
        oldest = waiting.order_by("pk").values_list("pk", flat=True).first()
        if oldest is None or oldest != self._oldest:
            self._pause, self._next_word = self.INTERVAL, now
        self._oldest = oldest
        if oldest is None or now < self._next_word:
            return False
        self._pause = min(self._pause * 2, self.LONGEST)
        self._next_word = now + self._pause
        return True
