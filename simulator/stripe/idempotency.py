"""What was answered for an ``Idempotency-Key``. Source: Stripe API reference, Idempotent requests."""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from simulator.store import Store
from simulator.stripe.errors import invalid, key_in_use, key_reused

KEPT_SECONDS = 24 * 3600
KEY_LENGTH = 255

SCHEMA = """
CREATE TABLE IF NOT EXISTS stripe_idempotency (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    request_id TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at REAL NOT NULL
);
"""


@dataclass(frozen=True)
class KeptAnswer:
    request_id: str
    status: int
    body: dict[str, Any]


class IdempotencyKeys:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: dict[str, str] = {}  # key to fingerprint

    def begin(self, key: str, path: str, form: dict[str, Any]) -> KeptAnswer | None:
        """Return the answer kept for a key; without one, the key is taken until ``end``.

        Raises:
            StripeError: the key is too long, in use by a request that still runs, or came with other parameters.
        """
        if len(key) > KEY_LENGTH:
            raise invalid(f"Idempotency keys can have up to {KEY_LENGTH} characters.")
        fingerprint = hashlib.sha256(json.dumps([path, form], sort_keys=True).encode()).hexdigest()
        self._store.execute("DELETE FROM stripe_idempotency WHERE created_at < ?", (time.time() - KEPT_SECONDS,))
        row = self._store.one("SELECT * FROM stripe_idempotency WHERE key = ?", (key,))
        known = row["fingerprint"] if row else self._running.get(key)
        if known not in (None, fingerprint):
            raise key_reused(key)
        if row:
            return KeptAnswer(row["request_id"], row["status"], json.loads(row["body"]))
        if known:
            raise key_in_use(key)
        self._running[key] = fingerprint
        return None

    def keep(self, key: str, request_id: str, status: int, body: dict[str, Any]) -> None:
        """Write down what a repeat is answered with; call it in the transaction of the effect."""
        self._store.execute(
            "INSERT INTO stripe_idempotency (key, fingerprint, request_id, status, body, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (key, self._running[key], request_id, status, json.dumps(body), time.time()),
        )

    def end(self, key: str) -> None:
        """Let go of a key: its answer is kept by now, or nothing was done."""
        self._running.pop(key, None)

    def clear(self) -> None:
        self._store.execute("DELETE FROM stripe_idempotency")
