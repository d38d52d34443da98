"""Webhooks in the admin: how they do, and buttons that call the services. Secrets are shown by the API alone."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from accounts.admin import actor_of
from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    ReadOnlyAdmin,
    Table,
    Waiting,
    badge,
    column,
    detail_action,
    preformatted,
    table,
    when,
)
from inbox.webhooks import services
from inbox.webhooks.models import WebhookDelivery, WebhookEndpoint

SHOWN = 20  # deliveries on a webhook's page

WAITING.append(
    Waiting(
        "Webhooks that are paused",
        "webhook",
        WebhookEndpoint.objects.filter(pause__in=("failing", "gone")),
        "pause__in=failing,gone",
    )
)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    list_display = ("url", "description", "state", "failing_since", "created_at")
    list_filter = ("pause",)
    search_fields = ("url", "description")
    fields = (
        ("url", "description"),
        "events",
        ("state", "paused_at"),
        ("failing_since", "failures", "not_before"),
        "former_until",
        ("created_by", "created_at"),
    )
    actions_detail = ("ping", "pause", "go_on")

    def offers(self, name: str, obj: WebhookEndpoint) -> bool:
        return obj.is_paused == (name == "go_on")

    @detail_action("Send a test", icon="send")
    def ping(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(endpoint: WebhookEndpoint, _: dict[str, Any]) -> str:
            services.ping(endpoint.pk)
            return "Sent within seconds; the table below tells what came of it."

        return self.confirmed(request, object_id, do, title="Send a test", question="A webhook.ping is sent.")

    @detail_action("Pause", icon="pause", danger=True)
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(endpoint: WebhookEndpoint, _: dict[str, Any]) -> str:
            services.change_endpoint(endpoint.pk, is_paused=True, actor=actor_of(request), request=request)
            return "Paused. What happens meanwhile waits, for 30 days."

        question = "Nothing more is sent there until somebody lets it go on."
        return self.confirmed(request, object_id, do, title="Pause", question=question, danger=True)

    @detail_action("Go on", icon="play_arrow")
    def go_on(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(endpoint: WebhookEndpoint, _: dict[str, Any]) -> str:
            services.change_endpoint(endpoint.pk, is_paused=False, actor=actor_of(request), request=request)
            return "It goes on with what has waited."

        return self.confirmed(request, object_id, do, title="Go on", question="What has waited is sent, in its order.")

    @column("State")
    def state(self, endpoint: WebhookEndpoint) -> str:
        if endpoint.is_paused:
            return badge(f"Paused: {endpoint.get_pause_display()}", "danger")
        return badge("Failing", "warning") if endpoint.failing_since else badge("Active", "success")

    def tables(self, request: HttpRequest, obj: WebhookEndpoint) -> list[Table]:
        rows = [
            (when(each.created_at), each.kind, state_of(each), each.attempts, each.response_status or each.error)
            for each in obj.deliveries.order_by("-id")[:SHOWN]
        ]
        return [table(f"The last {SHOWN} deliveries", ("Since", "What", "State", "Tries", "Answer"), rows)]


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "endpoint", "kind", "state", "attempts", "response_status", "error", "next_try")
    list_filter = ("status", "kind")
    list_select_related = ("endpoint",)
    search_fields = ("=object_id", "=event_id")
    search_help_text = "The id of the object, or the number of the event"
    ordering = ("-id",)
    fields = (
        ("endpoint", "kind"),
        ("message_id", "object_id"),
        ("state", "attempts", "next_try"),
        ("response_status", "error", "duration_ms"),
        "response_text",
        "sent_body",
        ("created_at", "delivered_at"),
    )
    actions_detail = ("replay",)

    def offers(self, name: str, obj: WebhookDelivery) -> bool:
        return obj.status != WebhookDelivery.Status.PENDING

    @detail_action("Send again", icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(delivery: WebhookDelivery, _: dict[str, Any]) -> str:
            services.replay(delivery.endpoint_id, delivery.pk, actor=actor_of(request), request=request)
            return "Sent again within seconds."

        question = "The same bytes go out under the same id; a receiver that has them drops them."
        return self.confirmed(request, object_id, do, title="Send again", question=question)

    @column("State")
    def state(self, delivery: WebhookDelivery) -> str:
        return state_of(delivery)

    @column("Next try", ordering="next_attempt_at")
    def next_try(self, delivery: WebhookDelivery) -> str:
        is_open = delivery.status == WebhookDelivery.Status.PENDING
        return when(max(delivery.next_attempt_at, timezone.now())) if is_open else EMPTY

    @column("Body")
    def sent_body(self, delivery: WebhookDelivery) -> str:
        return preformatted(delivery.body)


def state_of(delivery: WebhookDelivery) -> str:
    looks = {"delivered": "success", "failed": "danger", "pending": "info"}
    return badge(delivery.get_status_display(), looks[delivery.status])
