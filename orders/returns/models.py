"""Goods that come back, and what their buyer gets for them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from catalog.inventory.models import Warehouse
from catalog.models import Variant
from ecommerce.models import BaseModel
from orders.models import Order, OrderItem


class Return(BaseModel):
    """Shipped units of one order that their buyer wants to give back, from the request to the money.

    Whoever changes one holds the lock of its order, and thereby this row and its items.
    """

    class Status(models.TextChoices):
        REQUESTED = "requested"
        APPROVED = "approved"  # the goods may be sent
        REJECTED = "rejected"
        RECEIVED = "received"  # they are here
        REFUNDED = "refunded"  # their worth is promised back, as money or credit
        EXCHANGED = "exchanged"  # other goods are on order for them
        CANCELLED = "cancelled"  # by the customer, or because nothing came

    class Reason(models.TextChoices):
        DAMAGED = "damaged"
        WRONG_ITEM = "wrong_item"
        NOT_AS_DESCRIBED = "not_as_described"
        CHANGED_MIND = "changed_mind"
        OTHER = "other"

    class Resolution(models.TextChoices):
        REFUND = "refund"
        EXCHANGE = "exchange"
        STORE_CREDIT = "store_credit"

    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        Status.REQUESTED: {Status.APPROVED, Status.REJECTED, Status.CANCELLED},
        Status.APPROVED: {Status.RECEIVED, Status.CANCELLED},
        Status.REJECTED: set(),
        Status.RECEIVED: {Status.REFUNDED, Status.EXCHANGED},
        Status.REFUNDED: set(),
        Status.EXCHANGED: set(),
        Status.CANCELLED: set(),
    }
    # Its units may still come, so nobody else gives them back.
    COMING = (Status.REQUESTED, Status.APPROVED)
    # The shop's fault, for which there is more time.
    FAULTY = (Reason.DAMAGED, Reason.WRONG_ITEM, Reason.NOT_AS_DESCRIBED)

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="returns")
    number = models.CharField(max_length=20, unique=True)  # the order's, and which of its returns: 1000019-R1
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.REQUESTED)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    resolution = models.CharField(max_length=12, choices=Resolution.choices, default=Resolution.REFUND)  # wanted
    customer_note = models.CharField(max_length=500, blank=True)
    staff_note = models.CharField(max_length=500, blank=True)  # the customer reads it
    # In the order's currency.
    restocking_fee = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    shipping_amount = models.DecimalField(max_digits=12, decimal_places=2, default=0)  # given back of the order's
    refund_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)  # what was promised
    send_by = models.DateTimeField(null=True, blank=True)  # the goods are expected until then
    approved_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    replacement = models.OneToOneField(
        Order, null=True, blank=True, on_delete=models.PROTECT, related_name="exchange_of"
    )
    # Of an exchange at another price: the order of the wanted goods, which was paid with what was given back for these.
    exchange_order = models.OneToOneField(
        Order, null=True, blank=True, on_delete=models.PROTECT, related_name="credited_by"
    )

    class Meta:
        ordering = ("-created_at", "-id")
        permissions = [("refund_return", "Can give money back for returned goods")]
        constraints = [
            models.CheckConstraint(
                condition=Q(restocking_fee__gte=0, shipping_amount__gte=0), name="return_amounts_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(status="refunded", refund_amount__gte=0)
                | (~Q(status="refunded") & Q(refund_amount__isnull=True)),
                name="return_refunded_has_an_amount",
            ),
            models.CheckConstraint(
                condition=Q(status="exchanged", replacement__isnull=False)
                | (~Q(status="exchanged") & Q(replacement__isnull=True)),
                name="return_exchanged_has_a_replacement",
            ),
            models.CheckConstraint(
                condition=Q(exchange_order__isnull=True) | Q(status="refunded", resolution="exchange"),
                name="return_exchange_order_was_credited",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="return_newest"),
            models.Index(fields=["status", "-created_at"], name="return_by_status"),
        ]

    def __str__(self) -> str:
        return self.number


class ReturnItem(BaseModel):
    class Condition(models.TextChoices):
        UNOPENED = "unopened"
        OPENED = "opened"
        DAMAGED = "damaged"

    goods_return = models.ForeignKey(Return, on_delete=models.CASCADE, related_name="items")
    order_item = models.ForeignKey(OrderItem, on_delete=models.PROTECT, related_name="return_items")
    quantity = models.PositiveIntegerField()  # as asked for
    received_quantity = models.PositiveIntegerField(default=0)
    # What was paid for the received units, and the tax in it or on top; in the order's currency.
    amount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    tax = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    condition = models.CharField(max_length=10, choices=Condition.choices, blank=True)
    restock = models.BooleanField(null=True)  # sold again, or written off; unknown until received
    warehouse = models.ForeignKey(Warehouse, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    exchange_variant = models.ForeignKey(Variant, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # The line of the replacement that it has become; its units are worth what these were.
    replaced_by = models.ForeignKey(
        OrderItem, null=True, blank=True, on_delete=models.PROTECT, related_name="exchanged_for"
    )

    class Meta:
        ordering = ("order_item__position",)
        constraints = [
            models.UniqueConstraint(fields=["goods_return", "order_item"], name="return_item_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="return_item_quantity_positive"),
            models.CheckConstraint(
                condition=Q(received_quantity__lte=F("quantity")), name="return_item_received_was_asked_for"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0, tax__gte=0), name="return_item_worth_not_negative"),
            models.CheckConstraint(
                condition=Q(restock__isnull=False) | Q(received_quantity=0), name="return_item_received_is_decided"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.order_item_id}"
