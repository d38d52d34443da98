"""Where goods lie."""

from django.conf import settings
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


class StockCount(BaseModel):
    """A file that says how much of each variant was counted in a warehouse at one moment.

    First only differences are shown. Applied, each line writes one COUNT movement, whatever was sold or came since
    ``counted_at``: see catalog.inventory.counting.
    """

    class State(models.TextChoices):
        READY = "ready"
        APPLYING = "applying"  # by a worker
        APPLIED = "applied"

    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="counts")
    state = models.CharField(max_length=10, choices=State.choices, default=State.READY)
    counted_at = models.DateTimeField()
    name = models.CharField(max_length=200, blank=True)  # the file's
    line_count = models.PositiveIntegerField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="applied", applied_at__isnull=False)
                | (~Q(state="applied") & Q(applied_at__isnull=True)),
                name="count_applied_has_a_time",
            )
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="count_newest")]

    def __str__(self) -> str:
        return self.name or str(self.pk)


class StockCountLine(models.Model):
    class State(models.TextChoices):
        OPEN = "open"
        APPLIED = "applied"
        SHORT = "short"  # so many are missing that promises to orders cannot be kept: for a person
        SUPERSEDED = "superseded"  # counted again later, and that was applied

    count = models.ForeignKey(StockCount, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()  # in the file
    variant = models.ForeignKey("catalog.Variant", on_delete=models.PROTECT, related_name="+")
    counted = models.IntegerField()
    expected = models.IntegerField()  # what the ledger said of ``counted_at``
    sheet_expected = models.IntegerField(null=True)  # what the sheet said, if it came back with it
    short = models.PositiveIntegerField(default=0)  # units that are missing, but promised
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["count", "variant"], name="count_line_once_per_variant"),
            models.CheckConstraint(condition=Q(counted__gte=0), name="count_line_not_negative"),
        ]
        indexes = [models.Index(fields=["count", "state", "id"], name="count_line_by_state")]

    def __str__(self) -> str:
        return f"{self.counted} of {self.variant_id}"


class LowStockAlert(BaseModel):
    """A variant has become low: raised by a trigger on ``Stock`` when it falls to its threshold, once until it rises.

    ``available`` and ``threshold`` are those of that moment.
    """

    variant = models.ForeignKey("catalog.Variant", on_delete=models.CASCADE, related_name="low_stock_alerts")
    available = models.IntegerField()
    threshold = models.IntegerField()
    told_at = models.DateTimeField(null=True, blank=True)  # staff, by mail; or left out, as they were told lately
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["variant"], condition=Q(cleared_at__isnull=True), name="low_stock_alert_open_once"
            )
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="low_stock_alert_newest")]

    def __str__(self) -> str:
        return f"{self.available} left"
