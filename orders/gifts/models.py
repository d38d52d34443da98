"""For whom a line of gift cards is."""

from django.db import models

from ecommerce.models import BaseModel


class GiftRecipient(BaseModel):
    """Who gets the gift cards of an order's line; without one they go to whoever has ordered them."""

    order_item = models.OneToOneField("orders.OrderItem", on_delete=models.CASCADE, related_name="gift_recipient")
    recipient_email = models.EmailField()
    message = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"of {self.order_item_id}"
