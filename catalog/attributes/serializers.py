"""The form of requests and answers about attributes."""

import re
from decimal import Decimal
from itertools import pairwise
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from catalog.attributes.models import Attribute, AttributeChoice
from catalog.attributes.selectors import AttributeSet
from catalog.attributes.services import ChoiceInput, PlaceInput
from catalog.attributes.units import UNITS, shown
from catalog.fields import KeyField, PlainTextField
from catalog.models import Category
from catalog.searching.indexing import NO_FACETS
from catalog.serializers import CategoryInProductSerializer

MAX_CHOICES = 200
MAX_PLACES = 200
MAX_STEPS = 20
_CODE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_CHOICE_CODE = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


class ChoiceSerializer(serializers.ModelSerializer[AttributeChoice]):
    class Meta:
        model = AttributeChoice
        fields = ("code", "label", "former")
        read_only_fields = fields


class PlaceSerializer(serializers.Serializer[Any]):
    category = CategoryInProductSerializer()
    required = serializers.BooleanField()  # type: ignore[assignment]  # a field, not the attribute of Field
    position = serializers.IntegerField()


class StepsField(serializers.ListField):
    """Numbers as decimal strings, without zeros at their ends."""

    child = serializers.CharField()

    def to_representation(self, data: Any) -> list[str]:
        return [shown(Decimal(step)) for step in data]


class AttributeSerializer(serializers.ModelSerializer[Attribute]):
    choices = ChoiceSerializer(many=True, read_only=True)
    steps = StepsField(read_only=True, help_text="Where the ranges of its facet begin; without any it tells values.")
    categories = PlaceSerializer(source="category_rows", many=True, read_only=True)

    class Meta:
        model = Attribute
        fields = (
            "id",
            "code",
            "label",
            "type",
            "unit",
            "choices",
            "steps",
            "filterable",
            "facetable",
            "categories",
            "created_at",
        )
        read_only_fields = fields


class EffectiveAttributeSerializer(serializers.ModelSerializer[Attribute]):
    """An attribute as products of a category have it."""

    choices = ChoiceSerializer(many=True, read_only=True)
    required = serializers.BooleanField()  # type: ignore[assignment]
    position = serializers.IntegerField()
    category = CategoryInProductSerializer(help_text="Which category says so: this one, or one above.")
    inherited = serializers.BooleanField()

    class Meta:
        model = Attribute
        fields = (
            "code",
            "label",
            "type",
            "unit",
            "choices",
            "filterable",
            "facetable",
            "required",
            "position",
            "category",
            "inherited",
        )
        read_only_fields = fields


class AttributeSetSerializer(serializers.Serializer[AttributeSet]):
    category = CategoryInProductSerializer()
    only_defined_attributes = serializers.BooleanField(
        help_text="Products have no other attributes; said of this category or of one above."
    )
    attributes = serializers.SerializerMethodField()

    @extend_schema_field(EffectiveAttributeSerializer(many=True))
    def get_attributes(self, found: AttributeSet) -> Any:
        for each in found.attributes:
            # The row is the category's alone: what it says stands beside what the attribute says.
            each.attribute.required = each.required  # type: ignore[attr-defined]
            each.attribute.position = each.position  # type: ignore[attr-defined]
            each.attribute.category = each.category  # type: ignore[attr-defined]
            each.attribute.inherited = each.category != found.category  # type: ignore[attr-defined]
        return EffectiveAttributeSerializer([each.attribute for each in found.attributes], many=True).data


class WriteChoiceSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=60, help_text="What products keep: a-z, 0-9, `-` and `_`.")
    label = PlainTextField(  # type: ignore[assignment]
        one_line=True, max_length=120, required=False, help_text="As people read it; the code when absent."
    )
    was = serializers.CharField(max_length=60, required=False, help_text="The code that this one takes the place of.")

    def validate_code(self, code: str) -> str:
        if not _CHOICE_CODE.fullmatch(code):
            raise ValidationError("Use a-z and 0-9, joined by single hyphens or underscores.", code="invalid")
        return code

    def validate(self, attrs: dict[str, Any]) -> Any:
        return {"label": attrs["code"], **attrs}


class WritePlaceSerializer(serializers.Serializer[Any]):
    category = KeyField(Category.objects.all(), help_text="Id or url_key; the branches below have it too.")
    required = serializers.BooleanField(default=False)  # type: ignore[assignment]
    position = serializers.IntegerField(default=0, min_value=0, max_value=32_000)


class WriteAttributeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(
        max_length=60, help_text="The name in `attributes` of products and in filters: `screen_size`. Never changes."
    )
    label = PlainTextField(one_line=True, max_length=120)  # type: ignore[assignment]
    type = serializers.ChoiceField(choices=Attribute.Type.choices)
    unit = serializers.ChoiceField(
        choices=[*UNITS],
        required=False,
        allow_blank=True,
        help_text="Of a number. What has it in another is converted.",
    )
    choices = serializers.ListField(child=WriteChoiceSerializer(), required=False, max_length=MAX_CHOICES)
    steps = serializers.ListField(
        child=serializers.DecimalField(max_digits=18, decimal_places=6),
        required=False,
        max_length=MAX_STEPS,
        help_text="Of a number, ascending: where the ranges of its facet begin.",
    )
    filterable = serializers.BooleanField(required=False)
    facetable = serializers.BooleanField(required=False)
    categories = serializers.ListField(child=WritePlaceSerializer(), required=False, max_length=MAX_PLACES)

    def validate_code(self, code: str) -> str:
        if self.instance is not None and code != self.instance.code:
            raise ValidationError("The code of an attribute never changes.", code="fixed")
        if not _CODE.fullmatch(code) or code in NO_FACETS:
            raise ValidationError("Use a-z and 0-9, joined by single underscores.", code="invalid")
        if self.instance is None and Attribute.objects.filter(code=code).exists():
            raise ValidationError("This is taken.", code="unique")
        return code

    def validate_choices(self, choices: list[dict[str, Any]]) -> list[ChoiceInput]:
        for name in ("code", "was"):
            given = [choice[name] for choice in choices if choice.get(name)]
            if len(set(given)) < len(given):
                raise ValidationError(f"Each {name} stands there once.", code="given_twice")
        return [ChoiceInput(**choice) for choice in choices]

    def validate_categories(self, places: list[dict[str, Any]]) -> list[PlaceInput]:
        if len({place["category"].pk for place in places}) < len(places):
            raise ValidationError("Each category stands there once.", code="given_twice")
        return [PlaceInput(**place) for place in places]

    def validate_steps(self, steps: list[Decimal]) -> list[Decimal]:
        if any(low >= high for low, high in pairwise(steps)):
            raise ValidationError("Each step is larger than the one before.", code="invalid")
        return steps

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "categories" in attrs:
            attrs["places"] = attrs.pop("categories")
        return attrs
