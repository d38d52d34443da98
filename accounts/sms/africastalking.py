"""Africa's Talking: one message in one request, sent at most once.

Source: Africa's Talking, Bulk SMS, ``POST /version1/messaging`` and its status codes; not compared with the
live service.
"""

import json
import logging
import re
import time
from decimal import Decimal
from typing import Any

import requests
from django.conf import settings
from urllib3.exceptions import HTTPError, NewConnectionError

from accounts.sms.backends import SmsReceipt
from accounts.sms.exceptions import SmsNotReceived, SmsOutcomeUnknown, SmsRefused

logger = logging.getLogger(__name__)

LARGEST_ANSWER = 64 * 1024
_CHUNK = 16 * 1024
ACCEPTED = {100, 101, 102}  # processed, sent, queued
REASONS = {
    401: "risk_hold",
    402: "invalid_sender_id",
    403: "invalid_phone_number",
    404: "unsupported_number_type",
    405: "insufficient_balance",
    406: "user_in_blacklist",
    407: "could_not_route",
    500: "internal_server_error",
    501: "gateway_error",
    502: "rejected_by_gateway",
}
_COST = re.compile(r"([A-Z]{3}) ([0-9]{1,7}(?:\.[0-9]{1,4})?)")


class Breaker:
    """Let a service that answers nobody rest: after ``LIMIT`` time-outs in a row nothing is sent for ``PAUSE`` seconds.

    Counted in each process.
    """

    LIMIT = 4
    PAUSE = 15.0

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._failures = 0
        self._open_until = 0.0

    def check(self) -> None:
        """Raises: SmsNotReceived: nothing was sent, the service is known not to answer."""
        if time.monotonic() < self._open_until:
            raise SmsNotReceived("the service does not answer at the moment")

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self.LIMIT:
            self._open_until = time.monotonic() + self.PAUSE
            self._failures = self.LIMIT - 1  # one more failure opens it again
            logger.error("sms_breaker_open")

    def succeeded(self) -> None:
        self._failures = 0


breaker = Breaker()


class AfricasTalking:
    def send(self, *, to: str, text: str) -> SmsReceipt:
        service = settings.SMS
        # ``enqueue`` lets the answer come before the networks have taken it: nobody waits for them here.
        form = {"username": service["USERNAME"], "to": to, "message": text, "enqueue": "1"}
        if service["SENDER"]:
            form["from"] = service["SENDER"]
        breaker.check()
        try:
            status, answer = _post(f"{service['BASE_URL']}/version1/messaging", form, service["API_KEY"])
        except (SmsNotReceived, SmsOutcomeUnknown):
            breaker.failed()
            raise
        breaker.succeeded()
        return _read(status, answer, to)


def _post(url: str, form: dict[str, str], api_key: str) -> tuple[int, Any]:
    """Return the status of the answer and its JSON, None when it is none."""
    deadline = time.monotonic() + 2 * settings.PROVIDER_READ_TIMEOUT
    try:
        # A plain request without retries: one that repeats itself sends a second message.
        with requests.post(
            url,
            data=form,
            headers={"apiKey": api_key, "Accept": "application/json", "User-Agent": settings.PROVIDER_USER_AGENT},
            timeout=(settings.PROVIDER_CONNECT_TIMEOUT, settings.PROVIDER_READ_TIMEOUT),
            allow_redirects=False,
            stream=True,
        ) as response:
            return response.status_code, _json(_body(response, deadline))
    except requests.ConnectTimeout as error:
        raise SmsNotReceived("no connection") from error
    except requests.ConnectionError as error:
        reason = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(reason, NewConnectionError):
            raise SmsNotReceived("no connection") from error
        raise SmsOutcomeUnknown("connection lost") from error
    except (requests.RequestException, HTTPError, OSError) as error:
        raise SmsOutcomeUnknown(type(error).__name__) from error


def _body(response: requests.Response, deadline: float) -> bytes:
    body = b""
    while len(body) < LARGEST_ANSWER:
        # Not read(): it waits for the whole chunk, however slowly that comes.
        chunk = response.raw.read1(_CHUNK, decode_content=True)
        if not chunk:
            return body
        body += chunk
        if time.monotonic() > deadline:
            raise SmsOutcomeUnknown("the answer drips")
    raise SmsOutcomeUnknown("the answer is too large")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _read(status: int, answer: Any, to: str) -> SmsReceipt:
    if status == 429:
        raise SmsNotReceived("too many requests")
    if status >= 500:
        raise SmsOutcomeUnknown(f"http_{status}")
    if status >= 300:
        raise SmsRefused(f"http_{status}")
    data = answer.get("SMSMessageData") if isinstance(answer, dict) else None
    recipients = data.get("Recipients") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(recipients, list):
        raise SmsOutcomeUnknown("unreadable answer")
    if not recipients:  # refused as a whole; the text is then a word such as InvalidSenderId
        word = data.get("Message")
        raise SmsRefused(word if isinstance(word, str) and re.fullmatch(r"[A-Za-z]{1,40}", word) else "no_recipient")
    [recipient, *others] = recipients
    if others or not isinstance(recipient, dict) or recipient.get("number") != to:
        raise SmsOutcomeUnknown("answer about another number")
    code = recipient.get("statusCode")
    if isinstance(code, bool) or not isinstance(code, int):
        raise SmsOutcomeUnknown("unreadable answer")
    if code not in ACCEPTED:
        raise SmsRefused(REASONS.get(code, f"status_{code}"))
    return _receipt(recipient)


def _receipt(recipient: dict[str, Any]) -> SmsReceipt:
    cost = _COST.fullmatch(str(recipient.get("cost", "")))
    return SmsReceipt(
        service_id=str(recipient.get("messageId", ""))[:100],
        cost=Decimal(cost[2]) if cost else None,
        currency=cost[1] if cost else "",
    )
