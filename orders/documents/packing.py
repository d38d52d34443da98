"""What is packed for an order: its goods that are still to be sent, without prices, and where they lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from catalog.inventory.exceptions import InsufficientInWarehouse
from catalog.inventory.models import Warehouse
from catalog.inventory.picking import balances_of, pick
from catalog.models import Product
from orders.documents.contents import address_of
from orders.models import Order


@dataclass(frozen=True)
class SlipLine:
    name: str
    sku: str
    options: list[str]
    quantity: int
    places: list[str]  # "NBO-1" for all of them, "NBO-1: 2" for some


@dataclass(frozen=True)
class Slip:
    shop: str
    order_number: str
    placed_at: datetime
    recipient: str
    phone_number: str
    address: list[str]
    delivery: str
    rider_note: str
    note: str
    is_to_be_paid: bool
    lines: list[SlipLine]


def slip_of(order: Order) -> Slip:
    """Return an order's packing slip: what is still to be sent, or, when nothing is, what was sent."""
    goods = list(order.items.filter(product__kind=Product.Kind.PHYSICAL).order_by("position"))
    waiting = {item.variant_id: item.quantity - item.cancelled_quantity - item.shipped_quantity for item in goods}
    is_open = any(waiting.values())
    places = _places({variant: units for variant, units in waiting.items() if units}) if is_open else {}
    units_of = waiting if is_open else {item.variant_id: item.shipped_quantity for item in goods}
    address = order.shipping_address
    return Slip(
        shop=settings.SHOP_LEGAL_NAME,
        order_number=order.number,
        placed_at=order.created_at,
        recipient=str(address.get("recipient") or "") or (order.user.get_full_name() if order.user else ""),
        phone_number=str(address.get("phone_number") or "") or order.phone_number,
        address=address_of(address),
        delivery=str(order.delivery.get("name") or ""),
        rider_note=str(address.get("rider_note") or ""),
        note=order.note,
        is_to_be_paid=order.pay_on_delivery and order.paid_at is None,
        lines=[
            SlipLine(
                name=item.product_name,
                sku=item.sku,
                options=[str(value) for value in item.options.values()],
                quantity=units,
                places=places.get(item.variant_id, []),
            )
            for item in goods
            if (units := units_of[item.variant_id])
        ],
    )


def _places(wanted: Mapping[UUID, int]) -> dict[UUID, list[str]]:
    """Return from which warehouses the goods would be taken now. Nothing is locked: shipping decides again."""
    codes = dict(Warehouse.objects.values_list("pk", "code"))
    try:
        picks = pick(wanted)
    except InsufficientInWarehouse:  # somebody has counted less than was sold: show what there is
        return {
            variant: [f"{codes[place]}: {on_hand}" for place, on_hand in places.items()]
            for variant, places in balances_of(wanted).items()
        }
    found: dict[UUID, list[str]] = {}
    for one in picks:
        whole = one.units == wanted[one.variant_id]
        found.setdefault(one.variant_id, []).append(codes[one.warehouse_id] + ("" if whole else f": {one.units}"))
    return found
