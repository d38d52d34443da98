"""The simulator's memory: one SQLite database, used from the event loop's thread alone."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

# Raise it with every change of a table: a state file of another version is refused, not guessed at.
SCHEMA_VERSION = 2


class BadStateFile(Exception):
    """The state file cannot be used; the message is one sentence for a person."""


class Store:
    """A thin layer over ``sqlite3``.

    Statements are short and run on the event loop: in WAL mode with ``synchronous=NORMAL`` a commit does not
    wait for the disk. A power cut may lose the last moments, a killed process loses nothing.
    """

    def __init__(self, path: str, schemas: Iterable[str]) -> None:
        try:
            # A test server is built in one thread and runs in another, but never in both at once.
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.row_factory = sqlite3.Row
            version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA_VERSION):
                raise BadStateFile(f"The state file {path} was written by another version of the simulator.")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            for schema in schemas:
                self._connection.executescript(schema)
            self._connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        except sqlite3.Error as error:
            raise BadStateFile(f"The state file {path} cannot be used: {error}.") from error

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    def one(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        return self._connection.execute(sql, parameters).fetchall()

    def number(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Return the single number that a query gives; NULL counts as 0."""
        return int(self._connection.execute(sql, parameters).fetchone()[0] or 0)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all or nothing. Must not be held over an ``await``: the connection is shared."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()
