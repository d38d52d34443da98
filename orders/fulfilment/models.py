"""Parcels: what has left of an order, with whom, and what has become of it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel


class Shipment(BaseModel):
    """A parcel of one order. Its units have been taken off the shelf; ``fulfilment.services`` writes it."""

    class Status(models.TextChoices):
        PACKED = "packed"  # off the shelf, not yet with the carrier
        SHIPPED = "shipped"
        IN_TRANSIT = "in_transit"
        OUT_FOR_DELIVERY = "out_for_delivery"
        READY_FOR_PICKUP = "ready_for_pickup"
        DELIVERED = "delivered"
        FAILED = "failed"  # nobody was there, no such address: it is tried again, or comes back
        RETURNED = "returned"  # back at the shop; a return puts its goods on the shelf again

    _ON_ITS_WAY: ClassVar[set[str]] = {
        Status.IN_TRANSIT,
        Status.OUT_FOR_DELIVERY,
        Status.READY_FOR_PICKUP,
        Status.DELIVERED,
        Status.FAILED,
        Status.RETURNED,
    }
    # A parcel that is scanned at one place after another is in transit again and again.
    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        Status.PACKED: {Status.SHIPPED, Status.READY_FOR_PICKUP},
        Status.SHIPPED: _ON_ITS_WAY,
        Status.IN_TRANSIT: _ON_ITS_WAY,
        Status.OUT_FOR_DELIVERY: _ON_ITS_WAY - {Status.OUT_FOR_DELIVERY},
        Status.READY_FOR_PICKUP: {Status.DELIVERED, Status.FAILED, Status.RETURNED},
        Status.FAILED: _ON_ITS_WAY - {Status.FAILED},
        Status.DELIVERED: set(),
        Status.RETURNED: set(),
    }
    ENDED: ClassVar[tuple[str, ...]] = (Status.DELIVERED, Status.RETURNED)

    order = models.ForeignKey("orders.Order", on_delete=models.CASCADE, related_name="shipments")
    number = models.CharField(max_length=16, unique=True, editable=False)  # 1000019-1: the first parcel of that order
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.SHIPPED)
    carrier = models.CharField(max_length=40, blank=True)  # a key of ``settings.CARRIERS``
    tracking_number = models.CharField(max_length=64, blank=True)
    tracking_url = models.URLField(max_length=300, blank=True)
    # Where its goods lay; nothing if they were put together from several places.
    warehouse = models.ForeignKey(
        "catalog.Warehouse", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.CharField(max_length=200, blank=True)  # of the staff, for the staff
    shipped_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        default_permissions = ()  # whoever may see or change an order, may do so with its parcels
        ordering = ("created_at", "id")
        constraints = [
            models.CheckConstraint(
                condition=Q(tracking_url="") | Q(tracking_url__startswith="https://"), name="shipment_link_is_https"
            ),
            models.CheckConstraint(
                condition=Q(status="packed", shipped_at__isnull=True)
                | (~Q(status="packed") & Q(shipped_at__isnull=False)),
                name="shipment_left_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(status="delivered", delivered_at__isnull=False)
                | (~Q(status="delivered") & Q(delivered_at__isnull=True)),
                name="shipment_delivered_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="shipment_newest"),
            models.Index(fields=["tracking_number"], name="shipment_by_tracking", condition=~Q(tracking_number="")),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def next_statuses(self) -> set[str]:
        """What may follow its status."""
        return self.TRANSITIONS[self.status]


class ShipmentItem(models.Model):
    """So many units of a line of the order are in the parcel."""

    shipment = models.ForeignKey(Shipment, on_delete=models.CASCADE, related_name="items", db_index=False)
    order_item = models.ForeignKey("orders.OrderItem", on_delete=models.CASCADE, related_name="shipment_items")
    quantity = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["shipment", "order_item"], name="shipment_item_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="shipment_item_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.order_item_id}"


class ShipmentEvent(models.Model):
    """What happened to a parcel, when and where. A trigger forbids changing or deleting it.

    ``place`` and ``note`` are shown to whoever follows the parcel.
    """

    shipment = models.ForeignKey(Shipment, on_delete=models.CASCADE, related_name="events", db_index=False)
    status = models.CharField(max_length=16, choices=Shipment.Status.choices)
    place = models.CharField(max_length=120, blank=True)
    note = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField()
    # What who tells of it calls it: the same thing told twice is one event.
    source_id = models.CharField(max_length=100, null=True, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["shipment", "source_id"], name="shipment_event_once_per_source"),
        ]
        indexes = [models.Index(fields=["shipment", "id"], name="shipment_event_in_order")]

    def __str__(self) -> str:
        return self.status
