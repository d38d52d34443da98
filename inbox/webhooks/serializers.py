"""The form of webhooks."""

from typing import Any

from rest_framework import serializers

from inbox.catalogue import KINDS, SUBSCRIBABLE
from inbox.webhooks.addresses import MAX_URL
from inbox.webhooks.models import EVERYTHING, WebhookDelivery, WebhookEndpoint

LONGEST_OVERLAP = 7 * 24  # hours


class WebhookSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    class Meta:
        model = WebhookEndpoint
        fields = (
            "id",
            "url",
            "description",
            "events",
            "is_paused",
            "pause",
            "paused_at",
            "failing_since",
            "former_until",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    is_paused = serializers.BooleanField(read_only=True)


class SecretShownSerializer(WebhookSerializer):
    secret = serializers.CharField(help_text="Shown now and never again.")

    class Meta:
        model = WebhookEndpoint
        fields = (*WebhookSerializer.Meta.fields, "secret")
        read_only_fields = fields


class _EventsField(serializers.ListField):
    def __init__(self, **kwargs: Any) -> None:
        child = serializers.ChoiceField(choices=(EVERYTHING, *SUBSCRIBABLE))
        super().__init__(child=child, min_length=1, max_length=len(SUBSCRIBABLE) + 1, **kwargs)


class CreateWebhookSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=MAX_URL, help_text="https, port 443, at a public address.")
    events = _EventsField(help_text="Kinds of `GET /webhooks/events/`, or `*` for all there are and will be.")
    description = serializers.CharField(max_length=200, allow_blank=True, default="")


class ChangeWebhookSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=MAX_URL, required=False)
    events = _EventsField(required=False)
    description = serializers.CharField(max_length=200, allow_blank=True, required=False)
    is_paused = serializers.BooleanField(required=False, help_text="False lets a paused one go on.")


class RotateSerializer(serializers.Serializer[Any]):
    overlap_hours = serializers.IntegerField(
        default=24, min_value=0, max_value=LONGEST_OVERLAP, help_text="So long the secret before signs as well."
    )


class ReplayFailedSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()


class ReplayedSerializer(serializers.Serializer[Any]):
    replayed = serializers.IntegerField()


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    webhook_id = serializers.CharField(source="message_id", read_only=True, help_text="As sent, at each try.")
    type = serializers.CharField(source="kind", read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "webhook_id",
            "type",
            "object_id",
            "status",
            "attempts",
            "next_attempt_at",
            "delivered_at",
            "response_status",
            "response_text",
            "error",
            "duration_ms",
            "created_at",
        )
        read_only_fields = fields


class DeliveryDetailSerializer(DeliverySerializer):
    class Meta:
        model = WebhookDelivery
        fields = (*DeliverySerializer.Meta.fields, "body")
        read_only_fields = fields


class KindSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=tuple(KINDS))
    summary = serializers.CharField()
    schema = serializers.DictField(help_text="JSON schema (2020-12) of the body.")
