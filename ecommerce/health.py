"""Is every part alive? Answers ``/readyz``."""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now
from kombu import Connection
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from ecommerce.models import Heartbeat

logger = logging.getLogger(__name__)

FRESH = timedelta(seconds=60)


def record_heartbeat(name: str) -> None:
    """Note that a background process is alive, by database time."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, seen_at=Now())],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["seen_at"],
    )


def check_parts() -> dict[str, bool]:
    """Return whether each part answers: database, cache, broker, worker, relay."""
    parts = {"database": _database(), "cache": _cache(), "broker": _broker()}
    beating = _beating() if parts["database"] else set()
    return parts | {name: name in beating for name in ("worker", "relay")}


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return False
    return True


def _cache() -> bool:
    try:
        cache.get("readyz")
    except RedisError:
        return False
    return True


def _broker() -> bool:
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=1, transport_options=options) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    except (BrokerError, RedisError, OSError):
        return False
    return True


def _beating() -> set[str]:
    return set(Heartbeat.objects.filter(seen_at__gte=Now() - FRESH).values_list("name", flat=True))
