"""What can end a command early."""

from collections.abc import Sequence


class LauncherError(Exception):
    """Something that the person at the keyboard can act on.

    The message is one or two sentences; ``tail`` holds the last lines of a log, to be shown below it.
    """

    def __init__(self, message: str, tail: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.tail = list(tail)


class StopRequested(Exception):
    """Ctrl-C, SIGTERM or SIGHUP arrived; raised only where the launcher waits."""
