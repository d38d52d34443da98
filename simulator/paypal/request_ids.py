"""What came of each ``PayPal-Request-Id``. Source: PayPal developer documentation, Idempotency."""

import json
import time
from dataclasses import dataclass
from typing import Any

from simulator.paypal.errors import issue
from simulator.store import Store

ID_LENGTH = 108

SCHEMA = """
CREATE TABLE IF NOT EXISTS paypal_request (
    operation TEXT NOT NULL,
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    refusal TEXT,
    expires_at REAL NOT NULL,
    PRIMARY KEY (operation, request_id)
);
"""


@dataclass(frozen=True)
class Outcome:
    """What a request did: a resource, whose latest state answers a repeat, or a refusal, which is repeated."""

    kind: str
    resource_id: str
    refusal: dict[str, Any] | None = None  # status and body


class RequestIds:
    """Ids count per operation: that of a capture may be that of the order's creation, though it should not be."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: set[tuple[str, str]] = set()

    def begin(self, operation: str, request_id: str) -> Outcome | None:
        """Return what an id has done before; without that, the id is taken until ``end``.

        Raises:
            PayPalError: the id is too long, or its first request still runs.
        """
        if len(request_id) > ID_LENGTH:
            raise issue("INVALID_STRING_LENGTH", field="PayPal-Request-Id", value=request_id)
        self._store.execute("DELETE FROM paypal_request WHERE expires_at < ?", (time.time(),))
        row = self._store.one(
            "SELECT kind, resource_id, refusal FROM paypal_request WHERE operation = ? AND request_id = ?",
            (operation, request_id),
        )
        if row:
            return Outcome(row["kind"], row["resource_id"], json.loads(row["refusal"]) if row["refusal"] else None)
        if (operation, request_id) in self._running:
            raise issue("PREVIOUS_REQUEST_IN_PROGRESS")
        self._running.add((operation, request_id))
        return None

    def keep(self, operation: str, request_id: str, outcome: Outcome, seconds: float) -> None:
        """Write down what was done; call it in the transaction that did it."""
        self._store.execute(
            "INSERT INTO paypal_request (operation, request_id, kind, resource_id, refusal, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                operation,
                request_id,
                outcome.kind,
                outcome.resource_id,
                json.dumps(outcome.refusal) if outcome.refusal else None,
                time.time() + seconds,
            ),
        )

    def end(self, operation: str, request_id: str) -> None:
        self._running.discard((operation, request_id))

    def clear(self) -> None:
        self._store.execute("DELETE FROM paypal_request")
