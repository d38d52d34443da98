"""Reading orders for those whose goods were ordered.

A line is its product's seller's. Nothing here leads to another seller's line, nor to how the order is paid.
"""

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from accounts.models import User
from orders.fulfilment.models import Shipment, ShipmentItem
from orders.models import Order, OrderItem

# Placed for certain: paid, or to be paid at the door.
_CERTAIN = Q(paid_at__isnull=False) | Q(pay_on_delivery=True)


def lines_of(seller: User) -> QuerySet[OrderItem]:
    return OrderItem.objects.filter(product__seller=seller)


def orders_of(seller: User) -> QuerySet[Order]:
    """The orders with something of theirs, as ``own_lines``, and the parcels of it that wait; in three statements."""
    own = lines_of(seller)
    packed = Shipment.objects.filter(status=Shipment.Status.PACKED, items__order_item__in=own).distinct()
    return (
        Order.objects.filter(_CERTAIN, Exists(own.filter(order=OuterRef("pk"))))
        .only("number", "status", "currency", "shipping_address", "delivery", "pay_on_delivery", "created_at")
        .prefetch_related(
            Prefetch("items", queryset=own.select_related("product").order_by("position"), to_attr="own_lines"),
            Prefetch("shipments", queryset=packed, to_attr="own_packed"),
        )
    )


def shipments_of(seller: User) -> QuerySet[Shipment]:
    """The parcels with something of theirs, with these lines of it alone; in three statements."""
    own = ShipmentItem.objects.filter(order_item__product__seller=seller)
    return (
        Shipment.objects.filter(Exists(own.filter(shipment=OuterRef("pk"))))
        .select_related("order")
        .prefetch_related(
            Prefetch("items", queryset=own.select_related("order_item").order_by("order_item__position")), "events"
        )
    )


def shipments_sent_by(seller: User) -> QuerySet[Shipment]:
    """The parcels that hold nothing but what is theirs: those that they may say something of."""
    others = ShipmentItem.objects.filter(shipment=OuterRef("pk")).exclude(order_item__product__seller=seller)
    return shipments_of(seller).filter(~Exists(others))
