"""The form of a seller's page."""

from typing import Any

from rest_framework import serializers


class StorefrontSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="For `GET /api/products/?seller=…`, which lists what they sell.")
    display_name = serializers.CharField()
    url_key = serializers.CharField()
    about = serializers.CharField()
    county = serializers.CharField()
    member_since = serializers.DateTimeField()
    product_count = serializers.IntegerField(help_text="What is for sale now.")
    review_count = serializers.IntegerField()
    rating = serializers.DecimalField(max_digits=3, decimal_places=2, allow_null=True)
