"""Filters of the catalogue; every name and alias of the API is here."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from catalog import selectors
from catalog.models import Product, ProductQuerySet
from catalog.search import search_products


class ProductFilter(filters.FilterSet):
    category = filters.CharFilter(method="in_category", label="a category's id or url_key; branches below count")
    brand = filters.CharFilter(method="of_brand", label="a brand's id or url_key")
    seller = filters.UUIDFilter(field_name="seller_id")
    kind = filters.ChoiceFilter(choices=Product.Kind.choices)
    in_stock = filters.BooleanFilter()
    price_min = filters.NumberFilter(field_name="price", lookup_expr="gte", min_value=0, max_value=10**10)
    price_max = filters.NumberFilter(field_name="price", lookup_expr="lte", min_value=0, max_value=10**10)
    min_price = filters.NumberFilter(field_name="price", lookup_expr="gte", min_value=0, max_value=10**10)
    max_price = filters.NumberFilter(field_name="price", lookup_expr="lte", min_value=0, max_value=10**10)
    search = filters.CharFilter(method="matching", label="words, prefixes, part numbers; typos are forgiven")
    q = filters.CharFilter(method="matching", label="the same as search")

    class Meta:
        model = Product
        fields = ()

    def in_category(self, products: ProductQuerySet, name: str, key: str) -> QuerySet[Product]:
        category = selectors.find_category(key)
        if category is None:
            raise ValidationError({name: ["There is no such category."]})
        return products.filter(category__path__in_branch=category.path)

    def of_brand(self, products: ProductQuerySet, name: str, key: str) -> QuerySet[Product]:
        brand = selectors.find_brand(key)
        if brand is None:
            raise ValidationError({name: ["There is no such brand."]})
        return products.filter(brand=brand)

    def matching(self, products: ProductQuerySet, name: str, text: str) -> QuerySet[Product]:
        return search_products(products, text, attr=name)
