"""The form of requests and answers about one's own data."""

from typing import Any

from rest_framework import serializers


class EraseSerializer(serializers.Serializer[Any]):
    """What proves that it is still them: what cannot be undone is not done by whoever found an open phone."""

    password = serializers.CharField(required=False, trim_whitespace=False, max_length=4096, write_only=True)
    code = serializers.CharField(required=False, max_length=32, write_only=True)


class ErasureSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()
    asked_at = serializers.DateTimeField(source="created_at")


class ExportSerializer(serializers.Serializer[Any]):
    format = serializers.CharField()
    user_id = serializers.UUIDField()
    made_at = serializers.DateTimeField()
    data = serializers.DictField(  # type: ignore[assignment]  # declared fields are taken off the class
        child=serializers.ListField(child=serializers.DictField()), help_text="The rows of each table, by its name."
    )
