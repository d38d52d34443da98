"""Search and type-ahead over HTTP; anyone may use them."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from catalog.currencies.views import DISPLAY_CURRENCY
from catalog.documents.answers import JsonOnly, answer_kept, answer_products, rendered
from catalog.documents.listing import page_body
from catalog.documents.orders import ORDERINGS, SEARCH_ORDERINGS
from catalog.documents.shaping import FIELDS, INCLUDE, shape_asked
from catalog.prices.selectors import member_of_a_group
from catalog.searching.finding import criteria_of, find
from catalog.searching.serializers import (
    SearchAnswerSerializer,
    SearchSerializer,
    SuggestionsSerializer,
    asked,
)
from catalog.searching.suggesting import suggest
from ecommerce.filters import refuse_unknown_parameters
from ecommerce.http import IF_NONE_MATCH_HEADER
from ecommerce.schema import ErrorSerializer

_OF_SHAPE = (FIELDS.name, INCLUDE.name, DISPLAY_CURRENCY.name)
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
        OpenApiParameter("sort_by", enum=SEARCH_ORDERINGS, description="`relevance` with `q`, else `newest`."),
        OpenApiParameter("page", int),
        OpenApiParameter("page_size", int),
        FIELDS,
        INCLUDE,
        DISPLAY_CURRENCY,
    ]


class SearchView(JsonOnly):
    permission_classes = (AllowAny,)
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        operation_id="products_search",
        summary="Search products",
        description=_ABOUT,
        parameters=[*_parameters(), IF_NONE_MATCH_HEADER],
        responses={200: SearchAnswerSerializer, 400: ErrorSerializer, 404: ErrorSerializer},
    )
    def get(self, request: Request) -> HttpResponse:
        member = member_of_a_group(request.user)
        return answer_products(request, lambda: self._search(request, member), member=member)

    @extend_schema(
        operation_id="products_search_by_body",
        summary="Search products by a JSON body",
        description=_ABOUT,
        parameters=[FIELDS, INCLUDE, DISPLAY_CURRENCY],
        request=SearchSerializer,
        responses={200: SearchAnswerSerializer, 400: ErrorSerializer, 404: ErrorSerializer},
        examples=[_EXAMPLE],
    )
    def post(self, request: Request) -> HttpResponse:
        if unknown := sorted(set(request.query_params) - set(_OF_SHAPE)):
            raise ValidationError({name: ["Give this in the body."] for name in unknown})
        body = self._search(request, member_of_a_group(request.user))
        return HttpResponse(body, content_type="application/json")

    def _search(self, request: Request, member: UUID | None) -> bytes:
        data = asked(request, also=_OF_SHAPE)
        shape = shape_asked(request, member=member)
        number, size = data.pop("page"), data.pop("page_size")
        text, order = data.pop("q", ""), ORDERINGS.get(data.pop("sort_by", ""))
        start = (number - 1) * size
        found = find(text, criteria_of(**data), order=order, start=start, size=size, whole=shape.needs_parts)
        if number > 1 and not found.items:
            raise NotFound("Invalid page.")
        more = {"did_you_mean": found.did_you_mean, "facets": found.counted.facets}
        return page_body(
            found.counted.total,
            shape.shaped(found.items),
            _link(request, number + 1) if found.counted.total > number * size else None,
            _link(request, number - 1) if number > 1 else None,
            b"," + rendered(more)[1:-1],
        )


class SuggestView(JsonOnly):
    permission_classes = (AllowAny,)
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        operation_id="products_suggest",
        summary="Suggest while somebody types",
        description="Products, brands and categories that the text may become; typos are forgiven.",
        parameters=[OpenApiParameter("q", required=True, description="What has been typed so far.")],
        responses={200: SuggestionsSerializer, 400: ErrorSerializer},
    )
    def get(self, request: Request) -> HttpResponse:
        refuse_unknown_parameters(request, {"q"})
        text = request.query_params.get("q", "")
        return answer_kept(request, lambda: rendered(SuggestionsSerializer(suggest(text)).data))


def _link(request: Request, page: int) -> str | None:
    """Return the address of another page; a search by body has none, its client counts ``page`` up."""
    if request.method != "GET":
        return None
    query: list[tuple[str, Any]] = [
        (name, value) for name, values in request.query_params.lists() for value in values if name != "page"
    ]
    return request.build_absolute_uri(f"{request.path}?{urlencode([*query, ('page', page)])}")
