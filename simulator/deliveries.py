"""Sending callbacks: once, to loopback only, in the background, each one recorded."""

import asyncio
import json
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from simulator.clock import iso_utc
from simulator.outbound import NotDelivered, loopback_addresses, post
from simulator.store import Store

logger = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    provider TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    note TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'sending', 'answered', 'failed', 'refused', 'lost')),
    due_at REAL NOT NULL,
    sent_at REAL,
    finished_at REAL,
    status INTEGER,
    answer TEXT,
    error TEXT
);
CREATE INDEX IF NOT EXISTS delivery_by_payment ON delivery (payment_id);
CREATE INDEX IF NOT EXISTS delivery_unsent ON delivery (state) WHERE state IN ('planned', 'sending');
"""

CONCURRENT_DELIVERIES = 64


@dataclass(frozen=True)
class Callback:
    url: str
    headers: dict[str, str]
    body: str
    note: str = ""
    lost: bool = False  # recorded, never sent


@dataclass(frozen=True)
class Step:
    """Callbacks that are sent at the same time, ``delay`` seconds after the step before."""

    callbacks: tuple[Callback, ...]
    delay: float = 0.0


@dataclass(frozen=True)
class Plan:
    """All callbacks of one payment.

    With ``overtake_seconds`` it waits, at most that long, until another payment's callback has gone out.
    """

    provider: str
    payment_id: str
    steps: tuple[Step, ...]
    overtake_seconds: float | None = None


class Deliveries:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._slots = asyncio.Semaphore(CONCURRENT_DELIVERIES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._first_gone: dict[str, asyncio.Event] = {}
        self._overtakable: dict[str, asyncio.Event] = {}

    def record(self, plan: Plan) -> list[list[int]]:
        """Write a plan down before it is sent; call it in the transaction that settles the payment."""
        due_at = time.time()
        ids: list[list[int]] = []
        for step in plan.steps:
            due_at += step.delay
            ids.append([self._insert(plan, callback, due_at) for callback in step.callbacks])
        return ids

    def _insert(self, plan: Plan, callback: Callback, due_at: float) -> int:
        state, error = "planned", None
        if callback.lost:
            state = "lost"
        elif not loopback_addresses(callback.url):
            state, error = "refused", "not a loopback address, so it was not contacted"
        cursor = self._store.execute(
            "INSERT INTO delivery (provider, payment_id, url, headers, body, note, state, due_at, error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                plan.provider,
                plan.payment_id,
                callback.url,
                json.dumps(callback.headers),
                callback.body,
                callback.note,
                state,
                due_at,
                error,
            ),
        )
        return int(cursor.lastrowid or 0)

    def start(self, plan: Plan, ids: list[list[int]]) -> None:
        """Send a recorded plan in the background."""
        self._spawn(self._run(plan, ids))

    def resume(self) -> None:
        """Take up what a stopped simulator left: unsent callbacks go out, half-sent ones do not."""
        self._store.execute(
            "UPDATE delivery SET state = 'failed', error = ?, finished_at = ? WHERE state = 'sending'",
            ("the simulator stopped while sending", time.time()),
        )
        for row in self._store.all("SELECT * FROM delivery WHERE state = 'planned' ORDER BY due_at, id"):
            callback = Callback(row["url"], json.loads(row["headers"]), row["body"], row["note"])
            delay = max(0.0, row["due_at"] - time.time())
            plan = Plan(row["provider"], row["payment_id"], (Step((callback,), delay),))
            self.start(plan, [[row["id"]]])

    async def wait_for_first(self, payment_id: str, seconds: float) -> None:
        """Wait until the first callback of a payment is through, or until the time is over."""
        event = self._first_gone.setdefault(payment_id, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            logger.info("no callback before the answer of %s", payment_id)
        finally:
            self._first_gone.pop(payment_id, None)

    async def _run(self, plan: Plan, ids: list[list[int]]) -> None:
        if plan.overtake_seconds is not None:
            await self._wait_to_be_overtaken(plan.payment_id, plan.overtake_seconds)
        for step, step_ids in zip(plan.steps, ids, strict=True):
            if step.delay:
                await asyncio.sleep(step.delay)
            sendable = [
                self._send(delivery_id, callback)
                for delivery_id, callback in zip(step_ids, step.callbacks, strict=True)
                if not callback.lost and loopback_addresses(callback.url)
            ]
            if len(sendable) == 1:
                await sendable[0]
            elif sendable:
                await asyncio.gather(*sendable)
            if event := self._first_gone.get(plan.payment_id):
                event.set()
        for payment_id, event in self._overtakable.items():
            if payment_id != plan.payment_id:
                event.set()

    async def _wait_to_be_overtaken(self, payment_id: str, seconds: float) -> None:
        event = self._overtakable.setdefault(payment_id, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            logger.info("nothing overtook the callback of %s", payment_id)
        finally:
            self._overtakable.pop(payment_id, None)

    async def _send(self, delivery_id: int, callback: Callback) -> None:
        async with self._slots:
            self._store.execute(
                "UPDATE delivery SET state = 'sending', sent_at = ? WHERE id = ?", (time.time(), delivery_id)
            )
            status: int | None = None
            answer: str | None = None
            error: str | None = None
            try:
                status, answer = await post(callback.url, callback.headers, callback.body)
            except NotDelivered as problem:
                error = str(problem)
            self._store.execute(
                "UPDATE delivery SET state = ?, finished_at = ?, status = ?, answer = ?, error = ? WHERE id = ?",
                ("failed" if error else "answered", time.time(), status, answer, error, delivery_id),
            )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop keeps only a weak reference
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("a delivery broke", exc_info=error)

    async def cancel_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._first_gone.clear()
        self._overtakable.clear()

    def clear(self) -> None:
        self._store.execute("DELETE FROM delivery")

    def listing(self, *, payment_id: str | None, limit: int, offset: int) -> dict[str, Any]:
        """Return recorded deliveries, oldest first."""
        rows = self._store.all(
            "SELECT * FROM delivery WHERE ?1 IS NULL OR payment_id = ?1 ORDER BY id LIMIT ?2 OFFSET ?3",
            (payment_id, limit, offset),
        )
        counts = self._store.all(
            "SELECT state, count(*) AS n FROM delivery WHERE ?1 IS NULL OR payment_id = ?1 GROUP BY state",
            (payment_id,),
        )
        return {
            "count": sum(row["n"] for row in counts),
            "states": {row["state"]: row["n"] for row in counts},
            "deliveries": [
                {
                    "id": row["id"],
                    "provider": row["provider"],
                    "payment_id": row["payment_id"],
                    "url": row["url"],
                    "headers": json.loads(row["headers"]),
                    "body": row["body"],
                    "note": row["note"],
                    "state": row["state"],
                    "due_at": iso_utc(row["due_at"]),
                    "sent_at": iso_utc(row["sent_at"]),
                    "finished_at": iso_utc(row["finished_at"]),
                    "status": row["status"],
                    "answer": row["answer"],
                    "error": row["error"],
                }
                for row in rows
            ],
        }
