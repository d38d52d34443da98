"""Publish owed work to Celery as soon as it is committed."""

import logging
import select
import signal
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, connection

from ecommerce import events
from ecommerce.celery import app
from ecommerce.health import record_heartbeat
from ecommerce.outbox import CHANNEL, GATHER_SECONDS, claim_due, put_back
from ecommerce.tasks import publish_events

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0


class Command(BaseCommand):
    help = "Publish owed work (the outbox) to Celery; wakes by NOTIFY, looks by itself every second."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="publish what is due, then stop")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stopping = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        if options["once"]:
            publish_due()
            tell_of_events(events.Watch())
            return
        logger.info("relay_started")
        last_heartbeat = 0.0
        watch = events.Watch()
        while not self.stopping:
            try:
                if time.monotonic() - last_heartbeat >= HEARTBEAT_SECONDS:
                    record_heartbeat("relay")
                    last_heartbeat = time.monotonic()
                tell_of_events(watch)
                wait_for_notice(1.0, drain=publish_due)
            except (DatabaseError, InterfaceError):
                # The database is away or restarting. Owed work waits there; so do we.
                logger.warning("relay_database_unavailable")
                connection.close()
                time.sleep(1)
        logger.info("relay_stopped")

    def _stop(self, *_: Any) -> None:
        self.stopping = True


def publish_due() -> int:
    """Publish all due messages and return how many. A broker that is away loses nothing: they come due again."""
    published = 0
    while claimed := claim_due():
        for index, (topic, message_id) in enumerate(claimed):
            try:
                app.send_task(topic, args=[message_id], retry=False)
            except Exception:  # noqa: BLE001 - whatever the broker client raises; the row comes due again
                logger.warning("relay_broker_unavailable", extra={"topic": topic})
                put_back(message_id for _, message_id in claimed[index:])
                return published
            published += 1
    return published


def tell_of_events(watch: events.Watch) -> None:
    """Have a worker tell the events that wait. A broker that is away loses nothing: they go on waiting."""
    if not watch.calls():
        return
    try:
        publish_events.apply_async(retry=False, expires=events.Watch.LONGEST)
    except Exception:  # noqa: BLE001 - whatever the broker client raises
        logger.warning("relay_broker_unavailable", extra={"topic": publish_events.name})


def wait_for_notice(seconds: float, *, drain: Any) -> None:
    """Publish what is due, then sleep until a commit owes something new or ``seconds`` have passed."""
    connection.ensure_connection()
    raw = connection.connection
    if getattr(connection, "outbox_listening", None) is not raw:
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        connection.outbox_listening = raw  # type: ignore[attr-defined]
    drain()
    raw = connection.connection
    if raw is None:
        return
    # A notice may have come with an answer while we drained; its pause counts just the same: see wake_relay.
    if raw.notifies or select.select([raw], [], [], seconds)[0]:
        time.sleep(GATHER_SECONDS)
        with connection.wrap_database_errors:
            raw.poll()
    raw.notifies.clear()
