"""The carrier put together: what it takes is kept, and lands in the inbox of the simulated phone."""

import secrets
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.africastalking.fault_kinds import SMS
from simulator.africastalking.wire import NUMBER, STATUSES, WORDING, Refused, Sms, read_sms, refusal, summary
from simulator.clock import iso_utc
from simulator.documents import Document, Documents
from simulator.faults import FaultBox
from simulator.settings import AfricasTalkingSettings
from simulator.store import Store
from simulator.transport import Struck, with_slashes

SENT, INVALID_NUMBER = 101, 403


class AfricasTalking:
    """It moves no money, so its books are empty; what it has sent is listed at ``/africastalking/messages``.

    ``show(number, message_id, text)`` puts a message on the screen of a phone; numbers have no plus there.
    """

    name = "africastalking"

    def __init__(
        self,
        settings: AfricasTalkingSettings,
        store: Store,
        faults: FaultBox,
        show: Callable[[str, str, str], None],
    ) -> None:
        self._settings = settings
        self._documents = Documents(store, self.name)
        self._faults = faults
        self._show = show

    def routes(self) -> list[Route]:
        return [
            *with_slashes([Route("/version1/messaging", self.send, methods=["POST"])]),
            Route("/messages", self.messages, methods=["GET"]),
        ]

    async def send(self, request: Request) -> Response:
        try:
            sms = await read_sms(request)
            self._check_account(request, sms)
        except Refused as refused:
            return refusal(refused)
        number = sms.numbers[0].removeprefix("+")
        struck = Struck(SMS, self._faults.draw(SMS, msisdn=number), WORDING)
        if instead := await struck.instead():
            return instead
        if fault := struck.get("africastalking_sms_no_recipient"):
            return summary(str(fault.parameters["word"]), [])
        fault = struck.get("africastalking_sms_status")
        code = int(fault.parameters["code"]) if fault else SENT
        recipients = [self._deliver(sms, each.strip(), code) for each in sms.numbers]
        if struck.get("africastalking_sms_other_number"):
            recipients[0]["number"] = "+254700000000"
        sent = [recipient for recipient in recipients if recipient["statusCode"] == SENT]
        text = f"Sent to {len(sent)}/{len(recipients)} Total Cost: KES {0.8 * len(sent):.4f}"
        return await struck.answer(summary(text, recipients))

    async def messages(self, request: Request) -> Response:
        """Answer with what was sent, oldest first; ``?to=+2547…`` for one number."""
        # A plus sign that was not escaped in a query arrives as a blank.
        number = request.query_params.get("to", "").strip().removeprefix("+")
        kept = self._documents.owned("sms", f"+{number}") if number else self._documents.all("sms")
        return JSONResponse({"messages": list(kept)})

    def _check_account(self, request: Request, sms: Sms) -> None:
        if request.headers.get("apiKey") != self._settings.api_key or sms.username != self._settings.username:
            raise Refused(401, "The supplied authentication is invalid")

    def _deliver(self, sms: Sms, number: str, code: int) -> dict[str, Any]:
        if not NUMBER.fullmatch(number):
            code = INVALID_NUMBER
        if code != SENT:
            word = STATUSES.get(code, "Failed")
            return {"statusCode": code, "number": number, "status": word, "cost": "0", "messageId": "None"}
        document: Document = {
            "id": f"ATXid_{secrets.token_hex(16)}",
            "to": number,
            "from": sms.sender,
            "text": sms.text,
            "sent_at": iso_utc(time.time()),
        }
        self._documents.save("sms", document, owner=number)
        self._show(number.removeprefix("+"), document["id"], sms.text)
        return {
            "statusCode": code,
            "number": number,
            "status": STATUSES[code],
            "cost": "KES 0.8000",
            "messageId": document["id"],
        }

    # --- what every provider has

    def wire_error(self, status: int, path: str) -> Response | None:
        return None

    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        return []

    def resume(self) -> None:
        """Nothing of it happens by itself."""

    def stop(self) -> None:
        """Nothing of it happens by itself."""

    def clear(self) -> None:
        self._documents.clear()
