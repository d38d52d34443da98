"""What Stripe sends: who signed it, and what it is about.

Source: Stripe documentation, Webhooks, signatures and event types.
"""

import re
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import stripe
from django.conf import settings

from payments.exceptions import ForgedEvent, UnreadableEvent
from payments.providers.base import About, Notice
from payments.providers.events import event_object
from payments.providers.stripe_units import from_units
from payments.providers.values import mapping, text

TOLERANCE = 300  # seconds between the signature's time and ours

_EVENT_ID = re.compile(r"evt_[A-Za-z0-9_]{1,100}")
_KIND = re.compile(r"[a-z0-9_.]{1,60}")

_PAYMENT_EVENTS = {
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.amount_capturable_updated",
    "payment_intent.partially_funded",
    "payment_intent.canceled",
}
# Not charge.refunded: it tells what has gone back altogether, and each refund has an event of its own.
_REFUND_EVENTS = {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}
_DISPUTE_EVENTS = {
    f"charge.dispute.{what}" for what in ("created", "updated", "funds_withdrawn", "funds_reinstated", "closed")
}


def check_webhook(signature: str, body: bytes) -> bool:
    """Return True for what one of our endpoint's secrets has signed within the last minutes.

    Raises:
        ForgedEvent: it was not.
    """
    for secret in settings.STRIPE["WEBHOOK_SECRETS"]:
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE)
            signed_at = _signed_at(signature)
        except Exception:  # noqa: BLE001, S112 - it stumbles over odd headers and bodies in many ways
            continue
        # The library refuses what is too old only; a time ahead of ours would keep a copy valid until then.
        if signed_at <= time.time() + TOLERANCE:
            return True
    raise ForgedEvent("not signed by Stripe, or not now")


def _signed_at(signature: str) -> int:
    """Return the time that the library has checked: the first of the header."""
    return int(next(part[2:] for part in signature.split(",") if part.startswith("t=")))


def read_webhook(body: bytes, *, is_live: bool) -> Notice:
    """Say what an event is about. Amounts are in major units.

    Raises:
        UnreadableEvent: it has no known shape.
    """
    event = event_object(body)
    event_id, kind = event.get("id"), event.get("type")
    thing = mapping(mapping(event.get("data")).get("object"))
    if not (isinstance(event_id, str) and _EVENT_ID.fullmatch(event_id) and isinstance(kind, str)):
        raise UnreadableEvent("no event of Stripe's")
    if event.get("object") != "event" or not _KIND.fullmatch(kind):
        raise UnreadableEvent("no event of Stripe's")
    if event.get("livemode") is not is_live or event.get("account"):
        return Notice(event_id, kind[:40], About.OTHER)  # of the other mode, or of an account connected to ours
    if kind in _PAYMENT_EVENTS:
        return _about_payment(event_id, kind, thing)
    if kind in _REFUND_EVENTS:
        return _about_refund(event_id, kind, thing)
    if kind in _DISPUTE_EVENTS:
        return _about_dispute(event_id, kind, thing)
    return Notice(event_id, kind[:40], About.OTHER)


def _about_payment(event_id: str, kind: str, thing: Mapping[str, Any]) -> Notice:
    reference = text(mapping(thing.get("metadata")).get("reference"), 100)
    if kind.startswith("checkout."):
        return Notice(
            event_id,
            kind[:40],
            About.PAYMENT,
            reference=text(thing.get("client_reference_id"), 100) or reference,
            provider_reference=text(thing.get("id"), 100),
            receipt_number=_id_of(thing.get("payment_intent")),
            amount=_amount(thing, "amount_total"),
        )
    # An attempt is known by its session, which an intent does not name. Without our reference it is none of ours.
    return Notice(
        event_id,
        kind[:40],
        About.PAYMENT if reference else About.OTHER,
        reference=reference,
        receipt_number=text(thing.get("id"), 64),
        amount=_amount(thing, "amount_received") or _amount(thing, "amount"),
    )


def _about_refund(event_id: str, kind: str, thing: Mapping[str, Any]) -> Notice:
    return Notice(
        event_id,
        kind[:40],
        About.REFUND,
        reference=text(mapping(thing.get("metadata")).get("reference"), 100),
        provider_reference=text(thing.get("id"), 100),
        receipt_number=_id_of(thing.get("payment_intent")) or _id_of(thing.get("charge")),
        amount=_amount(thing, "amount"),
    )


def _about_dispute(event_id: str, kind: str, thing: Mapping[str, Any]) -> Notice:
    return Notice(
        event_id,
        kind[:40],
        About.DISPUTE,
        provider_reference=text(thing.get("id"), 100),
        receipt_number=_id_of(thing.get("payment_intent")) or _id_of(thing.get("charge")),
        amount=_amount(thing, "amount"),
    )


def _id_of(value: Any) -> str:
    """Return the id of something that may be expanded."""
    return text(mapping(value).get("id") if isinstance(value, dict) else value, 64)


def _amount(thing: Mapping[str, Any], field: str) -> Decimal | None:
    return from_units(thing.get(field), text(thing.get("currency"), 3).upper())
