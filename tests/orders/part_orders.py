"""An order whose units go back one by one, for several test modules."""

from decimal import Decimal
from typing import Any

from rest_framework.test import APIClient

from catalog.tax_kinds import TaxKind
from orders import placing
from orders.cancelling import UnitsInput
from orders.lines import ItemInput
from orders.models import Order
from tests.factories import ProductFactory, UserFactory

VAT = Decimal("0.16")


def charge(order: Order, *, shipping: str = "0.00", discounts: dict[str, str] | None = None) -> Order:
    """Charge an order 16 % within its prices, a discount off some lines, and shipping."""
    for item in order.items.all():
        item.discount = Decimal((discounts or {}).get(item.sku, "0.00"))
        item.tax_kind, item.tax_rate = TaxKind.STANDARD, VAT
        item.tax = ((item.price * item.quantity - item.discount) * VAT / (1 + VAT)).quantize(Decimal("0.01"))
        item.save()
    order.shipping = Decimal(shipping)
    order.shipping_tax = (order.shipping * VAT / (1 + VAT)).quantize(Decimal("0.01"))
    order.tax = sum((item.tax for item in order.items.all()), order.shipping_tax)
    order.discount = sum((item.discount for item in order.items.all()), Decimal("0.00"))
    order.total_amount = order.subtotal - order.discount + order.shipping
    order.save()
    return order


def phones_and_cables() -> Order:
    """Three phones at KES 10,000.00 and two cables at KES 99.99, with KES 100.00 off the phones and 300.00 shipping."""
    phone = ProductFactory(price=Decimal("10000.00"), sku="PHONE")
    cable = ProductFactory(price=Decimal("99.99"), sku="CABLE")
    items = [ItemInput(quantity=3, product_id=phone.pk), ItemInput(quantity=2, product_id=cable.pk)]
    placed = placing.place_order(user=UserFactory(), items=items)
    return charge(Order.objects.get(pk=placed.pk), shipping="300.00", discounts={"PHONE": "100.00"})


def units(order: Order, **wanted: int) -> list[UnitsInput]:
    """Name units of an order's lines by their SKU."""
    ids = dict(order.items.values_list("sku", "pk"))
    return [
        UnitsInput(item_id=ids[sku], quantity=quantity, attr=f"items.{index}")
        for index, (sku, quantity) in enumerate(wanted.items())
    ]


def asked(order: Order, **wanted: int) -> list[dict[str, Any]]:
    return [{"item_id": str(one.item_id), "quantity": one.quantity} for one in units(order, **wanted)]


def post(client: APIClient, order: Order, body: dict[str, Any], **headers: str) -> Any:
    return client.post(f"/api/orders/{order.pk}/cancel/", body, format="json", headers=headers)


def ask(client: APIClient, order: Order, *, reason: str = "", key: str = "", **wanted: int) -> Any:
    """Ask over HTTP for units to be cancelled."""
    body = {"items": asked(order, **wanted), "reason": reason}
    return post(client, order, body, **({"Idempotency-Key": key} if key else {}))
