"""Few processes that hash for this one, and few requests that may wait for them.

    with pool.place():                  # before anything is read or counted; raises TooManyLogIns
        …
        pool.ask("argon2", password=password, …)

A place is for a whole log-in, and the hashing inside of it needs no other. Each holds one of the threads that answer
requests, and those who only look at products need them too: there are fewer places than threads, and whoever finds
none is told so at once, for next to nothing.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from ecommerce.exceptions import Busy

PROGRAM = Path(__file__).with_name("helper.py")
LONGEST = 20.0  # seconds for one password; whoever asked has gone by then


class TooManyLogIns(Busy):
    """More passwords are to be compared than this process can. The client comes again."""

    wait = 1


class _Gone(Exception):
    """A helper has ended or says nothing."""


class Helper:
    """One process that hashes, asked by one thread at a time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - always the same
                [sys.executable, "-I", str(PROGRAM)],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                env=_environment(),
                start_new_session=True,  # signals for the web are none for it, and its session has a niceness
            )
        self._socket.settimeout(LONGEST)
        self._answers = self._socket.makefile("rb")

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, question: list[Any]) -> Any:
        """Return the answer.

        Raises:
            ValueError: the question cannot be answered, such as a salt that is none.
        """
        try:
            self._socket.sendall(json.dumps(question).encode() + b"\n")
            line = self._answers.readline()
        except OSError as error:
            raise _Gone from error
        if not line.endswith(b"\n"):
            raise _Gone
        done, answer = json.loads(line)
        if not done:
            raise ValueError(answer)
        return answer

    def end(self) -> None:
        self._answers.close()
        self._socket.close()
        self._process.kill()
        self._process.wait()


class HashingPool:
    """The helpers of this process, started when they are first needed."""

    def __init__(self) -> None:
        self.begin_anew()
        os.register_at_fork(after_in_child=self.begin_anew)  # a helper answers one process
        atexit.register(self.end)

    def begin_anew(self) -> None:
        self._change = threading.Condition()
        self._inside = self._made = 0
        self._idle: list[Helper] = []
        self._held = threading.local()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place, unless this thread has one.

        Raises:
            TooManyLogIns: so many work and wait already.
        """
        if getattr(self._held, "place", False):
            yield
            return
        with self._change:
            if self._inside >= settings.PASSWORD_HASHES_AT_ONCE + settings.PASSWORD_HASHES_WAITING:
                raise TooManyLogIns()
            self._inside += 1
        self._held.place = True
        try:
            yield
        finally:
            self._held.place = False
            with self._change:
                self._inside -= 1

    def ask(self, work: str, **arguments: str | int) -> Any:
        """Let a helper do one of ``helper.WORK`` and wait for it, without Python's lock.

        Raises:
            TooManyLogIns: there was no place, or no helper lived for so long.
            ValueError: what was asked cannot be answered.
        """
        with self.place():
            with suppress(_Gone):
                return self._asked([work, arguments])
            try:  # the kernel ends the largest process when memory does; another may have more luck
                return self._asked([work, arguments])
            except _Gone:
                raise TooManyLogIns() from None

    def end(self) -> None:
        """End the helpers that nobody is asking."""
        with self._change:
            idle, self._idle = self._idle, []
            self._made -= len(idle)
        for each in idle:
            each.end()

    def _asked(self, question: list[Any]) -> Any:
        mine = self._take()
        try:
            answer = mine.ask(question)
        except ValueError:
            self._give(mine)
            raise
        except BaseException:  # what it would still say belongs to this question
            self._give(None)
            mine.end()
            raise
        self._give(mine)
        return answer

    def _take(self) -> Helper:
        with self._change:
            if not self._change.wait_for(self._has_one, timeout=LONGEST):
                raise TooManyLogIns()
            if self._idle:
                return self._idle.pop()
            self._made += 1
        try:
            return Helper()
        except BaseException:
            self._give(None)
            raise

    def _has_one(self) -> bool:
        return bool(self._idle) or self._made < settings.PASSWORD_HASHES_AT_ONCE

    def _give(self, helper: Helper | None) -> None:
        with self._change:
            if helper is None:
                self._made -= 1
            else:
                self._idle.append(helper)
            self._change.notify()


def _environment() -> dict[str, str]:
    """Return what a helper needs to start and none of the shop's secrets.

    Pages of two megabytes make the hash, which reads its memory in no order, a fifth faster.
    Source: glibc manual, "Memory Allocation Tunables".
    """
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


pool = HashingPool()
