"""Reading parcels, by audience."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, TextChoices

from accounts.models import User
from catalog.models import Product
from orders.fulfilment.models import Shipment, ShipmentEvent, ShipmentItem
from orders.models import Order, OrderItem


class FulfilmentStatus(TextChoices):
    UNFULFILLED = "unfulfilled"
    PARTIAL = "partial"
    FULFILLED = "fulfilled"


def fulfilment_status(items: Iterable[OrderItem]) -> FulfilmentStatus:
    """Return how much has left of an order with these lines, of what is not cancelled."""
    wanted = gone = 0
    for item in items:
        wanted += item.quantity - item.cancelled_quantity
        gone += item.shipped_quantity
    if not gone:
        return FulfilmentStatus.UNFULFILLED
    return FulfilmentStatus.PARTIAL if gone < wanted else FulfilmentStatus.FULFILLED


def shipments() -> QuerySet[Shipment]:
    """Every parcel with its order's number, its place, its lines and its events, in three statements. For staff."""
    return Shipment.objects.select_related("order", "warehouse").prefetch_related(
        Prefetch("items", queryset=_lines()),
        "events",
    )


@dataclass(frozen=True)
class Tracking:
    """Where an order is, for whoever may follow it; nothing that tells more of its customer than the page must."""

    order: Order
    first_name: str
    fulfilment_status: FulfilmentStatus
    items: list[OrderItem]
    shipments: list[Shipment]


def tracking_of(order: Order) -> Tracking:
    """Return where the goods of an order are, in five statements at most."""
    lines = list(order.items.order_by("position"))
    parcels = list(
        Shipment.objects.filter(order=order).prefetch_related(
            Prefetch("items", queryset=_lines()),
            Prefetch("events", queryset=ShipmentEvent.objects.defer("actor", "source_id")),
        )
    )
    return Tracking(
        order=order,
        first_name=_first_name(order),
        fulfilment_status=fulfilment_status(lines),
        items=lines,
        shipments=parcels,
    )


def received_items(user: User) -> QuerySet[OrderItem]:
    """The lines of which ``user`` has received something: in a parcel that was delivered, or handed over when paid."""
    arrived = ShipmentItem.objects.filter(order_item=OuterRef("pk"), shipment__status=Shipment.Status.DELIVERED)
    return OrderItem.objects.filter(
        Exists(arrived) | (Q(shipped_quantity__gt=0) & ~Q(product__kind=Product.Kind.PHYSICAL)), order__user=user
    ).exclude(order__status__in=(Order.Status.CANCELLED, Order.Status.REFUNDED))


def _lines() -> QuerySet[ShipmentItem]:
    return ShipmentItem.objects.select_related("order_item").order_by("order_item__position")


def _first_name(order: Order) -> str:
    names = str(order.shipping_address.get("recipient") or "").split()
    if names:
        return names[0]
    return order.user.first_name if order.user else ""
