"""The addresses at which a merchant wants to be asked about, and told of, payments that customers start."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from simulator.settings import DarajaSettings
from simulator.store import Store


class AlreadyRegistered(Exception):
    """The shortcode has its addresses, and the settings allow one registration only."""


@dataclass(frozen=True)
class Registration:
    """One row of ``mpesa_c2b_url``. ``version`` decides how the payer's number is shown."""

    shortcode: str
    version: int
    response_type: str
    confirmation_url: str
    validation_url: str

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Registration":
        values: dict[str, Any] = dict(row)
        return cls(**values)


class Registrations:
    def __init__(self, settings: DarajaSettings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def add(self, registration: Registration) -> None:
        """Keep the addresses of a shortcode in place of earlier ones.

        Raises:
            AlreadyRegistered: nothing was changed.
        """
        if not self._settings.c2b_register_again and self._of(registration.shortcode):
            raise AlreadyRegistered
        self._store.execute(
            "INSERT OR REPLACE INTO mpesa_c2b_url"
            " (shortcode, version, response_type, confirmation_url, validation_url) VALUES (?, ?, ?, ?, ?)",
            (
                registration.shortcode,
                registration.version,
                registration.response_type,
                registration.confirmation_url,
                registration.validation_url,
            ),
        )

    def find(self, number: str) -> Registration | None:
        """Return the registration of a paybill or a till; a till without one of its own has its paybill's."""
        return self._of(number) or self._of(self._settings.shortcode)

    def _of(self, shortcode: str) -> Registration | None:
        row = self._store.one("SELECT * FROM mpesa_c2b_url WHERE shortcode = ?", (shortcode,))
        return Registration.from_row(row) if row else None

    def clear(self) -> None:
        self._store.execute("DELETE FROM mpesa_c2b_url")
