"""Filters of the catalogue; every name and alias of the API is here."""

from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from catalog.curation.selectors import find_collection, within
from catalog.documents.conditions import in_category, of_brand, tagged, with_attributes
from catalog.documents.sql import narrowed
from catalog.models import Product, ProductQuerySet
from catalog.searching.matching import search_products
from ecommerce.filters import YesOrNoFilter

# Two places, as prices have them: PostgreSQL cannot hold every number that Python can (1e-20000).
_PRICE: dict[str, Any] = {"field_name": "price", "min_value": 0, "max_value": 10**10, "decimal_places": 2}


class ProductFilter(filters.FilterSet):
    """What products can be filtered by. The list reads the parameters alone and has SQL of its own for them
    (``catalog.documents.listing``); the export filters rows by it.
    """

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
        return narrowed(products, [in_category(name, key)])

    def of_brand(self, products: ProductQuerySet, name: str, key: str) -> QuerySet[Product]:
        return narrowed(products, [of_brand(name, key)])

    def with_attributes(self, products: ProductQuerySet, name: str, last: str) -> QuerySet[Product]:
        return narrowed(products, with_attributes(self._values(name, last)))

    def with_tags(self, products: ProductQuerySet, name: str, last: str) -> QuerySet[Product]:
        return narrowed(products, [tagged(name, self._values(name, last))])

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
