"""Who carries text messages."""

import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class SmsReceipt:
    """The service took the message. ``cost`` is in ``currency``; None where it does not say."""

    service_id: str = ""
    cost: Decimal | None = None
    currency: str = ""


class SmsBackend(Protocol):
    def send(self, *, to: str, text: str) -> SmsReceipt:
        """Hand over one message to a number in E.164, once.

        Raises:
            SmsNotReceived: it certainly did not arrive at the service.
            SmsRefused: the service will not send it.
            SmsOutcomeUnknown: nobody knows.
        """


class ConsoleBackend:
    """Print messages, for development. Not by the logs: they keep what they are given."""

    def send(self, *, to: str, text: str) -> SmsReceipt:
        sys.stdout.write(f"--- SMS to {to}\n{text}\n---\n")
        sys.stdout.flush()
        return SmsReceipt()


def get_backend() -> SmsBackend:
    """Return the backend of the settings.

    Raises:
        ImproperlyConfigured: the shop sends no messages.
    """
    match settings.SMS["BACKEND"]:
        case "africastalking":
            from accounts.sms.africastalking import AfricasTalking  # only who uses it loads an HTTP library

            return AfricasTalking()
        case "console":
            return ConsoleBackend()
    raise ImproperlyConfigured("SMS_URL is not set: no text messages are sent.")
