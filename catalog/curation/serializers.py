"""The form of requests and answers about collections."""

from typing import Any

from rest_framework import serializers

from catalog.curation.models import Collection
from catalog.curation.services import MAX_PRODUCTS


class CollectionSerializer(serializers.ModelSerializer[Collection]):
    position = serializers.IntegerField(min_value=0, max_value=32_767, default=0, help_text="Among the collections.")
    url_key = serializers.SlugField(max_length=140, required=False, help_text="Without one, made from the name.")
    rule = serializers.DictField(
        required=False,
        help_text="Of one by rule: conditions that must all hold, out of `category`, `brand`, `min_price`, "
        "`max_price`, `in_stock`, `attributes`, `created_within_days`, `min_rating`. Several values are alternatives.",
    )

    class Meta:
        model = Collection
        fields = (
            "id",
            "name",
            "url_key",
            "description",
            "position",
            "kind",
            "rule",
            "published_from",
            "published_until",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "created_at", "updated_at")
        extra_kwargs = {
            "published_from": {"help_text": "Null: not published."},
            "published_until": {"help_text": "The first moment at which it is taken back; null: for ever."},
        }


class SetProductsSerializer(serializers.Serializer[Any]):
    products = serializers.ListField(
        child=serializers.UUIDField(), max_length=MAX_PRODUCTS, help_text="Ids, in their order; each once."
    )
