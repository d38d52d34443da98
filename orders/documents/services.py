"""Issuing invoices and credit notes: once for each order and each refund, in the transaction that takes the number.

Locks: order, number series.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ecommerce.money import ZERO
from orders import hooks
from orders.documents.contents import VERSION, Content, buyer_of, invoice_content, seller
from orders.documents.crediting import Named, credited_sums
from orders.documents.exceptions import InvoiceNotIssued
from orders.documents.models import TaxDocument
from orders.documents.numbering import NAIROBI, number_of, series_of, take_number
from orders.etims.services import owe_submission
from orders.models import Order
from orders.tasks import issue_credit_note as issue_credit_note_task
from orders.transitions import lock_order

logger = logging.getLogger(__name__)

Kind = TaxDocument.Kind


@dataclass(frozen=True)
class _Place:
    """A document's place in its series."""

    kind: TaxDocument.Kind
    series: str
    sequence: int
    issued_at: datetime

    @property
    def number(self) -> str:
        return number_of(self.series, self.sequence)


@transaction.atomic
def issue_invoice(order_id: UUID) -> TaxDocument:
    """Issue the invoice of a paid order; a repeat returns the one that was issued.

    Raises:
        InvoiceNotIssued: the order is not paid.
        DocumentDoesNotAddUp: its lines are not its total; no number is taken.
    """
    order = lock_order(order_id)
    issued = TaxDocument.objects.filter(order=order, kind=Kind.INVOICE).first()
    if issued is not None:
        return issued
    if order.paid_at is None:
        raise InvoiceNotIssued()
    place = _take(Kind.INVOICE)
    content = invoice_content(order, number=place.number, issued_at=place.issued_at)
    return _insert(order, place, content, source=f"order:{order.pk}")


def owe_credit_note(refunded: hooks.Refunded) -> None:
    """Owe the credit note of a refund, in the transaction that books the refund."""
    issue_credit_note_task.owe(
        f"credit-note:{refunded.refund_id}",
        order_id=str(refunded.order_id),
        refund_id=str(refunded.refund_id),
        amount=str(refunded.amount),
        reason=refunded.reason,
        receipt_number=refunded.receipt_number,
        lines=[[str(line.order_item_id), line.quantity, str(line.amount)] for line in refunded.lines],
    )


@transaction.atomic
def issue_credit_note(
    order_id: UUID,
    *,
    refund_id: UUID,
    amount: Decimal,
    reason: str = "",
    receipt_number: str = "",
    lines: Sequence[Named] = (),
) -> TaxDocument | None:
    """Issue the credit note of a refund of ``amount``; a repeat returns the one that was issued.

    Issues the order's invoice before it, if that is still owed. None when the order was never paid, or when nothing of
    the invoice is left to take back.
    """
    source = f"refund:{refund_id}"
    order = lock_order(order_id)
    issued = TaxDocument.objects.filter(source=source).first()
    if issued is not None:
        return issued
    if order.paid_at is None:
        return None
    invoice = issue_invoice(order_id)
    earlier = list(invoice.corrections.order_by("sequence").values_list("content", flat=True))
    sums = credited_sums(invoice.content, earlier, amount, lines)
    if not sums["lines"] or Decimal(sums["totals"]["gross"]) <= ZERO:
        logger.warning("nothing_left_to_credit", extra={"order_id": str(order_id), "refund_id": str(refund_id)})
        return None
    place = _take(Kind.CREDIT_NOTE)
    content: Content = {
        "version": VERSION,
        "kind": "credit_note",
        "number": place.number,
        "issued_at": place.issued_at.isoformat(),
        "corrects": {"number": invoice.number, "issued_at": invoice.content["issued_at"]},
        "reason": reason,
        "order": invoice.content["order"],
        "seller": seller(),
        "buyer": invoice.content["buyer"] | {"pin": buyer_of(order)["pin"] or invoice.content["buyer"]["pin"]},
        "currency": invoice.currency,
        **sums,
        "payments": [{"receipt_number": receipt_number}] if receipt_number else [],
    }
    return _insert(order, place, content, source=source, corrects=invoice)


def _take(kind: TaxDocument.Kind) -> _Place:
    """Take the next number. The time is read after it, so that a higher number is never the older one."""
    asked_at = timezone.now()
    series = series_of(kind, asked_at)
    sequence = take_number(series)
    issued_at = timezone.now()
    same_year = issued_at.astimezone(NAIROBI).year == asked_at.astimezone(NAIROBI).year
    return _Place(kind, series, sequence, issued_at if same_year else asked_at)


def _insert(
    order: Order, place: _Place, content: Content, *, source: str, corrects: TaxDocument | None = None
) -> TaxDocument:
    document = TaxDocument.objects.create(
        kind=place.kind,
        series=place.series,
        sequence=place.sequence,
        number=place.number,
        order=order,
        corrects=corrects,
        source=source,
        issued_at=place.issued_at,
        currency=content["currency"],
        amount=Decimal(content["totals"]["gross"]),
        content=content,
    )
    owe_submission(document)
    logger.info("document_issued", extra={"document_id": str(document.pk), "order_id": str(order.pk)})
    return document
