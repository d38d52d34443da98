"""M-Pesa's own books: payments from the push to the result."""

import asyncio
import logging
import sqlite3
import time
from typing import Any

from simulator.daraja import results
from simulator.daraja.auto_answers import AutoAnswers
from simulator.daraja.c2b_payments import C2BPayments
from simulator.daraja.callbacks import callback_plans, forged_steps
from simulator.daraja.confirmations import Confirmations
from simulator.daraja.identifiers import new_checkout_request_id, new_merchant_request_id, new_receipt_number
from simulator.daraja.ledger import Ledger
from simulator.daraja.messages import PROMPT_LENGTH, failure_text, prompt_text, receipt_text
from simulator.daraja.models import Payment, faults_as_json
from simulator.daraja.phones import Phones
from simulator.daraja.plans import PROVIDER
from simulator.daraja.validation import BUY_GOODS, PushRequest
from simulator.deliveries import Deliveries, Plan
from simulator.faults import Fault
from simulator.settings import DarajaSettings
from simulator.store import Store

logger = logging.getLogger(__name__)

REPEAT_SECONDS = 120
IDENTIFIER_TRIES = 100


class SubscriberLocked(Exception):
    """Another prompt is live on this phone."""


class PromptUnknown(Exception):
    """No payment has this id."""


class PromptGone(Exception):
    """The prompt was answered already, or has timed out."""


class Payments:
    """Every method runs on the event loop and never waits, so none can see another's half-done work."""

    def __init__(
        self,
        settings: DarajaSettings,
        store: Store,
        deliveries: Deliveries,
        *,
        phones: Phones,
        ledger: Ledger,
        confirmations: Confirmations,
        c2b: C2BPayments,
        auto_answers: AutoAnswers,
    ) -> None:
        self._settings = settings
        self._store = store
        self._deliveries = deliveries
        self._phones = phones
        self._ledger = ledger
        self._confirmations = confirmations
        self._c2b = c2b
        self._auto_answers = auto_answers
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._automatic: dict[str, asyncio.TimerHandle] = {}

    # --- from the push to the prompt

    def is_locked(self, msisdn: str) -> bool:
        query = "SELECT 1 FROM mpesa_payment WHERE msisdn = ? AND status = 'waiting'"
        return self._store.one(query, (msisdn,)) is not None

    def start(self, push: PushRequest, faults: tuple[Fault, ...]) -> Payment:
        """Take a push: the prompt is live from now on. Call ``release`` once the merchant has its answer.

        Raises:
            SubscriberLocked: nothing was kept.
        """
        if self.is_locked(push.msisdn):
            raise SubscriberLocked
        with self._store.transaction():
            self._phones.see(push.msisdn)
            payment = self._insert(push, faults, self._decide_at_once(push, faults))
        self._watch_expiry(payment)
        return payment

    def _insert(self, push: PushRequest, faults: tuple[Fault, ...], decided_code: str | None) -> Payment:
        now = time.time()
        kept = faults_as_json(tuple(fault for fault in faults if not fault.name.startswith("push_")))
        for _ in range(IDENTIFIER_TRIES):
            checkout_request_id = new_checkout_request_id(push.msisdn, now)
            try:
                self._store.execute(
                    "INSERT INTO mpesa_payment (checkout_request_id, merchant_request_id, msisdn, amount,"
                    " reference, description, transaction_type, shortcode, party_b, callback_url,"
                    " faults, decided_code, created_at, expires_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        checkout_request_id,
                        new_merchant_request_id(),
                        push.msisdn,
                        push.amount,
                        push.reference,
                        push.description,
                        push.transaction_type,
                        push.shortcode,
                        push.party_b,
                        push.callback_url,
                        kept,
                        decided_code,
                        now,
                        now + self._settings.prompt_seconds,
                    ),
                )
            except sqlite3.IntegrityError:  # the random digits hit an id that is taken
                logger.debug("identifier taken, another is tried")
                continue
            return self.get(checkout_request_id)
        raise SubscriberLocked  # a thousand pushes to one phone within one second

    def _decide_at_once(self, push: PushRequest, faults: tuple[Fault, ...]) -> str | None:
        """Return the result of a push that cannot show a prompt, None for one that can."""
        settings = self._settings
        for fault in faults:
            if fault.name == "payment_result":
                code: str = fault.parameters["code"]
                return code
        wanted_party = settings.till if push.transaction_type == BUY_GOODS else push.shortcode
        if wanted_party and push.party_b != wanted_party:
            return results.NOT_PERMITTED
        if self._phones.get(push.msisdn).tries_left == 0:
            return results.PIN_LOCKED
        if push.amount > settings.transaction_limit:
            return results.ABOVE_TRANSACTION_LIMIT
        if settings.refuse_repeats and self._is_repeat(push):
            return results.REPEATED
        if len(self._prompt_text(push)) > PROMPT_LENGTH:
            return results.PROMPT_NOT_SENT
        return None

    def _is_repeat(self, push: PushRequest) -> bool:
        row = self._store.one(
            "SELECT 1 FROM mpesa_payment WHERE msisdn = ? AND status = 'successful' AND finished_at > ? AND amount = ?",
            (push.msisdn, time.time() - REPEAT_SECONDS, push.amount),
        )
        return row is not None

    def release(self, checkout_request_id: str) -> None:
        """Let a payment go on: finish one that is decided already, start the automatic answer of another."""
        payment = self.get(checkout_request_id)
        if payment.status != "waiting":
            return
        for fault in payment.faults:
            if fault.name == "c2b_without_stk":
                typed: str = fault.parameters["account"]
                account = {"none": "", "same": payment.reference}.get(typed, typed)
                self._c2b.start_by_a_stranger(fault.parameters["amount"] or payment.amount, account)
        if lies := forged_steps(payment, after_failure=False):
            plan = Plan(PROVIDER, checkout_request_id, lies)
            self._deliveries.start(plan, self._deliveries.record(plan))
        if payment.decided_code is not None:
            self._finish(payment, payment.decided_code)
        else:
            self._start_automatic_answer(payment)

    # --- from the prompt to the result

    def answer(self, checkout_request_id: str, pin: str) -> Payment:
        """Type a PIN into a prompt.

        Raises:
            PromptUnknown, PromptGone: nothing was changed.
        """
        payment = self._waiting(checkout_request_id)
        return self._finish(payment, self._phones.result_of_paying(payment.msisdn, payment.amount, pin))

    def cancel(self, checkout_request_id: str) -> Payment:
        """Raises: PromptUnknown, PromptGone."""
        return self._finish(self._waiting(checkout_request_id), results.CANCELLED)

    def time_out(self, checkout_request_id: str) -> Payment:
        """Raises: PromptUnknown, PromptGone."""
        return self._finish(self._waiting(checkout_request_id), results.NO_ANSWER)

    def _waiting(self, checkout_request_id: str) -> Payment:
        payment = self.get(checkout_request_id)
        if not payment.is_waiting_for_pin():
            raise PromptGone
        return payment

    def _finish(self, payment: Payment, code: str) -> Payment:
        """Write the result, move the money, send the SMS and the callbacks."""
        paid = code == results.PROCESSED
        with self._store.transaction():
            if code == results.WRONG_PIN:
                self._phones.count_wrong_pin(payment.msisdn)
            elif paid:
                self._phones.forget_wrong_pins(payment.msisdn)
                self._phones.take(payment.msisdn, payment.amount)
            finished = self._write_result(payment, code)
            if paid:
                self._record_movement(finished)
            self._send_message(finished, code)
            plans = callback_plans(
                finished,
                foreign_receipt=self._foreign_receipt(finished),
                confirmations=self._confirmations.of_push(finished),
            )
            recorded = [(plan, self._deliveries.record(plan)) for plan in plans]
        for timers in (self._expiries, self._automatic):
            if timer := timers.pop(payment.checkout_request_id, None):
                timer.cancel()
        for plan, delivery_ids in recorded:
            self._deliveries.start(plan, delivery_ids)
        return finished

    def _write_result(self, payment: Payment, code: str) -> Payment:
        now = time.time()
        paid = code == results.PROCESSED
        self._store.execute(
            "UPDATE mpesa_payment SET status = ?, result_code = ?, receipt_number = ?, finished_at = ?"
            " WHERE checkout_request_id = ?",
            (
                "successful" if paid else "failed",
                code,
                self._ledger.fresh_receipt(now) if paid else None,
                now,
                payment.checkout_request_id,
            ),
        )
        return self.get(payment.checkout_request_id)

    def _record_movement(self, payment: Payment) -> None:
        at_till = payment.transaction_type == BUY_GOODS
        self._ledger.record(
            "stk",
            receipt_number=payment.receipt_number or "",
            source_id=payment.checkout_request_id,
            transaction_type=payment.transaction_type,
            amount=payment.amount,
            shortcode=payment.shortcode,
            other_party=payment.msisdn,
            reference="" if at_till else payment.reference,
            utility_change=payment.amount,
            initiated_at=payment.created_at,
            completed_at=payment.finished_at or payment.created_at,
        )

    def _send_message(self, payment: Payment, code: str) -> None:
        phone = self._phones.get(payment.msisdn)
        merchant = self._settings.merchant_name
        if payment.receipt_number:
            kind = "receipt"
            text = receipt_text(
                receipt_number=payment.receipt_number,
                amount=payment.amount,
                merchant=merchant,
                transaction_type=payment.transaction_type,
                reference=payment.reference,
                moment=payment.finished_at or time.time(),
                balance=phone.balance,
            )
        else:
            kind = "failure"
            text = failure_text(
                code,
                amount=payment.amount,
                merchant=merchant,
                balance=phone.balance,
                tries_left=phone.tries_left,
            )
        self._phones.send_message(payment.msisdn, payment.checkout_request_id, kind, text)

    def _foreign_receipt(self, payment: Payment) -> str:
        """Return the receipt of an earlier payment, or one that belongs to nobody when there is none."""
        row = self._store.one(
            "SELECT receipt_number FROM mpesa_payment"
            " WHERE status = 'successful' AND checkout_request_id != ? ORDER BY rowid DESC LIMIT 1",
            (payment.checkout_request_id,),
        )
        return row["receipt_number"] if row else new_receipt_number(time.time())

    # --- timers

    def _watch_expiry(self, payment: Payment) -> None:
        delay = max(0.0, payment.expires_at - time.time())
        self._expiries[payment.checkout_request_id] = asyncio.get_running_loop().call_later(
            delay, self._expire, payment.checkout_request_id
        )

    def _expire(self, checkout_request_id: str) -> None:
        self._expiries.pop(checkout_request_id, None)
        payment = self.get(checkout_request_id)
        if payment.status == "waiting":
            self._finish(payment, payment.decided_code or results.NO_ANSWER)

    def answer_waiting_automatically(self) -> None:
        """Apply the automatic answers to prompts that are live already."""
        for payment in self.waiting():
            self._start_automatic_answer(payment)

    def _start_automatic_answer(self, payment: Payment) -> None:
        rule = self._auto_answers.rule_for(payment.msisdn)
        if rule is None:
            return
        if earlier := self._automatic.pop(payment.checkout_request_id, None):
            earlier.cancel()
        self._automatic[payment.checkout_request_id] = asyncio.get_running_loop().call_later(
            rule.delay_seconds, self._answer_automatically, payment.checkout_request_id, rule.pin, rule.action
        )

    def _answer_automatically(self, checkout_request_id: str, pin: str | None, action: str | None) -> None:
        self._automatic.pop(checkout_request_id, None)
        if not self.get(checkout_request_id).is_waiting_for_pin():
            return  # a person was faster
        if action == "cancel":
            self.cancel(checkout_request_id)
        elif action == "timeout":
            self.time_out(checkout_request_id)
        else:
            self.answer(checkout_request_id, pin or "")

    def resume(self) -> None:
        """Take up the payments that a stopped simulator left waiting."""
        for row in self._store.all("SELECT * FROM mpesa_payment WHERE status = 'waiting' ORDER BY rowid"):
            payment = Payment.from_row(row)
            if payment.decided_code is not None:
                self._finish(payment, payment.decided_code)
            else:
                self._watch_expiry(payment)

    def stop_timers(self) -> None:
        for timers in (self._expiries, self._automatic):
            for timer in timers.values():
                timer.cancel()
            timers.clear()

    # --- reading

    def get(self, checkout_request_id: str) -> Payment:
        """Raises: PromptUnknown."""
        row = self._store.one("SELECT * FROM mpesa_payment WHERE checkout_request_id = ?", (checkout_request_id,))
        if row is None:
            raise PromptUnknown
        return Payment.from_row(row)

    def listing(self, msisdn: str | None, reference: str | None) -> list[Payment]:
        """Return payments, oldest first, of one phone and of one reference where they are given."""
        rows = self._store.all(
            "SELECT * FROM mpesa_payment WHERE (?1 IS NULL OR msisdn = ?1) AND (?2 IS NULL OR reference = ?2)"
            " ORDER BY rowid",
            (msisdn, reference),
        )
        return [Payment.from_row(row) for row in rows]

    def waiting(self, msisdn: str | None = None) -> list[Payment]:
        """Return payments whose prompt is on a phone's screen."""
        rows = self._store.all(
            "SELECT * FROM mpesa_payment WHERE status = 'waiting' AND decided_code IS NULL"
            " AND (?1 IS NULL OR msisdn = ?1) ORDER BY rowid",
            (msisdn,),
        )
        return [Payment.from_row(row) for row in rows]

    def count_query(self, payment: Payment) -> int:
        """Count a query; return how many came before it."""
        self._store.execute(
            "UPDATE mpesa_payment SET queries = queries + 1 WHERE checkout_request_id = ?",
            (payment.checkout_request_id,),
        )
        return payment.queries

    def describe_prompt(self, payment: Payment) -> dict[str, Any]:
        return {
            "id": payment.checkout_request_id,
            "msisdn": payment.msisdn,
            "amount": f"{payment.amount}.00",
            "currency": "KES",
            "merchant": self._settings.merchant_name,
            "reference": payment.reference,
            "text": self._prompt_text(payment),
            "expires_in_seconds": round(max(0.0, payment.expires_at - time.time()), 1),
            "lifetime_seconds": round(payment.expires_at - payment.created_at, 1),
        }

    def _prompt_text(self, push: PushRequest | Payment) -> str:
        return prompt_text(
            amount=push.amount,
            merchant=self._settings.merchant_name,
            transaction_type=push.transaction_type,
            party_b=push.party_b,
            reference=push.reference,
        )

    def clear(self) -> None:
        self.stop_timers()
        self._store.execute("DELETE FROM mpesa_payment")
