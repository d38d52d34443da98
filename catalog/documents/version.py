"""The catalogue's version, as old as a second at most.

It changes with every change of what is shown, and when a price list for everybody begins or ends.
"""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ecommerce.prepared import Statement

MOST_OLD = 1.0  # seconds; the bound of how stale an answer may be
_SETTLED = timedelta(seconds=5)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION = Statement(
    """
SELECT coalesce(sum(changes), 0)::bigint, max(changed_at), (
    SELECT max(moment) FROM catalog_pricelist, LATERAL (VALUES (valid_from), (valid_until)) AS ends (moment)
    WHERE is_active AND group_id IS NULL AND moment <= statement_timestamp()
), clock_timestamp()
FROM catalog_catalogueversion
"""
)


@dataclass(frozen=True)
class Version:
    number: int
    changed_at: datetime | None  # None for a change so young that others may bear the same second


class VersionReader:
    """Reads the version once for everybody in this process, at most once in ``MOST_OLD`` seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: tuple[float, Version] | None = None

    def current(self, *, fresh: bool = False) -> Version:
        """Return the version, read now if it shall be ``fresh``. What is read after this call is at least as new."""
        latest = self._latest
        if fresh:
            began, found = time.monotonic(), _read()
            if latest is None or found.number > latest[1].number:
                self._latest = began, found
            return found
        if latest is None or _is_old(latest):
            with self._lock:
                latest = self._latest
                if latest is None or _is_old(latest):
                    began = time.monotonic()  # before the statement: its answer may be late, not its age
                    latest = self._latest = began, _read()
        return latest[1]

    def forget(self) -> None:
        self._latest = None


def _is_old(latest: tuple[float, Version]) -> bool:
    return time.monotonic() - latest[0] >= MOST_OLD


def _read() -> Version:
    ((changes, changed_at, priced_at, now),) = _VERSION.run()
    # Between two changes only the lists' moments pass, so that both together never come back to an older number.
    number = changes << 64
    if priced_at is not None:
        number += (priced_at - _BEGINNING) // timedelta(microseconds=1)
        changed_at = max(changed_at, priced_at) if changed_at else priced_at
    settled = changed_at is not None and now - changed_at > _SETTLED
    return Version(number, changed_at.astimezone(UTC) if settled else None)


version = VersionReader()
