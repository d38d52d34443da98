"""Pictures of products."""

from typing import Any

from django.db import models
from django.db.models import Deferrable, Q

from ecommerce.models import BaseModel


class ProductImage(BaseModel):
    """One picture of a product. A worker draws its thumbnails; until then it is ``processing``.

    What was uploaded is kept under ``upload`` until it has been drawn anew, and is never served: it may say where the
    photographer lives. ``thumbnails`` are all that is left, the largest serves as the original.
    """

    class State(models.TextChoices):
        PROCESSING = "processing"
        READY = "ready"
        FAILED = "failed"

    product = models.ForeignKey("catalog.Product", on_delete=models.CASCADE, related_name="images")
    variant = models.ForeignKey(
        "catalog.Variant", null=True, blank=True, on_delete=models.CASCADE, related_name="images"
    )
    position = models.PositiveSmallIntegerField()  # 0, 1, 2… in a product, without gaps
    alt = models.CharField("alternative text", max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROCESSING)
    failure = models.CharField(max_length=40, blank=True)  # the code of what was wrong
    sha256 = models.CharField(max_length=64)  # of what was uploaded
    upload = models.CharField(max_length=100, blank=True)  # a file's name in the storage
    width = models.PositiveIntegerField()  # pixels of what was uploaded; upright once it is ready
    height = models.PositiveIntegerField()
    # {"480": {"file": name in the storage, "width": 480, "height": 320}}: by the longer side's pixels
    thumbnails = models.JSONField(default=dict, blank=True)

    class Meta:
        default_permissions = ("view",)  # everything else goes by the product's
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(fields=["product", "sha256"], name="image_once_per_product"),
            # Checked at commit: a new order passes through states where two have one position.
            models.UniqueConstraint(
                fields=["product", "position"], name="image_position_once", deferrable=Deferrable.DEFERRED
            ),
            models.CheckConstraint(
                condition=Q(state="failed") ^ Q(failure=""), name="image_failed_exactly_with_a_failure"
            ),
            models.CheckConstraint(
                condition=~Q(state="ready") | ~Q(thumbnails={}), name="image_ready_only_with_thumbnails"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="image_not_ready", condition=~Q(state="ready"))]

    def __str__(self) -> str:
        return self.alt or f"Picture {self.position + 1}"

    @property
    def files(self) -> list[str]:
        """Return the names of all its files in the storage."""
        thumbnails: dict[str, Any] = self.thumbnails
        return [*([self.upload] if self.upload else []), *(row["file"] for row in thumbnails.values())]
