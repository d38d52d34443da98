"""Orders with documents, for tests."""

from decimal import Decimal
from typing import Any

from ecommerce.invariants import violations
from orders.documents.checks import CHECKS
from orders.documents.models import TaxDocument
from orders.documents.services import issue_invoice
from orders.models import Order, OrderItem
from orders.services import mark_paid
from tests.factories import ProductFactory, UserFactory


def order_of(
    *lines: dict[str, Any], shipping: str = "0.00", shipping_tax: str = "0.00", paid: bool = True, **fields: Any
) -> Order:
    """Make an order whose prices include tax. A line: price, quantity, discount, tax, tax_kind, tax_rate, name."""
    rows = [
        {"quantity": 1, "discount": "0.00", "tax": "0.00", "tax_kind": "standard", "tax_rate": "0.16"} | line
        for line in lines
    ]
    subtotal = sum((Decimal(row["price"]) * row["quantity"] for row in rows), Decimal("0.00"))
    discount = sum((Decimal(row["discount"]) for row in rows), Decimal("0.00"))
    tax = sum((Decimal(row["tax"]) for row in rows), Decimal(shipping_tax))
    order = Order.objects.create(
        user=fields.pop("user", None) or UserFactory(),
        currency="KES",
        subtotal=subtotal,
        discount=discount,
        shipping=Decimal(shipping),
        shipping_tax=Decimal(shipping_tax),
        tax=tax,
        total_amount=subtotal - discount + Decimal(shipping),
        **fields,
    )
    for position, row in enumerate(rows):
        product = row.pop("product", None) or ProductFactory()
        variant = product.variants.get()
        OrderItem.objects.create(
            order=order,
            product=product,
            variant=variant,
            product_name=row.pop("name", product.product_name),
            sku=variant.sku,
            position=position,
            **row,
        )
    if paid:
        mark_paid(order.pk)
    order.refresh_from_db()
    return order


def invoice_of(*lines: dict[str, Any], **fields: Any) -> TaxDocument:
    return issue_invoice(order_of(*lines, **fields).pk)


def assert_documents_hold() -> None:
    """Numbers without gaps, sums that are sums, one invoice for each paid order."""
    assert {check.name: found for check in CHECKS if (found := list(violations(check)))} == {}
