"""The form of requests and answers about tags."""

from typing import Any

from rest_framework import serializers

from catalog.duplicates import refuse_taken, refuse_uuid
from catalog.fields import KeyField, PlainTextField
from catalog.tagging.models import Tag
from catalog.tagging.services import MAX_NAME, MAX_TAGS


class TagSerializer(serializers.ModelSerializer[Tag]):
    product_count = serializers.IntegerField(read_only=True, help_text="Products for sale.")

    class Meta:
        model = Tag
        fields = ("id", "name", "url_key", "former", "product_count", "created_at")
        read_only_fields = fields
        extra_kwargs = {"former": {"help_text": "url_keys that still mean it."}}


class WriteTagSerializer(serializers.Serializer[Any]):
    name = PlainTextField(one_line=True, max_length=MAX_NAME)
    url_key = serializers.RegexField(
        r"^[a-z0-9_-]+\Z",
        required=False,
        max_length=MAX_NAME,
        validators=[refuse_uuid],
        help_text="a-z, 0-9, `-` and `_`; made from the name when absent.",
    )

    def validate_name(self, name: str) -> str:
        refuse_taken(Tag.objects.all(), "name", name, own=self.instance)
        return name

    def validate_url_key(self, url_key: str) -> str:
        refuse_taken(Tag.objects.all(), "url_key", url_key, own=self.instance)
        return url_key


class MergeTagSerializer(serializers.Serializer[Any]):
    into = KeyField(Tag.objects.all(), help_text="Id or url_key of the tag that stays.")


class TagNamesField(serializers.ListField):
    child = serializers.CharField(max_length=MAX_NAME)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_TAGS, **kwargs)


class ProductTagsSerializer(serializers.Serializer[Any]):
    tags = TagNamesField(help_text="Names or url_keys.")


class TaggedSerializer(serializers.Serializer[Any]):
    tags = serializers.ListField(child=serializers.CharField(), help_text="url_keys.")
