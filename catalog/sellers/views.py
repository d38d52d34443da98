"""The page of a seller over HTTP; anyone may read."""

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.sellers.selectors import storefront
from catalog.sellers.serializers import StorefrontSerializer
from ecommerce.http import ConditionalMixin

_EXAMPLE = OpenApiExample(
    "A seller",
    value={
        "id": "0198c0de-0000-7000-8000-000000000081",
        "display_name": "Mama Njeri Electronics",
        "url_key": "mama-njeri-electronics",
        "about": "Phones and chargers from Luthuli Avenue since 2009.",
        "county": "Nairobi",
        "member_since": "2026-11-22T08:10:00Z",
        "product_count": 42,
        "review_count": 17,
        "rating": "4.53",
    },
    response_only=True,
)


class StorefrontView(ConditionalMixin, APIView):
    permission_classes = (AllowAny,)
    schema_tag = "sellers"
    api_key_area = "catalogue"

    @extend_schema(
        summary="Show a seller",
        description=(
            "What they sell: `GET /api/products/?seller=<id>`. 404 unless the seller is approved, and while suspended."
        ),
        responses={200: StorefrontSerializer},
        examples=[_EXAMPLE],
    )
    def get(self, request: Request, key: str) -> Response:
        found = storefront(key)
        if found is None:
            raise Http404
        return Response(StorefrontSerializer(found).data)
