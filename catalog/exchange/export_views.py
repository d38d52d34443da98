"""The catalogue as a file, for staff who may see all products."""

import logging
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from catalog.exchange import selectors
from catalog.exchange.exporting import FORMATS, export
from catalog.exchange.views import download
from catalog.filters import ProductFilter
from catalog.models import Product, ProductQuerySet
from ecommerce.schema import ErrorSerializer

logger = logging.getLogger(__name__)

FORMAT = OpenApiParameter(
    "format", enum=list(FORMATS), default="csv", description="`shopify` is Shopify's product CSV. Without it: `csv`."
)


_EXPORT = """
All products that have not been removed, also those that are not for sale, narrowed by the filters of the product list;
a row for each variant, sorted by `url_key`. The file is made while it is sent, so its size is no limit, and it can be
imported again. Cells that a spreadsheet would run as a formula have an apostrophe in front.
"""


class MayExport(BasePermission):
    """Staff who may see products, also those that are not for sale."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return selectors.may_export(request.user)


class OneRenderer(BaseContentNegotiation):
    """Refusals are JSON whatever the client accepts; ``?format=`` means the file."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ExportView(GenericAPIView[Product]):
    permission_classes = (MayExport,)
    content_negotiation_class = OneRenderer
    filterset_class: Any = ProductFilter
    extra_query_parameters = (FORMAT.name,)
    pagination_class = None
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_queryset(self) -> ProductQuerySet:
        return selectors.products_to_export()

    @extend_schema(
        summary="Export products to a file",
        description=_EXPORT,
        parameters=[FORMAT],
        filters=True,
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="The file."),
            (200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR),
            (200, FORMATS["xlsx"][0]): OpenApiResponse(OpenApiTypes.BINARY),
            400: ErrorSerializer,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        form = request.query_params.get(FORMAT.name, "csv")
        if form not in FORMATS:
            raise ValidationError({FORMAT.name: [f"One of: {', '.join(FORMATS)}."]})
        products: Any = self.filter_queryset(self.get_queryset())
        content_type, suffix = FORMATS[form]
        logger.info("catalogue_exported", extra={"user_id": str(request.user.pk), "format": form})
        name = f"products-{timezone.now():%Y-%m-%d}.{suffix}"
        return download(export(products, form), name=name, content_type=content_type)
