"""Sellers, and where their money goes."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from ecommerce.models import BaseModel


class SellerProfile(BaseModel):
    """Somebody who sells here, or wants to. Products, orders and books name the user, not this row."""

    class Status(models.TextChoices):
        APPLIED = "applied"
        APPROVED = "approved"
        REJECTED = "rejected"
        SUSPENDED = "suspended"

    TRANSITIONS = {
        Status.APPLIED: {Status.APPROVED, Status.REJECTED},
        Status.APPROVED: {Status.SUSPENDED},
        Status.REJECTED: {Status.APPLIED},
        Status.SUSPENDED: {Status.APPROVED},
    }

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="seller_profile")
    display_name = models.CharField(max_length=80)
    url_key = models.SlugField(max_length=100, unique=True)
    about = models.TextField(max_length=2000, blank=True)
    county = models.CharField(max_length=60)  # the official name
    # For the shop's staff, not for customers.
    contact_email = models.EmailField(blank=True)
    contact_phone = models.CharField(max_length=16, blank=True)  # E.164
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.APPLIED)
    applied_at = models.DateTimeField()
    # The last decision: why, by whom, when.
    reason = models.CharField(max_length=300, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ("view", "change")
        constraints = [
            models.UniqueConstraint(Lower("display_name"), name="seller_name_once_in_any_case"),
            models.CheckConstraint(
                condition=Q(status="applied") | Q(decided_at__isnull=False), name="seller_decision_has_a_time"
            ),
        ]
        indexes = [
            models.Index(fields=["-applied_at", "-id"], name="seller_newest"),
            models.Index(fields=["applied_at"], name="seller_waiting", condition=Q(status="applied")),
        ]

    def __str__(self) -> str:
        return self.display_name


class PayoutDestination(BaseModel):
    """Where a seller is paid. Nothing is paid there before ``held_until``: a stranger's hand has time to be noticed."""

    class Method(models.TextChoices):
        MPESA = "mpesa"
        BANK = "bank"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="payout_destination")
    method = models.CharField(max_length=10, choices=Method.choices)
    phone_number = models.CharField(max_length=16, blank=True)  # E.164
    bank_code = models.CharField(max_length=12, blank=True)
    account_number = models.CharField(max_length=34, blank=True)
    account_name = models.CharField(max_length=120, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(method="mpesa", bank_code="", account_number="") & ~Q(phone_number="")
                    | Q(method="bank", phone_number="") & ~Q(bank_code="") & ~Q(account_number="")
                ),
                name="payout_destination_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} …{self.ends_with}"

    @property
    def ends_with(self) -> str:
        """Return the last digits: enough to recognise it by, too little to use."""
        return (self.phone_number or self.account_number)[-3:]
