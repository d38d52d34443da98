"""Folders for the servers of test runs. A run that was killed cannot tidy up; the next one does it."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from launcher.paths import Checkout, reachable, server_account


@contextmanager
def throw_away_folder(checkout: Checkout) -> Iterator[Path]:
    """Make a folder that the database's account can reach, and remove it at the end."""
    base = _base(checkout)
    base.mkdir(mode=0o711, parents=True, exist_ok=True)
    with ExitStack() as held:
        with open(base / "lock", "a", encoding="ascii") as door:
            fcntl.flock(door, fcntl.LOCK_EX)  # nobody sweeps a folder between its making and its locking
            _sweep(base)
            folder = Path(tempfile.mkdtemp(prefix="test-", dir=base))
            folder.chmod(0o711)
            lock = held.enter_context(open(folder / "lock", "a", encoding="ascii"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_throw_away_folders(checkout: Checkout) -> None:
    """Remove everything here that no test run is using."""
    base = _base(checkout)
    if base.exists():
        _sweep(base)
        if not list(base.glob("test-*")):
            shutil.rmtree(base)


def _base(checkout: Checkout) -> Path:
    return reachable(checkout.state / "throw-away", server_account())


def _sweep(base: Path) -> None:
    for folder in base.glob("test-*"):
        # A run that is still busy holds the lock; one that has just ended has taken its folder away.
        with suppress(BlockingIOError, FileNotFoundError), open(folder / "lock", "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
