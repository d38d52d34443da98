"""What stands below the fields of a page: the newest rows that belong to it, for those who may see such rows."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ecommerce.admin_base import EMPTY, Rows, Table, badge, link_to, money, table, when
from ecommerce.currencies import from_minor_units
from orders.models import Order
from payments.admin.looks import (
    advice_of,
    attempt_badge,
    booking_badge,
    masked,
    out_badge,
    payment_badge,
    received_badge,
    sees,
    words,
)
from payments.models import LedgerEntry, LedgerTransaction, Payment, ProviderEvent, ReceivedMoney, Refund

SHOWN = 50

Row = TypeVar("Row", bound=Model)


def attempts_table(payment: Payment) -> Table:
    rows = [
        (
            link_to(attempt, when(attempt.created_at)),
            attempt_badge(attempt),
            attempt.phone_number or EMPTY,
            money(attempt.amount, attempt.currency),
            attempt.receipt_number or EMPTY,
            advice_of(attempt),
            attempt.provider_reference or EMPTY,
        )
        for attempt in payment.attempts.order_by("-created_at")[:SHOWN]
    ]
    headers = ("Time", "Status", "Phone", "Amount", "Receipt", "What the customer is told", "Provider's reference")
    return table("Payment attempts", headers, rows)


def received_table(request: HttpRequest, rows: QuerySet[ReceivedMoney]) -> list[Table]:
    shown = [
        (
            link_to(received, received.receipt_number or "without receipt"),
            received_badge(received),
            money(received.amount, received.currency),
            masked(received.payer_phone),
            received.account_reference or EMPTY,
            when(received.received_at),
        )
        for received in _newest(request, rows, "-received_at")
    ]
    return _if_any("Received money", ("Receipt", "Status", "Amount", "Payer", "Typed", "Received"), shown)


def refunds_table(request: HttpRequest, rows: QuerySet[Refund]) -> list[Table]:
    shown = [
        (
            link_to(refund, when(refund.created_at)),
            out_badge(refund),
            money(refund.amount, refund.currency),
            words(refund.cause),
            refund.reason or EMPTY,
            refund.receipt_number or EMPTY,
        )
        for refund in _newest(request, rows, "-created_at")
    ]
    return _if_any("Refunds", ("Time", "Status", "Amount", "Cause", "Reason", "Receipt"), shown)


def events_table(request: HttpRequest, rows: QuerySet[ProviderEvent]) -> list[Table]:
    shown = [
        (
            link_to(event, when(event.created_at)),
            words(event.kind),
            badge("Yes", "success") if event.is_trusted else "No",
            when(event.handled_at),
            words(event.outcome),
            event.last_error or EMPTY,
        )
        for event in _newest(request, rows.defer("body"), "-created_at")
    ]
    return _if_any("What the provider sent", ("Time", "What", "Trusted", "Handled", "Outcome", "Last error"), shown)


def bookings_table(request: HttpRequest, rows: QuerySet[LedgerTransaction]) -> list[Table]:
    """Return bookings with their entries, in three statements however many there are."""
    shown = []
    for booked in _newest(request, rows.prefetch_related("entries__account"), "-created_at", "-pk"):
        entries = sorted(booked.entries.all(), key=lambda entry: entry.account.code)
        shown.append(
            (
                link_to(booked, when(booked.created_at)),
                booking_badge(booked),
                _lines(entry for entry in entries if entry.amount > 0),
                _lines(entry for entry in entries if entry.amount < 0),
            )
        )
    return _if_any("Bookings", ("Time", "What", "Debit", "Credit"), shown)


def _newest(request: HttpRequest, rows: QuerySet[Row], *ordering: str) -> Iterable[Row]:
    return rows.order_by(*ordering)[:SHOWN] if sees(request, rows.model) else ()


def _if_any(title: str, headers: Sequence[str], rows: Rows) -> list[Table]:
    return [table(title, headers, rows)] if rows else []


def _lines(entries: Iterable[LedgerEntry]) -> str:
    amounts = (
        (entry.account.code, money(from_minor_units(abs(entry.amount), entry.account.currency), entry.account.currency))
        for entry in entries
    )
    return format_html_join(SafeString("<br>"), "{} {}", amounts)


def tables_of_order(request: HttpRequest, order: Order) -> list[Table]:
    """Return what an order's page shows of its payment, to those who may see payments."""
    if not sees(request, Payment):
        return []
    payment: Payment | None = getattr(order, "payment", None)
    if payment is None:
        return [table("Payment", (), [])]
    row = (
        link_to(payment, payment.get_method_display()),
        payment_badge(payment),
        money(payment.amount, payment.currency),
        payment.transaction_id or EMPTY,
        when(payment.paid_at),
        badge("Yes", "danger") if payment.needs_refund else "No",
    )
    headers = ("Method", "Status", "Amount", "Receipt", "Paid", "Needs a refund")
    return [table("Payment", headers, [row]), attempts_table(payment)]
