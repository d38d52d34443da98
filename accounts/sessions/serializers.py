from typing import Any

from rest_framework import serializers


class LogInSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(
        choices=["log_in", "token", "browser"],
        help_text="`log_in`: with access and refresh tokens; `token`: opaque; `browser`: by cookie, as the admin's.",
    )
    name = serializers.CharField(help_text="Of a token, what you called it.")
    started_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="Of a log-in, when it was refreshed.")
    expires_at = serializers.DateTimeField(help_text="If it is not used again.")
    ip_address = serializers.CharField(allow_null=True, help_text="Where it was begun.")
    user_agent = serializers.CharField()
    current = serializers.BooleanField(help_text="Whether this request was sent with it.")
