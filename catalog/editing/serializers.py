"""The form of products as they are written, and as their editors see them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.models import User
from catalog.duplicates import is_id
from catalog.editing.url_keys import RESERVED, RESERVED_TEXT
from catalog.editing.variants import MAX_SOLD, VariantEdit
from catalog.fields import KeyField, LineField, PlainTextField
from catalog.importing.cleaning import clean_line
from catalog.models import Brand, Category, Product, Variant
from catalog.serializers import BrandSerializer, CategoryInProductSerializer
from catalog.tagging.serializers import TagNamesField
from catalog.tax_kinds import TaxKind

LOWEST_PRICE = Decimal("0.01")
MAX_OPTIONS = 6  # of one variant
MAX_OPTION_NAME = 40
MAX_OPTION = 100  # characters of an option's value
MAX_UNITS = 1_000_000  # that a new variant starts with
MAX_GRAMS = 1_000_000
MAX_POSITION = 32_767
_TOLD = 20  # unknown fields that one answer names

# What a browser or a program might send back from an answer. Ignoring it would look as if it had been written.
_KEPT_BY_THE_SHOP = {
    *("price", "currency", "stock", "in_stock", "availability", "available_from"),
    *("rating", "review_count", "picture", "images"),
}
_READ_ONLY = _KEPT_BY_THE_SHOP | {"id", "created_at", "deleted_at", "source_id"}


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that names the fields which it does not know, instead of ignoring them."""

    read_only_names: frozenset[str] = frozenset()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := [name for name in data if name not in self.fields]):
            raise serializers.ValidationError({str(name)[:60]: [self._refusal(name)] for name in unknown[:_TOLD]})
        return super().to_internal_value(data)

    def _refusal(self, name: str) -> ErrorDetail:
        if name in self.read_only_names:
            return ErrorDetail("The shop keeps this field itself.", code="read_only")
        return ErrorDetail("This field is not known here.", code="unknown_field")


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": MAX_OPTIONS})
class OptionsField(serializers.DictField):
    """What tells a variant from the others: ``{"color": "Black"}``."""

    child = LineField(max_length=MAX_OPTION)
    default_error_messages = {
        "too_many_options": f"A variant has at most {MAX_OPTIONS} options.",
        "option_name_invalid": f"The name of an option has 1 to {MAX_OPTION_NAME} visible characters.",
    }

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            if len(data) > MAX_OPTIONS:
                self.fail("too_many_options")
            if any(clean_line(name) != name or not 0 < len(name) <= MAX_OPTION_NAME for name in data):
                self.fail("option_name_invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.OBJECT)
class AttributesField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object; the service fits it to the category."""

    default_error_messages = {"not_an_object": "Give a JSON object."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_an_object")
        return dict(data)

    def to_representation(self, value: Any) -> Any:
        return value


def _price(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=12, decimal_places=2, min_value=LOWEST_PRICE, **kwargs)


class WriteVariantSerializer(StrictSerializer):
    """A variant. One that exists is named by its ``id`` or its ``sku``."""

    read_only_names = frozenset(
        {
            *("in_stock", "available", "availability", "available_from", "on_hand", "picture"),
            *("created_at", "updated_at", "product"),
        }
    )

    id = serializers.UUIDField(required=False, help_text="Of a variant that exists; with it the `sku` can be changed.")
    sku = LineField(required=False, max_length=64)
    mpn = LineField(max_length=200, allow_blank=True, default="")
    options = OptionsField(default=dict, help_text='Texts by name: `{"color": "Black"}`; at most 6.')
    price = _price(required=False, help_text="In the product's currency; required for a new variant.")
    compare_at_price = _price(allow_null=True, default=None, help_text="The former price, higher than the price.")
    weight_grams = serializers.IntegerField(min_value=0, max_value=MAX_GRAMS, allow_null=True, default=None)
    barcode = LineField(max_length=64, allow_blank=True, default="")
    image_url = serializers.URLField(max_length=500, allow_blank=True, default="")
    position = serializers.IntegerField(required=False, min_value=0, max_value=MAX_POSITION)
    is_active = serializers.BooleanField(default=True, help_text="Whether it is sold.")
    stock = serializers.IntegerField(
        required=False, min_value=0, max_value=MAX_UNITS, help_text="Units that a new variant starts with; only then."
    )


class WriteProductSerializer(StrictSerializer):
    """A product as its seller writes it."""

    read_only_names = frozenset(_READ_ONLY | {"seller", "tags", "tax_kind", "item_class_code"})
    default_error_messages = {
        "url_key_reserved": RESERVED_TEXT,
        "url_key_is_id": "A url_key must not look like an id.",
    }

    product_name = LineField(max_length=255)
    url_key = serializers.SlugField(
        required=False, max_length=140, help_text="Its address; made from the name, and kept when left out."
    )
    description = PlainTextField(max_length=50_000, allow_blank=True, default="", help_text="Markup is removed.")
    category = KeyField(Category.objects.all(), help_text="An id or a url_key.")
    brand = KeyField(Brand.objects.all(), allow_null=True, default=None, help_text="An id or a url_key.")
    kind = serializers.ChoiceField(Product.Kind.choices, required=False, help_text="`physical` if left out; it stays.")
    image_url = serializers.URLField(
        max_length=500, allow_blank=True, default="", help_text="A picture elsewhere; uploaded ones come before it."
    )
    attributes = AttributesField(
        default=dict, help_text="As the category's attributes have it; what nobody has defined as it is, 3 levels deep."
    )
    is_active = serializers.BooleanField(required=False, help_text="Whether it is in the shop; `true` if left out.")
    variants = WriteVariantSerializer(many=True, allow_empty=False, max_length=MAX_SOLD)  # type: ignore[call-arg]
    updated_at = serializers.DateTimeField(
        required=False, help_text="As you read it: if the product was changed since, nothing is written."
    )

    def validate_url_key(self, url_key: str) -> str:
        if url_key in RESERVED:
            self.fail("url_key_reserved")
        if is_id(url_key):
            self.fail("url_key_is_id")
        return url_key

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not self.partial:  # they stand in the order in which they are named
            for position, variant in enumerate(attrs["variants"]):
                variant.setdefault("position", position)
        return attrs


class StaffWriteProductSerializer(WriteProductSerializer):
    """A product as staff write it, who may say whose it is, and what it is shown among."""

    read_only_names = frozenset(_READ_ONLY)

    seller = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(role=User.Role.SELLER, is_active=True),
        required=False,
        allow_null=True,
        help_text="A user with the role `seller`; null is the shop. Staff only.",
    )
    tax_kind = serializers.ChoiceField(TaxKind.choices, required=False, help_text="`standard` if left out. Staff only.")
    item_class_code = serializers.RegexField(
        r"^[0-9]{0,10}$",
        required=False,
        allow_blank=True,
        help_text="What it is to the Kenya Revenue Authority: digits of the UNSPSC, for tax invoices. Staff only.",
    )
    tags = TagNamesField(default=list, help_text="Names or url_keys. Unknown ones are made for staff who may add tags.")


def as_edits(variants: list[dict[str, Any]]) -> list[VariantEdit]:
    """Return checked variants as the service takes them."""
    return [
        VariantEdit(
            attr=f"variants.{index}",
            id=variant.get("id"),
            stock=variant.get("stock"),
            fields={name: value for name, value in variant.items() if name not in ("id", "stock")},
        )
        for index, variant in enumerate(variants)
    ]


class EditableVariantSerializer(serializers.ModelSerializer[Variant]):
    stock = serializers.IntegerField(source="stock_level.units_here", read_only=True)

    class Meta:
        model = Variant
        fields = (
            "id",
            "sku",
            "mpn",
            "options",
            "price",
            "compare_at_price",
            "weight_grams",
            "barcode",
            "image_url",
            "position",
            "is_active",
            "stock",
        )
        read_only_fields = fields


class EditableProductSerializer(serializers.ModelSerializer[Product]):
    """A product with all that can be written, and with the variants that are not sold."""

    category = CategoryInProductSerializer(read_only=True)
    brand = BrandSerializer(read_only=True, allow_null=True)
    attributes = serializers.DictField(read_only=True)
    variants = EditableVariantSerializer(many=True, read_only=True)

    class Meta:
        model = Product
        fields = (
            "id",
            "product_name",
            "url_key",
            "description",
            "category",
            "brand",
            "kind",
            "seller",
            "price",
            "currency",
            "in_stock",
            "image_url",
            "attributes",
            "tags",
            "tax_kind",
            "item_class_code",
            "is_active",
            "variants",
            "created_at",
            "updated_at",
            "deleted_at",
        )
        read_only_fields = fields


class RemovedProductSerializer(serializers.ModelSerializer[Product]):
    category = CategoryInProductSerializer(read_only=True)

    class Meta:
        model = Product
        fields = ("id", "product_name", "url_key", "category", "seller", "price", "currency", "deleted_at")
        read_only_fields = fields
