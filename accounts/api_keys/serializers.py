from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.api_keys.models import ApiKey
from accounts.api_keys.scopes import Scope


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))

    class Meta:
        model = ApiKey
        fields = ("id", "name", "prefix", "scopes", "created_at", "expires_at", "last_used_at")
        read_only_fields = fields


class MakeKeySerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80, help_text="What it is for.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), min_length=1, max_length=len(Scope)
    )
    days = serializers.IntegerField(
        default=90, min_value=1, max_value=settings.API_KEY_MAX_DAYS, help_text="After so many days it ends."
    )


class MadeKeySerializer(ApiKeySerializer):
    key = serializers.CharField(help_text="Shown now and never again.")

    class Meta:
        model = ApiKey
        fields = (*ApiKeySerializer.Meta.fields, "key")
        read_only_fields = fields
