"""Doing reversals.

Source: Daraja, Reversals. A result code for an amount that is not the whole is nowhere documented; whether parts can
be reversed is told both ways, so it is a setting.
"""

import time

from simulator.clock import nairobi
from simulator.daraja import results
from simulator.daraja.ledger import FROM_CUSTOMERS, Ledger, Movement
from simulator.daraja.messages import reversed_text
from simulator.daraja.models import Operation
from simulator.daraja.payouts import account_text
from simulator.daraja.people import public_name
from simulator.daraja.phones import Phones
from simulator.daraja.result_bodies import Outcome
from simulator.settings import DarajaSettings


class Reversals:
    def __init__(self, settings: DarajaSettings, phones: Phones, ledger: Ledger) -> None:
        self._settings = settings
        self._phones = phones
        self._ledger = ledger

    def reverse(self, operation: Operation) -> Outcome:
        """Send a customer's payment back to his phone, from the utility account."""
        amount = operation.amount or 0
        original = self._ledger.find(operation.receipt)
        if original is None or original.kind not in FROM_CUSTOMERS:
            return Outcome(results.ORIGINAL_UNKNOWN)
        code = self._result_of_reversing(operation, original, amount)
        if code != results.PROCESSED:
            return Outcome(code)
        msisdn, now = original.other_party, time.time()
        receipt = self._ledger.fresh_receipt(now)
        self._phones.give(msisdn, amount)
        self._ledger.record(
            "reversal",
            receipt_number=receipt,
            source_id=operation.conversation_id,
            transaction_type=original.transaction_type,
            amount=amount,
            shortcode=original.shortcode,
            other_party=msisdn,
            reference=original.reference,
            linked_receipt=original.receipt_number,
            utility_change=-amount,
            initiated_at=operation.created_at,
            completed_at=now,
        )
        text = reversed_text(
            receipt_number=receipt,
            original=original.receipt_number,
            amount=amount,
            moment=now,
            balance=self._phones.get(msisdn).balance,
        )
        self._phones.send_message(msisdn, operation.originator_conversation_id, "received", text)
        return Outcome(
            results.PROCESSED,
            receipt,
            (
                ("DebitAccountBalance", account_text("Utility Account", self._ledger.balances()[0])),
                ("Amount", f"{amount}.00"),
                ("TransCompletedTime", int(f"{nairobi(now):%Y%m%d%H%M%S}")),
                ("OriginalTransactionID", original.receipt_number),
                ("Charge", 0),
                ("CreditPartyPublicName", public_name(msisdn)),
                ("DebitPartyPublicName", f"{original.shortcode} - {self._settings.merchant_name}"),
            ),
        )

    def _result_of_reversing(self, operation: Operation, original: Movement, amount: int) -> str:
        if operation.shortcode not in (original.shortcode, self._settings.shortcode):
            return results.NOT_PERMITTED
        left = original.amount - self._ledger.reversed_amount(original.receipt_number)
        if left == 0:
            return results.ALREADY_REVERSED
        if amount > left or (amount != original.amount and not self._settings.partial_reversals):
            return results.BAD_PARAMETER
        if self._ledger.balances()[0] < amount:
            return results.BALANCE_SHORT
        return results.PROCESSED
