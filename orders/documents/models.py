"""Invoices and credit notes, and the counters that number them."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from ecommerce.models import new_id


class NumberSeries(models.Model):
    """The last number that was given out under a name. Taken in the transaction of what bears it: see ``numbering``."""

    name = models.CharField(max_length=60, primary_key=True)
    last = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "number series"
        constraints = [models.CheckConstraint(condition=Q(last__gte=1), name="number_series_begins_with_one")]

    def __str__(self) -> str:
        return f"{self.name} {self.last}"


class TaxDocument(models.Model):
    """What the shop has declared about an order, as it was that day. A trigger refuses to change or delete it.

    ``content`` holds everything that is printed, so that nothing that changes later changes it: see ``contents``.
    """

    class Kind(models.TextChoices):
        INVOICE = "invoice"
        CREDIT_NOTE = "credit_note"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    series = models.CharField(max_length=20)  # INV-2026: starts with 1 in each year in Nairobi
    sequence = models.PositiveIntegerField()
    number = models.CharField(max_length=32, unique=True)
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="documents")
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="corrections")
    source = models.CharField(max_length=60, unique=True)  # what it was issued for: "order:<id>", "refund:<id>"
    issued_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=12, decimal_places=2)  # with tax, in ``currency``; of a credit note too
    content = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ("-issued_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=["series", "sequence"], name="document_sequence_once"),
            models.UniqueConstraint(
                fields=["order"], condition=Q(kind="invoice"), name="document_one_invoice_per_order"
            ),
            models.CheckConstraint(
                condition=Q(kind="invoice", corrects__isnull=True) | Q(kind="credit_note", corrects__isnull=False),
                name="document_credit_note_corrects",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0, sequence__gte=1), name="document_not_negative"),
        ]
        indexes = [models.Index(fields=["-issued_at", "-id"], name="document_newest")]

    def __str__(self) -> str:
        return self.number
