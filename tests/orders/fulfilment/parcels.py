"""Orders with several lines, and what is in their parcels."""

from typing import Any

from catalog.models import Stock
from orders import placing, services
from orders.fulfilment.models import Shipment
from orders.fulfilment.services import ShipLine
from orders.models import Order
from tests.factories import ProductFactory, UserFactory


def order_of(
    *quantities: int, paid: bool = True, user: Any = None, digital: int = 0, sku: str = "L", **contact: Any
) -> Order:
    """Place (and pay) an order with one line of so many units each; the last ``digital`` lines are digital goods."""
    kinds = ["physical"] * (len(quantities) - digital) + ["digital"] * digital
    products = [ProductFactory(sku=f"{sku}{n}", kind=kind) for n, kind in enumerate(kinds)]
    order = placing.place_order(
        user=user or (None if contact else UserFactory()),
        items=[
            placing.ItemInput(quantity=quantity, product_id=product.pk)
            for quantity, product in zip(quantities, products, strict=True)
        ],
        contact=placing.Contact(**contact),
    )
    if paid:
        services.mark_paid(order.pk)
        order.refresh_from_db()
    return order


def lines(order: Order, **units: int) -> list[ShipLine]:
    """Name units of an order's lines by their SKU: ``lines(order, L0=2)``."""
    ids = dict(order.items.values_list("sku", "pk"))
    return [ShipLine(ids[sku], count, f"items.{n}") for n, (sku, count) in enumerate(units.items())]


def contents(shipment: Shipment) -> dict[str, int]:
    return dict(shipment.items.values_list("order_item__sku", "quantity"))


def shelf() -> dict[str, tuple[int, int]]:
    """Return what is available and on hand of each SKU."""
    rows = Stock.objects.values_list("variant__sku", "available", "on_hand")
    return {sku: (available, on_hand) for sku, available, on_hand in rows}


def timeline(order: Order) -> list[tuple[str, str, str]]:
    return list(order.events.values_list("from_status", "to_status", "note"))


def everything(order: Order) -> dict[str, Any]:
    """Return all that shipping may change of an order."""
    return {
        "order": Order.objects.filter(pk=order.pk).values("status", "reserved_until", "updated_at").get(),
        "lines": list(order.items.values_list("sku", "shipped_quantity", "cancelled_quantity")),
        "parcels": list(order.shipments.values()),
        "told": timeline(order),
        "shelf": shelf(),
    }
