"""Redis for what every request needs: one client for each thread, and a pause after Redis has failed.

Django's cache makes a client for each call, and takes three calls to count one request.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.core.cache import caches
from redis import Redis
from redis.exceptions import RedisError

PAUSE = 2.0  # seconds in which a Redis that has failed is left alone, so that not every request waits for it


class RedisAway(Exception):
    """Redis does not answer, or has just not answered."""


class Circuit:
    """For all threads of a process. A lost update only asks Redis once more."""

    def __init__(self) -> None:
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self._open_until

    def trip(self) -> None:
        self._open_until = time.monotonic() + PAUSE

    def close(self) -> None:
        self._open_until = 0.0


circuit = Circuit()


def call(command: str, name: str, *arguments: Any) -> Any:
    """Send one command about the key ``name``, which gets the cache's prefix; return Redis's answer as it is.

    Raises:
        RedisAway: there is no answer. Whoever can do without shall.
    """
    return _send(lambda key: (command, key(name), *arguments))


def call_script(script: str, names: Sequence[str], *arguments: Any) -> Any:
    """Run a Lua script on the keys ``names``, in one step that nobody comes between; as ``call``.

    Raises:
        RedisAway: there is no answer.
    """
    return _send(lambda key: ("EVAL", script, len(names), *map(key, names), *arguments))


def _send(words: Callable[[Callable[[str], str]], Iterable[Any]]) -> Any:
    if circuit.is_open:
        raise RedisAway
    cache: Any = caches["default"]  # of this thread
    try:
        client: Any = cache.__dict__.get("shop_client")
        if client is None:
            pool = cache._cache._get_connection_pool(write=True)
            client = cache.shop_client = Redis(connection_pool=pool, single_connection_client=True)
        return client.execute_command(*words(cache.make_and_validate_key))
    except RedisError as error:
        circuit.trip()
        raise RedisAway from error
