"""Counting over HTTP: the sheet out, the counted file in, its differences into the ledger."""

import hashlib
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet
from django.http import Http404, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from catalog.inventory import count_serializers, counting, selectors
from catalog.inventory.count_files import MAX_FILE, MAX_LINES, sheet_rows, write_sheet
from catalog.inventory.exceptions import CountTooLarge
from catalog.inventory.filters import CountFilter, CountLineFilter, warehouse_named
from catalog.inventory.models import StockCount, StockCountLine
from catalog.permissions import StaffByPermission
from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER, checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

_AROUND_THE_FILE = 64 * 1024  # what a multipart body may hold besides the file
_SHOWN_DIFFERENCES = 100

_ID = OpenApiParameter(
    "id", location=OpenApiParameter.PATH, description="The count.", type={"format": "uuid", "type": "string"}
)
_UPLOAD = f"""
The sheet with its column `counted` filled in, as CSV: commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252; at
most {MAX_LINES:,} lines and {MAX_FILE // 1024**2} MB. Only `sku` and `counted` are needed. A line whose `counted` is
empty was not counted.

Nothing is written to the ledger yet: the answer shows the differences. Either the whole file is taken, or nothing of
it: each bad line is named (`attr` is `file.<line>`, `bad_lines` says how many there are): `sku_unknown`, `sku_twice`,
`count_negative`, `count_too_many`, `bad_number`, `bad_columns`, `bad_quotes`.

`counted_at` is when the shelves were counted. What was sold or came in since is not taken for a difference, so say it
whenever the file is not uploaded at once.
"""
_LINE = {
    "number": 2,
    "variant_id": "0198c0de-0000-7000-8000-000000000011",
    "sku": "SM-A075-128-BLK",
    "product_name": "Samsung Galaxy A07",
    "expected": 12,
    "counted": 10,
    "difference": -2,
    "short": 0,
    "moved": False,
    "state": "open",
}
_READY: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000061",
    "warehouse": "NBO-1",
    "state": "ready",
    "counted_at": "2026-11-21T07:30:00Z",
    "name": "count-NBO-1.csv",
    "line_count": 418,
    "done_count": 0,
    "difference_count": 1,
    "units_more": 0,
    "units_fewer": 2,
    "short_count": 0,
    "created_by": "0198c0de-0000-7000-8000-000000000005",
    "created_at": "2026-11-21T07:45:00Z",
    "applied_by": None,
    "applied_at": None,
}
_APPLIED = _READY | {
    "state": "applied",
    "done_count": 418,
    "applied_by": "0198c0de-0000-7000-8000-000000000005",
    "applied_at": "2026-11-21T07:50:00Z",
}


class JsonForRefusals(DefaultContentNegotiation):
    """Whoever asks for CSV gets it; refusals are JSON like all others."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), JSONRenderer.media_type


class CountSheetView(APIView):
    permission_classes = (StaffByPermission,)
    permission_model = StockCount
    content_negotiation_class = JsonForRefusals
    schema_tag = "inventory"
    api_key_area = "stock"

    @extend_schema(
        summary="Take a sheet along for counting",
        description=(
            "CSV with `sku`, `name`, `expected` and an empty `counted`, of what lies in the warehouse or has lain "
            "there; with `all=true` of everything that is sold. No cell is a formula to a spreadsheet."
        ),
        parameters=[
            OpenApiParameter("warehouse", str, required=True, description="Its code or id."),
            OpenApiParameter("all", bool, description="Also what has never been there."),
        ],
        responses={(200, "text/csv"): OpenApiTypes.STR, 400: ErrorSerializer, 403: ErrorSerializer},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        if unknown := sorted(set(request.query_params) - {"warehouse", "all"}):
            raise ValidationError({name: ["This parameter is not known here."] for name in unknown})
        key = request.query_params.get("warehouse", "")
        if not key:
            raise ValidationError({"warehouse": ["Say which warehouse."]}, code="required")
        everything = request.query_params.get("all", "false")
        if everything not in ("true", "false"):
            raise ValidationError({"all": ["Give true or false."]})
        warehouse = warehouse_named("warehouse", key)
        rows = sheet_rows(warehouse, everything=everything == "true").iterator(chunk_size=2000)
        return StreamingHttpResponse(
            write_sheet(rows),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="count-{warehouse.code}.csv"'},
        )


@extend_schema_view(
    list=extend_schema(
        summary="List counts",
        description="Newest first.",
        examples=[OpenApiExample("Applied", value=_APPLIED, response_only=True, status_codes=["200"])],
    )
)
class CountViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[StockCount]):
    queryset = StockCount.objects.none()
    serializer_class = count_serializers.CountSerializer
    permission_classes = (StaffByPermission,)
    parser_classes = (MultiPartParser,)
    filterset_class = CountFilter
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
    schema_tag = "inventory"
    api_key_area = "stock"

    def get_queryset(self) -> QuerySet[StockCount]:
        return selectors.counts()

    @extend_schema(
        summary="Show a count",
        description=f"With its {_SHOWN_DIFFERENCES} largest differences. A worker that applies it raises `done_count`.",
        parameters=[_ID],
        responses={200: count_serializers.CountDetailSerializer},
    )
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(_detail(self.get_object()))

    @extend_schema(
        summary="Upload what was counted",
        description=_UPLOAD,
        parameters=[IDEMPOTENCY_HEADER],
        request={"multipart/form-data": count_serializers.UploadCountSerializer},
        responses={
            201: OpenApiResponse(count_serializers.CountDetailSerializer, description="Nothing is written yet."),
            413: ErrorSerializer,
        },
        examples=[
            OpenApiExample(
                "Two are missing",
                value=_READY | {"differences": [_LINE]},
                response_only=True,
                status_codes=["201"],
            )
        ],
    )
    def create(self, request: Request) -> Response:
        # By the header first: what is far too large is not even read.
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_FILE + _AROUND_THE_FILE:
            raise CountTooLarge(f"{MAX_FILE // 1024**2} MB")
        data = checked(count_serializers.UploadCountSerializer, request)
        actor = signed_in(request)
        warehouse = selectors.named_warehouses({"warehouse": data["warehouse"]})["warehouse"]
        raw = data["file"].read()
        # A file is part of what is asked for: under the same key, another file is another operation.
        operation = f"stock.count:{hashlib.sha256(raw).hexdigest()[:32]}"

        def effect() -> Response:
            count = counting.upload_count(
                warehouse=warehouse,
                name=data["file"].name or "",
                raw=raw,
                counted_at=data.get("counted_at"),
                actor=actor,
            )
            return Response(_detail(self.get_queryset().get(pk=count.pk)), status=status.HTTP_201_CREATED)

        return idempotency.run_once(request, owner=f"user:{actor.pk}", operation=operation, effect=effect)

    @extend_schema(
        summary="Delete a count",
        description="One that was not applied; 409 `count_started` else.",
        parameters=[_ID],
        responses={204: None},
    )
    def destroy(self, request: Request, pk: UUID) -> Response:
        count = self.get_object()
        try:
            retry_on_conflict(lambda: counting.delete_count(count.pk))
        except StockCount.DoesNotExist:
            raise Http404 from None
        return Response(status=status.HTTP_204_NO_CONTENT)


class ApplyCountView(APIView):
    permission_classes = (StaffByPermission,)
    permission_model = StockCount
    schema_tag = "inventory"
    api_key_area = "stock"

    @extend_schema(
        summary="Write a count's differences into the ledger",
        description=(
            f"At once, or with more than {counting.AT_ONCE:,} lines by a worker: 202, and `done_count` grows. Twice "
            "applied is once applied. What is promised to orders stays promised: a line of which more is missing than "
            "nobody was promised is `short`, and the rest waits. Cancel orders, or find the goods, and apply again."
        ),
        parameters=[_ID],
        request=None,
        responses={
            200: count_serializers.CountDetailSerializer,
            202: OpenApiResponse(count_serializers.CountDetailSerializer, description="A worker goes on with it."),
        },
        examples=[
            OpenApiExample(
                "Applied",
                value=_APPLIED | {"differences": [_LINE | {"state": "applied"}]},
                response_only=True,
                status_codes=["200"],
            )
        ],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        actor = signed_in(request)
        try:
            count = retry_on_conflict(lambda: counting.apply_count(pk, actor=actor))
        except StockCount.DoesNotExist:
            raise Http404 from None
        waits = count.state == StockCount.State.APPLYING
        code = status.HTTP_202_ACCEPTED if waits else status.HTTP_200_OK
        return Response(_detail(selectors.counts().get(pk=pk)), status=code)


@extend_schema_view(
    list=extend_schema(
        summary="List a count's lines",
        description="The largest differences first; `?different=true` leaves out what was right.",
        parameters=[_ID],
        examples=[OpenApiExample("Two are missing", value=_LINE, response_only=True, status_codes=["200"])],
    )
)
class CountLineViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[StockCountLine]):
    queryset = StockCountLine.objects.none()
    serializer_class = count_serializers.CountLineSerializer
    permission_classes = (StaffByPermission,)
    permission_model = StockCount
    filterset_class = CountLineFilter
    orderings = {"-difference": ("-size", "number"), "number": ("number",)}
    schema_tag = "inventory"
    api_key_area = "stock"

    def get_queryset(self) -> QuerySet[StockCountLine]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        count = StockCount.objects.filter(pk=self.kwargs["pk"]).first()
        if count is None:
            raise Http404
        return selectors.lines_of(count)


def _detail(count: StockCount) -> Any:
    lines = selectors.lines_of(count).exclude(counted=F("expected"))
    count.differences = list(lines[:_SHOWN_DIFFERENCES])  # type: ignore[attr-defined]
    return count_serializers.CountDetailSerializer(count).data
