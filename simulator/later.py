"""What a provider does by itself after a while: expiries, late results. A restart takes up what was not yet due."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from simulator.store import Store

logger = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS later (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    provider TEXT NOT NULL,
    due_at REAL NOT NULL,
    work TEXT NOT NULL,
    details TEXT NOT NULL
);
"""

Work = Callable[[dict[str, Any]], None]


class Later:
    """One provider's appointments. ``works`` says what is done for each name that ``plan`` is given."""

    def __init__(self, store: Store, provider: str) -> None:
        self._store = store
        self._provider = provider
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self.works: dict[str, Work] = {}

    def plan(self, seconds: float, work: str, **details: Any) -> None:
        """Do a work after so many seconds. In a transaction that is rolled back, it never happens."""
        cursor = self._store.execute(
            "INSERT INTO later (provider, due_at, work, details) VALUES (?, ?, ?, ?)",
            (self._provider, time.time() + seconds, work, json.dumps(details)),
        )
        self._watch(int(cursor.lastrowid or 0), seconds)

    def _watch(self, appointment: int, seconds: float) -> None:
        if forgotten := self._timers.pop(appointment, None):
            forgotten.cancel()  # of a transaction that was rolled back: the number is given out again
        loop = asyncio.get_running_loop()
        self._timers[appointment] = loop.call_later(seconds, self._due, appointment)

    def _due(self, appointment: int) -> None:
        self._timers.pop(appointment, None)
        row = self._store.one("SELECT work, details FROM later WHERE id = ?", (appointment,))
        if row is None:
            return  # rolled back, or cleared
        self._store.execute("DELETE FROM later WHERE id = ?", (appointment,))
        try:
            self.works[row["work"]](json.loads(row["details"]))
        except Exception:
            logger.exception("%s of %s broke", row["work"], self._provider)

    def resume(self) -> None:
        for row in self._store.all(
            "SELECT id, due_at FROM later WHERE provider = ? ORDER BY due_at", (self._provider,)
        ):
            self._watch(row["id"], max(0.0, row["due_at"] - time.time()))

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def clear(self) -> None:
        self.stop()
        self._store.execute("DELETE FROM later WHERE provider = ?", (self._provider,))
