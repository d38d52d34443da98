"""The form of requests about a change of address."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import EmailField


class ChangeEmailSerializer(serializers.Serializer[Any]):
    email = EmailField()
    password = serializers.CharField(
        required=False,
        trim_whitespace=False,
        max_length=4096,
        write_only=True,
        help_text="Of an account that has one. Others must have logged in within ten minutes.",
    )
