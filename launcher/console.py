"""What the launcher says: sentences, and a progress line with the elapsed time."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_FRAMES = "|/-\\"
_PLAIN_FIRST_NOTICE = 2.0  # seconds before a step is announced where lines cannot be rewritten
_PLAIN_NOTICE_EVERY = 15.0


class Step:
    """One piece of work in progress; ``note`` is what it is busy with right now."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.note = ""
        self.started = time.monotonic()
        self.notices = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started


class Console:
    """Writes to one stream; rewrites the progress line on a terminal, prints plain lines elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._step: Step | None = None

    @property
    def stream(self) -> TextIO:
        return self._stream or sys.stdout  # looked up late: tests replace sys.stdout

    @property
    def live(self) -> bool:
        """Whether lines can be rewritten."""
        try:
            return self.stream.isatty()
        except ValueError:  # closed
            return False

    def say(self, sentence: str = "") -> None:
        """Print a line of its own, above the progress line if there is one."""
        clear = "\r\x1b[K" if self._step and self.live else ""
        self._write(f"{clear}{sentence}\n")
        self.redraw()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show ``title`` with its elapsed time until the block ends. A step inside a step only sets the note."""
        if self._step is not None:
            self._step.note = title
            yield self._step
            return
        self._step = step = Step(title)
        self.redraw()
        try:
            yield step
        except BaseException:
            self._step = None
            if self.live:
                self._write("\r\x1b[K")
            raise
        self._step = None
        clear = "\r\x1b[K" if self.live else ""
        self._write(f"{clear}  {step.title:<28} {step.elapsed:6.1f} s\n")

    def redraw(self) -> None:
        """Bring the progress line up to date; cheap enough for every turn of a waiting loop."""
        step = self._step
        if step is None:
            return
        note = f": {step.note}" if step.note else ""
        if self.live:
            frame = _FRAMES[int(step.elapsed * 8) % len(_FRAMES)]
            self._write(f"\r\x1b[K{frame} {f'{step.title}{note}'[:60]} {step.elapsed:.0f} s")
        elif step.elapsed > _PLAIN_FIRST_NOTICE + step.notices * _PLAIN_NOTICE_EVERY:
            step.notices += 1
            self._write(f"  {step.title}{note} ... {step.elapsed:.0f} s\n")

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):  # the reader has gone; the shop itself must go on
            pass


console = Console()
