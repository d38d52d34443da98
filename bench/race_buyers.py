"""Buyers of a race: each repeats one request with its own key until there is a definite answer."""

import http.client
import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from bench.filling import Person

ANSWER_WITHIN = 60.0  # seconds in which everybody must know where they stand
_TRY_AGAIN_CODES = {"idempotency_in_progress"}
_STACK = 512 * 1024  # bytes; buyers are many and do little

Result = TypeVar("Result")


@dataclass(frozen=True)
class Miss:
    """A try that ended without a definite answer. ``status`` is 0 for a connection that broke."""

    at: float  # of time.monotonic()
    status: int
    text: str


@dataclass
class Answer:
    """The definite answer to one request. ``status`` is 0 when none came in time."""

    status: int = 0
    body: Any = None
    raw: bytes = b""
    replayed: bool = False
    seconds: float = 0.0  # from the first try
    misses: list[Miss] = field(default_factory=list)

    @property
    def code(self) -> str:
        """The code of the first error; empty for a success."""
        errors = self.body.get("errors") if isinstance(self.body, dict) else None
        return errors[0]["code"] if errors else ""


class Buyer:
    """Somebody with one connection, which is opened again when it breaks. Used by one thread at a time."""

    def __init__(self, url: str, person: Person) -> None:
        self.person = person
        self._host = urlsplit(url).netloc
        self._connection: http.client.HTTPConnection | None = None
        self._chance = random.Random(person.id)

    def connect(self) -> None:
        """Open the connection beforehand, so that a race begins with the requests."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=ANSWER_WITHIN)
            self._connection.connect()

    def send(self, method: str, path: str, body: Any = None, *, key: str = "", keyed: bool = True) -> Answer:
        """Send until there is a definite answer, with the same key each time: ``key``, or one of its own."""
        headers = {"Authorization": f"Bearer {self.person.access}", "Content-Type": "application/json"}
        if keyed:
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        content = json.dumps(body or {}).encode()
        answer, began = Answer(), time.monotonic()
        while time.monotonic() - began < ANSWER_WITHIN:
            try:
                self.connect()
                assert self._connection is not None
                self._connection.request(method, path, content, headers)
                response = self._connection.getresponse()
                raw = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.close()
                answer.misses.append(Miss(time.monotonic(), 0, type(error).__name__))
                time.sleep(self._chance.uniform(0.1, 0.4))
                continue
            answer.body, code = _read(raw)
            if response.status >= 500 or response.status == 429 or code in _TRY_AGAIN_CODES:
                answer.misses.append(Miss(time.monotonic(), response.status, raw[:200].decode(errors="replace")))
                time.sleep(self._chance.uniform(0.2, 0.8))
                continue
            answer.status, answer.raw = response.status, raw
            answer.replayed = response.headers.get("Idempotent-Replayed") == "true"
            break
        answer.seconds = time.monotonic() - began
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _read(raw: bytes) -> tuple[Any, str]:
    try:
        body = json.loads(raw)
    except ValueError:
        return None, ""
    errors = body.get("errors") if isinstance(body, dict) else None
    return body, errors[0]["code"] if errors else ""


def at_once(actions: Sequence[Callable[[], Result]]) -> tuple[list[Result], float]:
    """Run all actions in threads that start together; return their results in order, and the seconds it took.

    Raises:
        RuntimeError: an action failed; the first failure is its cause.
    """
    gate = threading.Barrier(len(actions) + 1)
    results: dict[int, Result] = {}
    failures: list[Exception] = []

    def run(index: int) -> None:
        gate.wait()
        try:
            results[index] = actions[index]()
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            failures.append(error)

    before = threading.stack_size(_STACK)
    try:
        threads = [threading.Thread(target=run, args=(index,)) for index in range(len(actions))]
        for thread in threads:
            thread.start()
    finally:
        threading.stack_size(before)
    gate.wait()
    began = time.monotonic()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError("a buyer failed") from failures[0]
    return [results[index] for index in range(len(actions))], time.monotonic() - began
