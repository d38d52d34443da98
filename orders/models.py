"""Baskets and orders."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Upper

from catalog.models import Product, Variant
from catalog.tax_kinds import TaxKind
from ecommerce.models import BaseModel
from orders.numbers import NextOrderNumber


class Cart(BaseModel):
    """A basket. A customer has one; a guest's is known by the hash of a token that only the guest holds.

    ``version`` rises with every change and every order made from it, so that one version becomes one order at most.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="cart")
    token_hash = models.CharField(max_length=64, null=True, unique=True)  # SHA-256
    version = models.PositiveIntegerField(default=1)
    reminded_version = models.PositiveIntegerField(null=True, editable=False)  # its owner was reminded of

    class Meta:
        indexes = [models.Index(fields=["updated_at"], name="cart_oldest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, token_hash__isnull=True)
                | Q(user__isnull=True, token_hash__isnull=False),
                name="cart_has_one_owner",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class CartItem(BaseModel):
    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="items")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=12, decimal_places=2)  # what the customer saw when they chose it

    class Meta:
        ordering = ("created_at", "id")
        constraints = [
            models.UniqueConstraint(fields=["cart", "variant"], name="cart_item_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="cart_item_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.variant_id}"


class Order(BaseModel):
    class Status(models.TextChoices):
        PENDING = "pending"
        PAID = "paid"
        SHIPPED = "shipped"
        DELIVERED = "delivered"
        CANCELLED = "cancelled"
        REFUNDED = "refunded"

    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        Status.PENDING: {Status.PAID, Status.CANCELLED},
        Status.PAID: {Status.SHIPPED, Status.CANCELLED, Status.REFUNDED},
        Status.SHIPPED: {Status.DELIVERED, Status.REFUNDED},
        Status.DELIVERED: {Status.REFUNDED},
        Status.CANCELLED: {Status.REFUNDED},
        Status.REFUNDED: set(),
    }

    number = models.CharField(max_length=12, unique=True, db_default=NextOrderNumber(), editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="orders"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    currency = models.CharField(max_length=3)
    # In ``currency``; total = subtotal - discount + shipping, with the tax in it, or on top if prices are without.
    subtotal = models.DecimalField(max_digits=12, decimal_places=2)
    tax = models.DecimalField(max_digits=12, decimal_places=2)  # of the lines and of the shipping
    shipping = models.DecimalField(max_digits=12, decimal_places=2)
    discount = models.DecimalField(max_digits=12, decimal_places=2)  # off the lines and off the shipping
    total_amount = models.DecimalField(max_digits=12, decimal_places=2)
    prices_include_tax = models.BooleanField(default=True, db_default=True)
    shipping_discount = models.DecimalField(max_digits=12, decimal_places=2, default=0, db_default=0)
    shipping_tax = models.DecimalField(max_digits=12, decimal_places=2, default=0, db_default=0)
    email = models.EmailField(blank=True)
    phone_number = models.CharField(max_length=16, blank=True)  # E.164
    shipping_address = models.JSONField(default=dict, blank=True)  # as it was that day
    # How it gets there, as it was that day: the method's and the pick-up point's id, name and kind.
    delivery = models.JSONField(default=dict, db_default=Value({}, models.JSONField()), blank=True)
    buyer_pin = models.CharField(max_length=11, blank=True, default="", db_default="")  # KRA PIN, for the tax invoice
    note = models.CharField(max_length=500, blank=True)
    # Stock is held for an unpaid order until then; extended while a payment may still arrive.
    reserved_until = models.DateTimeField(null=True, blank=True)
    # A payment attempt is unresolved; such an order is never cancelled. Set by payments under this row's lock.
    payment_open = models.BooleanField(default=False, editable=False)
    # The customer pays at the door, so it may be shipped unpaid. Set by payments under this row's lock; once it is
    # shipped it stays what it was.
    pay_on_delivery = models.BooleanField(default=False, db_default=False, editable=False)
    paid_at = models.DateTimeField(null=True, blank=True)
    cart = models.ForeignKey(Cart, null=True, blank=True, on_delete=models.SET_NULL, related_name="orders")
    cart_version = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        permissions = [("export_order", "Can take orders out as a file")]
        constraints = [
            models.CheckConstraint(condition=Q(total_amount__gte=0), name="order_total_not_negative"),
            models.CheckConstraint(
                condition=Q(prices_include_tax=True, total_amount=F("subtotal") - F("discount") + F("shipping"))
                | Q(
                    prices_include_tax=False,
                    total_amount=F("subtotal") - F("discount") + F("shipping") + F("tax"),
                ),
                name="order_total_adds_up",
            ),
            models.UniqueConstraint(
                fields=["cart", "cart_version"],
                condition=Q(cart__isnull=False),
                name="order_once_per_cart_version",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="order_by_user"),
            models.Index(fields=["-created_at", "-id"], name="order_newest"),
            models.Index(fields=["phone_number"], name="order_by_phone"),
            # What staff find orders by: see ``finding``.
            models.Index(fields=["status", "-created_at", "-id"], name="order_by_status"),
            models.Index(fields=["total_amount", "id"], name="order_by_total"),
            models.Index(KT("shipping_address__county"), F("created_at").desc(), name="order_by_county"),
            models.Index(
                KT("shipping_address__phone_number"),
                name="order_by_recipient_phone",
                condition=Q(shipping_address__has_key="phone_number"),
            ),
            models.Index(OpClass(Upper("email"), name="text_pattern_ops"), name="order_by_email"),
            GinIndex(OpClass(Upper(KT("shipping_address__recipient")), name="gin_trgm_ops"), name="order_by_recipient"),
            models.Index(fields=["email"], name="order_guest_unpaid", condition=Q(status="pending", user__isnull=True)),
            models.Index(
                fields=["reserved_until"], name="order_unpaid", condition=Q(status="pending", payment_open=False)
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def next_statuses(self) -> set[str]:
        """What may follow its status."""
        allowed = self.TRANSITIONS[self.status]
        if self.status == self.Status.PENDING and self.pay_on_delivery:
            return allowed | {self.Status.SHIPPED}
        return allowed

    @property
    def is_payable(self) -> bool:
        """Tell whether it waits for money: before it is shipped, or at the door."""
        if self.status in (self.Status.SHIPPED, self.Status.DELIVERED):
            return self.pay_on_delivery and self.paid_at is None
        return self.status == self.Status.PENDING


class OrderItem(BaseModel):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+")
    # As they were that day: a later change in the catalogue does not touch an order.
    product_name = models.CharField(max_length=255)
    sku = models.CharField(max_length=64)
    options = models.JSONField(default=dict, blank=True)
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=12, decimal_places=2)  # of one unit, with tax if the order's prices are
    discount = models.DecimalField(max_digits=12, decimal_places=2, default=0, db_default=0)  # off all its units
    tax = models.DecimalField(max_digits=12, decimal_places=2, default=0, db_default=0)  # of all its units
    tax_kind = models.CharField(
        max_length=10, choices=TaxKind.choices, default=TaxKind.STANDARD, db_default=TaxKind.STANDARD
    )
    tax_rate = models.DecimalField(max_digits=5, decimal_places=4, default=0, db_default=0)  # a part of the net: 0.16
    position = models.PositiveSmallIntegerField()
    # What has become of its units; those of ``quantity`` that are neither are still to be shipped.
    cancelled_quantity = models.PositiveIntegerField(default=0, db_default=0)
    # Of the cancelled ones, those that went before the order was paid: ``discount`` and ``tax`` are of all the others.
    uncharged_quantity = models.PositiveIntegerField(default=0, db_default=0)
    shipped_quantity = models.PositiveIntegerField(default=0, db_default=0)
    returned_quantity = models.PositiveIntegerField(default=0, db_default=0)  # of the shipped ones
    # Of those still to be shipped, the ones that are not here yet; see ``orders.backorders``.
    awaited_quantity = models.PositiveIntegerField(default=0, db_default=0)
    available_from = models.DateField(null=True, blank=True)  # when they were expected, as the customer was told

    class Meta:
        ordering = ("position",)
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_item_quantity_positive"),
            models.UniqueConstraint(fields=["order", "variant"], name="order_item_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=F("cancelled_quantity") + F("shipped_quantity")),
                name="order_item_units_once",
            ),
            models.CheckConstraint(
                condition=Q(shipped_quantity__gte=F("returned_quantity")), name="order_item_returned_was_shipped"
            ),
            models.CheckConstraint(
                condition=Q(
                    quantity__gte=F("cancelled_quantity") + F("shipped_quantity") + F("awaited_quantity"),
                ),
                name="order_item_awaited_is_open",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_quantity__gte=F("uncharged_quantity")), name="order_item_uncharged_is_cancelled"
            ),
        ]

        indexes = [
            models.Index(fields=["variant", "order"], name="order_item_awaited", condition=Q(awaited_quantity__gt=0))
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.sku}"

    @property
    def open_quantity(self) -> int:
        """How many units are still to be shipped."""
        return self.quantity - self.cancelled_quantity - self.shipped_quantity

    @property
    def charged_quantity(self) -> int:
        """How many units the line costs; ``price * charged_quantity - discount`` is its sum."""
        return self.quantity - self.uncharged_quantity


class OrderEvent(models.Model):
    """What happened to an order, when, and by whom. Never changed."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="events")
    from_status = models.CharField(max_length=10, blank=True)
    to_status = models.CharField(max_length=10)
    note = models.CharField(max_length=200, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.from_status or 'new'} → {self.to_status}"


# Last, of the parts that stand by themselves.
from orders.checkout.models import Checkout  # noqa: E402,F401
from orders.documents.models import NumberSeries, TaxDocument  # noqa: E402,F401
from orders.editing.models import ManualDiscount, OrderEdit  # noqa: E402,F401
from orders.etims.models import EtimsSubmission  # noqa: E402,F401
from orders.fulfilment.models import Shipment, ShipmentEvent, ShipmentItem  # noqa: E402,F401
from orders.gifts.models import GiftRecipient  # noqa: E402,F401

# Last, since it follows the models above: their history.
from orders.history.models import EVENT_MODELS  # noqa: E402,F401
from orders.promotions.models import (  # noqa: E402,F401
    CartCoupon,
    Coupon,
    Promotion,
    PromotionUsage,
    Redemption,
)
from orders.reminders.models import CartReminderRefusal  # noqa: E402,F401
from orders.returns.models import Return, ReturnItem  # noqa: E402,F401
from orders.saved_carts.models import SavedCart, SavedCartItem  # noqa: E402,F401
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone, WeightBand  # noqa: E402,F401
