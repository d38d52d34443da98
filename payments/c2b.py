"""Paybill and till payments that nobody asked for: Safaricom's questions and reports about them.

A confirmation is stored as it came and answered at once, like every event. It is a fact only when it came to the
secret address that Safaricom was given, or from one of its machines; otherwise it is a claim that waits for proof.
"""

import hashlib
import hmac
import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from orders.models import Order
from orders.numbers import is_order_number
from payments.event_store import store_event
from payments.exceptions import UnknownCallback, UnreadableEvent
from payments.models import ProviderEvent, ReceivedMoney
from payments.providers.mpesa import C2BPayment, C2BRejection
from payments.providers.mpesa.c2b import parse_c2b
from payments.received import Arrival, record

logger = logging.getLogger(__name__)


def is_trusted(secret: str, address: str) -> bool:
    """Tell whether a caller knows the secret address, or is a listed machine."""
    known: str = settings.MPESA["C2B_SECRET"]
    return bool(known and hmac.compare_digest(secret.encode(), known.encode())) or (
        address in settings.MPESA["CALLBACK_ADDRESSES"]
    )


@transaction.atomic
def receive_confirmation(*, body: bytes, trusted: bool) -> None:
    """Store a confirmation, once, and owe its handling. A forged twin of a true one is another row."""
    digest = hashlib.sha256(b"c2b\x00" + (b"trusted" if trusted else b"claimed") + body).hexdigest()
    event = ProviderEvent(
        provider="mpesa",
        event_id=digest,
        kind=ProviderEvent.Kind.C2B_CONFIRMATION,
        body=body,
        is_trusted=trusted,
    )
    store_event(event)


def keep_answer(*, secret: str, body: bytes) -> None:
    """Keep the answer to a question of ``check_mpesa_settings``, once, for it to read; it settles nothing.

    Raises:
        UnknownCallback: the secret is not ours; nothing is stored.
    """
    if not is_trusted(secret, ""):
        raise UnknownCallback()
    event = ProviderEvent(
        provider="mpesa",
        event_id=hashlib.sha256(b"answer\x00" + body).hexdigest(),
        kind=ProviderEvent.Kind.TRANSFER_RESULT,
        body=body,
        is_trusted=True,
        handled_at=timezone.now(),
        outcome="kept",
    )
    store_event(event)


def reason_to_refuse(body: bytes) -> C2BRejection | None:
    """Answer Safaricom's question before it takes the money: None accepts.

    Only what is certainly wrong is refused: a number that looks like an order's and is none, an order that takes no
    money any more, another shortcode. What is refused costs a sale; what is accepted can be given back.
    """
    try:
        told = parse_c2b(body)
    except UnreadableEvent:
        return C2BRejection.OTHER
    if not _is_ours(told):
        return C2BRejection.SHORTCODE
    typed = told.account_reference.strip()
    if typed.isdigit() and len(typed) >= 7:
        order = Order.objects.filter(number=typed).only("status").first() if is_order_number(typed) else None
        if order is None or order.status not in (Order.Status.PENDING, Order.Status.PAID):
            return C2BRejection.ACCOUNT_NUMBER
    return None


def handle_confirmation(event: ProviderEvent) -> None:
    """Record what a confirmation tells, and match it; a repeat changes nothing.

    Raises:
        UnreadableEvent: it has no known shape, or speaks of another shop.
    """
    told = parse_c2b(bytes(event.body))
    if not _is_ours(told):
        raise UnreadableEvent("other_shortcode")
    received = record(
        Arrival(
            provider=event.provider,
            receipt_number=told.receipt_number,
            amount=told.amount,
            currency=told.currency,
            received_at=told.at or event.created_at,
            account_reference=told.account_reference,
            payer_phone=told.phone_number or told.msisdn,
            payer_name=told.payer_name,
            source=ReceivedMoney.Source.C2B,
            is_verified=event.is_trusted,
            reason="" if event.is_trusted else "unverified",
        )
    )
    ProviderEvent.objects.filter(pk=event.pk).update(
        handled_at=timezone.now(), outcome=received.status, received=received, last_error=""
    )


def _is_ours(told: C2BPayment) -> bool:
    return told.shortcode in (settings.MPESA["SHORTCODE"], settings.MPESA["TILL_NUMBER"])
