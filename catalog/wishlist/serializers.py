"""The form of requests and answers about wishes."""

from typing import Any

from rest_framework import serializers

from catalog.serializers import ProductListSerializer
from catalog.wishlist.models import StockNotice, WishlistItem


class WishlistItemSerializer(serializers.ModelSerializer[WishlistItem]):
    product = ProductListSerializer(read_only=True)
    notify = serializers.BooleanField(read_only=True, help_text="You are told when it is back in stock.")

    class Meta:
        model = WishlistItem
        fields = ("product", "notify", "created_at")
        read_only_fields = fields


class WishSerializer(serializers.Serializer[Any]):
    product_id = serializers.UUIDField()


class AskForNoticeSerializer(serializers.Serializer[Any]):
    variant_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="Of a product with several; without it, any of them."
    )


class StockNoticeSerializer(serializers.ModelSerializer[StockNotice]):
    class Meta:
        model = StockNotice
        fields = ("product", "variant", "created_at")
        read_only_fields = fields
