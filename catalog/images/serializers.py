"""How pictures look from outside."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.images.models import ProductImage
from ecommerce.pictures.storage import address_of


class ThumbnailSerializer(serializers.Serializer[Any]):
    """A WebP file; ``size`` is the longer side that was aimed at, which a smaller picture does not reach."""

    size = serializers.IntegerField()
    url = serializers.URLField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class ProductImageSerializer(serializers.ModelSerializer[ProductImage]):
    """A picture. ``url`` is its largest file; it and ``thumbnails`` are empty until ``state`` is ``ready``."""

    url = serializers.SerializerMethodField()
    thumbnails = serializers.SerializerMethodField()

    class Meta:
        model = ProductImage
        fields = (
            "id",
            "product",
            "variant",
            "position",
            "alt",
            "state",
            "failure",
            "width",
            "height",
            "url",
            "thumbnails",
            "created_at",
        )
        read_only_fields = fields

    def get_url(self, image: ProductImage) -> str:
        return address_of(image.thumbnails[max(image.thumbnails, key=int)]["file"]) if image.thumbnails else ""

    @extend_schema_field(ThumbnailSerializer(many=True))
    def get_thumbnails(self, image: ProductImage) -> list[dict[str, Any]]:
        return [
            {"size": int(size), "url": address_of(row["file"]), "width": row["width"], "height": row["height"]}
            for size, row in sorted(image.thumbnails.items(), key=lambda item: int(item[0]))
        ]


class UploadImageSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="A JPEG, PNG, WebP or GIF of at most 5 MB and 25 million pixels.")
    alt = serializers.CharField(max_length=200, default="", allow_blank=True, help_text="What is to be seen.")
    variant = serializers.UUIDField(required=False, help_text="Of the product, if the picture shows only this one.")


class UpdateImageSerializer(serializers.Serializer[Any]):
    alt = serializers.CharField(max_length=200, required=False, allow_blank=True)
    position = serializers.IntegerField(required=False, min_value=0, max_value=32_767)


class ReorderImagesSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.UUIDField(), max_length=100, help_text="Every picture of the product, each once."
    )
