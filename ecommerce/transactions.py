"""Where a transaction begins, and running one again when PostgreSQL asks for it."""

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

from ecommerce.exceptions import Busy, sqlstate

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

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


def joined(service: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run a service in the transaction that is open, or else in one of its own.

    Unlike ``transaction.atomic`` it sets no savepoint, which would be two statements more: whoever opened the
    transaction must let it fail when the service does.
    """

    @wraps(service)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if connection.in_atomic_block:
            return service(*args, **kwargs)
        with transaction.atomic():
            return service(*args, **kwargs)

    return run
