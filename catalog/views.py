"""The catalogue over HTTP; anyone may read."""

from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticatedOrReadOnly
from rest_framework.request import Request

from catalog import selectors, serializers
from catalog.currencies.views import DISPLAY_CURRENCY
from catalog.documents import listing
from catalog.documents.answers import JsonOnly, answer_kept, answer_products, rendered
from catalog.documents.reading import named, read_product
from catalog.documents.shaping import FIELDS, INCLUDE, shape_asked
from catalog.editing.views import ProductWrites
from catalog.filters import ProductFilter
from catalog.models import Product
from catalog.prices.selectors import member_of_a_group
from ecommerce.filters import refuse_unknown_parameters
from ecommerce.http import IF_NONE_MATCH_HEADER

OF_SHAPE = frozenset({FIELDS.name, INCLUDE.name, DISPLAY_CURRENCY.name})
ORDERING_PARAMETER = OpenApiParameter(
    "ordering",
    description="`price`, `created_at`, `product_name`, `rating`, each also with `-`; `relevance` with `search`; "
    "`price_asc`, `price_desc`, `newest`. Aliases of the parameter: `sort`, `sort_by`.",
)
CURSOR = OpenApiParameter(
    listing.CURSOR,
    description="Page by place instead of by number, as deep as the list goes: start with an empty one, go on with "
    "`next_cursor`. The answer is `{next, next_cursor, results}`, without a count; not with `rating` or `relevance`.",
)


class ByIdOrUrlKey(JsonOnly, viewsets.GenericViewSet[Any]):
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
        parameters=[ORDERING_PARAMETER, CURSOR, FIELDS, INCLUDE, DISPLAY_CURRENCY, IF_NONE_MATCH_HEADER],
    ),
    retrieve=extend_schema(
        summary="Show a product",
        description="By id or url_key, with its variants.",
        parameters=[FIELDS, DISPLAY_CURRENCY, IF_NONE_MATCH_HEADER],
    ),
)
class ProductViewSet(ProductWrites, ByIdOrUrlKey, viewsets.ReadOnlyModelViewSet[Product]):
    queryset = Product.objects.none()
    permission_classes: tuple[type[BasePermission], ...] = (IsAuthenticatedOrReadOnly,)
    filterset_class = ProductFilter
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_serializer_class(self) -> Any:
        return serializers.ProductListSerializer if self.action == "list" else serializers.ProductSerializer

    def list(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        member = member_of_a_group(request.user)

        def make() -> bytes:
            shape = shape_asked(request, member=member)
            asked = listing.listing_asked(request, also=OF_SHAPE)
            return listing.list_page(asked, shape, request.build_absolute_uri())

        return answer_products(request, make, member=member)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        member = member_of_a_group(request.user)

        def make() -> bytes:
            shape = shape_asked(request, whole=True, member=member)
            product = read_product(named(self.kwargs["pk"]))
            if product is None:
                raise Http404
            return shape.shaped(product)

        return answer_products(request, make, member=member)

    @extend_schema(
        summary="Show the category tree",
        description="All categories, nested, with the number of products in each and below it.",
        responses=serializers.CategoryNodeSerializer(many=True),
        filters=False,
    )
    @action(detail=False, methods=["get"], permission_classes=[AllowAny], pagination_class=None, filter_backends=[])
    def categories(self, request: Request) -> HttpResponse:
        refuse_unknown_parameters(request)
        return answer_kept(
            request, lambda: rendered(serializers.category_tree(list(selectors.categories_with_counts())))
        )


# Keeps what the serializers give until the catalogue changes. (A docstring would stand in the API's documentation.)
class KeptMixin(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Any]):
    def list(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        return answer_kept(request, lambda: rendered(super(KeptMixin, self).list(request, *args, **kwargs).data))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        return answer_kept(request, lambda: rendered(super(KeptMixin, self).retrieve(request, *args, **kwargs).data))
