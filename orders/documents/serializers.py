"""The form of answers about documents."""

from typing import Any

from rest_framework import serializers

from orders.documents.models import TaxDocument
from orders.documents.selectors import etims_of
from orders.etims.models import EtimsSubmission


class EtimsSerializer(serializers.ModelSerializer[EtimsSubmission]):
    """What the tax authority knows of a document."""

    class Meta:
        model = EtimsSubmission
        fields = ("status", "invoice_number", "scu_id", "receipt_number", "signature", "qr_url", "signed_at")
        read_only_fields = fields


class DocumentSummarySerializer(serializers.ModelSerializer[TaxDocument]):
    order_number = serializers.CharField(source="order.number", read_only=True)
    corrects = serializers.CharField(
        source="corrects.number", allow_null=True, default=None, read_only=True, help_text="A credit note's invoice."
    )
    etims_status = serializers.SerializerMethodField(help_text="Null while eTIMS is off.")

    class Meta:
        model = TaxDocument
        fields = (
            "id",
            "kind",
            "number",
            "order",
            "order_number",
            "corrects",
            "issued_at",
            "currency",
            "amount",
            "etims_status",
        )
        read_only_fields = fields

    def get_etims_status(self, document: TaxDocument) -> str | None:
        submission = etims_of(document)
        return submission.status if submission else None


class DocumentSerializer(DocumentSummarySerializer):
    content = serializers.JSONField(read_only=True, help_text="All that is printed, as it was that day.")
    etims = serializers.SerializerMethodField()

    class Meta:
        model = TaxDocument
        fields = (*DocumentSummarySerializer.Meta.fields, "content", "etims")
        read_only_fields = fields

    def get_etims(self, document: TaxDocument) -> dict[str, Any] | None:
        submission = etims_of(document)
        return dict(EtimsSerializer(submission).data) if submission else None
