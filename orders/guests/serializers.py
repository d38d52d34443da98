"""The form of requests about guests' orders."""

from typing import Any

from rest_framework import serializers


class ClaimSerializer(serializers.Serializer[Any]):
    order_token = serializers.CharField(max_length=200)
