"""Objects that a provider's API answers with as they are, kept as JSON documents."""

import json
from collections.abc import Iterator
from typing import Any

from simulator.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (provider, kind, id)
);
CREATE INDEX IF NOT EXISTS document_by_owner ON document (provider, kind, owner);
"""

Document = dict[str, Any]


class Documents:
    """One provider's documents. ``owner`` groups those that belong together, such as a payment's refunds."""

    def __init__(self, store: Store, provider: str) -> None:
        self._store = store
        self._provider = provider

    def save(self, kind: str, document: Document, owner: str = "") -> Document:
        """Keep a document under its ``id``, or put it in place of the one kept so far; an owner never changes."""
        self._store.execute(
            "INSERT INTO document (provider, kind, id, owner, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (provider, kind, id) DO UPDATE SET body = excluded.body",
            (self._provider, kind, document["id"], owner, json.dumps(document)),
        )
        return document

    def get(self, kind: str, document_id: str) -> Document | None:
        row = self._store.one(
            "SELECT body FROM document WHERE provider = ? AND kind = ? AND id = ?", (self._provider, kind, document_id)
        )
        return json.loads(row["body"]) if row else None

    def owner_of(self, kind: str, document_id: str) -> str:
        """Return the owner of a document, empty when there is no such document."""
        row = self._store.one(
            "SELECT owner FROM document WHERE provider = ? AND kind = ? AND id = ?",
            (self._provider, kind, document_id),
        )
        return row["owner"] if row else ""

    def owned(self, kind: str, owner: str) -> list[Document]:
        """Return the documents of one owner, oldest first."""
        rows = self._store.all(
            "SELECT body FROM document WHERE provider = ? AND kind = ? AND owner = ? ORDER BY position",
            (self._provider, kind, owner),
        )
        return [json.loads(row["body"]) for row in rows]

    def all(self, kind: str) -> Iterator[Document]:
        """Yield every document of a kind, oldest first."""
        rows = self._store.all(
            "SELECT body FROM document WHERE provider = ? AND kind = ? ORDER BY position", (self._provider, kind)
        )
        return (json.loads(row["body"]) for row in rows)

    def matching(self, kind: str, field: str, value: str) -> list[Document]:
        """Return the documents that hold this text in a field of their first level, oldest first."""
        rows = self._store.all(
            "SELECT body FROM document WHERE provider = ? AND kind = ? AND json_extract(body, '$.' || ?) = ?"
            " ORDER BY position",
            (self._provider, kind, field, value),
        )
        return [json.loads(row["body"]) for row in rows]

    def delete(self, kind: str, document_id: str) -> None:
        self._store.execute(
            "DELETE FROM document WHERE provider = ? AND kind = ? AND id = ?", (self._provider, kind, document_id)
        )

    def clear(self, *, keep: tuple[str, ...] = ()) -> None:
        """Forget every document but those of the kinds to keep."""
        self._store.execute(
            "DELETE FROM document WHERE provider = ? AND kind NOT IN (SELECT value FROM json_each(?))",
            (self._provider, json.dumps(keep)),
        )
