"""What payments tell orders: how much is paid, the receipts that paid, and the refunds; see ``orders.hooks``."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import DecimalField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from ecommerce.money import ZERO
from orders import hooks
from payments.models import Payment, ReceivedMoney, Refund


def paid_amount() -> Combinable:
    """Return an expression over orders: what receipts have paid of each, less what went back or is on its way back."""
    received = ReceivedMoney.objects.filter(payment__order=OuterRef("pk"), status=ReceivedMoney.Status.APPLIED)
    back = Refund.objects.filter(received__payment__order=OuterRef("pk"), received__status="applied").exclude(
        status=Refund.Status.FAILED
    )
    return _sum(received, "payment__order", "applied_amount") - _sum(back, "received__payment__order", "payment_amount")


def _sum(rows: QuerySet[Any], by: str, amount: str) -> Coalesce:
    sums = rows.order_by().values(by).annotate(sum=Sum(amount)).values("sum")
    return Coalesce(Subquery(sums), ZERO, output_field=DecimalField(max_digits=12, decimal_places=2))


def receipts_of(order_id: UUID) -> list[hooks.Receipt]:
    """Return the receipts that paid an order, oldest first, each with what it paid of it."""
    received = ReceivedMoney.objects.filter(payment__order_id=order_id, status=ReceivedMoney.Status.APPLIED)
    return [
        hooks.Receipt(row.receipt_number or "", row.provider, row.applied_amount or ZERO, row.received_at)
        for row in received.order_by("received_at", "pk")
    ]


def tell_of_refund(refund: Refund, payment: Payment, kept: Decimal) -> None:
    """Tell what a refund of a locked payment, of which ``kept`` is left, gave back of the order's price.

    What was paid beyond the price goes back first and is no part of it.
    """
    before = kept + (refund.payment_amount or ZERO)
    given_back = min(before, payment.amount) - min(kept, payment.amount)
    if given_back <= 0:
        return
    refunded = hooks.Refunded(
        refund_id=refund.pk,
        order_id=payment.order_id,
        amount=given_back,
        reason=refund.reason or refund.get_cause_display(),
        receipt_number=refund.receipt_number,
        lines=tuple(hooks.RefundedLine(line.order_item_id, line.quantity, line.amount) for line in refund.lines.all()),
    )
    for follow in hooks.after_refund:
        follow(refunded)
