"""Imports over HTTP, for staff who may add and change products."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from catalog.exchange import problems, selectors, services
from catalog.exchange.models import CatalogueImport
from catalog.exchange.serializers import (
    ImportListSerializer,
    ImportProblemSerializer,
    ImportSerializer,
    StartImportSerializer,
    UploadImportSerializer,
)
from catalog.exchange.sniffing import too_large
from ecommerce.filters import YesOrNoFilter
from ecommerce.http import IDEMPOTENCY_HEADER, checked
from ecommerce.idempotency import run_once
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

# What a multipart body may hold besides the file.
_AROUND_THE_FILE = 64 * 1024

_UPLOAD = """
A CSV, NDJSON or XLSX file, known by its content and not by its name; Shopify's product CSV is one of them. It is
answered at once, as `pending`; a worker tries it (`dry_run`) or stores it in batches, one import after the other. Ask
`GET /api/imports/{id}/` until `state` is `finished`, `failed` or `cancelled`.

What the columns mean is guessed from their names, in any case and spelling (`Variant Price`, `price`, `Unit price`);
`mapping` corrects it. A product is found by its SKUs, then by its id, then by its handle: the same file twice changes
nothing the second time. A row that is wrong is refused by name, and its product with it.
"""
_UNDO = """
Products that it made leave the shop (a later import of them brings them back), variants that it added are not sold any
more, and everything else gets the values that it had before. What somebody has changed since stays as it is, and is
reported as an error: `changed_since`.
"""
_PENDING = {
    "id": "0198c0de-0000-7000-8000-000000000051",
    "file_name": "products_export_1.csv",
    "file_size": 6510,
    "kind": "csv",
    "is_shopify": True,
    "dry_run": True,
    "state": "pending",
    "failure": "",
    "failure_detail": "",
    "progress": 0,
    "lines_read": 0,
    "created": 0,
    "changed": 0,
    "unchanged": 0,
    "refused": 0,
    "problem_count": 0,
    "columns": ["Handle", "Title", "Variant SKU", "Variant Price", "Cost per item"],
    "mapping": {
        "Handle": "url_key",
        "Title": "name",
        "Variant SKU": "sku",
        "Variant Price": "price",
        "Cost per item": "",
    },
    "currency": "KES",
    "update_stock": False,
    "differences": [],
    "undone_changes": 0,
    "kept_changes": 0,
    "created_by": "0198c0de-0000-7000-8000-000000000002",
    "created_at": "2026-11-21T07:45:00Z",
    "started_at": None,
    "finished_at": None,
    "undone_at": None,
}
_DONE = _PENDING | {
    "state": "finished",
    "progress": 100,
    "lines_read": 22,
    "created": 19,
    "refused": 1,
    "problem_count": 1,
    "differences": [
        {
            "line": 4,
            "key": "copper-light",
            "name": "Copper Light",
            "action": "updated",
            "new_variants": 0,
            "changes": {"price": ["5500.00", "5999.00"]},
        }
    ],
    "started_at": "2026-11-21T07:45:01Z",
    "finished_at": "2026-11-21T07:45:02Z",
}
_ANSWER = OpenApiExample("Taken", value=_PENDING, response_only=True, status_codes=["201"])
_SHOWN = OpenApiExample("A dry run that has ended", value=_DONE, response_only=True, status_codes=["200"])


class MayImport(BasePermission):
    """Staff who may add and change products."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return selectors.may_import(request.user)


class ImportFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=CatalogueImport.State.choices)
    dry_run = YesOrNoFilter()

    class Meta:
        model = CatalogueImport
        fields = ()


class UploadImportView(APIView):
    permission_classes = (MayImport,)
    parser_classes = (MultiPartParser,)
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        summary="Import products from a file",
        description=_UPLOAD,
        parameters=[IDEMPOTENCY_HEADER],
        request={"multipart/form-data": UploadImportSerializer},
        responses={201: ImportSerializer, 403: ErrorSerializer, 413: ErrorSerializer, 422: ErrorSerializer},
        examples=[_ANSWER],
    )
    def post(self, request: Request) -> Response:
        # By the header first: what is far too large is not even read.
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.IMPORT_MAX_BYTES + _AROUND_THE_FILE:
            raise too_large()
        form = UploadImportSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        refuse_stock(request, data["update_stock"])
        user: Any = request.user
        staged = services.stage_upload(
            file=data["file"],
            file_name=data["file"].name or "",
            options=form.options(),
            mapping=data.get("mapping"),
            dry_run=data["dry_run"],
            actor=user,
        )
        taken = False

        def effect() -> Response:
            return Response(ImportSerializer(services.enqueue(staged)).data, status=201)

        try:
            answer = run_once(
                request, owner=f"user:{user.pk}", operation="imports", effect=effect, content=staged.sha256
            )
            taken = "Idempotent-Replayed" not in answer.headers
        finally:
            if not taken:
                services.discard(staged)
        return answer


@extend_schema_view(
    list=extend_schema(summary="List imports", description="Newest first."),
    retrieve=extend_schema(
        summary="Show an import", description="How far it is, what it did, and what was wrong.", examples=[_SHOWN]
    ),
)
class ImportViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[CatalogueImport]):
    queryset = CatalogueImport.objects.none()
    permission_classes = (MayImport,)
    filterset_class: Any = ImportFilter
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[CatalogueImport]:
        imports = selectors.imports()
        return imports.defer("columns", "mapping", "differences") if self.action == "list" else imports

    def get_serializer_class(self) -> Any:
        return ImportListSerializer if self.action == "list" else ImportSerializer

    @extend_schema(
        summary="Start an import after its dry run",
        description=(
            "The file is read again and stored; with `dry_run`, only tried again, such as with another `mapping`. A "
            "409 when it was no dry run or has not ended."
        ),
        request=StartImportSerializer,
        responses={200: ImportSerializer, 403: ErrorSerializer},
        examples=[OpenApiExample("For good", value={"dry_run": False}, request_only=True)],
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def start(self, request: Request, pk: str) -> Response:
        data = checked(StartImportSerializer, request)
        refuse_stock(request, data.get("update_stock", False))
        job = self.get_object()
        return self._told(lambda: services.start_import(job.pk, **data))

    @extend_schema(
        summary="Cancel an import",
        description="It stops before its next batch. What is stored stays, and can be undone.",
        request=None,
        responses={200: ImportSerializer, 403: ErrorSerializer},
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def cancel(self, request: Request, pk: str) -> Response:
        job = self.get_object()
        return self._told(lambda: services.cancel_import(job.pk))

    @extend_schema(
        summary="Undo an import",
        description=_UNDO,
        request=None,
        responses={200: ImportSerializer, 403: ErrorSerializer},
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def undo(self, request: Request, pk: str) -> Response:
        job = self.get_object()
        return self._told(lambda: services.undo_import_changes(job.pk, actor=signed_in(request)))

    @extend_schema(
        summary="List what was wrong with an import's rows",
        description="In the file's order; the first 10,000 are kept.",
        responses=ImportProblemSerializer(many=True),
    )
    @action(detail=True, filterset_class=None, orderings={})
    def errors(self, request: Request, pk: str) -> Response:
        page = self.paginate_queryset(self.filter_queryset(selectors.problems_of(self.get_object())))  # type: ignore[arg-type]
        return self.get_paginated_response(ImportProblemSerializer(page, many=True).data)

    @extend_schema(
        summary="Download what was wrong as CSV",
        description="`line,column,key,code,message`; no cell is taken for a formula by a spreadsheet.",
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR)},
    )
    @action(detail=True, url_path="errors/download", filterset_class=None)
    def errors_csv(self, request: Request, pk: str) -> StreamingHttpResponse:
        return download(problems.as_csv(self.get_object()), name=f"import-{pk}-errors.csv", content_type="text/csv")

    def _told(self, operation: Any) -> Response:
        return Response(ImportSerializer(retry_on_conflict(operation)).data)


def refuse_stock(request: Request, update_stock: bool) -> None:
    """Raise PermissionDenied if stock shall be counted by somebody who may not change it."""
    if update_stock and not selectors.may_update_stock(request.user):
        raise PermissionDenied("Counting stock needs the right to change it.")


def download(content: Iterator[bytes], *, name: str, content_type: str) -> StreamingHttpResponse:
    """Answer with a file that is made while it is sent."""
    disposition = f'attachment; filename="{name}"'
    headers = {"Content-Disposition": disposition, "X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    charset = "; charset=utf-8" if content_type.startswith("text/") else ""
    return StreamingHttpResponse(content, content_type=f"{content_type}{charset}", headers=headers)
