"""How people and the trail look to staff."""

from typing import Any

from rest_framework import serializers

from accounts.audit.models import SecurityEvent
from accounts.models import User
from accounts.profiles.models import Profile
from accounts.serializers import UserSerializer


class PersonSerializer(UserSerializer):
    """A user as staff see them."""

    class Meta(UserSerializer.Meta):
        fields = (*UserSerializer.Meta.fields, "phone_verified_at")  # type: ignore[assignment]  # more than of a user
        read_only_fields = fields  # type: ignore[assignment]


class RecentLogInSerializer(serializers.ModelSerializer[SecurityEvent]):
    by = serializers.SerializerMethodField(help_text="Which way in.")

    class Meta:
        model = SecurityEvent
        fields = ("kind", "by", "ip_address", "user_agent", "created_at")
        read_only_fields = fields

    def get_by(self, event: SecurityEvent) -> str:
        return str(event.details.get("by", ""))


class WishesSerializer(serializers.ModelSerializer[Profile]):
    class Meta:
        model = Profile
        fields = ("language", "currency", "parcel_mails", "marketing_mail", "marketing_sms")
        read_only_fields = fields


class SupportSerializer(serializers.Serializer[Any]):
    """All that is needed to help somebody, in one answer. Nothing by which one could act for them."""

    user = PersonSerializer()
    has_password = serializers.BooleanField()
    wishes = WishesSerializer()
    address_count = serializers.IntegerField()
    session_count = serializers.IntegerField(help_text="Sessions that could go on.")
    last_log_ins = RecentLogInSerializer(many=True)
    facts = serializers.DictField(
        child=serializers.DictField(), help_text="What each app says: orders, money, reviews."
    )
    erasure_asked_at = serializers.DateTimeField(allow_null=True)
    erased_at = serializers.DateTimeField(allow_null=True)


class WhoSerializer(serializers.Serializer[User]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    email = serializers.EmailField(allow_null=True)


class TrailEntrySerializer(serializers.ModelSerializer[SecurityEvent]):
    """``user`` is whose account it is about, ``actor`` who did it; the catalogue's history has the ``request_id``."""

    user = WhoSerializer(allow_null=True, read_only=True)
    actor = WhoSerializer(allow_null=True, read_only=True)
    details = serializers.DictField(
        read_only=True,
        help_text="Codes and ids; where staff changed an e-mail or a number, what it was `before` and `after`.",
    )

    class Meta:
        model = SecurityEvent
        fields = ("id", "kind", "user", "actor", "ip_address", "user_agent", "request_id", "details", "created_at")
        read_only_fields = fields
