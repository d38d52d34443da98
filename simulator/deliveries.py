"""Sending callbacks to loopback, in the background: once, or again until they are taken; each try is recorded."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from simulator.clock import iso_utc
from simulator.outbound import NotDelivered, loopback_addresses, send
from simulator.store import Store

logger = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    provider TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    note TEXT NOT NULL,
    seal TEXT NOT NULL,
    pauses TEXT NOT NULL,
    tries TEXT NOT NULL DEFAULT '[]',
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
    """One message to the merchant.

    It is sent once. With ``retries`` it is sent again, after each of these pauses (seconds) in turn, until the answer
    is a 2xx. With ``seal`` its provider adds headers to each try, such as a signature with the time of sending.
    """

    url: str
    headers: dict[str, str]
    body: str
    note: str = ""
    lost: bool = False  # recorded, never sent
    retries: tuple[float, ...] = ()
    method: str = "POST"
    seal: str = ""


# Makes the headers of a try from a callback's seal and its body.
Sealer = Callable[[str, str], dict[str, str]]


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
        # Pauses that stand in for the providers' own, which are minutes and hours; callbacks sent once stay so.
        self.shorter_retries: tuple[float, ...] | None = None
        self.sealers: dict[str, Sealer] = {}  # by provider

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
        pauses = callback.retries
        if pauses and self.shorter_retries is not None:
            pauses = self.shorter_retries
        cursor = self._store.execute(
            "INSERT INTO delivery"
            " (provider, payment_id, method, url, headers, body, note, seal, pauses, state, due_at, error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                plan.provider,
                plan.payment_id,
                callback.method,
                callback.url,
                json.dumps(callback.headers),
                callback.body,
                callback.note,
                callback.seal,
                json.dumps(pauses),
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
        """Take up what a stopped simulator left: unsent callbacks go out, half-sent ones count as a failed try."""
        for row in self._store.all("SELECT id FROM delivery WHERE state = 'sending' ORDER BY id"):
            self._write_try(row["id"], None, None, "the simulator stopped while sending")
        for row in self._store.all("SELECT * FROM delivery WHERE state = 'planned' ORDER BY due_at, id"):
            self._spawn(self._send(row["id"], max(0.0, row["due_at"] - time.time())))

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
                self._send(delivery_id)
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

    async def _send(self, delivery_id: int, delay: float = 0.0) -> None:
        """Try once. Further tries wait in the background: they hold up neither the plan nor another delivery."""
        if delay:
            await asyncio.sleep(delay)
        async with self._slots:
            row = self._store.one("SELECT * FROM delivery WHERE id = ?", (delivery_id,))
            if row is None:
                return  # the books were cleared meanwhile
            headers: dict[str, str] = json.loads(row["headers"])
            if row["seal"]:
                headers |= self.sealers[row["provider"]](row["seal"], row["body"])
            self._store.execute(
                "UPDATE delivery SET state = 'sending', sent_at = ?, headers = ? WHERE id = ?",
                (time.time(), json.dumps(headers), delivery_id),
            )
            status: int | None = None
            answer: str | None = None
            error: str | None = None
            try:
                status, answer = await send(row["method"], row["url"], headers, row["body"])
            except NotDelivered as problem:
                error = str(problem)
            pause = self._write_try(delivery_id, status, answer, error)
        if pause is not None:
            self._spawn(self._send(delivery_id, pause))

    def _write_try(self, delivery_id: int, status: int | None, answer: str | None, error: str | None) -> float | None:
        """Write down how a try ended; return the pause before the next one, None when it was the last."""
        row = self._store.one("SELECT tries, pauses, sent_at FROM delivery WHERE id = ?", (delivery_id,))
        if row is None:
            return None
        now = time.time()
        tries = json.loads(row["tries"])
        tries.append(
            {"sent_at": iso_utc(row["sent_at"]), "finished_at": iso_utc(now), "status": status, "error": error}
        )
        pauses: list[float] = json.loads(row["pauses"])
        taken = status is not None and 200 <= status < 300
        pause = pauses[len(tries) - 1] if not taken and len(tries) <= len(pauses) else None
        state = "failed" if error else "answered"
        self._store.execute(
            "UPDATE delivery SET state = ?, due_at = coalesce(?, due_at), finished_at = ?, status = ?, answer = ?,"
            " error = ?, tries = ? WHERE id = ?",
            (
                state if pause is None else "planned",
                None if pause is None else now + pause,
                now,
                status,
                answer,
                error,
                json.dumps(tries),
                delivery_id,
            ),
        )
        return pause

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
                    "method": row["method"],
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
                    "attempts": len(tries := json.loads(row["tries"])),
                    "tries": tries,
                }
                for row in rows
            ],
        }
