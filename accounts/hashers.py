"""How passwords are hashed, and how many at once.

Argon2id with 19 MiB, two passes and one lane, the smallest that OWASP's cheat sheet on password storage advises.
Django's own setting (100 MiB, eight lanes) takes two cores a second for eight log-ins; the figures are in
docs/decisions/0018-password-hashing.md.

A process hashes few passwords at a time, in threads that leave the processor to others first, and lets few wait: each
that waits holds one of its threads for requests, and those who only look at products need them too.
"""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import hashers

from ecommerce.exceptions import Busy

Result = TypeVar("Result")

NICENESS = 10


class TooManyLogIns(Busy):
    """More passwords are to be compared than this process can. The client comes again."""

    wait = 1


class HashingThreads:
    """Threads of one process that hash and do nothing else, after those that answer requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._inside = 0

    def run(self, work: Callable[[], Result]) -> Result:
        """Do ``work`` and wait for it. The libraries let go of Python's lock meanwhile.

        Raises:
            TooManyLogIns: so many work and wait already.
        """
        with self._lock:
            if self._inside >= settings.PASSWORD_HASHES_AT_ONCE + settings.PASSWORD_HASHES_WAITING:
                raise TooManyLogIns()
            self._inside += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(
                    settings.PASSWORD_HASHES_AT_ONCE, thread_name_prefix="hashing", initializer=_step_back
                )
        try:
            return self._pool.submit(work).result()
        finally:
            with self._lock:
                self._inside -= 1


def _step_back() -> None:
    """Leave the processor to the other threads first. Only Linux has a niceness for each thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


threads = HashingThreads()


def _begin_anew() -> None:
    global threads  # noqa: PLW0603 - a child of fork has none of its parent's threads
    threads = HashingThreads()


os.register_at_fork(after_in_child=_begin_anew)


class Argon2Hasher(hashers.Argon2PasswordHasher):
    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return threads.run(lambda: super(Argon2Hasher, self).encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        return threads.run(lambda: super(Argon2Hasher, self).verify(password, encoded))


class BcryptHasher(hashers.BCryptSHA256PasswordHasher):
    """For accounts from before; each gets an Argon2 hash at its next log-in. Verifying encodes."""

    def encode(self, password: str, salt: Any) -> str:
        return threads.run(lambda: super(BcryptHasher, self).encode(password, salt))


class PlainBcryptHasher(hashers.BCryptPasswordHasher):
    """bcrypt without SHA-256 before it, as other systems make it. Verifying encodes."""

    def encode(self, password: str, salt: Any) -> str:
        return threads.run(lambda: super(PlainBcryptHasher, self).encode(password, salt))


class PBKDF2Hasher(hashers.PBKDF2PasswordHasher):
    """Django's default, for accounts from before. Verifying encodes."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        return threads.run(lambda: super(PBKDF2Hasher, self).encode(password, salt, iterations))
