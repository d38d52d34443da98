"""The catalogue over HTTP; anyone may read."""

from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import F, OrderBy, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import selectors, serializers
from catalog.currencies.serializers import SHOWN_IN
from catalog.currencies.views import DISPLAY_CURRENCY, shown_in
from catalog.editing.views import ProductWrites
from catalog.filters import ProductFilter
from catalog.models import Product
from catalog.prices.selectors import member_of_a_group
from catalog.prices.serializers import PERSONAL
from ecommerce.filters import refuse_unknown_parameters
from ecommerce.pagination import CursorOrPagePagination, PageNumberPagination

ORDERING_PARAMETER = OpenApiParameter(
    "ordering",
    description="`price`, `created_at`, `product_name`, `rating`, each also with `-`; `relevance` with `search`; "
    "`price_asc`, `price_desc`, `newest`. Aliases of the parameter: `sort`, `sort_by`.",
)
Orderings = dict[str, tuple[str | OrderBy, ...]]
PRODUCT_ORDERINGS: Orderings = {
    "-created_at": ("-created_at", "id"),
    "created_at": ("created_at", "id"),
    "newest": ("-created_at", "id"),
    "price": ("price", "id"),
    "price_asc": ("price", "id"),
    "-price": ("-price", "id"),
    "price_desc": ("-price", "id"),
    "product_name": ("product_name", "id"),
    "-product_name": ("-product_name", "id"),
    "rating": ("rating", "id"),
    "-rating": (F("rating").desc(nulls_last=True), "id"),  # the unrated are not the best
}
SEARCH_ORDERINGS: Orderings = {"relevance": ("-relevance", "id")} | PRODUCT_ORDERINGS


CURSOR_ORDERINGS: dict[str, tuple[str, ...]] = {
    "-created_at": ("-created_at", "id"),
    "newest": ("-created_at", "id"),
    "created_at": ("created_at", "id"),
    "price": ("price", "id"),
    "price_asc": ("price", "id"),
    "-price": ("-price", "id"),
    "price_desc": ("-price", "id"),
    "product_name": ("product_name", "id"),
    "-product_name": ("-product_name", "id"),
}
CURSOR = OpenApiParameter(
    "cursor",
    description="Page by place instead of by number, as deep as the list goes: start with an empty one, go on with "
    "`next_cursor`. The answer is `{next, next_cursor, results}`, without a count; not with `rating` or `relevance`.",
)


class ByIdOrUrlKey(viewsets.GenericViewSet[Any]):
    """Look a row up by its UUID or its url_key."""

    lookup_value_regex = "[^/.]+"

    def get_object(self) -> Any:
        key = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
        row = get_object_or_404(self.get_queryset(), selectors.by_id_or_url_key(key))
        self.check_object_permissions(self.request, row)
        return row


@extend_schema_view(
    list=extend_schema(
        summary="List products",
        description="Filter, search and sort the products for sale. An unknown parameter is a 400 that names it.",
        parameters=[ORDERING_PARAMETER, CURSOR, DISPLAY_CURRENCY],
    ),
    retrieve=extend_schema(
        summary="Show a product",
        description="By id or url_key, with its variants.",
        parameters=[DISPLAY_CURRENCY],
    ),
)
class ProductViewSet(ProductWrites, ByIdOrUrlKey, viewsets.ReadOnlyModelViewSet[Product]):
    queryset = Product.objects.none()
    permission_classes: tuple[type[BasePermission], ...] = (IsAuthenticatedOrReadOnly,)
    filterset_class = ProductFilter
    pagination_class: type[PageNumberPagination] = CursorOrPagePagination
    cursor_orderings = CURSOR_ORDERINGS
    extra_query_parameters: tuple[str, ...] = (DISPLAY_CURRENCY.name, CURSOR.name)
    schema_tag = "catalog"

    @cached_property
    def member(self) -> UUID | None:
        """The reader, if prices are their own."""
        return None if getattr(self, "swagger_fake_view", False) else member_of_a_group(self.request.user)

    @property
    def orderings(self) -> Orderings:
        searching = any(self.request.query_params.get(name, "").strip() for name in ("search", "q"))
        return SEARCH_ORDERINGS if searching else PRODUCT_ORDERINGS

    def get_queryset(self) -> QuerySet[Product]:
        return selectors.products_for_sale(with_variants=self.action != "list", member=self.member)

    def get_serializer_class(self) -> Any:
        return serializers.ProductListSerializer if self.action == "list" else serializers.ProductSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        faked = getattr(self, "swagger_fake_view", False)
        shown = None if faked else shown_in(self.request)
        return {**super().get_serializer_context(), SHOWN_IN: shown, PERSONAL: self.member is not None}

    @extend_schema(
        summary="Show the category tree",
        description="All categories, nested, with the number of products in each and below it.",
        responses=serializers.CategoryNodeSerializer(many=True),
        filters=False,
    )
    @action(detail=False, methods=["get"], permission_classes=[AllowAny], pagination_class=None, filter_backends=[])
    def categories(self, request: Request) -> Response:
        refuse_unknown_parameters(request)
        return Response(serializers.category_tree(list(selectors.categories_with_counts())))
