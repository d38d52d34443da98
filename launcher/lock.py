"""One ``./shop run`` for each checkout."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.errors import LauncherError


@contextmanager
def exclusive(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock file while the block runs.

    The kernel gives the lock back when the process ends, however it ends, so it is never stale.

    Raises:
        LauncherError: another process holds it; ``busy`` is the sentence, with ``{pid}`` for the holder's id.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+", encoding="ascii") as file:
        for tries_left in (2, 1, 0):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not tries_left:
                    raise LauncherError(busy.format(pid=holder(path) or "unknown")) from None
                time.sleep(0.1)  # perhaps it was only holder(), which looks by locking
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def holder(path: Path) -> int | None:
    """Return the id of the process that holds the lock, or None when nobody does."""
    try:
        with open(path, encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text.isdigit() else 0
    except FileNotFoundError:
        pass
    return None
