"""What each order owes, with all that was tried, came and went back for it."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase

from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    Table,
    Waiting,
    badge,
    column,
    detail_action,
    link_to,
    may,
    money,
)
from orders.admin import OrderAdmin
from payments import received, refunds
from payments.admin.finding import SearchedAdmin, payments_matching
from payments.admin.forms import RefundForm
from payments.admin.looks import ProviderFilter, actor_of, payment_badge
from payments.admin.tables import (
    attempts_table,
    bookings_table,
    events_table,
    received_table,
    refunds_table,
    tables_of_order,
)
from payments.models import LedgerTransaction, Payment, PaymentAttempt, ProviderEvent, ReceivedMoney, Refund


def in_review() -> Exists:
    return Exists(PaymentAttempt.objects.filter(payment=OuterRef("pk"), status=PaymentAttempt.Status.REVIEW))


def needing_a_person(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    """Payments with money that must go back, or with an attempt in review."""
    reviewed = PaymentAttempt.objects.filter(status=PaymentAttempt.Status.REVIEW).values("payment")
    return payments.filter(Q(needs_refund=True) | Q(pk__in=reviewed))


OrderAdmin.more_tables.append(tables_of_order)
WAITING.append(
    Waiting("Payments that need a person", "front_hand", needing_a_person(Payment.objects.all()), "attention=person")
)


class NeedsPersonFilter(admin.SimpleListFilter):
    """Money that belongs to no order any more, or an attempt whose facts do not match."""

    title = "attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("person", "Needs a person")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        if self.value() != "person":
            return queryset
        return needing_a_person(queryset)


@admin.register(Payment)
class PaymentAdmin(SearchedAdmin):
    find = staticmethod(payments_matching)
    list_display = ("order_number", "state", "amount_text", "method", "attention", "receipt", "created_at")
    list_filter = (NeedsPersonFilter, "status", "needs_refund", "method", ProviderFilter, "created_at")
    list_select_related = ("order",)
    ordering = ("-created_at",)
    actions_detail = ("refund",)
    fields = (
        ("order_link", "state", "attention"),
        ("amount_text", "method", "provider"),
        ("due", "transaction_id", "paid_at"),
        ("customer_link", "created_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        payments: QuerySet[Payment] = super().get_queryset(request).annotate(in_review=in_review())
        return payments

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Refund)  # the only thing that is done here

    def offers(self, name: str, obj: Payment) -> bool:
        return obj.received.filter(status=ReceivedMoney.Status.APPLIED).exists()

    @detail_action("Refund", icon="undo", danger=True)
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(payment: Payment, data: dict[str, Any]) -> str:
            made = refunds.refund_payment(
                payment_id=payment.pk, amount=data["amount"], reason=data["reason"], actor=actor_of(request)
            )
            sums = " and ".join(money(refund.amount, refund.currency) for refund in made)
            return f"{sums} will go back: {data['reason']}"

        payment = self.get_object(request, object_id)
        question = f"Order {payment.order}, {money(payment.amount, payment.currency)}. " if payment else ""
        question += "The money goes back to whoever paid it, by the way it came. This cannot be undone."
        return self.confirmed(
            request, object_id, do, title="Refund", question=question, danger=True, form_class=RefundForm
        )

    def tables(self, request: HttpRequest, obj: Payment) -> list[Table]:
        return [
            attempts_table(obj),
            *received_table(request, ReceivedMoney.objects.filter(payment=obj)),
            *refunds_table(request, Refund.objects.filter(payment=obj)),
            *events_table(request, ProviderEvent.objects.filter(attempt__payment=obj)),
            *bookings_table(request, LedgerTransaction.objects.filter(payment=obj)),
        ]

    @column("Order", ordering="order__number")
    def order_number(self, payment: Payment) -> str:
        return payment.order.number

    @column("Order")
    def order_link(self, payment: Payment) -> str:
        return link_to(payment.order)

    @column("Customer")
    def customer_link(self, payment: Payment) -> str:
        return link_to(payment.user)

    @column("Status", ordering="status")
    def state(self, payment: Payment) -> str:
        return payment_badge(payment)

    @column("Amount", ordering="amount")
    def amount_text(self, payment: Payment) -> str:
        return money(payment.amount, payment.currency)

    @column("Still lacks")
    def due(self, payment: Payment) -> str:
        lacking = received.due_of(payment)
        return money(lacking, payment.currency) if lacking > 0 else EMPTY

    @column("Receipt", ordering="transaction_id")
    def receipt(self, payment: Payment) -> str:
        return payment.transaction_id or EMPTY

    @column("Attention")
    def attention(self, payment: Payment) -> str:
        if payment.needs_refund:
            return badge("Needs a refund", "danger")
        return badge("In review", "warning") if payment.in_review else EMPTY  # type: ignore[attr-defined]
