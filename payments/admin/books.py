"""The providers' own books, and what a comparison with ours has found."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now, TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    ReadOnlyAdmin,
    Table,
    Waiting,
    badge,
    column,
    link_to,
    may,
    money,
    table,
    when,
)
from payments import statements
from payments.admin.forms import StatementForm
from payments.admin.looks import ProviderFilter, actor_of, masked
from payments.models import Reconciliation, ReconciliationDifference, Statement, StatementLine

SHOWN = 100

UNEQUAL = Q(missing__gt=0) | Q(extra__gt=0) | Q(differing__gt=0)
DIFFERENCE_LOOKS = {
    ReconciliationDifference.Outcome.MISSING: ("Only in the provider's books", "danger"),
    ReconciliationDifference.Outcome.EXTRA: ("Only in our books", "warning"),
    ReconciliationDifference.Outcome.DIFFERING: ("Other amounts", "danger"),
}


@admin.register(Statement)
class StatementAdmin(ReadOnlyAdmin):
    """What providers say of their own books. Added by uploading a file; a worker records its lines."""

    form = StatementForm
    add_fields = ("provider", "file")
    list_display = ("created_at", "provider", "source", "name", "since", "until", "line_count", "new_line_count")
    list_filter = (ProviderFilter, "source", "created_at")
    search_fields = ("name",)
    ordering = ("-created_at",)
    fields = (
        ("provider", "source", "name"),
        ("since", "until", "covered"),
        ("lines_link", "line_count", "new_line_count"),
        ("uploaded_by", "created_at"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request, "add", Statement)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else self.add_fields

    def save_model(self, request: HttpRequest, obj: Statement, form: Any, change: bool) -> None:
        file = form.cleaned_data["file"]
        statement, is_new = statements.upload_statement(
            provider=form.cleaned_data["provider"], name=file.name or "", raw=file.read(), actor=actor_of(request)
        )
        obj.pk, obj.name = statement.pk, statement.name  # for the log and the message
        if not is_new:
            messages.info(request, "This file had been uploaded before; nothing was added.")

    @column("Tells of")
    def covered(self, statement: Statement) -> str:
        return ", ".join(statement.covers) or EMPTY

    @column("Lines")
    def lines_link(self, statement: Statement) -> str:
        url = reverse("admin:payments_statementline_changelist")
        return format_html('<a href="{}?statement__id__exact={}" class="text-link">Show them</a>', url, statement.pk)


@admin.register(StatementLine)
class StatementLineAdmin(ReadOnlyAdmin):
    list_display = ("at", "provider", "receipt_number", "amount_text", "nature", "kind", "reference", "done")
    list_filter = (ProviderFilter, "nature", ("handled_at", admin.EmptyFieldListFilter), "at")
    search_fields = ("=receipt_number", "=reference")
    search_help_text = "Receipt or reference, in full"
    ordering = ("-at",)
    fields = (
        ("provider", "receipt_number", "reference"),
        ("amount_text", "fee_text", "at"),
        ("nature", "kind"),
        ("payer", "payer_name"),
        ("received_link", "statement_link", "handled_at"),
    )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "statement__id__exact" or super().lookup_allowed(lookup, value, request)

    @column("Amount", ordering="amount")
    def amount_text(self, line: StatementLine) -> str:
        return money(line.amount, line.currency)

    @column("Fee")
    def fee_text(self, line: StatementLine) -> str:
        return money(line.fee, line.currency)

    @column("Payer")
    def payer(self, line: StatementLine) -> str:
        return masked(line.payer_phone)

    @column("Done", ordering="handled_at")
    def done(self, line: StatementLine) -> str:
        return badge("Done", "success") if line.handled_at else badge("Open", "info")

    @column("Received money")
    def received_link(self, line: StatementLine) -> str:
        return link_to(line.received)

    @column("Statement")
    def statement_link(self, line: StatementLine) -> str:
        return link_to(line.statement)


class EqualFilter(admin.SimpleListFilter):
    title = "result"
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("differences", "With differences"), ("equal", "Equal")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reconciliation]) -> QuerySet[Reconciliation]:
        return queryset.filter({"differences": UNEQUAL, "equal": ~UNEQUAL}.get(self.value() or "", Q()))


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    list_display = ("day", "provider", "currency", "result", "matched", "missing", "extra", "differing", "gap")
    list_filter = (EqualFilter, ProviderFilter, "was_complete", "day")
    ordering = ("-day", "provider")
    fields = (
        ("day", "provider", "currency"),
        ("result", "was_complete", "updated_at"),
        ("matched", "missing", "extra", "differing"),
        ("theirs", "ours", "gap"),
    )

    def tables(self, request: HttpRequest, obj: Reconciliation) -> list[Table]:
        found = obj.differences.select_related("received", "refund", "payout").order_by("at", "pk")
        rows = [
            (
                when(row.at),
                badge(*DIFFERENCE_LOOKS[ReconciliationDifference.Outcome(row.outcome)]),
                row.receipt_number or EMPTY,
                money(row.provider_amount, obj.currency),
                money(row.our_amount, obj.currency),
                row.kind or row.reference or EMPTY,
                link_to(row.received or row.refund or row.payout),
            )
            for row in found[:SHOWN]
        ]
        headers = ("Time", "What", "Receipt", "Theirs", "Ours", "Kind", "Our row")
        return [table("Differences", headers, rows)]

    @column("Result", ordering=F("missing") + F("extra") + F("differing"))
    def result(self, day: Reconciliation) -> str:
        if day.missing or day.extra or day.differing:
            return badge("Differences", "danger")
        return badge("Equal", "success") if day.was_complete else badge("Equal so far", "info")

    @column("Their total")
    def theirs(self, day: Reconciliation) -> str:
        return money(day.provider_total, day.currency)

    @column("Our total")
    def ours(self, day: Reconciliation) -> str:
        return money(day.our_total, day.currency)

    @column("Difference", ordering=F("provider_total") - F("our_total"))
    def gap(self, day: Reconciliation) -> str:
        gap: Decimal = day.provider_total - day.our_total
        return money(gap, day.currency) if gap else EMPTY


WAITING.append(
    Waiting(
        "Days that do not reconcile",
        "balance",
        Reconciliation.objects.filter(UNEQUAL, day__gt=TruncDate(Now()) - timedelta(days=7)),
        "result=differences",
    )
)
