"""Chapa's books: payments from the link to the money."""

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace

from simulator.chapa.identifiers import moment, new_code
from simulator.chapa.methods import MOST_TRIES, TELEBIRR, Method
from simulator.chapa.models import Payment
from simulator.chapa.money import fee_of
from simulator.chapa.objects import altered, event_data
from simulator.chapa.parts import Parts
from simulator.chapa.validation import Start
from simulator.chapa.wire import ChapaError
from simulator.faults import Fault

IDENTIFIER_TRIES = 100
SUCCESS, FAILED, REVERSED = "charge.success", "charge.failed/cancelled", "charge.reversed"


class Payments:
    """Every method runs on the event loop and never waits, so none can see another's half-done work."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._later = parts.later
        self._events = parts.events
        self.mode = parts.mode
        # Set by the provider: what happens when a payment's page opens.
        self.on_opened: Callable[[Payment], None] = lambda payment: None
        parts.later.works["expire"] = lambda details: self._expire(details["tx_ref"])
        parts.later.works["pay_late"] = lambda details: self._pay_late(details["tx_ref"])

    # --- the start

    def open(self, start: Start, faults: tuple[Fault, ...]) -> Payment:
        """Make a link. Call ``release`` once the merchant has it.

        Raises:
            ChapaError: the reference was used before.
        """
        if self.find(start.tx_ref):
            raise used_before()
        with self._store.transaction():
            payment = self._insert(start, faults)
            self._later.plan(self._settings.link_seconds, "expire", tx_ref=start.tx_ref)
        return payment

    def _insert(self, start: Start, faults: tuple[Fault, ...]) -> Payment:
        now = time.time()
        currency = next(
            (fault.parameters["currency"] for fault in faults if fault.name == "chapa_other_currency"), start.currency
        )
        kept = [fault.as_json() for fault in faults if not fault.name.startswith("chapa_initialize_")]
        for _ in range(IDENTIFIER_TRIES):
            try:
                self._store.execute(
                    "INSERT INTO chapa_payment (tx_ref, code, reference, requested, requested_currency, amount,"
                    " currency, payer, callback_url, return_url, customization, meta, faults, created_at,"
                    " updated_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        start.tx_ref,
                        new_code(),
                        new_code("AP", 8),
                        start.amount,
                        start.currency,
                        start.amount,
                        currency,
                        json.dumps(start.payer),
                        start.callback_url,
                        start.return_url,
                        json.dumps(start.customization),
                        json.dumps(start.meta),
                        json.dumps(kept),
                        now,
                        now,
                        now + self._settings.link_seconds,
                    ),
                )
            except sqlite3.IntegrityError:  # the random letters hit a code that is taken
                continue
            return self.get(start.tx_ref)
        raise ChapaError(500, "Server Error")

    def release(self, tx_ref: str) -> None:
        """Let a payment go on: its page opens."""
        payment = self.get(tx_ref)
        if payment.page != "open":
            return
        pretended = replace(payment, status="success", method=TELEBIRR.name, charge=fee_of(payment.amount))
        self._events.send_forged(payment, event_data(pretended, SUCCESS, "success", self.mode))
        self.on_opened(payment)

    # --- the end

    def pay(self, payment: Payment, method: Method) -> Payment:
        """Move the money and tell the merchant."""
        now = time.time()
        amount = _paid_amount(payment)
        with self._store.transaction():
            self._store.execute(
                "UPDATE chapa_payment SET status = 'success', page = 'paid', method = ?, amount = ?, charge = ?,"
                " tries = tries + 1, updated_at = ?, paid_at = ? WHERE tx_ref = ?",
                (method.name, amount, fee_of(amount), now, now, payment.tx_ref),
            )
            paid = self._note(payment.tx_ref, f"Payment by {method.name} succeeded", "success")
            self._tell(paid, SUCCESS, "success", (FAILED, "failed/cancelled"))
        return paid

    def fail(self, payment: Payment, method: Method) -> Payment:
        """Write down a try that failed. The link stays open for another until the tenth; each failure is told."""
        late = payment.fault("chapa_success_after_failed")
        over = payment.tries + 1 >= MOST_TRIES
        with self._store.transaction():
            self._end(payment, "failed", "failed" if over or late else "open", method.name)
            failed = self._note(payment.tx_ref, f"Payment by {method.name} failed", "error")
            self._tell(failed, FAILED, "failed/cancelled", (SUCCESS, "success"), calls_back=over)
            if late:
                self._later.plan(late.parameters["seconds"], "pay_late", tx_ref=payment.tx_ref)
        return failed

    def cancel(self, payment: Payment) -> Payment:
        """Close a link, whoever wants it."""
        with self._store.transaction():
            self._end(payment, "cancelled", "cancelled", payment.method)
            cancelled = self._note(payment.tx_ref, "The checkout was cancelled", "info")
            self._tell(cancelled, FAILED, "failed/cancelled", (SUCCESS, "success"))
            if late := payment.fault("chapa_success_after_cancelled"):
                self._later.plan(late.parameters["seconds"], "pay_late", tx_ref=payment.tx_ref)
        return cancelled

    def reverse(self, payment: Payment) -> Payment:
        """Take a paid payment's money back, as a customer's bank can."""
        with self._store.transaction():
            self.set_status(payment, "reversed")
            reversed_ = self._note(payment.tx_ref, "The payment was reversed", "info")
            data = event_data(reversed_, REVERSED, "reversed", self.mode)
            self._events.send(payment.reference, data, prefix="chapa_reversal")
        return reversed_

    def _end(self, payment: Payment, status: str, page: str, method: str) -> None:
        self._store.execute(
            "UPDATE chapa_payment SET status = ?, page = ?, method = ?, tries = tries + ?, updated_at = ?"
            " WHERE tx_ref = ?",
            (status, page, method, status == "failed", time.time(), payment.tx_ref),
        )

    def _tell(
        self, payment: Payment, event: str, status: str, contrary: tuple[str, str], *, calls_back: bool = True
    ) -> None:
        struck = {fault.name: fault for fault in payment.faults}
        self._events.finished(
            payment,
            altered(event_data(payment, event, status, self.mode), "chapa_webhook", struck),
            event_data(payment, *contrary, self.mode),
            status="success" if status == "success" else "failed",
            calls_back=calls_back,
        )

    def _expire(self, tx_ref: str) -> None:
        if (payment := self.find(tx_ref)) and payment.page == "open":
            self._store.execute("UPDATE chapa_payment SET page = 'expired' WHERE tx_ref = ?", (tx_ref,))

    def _pay_late(self, tx_ref: str) -> None:
        if (payment := self.find(tx_ref)) and not payment.is_paid:
            self.pay(payment, TELEBIRR)

    def _note(self, tx_ref: str, message: str, kind: str) -> Payment:
        """Add to the payment's log."""
        payment = self.get(tx_ref)
        now = moment(time.time())
        entry = {
            "item": len(payment.log) + 1,
            "message": message,
            "type": kind,
            "created_at": now,
            "updated_at": now,
        }
        self._store.execute(
            "UPDATE chapa_payment SET log = ? WHERE tx_ref = ?", (json.dumps([*payment.log, entry]), tx_ref)
        )
        return self.get(tx_ref)

    # --- what others write

    def set_status(self, payment: Payment, status: str) -> None:
        self._store.execute(
            "UPDATE chapa_payment SET status = ?, updated_at = ? WHERE tx_ref = ?",
            (status, time.time(), payment.tx_ref),
        )

    def count_verify(self, payment: Payment) -> int:
        """Count a verify; return how many came before it."""
        self._store.execute("UPDATE chapa_payment SET verifies = verifies + 1 WHERE tx_ref = ?", (payment.tx_ref,))
        return payment.verifies

    def count_refund(self, payment: Payment) -> None:
        self._store.execute("UPDATE chapa_payment SET refunds = refunds + 1 WHERE tx_ref = ?", (payment.tx_ref,))

    # --- reading

    def get(self, tx_ref: str) -> Payment:
        payment = self.find(tx_ref)
        if payment is None:
            raise ChapaError(404, "Invalid transaction or Transaction not found")
        return payment

    def find(self, tx_ref: str) -> Payment | None:
        return self._one("SELECT * FROM chapa_payment WHERE tx_ref = ?", tx_ref)

    def by_code(self, code: str) -> Payment | None:
        return self._one("SELECT * FROM chapa_payment WHERE code = ?", code)

    def by_reference(self, reference: str) -> Payment | None:
        return self._one("SELECT * FROM chapa_payment WHERE reference = ?", reference)

    def _one(self, sql: str, value: str) -> Payment | None:
        row = self._store.one(sql, (value,))
        return Payment.from_row(row) if row else None

    def waiting(self) -> list[Payment]:
        rows = self._store.all("SELECT * FROM chapa_payment WHERE page = 'open' ORDER BY position")
        return [Payment.from_row(row) for row in rows]

    def listing(self, tx_ref: str | None = None) -> list[Payment]:
        """Return payments, oldest first, of one reference where it is given."""
        rows = self._store.all(
            "SELECT * FROM chapa_payment WHERE ?1 IS NULL OR tx_ref = ?1 ORDER BY position", (tx_ref,)
        )
        return [Payment.from_row(row) for row in rows]

    def earned(self) -> dict[str, int]:
        """Return what was paid less its fees, in hundredths by currency; what was reversed is gone."""
        rows = self._store.all(
            "SELECT currency, sum(amount - charge) AS net FROM chapa_payment"
            " WHERE page = 'paid' AND status != 'reversed' GROUP BY currency"
        )
        return {row["currency"]: row["net"] for row in rows}

    def clear(self) -> None:
        self._store.execute("DELETE FROM chapa_payment")


def _paid_amount(payment: Payment) -> int:
    if under := payment.fault("chapa_underpaid"):
        given: int | None = under.parameters["amount"]
        return given or max(1, payment.requested // 2)
    if payment.fault("chapa_fee_on_top"):
        return payment.requested + fee_of(payment.requested)
    return payment.requested


def used_before() -> ChapaError:
    return ChapaError(400, "Transaction reference has been used before")
