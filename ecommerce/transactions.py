"""Running a service again when PostgreSQL asks for it."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

from ecommerce.exceptions import Busy, sqlstate

Result = TypeVar("Result")

# Serialization failure, deadlock, lock not available.
_RETRYABLE = {"40001", "40P01", "55P03"}
_TRIES = 3


def retry_on_conflict(operation: Callable[[], Result]) -> Result:
    """Run a whole outermost transaction, up to three times when it lost against another one.

    ``operation`` must open the transaction itself and touch no network. Inside an open transaction it runs once:
    only the outermost may be repeated.

    Raises:
        Busy: it lost three times.
    """
    if connection.in_atomic_block:
        return operation()
    for attempt in range(_TRIES):
        try:
            return operation()
        except OperationalError as error:
            if sqlstate(error) not in _RETRYABLE:
                raise
            if attempt + 1 < _TRIES:
                time.sleep(random.uniform(0.01, 0.05) * (attempt + 1))  # noqa: S311 - jitter, not a secret
    raise Busy()
