"""The form of requests and answers about saved carts."""

from typing import Any

from rest_framework import serializers

from orders.saved_carts.models import SavedCart, SavedCartItem


class SaveCartSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)


class SavedCartItemSerializer(serializers.ModelSerializer[SavedCartItem]):
    product_id = serializers.UUIDField(source="variant.product_id", read_only=True)
    variant_id = serializers.UUIDField(read_only=True)
    product_name = serializers.CharField(source="variant.product.product_name", read_only=True)
    sku = serializers.CharField(source="variant.sku", read_only=True)
    price = serializers.DecimalField(
        max_digits=12, decimal_places=2, read_only=True, help_text="Of one unit, when it was chosen."
    )

    class Meta:
        model = SavedCartItem
        fields = ("product_id", "variant_id", "product_name", "sku", "quantity", "price")
        read_only_fields = fields


class SavedCartSerializer(serializers.ModelSerializer[SavedCart]):
    items = SavedCartItemSerializer(many=True, read_only=True)

    class Meta:
        model = SavedCart
        fields = ("id", "name", "items", "created_at")
        read_only_fields = fields
