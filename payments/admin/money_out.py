"""Money that leaves: refunds and payouts, and the ones that only a person can make."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase

from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    Table,
    Waiting,
    column,
    detail_action,
    link_to,
    money,
    table,
)
from ecommerce.phone import mask_phone
from payments import payouts, refunds
from payments.admin.finding import SearchedAdmin, payouts_matching, refunds_matching
from payments.admin.forms import ReceiptForm
from payments.admin.looks import ProviderFilter, actor_of, masked, out_badge
from payments.admin.tables import bookings_table, events_table
from payments.models import LedgerTransaction, MoneyOut, Payout, ProviderEvent, Refund

Status = MoneyOut.Status

UNDER_WAY = (Status.CREATED, Status.SENDING, Status.PENDING, Status.UNKNOWN)

WAITING += [
    Waiting("Refunds to make by hand", "undo", Refund.objects.filter(status=Status.REVIEW), "status=review"),
    Waiting("Payouts to make by hand", "outbound", Payout.objects.filter(status=Status.REVIEW), "status=review"),
]


class OutStatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("review", "Waits for a person"),
            ("open", "Under way"),
            ("failed", "Failed"),
            ("succeeded", "Succeeded"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "open":
            return queryset.filter(status__in=UNDER_WAY)
        return queryset.filter(status=self.value()) if self.value() in Status.values else queryset


class MoneyOutAdmin(SearchedAdmin):
    """What refunds and payouts share; ``complete_by_hand`` is the service of the kind."""

    complete_by_hand: ClassVar[Callable[..., MoneyOut]]
    ordering = ("-created_at", "-id")
    actions_detail = ("complete",)
    provider_fields = (
        ("provider", "route", "provider_reference"),
        ("receipt_number", "result_code", "result_detail"),
        ("sent_at", "ended_at"),
        ("next_query_at", "query_count"),
    )

    def offers(self, name: str, obj: MoneyOut) -> bool:
        return obj.status == Status.REVIEW

    @detail_action("Paid by hand", icon="task_alt")
    def complete(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(row: MoneyOut, data: dict[str, Any]) -> str:
            type(self).complete_by_hand(row.pk, actor=actor_of(request), receipt_number=data["receipt_number"])
            return f"Paid by hand, receipt {data['receipt_number']}."

        row = self.get_object(request, object_id)
        sent = f"You have sent {money(row.amount, row.currency)} yourself. " if row else ""
        question = f"{sent}The books show it as gone from now on, and it is not sent again. This cannot be undone."
        return self.confirmed(request, object_id, do, title="Paid by hand", question=question, form_class=ReceiptForm)

    @column("Status", ordering="status")
    def state(self, row: MoneyOut) -> str:
        return out_badge(row)

    @column("Amount", ordering="amount")
    def amount_text(self, row: MoneyOut) -> str:
        return money(row.amount, row.currency)

    @column("Asked for by")
    def asked_by(self, row: MoneyOut) -> str:
        return link_to(row.requested_by) if row.requested_by else "the shop"


@admin.register(Refund)
class RefundAdmin(MoneyOutAdmin):
    find = staticmethod(refunds_matching)
    complete_by_hand = staticmethod(refunds.complete_by_hand)
    list_display = ("created_at", "order_number", "amount_text", "state", "cause_text", "reason", "receipt_number")
    list_filter = (OutStatusFilter, "cause", ProviderFilter, "created_at")
    list_select_related = ("payment__order",)
    search_help_text = "Order number, phone number, receipt of the payment or of the refund"
    fieldsets = (
        (None, {"fields": (("amount_text", "state", "cause_text"), "reason", ("asked_by", "created_at"))}),
        ("Of", {"fields": (("order_link", "payment_link", "received_link"), ("worth", "phone", "reference"))}),
        ("Provider", {"fields": MoneyOutAdmin.provider_fields}),
    )

    def tables(self, request: HttpRequest, obj: Refund) -> list[Table]:
        currency = obj.payment.currency if obj.payment else obj.currency
        lines = [
            (
                line.order_item.product_name,
                line.order_item.sku,
                line.quantity,
                money(line.amount, currency),
            )
            for line in obj.lines.select_related("order_item").order_by("order_item__position")
        ]
        return [
            *([table("For these goods", ("Product", "SKU", "Units", "Amount"), lines)] if lines else []),
            *events_table(request, ProviderEvent.objects.filter(refund=obj)),
            *bookings_table(request, LedgerTransaction.objects.filter(refund=obj)),
        ]

    @column("Order", ordering="payment__order__number")
    def order_number(self, refund: Refund) -> str:
        return refund.payment.order.number if refund.payment else EMPTY

    @column("Cause", ordering="cause")
    def cause_text(self, refund: Refund) -> str:
        return refund.get_cause_display()

    @column("Order")
    def order_link(self, refund: Refund) -> str:
        return link_to(refund.payment.order) if refund.payment else EMPTY

    @column("Payment")
    def payment_link(self, refund: Refund) -> str:
        return link_to(refund.payment)

    @column("Received money")
    def received_link(self, refund: Refund) -> str:
        return link_to(refund.received)

    @column("Payer's phone")
    def phone(self, refund: Refund) -> str:
        phone = refunds.request_of(refund).phone_number
        # Whoever pays by hand must know whom.
        return phone if phone and refund.status == Status.REVIEW else masked(phone)

    @column("Worth of the payment")
    def worth(self, refund: Refund) -> str:
        return money(refund.payment_amount, refund.payment.currency) if refund.payment else EMPTY


@admin.register(Payout)
class PayoutAdmin(MoneyOutAdmin):
    find = staticmethod(payouts_matching)
    complete_by_hand = staticmethod(payouts.complete_by_hand)
    list_filter = (OutStatusFilter, ProviderFilter, "created_at")
    list_display = ("created_at", "recipient_name", "phone", "amount_text", "state", "reason", "receipt_number")
    search_help_text = "Reference, receipt, phone number or the beginning of the name"
    fieldsets = (
        (None, {"fields": (("amount_text", "state"), "reason", ("asked_by", "created_at"))}),
        ("To", {"fields": (("recipient_name", "phone", "reference"),)}),
        ("Provider", {"fields": MoneyOutAdmin.provider_fields}),
    )

    def tables(self, request: HttpRequest, obj: Payout) -> list[Table]:
        return [
            *events_table(request, ProviderEvent.objects.filter(payout=obj)),
            *bookings_table(request, LedgerTransaction.objects.filter(payout=obj)),
        ]

    @column("Phone", ordering="phone_number")
    def phone(self, payout: Payout) -> str:
        # Whoever pays by hand must know whom.
        return payout.phone_number if payout.status == Status.REVIEW else mask_phone(payout.phone_number)
