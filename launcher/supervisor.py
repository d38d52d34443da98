"""Keeps the shop's processes up, and takes them down in order."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from launcher import interrupt
from launcher.console import console
from launcher.errors import LauncherError
from launcher.memory import recall, remember
from launcher.process import ManagedProcess, command_line, describe_exit, last_lines, signal_group


@dataclass
class _Watched:
    process: ManagedProcess
    started: float
    quick_deaths: int = 0
    due: float | None = None  # when to start it again; None while it runs


class Supervisor:
    """Restarts what dies, each time a little later, and gives up on what dies at once again and again.

    Args:
        record: a file that names the running processes, for the next start in case this one is killed.
        quick: seconds; a process that lived shorter died quickly.
        limit: so many quick deaths in a row are enough.
        backoff: seconds before the first restart; twice as long each next time.
    """

    def __init__(self, record: Path, *, quick: float = 10.0, limit: int = 5, backoff: float = 0.5) -> None:
        self._record = record
        self._quick = quick
        self._limit = limit
        self._backoff = backoff
        self._watched: list[_Watched] = []

    def start(self, process: ManagedProcess) -> None:
        """Start a process and look after it from now on."""
        watched = _Watched(process, time.monotonic())
        self._watched.append(watched)  # before the start: whatever of it runs when it fails must be stopped
        process.start()
        self._write_record()

    @property
    def in_charge(self) -> bool:
        """Whether there is anything to stop."""
        return bool(self._watched)

    def watch(self, until: Callable[[], bool] = lambda: False, turn: float = 0.2) -> None:
        """Restart what dies until ``until`` says so; it is asked every ``turn`` seconds.

        Raises:
            LauncherError: a process keeps dying.
            StopRequested: a stop signal came.
        """
        while not until():
            for watched in self._watched:
                self._look_after(watched)
            interrupt.pause(turn)

    def stop(self) -> None:
        """Stop everything, highest stage first; a second stop signal turns patience into force."""
        patience = len(interrupt.received())
        for stage in sorted({watched.process.stage for watched in self._watched}, reverse=True):
            batch = [watched.process for watched in self._watched if watched.process.stage == stage]
            for process in batch:
                process.request_stop()
            for process in batch:
                process.finish_stop(hurry=lambda: len(interrupt.received()) > max(patience, 1))
        self._watched.clear()
        self._record.unlink(missing_ok=True)

    def _look_after(self, watched: _Watched) -> None:
        process = watched.process
        if watched.due is None:
            if process.running:
                return
            self._note_death(watched)
        elif time.monotonic() >= watched.due and self._foundations_stand(process):
            watched.started = time.monotonic()
            watched.due = None
            try:
                process.start()
            except LauncherError as error:
                if watched.quick_deaths + 1 >= self._limit:
                    raise
                console.say(str(error))
            self._write_record()

    def _note_death(self, watched: _Watched) -> None:
        process = watched.process
        quick = time.monotonic() - watched.started < self._quick
        watched.quick_deaths = watched.quick_deaths + 1 if quick else 1
        how = describe_exit(process.exit_code or 0)
        if watched.quick_deaths >= self._limit:
            raise LauncherError(
                f"The {process.name} process {how}, {watched.quick_deaths} times in a row; its log is {process.log}.",
                last_lines(process.log),
            )
        delay = self._backoff * 2 ** (watched.quick_deaths - 1)
        watched.due = time.monotonic() + delay
        console.say(f"The {process.name} process {how}; starting it again in {delay:.1f} s.")

    def _foundations_stand(self, process: ManagedProcess) -> bool:
        """Tell whether the servers that ``process`` needs are up; without them it would only die again."""
        others = [watched.process for watched in self._watched if watched.process.foundation]
        return all(other.running for other in others if other.stage < process.stage)

    def _write_record(self) -> None:
        remember(
            self._record,
            {
                str(watched.process.pid): " ".join([str(int(watched.process.stop_signal)), *watched.process.argv[1:]])
                for watched in self._watched
                if watched.process.running
            },
        )


def end_leftovers(record: Path) -> None:
    """End what an earlier launcher left running, where the kernel did not (Linux does, macOS does not)."""
    for number, text in reversed(recall(record).items()):
        stop_signal, _, arguments = text.partition(" ")
        if number.isdigit() and stop_signal.isdigit() and _is_the_one(int(number), arguments):
            console.say(f"Process {number} was still running from an earlier start; stopping it first.")
            signal_group(int(number), int(stop_signal))
            deadline = time.monotonic() + 10
            while command_line(int(number)) is not None and time.monotonic() < deadline:
                interrupt.pause()
            signal_group(int(number), signal.SIGKILL)
    record.unlink(missing_ok=True)


def _is_the_one(pid: int, arguments: str) -> bool:
    """Tell whether the number still belongs to the process that was started with these arguments."""
    words = command_line(pid)
    # Without the program: macOS shows another path for Python than it was started by.
    if words is None or " ".join(words[1:]) != arguments:
        return False
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False
