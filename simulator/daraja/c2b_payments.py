"""Payments that customers start themselves, by paybill or at a till: from the PIN to the confirmation."""

import asyncio
import json
import logging
import time
from dataclasses import dataclass
from typing import Any

from simulator.daraja import results
from simulator.daraja.confirmations import BUY_GOODS, PAY_BILL, Confirmations
from simulator.daraja.ledger import Ledger
from simulator.daraja.messages import failure_text, receipt_text
from simulator.daraja.models import C2BPayment, faults_as_json
from simulator.daraja.phones import Phones
from simulator.daraja.plans import PROVIDER
from simulator.daraja.registrations import Registration, Registrations
from simulator.daraja.validation import BUY_GOODS as STK_BUY_GOODS
from simulator.deliveries import Deliveries, Plan, Step
from simulator.settings import DarajaSettings
from simulator.store import Store

logger = logging.getLogger(__name__)

STRANGER = "254790000001"


@dataclass(frozen=True)
class C2BOrder:
    """What a customer enters: a paybill with an account, or a till. ``amount`` is in whole shillings."""

    msisdn: str
    amount: int
    number: str
    transaction_type: str
    reference: str = ""


@dataclass(frozen=True)
class C2BOutcome:
    """How it ended for the customer; ``text`` is his SMS."""

    result_code: str
    receipt_number: str | None
    text: str


@dataclass(frozen=True)
class _Verdict:
    result_code: str
    third_party_trans_id: str = ""


class C2BPayments:
    """Every method that writes runs on the event loop without waiting; only the merchant's verdict is waited for."""

    def __init__(
        self,
        settings: DarajaSettings,
        store: Store,
        deliveries: Deliveries,
        *,
        phones: Phones,
        ledger: Ledger,
        registrations: Registrations,
        confirmations: Confirmations,
    ) -> None:
        self._settings = settings
        self._store = store
        self._deliveries = deliveries
        self._phones = phones
        self._ledger = ledger
        self._registrations = registrations
        self._confirmations = confirmations
        self._tasks: set[asyncio.Task[C2BOutcome]] = set()

    # --- how a payment begins

    async def pay(self, order: C2BOrder, pin: str) -> C2BOutcome:
        """Pay from a phone and wait for the end of it, which a slow ValidationURL puts off."""
        self._phones.see(order.msisdn)
        code = self._result_of_entering(order, pin)
        if code != results.PROCESSED:
            return self._turn_away(order, code)
        return await self._complete(self._insert(order))

    def start(self, order: C2BOrder) -> None:
        """Begin a payment without a PIN, in the background, as Daraja's simulation does."""
        self._phones.see(order.msisdn)
        task = asyncio.get_running_loop().create_task(self._complete(self._insert(order)))
        self._tasks.add(task)  # the loop keeps only a weak reference
        task.add_done_callback(self._ended)

    def start_by_a_stranger(self, amount: int, reference: str) -> None:
        """Begin a payment that the merchant did not ask for, at his till or, with a reference, by his paybill."""
        self._phones.see(STRANGER)
        self._phones.set(STRANGER, balance=self._settings.balance + amount)
        number = self._settings.shortcode if reference else self._settings.till or self._settings.shortcode
        kind = PAY_BILL if reference else BUY_GOODS
        self.start(C2BOrder(STRANGER, amount, number, kind, reference))

    def _ended(self, task: asyncio.Task[C2BOutcome]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("a payment broke", exc_info=error)

    def _result_of_entering(self, order: C2BOrder, pin: str) -> str:
        if not self.is_ours(order.number, order.transaction_type):
            return results.NUMBER_UNKNOWN
        if self._phones.get(order.msisdn).tries_left == 0:
            return results.PIN_LOCKED
        if order.amount > self._settings.transaction_limit:
            return results.ABOVE_TRANSACTION_LIMIT
        return self._phones.result_of_paying(order.msisdn, order.amount, pin)

    def is_ours(self, number: str, transaction_type: str) -> bool:
        """Tell whether a number is the merchant's paybill or till; any till is his when the settings name none."""
        if transaction_type == BUY_GOODS:
            return number == (self._settings.till or number)
        return number == self._settings.shortcode

    def _turn_away(self, order: C2BOrder, code: str) -> C2BOutcome:
        """End an attempt that M-Pesa does not keep: only the customer learns of it."""
        with self._store.transaction():
            if code == results.WRONG_PIN:
                self._phones.count_wrong_pin(order.msisdn)
            phone = self._phones.get(order.msisdn)
            known = self.is_ours(order.number, order.transaction_type)
            text = failure_text(
                code,
                amount=order.amount,
                merchant=self._settings.merchant_name if known else order.number,
                balance=phone.balance,
                tries_left=phone.tries_left,
            )
            self._phones.send_message(order.msisdn, "", "failure", text)
        return C2BOutcome(code, None, text)

    def _insert(self, order: C2BOrder) -> C2BPayment:
        now = time.time()
        trans_id = self._ledger.fresh_receipt(now)
        faults = self._confirmations.draw(order.msisdn, order.reference)
        self._store.execute(
            "INSERT INTO mpesa_c2b (trans_id, msisdn, amount, transaction_type, number, reference, faults, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                trans_id,
                order.msisdn,
                order.amount,
                order.transaction_type,
                order.number,
                order.reference,
                faults_as_json(faults),
                now,
            ),
        )
        payment = self._find(trans_id)
        if payment is None:
            raise LookupError(trans_id)
        return payment

    # --- from the beginning to the confirmation

    async def _complete(self, payment: C2BPayment) -> C2BOutcome:
        registration = self._registrations.find(payment.number)
        verdict = await self._ask(payment, registration) if registration else _Verdict(results.PROCESSED)
        if self._find(payment.trans_id) is None:  # the books were cleared meanwhile
            return C2BOutcome(results.REFUSED_BY_BUSINESS, None, "The simulator was reset.")
        return self._finish(payment, verdict, registration)

    async def _ask(self, payment: C2BPayment, registration: Registration) -> _Verdict:
        """Ask the merchant; no usable answer in time leaves it to the ResponseType."""
        if not self._settings.c2b_validation or not registration.validation_url:
            return _Verdict(results.PROCESSED)
        plan = Plan(PROVIDER, payment.trans_id, (Step((self._confirmations.validation(payment, registration),)),))
        ((delivery_id,),) = ids = self._deliveries.record(plan)
        self._deliveries.start(plan, ids)
        await self._deliveries.wait_for_first(payment.trans_id, self._settings.c2b_validation_seconds)
        row = self._store.one("SELECT status, answer FROM delivery WHERE id = ?", (delivery_id,))
        verdict = _read_verdict(row["status"], row["answer"]) if row else None
        if verdict is None:
            completed = registration.response_type == "Completed"
            return _Verdict(results.PROCESSED if completed else results.REFUSED_BY_BUSINESS)
        return verdict

    def _finish(self, payment: C2BPayment, verdict: _Verdict, registration: Registration | None) -> C2BOutcome:
        """Move the money, write the result, send the SMS and the confirmation."""
        code = verdict.result_code
        if code == results.PROCESSED:  # the customer may have spent it while the merchant was asked
            code = self._phones.result_of_funds(payment.msisdn, payment.amount)
        paid = code == results.PROCESSED
        now = time.time()
        plan: Plan | None = None
        with self._store.transaction():
            self._store.execute(
                "UPDATE mpesa_c2b SET status = ?, result_code = ?, third_party_trans_id = ?, finished_at = ?"
                " WHERE trans_id = ?",
                ("successful" if paid else "failed", code, verdict.third_party_trans_id, now, payment.trans_id),
            )
            if paid:
                self._move_money(payment, now)
            text = self._send_message(payment, code, now)
            finished = self._find(payment.trans_id)
            if paid and registration and finished:
                plan = Plan(PROVIDER, payment.trans_id, self._confirmations.of_c2b(finished, registration))
                ids = self._deliveries.record(plan)
        if plan:
            self._deliveries.start(plan, ids)
        return C2BOutcome(code, payment.trans_id if paid else None, text)

    def _move_money(self, payment: C2BPayment, now: float) -> None:
        self._phones.forget_wrong_pins(payment.msisdn)
        self._phones.take(payment.msisdn, payment.amount)
        self._ledger.record(
            "c2b",
            receipt_number=payment.trans_id,
            source_id=payment.trans_id,
            transaction_type=payment.transaction_type,
            amount=payment.amount,
            shortcode=payment.number,
            other_party=payment.msisdn,
            reference=payment.reference,
            utility_change=payment.amount,
            initiated_at=payment.created_at,
            completed_at=now,
        )

    def _send_message(self, payment: C2BPayment, code: str, now: float) -> str:
        phone = self._phones.get(payment.msisdn)
        merchant = self._settings.merchant_name
        if code == results.PROCESSED:
            kind = "receipt"
            text = receipt_text(
                receipt_number=payment.trans_id,
                amount=payment.amount,
                merchant=merchant,
                transaction_type=STK_BUY_GOODS if payment.transaction_type == BUY_GOODS else "",
                reference=payment.reference,
                moment=now,
                balance=phone.balance,
            )
        else:
            kind = "failure"
            text = failure_text(
                code, amount=payment.amount, merchant=merchant, balance=phone.balance, tries_left=phone.tries_left
            )
        self._phones.send_message(payment.msisdn, payment.trans_id, kind, text)
        return text

    # --- the rest

    def resume(self) -> None:
        """End the payments that a stopped simulator left waiting for the merchant's verdict: no money moved."""
        self._store.execute(
            "UPDATE mpesa_c2b SET status = 'failed', result_code = ?, finished_at = ? WHERE status = 'waiting'",
            (results.REFUSED_BY_BUSINESS, time.time()),
        )

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _find(self, trans_id: str) -> C2BPayment | None:
        row = self._store.one("SELECT * FROM mpesa_c2b WHERE trans_id = ?", (trans_id,))
        return C2BPayment.from_row(row) if row else None

    def listing(self, msisdn: str | None, reference: str | None) -> list[C2BPayment]:
        rows = self._store.all(
            "SELECT * FROM mpesa_c2b WHERE (?1 IS NULL OR msisdn = ?1) AND (?2 IS NULL OR reference = ?2)"
            " ORDER BY rowid",
            (msisdn, reference),
        )
        return [C2BPayment.from_row(row) for row in rows]

    def clear(self) -> None:
        self.stop()
        self._store.execute("DELETE FROM mpesa_c2b")


def _read_verdict(status: int | None, answer: str | None) -> _Verdict | None:
    """Read the answer to a validation; None when it says nothing that M-Pesa knows."""
    if status != 200:
        return None
    try:
        said: Any = json.loads(answer or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    code = str(said.get("ResultCode"))
    third_party = said.get("ThirdPartyTransID")
    if code == results.PROCESSED:
        return _Verdict(code, str(third_party) if isinstance(third_party, str | int) else "")
    return _Verdict(code) if code in results.C2B_REFUSALS else None
