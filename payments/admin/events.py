"""What providers sent by themselves: stored as it came, shown without phone numbers, handled again where it failed."""

import json
import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from ecommerce.admin_base import EMPTY, ReadOnlyAdmin, badge, column, detail_action, link_to, preformatted
from ecommerce.exceptions import DomainError, ErrorRow
from ecommerce.outbox import Postpone
from ecommerce.phone import mask_phone
from payments import inbox
from payments.admin.finding import SearchedAdmin, events_matching
from payments.admin.looks import ProviderFilter, words
from payments.models import Payment, ProviderEvent, RefusedEvents
from payments.tasks import handle_provider_event

logger = logging.getLogger(__name__)

LONGEST_BODY = 20_000
MOST_AT_ONCE = 500
# A Kenyan mobile number standing by itself, in any spelling that a provider uses.
_PHONE = re.compile(r"(?<![\d.])(?:\+?254|0)([17]\d{8})(?![\d.])")


class NotHandled(DomainError):
    code = "event_not_handled"

    def __init__(self, reason: str) -> None:
        super().__init__([ErrorRow(self.code, f"Not handled: {reason}")])


def pretty_body(body: bytes, phone_number: str = "") -> str:
    """Return a stored body to read: JSON set out line by line, phone numbers masked.

    ``phone_number`` is the payer's; M-Pesa writes it, without its country code, into the CheckoutRequestID too.
    """
    text = body.decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):  # a body that is not JSON is shown as it came
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    text = text.encode("utf-8", "replace").decode()  # JSON can spell half a surrogate pair, which no page can hold
    text = _PHONE.sub(lambda match: mask_phone(f"+254{match[1]}"), text)
    if phone_number:
        text = text.replace(phone_number.removeprefix("+254"), f"…{phone_number[-3:]}")
    return text[:LONGEST_BODY]


class HandledFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("person", "Left for a person"), ("handled", "Handled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ProviderEvent]) -> QuerySet[ProviderEvent]:
        conditions = {
            "open": Q(handled_at__isnull=True),
            "person": Q(handled_at__isnull=True) & ~Q(last_error=""),
            "handled": Q(handled_at__isnull=False),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, words(kind)) for kind in ProviderEvent.Kind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ProviderEvent]) -> QuerySet[ProviderEvent]:
        if self.value() == ProviderEvent.Kind.WEBHOOK:  # each has its provider's name for it
            return queryset.exclude(kind__in=set(ProviderEvent.Kind) - {ProviderEvent.Kind.WEBHOOK})
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(ProviderEvent)
class ProviderEventAdmin(SearchedAdmin):
    find = staticmethod(events_matching)
    list_display = ("created_at", "provider", "what", "order_number", "state", "is_trusted", "last_error")
    list_filter = (HandledFilter, ProviderFilter, KindFilter, "is_trusted", "created_at")
    list_select_related = ("attempt__payment__order", "refund__payment__order", "received__payment__order")
    ordering = ("-id",)  # by time as well, and indexed
    actions = ("owe_again",)
    actions_detail = ("handle_again",)
    fields = (
        ("provider", "what", "state"),
        ("created_at", "handled_at"),
        ("about", "order_link", "is_trusted"),
        ("outcome", "last_error"),
        "digest",
        "body_text",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderEvent]:
        return super().get_queryset(request).defer("body")

    def offers(self, name: str, obj: ProviderEvent) -> bool:
        return obj.handled_at is None

    # --- Actions -----------------------------------------------------------------------------------------------

    @detail_action("Handle again", icon="replay")
    def handle_again(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "The message is read again, checked with the provider and settled if both agree."
        return self.confirmed(request, object_id, _handle, title="Handle again", question=question, network=True)

    @admin.action(description="Handle again (open ones)", permissions=["act"])
    def owe_again(self, request: HttpRequest, queryset: QuerySet[ProviderEvent]) -> None:
        opened = queryset.filter(handled_at__isnull=True).order_by("created_at").values_list("pk", flat=True)
        count = owe_handling(opened[:MOST_AT_ONCE])
        if count:
            messages.success(request, f"{count} will be handled again within seconds.")
        else:
            messages.warning(request, "All of them are handled.")

    # --- Columns and fields ------------------------------------------------------------------------------------

    @column("What", ordering="kind")
    def what(self, event: ProviderEvent) -> str:
        return words(event.kind)

    @column("Order")
    def order_number(self, event: ProviderEvent) -> str:
        payment = _payment_of(event)
        return payment.order.number if payment else EMPTY

    @column("Order")
    def order_link(self, event: ProviderEvent) -> str:
        payment = _payment_of(event)
        return link_to(payment.order) if payment else EMPTY

    @column("About")
    def about(self, event: ProviderEvent) -> str:
        return link_to(event.attempt or event.refund or event.payout or event.received)

    @column("State", ordering="handled_at")
    def state(self, event: ProviderEvent) -> str:
        if event.handled_at:
            return badge("Handled", "success")
        return badge("Left for a person", "danger") if event.last_error else badge("Open", "info")

    @column("Event id")
    def digest(self, event: ProviderEvent) -> str:
        return preformatted(event.event_id)

    @column("Body")
    def body_text(self, event: ProviderEvent) -> str:
        text = pretty_body(bytes(event.body), event.attempt.phone_number if event.attempt else "")
        return preformatted(text)


@admin.register(RefusedEvents)
class RefusedEventsAdmin(ReadOnlyAdmin):
    """How many messages were not a provider's. A handful is noise; hundreds are somebody trying."""

    list_display = ("day", "provider", "why", "count")
    list_filter = (ProviderFilter, "day")
    ordering = ("-day", "provider", "reason")
    fields = (("day", "provider"), ("why", "count"))

    @column("Why", ordering="reason")
    def why(self, refused: RefusedEvents) -> str:
        return words(refused.reason)


def owe_handling(event_ids: Iterable[UUID]) -> int:
    """Owe the handling of stored events once more, however the first time ended; return of how many."""
    occasion = f"{timezone.now():%Y%m%d%H%M%S}"
    count = 0
    with transaction.atomic():
        for event_id in event_ids:
            handle_provider_event.owe(f"provider-event:{event_id}:{occasion}", event_id=str(event_id))
            count += 1
    return count


def _handle(event: ProviderEvent, _: dict[str, Any]) -> str:
    """Handle a stored event by hand; whatever goes wrong becomes words, as it would in the worker's row.

    Raises:
        NotHandled: it is still open; says why.
    """
    pk: UUID = event.pk
    try:
        inbox.handle_event(pk)
    except Postpone as postponed:
        raise NotHandled(str(postponed)) from None
    except DomainError:
        raise
    except Exception as error:
        logger.exception("event_not_handled_by_hand", extra={"event_id": str(pk)})
        raise NotHandled(f"{type(error).__name__}.") from None
    event.refresh_from_db()
    if event.handled_at is None:
        raise NotHandled(event.last_error or "it belongs to no attempt")
    return f"Handled: {event.outcome.replace('_', ' ')}."


def _payment_of(event: ProviderEvent) -> Payment | None:
    if event.attempt is not None:
        return event.attempt.payment
    row = event.refund or event.received
    return row.payment if row else None
