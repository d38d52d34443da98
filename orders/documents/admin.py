"""Invoices and credit notes, and what the tax authority knows of them, as staff see them: to read, never to change."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html

from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    NoteForm,
    ReadOnlyAdmin,
    Table,
    Waiting,
    badge,
    column,
    detail_action,
    link_to,
    money,
    table,
    when,
)
from orders.documents.models import TaxDocument
from orders.documents.selectors import documents, etims_of, may_see_documents
from orders.etims import services
from orders.etims.models import EtimsSubmission
from orders.models import Order

ETIMS_LOOKS = {
    EtimsSubmission.Status.PENDING: "warning",
    EtimsSubmission.Status.ACCEPTED: "success",
    EtimsSubmission.Status.REGISTERED: "info",
    EtimsSubmission.Status.REFUSED: "danger",
}

WAITING.append(
    Waiting(
        "Refused by eTIMS",
        "receipt_long",
        EtimsSubmission.objects.filter(status=EtimsSubmission.Status.REFUSED),
        "status__exact=refused",
    )
)


def documents_table(request: HttpRequest, order: Order) -> list[Table]:
    """Return an order's invoice and credit notes for its page, for staff who may see documents."""
    if not may_see_documents(request.user):
        return []
    rows = [
        (
            link_to(document),
            document.get_kind_display(),
            when(document.issued_at),
            money(document.amount, document.currency),
            etims_badge(etims_of(document)),
            pdf_link(document),
        )
        for document in documents().filter(order=order)
    ]
    return [table("Documents", ("Number", "Kind", "Issued", "Amount", "eTIMS", ""), rows)] if rows else []


def etims_badge(submission: EtimsSubmission | None) -> str:
    if submission is None:
        return EMPTY
    return badge(submission.get_status_display(), ETIMS_LOOKS[EtimsSubmission.Status(submission.status)])


def pdf_link(document: TaxDocument) -> str:
    if document.kind == TaxDocument.Kind.INVOICE:
        url = reverse("order-invoice", args=[document.order_id])
    else:
        url = reverse("order-credit-note", args=[document.order_id, document.number])
    return format_html('<a href="{}" target="_blank" rel="noopener">PDF</a>', url)


@admin.register(TaxDocument)
class TaxDocumentAdmin(ReadOnlyAdmin):
    list_display = ("number", "kind", "issued_at", "order_link", "total", "etims_state")
    list_filter = ("kind", "issued_at", "etims__status")
    search_fields = ("number", "order__number")
    search_help_text = "Number of the document or of the order"
    ordering = ("-issued_at", "-id")
    fields = (
        ("number", "kind", "issued_at"),
        ("order_link", "corrects_link"),
        ("total", "tax"),
        ("etims_link", "file"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaxDocument]:
        return documents()

    @column("Order")
    def order_link(self, document: TaxDocument) -> str:
        return link_to(document.order)

    @column("Corrects")
    def corrects_link(self, document: TaxDocument) -> str:
        return link_to(document.corrects)

    @column("Amount", ordering="amount")
    def total(self, document: TaxDocument) -> str:
        return money(document.amount, document.currency)

    @column("VAT within")
    def tax(self, document: TaxDocument) -> str:
        return f"{document.currency} {document.content['totals']['tax']}"

    @column("eTIMS")
    def etims_state(self, document: TaxDocument) -> str:
        return etims_badge(etims_of(document))

    @column("eTIMS")
    def etims_link(self, document: TaxDocument) -> str:
        return link_to(etims_of(document))

    @column("File")
    def file(self, document: TaxDocument) -> str:
        return pdf_link(document)


@admin.register(EtimsSubmission)
class EtimsSubmissionAdmin(ReadOnlyAdmin):
    list_display = ("document_link", "state", "invoice_number", "receipt_number", "result_code", "tries", "created_at")
    list_filter = ("status", "created_at")
    list_select_related = ("document",)
    search_fields = ("document__number",)
    ordering = ("-created_at", "-id")
    actions_detail = ("resubmit",)
    fields = (
        ("document_link", "state", "tries"),
        ("device", "invoice_number"),
        ("result_code", "result_detail"),
        ("scu_id", "receipt_number", "signed_at"),
        ("signature", "internal_data"),
        "qr_url",
    )

    OFFERED: ClassVar[dict[str, str]] = {"resubmit": EtimsSubmission.Status.REFUSED}

    def offers(self, name: str, obj: Any) -> bool:
        return bool(obj.status == self.OFFERED[name])

    @detail_action("Send again", icon="send")
    def resubmit(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(submission: EtimsSubmission, _data: dict[str, Any]) -> str:
            services.resubmit(submission.pk)
            return "It is sent again."

        return self.confirmed(
            request,
            object_id,
            do,
            form_class=NoteForm,
            title="Send again",
            question="Was what KRA refused put right? It is sent under the same number.",
        )

    @column("Document")
    def document_link(self, submission: EtimsSubmission) -> str:
        return link_to(submission.document)

    @column("State", ordering="status")
    def state(self, submission: EtimsSubmission) -> str:
        return etims_badge(submission)
