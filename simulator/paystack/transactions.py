"""Paystack's books: transactions from the start to the money, and back."""

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace

from simulator.faults import Fault
from simulator.paystack.identifiers import new_code, new_id, new_wide_id
from simulator.paystack.instruments import CONFIRM, NO_ANSWER, SAVED_CARD, SUCCESSFUL_PHONES, Instrument
from simulator.paystack.models import Transaction
from simulator.paystack.money import fee_of
from simulator.paystack.objects import altered, charge_success_data, transaction_data
from simulator.paystack.parts import Parts
from simulator.paystack.validation import Start
from simulator.paystack.wire import Fields, PaystackError

IDENTIFIER_TRIES = 100
# What verify says of a transaction that still waits for its customer.
_WAITING = {"hosted": "abandoned", "pay_offline": "pending", "pending": "pending"}
_NOT_FINISHED = "The transaction was not completed"


class TransactionUnknown(Exception):
    """No transaction has this reference, id or access code."""


class Transactions:
    """Every method runs on the event loop and never waits, so none can see another's half-done work."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._documents = parts.documents
        self._later = parts.later
        self._events = parts.events
        self.domain = "live" if parts.settings.secret_key.startswith("sk_live_") else "test"
        # Set by the provider: what happens when a transaction's page opens.
        self.on_opened: Callable[[Transaction], None] = lambda transaction: None
        parts.later.works["expire"] = lambda details: self._expire(details["reference"])
        parts.later.works["pay_late"] = lambda details: self._pay_late(details["reference"], details["action"])

    # --- the start

    def open(self, start: Start, faults: tuple[Fault, ...], ip_address: str) -> Transaction:
        """Take a payment on. Call ``release`` once the merchant has the answer.

        Raises:
            PaystackError: the reference was used before, or the saved card is not this customer's.
        """
        if self.has(start.reference):
            raise duplicate_reference()
        if code := start.details.get("authorization_code"):
            self._check_saved_card(code, start.email)
        with self._store.transaction():
            self._see_customer(start.email)
            transaction = self._insert(start, faults, ip_address)
            if transaction.expires_at is not None:
                self._later.plan(transaction.expires_at - time.time(), "expire", reference=transaction.reference)
        return transaction

    def _insert(self, start: Start, faults: tuple[Fault, ...], ip_address: str) -> Transaction:
        now = time.time()
        names = {fault.name for fault in faults}
        currency = next(
            (fault.parameters["currency"] for fault in faults if fault.name == "paystack_other_currency"),
            start.currency,
        )
        kept = [fault.as_json() for fault in faults if not fault.name.startswith("paystack_initialize_")]
        expires_at = start.details.get("expires")
        if start.direct and start.channel == "mobile_money":
            expires_at = now + self._settings.confirm_seconds
        for _ in range(IDENTIFIER_TRIES):
            try:
                self._store.execute(
                    "INSERT INTO paystack_transaction (id, reference, access_code, direct, email, requested,"
                    " requested_currency, amount, currency, channels, callback_url, label, metadata, details,"
                    " faults, status, step, channel, gateway_response, ip_address, created_at, expires_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        new_wide_id() if "paystack_wide_id" in names else new_id(),
                        start.reference,
                        new_code(length=10),
                        start.direct,
                        start.email,
                        start.amount,
                        start.currency,
                        start.amount,
                        currency,
                        json.dumps(start.channels),
                        start.callback_url or self._settings.callback_url,
                        start.label,
                        json.dumps(start.metadata),
                        json.dumps(start.details),
                        json.dumps(kept),
                        _WAITING.get(start.step, "ongoing"),
                        start.step,
                        start.channel,
                        _NOT_FINISHED,
                        ip_address,
                        now,
                        expires_at,
                    ),
                )
            except sqlite3.IntegrityError:  # the random digits hit an id that is taken
                continue
            return self.get(start.reference)
        raise PaystackError(500, "An error occurred", "unknown", kind="api_error")

    def _check_saved_card(self, code: str, email: str) -> None:
        row = self._store.one(
            "SELECT 1 FROM paystack_transaction WHERE authorization_code = ? AND email = ? AND channel = 'card'",
            (code, email),
        )
        if row is None:
            raise PaystackError(400, "Invalid authorization code", "invalid_params")

    def release(self, reference: str) -> None:
        """Let a transaction go on: its page opens, a phone of the tests confirms by itself."""
        transaction = self.get(reference)
        if transaction.page != "open":
            return
        if transaction.fault("paystack_webhook_forged"):
            forged = replace(transaction, status="success", paid_at=time.time())
            data = charge_success_data(forged, self.customer(transaction), self.domain)
            self._events.send_forged(str(transaction.id), "charge.success", data)
        offline = transaction.step in ("pay_offline", "pending")
        if offline and transaction.details.get("phone") in SUCCESSFUL_PHONES:
            self.pay(transaction, CONFIRM)
        else:
            self.on_opened(transaction)

    def wait_for(self, reference: str, step: str) -> Transaction:
        """Let a charge wait for its next step."""
        self._store.execute("UPDATE paystack_transaction SET step = ? WHERE reference = ?", (step, reference))
        return self.get(reference)

    # --- the end

    def pay(self, transaction: Transaction, instrument: Instrument) -> Transaction:
        """Move the money and tell the merchant."""
        channel = transaction.channel if instrument in (CONFIRM, SAVED_CARD) else instrument.channel
        amount = self._paid_amount(transaction, channel)
        code = transaction.details.get("authorization_code") or new_code("AUTH", 10)
        with self._store.transaction():
            self._store.execute(
                "UPDATE paystack_transaction SET status = 'success', page = 'paid', step = '', amount = ?, fees = ?,"
                " channel = ?, instrument = ?, authorization_code = ?, gateway_response = ?, message = '',"
                " paid_at = ?, tries = tries + 1 WHERE reference = ?",
                (
                    amount,
                    fee_of(amount, transaction.currency, channel),
                    channel,
                    instrument.action,
                    code,
                    instrument.gateway_response,
                    time.time(),
                    transaction.reference,
                ),
            )
            paid = self.get(transaction.reference)
            self._send_success(paid)
        return paid

    def _paid_amount(self, transaction: Transaction, channel: str) -> int:
        requested = transaction.requested
        if under := transaction.fault("paystack_underpaid"):
            given: int | None = under.parameters["amount"]
            return given or max(1, requested // 2)
        if transaction.fault("paystack_fee_on_top"):
            return requested + fee_of(requested, transaction.currency, channel)
        return requested

    def _send_success(self, transaction: Transaction) -> None:
        data = charge_success_data(transaction, self.customer(transaction), self.domain)
        struck = {fault.name: fault for fault in transaction.faults}
        self._events.send(
            str(transaction.id),
            "charge.success",
            altered(data, "paystack_webhook", struck),
            prefix="paystack_webhook",
            faults=transaction.faults,
        )

    def fail(self, transaction: Transaction, instrument: Instrument) -> Transaction:
        """Write down a try that failed. The hosted page stays open for another; a failure sends no webhook."""
        late = transaction.fault("paystack_success_after_failed")
        self._end(transaction, "failed", "failed" if late or transaction.direct else "open", instrument)
        if late:
            self._pay_later(transaction, late)
        return self.get(transaction.reference)

    def reject(self, transaction: Transaction, instrument: Instrument) -> Transaction:
        """Send back a bank transfer of a wrong amount; the transaction goes on waiting."""
        customer = self.customer(transaction)
        with self._store.transaction():
            self._store.execute(
                "UPDATE paystack_transaction SET gateway_response = ?, tries = tries + 1 WHERE reference = ?",
                (instrument.gateway_response, transaction.reference),
            )
            self._events.send(
                str(transaction.id),
                "bank.transfer.rejected",
                {
                    "bank_transfer": {
                        "amount": str(max(1, transaction.requested - 100)),
                        "message": "incorrect amount sent",
                        "message_type": "INCORRECT_AMOUNT",
                        "transaction_id": str(transaction.id),
                    },
                    "customer": {name: customer[name] for name in ("id", "email", "customer_code")},
                },
                prefix="paystack_webhook",
            )
        return self.get(transaction.reference)

    def cancel(self, transaction: Transaction) -> Transaction:
        """Let the customer go away; the API goes on saying abandoned, or failed if a try had failed."""
        self._store.execute(
            "UPDATE paystack_transaction SET page = 'cancelled' WHERE reference = ?", (transaction.reference,)
        )
        if late := transaction.fault("paystack_success_after_abandoned"):
            self._pay_later(transaction, late)
        return self.get(transaction.reference)

    def _end(self, transaction: Transaction, status: str, page: str, instrument: Instrument) -> None:
        self._store.execute(
            "UPDATE paystack_transaction SET status = ?, page = ?, channel = ?, gateway_response = ?, message = ?,"
            " tries = tries + 1 WHERE reference = ?",
            (
                status,
                page,
                transaction.channel if transaction.direct else instrument.channel,
                instrument.gateway_response,
                instrument.gateway_response,
                transaction.reference,
            ),
        )

    def _expire(self, reference: str) -> None:
        if (transaction := self._by("reference", reference)) and transaction.page == "open":
            self._end(transaction, "failed", "expired", NO_ANSWER)
            if late := transaction.fault("paystack_success_after_failed"):
                self._pay_later(transaction, late)

    def _pay_later(self, transaction: Transaction, late: Fault) -> None:
        action = next((choice.action for choice in transaction.choices() if choice.outcome == "paid"), CONFIRM.action)
        self._later.plan(late.parameters["seconds"], "pay_late", reference=transaction.reference, action=action)

    def _pay_late(self, reference: str, action: str) -> None:
        if (transaction := self._by("reference", reference)) and not transaction.is_paid:
            opened = replace(transaction, page="open")
            instrument = next((choice for choice in opened.choices() if choice.action == action), CONFIRM)
            self.pay(transaction, instrument)

    # --- what refunds and disputes write

    def set_status(self, transaction: Transaction, status: str) -> None:
        self._store.execute(
            "UPDATE paystack_transaction SET status = ? WHERE reference = ?", (status, transaction.reference)
        )

    def count_verify(self, transaction: Transaction) -> int:
        """Count a verify; return how many came before it."""
        self._store.execute(
            "UPDATE paystack_transaction SET verifies = verifies + 1 WHERE reference = ?", (transaction.reference,)
        )
        return transaction.verifies

    def count_refund(self, transaction: Transaction) -> int:
        """Count a refund; return how many came before it."""
        self._store.execute(
            "UPDATE paystack_transaction SET refunds = refunds + 1 WHERE reference = ?", (transaction.reference,)
        )
        return transaction.refunds

    # --- reading

    def describe(self, transaction: Transaction) -> Fields:
        """Return the transaction as the API shows it."""
        return transaction_data(transaction, self.customer(transaction), self.domain)

    def customer(self, transaction: Transaction) -> Fields:
        return self._documents.owned("customer", transaction.email)[0]

    def _see_customer(self, email: str) -> None:
        if self._documents.owned("customer", email):
            return
        self._documents.save(
            "customer",
            {
                "id": new_id() // 10_000,
                "first_name": None,
                "last_name": None,
                "email": email,
                "customer_code": new_code("CUS"),
                "phone": None,
                "metadata": None,
                "risk_action": "default",
            },
            owner=email,
        )

    def has(self, reference: str) -> bool:
        return self._by("reference", reference) is not None

    def get(self, reference: str) -> Transaction:
        """Raises: TransactionUnknown."""
        transaction = self._by("reference", reference)
        if transaction is None:
            raise TransactionUnknown
        return transaction

    def find(self, wanted: object) -> Transaction | None:
        """Return the transaction of a reference or of Paystack's id."""
        text = str(wanted)
        by_reference = self._by("reference", text)
        if by_reference is None and text.isascii() and text.isdecimal() and len(text) < 19:
            return self._by("id", int(text))
        return by_reference

    def by_access_code(self, code: str) -> Transaction | None:
        return self._by("access_code", code)

    def _by(self, column: str, value: object) -> Transaction | None:
        sql = {
            "reference": "SELECT * FROM paystack_transaction WHERE reference = ?",
            "id": "SELECT * FROM paystack_transaction WHERE id = ?",
            "access_code": "SELECT * FROM paystack_transaction WHERE access_code = ?",
        }[column]
        row = self._store.one(sql, (value,))
        return Transaction.from_row(row) if row else None

    def waiting(self) -> list[Transaction]:
        rows = self._store.all("SELECT * FROM paystack_transaction WHERE page = 'open' ORDER BY position")
        return [Transaction.from_row(row) for row in rows]

    def listing(self, reference: str | None = None) -> list[Transaction]:
        """Return transactions, oldest first, of one reference where it is given."""
        rows = self._store.all(
            "SELECT * FROM paystack_transaction WHERE ?1 IS NULL OR reference = ?1 ORDER BY position", (reference,)
        )
        return [Transaction.from_row(row) for row in rows]

    def earned(self) -> dict[str, int]:
        """Return what was paid less its fees, in hundredths by currency."""
        rows = self._store.all(
            "SELECT currency, sum(amount - fees) AS net FROM paystack_transaction WHERE page = 'paid' GROUP BY currency"
        )
        return {row["currency"]: row["net"] for row in rows}

    def clear(self) -> None:
        self._store.execute("DELETE FROM paystack_transaction")


def duplicate_reference() -> PaystackError:
    return PaystackError(
        400, "Duplicate Transaction Reference", "duplicate_reference", next_step="Use a reference of its own"
    )
