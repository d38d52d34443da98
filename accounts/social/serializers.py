"""The form of requests and answers about accounts elsewhere."""

from typing import Any

from rest_framework import serializers

from accounts.social.id_tokens import LONGEST
from accounts.social.models import SocialIdentity


class _NonceSerializer(serializers.Serializer[Any]):
    nonce = serializers.CharField(
        required=False, max_length=255, trim_whitespace=False, help_text="The one that the token was asked for with."
    )


class GoogleTokenSerializer(_NonceSerializer):
    id_token = serializers.CharField(max_length=LONGEST, write_only=True)


class FacebookTokenSerializer(_NonceSerializer):
    """``id_token`` (limited login) or ``access_token``."""

    id_token = serializers.CharField(required=False, max_length=LONGEST, write_only=True)
    access_token = serializers.RegexField(r"^[!-~]+$", required=False, max_length=2048, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("id_token" in attrs) == ("access_token" in attrs):
            raise serializers.ValidationError({"id_token": ["Give an id_token or an access_token."]}, code="required")
        return attrs


class SocialIdentitySerializer(serializers.ModelSerializer[SocialIdentity]):
    provider = serializers.CharField(read_only=True, help_text="`google` or `facebook`.")

    class Meta:
        model = SocialIdentity
        fields = ("id", "provider", "email", "created_at", "last_used_at")
        read_only_fields = fields
