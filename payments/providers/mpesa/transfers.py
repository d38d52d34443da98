"""Money that leaves, and questions about it: B2C, reversals, transaction status, account balance.

Each is answered twice: at once by an acknowledgement, later by a result at the address it named.
Source: Daraja documentation, B2C v3, Reversals, Transaction Status, Account Balance.
"""

import logging
from collections.abc import Mapping
from typing import Any

from payments.exceptions import ProviderUnavailable, ProviderUnreachable
from payments.providers.base import PayoutRequest, RefundRequest, TransferResult, Verdict
from payments.providers.mpesa.client import DarajaAnswer
from payments.providers.mpesa.initiator import Initiator
from payments.providers.mpesa.reading import clean, wire_msisdn
from payments.providers.values import text

logger = logging.getLogger(__name__)

# The first version of B2C takes no OriginatorConversationID of ours, so nothing would protect from paying twice.
B2C_PATH = "/mpesa/b2c/v3/paymentrequest"
REVERSAL_PATH = "/mpesa/reversal/v1/request"
STATUS_PATH = "/mpesa/transactionstatus/v1/query"
BALANCE_PATH = "/mpesa/accountbalance/v1/query"

# The ways a transfer takes, kept with it.
REVERSAL, B2C, BY_HAND = "reversal", "b2c", "by_hand"

B2C_LEAST, B2C_MOST = 10, 250_000  # shillings

_DUPLICATE = "500.002.1001"


def addresses(result_url: str) -> dict[str, str]:
    """Return where a result goes, and where it is told that a request timed out in M-Pesa's queue.

    Two addresses: a time-out has no documented body, and must never be taken for a result.
    """
    return {"ResultURL": result_url, "QueueTimeOutURL": f"{result_url.rstrip('/')}/timeout/"}


def payment_body(
    request: RefundRequest | PayoutRequest, initiator: Initiator, shortcode: str, *, remarks: str, occasion: str
) -> dict[str, Any]:
    """Return a B2C payment of ``request``, with our reference as the key that lets it happen once."""
    return {
        "OriginatorConversationID": request.reference,
        "InitiatorName": initiator.name,
        "SecurityCredential": initiator.credential,
        "CommandID": "BusinessPayment",
        "Amount": int(request.amount),
        "PartyA": shortcode,
        "PartyB": wire_msisdn(request.phone_number),
        "Remarks": clean(remarks, 100),
        **addresses(request.result_url),
        "Occassion": clean(occasion, 100),  # spelled so
    }


def reversal_body(request: RefundRequest, initiator: Initiator, shortcode: str) -> dict[str, Any]:
    return {
        "Initiator": initiator.name,
        "SecurityCredential": initiator.credential,
        "CommandID": "TransactionReversal",
        "TransactionID": request.receipt_number,
        "Amount": int(request.amount),
        "ReceiverParty": shortcode,  # also for a till: the initiator acts for its head office
        "RecieverIdentifierType": "11",  # spelled so
        **addresses(request.result_url),
        "Remarks": clean(f"Refund {request.order_number}", 100),
    }


def status_body(initiator: Initiator, shortcode: str, result_url: str, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return a question about the transaction that ``asked`` names, by receipt or by conversation."""
    return {
        "Initiator": initiator.name,
        "SecurityCredential": initiator.credential,
        "CommandID": "TransactionStatusQuery",
        **asked,
        "PartyA": shortcode,
        "IdentifierType": "4",
        **addresses(result_url),
        "Remarks": "Status",
        "Occasion": "Status",
    }


def balance_body(initiator: Initiator, shortcode: str, result_url: str) -> dict[str, Any]:
    return {
        "Initiator": initiator.name,
        "SecurityCredential": initiator.credential,
        "CommandID": "AccountBalance",
        "PartyA": shortcode,
        "IdentifierType": "4",
        "Remarks": "Balance",
        **addresses(result_url),
    }


def unpayable_reason(request: RefundRequest | PayoutRequest, route: str) -> str:
    """Return why M-Pesa cannot carry this, empty when it can."""
    if request.currency != "KES" or request.amount != request.amount.to_integral_value():
        return "M-PESA moves whole shillings only"
    if route == B2C:
        if not wire_msisdn(request.phone_number):
            return "no Kenyan mobile number to pay to is known"
        if not B2C_LEAST <= request.amount <= B2C_MOST:
            return f"M-PESA pays out KES {B2C_LEAST} to {B2C_MOST:,} at once"
    return ""


def read_acknowledgement(answer: DarajaAnswer, *, reference: str, route: str) -> TransferResult:
    """Tell accepted, certainly refused and unknown apart. ``reference`` is ours where it is the conversation's id.

    Raises:
        ProviderUnreachable: refused before any processing, and may be sent again.
        ProviderUnavailable: nobody knows whether M-Pesa has it.
    """
    if answer.accepted:
        originator_id = reference or text(answer.body.get("OriginatorConversationID"), 100)
        return TransferResult(verdict=Verdict.IN_FLIGHT, provider_reference=originator_id, route=route)
    if answer.rate_limited:
        raise ProviderUnreachable("rate limited")
    if answer.error_code == _DUPLICATE and "duplicate" in answer.error_message.lower():
        # Never a failure, never a reason for a new id: the first one was received.
        return TransferResult(
            verdict=Verdict.IN_FLIGHT,
            provider_reference=reference,
            code=_DUPLICATE,
            detail="M-PESA has received this before",
            route=route,
        )
    if refusal := refusal_of(answer):
        logger.error("mpesa_transfer_refused", extra={"route": route, "error_code": answer.error_code})
        return TransferResult(verdict=Verdict.FAILED, code=answer.error_code, detail=refusal, route=route)
    raise ProviderUnavailable(f"{route} answered {answer.status} {answer.error_code}".strip())


def refusal_of(answer: DarajaAnswer) -> str:
    """Return why a request was certainly refused, empty when that is not certain."""
    if answer.response_code and not answer.accepted:
        return f"{answer.response_code} {text(answer.body.get('ResponseDescription'))}".strip()[:300]
    if answer.product_missing or (400 <= answer.status < 500 and answer.error_code):
        return answer.detail
    return ""
