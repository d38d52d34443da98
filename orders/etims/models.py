"""What the tax authority knows of a document: beside it, because the document itself never changes."""

from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel
from orders.documents.models import TaxDocument


class EtimsSubmission(BaseModel):
    """A document on its way to KRA's control unit, and what that has answered.

    ``invoice_number`` is what the control unit knows it by, on that ``device`` without gaps: it is sent again under the
    same one until there is an answer, so that it cannot be declared twice.
    """

    class Status(models.TextChoices):
        PENDING = "pending"  # owed, or on its way; nobody knows until the control unit has said so
        ACCEPTED = "accepted"  # signed
        REGISTERED = "registered"  # known there, but its signature never reached us: a person looks it up
        REFUSED = "refused"  # it will not be taken as it is: a person looks

    DONE = (Status.ACCEPTED, Status.REGISTERED)

    document = models.OneToOneField(TaxDocument, on_delete=models.PROTECT, related_name="etims")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    device = models.CharField(max_length=60)  # PIN, branch and serial number
    invoice_number = models.PositiveIntegerField()
    tries = models.PositiveIntegerField(default=0)
    result_code = models.CharField(max_length=10, blank=True)  # the last answer's
    result_detail = models.CharField(max_length=300, blank=True)
    # What the control unit has signed.
    scu_id = models.CharField(max_length=40, blank=True)
    receipt_number = models.PositiveIntegerField(null=True, blank=True)
    internal_data = models.CharField(max_length=100, blank=True)
    signature = models.CharField(max_length=100, blank=True)
    qr_url = models.URLField(max_length=300, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "eTIMS submission"
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=["device", "invoice_number"], name="etims_invoice_number_once"),
            models.CheckConstraint(condition=~Q(status="accepted") | ~Q(signature=""), name="etims_accepted_is_signed"),
        ]
        indexes = [
            models.Index(fields=["device", "invoice_number"], name="etims_pending", condition=Q(status="pending"))
        ]

    def __str__(self) -> str:
        return f"{self.device} {self.invoice_number}"
