"""The form of requests and answers about the books."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ecommerce.currencies import from_minor_units
from ecommerce.phone import mask_phone
from payments.models import (
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Reconciliation,
    ReconciliationDifference,
    Statement,
    StatementLine,
)
from payments.providers import provider_names

SHOWN_DIFFERENCES = 100


class UploadStatementSerializer(serializers.Serializer[Any]):
    provider = serializers.ChoiceField(choices=provider_names())
    file = serializers.FileField()


class StatementSerializer(serializers.ModelSerializer[Statement]):
    """``line_count`` movements, of which ``new_line_count`` no earlier statement told of; ``open_line_count`` wait."""

    open_line_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Statement
        fields = (
            "id",
            "provider",
            "source",
            "name",
            "since",
            "until",
            "covers",
            "line_count",
            "new_line_count",
            "open_line_count",
            "uploaded_by",
            "created_at",
        )
        read_only_fields = fields


class StatementLineSerializer(serializers.ModelSerializer[StatementLine]):
    payer_phone = serializers.SerializerMethodField()

    class Meta:
        model = StatementLine
        fields = (
            "id",
            "receipt_number",
            "amount",
            "currency",
            "fee",
            "at",
            "nature",
            "kind",
            "reference",
            "payer_phone",
            "payer_name",
            "received",
            "handled_at",
        )
        read_only_fields = fields

    def get_payer_phone(self, line: StatementLine) -> str:
        phone = line.payer_phone
        return mask_phone(phone) if phone.lstrip("+").isdigit() else phone


class ReconciliationSerializer(serializers.ModelSerializer[Reconciliation]):
    """Without ``was_complete`` no statement tells of the whole day: there may be more that is missing or extra."""

    is_clean = serializers.SerializerMethodField()

    class Meta:
        model = Reconciliation
        fields: tuple[str, ...] = (
            "id",
            "provider",
            "day",
            "currency",
            "matched",
            "missing",
            "extra",
            "differing",
            "provider_total",
            "our_total",
            "is_clean",
            "was_complete",
            "updated_at",
        )
        read_only_fields = fields

    def get_is_clean(self, row: Reconciliation) -> bool:
        return not (row.missing or row.extra or row.differing)


class DifferenceSerializer(serializers.ModelSerializer[ReconciliationDifference]):
    """``missing``: the provider has it and we do not; ``extra``: the reverse. Money out is negative."""

    class Meta:
        model = ReconciliationDifference
        fields = (
            "outcome",
            "receipt_number",
            "provider_amount",
            "our_amount",
            "at",
            "kind",
            "reference",
            "received",
            "refund",
            "payout",
        )
        read_only_fields = fields


class ReconciliationDetailSerializer(ReconciliationSerializer):
    differences = serializers.SerializerMethodField(help_text=f"The first {SHOWN_DIFFERENCES}.")

    class Meta(ReconciliationSerializer.Meta):
        fields = (*ReconciliationSerializer.Meta.fields, "differences")
        read_only_fields = fields

    @extend_schema_field(DifferenceSerializer(many=True))
    def get_differences(self, row: Reconciliation) -> Any:
        return DifferenceSerializer(row.differences.order_by("at", "pk")[:SHOWN_DIFFERENCES], many=True).data


class LedgerEntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    account = serializers.CharField(source="account.code", read_only=True)
    amount = serializers.SerializerMethodField(help_text="Debit is positive, credit negative.")
    currency = serializers.CharField(source="account.currency", read_only=True)

    class Meta:
        model = LedgerEntry
        fields = ("account", "amount", "currency")
        read_only_fields = fields

    @extend_schema_field(serializers.DecimalField(max_digits=20, decimal_places=2))
    def get_amount(self, entry: LedgerEntry) -> str:
        return in_major_units(entry.amount, entry.account.currency)


class LedgerTransactionSerializer(serializers.ModelSerializer[LedgerTransaction]):
    order_number = serializers.CharField(source="payment.order.number", read_only=True, default=None)
    receipt_number = serializers.SerializerMethodField()
    entries = LedgerEntrySerializer(many=True, read_only=True)

    class Meta:
        model = LedgerTransaction
        fields = (
            "id",
            "kind",
            "source",
            "payment",
            "order_number",
            "received",
            "refund",
            "payout",
            "receipt_number",
            "entries",
            "created_at",
        )
        read_only_fields = fields

    def get_receipt_number(self, row: LedgerTransaction) -> str:
        of = row.received or row.refund or row.payout
        return (of.receipt_number if of else None) or ""


class LedgerAccountSerializer(serializers.ModelSerializer[LedgerAccount]):
    account = serializers.CharField(source="code", read_only=True)
    balance = serializers.SerializerMethodField(help_text="Debit is positive, credit negative.")

    class Meta:
        model = LedgerAccount
        fields = ("account", "currency", "kind", "balance")
        read_only_fields = fields

    @extend_schema_field(serializers.DecimalField(max_digits=20, decimal_places=2))
    def get_balance(self, account: LedgerAccount) -> str:
        return in_major_units(getattr(account, "total", 0) or 0, account.currency)


def in_major_units(amount: int, currency: str) -> str:
    exact: Decimal = from_minor_units(amount, currency)
    return f"{exact:.2f}" if exact == round(exact, 2) else f"{exact}"
