"""Customers' phones: balance, PIN tries, what they may pay, inbox."""

import time
from dataclasses import dataclass
from typing import Any

from simulator.clock import iso_utc, start_of_nairobi_day
from simulator.daraja import results
from simulator.daraja.ledger import Ledger
from simulator.msisdn import WIRE_MSISDN
from simulator.settings import DarajaSettings
from simulator.store import Store

PIN_TRIES = 3


@dataclass(frozen=True)
class Phone:
    """``balance`` is in whole shillings."""

    msisdn: str
    balance: int
    wrong_pins: int

    @property
    def tries_left(self) -> int:
        return max(0, PIN_TRIES - self.wrong_pins)


class Phones:
    def __init__(self, settings: DarajaSettings, store: Store, ledger: Ledger) -> None:
        self._settings = settings
        self._store = store
        self._ledger = ledger

    def see(self, msisdn: str) -> Phone:
        """Return a phone; one that was never seen starts with the balance of the settings."""
        self._store.execute(
            "INSERT INTO mpesa_phone (msisdn, balance, seen_at) VALUES (?, ?, ?)"
            " ON CONFLICT (msisdn) DO UPDATE SET seen_at = excluded.seen_at",
            (msisdn, self._settings.balance, time.time()),
        )
        return self.get(msisdn)

    def get(self, msisdn: str) -> Phone:
        """Return a phone without keeping it: one that was never seen is as it would start."""
        row = self._store.one("SELECT msisdn, balance, wrong_pins FROM mpesa_phone WHERE msisdn = ?", (msisdn,))
        return Phone(**dict(row)) if row else Phone(msisdn, self._settings.balance, 0)

    def set(self, msisdn: str, *, balance: int | None = None, unlock_pin: bool = False) -> Phone:
        with self._store.transaction():
            phone = self.see(msisdn)
            self._store.execute(
                "UPDATE mpesa_phone SET balance = ?, wrong_pins = ? WHERE msisdn = ?",
                (
                    phone.balance if balance is None else balance,
                    0 if unlock_pin else phone.wrong_pins,
                    msisdn,
                ),
            )
        return self.get(msisdn)

    def take(self, msisdn: str, amount: int) -> None:
        self._store.execute("UPDATE mpesa_phone SET balance = balance - ? WHERE msisdn = ?", (amount, msisdn))

    def give(self, msisdn: str, amount: int) -> None:
        self._store.execute("UPDATE mpesa_phone SET balance = balance + ? WHERE msisdn = ?", (amount, msisdn))

    def count_wrong_pin(self, msisdn: str) -> None:
        self._store.execute("UPDATE mpesa_phone SET wrong_pins = wrong_pins + 1 WHERE msisdn = ?", (msisdn,))

    def forget_wrong_pins(self, msisdn: str) -> None:
        self._store.execute("UPDATE mpesa_phone SET wrong_pins = 0 WHERE msisdn = ?", (msisdn,))

    def result_of_paying(self, msisdn: str, amount: int, pin: str) -> str:
        """Return the result code of a payment that is confirmed with this PIN."""
        if pin != self._settings.pin:
            return results.WRONG_PIN
        return self.result_of_funds(msisdn, amount)

    def result_of_funds(self, msisdn: str, amount: int) -> str:
        """Return the result code that the balance and the daily limit, counted from midnight in Nairobi, allow."""
        spent = self._ledger.paid_by(msisdn, since=start_of_nairobi_day(time.time()))
        if spent + amount > self._settings.daily_limit:
            return results.ABOVE_DAILY_LIMIT
        return results.PROCESSED if self.get(msisdn).balance >= amount else results.BALANCE_SHORT

    def send_message(self, msisdn: str, payment_id: str, kind: str, text: str) -> None:
        self._store.execute(
            "INSERT INTO mpesa_message (msisdn, payment_id, kind, text, sent_at) VALUES (?, ?, ?, ?, ?)",
            (msisdn, payment_id, kind, text, time.time()),
        )

    def show_sms(self, msisdn: str, message_id: str, text: str) -> None:
        """Put a message of somebody else into the inbox of a Kenyan phone; it need not have been seen before."""
        if WIRE_MSISDN.fullmatch(msisdn):
            self.see(msisdn)
            self.send_message(msisdn, message_id, "received", text)

    def messages(self, msisdn: str, limit: int = 50) -> list[dict[str, Any]]:
        """Return the newest messages of a phone, newest first."""
        rows = self._store.all("SELECT * FROM mpesa_message WHERE msisdn = ? ORDER BY id DESC LIMIT ?", (msisdn, limit))
        return [
            {
                "id": row["id"],
                "payment_id": row["payment_id"],
                "kind": row["kind"],
                "text": row["text"],
                "sent_at": iso_utc(row["sent_at"]),
            }
            for row in rows
        ]

    def listing(self, chosen: str | None, limit: int = 50) -> list[dict[str, Any]]:
        """Return phones with a live prompt, then those seen last; ``chosen`` is among them."""
        rows = self._store.all(
            "SELECT phone.msisdn FROM mpesa_phone AS phone LEFT JOIN mpesa_payment AS payment"
            " ON payment.msisdn = phone.msisdn AND payment.status = 'waiting'"
            " AND payment.decided_code IS NULL"
            " ORDER BY payment.checkout_request_id IS NULL, phone.seen_at DESC LIMIT ?",
            (limit,),
        )
        numbers = [row["msisdn"] for row in rows]
        if chosen and chosen not in numbers:
            numbers.append(chosen)
        return [self.describe(msisdn) for msisdn in numbers]

    def describe(self, msisdn: str) -> dict[str, Any]:
        phone = self.get(msisdn)
        return {
            "msisdn": msisdn,
            "balance": f"{phone.balance}.00",
            "currency": "KES",
            "pin_tries_left": phone.tries_left,
            "pin_locked": phone.tries_left == 0,
            "waiting_prompts": self._store.number(
                "SELECT count(*) FROM mpesa_payment WHERE msisdn = ? AND status = 'waiting' AND decided_code IS NULL",
                (msisdn,),
            ),
            "last_message_id": self._store.number("SELECT max(id) FROM mpesa_message WHERE msisdn = ?", (msisdn,)),
        }

    def clear(self) -> None:
        self._store.execute("DELETE FROM mpesa_message")
        self._store.execute("DELETE FROM mpesa_phone")
