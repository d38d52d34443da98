"""Ctrl-C, SIGTERM and SIGHUP, as a count that every wait looks at.

Nothing is raised inside a signal handler: an exception between two arbitrary instructions could leave a server
without anybody who stops it.
"""

import signal
import time
from types import FrameType

from launcher.console import console
from launcher.errors import StopRequested

_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_received: list[int] = []


def install() -> None:
    """Count stop signals from now on. SIGHUP stays ignored where it already was (``nohup ./shop run``)."""
    for number in _WATCHED:
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue
        signal.signal(number, _note)


def _note(number: int, frame: FrameType | None) -> None:
    _received.append(number)


def received() -> list[int]:
    """Return the stop signals that have arrived, oldest first."""
    return list(_received)


def pause(seconds: float = 0.05) -> None:
    """Wait a moment, keeping the progress line alive.

    Raises:
        StopRequested: a stop signal has arrived.
    """
    if _received:
        raise StopRequested
    console.redraw()
    time.sleep(seconds)
    if _received:
        raise StopRequested
