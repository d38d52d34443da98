"""``POST /mpesa/stkpush/v1/processrequest``."""

import asyncio

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.daraja.models import Payment
from simulator.daraja.oauth import Tokens
from simulator.daraja.payments import Payments, SubscriberLocked
from simulator.daraja.validation import read_push
from simulator.daraja.wire import invalid_access_token, read_object, strike_answer, subscriber_locked
from simulator.deliveries import Deliveries
from simulator.faults import Fault, FaultBox
from simulator.settings import DarajaSettings

_NO_EFFECT = (
    "push_500_before",
    "push_spike_arrest",
    "push_system_busy",
    "push_html_403",
    "push_locked",
)


class StkPushEndpoint:
    def __init__(
        self,
        settings: DarajaSettings,
        tokens: Tokens,
        payments: Payments,
        deliveries: Deliveries,
        faults: FaultBox,
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._payments = payments
        self._deliveries = deliveries
        self._faults = faults

    async def process_request(self, request: Request) -> Response:
        self._tokens.check(request)
        push = read_push(await read_object(request), self._settings)
        if self._payments.is_locked(push.msisdn):
            raise subscriber_locked()
        # Only a push that would be accepted uses up a queued scenario.
        faults = self._faults.draw("push", push.msisdn)
        struck = {fault.name: fault for fault in faults}
        if refusal := self._refuse(faults, struck):
            return refusal
        if hang := struck.get("push_hang_before"):
            await asyncio.sleep(hang.parameters["seconds"])
        try:
            payment = self._payments.start(push, faults)
        except SubscriberLocked as error:  # another push came while this one hung
            raise subscriber_locked() from error
        return await self._answer(payment, faults, struck)

    def _refuse(self, faults: tuple[Fault, ...], struck: dict[str, Fault]) -> Response | None:
        """Return the answer of a fault that stops the push before it has any effect."""
        if "push_token_expired" in struck:
            self._tokens.expire_all()
            raise invalid_access_token()
        if "push_refused_200" in struck:
            return JSONResponse(
                {
                    "MerchantRequestID": "",
                    "CheckoutRequestID": "",
                    "ResponseCode": "1",
                    "ResponseDescription": "The service request failed",
                    "CustomerMessage": "The service request failed",
                }
            )
        return strike_answer("push", tuple(fault for fault in faults if fault.name in _NO_EFFECT))

    async def _answer(self, payment: Payment, faults: tuple[Fault, ...], struck: dict[str, Fault]) -> Response:
        payment_id = payment.checkout_request_id
        early, hang = struck.get("callback_early"), struck.get("push_hang_after")
        instead = strike_answer("push", faults)
        released = early or hang or instead
        if released:
            self._payments.release(payment_id)
        if early:
            await self._deliveries.wait_for_first(payment_id, early.parameters["seconds"])
        if hang:
            await asyncio.sleep(hang.parameters["seconds"])
        if instead:
            return instead
        return JSONResponse(
            {
                "MerchantRequestID": payment.merchant_request_id,
                "CheckoutRequestID": payment_id,
                "ResponseCode": "0",
                "ResponseDescription": "Success. Request accepted for processing",
                "CustomerMessage": "Success. Request accepted for processing",
            },
            # Without a fault the merchant has its answer before anything else happens to the payment.
            background=None if released else BackgroundTask(self._release, payment_id),
        )

    async def _release(self, payment_id: str) -> None:
        self._payments.release(payment_id)
