"""Results: what M-Pesa posts to a ``ResultURL`` some time after it has accepted a request.

Source: Daraja documentation, B2C, Reversals, Transaction Status, Account Balance.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from payments.exceptions import UnreadableEvent
from payments.providers.base import TransferResult, Verdict
from payments.providers.mpesa.reading import CURRENCY, amount, json_object, nairobi_time, receipt
from payments.providers.values import decimal, mapping, text

ALREADY_REVERSED = "R000001"

# Codes after which no money has moved and none will, in words for staff.
FAILURES = {
    "1": "our own account is short; payouts come from the Utility account",
    "2": "the amount is below M-PESA's minimum",
    "3": "the amount is above M-PESA's maximum",
    "4": "the recipient's daily limit is reached",
    "8": "the recipient's account is full",
    "11": "the recipient's account is not active",
    "18": "the initiator's password is wrong",
    "20": "the initiator is unknown",
    "21": "the initiator lacks the role for this",
    "22": "the initiator is not active",
    "24": "a field is missing",
    "25": "a field has a wrong form",
    "29": "the command is unknown",
    "2001": "the initiator's name or credential is wrong",
    "2006": "the account's status does not allow this",
    "2028": "the shortcode may not do this",
    "2040": "the recipient is no registered M-PESA customer",
    "8006": "the initiator's credential is locked",
    "R000002": "M-PESA does not know the receipt that was to be reversed",
    "SFC_IC0003": "the recipient's number is unknown",
}
# The shop's own set-up, for which somebody must be told.
OWN_FAULTS = {"1", "18", "20", "21", "22", "24", "25", "29", "2001", "2006", "2028", "8006"}

_STATUS_VERDICTS = {
    "completed": Verdict.SUCCEEDED,
    "cancelled": Verdict.FAILED,
    "declined": Verdict.FAILED,
    "expired": Verdict.FAILED,
    "initiated": Verdict.IN_FLIGHT,
    "authorized": Verdict.IN_FLIGHT,
    "pending authorized": Verdict.IN_FLIGHT,
}
# One of these stands in every result of a transfer that has moved money, and in no answer to a question.
_TRANSFER_KEYS = {"TransactionReceipt", "TransactionAmount", "OriginalTransactionID"}


@dataclass(frozen=True)
class Result:
    """A result as it came; ``parameters`` in order, because keys repeat."""

    code: str  # text: ``R000002`` and ``SFC_IC0003`` are codes too
    detail: str
    is_last: bool  # False: M-Pesa will post more
    originator_id: str
    conversation_id: str
    transaction_id: str  # filled on failures too, with a dummy
    parameters: tuple[tuple[str, Any], ...]

    def all(self, *keys: str) -> list[Any]:
        return [value for name, value in self.parameters if name in keys and value not in (None, "")]

    def first(self, *keys: str) -> Any:
        return next(iter(self.all(*keys)), None)


def read_result(body: bytes) -> Result:
    """Raises: UnreadableEvent: it has no known shape."""
    result = mapping(json_object(body).get("Result"))
    if "ResultCode" not in result:
        raise UnreadableEvent("not a Result")
    listed = mapping(result.get("ResultParameters")).get("ResultParameter")
    if isinstance(listed, dict):
        listed = [listed]
    pairs = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return Result(
        code=text(result["ResultCode"], 40),
        detail=text(result.get("ResultDesc")),
        is_last=text(result.get("ResultType")) != "1",
        originator_id=text(result.get("OriginatorConversationID"), 100),
        conversation_id=text(result.get("ConversationID"), 100),
        transaction_id=receipt(result.get("TransactionID")),
        parameters=tuple((text(item.get("Key"), 100), item.get("Value")) for item in pairs),
    )


# --- the status of a transaction ------------------------------------------------------------------------------


@dataclass(frozen=True)
class StatusResult:
    """The answer to a question about a transaction. ``verdict`` is NO_ANSWER when the question itself failed."""

    verdict: Verdict
    status: str = ""  # M-Pesa's word for it
    receipt_number: str = ""
    amount: Decimal | None = None
    currency: str = ""
    at: datetime | None = None
    debit_party: str = ""  # ``254712345678 - JANE DOE``, possibly masked
    credit_party: str = ""  # ``600992 - SHOP``
    paid_to_us: bool = False  # the credit party is our shortcode or till
    originator_id: str = ""  # of the transaction that was asked about
    code: str = ""
    detail: str = ""


def read_status(result: Result, our_shortcodes: Collection[str]) -> StatusResult:
    """Return what a result says about another transaction. ``ResultCode`` 0 says only that the question worked."""
    status = text(result.first("TransactionStatus"), 40).strip()
    if result.code != "0" or not status:
        return StatusResult(verdict=Verdict.NO_ANSWER, code=result.code, detail=result.detail)
    moved = amount(result.first("Amount"))
    credit_party = text(result.first("CreditPartyName"), 200).strip()
    return StatusResult(
        verdict=_STATUS_VERDICTS.get(status.lower(), Verdict.NO_ANSWER),
        status=status,
        receipt_number=receipt(result.first("ReceiptNo")),
        amount=moved,
        currency=CURRENCY if moved is not None else "",
        at=nairobi_time(result.first("FinalisedTime")) or nairobi_time(result.first("InitiatedTime")),
        debit_party=text(result.first("DebitPartyName"), 200).strip(),
        credit_party=credit_party,
        paid_to_us=credit_party.split(" ")[0] in {code for code in our_shortcodes if code},
        originator_id=text(result.first("OriginatorConversationID"), 100),
        code=result.code,
        detail=result.detail,
    )


# --- money that leaves ----------------------------------------------------------------------------------------


def read_transfer(result: Result, *, reference: str, provider_reference: str, route: str) -> TransferResult:
    """Return what a result says about a transfer of ours, be it the transfer's own or the answer to a question.

    Both kinds come to one address. A failed question must not count as a failed transfer, which would be sent again:
    a failure counts only under the transfer's own conversation id.
    """
    own = {reference, provider_reference} - {""}
    # A reversal whose acknowledgement was lost has no known id; nothing could be asked about it either.
    is_own = result.originator_id in own or (route == "reversal" and not provider_reference)
    shared: dict[str, Any] = {
        "provider_reference": provider_reference or (result.originator_id if is_own else ""),
        "code": result.code,
        "detail": FAILURES.get(result.code, result.detail),
        "route": route,
    }
    if result.code == ALREADY_REVERSED and route == "reversal":
        return TransferResult(verdict=Verdict.SUCCEEDED, **shared)
    if not result.is_last:
        return TransferResult(verdict=Verdict.IN_FLIGHT, **shared)
    if result.first("TransactionStatus") is not None:
        status = read_status(result, ())
        if status.originator_id and own and status.originator_id not in own:
            return TransferResult(verdict=Verdict.NO_ANSWER, **shared)
        if status.verdict != Verdict.NO_ANSWER:
            shared |= {"detail": status.status}
        return _moved(status.verdict, status.receipt_number, status.amount, shared)
    if result.code == "0":
        if is_own or result.first(*_TRANSFER_KEYS) is not None:
            receipt_number = receipt(result.first("TransactionReceipt")) or result.transaction_id
            moved = amount(result.first("TransactionAmount", "Amount"))
            return _moved(Verdict.SUCCEEDED, receipt_number, moved, shared)
    elif is_own and result.code in FAILURES:
        return TransferResult(verdict=Verdict.FAILED, **shared)
    # Also 15, a duplicate: the first one was received, and only a question tells what became of it.
    return TransferResult(verdict=Verdict.NO_ANSWER, **shared)


def _moved(verdict: Verdict, receipt_number: str, moved: Decimal | None, shared: dict[str, Any]) -> TransferResult:
    if verdict != Verdict.SUCCEEDED:
        return TransferResult(verdict=verdict, **shared)
    currency = CURRENCY if moved is not None else ""
    return TransferResult(verdict=verdict, receipt_number=receipt_number, amount=moved, currency=currency, **shared)


# --- the balance of our accounts ------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccountBalance:
    name: str  # ``Working Account``, ``Utility Account``, …
    currency: str
    current: Decimal
    available: Decimal | None


def read_balances(result: Result) -> tuple[AccountBalance, ...]:
    """Return our accounts, none when the question failed.

    The printed legend of the numbers is lost; the first is taken to be the current balance, the second the available.
    """
    accounts = []
    for line in text(result.first("AccountBalance"), 5000).split("&"):
        name, currency, *numbers = [part.strip() for part in line.split("|")] if line.count("|") >= 2 else ["", ""]
        amounts = [decimal(number) for number in numbers]
        if name and amounts and amounts[0] is not None:
            available = amounts[1] if len(amounts) > 1 else None
            accounts.append(AccountBalance(name, currency, amounts[0], available))
    return tuple(accounts)
