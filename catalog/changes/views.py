"""The feed of changes over HTTP; anyone may read."""

from datetime import datetime

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.changes import reading
from catalog.changes.serializers import ProductChangesSerializer
from ecommerce.pagination import bounded
from ecommerce.schema import ErrorSerializer

DEFAULT_SIZE, MAX_SIZE = 100, 500
_SIZES = ("page_size", "limit")
_PARAMETERS = {"cursor", "updated_since", *_SIZES}
_ABOUT = """
Every product that has changed, in the order of change, each once with its last change: a new one, its own data, its
variants, prices and pictures, sold out or back in stock (not each unit), its category or brand renamed, its rating.
What is not for sale any more is told with `deleted` and without a `product`.

Start without a parameter to read everything, or with `updated_since`. Then ask with `next_cursor` for what comes after:
at once while `has_more`, and whenever you like from then on. Nothing is skipped, also of what is written at the same
time: a change is told when every transaction that began to write before it has ended.
"""
_CURSOR = "n6xg81siLCI3NDAyIiwiMDE5OGMwZGUwMDAwNzAwMDgwMDAwMDAwMDAwMDAwMDEiXQ"


class ProductChangesView(APIView):
    permission_classes = (AllowAny,)
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        operation_id="products_changes",
        summary="Read what has changed",
        description=_ABOUT,
        parameters=[
            OpenApiParameter("cursor", description="The `next_cursor` of an earlier answer."),
            OpenApiParameter(
                "updated_since",
                OpenApiTypes.DATETIME,
                description="For a start: ISO 8601. A few older may be among them.",
            ),
            OpenApiParameter("page_size", int, description=f"{DEFAULT_SIZE} by default, at most {MAX_SIZE}."),
        ],
        responses={200: ProductChangesSerializer, 400: ErrorSerializer},
        examples=[
            OpenApiExample(
                "A product that was taken out of the shop",
                value={
                    "results": [
                        {
                            "id": "0198c0de-0000-7000-8000-000000000001",
                            "changed_at": "2026-11-21T07:45:00Z",
                            "deleted": True,
                            "product": None,
                        }
                    ],
                    "next_cursor": _CURSOR,
                    "has_more": False,
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        if unknown := sorted(set(request.query_params) - _PARAMETERS):
            raise ValidationError({name: ["This parameter is not known here."] for name in unknown})
        size = DEFAULT_SIZE
        for name in _SIZES:
            if (text := request.query_params.get(name)) is not None:
                size = bounded(name, text, MAX_SIZE)
                break
        page = reading.changes_after(_place(request), size)
        answer = {"results": page.changes, "next_cursor": page.place.as_cursor(), "has_more": page.has_more}
        return Response(ProductChangesSerializer(answer, context={"request": request}).data)


def _place(request: Request) -> reading.Place:
    cursor, since = request.query_params.get("cursor"), request.query_params.get("updated_since")
    if cursor is not None and since is not None:
        raise ValidationError({"updated_since": ["Give it for a start, without a cursor."]})
    if cursor is not None:
        return reading.place_of(cursor)
    return reading.BEGINNING if since is None else reading.place_since(_moment(since))


def _moment(text: str) -> datetime:
    try:
        moment: datetime = serializers.DateTimeField(default_timezone=timezone.get_default_timezone()).run_validation(
            text
        )
    except ValidationError as error:
        raise ValidationError({"updated_since": error.detail}) from None
    return moment
