"""Doing B2C and B2B payments.

Source: Daraja, B2C, result codes and result parameters; Business Pay Bill.
"""

import time

from simulator.clock import nairobi, start_of_nairobi_day
from simulator.daraja import results
from simulator.daraja.initiator_requests import TOP_UP
from simulator.daraja.ledger import Ledger
from simulator.daraja.messages import received_text
from simulator.daraja.models import Operation
from simulator.daraja.people import public_name
from simulator.daraja.phones import Phones
from simulator.daraja.result_bodies import Outcome
from simulator.settings import DarajaSettings

MINIMUM = 10
# Phones that cannot be paid, so that every refusal can be tried without a fault.
REFUSING_PHONES = {
    "254700000011": "11",
    "254700002006": "2006",
    "254700002040": "2040",
    "254700000404": results.NUMBER_UNKNOWN,
}


class Payouts:
    def __init__(self, settings: DarajaSettings, phones: Phones, ledger: Ledger) -> None:
        self._settings = settings
        self._phones = phones
        self._ledger = ledger

    def pay_customer(self, operation: Operation) -> Outcome:
        """Send money to a phone, from the utility account."""
        amount, msisdn = operation.amount or 0, operation.other_party
        now = time.time()
        code = self._result_of_paying(operation, amount, msisdn, now)
        if code != results.PROCESSED:
            return Outcome(code)
        receipt = self._ledger.fresh_receipt(now)
        charge = self._settings.b2c_charge
        self._phones.see(msisdn)
        self._phones.give(msisdn, amount)
        self._ledger.record(
            "b2c",
            receipt_number=receipt,
            source_id=operation.conversation_id,
            transaction_type=operation.command,
            amount=amount,
            charge=charge,
            shortcode=operation.shortcode,
            other_party=msisdn,
            reference=operation.occasion,
            utility_change=-amount - charge,
            initiated_at=operation.created_at,
            completed_at=now,
        )
        text = received_text(
            receipt_number=receipt,
            amount=amount,
            sender=self._settings.merchant_name,
            moment=now,
            balance=self._phones.get(msisdn).balance,
        )
        self._phones.send_message(msisdn, operation.originator_conversation_id, "received", text)
        utility, working = self._ledger.balances()
        return Outcome(
            results.PROCESSED,
            receipt,
            (
                ("TransactionAmount", amount),
                ("TransactionReceipt", receipt),
                ("ReceiverPartyPublicName", public_name(msisdn)),
                ("TransactionCompletedDateTime", f"{nairobi(now):%d.%m.%Y %H:%M:%S}"),
                ("B2CUtilityAccountAvailableFunds", float(utility)),
                ("B2CWorkingAccountAvailableFunds", float(working)),
                ("B2CRecipientIsRegisteredCustomer", "Y"),
                ("B2CChargesPaidAccountAvailableFunds", 0.0),
            ),
        )

    def _result_of_paying(self, operation: Operation, amount: int, msisdn: str, now: float) -> str:
        settings = self._settings
        if not self._ledger.is_own(operation.shortcode):
            return results.NOT_PERMITTED
        if code := REFUSING_PHONES.get(msisdn):
            return code
        if amount < MINIMUM:
            return results.BELOW_MINIMUM
        if amount > settings.transaction_limit:
            return results.ABOVE_TRANSACTION_LIMIT
        if self._ledger.balances()[0] < amount + settings.b2c_charge:
            return results.BALANCE_SHORT
        if self._ledger.paid_to(msisdn, since=start_of_nairobi_day(now)) + amount > settings.daily_limit:
            return results.ABOVE_DAILY_LIMIT
        if self._phones.get(msisdn).balance + amount > settings.wallet_limit:
            return results.ABOVE_WALLET_LIMIT
        return results.PROCESSED

    def pay_business(self, operation: Operation) -> Outcome:
        """Send money to another business from the working account; a top-up moves it to our utility account."""
        amount = operation.amount or 0
        own = operation.command == TOP_UP
        if not self._ledger.is_own(operation.shortcode) or own != self._ledger.is_own(operation.other_party):
            return Outcome(results.NOT_PERMITTED)
        if amount > self._settings.transaction_limit:
            return Outcome(results.ABOVE_TRANSACTION_LIMIT)
        if self._ledger.balances()[1] < amount:
            return Outcome(results.BALANCE_SHORT)
        now = time.time()
        receipt = self._ledger.fresh_receipt(now)
        self._ledger.record(
            "b2b",
            receipt_number=receipt,
            source_id=operation.conversation_id,
            transaction_type=operation.command,
            amount=amount,
            shortcode=operation.shortcode,
            other_party=operation.other_party,
            reference=operation.reference,
            utility_change=amount if own else 0,
            working_change=-amount,
            initiated_at=operation.created_at,
            completed_at=now,
        )
        working = self._ledger.balances()[1]
        return Outcome(
            results.PROCESSED,
            receipt,
            (
                ("DebitAccountBalance", _funds_text(working)),
                ("Amount", f"{amount}.00"),
                ("DebitPartyAffectedAccountBalance", account_text("Working Account", working)),
                ("TransCompletedTime", f"{nairobi(now):%Y%m%d%H%M%S}"),
                ("DebitPartyCharges", ""),
                ("ReceiverPartyPublicName", f"{operation.other_party} - BUSINESS {operation.other_party}"),
                ("Currency", "KES"),
                ("InitiatorAccountCurrentBalance", _funds_text(working)),
            ),
        )


def account_text(name: str, balance: int) -> str:
    """Write an account as results do: name, currency, current, available, reserved and uncleared shillings."""
    return f"{name}|KES|{balance}.00|{balance}.00|0.00|0.00"


def _funds_text(balance: int) -> str:
    """Write shillings as the results of B2B do; ``MinimumAmount`` is in cents."""
    return f"{{Amount={{CurrencyCode=KES, MinimumAmount={balance * 100}, BasicAmount={balance}.00}}}}"
