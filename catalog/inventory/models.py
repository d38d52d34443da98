"""Where goods lie."""

from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel


class Warehouse(BaseModel):
    """A place where goods lie. One of them is the default: goods that nobody has assigned lie there.

    A database function makes that one when goods come into a shop without any: see the migration that makes this table.
    """

    name = models.CharField(max_length=120, unique=True)
    code = models.CharField(max_length=20, unique=True)  # NBO-1: short, for lists and labels
    county = models.CharField(max_length=60, blank=True)
    address = models.CharField(max_length=300, blank=True)
    position = models.PositiveSmallIntegerField("priority", default=0)  # orders are picked from the lowest first
    is_active = models.BooleanField(default=True)  # no goods come into, nor lie in, one that is not
    is_default = models.BooleanField(default=False)

    class Meta:
        ordering = ("position", "code")
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="warehouse_default_only_one"
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(is_active=True), name="warehouse_default_is_active"
            ),
            models.CheckConstraint(
                condition=Q(code__regex=r"^[A-Z0-9]([A-Z0-9-]*[A-Z0-9])?$"), name="warehouse_code_is_short_and_plain"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WarehouseStock(models.Model):
    """How many units of a variant lie in one warehouse; ``Stock.on_hand`` is the sum over all of them.

    Kept by a trigger on ``StockMovement``, so it is the sum of the movements there, whoever wrote them. Whoever writes
    a movement of goods holds the variant's ``Stock`` row, and thereby these.
    """

    variant = models.ForeignKey("catalog.Variant", on_delete=models.CASCADE, related_name="balances", db_index=False)
    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="balances")
    on_hand = models.IntegerField(default=0)

    class Meta:
        default_permissions = ("view",)
        verbose_name = "balance"
        constraints = [
            models.UniqueConstraint(fields=["variant", "warehouse"], name="balance_once_per_warehouse"),
            models.CheckConstraint(condition=Q(on_hand__gte=0), name="balance_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.on_hand} in {self.warehouse_id}"
