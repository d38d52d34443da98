"""Imports of catalogue files: what was uploaded, how far it is, what was wrong, what it changed."""

from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel


class CatalogueImport(BaseModel):
    """One uploaded file, and the run over it. A dry run may be started anew, to be applied or with another mapping.

    ``done`` groups of rows are stored and counted: each batch moves it in its own transaction, so a run that was
    killed goes on behind the last finished one.
    """

    class Kind(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "XLSX"
        NDJSON = "ndjson", "NDJSON"

    class State(models.TextChoices):
        PENDING = "pending"  # waits for a worker, or for another import to end
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"  # what was stored before stays, and can be undone
        CANCELLED = "cancelled"  # the same
        UNDOING = "undoing"
        UNDONE = "undone"

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    is_shopify = models.BooleanField(default=False)
    file = models.CharField(max_length=100)  # a name in the storage; empty once it has been thrown away
    rows_file = models.CharField(max_length=100, blank=True)  # of a spreadsheet: its rows as CSV, made by a worker
    file_name = models.CharField(max_length=255)  # as the uploader called it; nothing is opened by it
    file_size = models.PositiveBigIntegerField()  # bytes of the text in it, or of the spreadsheet
    sha256 = models.CharField(max_length=64)
    delimiter = models.CharField(max_length=1, blank=True)
    columns = models.JSONField(default=list)  # the file's own, in its order
    mapping = models.JSONField(default=dict)  # {"Variant Price": "price"}: column to field
    # {"currency": "KES", "rates": {"KES": "1"}, "stock": 0, "update_stock": false}
    options = models.JSONField(default=dict)

    dry_run = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    run = models.PositiveIntegerField(default=1)  # which one over this file
    failure = models.CharField(max_length=40, blank=True)  # the code of what ended it
    failure_detail = models.CharField(max_length=300, blank=True)
    done = models.PositiveIntegerField(default=0)  # groups of rows
    lines_read = models.PositiveIntegerField(default=0)
    bytes_read = models.PositiveBigIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)  # products
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    problem_count = models.PositiveIntegerField(default=0)
    differences = models.JSONField(default=list, encoder=DjangoJSONEncoder)  # the first ones
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    undone_changes = models.PositiveIntegerField(default=0)
    kept_changes = models.PositiveIntegerField(default=0)  # somebody has changed the row since
    undo_position = models.BigIntegerField(null=True, blank=True)  # changes from this one on have been looked at
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "import"
        default_permissions = ("view",)  # everything else goes by the right to add and change products
        constraints = [
            # The queue: whoever comes second waits until the first has ended.
            models.UniqueConstraint(
                models.Value(True, output_field=models.BooleanField()),
                condition=Q(state__in=("running", "undoing")),
                name="import_one_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="import_newest")]

    def __str__(self) -> str:
        return self.file_name

    @property
    def progress(self) -> int:
        """Return how much of the file has been read, in percent; an estimate while it runs."""
        if self.state in (self.State.PENDING, self.State.RUNNING):
            return min(99, 100 * self.bytes_read // max(1, self.file_size))
        return 100

    @property
    def files(self) -> list[str]:
        return [name for name in (self.file, self.rows_file) if name]

    @property
    def default_stock(self) -> int:
        options: dict[str, Any] = self.options
        return int(options.get("stock", 0))


class ImportProblem(models.Model):
    """One thing that is wrong with one row of a file, or that an undo could not take back."""

    catalogue_import = models.ForeignKey(CatalogueImport, on_delete=models.CASCADE, related_name="problems")
    line = models.PositiveIntegerField(null=True)  # of the file, the header being 1; None for what an undo kept
    column = models.CharField(max_length=100, blank=True)  # the file's own name of it
    key = models.CharField(max_length=200, blank=True)  # the handle, SKU or id of the product
    code = models.CharField(max_length=40)
    message = models.CharField(max_length=300)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["catalogue_import", "id"], name="import_problems")]

    def __str__(self) -> str:
        return f"{self.line}: {self.code}"


class ImportChange(models.Model):
    """What an import did to one row, so that it can be undone. ``before`` and ``after`` hold the changed fields."""

    class Action(models.TextChoices):
        CREATED = "created"
        CHANGED = "changed"
        RESTORED = "restored"
        STOCK = "stock"
        SELLING = "selling"  # how it is sold beyond its stock

    catalogue_import = models.ForeignKey(CatalogueImport, on_delete=models.CASCADE, related_name="changes")
    # No foreign keys: this is a journal, and must outlive what it tells of.
    product_id = models.UUIDField()
    variant_id = models.UUIDField(null=True)
    action = models.CharField(max_length=10, choices=Action.choices)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    undone = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["catalogue_import", "id"], name="import_changes"),
            # Products that an undo has taken out of the shop come back with the next import.
            models.Index(
                fields=["product_id"],
                name="import_undone_products",
                condition=Q(action="created", undone=True, variant_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.variant_id or self.product_id}"
