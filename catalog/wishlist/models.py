"""Wishes of customers."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel


class WishlistItem(BaseModel):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="wishlist_items")
    product = models.ForeignKey("catalog.Product", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "product"], name="wishlist_item_once")]
        indexes = [models.Index(fields=["user", "-created_at", "-id"], name="wishlist_newest")]

    def __str__(self) -> str:
        return str(self.product_id)


class StockNotice(BaseModel):
    """Somebody waits for a product, or for one variant of it, and is told once.

    It waits; then it is owed, when its thing is back, by a task that a trigger has put into the outbox; then it is
    sent. What sold out again before the mail left waits again.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="stock_notices")
    product = models.ForeignKey("catalog.Product", on_delete=models.CASCADE, related_name="+")
    variant = models.ForeignKey("catalog.Variant", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    owed_at = models.DateTimeField(null=True, blank=True)  # a message in the outbox mails it
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "product", "variant"],
                condition=Q(sent_at__isnull=True),
                nulls_distinct=False,
                name="stock_notice_once",
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True) | Q(owed_at__isnull=False), name="stock_notice_owed_before_sent"
            ),
        ]
        indexes = [
            models.Index(fields=["product", "id"], name="stock_notice_waiting", condition=Q(owed_at__isnull=True))
        ]

    def __str__(self) -> str:
        return str(self.product_id)
