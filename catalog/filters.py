"""Filters of the catalogue; every name and alias of the API is here."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError as FormValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from catalog import selectors
from catalog.attributes.asking import attributes_from_pairs
from catalog.curation.selectors import find_collection, within
from catalog.models import Product, ProductQuerySet
from catalog.searching.finding import criteria_of
from catalog.searching.matching import search_products
from catalog.tagging.selectors import find_tags


class YesOrNoField(forms.NullBooleanField):
    """True or false; the form's own field takes any other word for no answer, and the filter would be ignored."""

    def to_python(self, value: Any) -> bool | None:  # type: ignore[override]  # as NullBooleanField's own
        if value in self.empty_values:
            return None
        answer = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
        if answer is None:
            raise FormValidationError("Give true or false.", code="invalid")
        return answer


class YesOrNoFilter(filters.BooleanFilter):
    field_class = YesOrNoField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, widget=forms.TextInput, **kwargs)


# Two places, as prices have them: PostgreSQL cannot hold every number that Python can (1e-20000).
_PRICE: dict[str, Any] = {"field_name": "price", "min_value": 0, "max_value": 10**10, "decimal_places": 2}


MAX_TAGS = 50


class ProductFilter(filters.FilterSet):
    category = filters.CharFilter(method="in_category", label="a category's id or url_key; branches below count")
    brand = filters.CharFilter(method="of_brand", label="a brand's id or url_key")
    seller = filters.UUIDFilter(field_name="seller_id")
    kind = filters.ChoiceFilter(choices=Product.Kind.choices)
    in_stock = YesOrNoFilter()
    price_min = filters.NumberFilter(lookup_expr="gte", **_PRICE)
    price_max = filters.NumberFilter(lookup_expr="lte", **_PRICE)
    min_price = filters.NumberFilter(lookup_expr="gte", **_PRICE)
    max_price = filters.NumberFilter(lookup_expr="lte", **_PRICE)
    attributes = filters.CharFilter(
        method="with_attributes", label="name:value, such as color:black or storage:64..256; repeat it"
    )
    collection = filters.CharFilter(method="in_collection", label="a published collection's id or url_key")
    tags = filters.CharFilter(method="with_tags", label="a tag's url_key; repeated, any of them")
    search = filters.CharFilter(method="matching", label="words, prefixes, part numbers; typos are forgiven")
    q = filters.CharFilter(method="matching", label="the same as search")

    class Meta:
        model = Product
        fields = ()

    def in_category(self, products: ProductQuerySet, name: str, key: str) -> QuerySet[Product]:
        branch = selectors.branch_ids(key)
        if not branch:
            raise ValidationError({name: ["There is no such category."]})
        # Ids, not a join: with the ids in hand the planner scans the matches once instead of once per category.
        return products.filter(category_id__in=branch)

    def of_brand(self, products: ProductQuerySet, name: str, key: str) -> QuerySet[Product]:
        brand = selectors.find_brand(key)
        if brand is None:
            raise ValidationError({name: ["There is no such brand."]})
        return products.filter(brand=brand)

    def with_attributes(self, products: ProductQuerySet, name: str, last: str) -> QuerySet[Product]:
        return criteria_of(attributes=attributes_from_pairs(self._values(name, last))).narrow(products)

    def with_tags(self, products: ProductQuerySet, name: str, last: str) -> QuerySet[Product]:
        keys = self._values(name, last)
        if len(keys) > MAX_TAGS or any("\0" in key for key in keys):
            raise ValidationError({name: [f"Give at most {MAX_TAGS} url_keys of tags."]})
        found = find_tags(keys)
        if any(key not in found for key in keys):
            raise ValidationError({name: ["There is no such tag."]})
        return products.filter(tags__overlap=[tag.url_key for tag in found.values()])

    def _values(self, name: str, last: str) -> list[str]:
        """Return all values of a parameter that may be repeated; the form has checked the last of them alone."""
        return self.data.getlist(name) if isinstance(self.data, QueryDict) else [last]

    def in_collection(self, products: ProductQuerySet, name: str, key: str) -> QuerySet[Product]:
        collection = find_collection(self.request.user, key) if self.request else None
        if collection is None:
            raise ValidationError({name: ["There is no such collection."]})
        return within(collection, products)

    def matching(self, products: ProductQuerySet, name: str, text: str) -> QuerySet[Product]:
        return search_products(products, text, attr=name)
