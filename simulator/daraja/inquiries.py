"""Answering transaction status and account balance.

Source: Daraja, Transaction Status and Account Balance. That a payment can be asked for by the MerchantRequestID of its
push is not confirmed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from simulator.clock import nairobi
from simulator.daraja import results
from simulator.daraja.confirmations import BUY_GOODS
from simulator.daraja.ledger import FROM_CUSTOMERS, Ledger, Movement
from simulator.daraja.models import Operation, Payment
from simulator.daraja.operations import QUEUE_TIMEOUT
from simulator.daraja.payouts import account_text
from simulator.daraja.people import public_name
from simulator.daraja.result_bodies import Outcome, Parameter
from simulator.daraja.validation import BUY_GOODS as STK_BUY_GOODS
from simulator.settings import DarajaSettings
from simulator.store import Store

COMMAND_REASONS = {
    "BusinessPayment": "Business Payment to Customer via API",
    "SalaryPayment": "Salary Payment via API",
    "PromotionPayment": "Promotion Payment via API",
    "BusinessPayToPochi": "Business Pay to Pochi via API",
    "BusinessPayBill": "Business Pay Bill via API",
    "BusinessBuyGoods": "Business Buy Goods via API",
    "BusinessPayToBulk": "Business Pay to Bulk via API",
}
_STK_STATUSES = {results.CANCELLED: "Cancelled", results.NO_ANSWER: "Expired"}


@dataclass(frozen=True)
class _Fate:
    """What a status result tells of a transaction; moments are None where they are not reached."""

    status: str
    debit_party: str
    credit_party: str
    amount: int
    reason: str
    receipt_number: str
    initiated_at: float
    finalised_at: float | None
    originator_conversation_id: str = ""
    conversation_id: str = ""
    charges: str = ""


class Inquiries:
    def __init__(self, settings: DarajaSettings, store: Store, ledger: Ledger) -> None:
        self._settings = settings
        self._store = store
        self._ledger = ledger

    def account_balance(self, operation: Operation) -> Outcome:
        if not self._ledger.is_own(operation.shortcode):
            return Outcome(results.NOT_PERMITTED)
        utility, working = self._ledger.balances()
        accounts = (
            ("Working Account", working),
            ("Float Account", 0),
            ("Utility Account", utility),
            ("Charges Paid Account", 0),
            ("Organization Settlement Account", 0),
        )
        return Outcome(
            results.PROCESSED,
            parameters=(
                ("AccountBalance", "&".join(account_text(name, balance) for name, balance in accounts)),
                ("BOCompletedTime", int(f"{nairobi(time.time()):%Y%m%d%H%M%S}")),
            ),
        )

    def transaction_status(self, operation: Operation) -> Outcome:
        """Tell a transaction's fate; result 0 says no more than that there is such a transaction."""
        if not self._ledger.is_own(operation.shortcode):
            return Outcome(results.NOT_PERMITTED)
        if operation.receipt:
            movement = self._ledger.find(operation.receipt)
            fate = self._of_movement(movement) if movement else None
        else:
            fate = self._of_conversation(operation.asked_conversation)
        if fate is None:
            return Outcome(results.RECEIPT_UNKNOWN)
        return Outcome(results.PROCESSED, parameters=_parameters(fate))

    def _of_movement(self, movement: Movement) -> _Fate:
        business = f"{movement.shortcode} - {self._settings.merchant_name}"
        other = movement.other_party if movement.kind == "b2b" else public_name(movement.other_party)
        inward = movement.kind in FROM_CUSTOMERS
        row = self._store.one(
            "SELECT originator_conversation_id FROM mpesa_operation WHERE conversation_id = ?", (movement.source_id,)
        )
        return _Fate(
            status="Completed",
            debit_party=other if inward else business,
            credit_party=business if inward else other,
            amount=movement.amount,
            reason=reason_of(movement),
            receipt_number=movement.receipt_number,
            initiated_at=movement.initiated_at,
            finalised_at=movement.completed_at,
            originator_conversation_id=row["originator_conversation_id"] if row else "",
            conversation_id=movement.source_id if row else "",
            charges=f"Fee For B2C Payment|KES|{movement.charge}.00" if movement.charge else "",
        )

    def _of_conversation(self, asked: str) -> _Fate | None:
        readers: tuple[Callable[[str], _Fate | None], ...] = (self._of_operation, self._of_push)
        return next((fate for read in readers if (fate := read(asked))), None)

    def _of_operation(self, originator_conversation_id: str) -> _Fate | None:
        row = self._store.one(
            "SELECT * FROM mpesa_operation WHERE originator_conversation_id = ? AND kind IN ('b2c', 'b2b', 'reversal')",
            (originator_conversation_id,),
        )
        if row is None or row["result_code"] == QUEUE_TIMEOUT:
            return None
        asked = Operation.from_row(row)
        if movement := self._ledger.of_source(asked.conversation_id):
            return self._of_movement(movement)
        return _Fate(
            status="Pending Authorized" if asked.status == "waiting" else "Declined",
            debit_party=f"{asked.shortcode} - {self._settings.merchant_name}",
            credit_party=public_name(asked.other_party) if asked.kind == "b2c" else asked.other_party,
            amount=asked.amount or 0,
            reason=COMMAND_REASONS.get(asked.command, "Reversal"),
            receipt_number="",
            initiated_at=asked.created_at,
            finalised_at=asked.finished_at,
            originator_conversation_id=asked.originator_conversation_id,
            conversation_id=asked.conversation_id,
        )

    def _of_push(self, merchant_request_id: str) -> _Fate | None:
        row = self._store.one("SELECT * FROM mpesa_payment WHERE merchant_request_id = ?", (merchant_request_id,))
        if row is None:
            return None
        payment = Payment.from_row(row)
        if movement := self._ledger.of_source(payment.checkout_request_id):
            return self._of_movement(movement)
        return _Fate(
            status="Initiated" if payment.result_code is None else _STK_STATUSES.get(payment.result_code, "Declined"),
            debit_party=public_name(payment.msisdn),
            credit_party=f"{payment.shortcode} - {self._settings.merchant_name}",
            amount=payment.amount,
            reason="Pay Bill Online",
            receipt_number="",
            initiated_at=payment.created_at,
            finalised_at=payment.finished_at,
        )


def reason_of(movement: Movement) -> str:
    """Return what M-Pesa calls a movement's reason type."""
    at_till = movement.transaction_type in (BUY_GOODS, STK_BUY_GOODS)
    match movement.kind:
        case "stk":
            return "Customer Buy Goods Online" if at_till else "Pay Bill Online"
        case "c2b":
            return "Pay Merchant" if at_till else "Pay Utility"
        case "reversal":
            return "Merchant Payment Reversal" if at_till else "Pay Bill Reversal"
    return COMMAND_REASONS.get(movement.transaction_type, movement.transaction_type)


def _parameters(fate: _Fate) -> tuple[Parameter, ...]:
    """Return the keys of a status result. ``DebitPartyName`` comes twice, as in Safaricom's sample."""
    return (
        ("DebitPartyName", fate.debit_party),
        ("DebitPartyName", fate.credit_party),
        ("CreditPartyName", fate.credit_party),
        ("OriginatorConversationID", fate.originator_conversation_id or None),
        ("InitiatedTime", f"{nairobi(fate.initiated_at):%Y%m%d%H%M%S}"),
        ("DebitAccountType", "Utility Account"),
        ("DebitPartyCharges", fate.charges or None),
        ("TransactionReason", None),
        ("ReasonType", fate.reason),
        ("TransactionStatus", fate.status),
        ("FinalisedTime", None if fate.finalised_at is None else f"{nairobi(fate.finalised_at):%Y%m%d%H%M%S}"),
        ("Amount", str(fate.amount)),
        ("ConversationID", fate.conversation_id or None),
        ("ReceiptNo", fate.receipt_number or None),
    )
