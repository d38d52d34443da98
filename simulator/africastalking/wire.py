"""What Africa's Talking wants of a message, and how it words its answers."""

import re
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from simulator.forms import BadForm, parse_form
from simulator.transport import Wording

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
STATUSES = {
    100: "Processed",
    101: "Success",
    102: "Queued",
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}


class Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Sms:
    username: str
    numbers: list[str]
    text: str
    sender: str


async def read_sms(request: Request) -> Sms:
    """Return the message of a form body.

    Raises:
        Refused: a field that it needs is missing, or the body is no form.
    """
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Refused(415, "The request's Content-Type is not supported.")
    try:
        form: dict[str, Any] = parse_form((await request.body()).decode())
    except (BadForm, UnicodeDecodeError) as error:
        raise Refused(400, "The request content was malformed.") from error
    for name in ("username", "to", "message"):
        if not isinstance(form.get(name), str) or not form[name].strip():
            raise Refused(400, f"Request is missing required form field '{name}'")
    sender = form.get("from", "")
    return Sms(form["username"], form["to"].split(","), form["message"], sender if isinstance(sender, str) else "")


def summary(text: str, recipients: list[dict[str, Any]]) -> Response:
    return JSONResponse({"SMSMessageData": {"Message": text, "Recipients": recipients}}, status_code=201)


def refusal(refused: Refused) -> Response:
    return PlainTextResponse(refused.text, status_code=refused.status)


WORDING = Wording(
    server_error=lambda: PlainTextResponse("There was an internal server error.", status_code=500),
    too_many_requests=lambda: PlainTextResponse("Too Many Requests", status_code=429),
    key_refused=lambda: PlainTextResponse("The supplied authentication is invalid", status_code=401),
)
