"""Africa's Talking: one message in one request, sent at most once.

Source: Africa's Talking, Bulk SMS, ``POST /version1/messaging`` and its status codes; not compared with the
live service.
"""

import re
from decimal import Decimal
from typing import Any

from django.conf import settings

from accounts.sms.backends import SmsReceipt
from accounts.sms.exceptions import SmsNotReceived, SmsOutcomeUnknown, SmsRefused
from ecommerce import outgoing

LARGEST_ANSWER = 64 * 1024
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


class AfricasTalking:
    def send(self, *, to: str, text: str) -> SmsReceipt:
        service = settings.SMS
        # ``enqueue`` lets the answer come before the networks have taken it: nobody waits for them here.
        form = {"username": service["USERNAME"], "to": to, "message": text, "enqueue": "1"}
        if service["SENDER"]:
            form["from"] = service["SENDER"]
        try:
            answer = outgoing.send(
                "POST",
                f"{service['BASE_URL']}/version1/messaging",
                breaker="africastalking",
                headers={"apiKey": service["API_KEY"]},
                largest=LARGEST_ANSWER,
                data=form,
            )
        except outgoing.NotReceived as error:
            raise SmsNotReceived(str(error)) from error
        except outgoing.NoAnswer as error:
            raise SmsOutcomeUnknown(str(error)) from error
        return _read(answer.status, answer.value, to)


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
