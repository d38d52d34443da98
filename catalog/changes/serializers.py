"""The form of the feed."""

from typing import Any

from rest_framework import serializers

from catalog.serializers import ProductListSerializer


class ProductChangeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="product_id", help_text="The product's.")
    changed_at = serializers.DateTimeField()
    deleted = serializers.SerializerMethodField(help_text="It is not for sale (any more); `product` is null.")
    product = ProductListSerializer(allow_null=True, help_text="As it is now.")

    def get_deleted(self, change: Any) -> bool:
        return change.product is None


class ProductChangesSerializer(serializers.Serializer[Any]):
    results = ProductChangeSerializer(many=True)
    next_cursor = serializers.CharField(help_text="Ask with it for what comes after; keep it for the next time.")
    has_more = serializers.BooleanField(help_text="There is more to be read now.")
