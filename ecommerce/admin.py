"""Owed work and heartbeats, for whoever looks after the machines."""

import json
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from ecommerce.admin_base import WAITING, ReadOnlyAdmin, Waiting, badge, column, preformatted, when
from ecommerce.models import Event, Heartbeat, OutboxMessage

FRESH = timedelta(seconds=60)


class OutboxStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    CONDITIONS: ClassVar[dict[str, Q]] = {
        "open": Q(done_at__isnull=True, dead_at__isnull=True),
        "done": Q(done_at__isnull=False),
        "dead": Q(done_at__isnull=True, dead_at__isnull=False),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("dead", "Dead"), ("done", "Done")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
        return queryset.filter(self.CONDITIONS.get(self.value() or "", Q()))


WAITING.append(
    Waiting(
        "Work that was given up",
        "warning",
        OutboxMessage.objects.filter(OutboxStateFilter.CONDITIONS["dead"]),
        "state=dead",
    )
)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ("topic", "state", "attempts", "next_try", "created_at", "short_error")
    list_filter = (OutboxStateFilter, "topic")
    search_fields = ("dedupe_key", "request_id")
    search_help_text = "Key of the work, or the id of the request that owed it"
    ordering = ("-created_at",)
    actions = ("try_again",)
    fields = (
        "topic",
        "state",
        "dedupe_key",
        "pretty_payload",
        "request_id",
        ("attempts", "next_attempt_at"),
        ("sent_at", "leased_until"),
        ("done_at", "dead_at"),
        "last_error",
        ("created_at", "updated_at"),
    )

    @admin.action(description="Try again (dead ones)", permissions=["act"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        dead = queryset.filter(OutboxStateFilter.CONDITIONS["dead"])
        revived = dead.order_by().update(attempts=0, dead_at=None, next_attempt_at=Now(), updated_at=Now())
        if revived:
            messages.success(request, f"{revived} will be tried again now.")
        else:
            messages.warning(request, "None of them is dead; open ones are tried again by themselves.")

    @column("State")
    def state(self, message: OutboxMessage) -> str:
        if message.done_at:
            return badge("Done", "success")
        return badge("Dead", "danger") if message.dead_at else badge("Open", "info")

    @column("Next try", ordering="next_attempt_at")
    def next_try(self, message: OutboxMessage) -> str:
        return when(None if message.done_at or message.dead_at else message.next_attempt_at)

    @column("Last error")
    def short_error(self, message: OutboxMessage) -> str:
        return message.last_error[:80]

    @column("Payload")
    def pretty_payload(self, message: OutboxMessage) -> str:
        return preformatted(json.dumps(message.payload, indent=2, ensure_ascii=False))


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "object_id", "created_at", "state", "last_error")
    list_filter = ("kind", "created_at")
    search_fields = ("=object_id", "=user_id")
    search_help_text = "The whole id of the object, or of the user whom it concerns"
    ordering = ("-id",)
    fields = (
        ("id", "kind"),
        ("object_id", "user_id"),
        "pretty_data",
        ("created_at", "published_at"),
        ("attempts", "retry_at"),
        "last_error",
    )

    @column("State")
    def state(self, event: Event) -> str:
        if event.published_at:
            return badge("Told", "success")
        return badge("Failing", "warning") if event.attempts else badge("Waiting", "info")

    @column("Data")
    def pretty_data(self, event: Event) -> str:
        return preformatted(json.dumps(event.data, indent=2, ensure_ascii=False))


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "seen_at")
    ordering = ("name",)
    fields = ("name", "state", "seen_at")

    @column("State")
    def state(self, heartbeat: Heartbeat) -> str:
        fresh = timezone.now() - heartbeat.seen_at < FRESH
        return badge("Alive", "success") if fresh else badge("Not seen lately", "danger")
