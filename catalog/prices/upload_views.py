"""Prices of a list by file over HTTP."""

from typing import Any
from uuid import UUID

from django.http import Http404, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from catalog.exchange.export_views import OneRenderer
from catalog.exchange.sniffing import too_large
from catalog.exchange.views import download
from catalog.permissions import StaffByPermission
from catalog.prices.files import MAX_FILE, MAX_ROWS, export_prices, price_file
from catalog.prices.models import PriceList
from catalog.prices.upload_serializers import UploadPricesSerializer, UploadReportSerializer
from catalog.prices.uploading import MAX_SHOWN, upload_prices
from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER, checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

_AROUND_THE_FILE = 64 * 1024  # what a multipart body may hold besides the file
_ID = OpenApiParameter(
    "id", location=OpenApiParameter.PATH, description="The price list.", type={"format": "uuid", "type": "string"}
)
_UPLOAD = f"""
CSV with the columns `sku` (or `variant`, its id) and `price`, and if you like `min_quantity` (1 where it is empty) and
`currency`, which must be the list's; `product_name` is not read. Commas, semicolons, tabs or bars; UTF-8 or UTF-16,
also packed by gzip; at most {MAX_ROWS:,} lines and {MAX_FILE // 1024**2} MB.

Prices that the file names are set, and with `replace` all others are removed. One wrong line, and nothing is changed:
each is named (`attr` is `file.<line>`, `bad_lines` says how many there are); with `skip_bad` wrong lines are left out
and stand in the report. With `dry_run` nothing is changed, whatever is wrong: the report says all. The first
{MAX_SHOWN} problems and differences are told. Sent twice, the same file changes nothing the second time.

Codes of lines: `required`, `unknown_variant`, `no_price`, `bad_price`, `price_too_high`, `bad_quantity`,
`wrong_currency`, `break_twice`, `bad_columns`.
"""
_REPORT: dict[str, Any] = {
    "dry_run": True,
    "lines": 3,
    "created": 1,
    "changed": 1,
    "unchanged": 0,
    "removed": 0,
    "bad": 1,
    "problems": [
        {"line": 4, "column": "sku", "code": "unknown_variant", "message": "There is no variant 'ANK-20X'."},
    ],
    "differences": [
        {"line": 2, "sku": "ANK-20W", "min_quantity": 1, "before": "1450.00", "after": "1400.00"},
        {"line": 3, "sku": "ANK-20W", "min_quantity": 10, "before": None, "after": "1250.00"},
    ],
}


class UploadPricesView(APIView):
    permission_classes = (StaffByPermission,)
    permission_model = PriceList
    parser_classes = (MultiPartParser,)
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        summary="Set the prices of a price list by a file",
        description=_UPLOAD,
        parameters=[_ID, IDEMPOTENCY_HEADER],
        request={"multipart/form-data": UploadPricesSerializer},
        responses={
            200: UploadReportSerializer,
            400: ErrorSerializer,
            403: ErrorSerializer,
            413: ErrorSerializer,
        },
        examples=[OpenApiExample("A dry run", value=_REPORT, response_only=True, status_codes=["200"])],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        # By the header first: what is far too large is not even read.
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_FILE + _AROUND_THE_FILE:
            raise too_large(MAX_FILE)
        price_list = get_object_or_404(PriceList, pk=pk)
        data = checked(UploadPricesSerializer, request)
        with price_file(data.pop("file")) as file:

            def effect() -> Response:
                try:
                    report = upload_prices(price_list.pk, file, **data)
                except PriceList.DoesNotExist:
                    raise Http404 from None
                return Response(UploadReportSerializer(report).data)

            if data["dry_run"]:
                return retry_on_conflict(effect)
            return idempotency.run_once(
                request,
                owner=f"user:{signed_in(request).pk}",
                operation="price-list.upload",
                effect=effect,
                content=file.sha256,
            )


class ExportPricesView(APIView):
    permission_classes = (StaffByPermission,)
    permission_model = PriceList
    content_negotiation_class = OneRenderer
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        summary="Export the prices of a price list to a file",
        description=(
            "CSV in the form that an upload takes: sent back unchanged, it changes nothing. Made while it is sent. "
            "Prices of removed products are left out. Cells that a spreadsheet would run as a formula have an "
            "apostrophe in front. Staff only."
        ),
        parameters=[_ID],
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="The file."),
            403: ErrorSerializer,
        },
    )
    def get(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        return as_download(get_object_or_404(PriceList, pk=pk))


def as_download(price_list: PriceList) -> StreamingHttpResponse:
    return download(export_prices(price_list), name=f"prices-{price_list.pk}.csv", content_type="text/csv")
