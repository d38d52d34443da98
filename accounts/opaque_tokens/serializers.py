from typing import Any

from rest_framework import serializers


class IssueTokenSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, max_length=80, help_text="What you call it in your list of log-ins.")


class IssuedTokenSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    token = serializers.CharField(help_text="40 characters. Shown now and never again.")
    idle_days = serializers.IntegerField(help_text="It ends when it is not used for so many days.")
