"""The form of requests and answers about categories and brands."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from catalog.duplicates import refuse_taken, refuse_uuid
from catalog.fields import KeyField, PlainTextField
from catalog.models import Brand, Category
from catalog.selectors import ancestors_of
from catalog.serializers import BrandSerializer, CategoryInProductSerializer, CategorySerializer

_KEY_HELP = "Part of the address in the shop; made from the name when absent."


class CategoryDetailSerializer(CategorySerializer):
    ancestors = serializers.SerializerMethodField(help_text="From the root to the parent.")

    class Meta:
        model = Category
        fields = (*CategorySerializer.Meta.fields, "ancestors", "only_defined_attributes")
        read_only_fields = fields

    @extend_schema_field(CategoryInProductSerializer(many=True))
    def get_ancestors(self, category: Category) -> Any:
        above = ancestors_of(category) if category.parent_id else ()
        return CategoryInProductSerializer(above, many=True).data


class WriteCategorySerializer(serializers.Serializer[Any]):
    category_name = PlainTextField(one_line=True, max_length=120)
    url_key = serializers.SlugField(required=False, max_length=140, validators=[refuse_uuid], help_text=_KEY_HELP)
    parent = KeyField(  # type: ignore[assignment]  # a field, not the attribute of Field
        Category.objects.all(), required=False, allow_null=True, help_text="Id or url_key; null stands at the root."
    )
    only_defined_attributes = serializers.BooleanField(
        required=False, help_text="Products of it, and of all below, have no attributes but those given to them."
    )

    def validate_category_name(self, name: str) -> str:
        refuse_taken(Category.objects.all(), "category_name", name, own=self.instance)
        return name

    def validate_url_key(self, url_key: str) -> str:
        refuse_taken(Category.objects.all(), "url_key", url_key, own=self.instance)
        return url_key


class BrandDetailSerializer(serializers.ModelSerializer[Brand]):
    product_count = serializers.IntegerField(read_only=True, help_text="Products for sale.")

    class Meta:
        model = Brand
        fields = (*BrandSerializer.Meta.fields, "image_url", "product_count", "created_at")
        read_only_fields = fields


class WriteBrandSerializer(serializers.Serializer[Any]):
    name = PlainTextField(one_line=True, max_length=120)
    url_key = serializers.SlugField(required=False, max_length=140, validators=[refuse_uuid], help_text=_KEY_HELP)
    image_url = serializers.URLField(
        required=False, allow_blank=True, max_length=500, help_text="The logo's address, https."
    )

    def validate_name(self, name: str) -> str:
        refuse_taken(Brand.objects.all(), "name", name, own=self.instance)
        return name

    def validate_url_key(self, url_key: str) -> str:
        refuse_taken(Brand.objects.all(), "url_key", url_key, own=self.instance)
        return url_key

    def validate_image_url(self, address: str) -> str:
        if address and not address.startswith("https://"):
            raise ValidationError("Give an https address.", code="invalid")
        return address


class MergeBrandSerializer(serializers.Serializer[Any]):
    into = KeyField(Brand.objects.all(), help_text="Id or url_key of the brand that stays.")
