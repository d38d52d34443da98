"""Daraja at the other end of a patched network: scripted answers, and a record of what was asked."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from urllib3 import HTTPResponse

PUSH, QUERY, TOKEN = "/mpesa/stkpush/v1/processrequest", "/mpesa/stkpushquery/v1/query", "/oauth/v1/generate"
CHECKOUT_ID = "ws_CO_211120261045130712345678"
MERCHANT_ID = "29115-34620561-1"

Scripted = tuple[int, Any] | Exception


def accepted(checkout_id: str = CHECKOUT_ID) -> Scripted:
    return 200, {
        "MerchantRequestID": MERCHANT_ID,
        "CheckoutRequestID": checkout_id,
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }


def gateway_error(status: int, code: str, message: str) -> Scripted:
    return status, {"requestId": "1c5b-4ba8", "errorCode": code, "errorMessage": message}


def queried(code: str, description: str = "", checkout_id: str = CHECKOUT_ID) -> Scripted:
    return 200, {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successsfully",
        "MerchantRequestID": MERCHANT_ID,
        "CheckoutRequestID": checkout_id,
        "ResultCode": code,
        "ResultDesc": description,
    }


PAID = queried("0", "The service request is processed successfully.")
IN_FLIGHT = gateway_error(500, "500.001.1001", "The transaction is being processed")


class Daraja:
    """Answers by path; each script is one answer, or a list of answers of which the last is repeated."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[Scripted]] = {
            TOKEN: [(200, {"access_token": "x7Qm2LwZ0b9TtVnE4rYcK1sDfHgA", "expires_in": "3599"})],
            PUSH: [accepted()],
            QUERY: [IN_FLIGHT],
        }
        self.calls: list[tuple[str, dict[str, Any], dict[str, str]]] = []

    def script(self, path: str, *answers: Scripted) -> None:
        self.scripts[path] = list(answers)

    def called(self, path: str) -> list[dict[str, Any]]:
        return [body for called, body, _ in self.calls if called == path]

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        path = url.removeprefix("https://daraja.test")
        self.calls.append((path, kwargs.get("json") or {}, kwargs["headers"]))
        assert kwargs["timeout"]
        assert kwargs["allow_redirects"] is False
        answers = self.scripts[path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return _response(*answer)


@contextmanager
def _response(status: int, body: Any) -> Iterator[requests.Response]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = requests.Response()
    response.status_code = status
    response.raw = HTTPResponse(io.BytesIO(raw), preload_content=False)
    yield response


def stk_callback(
    *,
    code: Any = 0,
    amount: Any = 1500,
    receipt: Any = "UKL4AB12CD",
    checkout_id: str = CHECKOUT_ID,
    description: str = "The service request is processed successfully.",
    items: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return a callback as Safaricom sends it; metadata only on success."""
    callback: dict[str, Any] = {
        "MerchantRequestID": MERCHANT_ID,
        "CheckoutRequestID": checkout_id,
        "ResultCode": code,
        "ResultDesc": description,
    }
    if code == 0:
        callback["CallbackMetadata"] = {
            "Item": items
            if items is not None
            else [
                {"Name": "Amount", "Value": amount},
                {"Name": "MpesaReceiptNumber", "Value": receipt},
                {"Name": "Balance"},
                {"Name": "TransactionDate", "Value": 20261121104531},
                {"Name": "PhoneNumber", "Value": 254712345678},
            ]
        }
    return {"Body": {"stkCallback": callback}}
