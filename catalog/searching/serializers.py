"""The form of searches and of their answers."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from catalog.attributes.asking import MAX_CHOICES, MAX_LENGTH, RangeInput, attributes_from_pairs
from catalog.attributes.models import Attribute
from catalog.documents.orders import PRODUCT_ORDERINGS, SEARCH_ORDERINGS
from catalog.serializers import ProductListSerializer
from ecommerce.forms import shared

MAX_RESULTS_DEEP = 10_000
_PRICE: dict[str, Any] = {"max_digits": 12, "decimal_places": 2, "min_value": 0, "required": False}

ALIASES = {
    "search": "q",
    "price_min": "min_price",
    "price_max": "max_price",
    "sort": "sort_by",
    "ordering": "sort_by",
    "limit": "page_size",
}
_SEVERAL = ("category", "brand", "attributes")


class ChoicesField(serializers.ListField):
    """One text or several of them."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.CharField(max_length=MAX_LENGTH)
        super().__init__(child=child, min_length=1, max_length=MAX_CHOICES, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value([data] if isinstance(data, str) else data)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {name: {"type": ["string", "number"]} for name in ("min", "max", "below")},
            },
        ]
    }
)
class ValueOrRangeField(serializers.CharField):
    """A text, a number, a truth value, or a range of numbers: ``{"min": 64, "max": "1 TB"}``."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, dict):
            if unknown := sorted(data.keys() - {"min", "max", "below"}):
                raise ValidationError({name: ["A range has min, max and below."] for name in unknown})
            ends = {name: end for name, end in data.items() if end is not None}
            return RangeInput(
                **{name: super(ValueOrRangeField, self).run_validation(end) for name, end in ends.items()}
            )
        return super().run_validation(str(data).lower() if isinstance(data, bool) else data)


class AttributeChoicesField(serializers.ListField):
    """One value or range, or several of them."""

    def __init__(self, **kwargs: Any) -> None:
        child = ValueOrRangeField(max_length=MAX_LENGTH)
        super().__init__(child=child, min_length=1, max_length=MAX_CHOICES, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value([data] if isinstance(data, str | int | float | dict) else data)


class SearchSerializer(serializers.Serializer[Any]):
    q = serializers.CharField(
        required=False, allow_blank=True, help_text="Words, prefixes, part numbers; typos are forgiven."
    )
    category = ChoicesField(required=False, help_text="Id or url_key, or several; branches below count.")
    brand = ChoicesField(required=False, help_text="Id or url_key, or several.")
    min_price = serializers.DecimalField(**_PRICE)
    max_price = serializers.DecimalField(**_PRICE)
    in_stock = serializers.BooleanField(required=False, allow_null=True, default=None)
    attributes = serializers.DictField(
        child=AttributeChoicesField(),
        required=False,
        help_text='Such as `{"color": ["black", "white"], "storage": {"min": 64, "max": "1 TB"}}`: any of the values.',
    )
    sort_by = serializers.ChoiceField(
        choices=SEARCH_ORDERINGS, required=False, help_text="`relevance` with `q`, else `newest`."
    )
    page = serializers.IntegerField(min_value=1, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=100, default=20)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["page"] * attrs["page_size"] > MAX_RESULTS_DEEP:
            deepest = MAX_RESULTS_DEEP // attrs["page_size"]
            raise ValidationError({"page": [f"At this page_size, give a whole number from 1 to {deepest}."]})
        searching = bool(attrs.get("q", "").strip())
        if attrs.get("sort_by") not in (None, *(SEARCH_ORDERINGS if searching else PRODUCT_ORDERINGS)):
            raise ValidationError({"sort_by": ["Order by relevance only with q."]})
        return attrs


def asked(request: Request, *, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what a search asks for, from the query of a GET or the body of a POST, under the names of the contract.

    Raises:
        ValidationError: names each key that is unknown or wrong, as the client wrote it.
    """
    given: Any = request.data if request.method == "POST" else _from_query(request, also)
    if not isinstance(given, Mapping):
        raise ValidationError({"non_field_errors": ["Give a JSON object."]})
    names = {name: ALIASES.get(name, name) for name in given}
    form = shared(SearchSerializer)
    fields = form.fields
    if unknown := [name for name, field in names.items() if field not in fields]:
        raise ValidationError({name: ["This is not known here."] for name in sorted(unknown)})
    if len(set(names.values())) < len(names):
        twice = sorted(name for name in names if list(names.values()).count(names[name]) > 1)
        raise ValidationError({name: ["Give this under one name only."] for name in twice})
    try:
        data: dict[str, Any] = form.run_validation({names[name]: value for name, value in given.items()})
    except ValidationError as error:
        written = {field: name for name, field in names.items()}
        rows: Any = error.detail
        raise ValidationError({written.get(field, field): rows[field] for field in rows}) from None
    return data


def _from_query(request: Request, also: tuple[str, ...]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, values in request.query_params.lists():
        if name in also:
            continue
        if name == "attributes":
            given[name] = attributes_from_pairs(values)
        else:
            given[name] = values if ALIASES.get(name, name) in _SEVERAL else values[-1]
    return given


# --- Answers --------------------------------------------------------------------------------------------------


class CategoryCountSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url_key = serializers.CharField()
    category_name = serializers.CharField()
    count = serializers.IntegerField(help_text="With everything below it.")


class BrandCountSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url_key = serializers.CharField()
    name = serializers.CharField()
    count = serializers.IntegerField()


class PriceCountSerializer(serializers.Serializer[Any]):
    min_price = serializers.CharField(help_text="Decimal string.")
    max_price = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()


class StockCountSerializer(serializers.Serializer[Any]):
    value = serializers.BooleanField()
    count = serializers.IntegerField()


class ValueCountSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]  # a field, not the attribute of Field
        required=False, help_text="Of a choice."
    )
    count = serializers.IntegerField()


class RangeCountSerializer(serializers.Serializer[Any]):
    min = serializers.CharField(allow_null=True)
    below = serializers.CharField(allow_null=True, help_text="The first number that is not in the range.")
    count = serializers.IntegerField()


class AttributeCountsSerializer(serializers.Serializer[Any]):
    """``label``, ``type`` and ``unit`` are those of a defined attribute."""

    name = serializers.CharField()
    label = serializers.CharField(required=False)  # type: ignore[assignment]
    type = serializers.ChoiceField(choices=Attribute.Type.choices, required=False)
    unit = serializers.CharField(required=False)
    values = ValueCountSerializer(many=True)
    ranges = RangeCountSerializer(many=True, required=False, help_text="Of a number with steps.")


class FacetsSerializer(serializers.Serializer[Any]):
    """How many results each choice would leave, with what is chosen in the other groups."""

    category = CategoryCountSerializer(many=True)
    brand = BrandCountSerializer(many=True)
    price = PriceCountSerializer(many=True)
    in_stock = StockCountSerializer(many=True)
    attributes = AttributeCountsSerializer(many=True)


class SearchAnswerSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.CharField(allow_null=True, help_text="The next page's address, for GET.")
    previous = serializers.CharField(allow_null=True)
    did_you_mean = serializers.CharField(allow_null=True, help_text="The spelling whose results these are.")
    results = ProductListSerializer(many=True)
    facets = FacetsSerializer()


class SuggestedProductSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    product_name = serializers.CharField()
    url_key = serializers.CharField()
    price = serializers.CharField(help_text="Decimal string.")
    currency = serializers.CharField()
    image_url = serializers.CharField()
    in_stock = serializers.BooleanField()


class SuggestedBrandSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url_key = serializers.CharField()
    name = serializers.CharField()


class SuggestedCategorySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url_key = serializers.CharField()
    category_name = serializers.CharField()


class SuggestionsSerializer(serializers.Serializer[Any]):
    did_you_mean = serializers.CharField(allow_null=True, help_text="The spelling that these are for.")
    products = SuggestedProductSerializer(many=True)
    brands = SuggestedBrandSerializer(many=True)
    categories = SuggestedCategorySerializer(many=True)
