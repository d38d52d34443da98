"""Filters of the books: statements, reconciliations and the ledger. Days are those of the shop."""

from datetime import date, datetime, time, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django_filters import rest_framework as filters

from payments.models import (
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Reconciliation,
    ReconciliationDifference,
    Statement,
    StatementLine,
)
from payments.statement_files import shop_zone


class StatementFilter(filters.FilterSet):
    provider = filters.CharFilter(max_length=20)
    source = filters.ChoiceFilter(choices=Statement.Source.choices)

    class Meta:
        model = Statement
        fields = ()


class StatementLineFilter(filters.FilterSet):
    receipt_number = filters.CharFilter(max_length=64)
    nature = filters.ChoiceFilter(choices=StatementLine.Nature.choices)
    is_open = filters.BooleanFilter(field_name="handled_at", lookup_expr="isnull")

    class Meta:
        model = StatementLine
        fields = ()


class ReconciliationFilter(filters.FilterSet):
    provider = filters.CharFilter(max_length=20)
    currency = filters.CharFilter(max_length=3)
    since = filters.DateFilter(field_name="day", lookup_expr="gte")
    until = filters.DateFilter(field_name="day", lookup_expr="lte")
    was_complete = filters.BooleanFilter()
    is_clean = filters.BooleanFilter(method="filter_clean")

    class Meta:
        model = Reconciliation
        fields = ()

    def filter_clean(self, rows: QuerySet[Reconciliation], _name: str, wanted: bool) -> QuerySet[Reconciliation]:
        clean = Q(missing=0, extra=0, differing=0)
        return rows.filter(clean if wanted else ~clean)


class DifferenceFilter(filters.FilterSet):
    outcome = filters.ChoiceFilter(choices=ReconciliationDifference.Outcome.choices)
    receipt_number = filters.CharFilter(max_length=64)

    class Meta:
        model = ReconciliationDifference
        fields = ()


class LedgerFilter(filters.FilterSet):
    account = filters.CharFilter(method="filter_account", max_length=40, help_text="Its code, such as `suspense`.")
    kind = filters.ChoiceFilter(choices=LedgerTransaction.Kind.choices)
    payment = filters.UUIDFilter(field_name="payment_id")
    received = filters.UUIDFilter(field_name="received_id")
    refund = filters.UUIDFilter(field_name="refund_id")
    payout = filters.UUIDFilter(field_name="payout_id")
    receipt_number = filters.CharFilter(method="filter_receipt", max_length=64)
    since = filters.DateFilter(method="filter_since")
    until = filters.DateFilter(method="filter_until")

    class Meta:
        model = LedgerTransaction
        fields = ()

    def filter_account(self, rows: QuerySet[LedgerTransaction], _name: str, code: str) -> QuerySet[LedgerTransaction]:
        return rows.filter(Exists(LedgerEntry.objects.filter(transaction=OuterRef("pk"), account__code=code)))

    def filter_receipt(self, rows: QuerySet[LedgerTransaction], _name: str, number: str) -> QuerySet[LedgerTransaction]:
        """Everything about a receipt: its money, what went back of it, and a receipt of what went."""
        return rows.filter(
            Q(received__receipt_number=number)
            | Q(refund__receipt_number=number)
            | Q(refund__received__receipt_number=number)
            | Q(payout__receipt_number=number)
        )

    def filter_since(self, rows: QuerySet[LedgerTransaction], _name: str, day: date) -> QuerySet[LedgerTransaction]:
        return rows.filter(created_at__gte=datetime.combine(day, time.min, shop_zone()))

    def filter_until(self, rows: QuerySet[LedgerTransaction], _name: str, day: date) -> QuerySet[LedgerTransaction]:
        return rows.filter(created_at__lt=datetime.combine(day + timedelta(days=1), time.min, shop_zone()))


class LedgerAccountFilter(filters.FilterSet):
    account = filters.CharFilter(field_name="code", max_length=40)
    currency = filters.CharFilter(max_length=3)

    class Meta:
        model = LedgerAccount
        fields = ()
