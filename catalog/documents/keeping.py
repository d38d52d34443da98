"""Finished answers, kept under the catalogue's version: in this process, and in Redis for all processes.

An answer's version is read before the answer, so an older answer is never kept under a newer version. Nothing is ever
deleted: what another version made is not asked for any more, and goes by its age or to make room.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings

from catalog.documents.version import Version, version
from ecommerce.http import version_of
from ecommerce.redis_client import RedisAway, call

Value = TypeVar("Value")

KEPT = 60  # seconds in Redis
LARGEST = 512 * 1024  # bytes of one answer
MOST_BYTES = 8 * 1024 * 1024  # in this process
MOST_ANSWERS = 2000
_FACT = 1024  # bytes, more or less
_TAG = 32  # characters of an answer's name, in front of it
MOST_NAMES = 4096


@dataclass(frozen=True)
class Answer:
    """A body, what names it, and the version that it shows; no version for one that may not be kept."""

    body: bytes
    tag: str
    version: Version | None = None


class Shelf:
    """The answers of this process, the least used of them first to go; all of one version."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = -1
        self._answers: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def get(self, number: int, key: Hashable) -> Any:
        with self._lock:
            if number != self._version or key not in self._answers:
                return None
            self._answers.move_to_end(key)
            return self._answers[key][0]

    def put(self, number: int, key: Hashable, value: Any, size: int) -> None:
        with self._lock:
            if number < self._version:
                return  # another thread knows a newer one
            if number > self._version:
                self._version, self._bytes = number, 0
                self._answers.clear()
            if key in self._answers:
                self._bytes -= self._answers.pop(key)[1]
            self._answers[key] = value, size
            self._bytes += size
            while self._bytes > MOST_BYTES or len(self._answers) > MOST_ANSWERS:
                self._bytes -= self._answers.popitem(last=False)[1][1]

    def clear(self) -> None:
        with self._lock:
            self._version, self._bytes = -1, 0
            self._answers.clear()


class Names:
    """What was asked for lately. An address that is asked for once must not take room in Redis, where the queue is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: OrderedDict[bytes, None] = OrderedDict()

    def seen_before(self, name: str) -> bool:
        digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
        with self._lock:
            seen = digest in self._names
            self._names[digest] = None
            self._names.move_to_end(digest)
            if len(self._names) > MOST_NAMES:
                self._names.popitem(last=False)
        return seen

    def clear(self) -> None:
        with self._lock:
            self._names.clear()


_shelf = Shelf()
_names = Names()
_making = threading.local()


def kept(name: str, make: Callable[[], bytes], *, fresh: bool = False) -> Answer:
    """Return the answer of this name, made by ``make`` where no process has made it since the last change.

    ``name`` says everything on which the answer depends, besides the catalogue and the settings. A ``fresh`` answer
    shows what is committed now, not a second ago.
    """
    if not settings.CATALOGUE_CACHE:
        return made(make())
    current = version.current(fresh=fresh)
    key = f"page:{current.number}:{hashlib.sha256(name.encode()).hexdigest()}"
    found: tuple[str, bytes] | None = _shelf.get(current.number, key)
    if found is None:
        shared = _from_redis(key)
        found = shared or _tagged(_made_under(current, make))
        if len(found[1]) <= LARGEST:
            _shelf.put(current.number, key, found, len(found[1]) + len(key))
            if shared is None and _names.seen_before(name):
                _to_redis(key, found)
    return Answer(found[1], found[0], current)


def unkept(make: Callable[[], bytes], *, fresh: bool = False) -> Answer:
    """Return an answer for one reader; what is known of the catalogue goes into it as into a kept one."""
    if not settings.CATALOGUE_CACHE:
        return made(make())
    return made(_made_under(version.current(fresh=fresh), make))


def _made_under(current: Version, make: Callable[[], bytes]) -> bytes:
    _making.version = current
    try:
        return make()
    finally:
        _making.version = None


def version_in_use() -> int | None:
    """Return the version under which this thread makes an answer; None when nothing is kept.

    Facts that go into the answer must be of that version, not of one that this process happened to read before.
    """
    if not settings.CATALOGUE_CACHE:
        return None
    current: Version | None = getattr(_making, "version", None)
    return (current or version.current()).number


def _tagged(body: bytes) -> tuple[str, bytes]:
    return version_of(body), body


def made(body: bytes) -> Answer:
    return Answer(body, version_of(body))


class Facts:
    """Small things about the catalogue that this process has looked up, of the version in use.

    Begin before looking: what is looked up later is at least as new.
    """

    def __init__(self) -> None:
        self._number = version_in_use()

    def recall(self, key: Hashable) -> Any:
        return None if self._number is None else _shelf.get(self._number, key)

    def note(self, key: Hashable, value: Any) -> None:
        if self._number is not None:
            _shelf.put(self._number, key, value, _FACT)


def remembered(key: Hashable, look: Callable[[], Value]) -> Value:
    """Return a small fact, looked up once for each version by this process. None is looked up again."""
    facts = Facts()
    found: Value | None = facts.recall(key)
    if found is None:
        found = look()
        facts.note(key, found)
    return found


def forget_everything() -> None:
    """Begin as a new process does."""
    version.forget()
    _shelf.clear()
    _names.clear()


def _from_redis(key: str) -> tuple[str, bytes] | None:
    try:
        found: bytes | None = call("GET", key)
    except RedisAway:
        return None
    return (found[:_TAG].decode(), found[_TAG:]) if found else None


def _to_redis(key: str, answer: tuple[str, bytes]) -> None:
    with suppress(RedisAway):
        call("SET", key, answer[0].encode() + answer[1], "EX", KEPT)
