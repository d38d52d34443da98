"""``POST /mpesa/stkpushquery/v1/query``."""

import asyncio
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.daraja import results
from simulator.daraja.models import Payment
from simulator.daraja.oauth import Tokens
from simulator.daraja.payments import Payments, PromptUnknown
from simulator.daraja.validation import read_query
from simulator.daraja.wire import Refusal, invalid_access_token, read_object, refusal_response, strike_answer
from simulator.faults import Fault, FaultBox
from simulator.settings import DarajaSettings

STILL_PROCESSING = "The transaction is still under processing"


class StkQueryEndpoint:
    def __init__(self, settings: DarajaSettings, tokens: Tokens, payments: Payments, faults: FaultBox) -> None:
        self._settings = settings
        self._tokens = tokens
        self._payments = payments
        self._faults = faults

    async def query(self, request: Request) -> Response:
        self._tokens.check(request)
        checkout_request_id = read_query(await read_object(request), self._settings)
        try:
            payment = self._payments.get(checkout_request_id)
        except PromptUnknown as error:
            raise _does_not_exist() from error
        faults = self._draw(payment)
        for fault in faults:
            if fault.name == "query_hang":
                await asyncio.sleep(fault.parameters["seconds"])
                payment = self._payments.get(checkout_request_id)
        for fault in faults:
            if answer := self._strike(payment, fault):
                return answer
        return strike_answer("query", faults) or _true_answer(payment)

    def _draw(self, payment: Payment) -> tuple[Fault, ...]:
        """Return the fault that came with this payment for this query, else what strikes any query."""
        earlier = self._payments.count_query(payment)
        attached = [fault for fault in payment.faults if fault.name.startswith("query_")]
        if earlier < len(attached):
            return (attached[earlier],)
        return self._faults.draw("query", payment.msisdn)

    def _strike(self, payment: Payment, fault: Fault) -> Response | None:
        match fault.name:
            case "query_token_expired":
                self._tokens.expire_all()
                raise invalid_access_token()
            case "query_in_flight":
                raise _in_flight()
            case "query_unknown":
                raise _does_not_exist()
            case "query_empty_message":
                return refusal_response(Refusal(200, "500.001.1001", ""))
            case "query_empty_500":
                return refusal_response(Refusal(500, "500.001.1001", ""))
            case "query_4999":
                return _result(payment, "4999", STILL_PROCESSING)
            case "query_1037_in_flight":
                return _result(payment, results.NO_ANSWER, STILL_PROCESSING)
            case "query_2029" if time.time() - payment.created_at < fault.parameters["seconds"]:
                return _result(payment, "2029", results.describe_result_in_query("2029"))
            case "query_contradicting" if payment.status == "successful":
                code: str = fault.parameters["code"]
                return _result(payment, code, results.describe_result_in_query(code))
        return None


def _true_answer(payment: Payment) -> Response:
    if payment.result_code is None:
        raise _in_flight()
    return _result(payment, payment.result_code, results.describe_result_in_query(payment.result_code))


def _result(payment: Payment, code: str, description: str) -> Response:
    return JSONResponse(
        {
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successsfully",  # three s, as it is
            "MerchantRequestID": payment.merchant_request_id,
            "CheckoutRequestID": payment.checkout_request_id,
            "ResultCode": code,
            "ResultDesc": description,
        }
    )


def _in_flight() -> Refusal:
    return Refusal(500, "500.001.1001", "The transaction is being processed")


def _does_not_exist() -> Refusal:
    return Refusal(500, "500.001.1001", "The transaction does not Exist")
