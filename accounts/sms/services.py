"""Sending text messages, each at most once.

A worker does it, as owed work with ``network=True``::

    message = sms.begin(reference=f"code:{code.pk}", purpose="log_in", to=phone_number)
    if message is not None:
        sms.hand_over(message, to=phone_number, text=text)
"""

import logging

import phonenumbers
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from rest_framework.exceptions import Throttled

from accounts.quotas.services import network_of, spend
from accounts.sms.backends import get_backend
from accounts.sms.exceptions import SmsNotReceived, SmsOutcomeUnknown, SmsRefused, SmsUnavailable
from accounts.sms.models import SmsMessage

logger = logging.getLogger(__name__)
Status = SmsMessage.Status

A_DAY = 86_400


@transaction.atomic
def spend_message(*, to: str, address: str) -> None:
    """Count a message that somebody at ``address`` asked for, in the transaction that owes it.

    A refusal counts nothing, and says nothing about the number but what holds for any.

    Raises:
        Throttled: the phone or the network has had its share.
        SmsUnavailable: the shop sends none, or none more to this country today.
    """
    if not settings.SMS["BACKEND"]:
        raise SmsUnavailable()
    country = country_code(to)
    cap = settings.SMS_DAILY_CAPS.get(country, settings.SMS_DAILY_CAPS.get("*", 0))
    if not cap:
        raise SmsUnavailable()
    spend("sms_phone", to, settings.SMS_PER_PHONE)
    spend("sms_phone_daily", to, settings.SMS_PER_PHONE_DAILY)
    spend("sms_network", network_of(address), settings.SMS_PER_NETWORK)
    if not _country_has_room(country, cap):
        raise SmsUnavailable()


def _country_has_room(country: str, cap: int) -> bool:
    try:
        spend("sms_country", country, f"{cap}/{A_DAY}")
    except Throttled:
        logger.error("sms_country_cap_reached", extra={"country_code": country, "cap": cap})
        return False
    return True


def begin(*, reference: str, purpose: str, to: str) -> SmsMessage | None:
    """Note that a message is about to be handed over; None when it has been before, whatever became of it."""
    message, created = SmsMessage.objects.get_or_create(
        reference=reference,
        defaults={
            "purpose": purpose,
            "country_code": country_code(to),
            "number_end": to[-3:],
            "backend": settings.SMS["BACKEND"],
        },
    )
    mine = SmsMessage.objects.filter(pk=message.pk)
    if created or mine.filter(status=Status.NOT_RECEIVED).update(status=Status.SENDING, updated_at=Now()):
        return message
    # Its worker ended in the middle: nobody knows.
    mine.filter(status=Status.SENDING).update(status=Status.UNKNOWN, updated_at=Now())
    return None


def hand_over(message: SmsMessage, *, to: str, text: str) -> None:
    """Give a message to the service and keep what it says. No transaction may be open.

    Raises:
        SmsNotReceived: the service did not take it; ``begin`` will give the message again.
    """
    try:
        receipt = get_backend().send(to=to, text=text)
    except SmsNotReceived:
        message.status = Status.NOT_RECEIVED
        message.save(update_fields=["status", "updated_at"])
        raise
    except SmsOutcomeUnknown as error:
        message.status, message.failure_code = Status.UNKNOWN, str(error)[:60]
    except SmsRefused as refusal:
        message.status, message.failure_code = Status.REFUSED, refusal.code[:60]
    else:
        message.status, message.service_id = Status.ACCEPTED, receipt.service_id
        message.cost, message.currency = receipt.cost, receipt.currency
    message.save(update_fields=["status", "failure_code", "service_id", "cost", "currency", "updated_at"])
    if message.status != Status.ACCEPTED:
        extra = {"sms_id": str(message.pk), "status": message.status, "code": message.failure_code}
        logger.error("sms_not_accepted", extra=extra)


def country_code(e164: str) -> str:
    """Return the calling code of a number in E.164, without the plus; an empty text when there is none."""
    try:
        return str(phonenumbers.parse(e164).country_code)
    except phonenumbers.NumberParseException:
        return ""
