"""Paybill and till payments that the customer starts: registering our addresses, reading what comes, answering it.

Source: Daraja documentation, Customer to Business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from payments.exceptions import ProviderUnavailable, UnreadableEvent
from payments.providers.mpesa.client import DarajaAnswer
from payments.providers.mpesa.reading import CURRENCY, json_object, nairobi_time, receipt, wire_msisdn
from payments.providers.values import decimal, text

# The second version masks the payer's number, the first one gives only a hash of it.
REGISTER_PATH = "/mpesa/c2b/v2/registerurl"

# Words that an address given to Safaricom may not hold.
_FORBIDDEN_WORDS = ("m-pesa", "mpesa", "safaricom", "exe", "cmd", "sql", "query")

# Answers to the two calls. A confirmation cannot be refused.
ACCEPTED: Mapping[str, Any] = {"ResultCode": "0", "ResultDesc": "Accepted"}
CONFIRMED: Mapping[str, Any] = {"ResultCode": 0, "ResultDesc": "Success"}


class C2BRejection(StrEnum):
    """Why a payment is refused when Safaricom asks before it takes the money."""

    MSISDN = "C2B00011"
    ACCOUNT_NUMBER = "C2B00012"
    AMOUNT = "C2B00013"
    KYC = "C2B00014"
    SHORTCODE = "C2B00015"
    OTHER = "C2B00016"


def rejected(reason: C2BRejection) -> dict[str, Any]:
    return {"ResultCode": reason.value, "ResultDesc": "Rejected"}


@dataclass(frozen=True)
class C2BPayment:
    """A payment to our paybill or till, in a validation or a confirmation."""

    receipt_number: str  # equals MpesaReceiptNumber where an STK push is confirmed this way too
    amount: Decimal
    currency: str
    at: datetime | None
    account_reference: str  # what the customer typed, or our AccountReference; a till's says nothing
    msisdn: str  # as given: plain, masked or a hash
    payer_name: str
    shortcode: str
    transaction_type: str  # ``Pay Bill``, ``Buy Goods``

    @property
    def phone_number(self) -> str:
        """The payer's number in E.164, empty where it is masked or hashed."""
        digits = wire_msisdn(self.msisdn)
        return f"+{digits}" if digits else ""


def parse_c2b(body: bytes) -> C2BPayment:
    """Read a validation or a confirmation.

    Raises:
        UnreadableEvent: it has no known shape, no receipt or no amount.
    """
    told = json_object(body)
    receipt_number, amount = receipt(told.get("TransID")), decimal(told.get("TransAmount"))
    if not receipt_number or amount is None or amount <= 0:
        raise UnreadableEvent("not a C2B payment")
    names = (text(told.get(name), 60).strip() for name in ("FirstName", "MiddleName", "LastName"))
    return C2BPayment(
        receipt_number=receipt_number,
        amount=amount,
        currency=CURRENCY,
        at=nairobi_time(told.get("TransTime")),
        account_reference=text(told.get("BillRefNumber"), 100).strip(),
        msisdn=text(told.get("MSISDN"), 100).strip(),
        payer_name=" ".join(name for name in names if name),
        shortcode=text(told.get("BusinessShortCode"), 20).strip(),
        transaction_type=text(told.get("TransactionType"), 40).strip(),
    )


@dataclass(frozen=True)
class Registration:
    """What Safaricom says about addresses that were to be registered."""

    registered: bool
    already: bool = False  # others are registered; in production they are first deleted in the portal
    detail: str = ""


def registration(shortcode: str, confirmation_url: str, validation_url: str) -> dict[str, Any]:
    return {
        "ShortCode": shortcode,
        # What M-Pesa does when our validation does not answer in time: the customer's money is welcome.
        "ResponseType": "Completed",
        "ConfirmationURL": confirmation_url,
        "ValidationURL": validation_url,
    }


def read_registration(answer: DarajaAnswer) -> Registration:
    """Raises: ProviderUnavailable: nobody knows whether the addresses are registered."""
    if answer.response_code:
        return Registration(registered=answer.accepted, detail=text(answer.body.get("ResponseDescription")))
    message = answer.error_message.lower()
    if "already registered" in message or "duplicate notification" in message:
        return Registration(registered=False, already=True, detail=answer.detail)
    if answer.rate_limited or answer.status >= 500 or not (answer.error_code or answer.product_missing):
        raise ProviderUnavailable(f"registration answered {answer.status} {answer.error_code}".strip())
    return Registration(registered=False, detail=answer.detail)


def forbidden_words(url: str) -> list[str]:
    """Return the words in an address for which Safaricom refuses it."""
    return [word for word in _FORBIDDEN_WORDS if word in url.lower()]
