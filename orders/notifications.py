"""Mail about orders."""

import logging

from ecommerce.mail import Attachment, send_template
from ecommerce.money import format_money
from orders.documents.exceptions import DocumentDoesNotAddUp, InvoiceNotIssued
from orders.documents.pdf.tax_documents import tax_document_pdf
from orders.documents.selectors import fiscal_facts
from orders.documents.services import issue_invoice
from orders.links import order_link
from orders.models import Order

logger = logging.getLogger(__name__)


def send_order_confirmation(order_id: str) -> None:
    """Tell the customer that the order is paid. Called by a worker; a repeat sends the same mail again."""
    order = Order.objects.prefetch_related("items").get(pk=order_id)
    if not order.email:
        return
    lines = [
        {
            "item": item,
            "quantity": item.charged_quantity,
            "amount": format_money(item.price * item.charged_quantity, order.currency),
        }
        for item in order.items.all()
        if item.charged_quantity
    ]
    context = {
        "order": order,
        "lines": lines,
        "discount": format_money(order.discount, order.currency) if order.discount else "",
        "shipping": format_money(order.shipping, order.currency) if order.shipping else "",
        "total": format_money(order.total_amount, order.currency),
        "tax": format_money(order.tax, order.currency),
        "link": order_link(order.pk) if order.user_id is None else "",
        "comes_later": any(item.awaited_quantity for item in order.items.all()),
    }
    invoice = _invoice_of(order)
    context |= {"has_invoice": bool(invoice)}
    send_template("orders/confirmation", to=order.email, context=context, attachments=invoice)


def send_order_received(order_id: str) -> None:
    """Send a guest the link to the order: without an account it is the only way back to it."""
    order = Order.objects.get(pk=order_id)
    if not order.email or order.user_id is not None:
        return
    context = {
        "order": order,
        "total": format_money(order.total_amount, order.currency),
        "link": order_link(order.pk),
    }
    send_template("orders/received", to=order.email, context=context)


def _invoice_of(order: Order) -> list[Attachment]:
    """Return an order's invoice as a file; nothing when none can be issued, for the mail goes out anyway."""
    try:
        invoice = issue_invoice(order.pk)
    except (InvoiceNotIssued, DocumentDoesNotAddUp):
        logger.exception("mail_without_invoice", extra={"order_id": str(order.pk)})
        return []
    return [(f"{invoice.number}.pdf", tax_document_pdf(invoice.content, fiscal_facts(invoice)), "application/pdf")]
