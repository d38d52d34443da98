"""Daraja's wire, for the tests of the M-Pesa provider."""

import json
from decimal import Decimal
from typing import Any

import pytest

from ecommerce import outgoing
from payments.providers.base import AttemptFacts, InitiateRequest, PayoutRequest, RefundRequest
from payments.providers.mpesa import MpesaProvider
from payments.testing.network import Network, Reply

TOKEN = "GET /oauth/v1/generate"
PUSH = "POST /mpesa/stkpush/v1/processrequest"
QUERY = "POST /mpesa/stkpushquery/v1/query"
B2C = "POST /mpesa/b2c/v3/paymentrequest"
REVERSAL = "POST /mpesa/reversal/v1/request"
STATUS = "POST /mpesa/transactionstatus/v1/query"
BALANCE = "POST /mpesa/accountbalance/v1/query"
REGISTER = "POST /mpesa/c2b/v2/registerurl"
PULL = "POST /pulltransactions/v1/query"
PULL_REGISTER = "POST /pulltransactions/v1/register"

CHECKOUT_ID = "ws_CO_211120261045130712345678"
MERCHANT_ID = "29115-34620561-1"
CONVERSATION_ID = "AG_20261121_2010364430d9bbdaf872"
ORIGINATOR_ID = "53e3-4aa8-9fe0-8fb5e4092cdd3405976"
RESULT_URL = "https://shop.test/api/payments/result/Wz8Qk1/"
RECEIPT = "UKL4AB12CD"

SETTINGS = {
    "BASE_URL": "https://daraja.test",
    "CONSUMER_KEY": "key",
    "CONSUMER_SECRET": "secret",
    "SHORTCODE": "600992",
    "TILL_NUMBER": "",
    "PASSKEY": "passkey",
    "TRANSACTION_TYPE": "CustomerPayBillOnline",
    "INITIATOR_NAME": "shopapi",
    "SECURITY_CREDENTIAL": "Q3JlZGVudGlhbA==",
    "B2C_SHORTCODE": "",
    "C2B_SECRET": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "CALLBACK_ADDRESSES": ["196.201.214.200"],
    "MAX_AMOUNT": 250_000,
}


def scripted_network(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Network:
    """Return a network in which Daraja gives tokens; everything else is scripted by the test. A fixture."""
    settings.MPESA = dict(SETTINGS)
    network = Network()
    network.install(monkeypatch)
    outgoing.reset_breakers()
    network.script({TOKEN: token()})
    return network


def mpesa(network: Network) -> MpesaProvider:
    """Return the provider on that network. A fixture."""
    return MpesaProvider()


def token(text: str = "x7Qm2LwZ0b9TtVnE4rYcK1sDfHgA", expires_in: Any = "3599") -> Reply:
    return Reply(200, {"access_token": text, "expires_in": expires_in})


def gateway_error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"requestId": "1c5b-4ba8", "errorCode": code, "errorMessage": message})


NO_PRODUCT = Reply(
    401,
    {
        "fault": {
            "faultstring": "Invalid API call as no apiproduct match found",
            "detail": {"errorcode": "keymanagement.service.InvalidAPICallAsNoApiProductMatchFound"},
        }
    },
)
SPIKE = Reply(
    429,
    {
        "fault": {
            "faultstring": "Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5}",
            "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
        }
    },
)


def pushed(checkout_id: Any = CHECKOUT_ID) -> Reply:
    return Reply(
        200,
        {
            "MerchantRequestID": MERCHANT_ID,
            "CheckoutRequestID": checkout_id,
            "ResponseCode": "0",
            "ResponseDescription": "Success. Request accepted for processing",
            "CustomerMessage": "Success. Request accepted for processing",
        },
    )


def queried(code: Any, description: str = "", checkout_id: str = CHECKOUT_ID) -> Reply:
    return Reply(
        200,
        {
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successsfully",
            "MerchantRequestID": MERCHANT_ID,
            "CheckoutRequestID": checkout_id,
            "ResultCode": code,
            "ResultDesc": description,
        },
    )


def acknowledged(originator_id: str = ORIGINATOR_ID) -> Reply:
    return Reply(
        200,
        {
            "OriginatorConversationID": originator_id,
            "ConversationID": CONVERSATION_ID,
            "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        },
    )


def result(
    code: Any = 0,
    parameters: Any = None,
    *,
    originator_id: str = ORIGINATOR_ID,
    conversation_id: str = CONVERSATION_ID,
    transaction_id: str = "UKL6XY34ZW",
    description: str = "The service request is processed successfully.",
    result_type: Any = 0,
) -> bytes:
    """Return what M-Pesa posts to a ``ResultURL``; without parameters it is a failure's form."""
    body: dict[str, Any] = {
        "ResultType": result_type,
        "ResultCode": code,
        "ResultDesc": description,
        "OriginatorConversationID": originator_id,
        "ConversationID": conversation_id,
        "TransactionID": transaction_id,
        "ReferenceData": {"ReferenceItem": {"Key": "QueueTimeoutURL", "Value": "https://internal.example/timeout"}},
    }
    if parameters is not None:
        body["ResultParameters"] = {"ResultParameter": parameters}
    return json.dumps({"Result": body}).encode()


def pairs(*parameters: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"Key": key, "Value": value} for key, value in parameters]


def status_parameters(status: str = "Completed", **changes: Any) -> list[dict[str, Any]]:
    """Return the parameters of a transaction's status, as in the official sample: one key comes twice."""
    values: dict[str, Any] = {
        "DebitPartyName": "254712345678 - JANE DOE",
        "CreditPartyName": "600992 - BYTEMTAANI",
        "OriginatorConversationID": ORIGINATOR_ID,
        "InitiatedTime": 20261121104529,
        "FinalisedTime": 20261121104531,
        "DebitAccountType": "Utility Account",
        "TransactionReason": "",
        "ReasonType": "Pay Utility",
        "TransactionStatus": status,
        "Amount": 1500,
        "ReceiptNo": RECEIPT,
        **changes,
    }
    return [*pairs(*values.items()), {"Key": "DebitPartyCharges"}, {"Key": "DebitPartyName", "Value": "second"}]


def initiate_request(**changes: Any) -> InitiateRequest:
    return InitiateRequest(
        **{
            "reference": "attempt-0197a1b2c3d4e5f6",
            "order_number": "1000017",
            "amount": Decimal("1500.00"),
            "currency": "KES",
            "method": "mpesa",
            "phone_number": "+254712345678",
            "email": "",
            "callback_url": "https://shop.test/api/payments/mpesa/callback/Kq81/",
            "return_url": "",
            **changes,
        }
    )


def facts(age_seconds: float = 100.0, provider_reference: str = CHECKOUT_ID) -> AttemptFacts:
    return AttemptFacts("attempt-0197a1b2c3d4e5f6", provider_reference, Decimal("1500.00"), "KES", "mpesa", age_seconds)


def refund_request(**changes: Any) -> RefundRequest:
    return RefundRequest(
        **{
            "reference": "refund-0197a1b2c3d4e5f6",
            "amount": Decimal("1500.00"),
            "currency": "KES",
            "is_whole": True,
            "reason": "requested",
            "order_number": "1000017",
            "receipt_number": RECEIPT,
            "payment_reference": "attempt-0197a1b2c3d4e5f6",
            "payment_provider_reference": CHECKOUT_ID,
            "phone_number": "+254712345678",
            "result_url": RESULT_URL,
            **changes,
        }
    )


def payout_request(**changes: Any) -> PayoutRequest:
    return PayoutRequest(
        **{
            "reference": "payout-0197a1b2c3d4e5f6",
            "amount": Decimal("1000.00"),
            "currency": "KES",
            "recipient_name": "Baraka Shop",
            "phone_number": "+254712345678",
            "reason": "November sales",
            "result_url": RESULT_URL,
            **changes,
        }
    )
