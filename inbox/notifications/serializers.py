"""The form of notifications."""

from typing import Any

from rest_framework import serializers

from inbox.notifications.models import Notification
from inbox.notifications.texts import text_of

MOST_AT_ONCE = 100


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    text = serializers.SerializerMethodField(help_text="In the language of the user's profile.")
    is_read = serializers.SerializerMethodField()

    class Meta:
        model = Notification
        fields = ("id", "kind", "topic", "object_id", "data", "text", "is_read", "read_at", "created_at")
        read_only_fields = fields

    def get_text(self, notification: Notification) -> str:
        return text_of(notification, self.context.get("language", ""))

    def get_is_read(self, notification: Notification) -> bool:
        return notification.read_at is not None


class NotificationPageSerializer(serializers.Serializer[Any]):
    unread = serializers.IntegerField(help_text="How many of all of them are unread.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = NotificationSerializer(many=True)


class ReadSerializer(serializers.Serializer[Any]):
    """Which are read: ``ids``, or all up to the one that was the newest when they were shown."""

    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_AT_ONCE, required=False)
    up_to = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("up_to" in attrs):
            raise serializers.ValidationError({"ids": ["Give either `ids` or `up_to`."]})
        return attrs


class UnreadSerializer(serializers.Serializer[Any]):
    unread = serializers.IntegerField()


class NotificationWishesSerializer(serializers.Serializer[Any]):
    orders = serializers.BooleanField(required=False)
    payments = serializers.BooleanField(required=False)
    returns = serializers.BooleanField(required=False)
    stock = serializers.BooleanField(required=False)
