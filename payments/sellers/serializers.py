"""The form of a seller's statement."""

from typing import Any

from rest_framework import serializers

from payments.models import LedgerEntry, LedgerTransaction
from payments.sellers.selectors import in_major_units


class BalanceSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    balance = serializers.DecimalField(max_digits=14, decimal_places=2, help_text="What the shop owes you.")
    due = serializers.DecimalField(max_digits=14, decimal_places=2, help_text="What of it may be paid out now.")


class StatementEntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    kind = serializers.ChoiceField(source="transaction.kind", choices=LedgerTransaction.Kind.choices)
    amount = serializers.SerializerMethodField(help_text="After commission; negative where it is taken off.")
    commission = serializers.SerializerMethodField()
    currency = serializers.CharField(source="account.currency")
    created_at = serializers.DateTimeField(source="transaction.created_at")

    class Meta:
        model = LedgerEntry
        fields = ("id", "kind", "amount", "commission", "currency", "created_at")
        read_only_fields = fields

    def get_amount(self, entry: LedgerEntry) -> str:
        return str(in_major_units(-entry.amount, entry.account.currency))

    def get_commission(self, entry: LedgerEntry) -> str:
        kept = sum(each.amount for each in getattr(entry.transaction, "kept", ()))
        return str(in_major_units(-kept, entry.account.currency))
