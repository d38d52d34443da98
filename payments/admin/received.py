"""Money that arrived: first what waits for a person, with what can be done about it."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    Table,
    Waiting,
    as_phone,
    badge,
    column,
    detail_action,
    link_to,
    money,
    table,
    when,
)
from orders.models import Order
from payments import decisions, received
from payments.admin.finding import SearchedAdmin, received_matching
from payments.admin.forms import AttachForm, ReasonForm
from payments.admin.looks import ProviderFilter, actor_of, masked, received_badge, sees, words
from payments.admin.tables import bookings_table, events_table, refunds_table
from payments.models import LedgerTransaction, ProviderEvent, ReceivedMoney, Refund
from payments.selectors import money_for_a_person

Status = ReceivedMoney.Status

# An order that somebody paid for without a word was placed no longer ago than this.
ORDERED_WITHIN = timedelta(days=7)
ORDERS_SHOWN = 5

REASONS = {
    "unknown_reference": "What was typed is no order's number, and no open payment fits its phone and amount.",
    "underpaid": "It is less than the order lacks.",
    "overpaid": "It is more than the order lacks.",
    "already_paid": "The order is paid, and this is not its price once more.",
    "other_currency": "The order is in another currency.",
    "typed_by_staff": "Staff wrote down this receipt as money that they took. If it came but once, correct that.",
    "unverified": "Somebody reported it who may not be the provider. It is not in the books until it is confirmed.",
    "denied": "The provider does not know this payment, or it was not paid to the shop.",
    "order_cancelled": "Its order was cancelled.",
    "paid_twice": "Its order was paid already.",
}

EXPLANATIONS = {
    Status.APPLIED: "It pays the order below.",
    Status.SURPLUS: "It is on its way back.",
    Status.RETURNED: "It went back.",
    Status.DISMISSED: "It was a claim that turned out to be wrong.",
}
SOURCES = {
    ReceivedMoney.Source.ATTEMPT: "A payment that we asked for",
    ReceivedMoney.Source.C2B: "A report of the paybill or till",
    ReceivedMoney.Source.STATEMENT: "A statement or list of the provider",
    ReceivedMoney.Source.STAFF: "Written down by staff",
}

WAITING.append(Waiting("Received money to decide", "savings", money_for_a_person(), "status=open"))


class StatusFilter(admin.SimpleListFilter):
    """What waits for a person until something else is asked for; a search looks everywhere."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Waits for a person"), *Status.choices, ("all", "All")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in list(super().choices(changelist))[1:]:  # the first is Django's "All"
            is_default = "status=open" in choice["query_string"] and self.value() is None
            yield choice | {"selected": True} if is_default and not changelist.query else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[ReceivedMoney]) -> QuerySet[ReceivedMoney]:
        if self.value() in Status.values:
            return queryset.filter(status=self.value())
        if self.value() == "all" or (self.value() is None and request.GET.get("q", "").strip()):
            return queryset
        return queryset & money_for_a_person()


@admin.register(ReceivedMoney)
class ReceivedMoneyAdmin(SearchedAdmin):
    find = staticmethod(received_matching)
    list_display: tuple[str, ...] = (
        "receipt",
        "amount_text",
        "payer",
        "typed",
        "at",
        "state_and_reason",
        "order_link",
    )
    list_filter = (StatusFilter, ProviderFilter, "source", "received_at")
    list_select_related = ("payment__order",)
    search_help_text = "Receipt, phone number, order number or what the payer typed"
    ordering = ("-received_at", "-id")
    actions_detail = ("attach", "give_back", "dismiss")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("receipt", "amount_text", "state"),
                    "explanation",
                    ("received_at", "provider", "source_text"),
                )
            },
        ),
        ("Payer", {"fields": (("payer", "payer_name", "account_reference"),)}),
        ("Where it belongs", {"fields": (("order_link", "payment_link", "attempt_link"), ("applied", "fee_text"))}),
        ("Decision", {"fields": (("decided_by", "collected_by", "verified_at"), "note")}),
    )

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display, "decide") if self.has_act_permission(request) else self.list_display

    def offers(self, name: str, obj: ReceivedMoney) -> bool:
        if name == "give_back" and obj.status == Status.SURPLUS:
            return not obj.refunds.exclude(status=Refund.Status.FAILED).exists()
        return obj.status == (Status.UNVERIFIED if name == "dismiss" else Status.UNMATCHED)

    # --- Actions -----------------------------------------------------------------------------------------------

    @detail_action("Attach to an order", icon="link")
    def attach(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(row: ReceivedMoney, data: dict[str, Any]) -> str:
            attached = decisions.attach(row.pk, order_number=data["order_number"], actor=actor_of(request))
            payment = attached.payment
            lacking = received.due_of(payment) if payment else Decimal(0)
            if payment and lacking > 0:
                return f"Attached. Order {data['order_number']} still lacks {money(lacking, payment.currency)}."
            return f"Attached. Order {data['order_number']} is paid."

        row = self.get_object(request, object_id)
        likely = row.payment.order.number if row and row.payment else ""
        return self.confirmed(
            request,
            object_id,
            do,
            title="Attach to an order",
            question=f"{_told(row)} Less than the order lacks leaves it open; what is more can be refunded.",
            button="Attach",
            form_class=AttachForm,
            initial={"order_number": likely},
        )

    @detail_action("Give back", icon="undo", danger=True)
    def give_back(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(row: ReceivedMoney, data: dict[str, Any]) -> str:
            given = decisions.give_back(row.pk, actor=actor_of(request), reason=data["reason"])
            return f"{money(given.amount, given.currency)} will go back: {data['reason']}"

        row = self.get_object(request, object_id)
        question = f"{_told(row)} All of it goes back to the payer, by the way it came. This cannot be undone."
        return self.confirmed(
            request, object_id, do, title="Give back", question=question, danger=True, form_class=ReasonForm
        )

    @detail_action("Dismiss the claim", icon="block", danger=True)
    def dismiss(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(row: ReceivedMoney, data: dict[str, Any]) -> str:
            decisions.dismiss(row.pk, actor=actor_of(request), note=data["reason"])
            return f"Dismissed: {data['reason']}"

        row = self.get_object(request, object_id)
        question = f"{_told(row)} Nobody has confirmed it. If the provider does so later, it comes back by itself."
        return self.confirmed(
            request, object_id, do, title="Dismiss the claim", question=question, danger=True, form_class=ReasonForm
        )

    # --- The page of one receipt -------------------------------------------------------------------------------

    def tables(self, request: HttpRequest, obj: ReceivedMoney) -> list[Table]:
        booked = LedgerTransaction.objects.order_by().values("pk")
        books = booked.filter(received=obj).union(booked.filter(refund__received=obj))
        return [
            *self._likely_orders(request, obj),
            *refunds_table(request, Refund.objects.filter(received=obj)),
            *events_table(request, ProviderEvent.objects.filter(received=obj)),
            *bookings_table(request, LedgerTransaction.objects.filter(pk__in=books)),
        ]

    def _likely_orders(self, request: HttpRequest, row: ReceivedMoney) -> list[Table]:
        """Return the orders that wait for just this sum, or for money from this phone."""
        if row.status != Status.UNMATCHED or not sees(request, Order):
            return []
        phone = as_phone(row.payer_phone)
        fits = Q(total_amount=row.amount) | Q(phone_number=phone) if phone else Q(total_amount=row.amount)
        found = Order.objects.filter(
            fits,
            status=Order.Status.PENDING,
            currency=row.currency,
            created_at__gt=row.received_at - ORDERED_WITHIN,
        ).order_by("-created_at")[:ORDERS_SHOWN]
        rows = [
            (
                link_to(order),
                money(order.total_amount, order.currency),
                badge("Same amount", "success") if order.total_amount == row.amount else EMPTY,
                badge("Same phone", "success") if phone and order.phone_number == phone else EMPTY,
                when(order.created_at),
            )
            for order in found
        ]
        return [table("Orders that it may be for", ("Order", "Total", "Amount", "Phone", "Placed"), rows)]

    # --- Columns and fields ------------------------------------------------------------------------------------

    @column("Receipt", ordering="receipt_number")
    def receipt(self, row: ReceivedMoney) -> str:
        return row.receipt_number or "not known yet"

    @column("Amount", ordering="amount")
    def amount_text(self, row: ReceivedMoney) -> str:
        return money(row.amount, row.currency)

    @column("Payer")
    def payer(self, row: ReceivedMoney) -> str:
        return format_html('<span class="whitespace-nowrap">{}</span>', masked(row.payer_phone))

    @column("Typed", ordering="account_reference")
    def typed(self, row: ReceivedMoney) -> str:
        return row.account_reference or EMPTY

    @column("Received", ordering="received_at")
    def at(self, row: ReceivedMoney) -> str:
        return when(row.received_at)

    @column("How we know")
    def source_text(self, row: ReceivedMoney) -> str:
        return SOURCES[ReceivedMoney.Source(row.source)]

    @column("Why")
    def explanation(self, row: ReceivedMoney) -> str:
        return REASONS.get(row.reason) or EXPLANATIONS.get(Status(row.status)) or words(row.reason)

    @column("Status and reason", ordering="status")
    def state_and_reason(self, row: ReceivedMoney) -> str:
        if row.reason in ("", row.status):
            return received_badge(row)
        return format_html('<span class="block">{}<br>{}</span>', received_badge(row), words(row.reason))

    @column("Status", ordering="status")
    def state(self, row: ReceivedMoney) -> str:
        return received_badge(row)

    @column("Order")
    def order_link(self, row: ReceivedMoney) -> str:
        return link_to(row.payment.order) if row.payment else EMPTY

    @column("Payment")
    def payment_link(self, row: ReceivedMoney) -> str:
        return link_to(row.payment)

    @column("Attempt")
    def attempt_link(self, row: ReceivedMoney) -> str:
        return link_to(row.attempt)

    @column("Pays of the order")
    def applied(self, row: ReceivedMoney) -> str:
        return money(row.applied_amount, row.payment.currency) if row.payment else EMPTY

    @column("Kept by the provider")
    def fee_text(self, row: ReceivedMoney) -> str:
        return money(row.fee, row.currency)

    @column("To do")
    def decide(self, row: ReceivedMoney) -> str:
        labels = {"attach": "Attach", "give_back": "Give back", "dismiss": "Dismiss"}
        links = [
            (reverse(f"admin:payments_receivedmoney_{name}", args=[row.pk]), label)
            for name, label in labels.items()
            if self.offers(name, row)
        ]
        if not links:
            return EMPTY
        link = '<a href="{}" class="text-link whitespace-nowrap">{}</a>'
        return format_html('<span class="flex gap-3">{}</span>', format_html_join("", link, links))


def _told(row: ReceivedMoney | None) -> str:
    """Return in a sentence what is known of money that somebody decides about."""
    if row is None:
        return ""
    typed = f" for “{row.account_reference}”" if row.account_reference else ""
    return f"{money(row.amount, row.currency)} from {masked(row.payer_phone)}{typed}, {when(row.received_at)}."
