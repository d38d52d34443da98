"""Search and type-ahead over HTTP; anyone may use them."""

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.currencies.serializers import SHOWN_IN
from catalog.currencies.views import DISPLAY_CURRENCY, shown_in
from catalog.prices.selectors import member_of_a_group
from catalog.prices.serializers import PERSONAL
from catalog.searching.finding import criteria_of, find
from catalog.searching.serializers import (
    SearchAnswerSerializer,
    SearchSerializer,
    SuggestionsSerializer,
    asked,
)
from catalog.searching.suggesting import suggest
from catalog.serializers import ProductListSerializer
from catalog.views import SEARCH_ORDERINGS
from ecommerce.filters import refuse_unknown_parameters
from ecommerce.schema import ErrorSerializer

_ABOUT = (
    "Each word matches as a prefix, a part number with and without its separators. When nothing matches, the results "
    "are those of the likeliest spelling, which `did_you_mean` names. The facets count what each further choice would "
    "leave; a group is counted as if nothing had been chosen in it. Aliases: `search`, `price_min`, `price_max`, "
    "`sort`, `ordering`, `limit`. What is not known is a 400 that names it."
)
_EXAMPLE = OpenApiExample(
    "Black or white Galaxy phones in stock",
    value={
        "q": "galaxy a15",
        "category": "phones",
        "attributes": {"color": ["black", "white"]},
        "max_price": "30000.00",
        "in_stock": True,
        "sort_by": "price_asc",
    },
    request_only=True,
)


def _parameters() -> list[OpenApiParameter]:
    fields = SearchSerializer().fields
    texts = {"category", "brand"}
    return [
        *(
            OpenApiParameter(name, description=str(fields[name].help_text or ""), many=name in texts)
            for name in ("q", "category", "brand")
        ),
        OpenApiParameter("min_price"),
        OpenApiParameter("max_price"),
        OpenApiParameter("in_stock", bool),
        OpenApiParameter(
            "attributes", many=True, description="`name:value`, such as `color:black` or `storage:64..256`; repeat it."
        ),
        OpenApiParameter("sort_by", enum=list(SEARCH_ORDERINGS), description="`relevance` with `q`, else `newest`."),
        OpenApiParameter("page", int),
        OpenApiParameter("page_size", int),
        DISPLAY_CURRENCY,
    ]


class SearchView(APIView):
    permission_classes = (AllowAny,)
    schema_tag = "catalog"

    @extend_schema(
        operation_id="products_search",
        summary="Search products",
        description=_ABOUT,
        parameters=_parameters(),
        responses={200: SearchAnswerSerializer, 400: ErrorSerializer, 404: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        return self._search(request)

    @extend_schema(
        operation_id="products_search_by_body",
        summary="Search products by a JSON body",
        description=_ABOUT,
        parameters=[DISPLAY_CURRENCY],
        request=SearchSerializer,
        responses={200: SearchAnswerSerializer, 400: ErrorSerializer, 404: ErrorSerializer},
        examples=[_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        if unknown := sorted(set(request.query_params) - {DISPLAY_CURRENCY.name}):
            raise ValidationError({name: ["Give this in the body."] for name in unknown})
        return self._search(request)

    def _search(self, request: Request) -> Response:
        data = asked(request, also=(DISPLAY_CURRENCY.name,))
        currency = shown_in(request)
        number, size = data.pop("page"), data.pop("page_size")
        text, order = data.pop("q", ""), SEARCH_ORDERINGS.get(data.pop("sort_by", ""))
        member = member_of_a_group(request.user)
        found = find(text, criteria_of(**data), order=order, start=(number - 1) * size, size=size, member=member)
        if number > 1 and not found.page:
            raise NotFound("Invalid page.")
        context = {"request": request, SHOWN_IN: currency, PERSONAL: member is not None}
        rows = ProductListSerializer(found.page, many=True, context=context).data
        return Response(
            {
                "count": found.counted.total,
                "next": _link(request, number + 1) if found.counted.total > number * size else None,
                "previous": _link(request, number - 1) if number > 1 else None,
                "did_you_mean": found.did_you_mean,
                "results": rows,
                "facets": found.counted.facets,
            }
        )


class SuggestView(APIView):
    permission_classes = (AllowAny,)
    schema_tag = "catalog"

    @extend_schema(
        operation_id="products_suggest",
        summary="Suggest while somebody types",
        description="Products, brands and categories that the text may become; typos are forgiven.",
        parameters=[OpenApiParameter("q", required=True, description="What has been typed so far.")],
        responses={200: SuggestionsSerializer, 400: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        refuse_unknown_parameters(request, {"q"})
        return Response(SuggestionsSerializer(suggest(request.query_params.get("q", ""))).data)


def _link(request: Request, page: int) -> str | None:
    """Return the address of another page; a search by body has none, its client counts ``page`` up."""
    if request.method != "GET":
        return None
    query: list[tuple[str, Any]] = [
        (name, value) for name, values in request.query_params.lists() for value in values if name != "page"
    ]
    return request.build_absolute_uri(f"{request.path}?{urlencode([*query, ('page', page)])}")
