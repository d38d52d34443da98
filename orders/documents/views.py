"""Documents over HTTP: a PDF each, or what it says as JSON."""

import logging
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from ecommerce.schema import ErrorSerializer
from orders.documents import selectors
from orders.documents.exceptions import InvoiceNotIssued
from orders.documents.exporting import csv_rows
from orders.documents.filters import DocumentFilter
from orders.documents.models import TaxDocument
from orders.documents.packing import slip_of
from orders.documents.pdf.packing_slips import packing_slip_pdf
from orders.documents.pdf.tax_documents import tax_document_pdf
from orders.documents.rendering import RENDERERS, file_or_json
from orders.documents.selectors import documents, fiscal_facts, may_see_documents
from orders.documents.serializers import DocumentSerializer, DocumentSummarySerializer
from orders.guests.access import ORDER_TOKEN_HEADER, SignedInOrHolder, buyer_of
from orders.models import Order
from orders.selectors import orders_open_to

logger = logging.getLogger(__name__)

Kind = TaxDocument.Kind
_AS_FILE = "A PDF, or with `Accept: application/json` all that is printed on it."
_REFUSED: dict[Any, Any] = {401: ErrorSerializer, 404: ErrorSerializer, 409: ErrorSerializer}
_EXAMPLE = OpenApiExample(
    "An invoice",
    value={
        "id": "0198c0de-0000-7000-8000-000000000001",
        "kind": "invoice",
        "number": "INV-2026-000042",
        "order": "0198c0de-0000-7000-8000-000000000002",
        "order_number": "1000017",
        "corrects": None,
        "issued_at": "2026-11-21T09:15:00Z",
        "currency": "KES",
        "amount": "11600.00",
        "etims_status": "accepted",
    },
    response_only=True,
    media_type="application/json",
)


def _file(serializer: Any) -> dict[Any, Any]:
    return {
        (200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, description="The document."),
        (200, "application/json"): serializer,
        **_REFUSED,
    }


class MaySeeDocuments(BasePermission):
    """Staff who may see every invoice."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return may_see_documents(request.user)


class OrderDocumentView(GenericAPIView[TaxDocument]):
    """What hangs below an order, for whoever may read that order."""

    permission_classes: Any = (SignedInOrHolder,)
    renderer_classes: Any = RENDERERS
    serializer_class: Any = DocumentSerializer
    queryset = TaxDocument.objects.none()
    pagination_class = None
    filter_backends = ()
    schema_tag = "orders"

    def order_of(self, request: Request, order_id: UUID) -> Order:
        order = orders_open_to(buyer_of(request)).prefetch_related(None).filter(pk=order_id).first()
        if order is None:
            raise NotFound()
        return order

    def answer(self, request: Request, document: TaxDocument) -> Response:
        return file_or_json(
            request,
            name=document.number,
            as_pdf=lambda: tax_document_pdf(document.content, fiscal_facts(document)),
            as_json=lambda: DocumentSerializer(document).data,
        )


class InvoiceView(OrderDocumentView):
    api_key_area = "orders"

    @extend_schema(
        summary="Show an order's invoice",
        description=(
            f"{_AS_FILE} It is issued when the order is paid; before that `invoice_not_issued`. Once KRA's control "
            "unit has signed it, the PDF bears its signature and QR code."
        ),
        parameters=[ORDER_TOKEN_HEADER],
        responses=_file(DocumentSerializer),
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        order = self.order_of(request, order_id)
        invoice = documents().filter(order=order, kind=Kind.INVOICE).first()
        if invoice is None:
            raise InvoiceNotIssued()
        return self.answer(request, invoice)


class CreditNotesView(OrderDocumentView):
    serializer_class: Any = DocumentSummarySerializer
    renderer_classes: Any = APIView.renderer_classes
    api_key_area = "orders"

    @extend_schema(
        summary="List an order's credit notes",
        description="One for each refund that has gone through, the newest first.",
        parameters=[ORDER_TOKEN_HEADER],
        responses={200: DocumentSummarySerializer(many=True), **_REFUSED},
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        order = self.order_of(request, order_id)
        notes = documents().filter(order=order, kind=Kind.CREDIT_NOTE)
        return Response(DocumentSummarySerializer(notes, many=True).data, headers={"Cache-Control": "no-store"})


class CreditNoteView(OrderDocumentView):
    api_key_area = "orders"

    @extend_schema(
        summary="Show a credit note",
        description=_AS_FILE,
        parameters=[ORDER_TOKEN_HEADER],
        responses=_file(DocumentSerializer),
    )
    def get(self, request: Request, order_id: UUID, number: str) -> Response:
        order = self.order_of(request, order_id)
        note = documents().filter(order=order, kind=Kind.CREDIT_NOTE, number=number).first()
        if note is None:
            raise NotFound()
        return self.answer(request, note)


class PackingSlipView(OrderDocumentView):
    permission_classes: Any = APIView.permission_classes
    api_key_area = "orders"

    @extend_schema(
        summary="Print an order's packing slip",
        description=f"For staff who may see orders: what is still to be sent, where it lies, and no prices. {_AS_FILE}",
        responses={**_file(OpenApiTypes.OBJECT), 403: ErrorSerializer},
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        user = signed_in(request)
        if not (user.is_staff and user.has_perm("orders.view_order")):
            raise PermissionDenied()
        order = Order.objects.select_related("user").filter(pk=order_id).first()
        if order is None:
            raise NotFound()
        slip = slip_of(order)
        return file_or_json(
            request,
            name=f"packing-slip-{order.number}",
            as_pdf=lambda: packing_slip_pdf(slip),
            as_json=lambda: asdict(slip),
        )


class DocumentListView(ListAPIView[TaxDocument]):
    """Every invoice and credit note, for staff."""

    permission_classes = (MaySeeDocuments,)
    serializer_class = DocumentSummarySerializer
    filterset_class: Any = DocumentFilter
    orderings = {"-issued_at": ("-issued_at", "-id"), "issued_at": ("issued_at", "id")}
    schema_tag = "orders"
    api_key_area = "reports"

    def get_queryset(self) -> QuerySet[TaxDocument]:
        return selectors.documents().defer("content")

    @extend_schema(
        summary="List invoices and credit notes",
        description="For staff who may see them; `since` and `until` are days in Nairobi.",
        examples=[_EXAMPLE],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class DocumentExportView(GenericAPIView[TaxDocument]):
    permission_classes = (MaySeeDocuments,)
    serializer_class: Any = None
    filterset_class: Any = DocumentFilter
    pagination_class = None
    schema_tag = "orders"
    api_key_area = "reports"

    def get_queryset(self) -> QuerySet[TaxDocument]:
        return selectors.documents().order_by("issued_at", "id")

    @extend_schema(
        summary="Export invoices and credit notes",
        description=(
            "A CSV with a row for each document, its tax by KRA's letters; credit notes are negative. The filters are "
            "those of the list. Cells that a spreadsheet would run as a formula have an apostrophe in front."
        ),
        filters=True,
        responses={(200, "text/csv"): OpenApiTypes.STR, 400: ErrorSerializer},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        rows: QuerySet[TaxDocument] = self.filter_queryset(self.get_queryset())
        logger.info("documents_exported", extra={"user_id": str(request.user.pk)})
        name = f"documents-{timezone.now():%Y-%m-%d}.csv"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Accel-Buffering": "no",
        }
        content = csv_rows(rows.iterator(chunk_size=500))
        return StreamingHttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)
