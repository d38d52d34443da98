"""Where everything that providers tell goes first: stored as it came, once, and its handling owed with it."""

import logging

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from ecommerce.insertion import insert_once
from payments.models import ProviderEvent, RefusedEvents
from payments.tasks import handle_provider_event

logger = logging.getLogger(__name__)


def store_event(event: ProviderEvent) -> None:
    """Insert an event, unless it is here already, and owe its handling. Must run inside a transaction.

    What is handled from the start, or waits for a person, owes nothing.
    """
    is_new = insert_once(event)
    if is_new and event.handled_at is None and not event.last_error:
        handle_provider_event.owe(f"provider-event:{event.pk}", event_id=str(event.pk))


def mark_handled(event: ProviderEvent, outcome: str) -> None:
    ProviderEvent.objects.filter(pk=event.pk).update(handled_at=timezone.now(), outcome=outcome[:40], last_error="")


def leave_for_a_person(event: ProviderEvent, reason: str) -> None:
    logger.error("provider_event_needs_review", extra={"event_id": str(event.pk), "reason": reason})
    ProviderEvent.objects.filter(pk=event.pk).update(last_error=reason[:300])


def is_listed(address: str) -> bool:
    """Tell whether a caller is one of Safaricom's machines."""
    return address in settings.MPESA["CALLBACK_ADDRESSES"]


def count_refused(provider_name: str, reason: str) -> None:
    """Count an event that was refused. Their bodies are not kept: anybody can send them."""
    day = timezone.localdate()
    known = RefusedEvents.objects.filter(provider=provider_name, day=day, reason=reason)
    if not known.update(count=F("count") + 1):
        RefusedEvents.objects.bulk_create(
            [RefusedEvents(provider=provider_name, day=day, reason=reason)], ignore_conflicts=True
        )
        known.update(count=F("count") + 1)
