"""The endpoints that answer twice: an acknowledgement at once, the result to ResultURL."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.daraja.initiator_requests import (
    OperationRequest,
    read_b2b,
    read_b2c,
    read_b2c_v1,
    read_balance,
    read_pochi,
    read_reversal,
    read_status,
    status_bad_field,
)
from simulator.daraja.ledger import Ledger
from simulator.daraja.models import Operation
from simulator.daraja.oauth import Tokens
from simulator.daraja.operations import Operations
from simulator.daraja.wire import Refusal, bad_field, invalid_access_token, read_object, strike_answer
from simulator.faults import Fault, FaultBox

_NO_EFFECT = ("500", "500_before", "spike_arrest", "system_busy", "html_403")


@dataclass(frozen=True)
class Service:
    """One product: how its requests are read, in which stage its faults are drawn, how it refuses a token."""

    path: str
    stage: str
    read: Callable[[dict[str, Any]], OperationRequest]
    token_refused: Callable[[], Refusal]
    not_json: Callable[[], Refusal]


def _b2c_token_refused() -> Refusal:
    return Refusal(401, "401.002.01", "Invalid Access Token")


def _status_token_refused() -> Refusal:
    return Refusal(400, "400.003.01", "Invalid Access Token")


def _initiator_missing() -> Refusal:
    return bad_field("InitiatorName")


def _status_initiator_missing() -> Refusal:
    return status_bad_field("Initiator")


SERVICES = (
    Service("/mpesa/b2c/v3/paymentrequest", "b2c", read_b2c, _b2c_token_refused, _initiator_missing),
    Service("/mpesa/b2c/v1/paymentrequest", "b2c", read_b2c_v1, _b2c_token_refused, _initiator_missing),
    Service("/mpesa/b2pochi/v1/paymentrequest", "b2c", read_pochi, _b2c_token_refused, _initiator_missing),
    Service("/mpesa/b2b/v1/paymentrequest", "b2c", read_b2b, _b2c_token_refused, _initiator_missing),
    Service("/mpesa/reversal/v1/request", "reversal", read_reversal, invalid_access_token, _initiator_missing),
    Service(
        "/mpesa/transactionstatus/v1/query", "status", read_status, _status_token_refused, _status_initiator_missing
    ),
    Service("/mpesa/accountbalance/v1/query", "balance", read_balance, _b2c_token_refused, _initiator_missing),
)


class InitiatorEndpoint:
    def __init__(
        self, service: Service, tokens: Tokens, operations: Operations, ledger: Ledger, faults: FaultBox
    ) -> None:
        self._service = service
        self._tokens = tokens
        self._operations = operations
        self._ledger = ledger
        self._faults = faults

    async def request(self, request: Request) -> Response:
        service = self._service
        self._tokens.check(request, service.token_refused)
        wanted = service.read(await read_object(request, service.not_json()))
        self._refuse_duplicate(wanted)
        faults = self._draw(wanted)
        struck = {fault.name.removeprefix(f"{service.stage}_"): fault for fault in faults}
        if "token_expired" in struck:
            self._tokens.expire_all()
            raise service.token_refused()
        harmless = tuple(fault for name, fault in struck.items() if name in _NO_EFFECT)
        if refusal := strike_answer(service.stage, harmless):
            return refusal
        if hang := struck.get("hang_before") or struck.get("hang"):
            await asyncio.sleep(hang.parameters["seconds"])
            self._refuse_duplicate(wanted)  # another came while this one hung
        return await self._answer(self._operations.start(wanted, faults), faults, struck)

    def _refuse_duplicate(self, wanted: OperationRequest) -> None:
        given = wanted.originator_conversation_id
        if given and self._operations.is_known(given):
            raise _duplicate()

    def _draw(self, wanted: OperationRequest) -> tuple[Fault, ...]:
        """Return what strikes: by the phone that is paid or was reversed, by the id or the receipt that is named."""
        msisdn = wanted.other_party
        if movement := self._ledger.find(wanted.receipt):
            msisdn = movement.other_party
        reference = wanted.originator_conversation_id or wanted.receipt or wanted.asked_conversation
        return self._faults.draw(self._service.stage, msisdn or None, reference or None)

    async def _answer(self, operation: Operation, faults: tuple[Fault, ...], struck: dict[str, Fault]) -> Response:
        conversation_id = operation.conversation_id
        instead = strike_answer(self._service.stage, faults)
        hang = struck.get("hang_after")
        released = bool(instead or hang or "duplicate" in struck)
        if released:
            self._operations.release(conversation_id)
        if hang:
            await asyncio.sleep(hang.parameters["seconds"])
        if instead:
            return instead
        if "duplicate" in struck:
            raise _duplicate()
        return JSONResponse(
            {
                "OriginatorConversationID": operation.originator_conversation_id,
                "ConversationID": conversation_id,
                "ResponseCode": "0",
                "ResponseDescription": "Accept the service request successfully.",
            },
            # Without a fault the merchant has his answer before the result.
            background=None if released else BackgroundTask(self._release, conversation_id),
        )

    async def _release(self, conversation_id: str) -> None:
        self._operations.release(conversation_id)


def _duplicate() -> Refusal:
    return Refusal(500, "500.002.1001", "Duplicate OriginatorConversationID.")
