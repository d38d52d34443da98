"""The account of an import: every line is created, updated or skipped with a reason."""

import csv
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, TypeVar

from tqdm import tqdm

from catalog.importing.reading import UnreadableFile
from catalog.importing.records import Reason
from catalog.importing.writing import Outcome

HEADER = ("line", "id", "reason", "detail")

_EVERY = 5.0  # seconds between two lines of progress where there is no terminal

T = TypeVar("T")


class Report:
    """Counts, and where one was asked for, a CSV file with a row for each skipped line."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.read = 0
        self.created = 0
        self.updated = 0  # with those that the file did not change
        self.unchanged = 0
        self.skipped: Counter[Reason] = Counter()
        self._rows = csv.writer(file) if file else None
        if self._rows:
            self._rows.writerow(HEADER)

    @property
    def complete(self) -> bool:
        return self.read == self.created + self.updated + self.skipped.total()

    def count(self, outcome: Outcome) -> None:
        if outcome is Outcome.CREATED:
            self.created += 1
        else:
            self.updated += 1
            self.unchanged += outcome is Outcome.UNCHANGED

    def skip(self, line: int, source_id: str, reason: Reason, detail: str) -> None:
        self.skipped[reason] += 1
        if self._rows:
            self._rows.writerow((line, _plain(source_id), reason.value, _plain(detail)))

    def summary(self) -> Iterator[str]:
        """Yield the lines that people read at the end."""
        yield f"read     {self.read:>9,}"
        yield f"created  {self.created:>9,}"
        yield f"updated  {self.updated:>9,}  ({self.unchanged:,} of them unchanged)"
        yield f"skipped  {self.skipped.total():>9,}"
        for reason, lines in self.skipped.most_common():
            yield f"         {lines:>9,}  {reason.value}"


def _plain(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@contextmanager
def open_report(path: Path | None, *, protect: Path | None = None) -> Iterator[Report]:
    """Open the CSV file, if there is to be one, for as long as the import runs.

    Raises:
        UnreadableFile: it cannot be written, or is the file to ``protect``.
    """
    if path is None:
        yield Report()
        return
    if protect is not None and path.resolve() == protect.resolve():
        raise UnreadableFile("The report would overwrite the catalogue file; name another one.")
    try:
        file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        raise UnreadableFile(f"The report {path} cannot be written: {error.strerror or error}.") from None
    with file:
        yield Report(file)


def with_progress(items: Iterable[T], total: int, *, stream: TextIO = sys.stderr) -> Iterator[T]:
    """Pass items on and show how far it is: a bar on a terminal, else a line every few seconds."""
    if stream.isatty():
        yield from tqdm(items, total=total, unit=" lines", file=stream)
        return
    last = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            print(f"{number:,} of {total:,} lines", file=stream, flush=True)
