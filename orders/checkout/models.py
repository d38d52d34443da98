"""What was told for a cart's checkout."""

from decimal import Decimal

from django.db import models

from catalog.tax_kinds import TaxKind
from ecommerce.models import BaseModel
from orders.models import Cart
from orders.pricing.baskets import Delivery


class PaymentMethod(models.TextChoices):
    """How customers may wish to pay: the values of ``payments.Payment.Method``, which orders do not know.

    Without what pays at once, as far as it goes: gift cards and store credit.
    """

    MPESA = "mpesa"
    CARD = "card"
    PAYPAL = "paypal"
    BANK_TRANSFER = "bank_transfer"
    MOBILE_MONEY = "mobile_money"
    CASH_ON_DELIVERY = "cash_on_delivery"


class Checkout(BaseModel):
    """Who buys a cart, where it goes, and how it is brought and paid. It ends with the order, or with the cart."""

    cart = models.OneToOneField(Cart, on_delete=models.CASCADE, related_name="checkout")
    email = models.EmailField(blank=True)
    phone_number = models.CharField(max_length=16, blank=True)  # E.164
    shipping_address = models.JSONField(default=dict, blank=True)
    note = models.CharField(max_length=500, blank=True)
    buyer_pin = models.CharField(max_length=11, blank=True)
    payment_method = models.CharField(max_length=20, choices=PaymentMethod.choices, blank=True)
    # No foreign keys: a method that is gone must stop the order, not make its shipping free.
    method_id = models.UUIDField(null=True, blank=True)
    pickup_point_id = models.UUIDField(null=True, blank=True)
    # What the method asks for that version of the cart, as the customer was shown it; no amount: it does not carry it.
    quoted_version = models.PositiveIntegerField(null=True, blank=True)
    shipping_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    shipping_tax_kind = models.CharField(max_length=10, choices=TaxKind.choices, default=TaxKind.STANDARD)
    delivery = models.JSONField(default=dict, blank=True)  # as ``Quote.snapshot`` has it

    class Meta:
        default_permissions = ()  # those of the cart

    def __str__(self) -> str:
        return str(self.cart_id)

    @property
    def shown_delivery(self) -> Delivery | None:
        """What the customer was shown of the chosen method's price."""
        if self.method_id is None or self.shipping_amount is None:
            return None
        return Delivery(Decimal(self.shipping_amount), TaxKind(self.shipping_tax_kind), dict(self.delivery))


def checkout_of(cart: Cart | None) -> Checkout | None:
    """Return what was told for a cart's checkout; no statement if the cart was read with it."""
    return getattr(cart, "checkout", None)
