"""How the catalogue looks from outside."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.currencies.serializers import DisplayCurrencyField, DisplayPriceField
from catalog.images.serializers import ProductImageSerializer
from catalog.inventory.availability import Availability
from catalog.models import Brand, Category, Product, Variant
from catalog.prices.serializers import PriceBreaksField, YourPriceField, YourProductPriceField


class CategorySerializer(serializers.ModelSerializer[Category]):
    product_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Category
        fields = ("id", "category_name", "url_key", "parent", "product_count", "created_at")
        read_only_fields = fields


class CategoryNodeSerializer(serializers.Serializer[Any]):
    """A category in the tree. ``product_count`` includes everything below it."""

    id = serializers.UUIDField()
    category_name = serializers.CharField()
    url_key = serializers.CharField()
    product_count = serializers.IntegerField()
    children = serializers.ListField(child=serializers.DictField(), help_text="Nodes of the same form.")


class CategoryInProductSerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ("id", "category_name", "url_key")
        read_only_fields = fields


class BrandSerializer(serializers.ModelSerializer[Brand]):
    class Meta:
        model = Brand
        fields = ("id", "name", "url_key")
        read_only_fields = fields


class VariantSerializer(serializers.ModelSerializer[Variant]):
    stock = serializers.IntegerField(source="stock_level.units_here", read_only=True)
    availability = serializers.SerializerMethodField()
    available_from = serializers.DateField(source="stock_level.expected_from", read_only=True, allow_null=True)
    image_url = serializers.URLField(source="shown_image_url", read_only=True)
    display_price = DisplayPriceField(help_text="With `?currency=`.")
    display_compare_at_price = DisplayPriceField("compare_at_price", help_text="With `?currency=`.")
    display_currency = DisplayCurrencyField(help_text="With `?currency=`.")
    your_price = YourPriceField(help_text="For members of a group of customers: what one unit costs them.")
    price_breaks = PriceBreaksField(help_text="From how many units on one unit costs how much.")

    class Meta:
        model = Variant
        fields = (
            "id",
            "sku",
            "options",
            "price",
            "compare_at_price",
            "your_price",
            "price_breaks",
            "display_price",
            "display_compare_at_price",
            "display_currency",
            "stock",
            "availability",
            "available_from",
            "weight_grams",
            "barcode",
            "image_url",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=Availability.choices))
    def get_availability(self, variant: Variant) -> str:
        is_kept = variant.product.kind == Product.Kind.PHYSICAL
        return variant.stock_level.availability if is_kept else Availability.IN_STOCK


class ProductListSerializer(serializers.ModelSerializer[Product]):
    category = CategoryInProductSerializer(read_only=True)
    brand = BrandSerializer(read_only=True, allow_null=True)
    stock = serializers.IntegerField(read_only=True)
    availability = serializers.ChoiceField(
        choices=Availability.choices,
        read_only=True,
        help_text="The best of its variants. What is `backorder` or `preorder` is sold now and sent later.",
    )
    available_from = serializers.DateField(read_only=True, allow_null=True, help_text="When what comes is expected.")
    image_url = serializers.URLField(source="shown_image_url", read_only=True)
    display_price = DisplayPriceField(help_text="With `?currency=`: the price in that currency; null without a rate.")
    display_currency = DisplayCurrencyField(help_text="With `?currency=`.")
    your_price = YourProductPriceField(help_text="For members of a group of customers: their lowest price of one unit.")

    class Meta:
        model = Product
        fields = (
            "id",
            "product_name",
            "url_key",
            "price",
            "currency",
            "your_price",
            "display_price",
            "display_currency",
            "category",
            "brand",
            "stock",
            "in_stock",
            "availability",
            "available_from",
            "image_url",
            "tags",
            "kind",
            "seller",
            "rating",
            "review_count",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class ProductSerializer(ProductListSerializer):
    variants = VariantSerializer(many=True, read_only=True)
    images = ProductImageSerializer(many=True, read_only=True)
    attributes = serializers.DictField(read_only=True)

    class Meta:
        model = Product
        fields = (*ProductListSerializer.Meta.fields, "description", "attributes", "variants", "images")
        read_only_fields = fields


def category_tree(categories: list[Category]) -> list[dict[str, Any]]:
    """Arrange flat categories (annotated with ``product_count``) as nested nodes, in one pass."""
    nodes = {
        category.pk: {
            "id": str(category.pk),
            "category_name": category.category_name,
            "url_key": category.url_key,
            "product_count": category.product_count,  # type: ignore[attr-defined]
            "children": [],
        }
        for category in categories
    }
    # Deepest first, so that each count is complete before it is added to its parent's.
    for category in sorted(categories, key=lambda c: c.path.count("."), reverse=True):
        if category.parent_id is not None:
            parent = nodes[category.parent_id]
            parent["product_count"] += nodes[category.pk]["product_count"]
    for category in sorted(categories, key=lambda c: c.category_name.casefold()):
        if category.parent_id is not None:
            nodes[category.parent_id]["children"].append(nodes[category.pk])
    roots = (category for category in categories if category.parent_id is None)
    return [nodes[category.pk] for category in sorted(roots, key=lambda c: c.category_name.casefold())]
