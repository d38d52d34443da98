"""The books, to read: every booking with its entries, and what stands on each account."""

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from ecommerce.admin_base import EMPTY, ReadOnlyAdmin, Table, badge, column, link_to, money
from ecommerce.currencies import from_minor_units
from payments.admin.finding import SearchedAdmin, bookings_matching
from payments.admin.looks import booking_badge
from payments.admin.tables import bookings_table
from payments.models import LedgerAccount, LedgerEntry, LedgerTransaction

ACCOUNT_LOOKS = {
    LedgerAccount.Kind.ASSET: "info",
    LedgerAccount.Kind.LIABILITY: "warning",
    LedgerAccount.Kind.INCOME: "success",
    LedgerAccount.Kind.EXPENSE: "danger",
}


@admin.register(LedgerTransaction)
class LedgerTransactionAdmin(SearchedAdmin):
    find = staticmethod(bookings_matching)
    list_display = ("created_at", "what", "moved", "order_number", "source")
    list_filter = ("kind", "created_at")
    list_select_related = ("payment__order",)
    search_help_text = "Source, order number or receipt, in full"
    ordering = ("-created_at", "-id")
    fields = (
        ("what", "created_at"),
        "source",
        ("payment_link", "received_link"),
        ("refund_link", "payout_link"),
        "note",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerTransaction]:
        booked: QuerySet[LedgerTransaction] = super().get_queryset(request).prefetch_related("entries__account")
        return booked

    def tables(self, request: HttpRequest, obj: LedgerTransaction) -> list[Table]:
        return bookings_table(request, LedgerTransaction.objects.filter(pk=obj.pk))

    @column("What", ordering="kind")
    def what(self, booked: LedgerTransaction) -> str:
        return booking_badge(booked)

    @column("Moved")
    def moved(self, booked: LedgerTransaction) -> str:
        """Return what was debited, by currency."""
        debits: dict[str, int] = {}
        for entry in booked.entries.all():
            if entry.amount > 0:
                currency = entry.account.currency
                debits[currency] = debits.get(currency, 0) + entry.amount
        return ", ".join(money(from_minor_units(sum_, code), code) for code, sum_ in sorted(debits.items())) or EMPTY

    @column("Order")
    def order_number(self, booked: LedgerTransaction) -> str:
        return booked.payment.order.number if booked.payment else EMPTY

    @column("Payment")
    def payment_link(self, booked: LedgerTransaction) -> str:
        return link_to(booked.payment)

    @column("Received money")
    def received_link(self, booked: LedgerTransaction) -> str:
        return link_to(booked.received)

    @column("Refund")
    def refund_link(self, booked: LedgerTransaction) -> str:
        return link_to(booked.refund)

    @column("Payout")
    def payout_link(self, booked: LedgerTransaction) -> str:
        return link_to(booked.payout)


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    list_display = ("code", "currency", "what", "balance_text")
    list_filter = ("kind",)
    ordering = ("code", "currency")
    fields = (("code", "currency"), ("what", "balance_text"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerAccount]:
        entries = LedgerEntry.objects.filter(account=OuterRef("pk")).order_by().values("account")
        balance = Coalesce(Subquery(entries.annotate(total=Sum("amount")).values("total")), 0)
        accounts: QuerySet[LedgerAccount] = super().get_queryset(request).annotate(balance=balance)
        return accounts

    def tables(self, request: HttpRequest, obj: LedgerAccount) -> list[Table]:
        newest = LedgerEntry.objects.filter(account=obj).order_by("-pk").values("transaction")[:20]
        title = {"title": "The last bookings"}
        return [shown | title for shown in bookings_table(request, LedgerTransaction.objects.filter(pk__in=newest))]

    @column("Kind", ordering="kind")
    def what(self, account: LedgerAccount) -> str:
        return badge(account.get_kind_display(), ACCOUNT_LOOKS[LedgerAccount.Kind(account.kind)])

    @column("Balance", ordering="balance")
    def balance_text(self, account: LedgerAccount) -> str:
        units: int = account.balance  # type: ignore[attr-defined]
        if not units:
            return EMPTY
        amount = money(from_minor_units(abs(units), account.currency), account.currency)
        return f"{amount} {'debit' if units > 0 else 'credit'}"
