"""Reviews, one of each buyer for a product."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel


class Review(BaseModel):
    """What a buyer thinks of a product. A trigger keeps ``Product.rating`` and ``review_count``, of published ones."""

    class Status(models.TextChoices):
        PUBLISHED = "published"
        HIDDEN = "hidden"
        PENDING_MODERATION = "pending_moderation"

    product = models.ForeignKey("catalog.Product", on_delete=models.CASCADE, related_name="reviews")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reviews")
    order_item_id = models.UUIDField()  # what was bought; no foreign key: orders import the catalogue
    rating = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=120, blank=True)
    body = models.TextField(max_length=5000, blank=True)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PUBLISHED)
    reply = models.TextField(max_length=2000, blank=True)
    replied_at = models.DateTimeField(null=True, blank=True)
    replied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    moderated_at = models.DateTimeField(null=True, blank=True)
    moderated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "product"], name="review_once_per_user_and_product"),
            models.CheckConstraint(condition=Q(rating__range=(1, 5)), name="review_rating_from_1_to_5"),
            models.CheckConstraint(
                condition=Q(reply="", replied_at__isnull=True) | (~Q(reply="") & Q(replied_at__isnull=False)),
                name="review_reply_has_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["product", "-created_at", "-id"], name="review_published", condition=Q(status="published")
            ),
            models.Index(fields=["-created_at", "-id"], name="review_newest"),
            models.Index(fields=["created_at"], name="review_to_moderate", condition=Q(status="pending_moderation")),
        ]

    def __str__(self) -> str:
        return f"{self.rating}/5 {self.title}".strip()

    @property
    def is_held_back(self) -> bool:
        """Tell whether the shop has taken it down: its author may change it, but not bring it back alone."""
        return self.moderated_at is not None and self.status != self.Status.PUBLISHED
