"""What staff took off an order by hand, and the record of every edit."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from pgtrigger import ReadOnly

from ecommerce.models import BaseModel
from orders.models import Order


class ManualDiscount(BaseModel):
    """A percentage or an amount off an order's goods, after all promotions; ``taken_off`` is what it came to.

    Amounts are in the order's currency.
    """

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="manual_discount")
    percent = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    taken_off = models.DecimalField(max_digits=12, decimal_places=2)
    reason = models.CharField(max_length=120)
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(percent__gt=0, percent__lte=100, amount__isnull=True)
                | Q(percent__isnull=True, amount__gt=0),
                name="manual_discount_is_percent_or_amount",
            ),
            models.CheckConstraint(condition=Q(taken_off__gte=0), name="manual_discount_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} %" if self.percent is not None else str(self.amount)


class OrderEdit(BaseModel):
    """One edit of an order, with what it changed. Never changed itself.

    ``changes`` is a list of ``{"what", "before", "after"}``, in the words of the timeline.
    """

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="edits")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=120, blank=True)
    changes = models.JSONField()
    total_before = models.DecimalField(max_digits=12, decimal_places=2)
    total_after = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        default_permissions = ("view",)
        ordering = ("created_at", "id")
        # A deleted account leaves its edits without one; nothing else of them changes.
        triggers = [ReadOnly(name="append_only", exclude=["actor"])]

    def __str__(self) -> str:
        return f"{self.total_before} → {self.total_after}"
