"""Orders as CSV, a row each: read a page at a time, so that a file of any length needs the memory of one page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from catalog.exchange.formats import csv_lines
from orders.documents.numbering import NAIROBI
from orders.models import Order, OrderItem
from orders.selectors import amount_due, with_paid_amount

COLUMNS = (
    *("number", "status", "placed_at", "paid_at", "customer", "email", "phone_number"),
    *("county", "town", "delivery", "units", "items"),
    *("currency", "subtotal", "discount", "shipping", "tax", "total_amount", "amount_due", "receipt", "note"),
)
PAGE = 500


def as_csv(orders: QuerySet[Order]) -> Iterator[bytes]:
    """Yield a CSV of ``orders``, newest first; times are Nairobi's, and no cell is a formula.

    One statement for a page. What is placed meanwhile is not in it, and nothing is in it twice.
    """
    yield csv_lines([COLUMNS])
    last: Order | None = None
    while page := list(_after(_readable(orders), last)[:PAGE]):
        last = page[-1]
        yield csv_lines([_row(order) for order in page])


def _readable(orders: QuerySet[Order]) -> QuerySet[Order]:
    # Not prefetched: orders and their lines would refer to each other, and stay in memory until somebody collects them.
    lines = OrderItem.objects.filter(order=OuterRef("pk")).order_by("position")
    kept = JSONObject(sku="sku", units=F("quantity") - F("cancelled_quantity"))
    return (
        with_paid_amount(orders)
        .select_related("user")
        .annotate(
            receipt=F("payment__transaction_id"),  # by name: payments import orders, not the reverse
            goods=ArraySubquery(lines.filter(quantity__gt=F("cancelled_quantity")).values(line=kept)),
        )
        .order_by("-created_at", "-id")
    )


def _after(orders: QuerySet[Order], last: Order | None) -> QuerySet[Order]:
    if last is None:
        return orders
    # The first condition is in the second, but it alone tells the index where to begin.
    later = Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)
    return orders.filter(later, created_at__lte=last.created_at)


def _row(order: Order) -> list[str]:
    row: Any = order  # annotated
    address = order.shipping_address
    name = str(address.get("recipient") or "") or (order.user.get_full_name() if order.user else "")
    return [
        *(order.number, order.status, _time(order.created_at), _time(order.paid_at), name),
        *(order.email, order.phone_number),
        *(str(address.get("county") or ""), str(address.get("town") or ""), str(order.delivery.get("name") or "")),
        str(sum(line["units"] for line in row.goods)),
        "; ".join(f"{line['units']} × {line['sku']}" for line in row.goods),
        order.currency,
        *(str(each) for each in (order.subtotal, order.discount, order.shipping, order.tax, order.total_amount)),
        *(str(amount_due(order)), row.receipt or "", order.note),
    ]


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(NAIROBI):%Y-%m-%d %H:%M:%S}" if moment else ""
