"""Carts that were put aside."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from catalog.models import Variant
from ecommerce.models import BaseModel


class SavedCart(BaseModel):
    """What a customer wants to buy another time. It holds no stock and never expires."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_carts")
    name = models.CharField(max_length=80)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.name


class SavedCartItem(BaseModel):
    saved_cart = models.ForeignKey(SavedCart, on_delete=models.CASCADE, related_name="items")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=12, decimal_places=2)  # what the customer saw when they chose it

    class Meta:
        default_permissions = ()  # those of the saved cart
        ordering = ("created_at", "id")
        constraints = [
            models.UniqueConstraint(fields=["saved_cart", "variant"], name="saved_cart_item_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="saved_cart_item_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.variant_id}"
