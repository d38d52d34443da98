"""Payments, tries and callbacks: read, searched, and asked about again. Money moves in settlement alone."""

import json
import logging
import re
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase

from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    ReadOnlyAdmin,
    Table,
    Waiting,
    as_phone,
    badge,
    column,
    detail_action,
    link_to,
    may,
    money,
    preformatted,
    table,
    when,
)
from ecommerce.exceptions import DomainError, ErrorRow
from ecommerce.outbox import Postpone
from ecommerce.phone import mask_phone
from orders.admin import PAYMENT_LOOKS, OrderAdmin
from orders.models import Order
from payments import inbox, outcomes, queries
from payments.exceptions import ProviderUnavailable
from payments.models import Payment, PaymentAttempt, ProviderEvent

logger = logging.getLogger(__name__)

ATTEMPT_LOOKS = {
    PaymentAttempt.Status.CREATED: "info",
    PaymentAttempt.Status.SENDING: "info",
    PaymentAttempt.Status.PENDING: "info",
    PaymentAttempt.Status.UNKNOWN: "warning",
    PaymentAttempt.Status.SUCCEEDED: "success",
    PaymentAttempt.Status.FAILED: "danger",
    PaymentAttempt.Status.REVIEW: "warning",
}
LONGEST_BODY = 20_000
# A Kenyan mobile number standing by itself, in any spelling that a provider uses.
_PHONE = re.compile(r"(?<![\d.])(?:\+?254|0)([17]\d{8})(?![\d.])")


class NoProviderAnswer(DomainError):
    code = "provider_unavailable"
    message = "The provider does not answer. Try again in a minute."


def attempts_matching(text: str) -> QuerySet[PaymentAttempt]:
    """Return the attempts that ``text`` may mean: order number, phone in any spelling, receipt, CheckoutRequestID."""
    text = text.strip()
    upper = text.upper()
    ways = [
        Q(provider_reference=text),
        Q(merchant_reference=text),
        Q(receipt_number=upper),
        Q(payment__transaction_id=upper),
        Q(payment__order__number=text),
    ]
    if phone := as_phone(text):
        ways += [Q(phone_number=phone), Q(payment__order__phone_number=phone)]
    first, *rest = (PaymentAttempt.objects.filter(way).order_by().values("pk") for way in ways)
    return PaymentAttempt.objects.filter(pk__in=first.union(*rest))


def pretty_body(body: bytes, phone_number: str = "") -> str:
    """Return a stored body to read: JSON set out line by line, phone numbers masked.

    ``phone_number`` is the payer's; M-Pesa writes it, without its country code, into the CheckoutRequestID too.
    """
    text = body.decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):  # a body that is not JSON is shown as it came
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    text = text.encode("utf-8", "replace").decode()  # JSON can spell half a surrogate pair, which no page can hold
    text = _PHONE.sub(lambda match: mask_phone(f"+254{match[1]}"), text)
    if phone_number:
        text = text.replace(phone_number.removeprefix("+254"), f"…{phone_number[-3:]}")
    return text[:LONGEST_BODY]


def attempts_table(payment: Payment) -> Table:
    rows = [
        (
            link_to(attempt, when(attempt.created_at)),
            _attempt_badge(attempt),
            attempt.phone_number or EMPTY,
            money(attempt.amount, attempt.currency),
            attempt.receipt_number or EMPTY,
            _advice(attempt),
        )
        for attempt in payment.attempts.order_by("-created_at")
    ]
    headers = ("Time", "Status", "Phone", "Amount", "Receipt", "What the customer is told")
    return table("Payment attempts", headers, rows)


def tables_of_order(request: HttpRequest, order: Order) -> list[Table]:
    """Return what an order's page shows of its payment, to those who may see payments."""
    if not (may(request, "view", Payment) or may(request, "change", Payment)):
        return []
    payment: Payment | None = getattr(order, "payment", None)
    if payment is None:
        return [table("Payment", (), [])]
    row = (
        link_to(payment, payment.get_method_display()),
        _payment_badge(payment),
        money(payment.amount, payment.currency),
        payment.transaction_id or EMPTY,
        when(payment.paid_at),
        badge("Yes", "danger") if payment.needs_refund else "No",
    )
    headers = ("Method", "Status", "Amount", "Receipt", "Paid", "Needs a refund")
    return [table("Payment", headers, [row]), attempts_table(payment)]


def in_review() -> Exists:
    return Exists(PaymentAttempt.objects.filter(payment=OuterRef("pk"), status=PaymentAttempt.Status.REVIEW))


def needing_a_person(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    return payments.filter(Q(needs_refund=True) | Q(in_review()))


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
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ("order_number", "state", "amount_text", "method", "attention", "receipt", "created_at")
    list_filter = (NeedsPersonFilter, "status", "needs_refund", "method", "created_at")
    list_select_related = ("order",)
    search_fields = ("order__number",)  # makes the box appear; get_search_results does the work
    search_help_text = "Order number, phone number, M-PESA receipt or CheckoutRequestID"
    ordering = ("-created_at",)
    fields = (
        ("order_link", "state", "attention"),
        ("amount_text", "method", "provider"),
        ("transaction_id", "paid_at", "created_at"),
        "customer_link",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        payments: QuerySet[Payment] = super().get_queryset(request).annotate(in_review=in_review())
        return payments

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        found = Q(pk__in=attempts_matching(text).values("payment"))
        found |= Q(order__number=text) | Q(transaction_id=text.upper())
        if phone := as_phone(text):
            found |= Q(order__phone_number=phone)
        return queryset.filter(found), False

    def tables(self, request: HttpRequest, obj: Payment) -> list[Table]:
        return [attempts_table(obj)]

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
        return _payment_badge(payment)

    @column("Amount", ordering="amount")
    def amount_text(self, payment: Payment) -> str:
        return money(payment.amount, payment.currency)

    @column("Receipt", ordering="transaction_id")
    def receipt(self, payment: Payment) -> str:
        return payment.transaction_id or EMPTY

    @column("Attention")
    def attention(self, payment: Payment) -> str:
        if payment.needs_refund:
            return badge("Needs a refund", "danger")
        return badge("In review", "warning") if payment.in_review else EMPTY  # type: ignore[attr-defined]


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "order_number", "state", "amount_text", "phone_number", "receipt_number", "outcome")
    list_filter = ("status", "outcome", "provider", "created_at")
    list_select_related = ("payment__order",)
    search_fields = ("provider_reference",)  # makes the box appear; get_search_results does the work
    search_help_text = "Order number, phone number, M-PESA receipt or CheckoutRequestID"
    ordering = ("-created_at",)
    actions_detail = ("ask_provider",)
    fieldsets = (
        (None, {"fields": (("order_link", "payment_link", "state"), "advice", ("outcome", "retry"))}),
        ("Money", {"fields": (("amount_text", "received_text", "receipt_number"), "phone_number")}),
        (
            "Provider",
            {
                "fields": (
                    ("provider", "provider_reference", "merchant_reference"),
                    ("result_code", "result_detail"),
                    ("sent_at", "ended_at"),
                    ("next_query_at", "query_count"),
                )
            },
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PaymentAttempt], search_term: str
    ) -> tuple[QuerySet[PaymentAttempt], bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(pk__in=attempts_matching(search_term).values("pk")), False

    def offers(self, name: str, obj: PaymentAttempt) -> bool:
        return obj.is_live

    @detail_action("Ask the provider now", icon="contact_support")
    def ask_provider(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(attempt: PaymentAttempt, _: dict[str, Any]) -> str:
            try:
                asked = queries.query_attempt(attempt.pk)
            except ProviderUnavailable:
                raise NoProviderAnswer() from None
            asked.refresh_from_db()
            if asked.is_live:
                return "Asked; there is no final answer yet."
            return f"The attempt is {asked.get_status_display().lower()}: {asked.outcome.replace('_', ' ')}."

        question = "The provider is asked what became of this attempt, and a final answer is settled at once."
        return self.confirmed(request, object_id, do, title="Ask the provider now", question=question, network=True)

    def tables(self, request: HttpRequest, obj: PaymentAttempt) -> list[Table]:
        if not (may(request, "view", ProviderEvent) or may(request, "change", ProviderEvent)):
            return []
        rows = [
            (link_to(event, when(event.created_at)), event.kind, when(event.handled_at), event.last_error or EMPTY)
            for event in obj.events.defer("body").order_by("-created_at")
        ]
        return [table("Callbacks", ("Time", "What", "Handled", "Last error"), rows)]

    @column("Order", ordering="payment__order__number")
    def order_number(self, attempt: PaymentAttempt) -> str:
        return attempt.payment.order.number

    @column("Order")
    def order_link(self, attempt: PaymentAttempt) -> str:
        return link_to(attempt.payment.order)

    @column("Payment")
    def payment_link(self, attempt: PaymentAttempt) -> str:
        return link_to(attempt.payment)

    @column("Status", ordering="status")
    def state(self, attempt: PaymentAttempt) -> str:
        return _attempt_badge(attempt)

    @column("Amount", ordering="amount")
    def amount_text(self, attempt: PaymentAttempt) -> str:
        return money(attempt.amount, attempt.currency)

    @column("Received")
    def received_text(self, attempt: PaymentAttempt) -> str:
        return money(attempt.received_amount, attempt.currency)

    @column("What the customer is told")
    def advice(self, attempt: PaymentAttempt) -> str:
        return _advice(attempt)

    @column("May they try again?")
    def retry(self, attempt: PaymentAttempt) -> str:
        words = {
            outcomes.Retry.NOW: "Yes, now",
            outcomes.Retry.LATER: "After a pause",
            outcomes.Retry.NO: "No",
            outcomes.Retry.HOLD: "Not before this one is settled",
        }
        return words[outcomes.BY_NAME.get(attempt.outcome, outcomes.UNKNOWN).retry]


class HandledFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("person", "Left for a person"), ("handled", "Handled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ProviderEvent]) -> QuerySet[ProviderEvent]:
        conditions = {
            "open": Q(handled_at__isnull=True),
            "person": Q(handled_at__isnull=True) & ~Q(last_error=""),
            "handled": Q(handled_at__isnull=False),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


@admin.register(ProviderEvent)
class ProviderEventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "provider", "kind", "order_number", "state", "is_trusted", "last_error")
    list_filter = (HandledFilter, "provider", "is_trusted", "created_at")
    list_select_related = ("attempt__payment__order",)
    search_fields = ("event_id",)  # makes the box appear; get_search_results does the work
    search_help_text = "Order number, phone number, M-PESA receipt or CheckoutRequestID"
    ordering = ("-created_at",)
    actions_detail = ("handle_again",)
    fields = (
        ("provider", "kind", "state"),
        ("created_at", "handled_at"),
        ("attempt_link", "is_trusted"),
        ("outcome", "last_error"),
        "digest",
        "body_text",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderEvent]:
        return super().get_queryset(request).defer("body")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ProviderEvent], search_term: str
    ) -> tuple[QuerySet[ProviderEvent], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        return queryset.filter(Q(attempt__in=attempts_matching(text).values("pk")) | Q(event_id=text)), False

    def offers(self, name: str, obj: ProviderEvent) -> bool:
        return obj.handled_at is None

    @detail_action("Handle again", icon="replay")
    def handle_again(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "The callback is read again, checked with the provider and settled if both agree."
        return self.confirmed(request, object_id, _handle, title="Handle again", question=question, network=True)

    @column("Order")
    def order_number(self, event: ProviderEvent) -> str:
        return event.attempt.payment.order.number if event.attempt else EMPTY

    @column("Attempt")
    def attempt_link(self, event: ProviderEvent) -> str:
        return link_to(event.attempt)

    @column("State", ordering="handled_at")
    def state(self, event: ProviderEvent) -> str:
        if event.handled_at:
            return badge("Handled", "success")
        return badge("Left for a person", "danger") if event.last_error else badge("Open", "info")

    @column("Event id")
    def digest(self, event: ProviderEvent) -> str:
        return preformatted(event.event_id)

    @column("Body")
    def body_text(self, event: ProviderEvent) -> str:
        text = pretty_body(bytes(event.body), event.attempt.phone_number if event.attempt else "")
        return preformatted(text)


class NotHandled(DomainError):
    code = "event_not_handled"

    def __init__(self, reason: str) -> None:
        super().__init__([ErrorRow(self.code, f"Not handled: {reason}")])


def _handle(event: ProviderEvent, _: dict[str, Any]) -> str:
    """Handle a stored event by hand; whatever goes wrong becomes words, as it would in the worker's row.

    Raises:
        NotHandled: it is still open; says why.
    """
    pk: UUID = event.pk
    try:
        inbox.handle_event(pk)
    except Postpone as postponed:
        raise NotHandled(str(postponed)) from None
    except DomainError:
        raise
    except Exception as error:
        logger.exception("event_not_handled_by_hand", extra={"event_id": str(pk)})
        raise NotHandled(f"{type(error).__name__}.") from None
    event.refresh_from_db()
    if event.handled_at is None:
        raise NotHandled(event.last_error or "it belongs to no attempt")
    return f"Handled: {event.outcome.replace('_', ' ')}."


def _payment_badge(payment: Payment) -> str:
    return badge(payment.get_status_display(), PAYMENT_LOOKS.get(payment.status, ""))


def _attempt_badge(attempt: PaymentAttempt) -> str:
    return badge(attempt.get_status_display(), ATTEMPT_LOOKS[PaymentAttempt.Status(attempt.status)])


def _advice(attempt: PaymentAttempt) -> str:
    return outcomes.BY_NAME.get(attempt.outcome, outcomes.UNKNOWN).advice
