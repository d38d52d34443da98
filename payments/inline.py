"""Asking a provider while the client waits: only in a thread of the web that can be spared.

A provider that hangs holds at most ``PROVIDER_THREADS`` threads of a process; the others keep serving. Whoever finds
none free leaves the work to a worker.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from ecommerce.outbox import Postpone
from payments.queries import ask_soon, query_attempt
from payments.sending import send_attempt

# So long a worker leaves an attempt to the thread that wants to send it.
WORKER_WAITS = timedelta(seconds=5)
# A customer who presses a button again and again does not make us ask again and again.
ASK_AGAIN_AFTER = 3  # seconds

_spare = threading.BoundedSemaphore(settings.PROVIDER_THREADS)


@contextmanager
def spare_thread() -> Iterator[bool]:
    """Say whether this thread may wait for a provider until the block ends."""
    is_spare = _spare.acquire(blocking=False)
    try:
        yield is_spare
    finally:
        if is_spare:
            _spare.release()


def send_now(attempt_id: UUID) -> None:
    """Tell the provider of a committed attempt, as a worker would; what cannot be told now is left to one."""
    with suppress(Postpone):
        send_attempt(attempt_id)


def ask_now(attempt_id: UUID) -> None:
    """Ask about an attempt while its client waits; leave it to a worker where no thread can be spared."""
    with suppress(RedisError):
        if not cache.add(f"asked:{attempt_id}", 1, timeout=ASK_AGAIN_AFTER):
            return
    with spare_thread() as is_spare:
        if is_spare:
            query_attempt(attempt_id)
        else:
            ask_soon(attempt_id)
