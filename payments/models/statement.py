"""The providers' own books: uploaded statements, fetched lists, and how ours compare."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel
from payments.models.money import Payout, ReceivedMoney, Refund


class Statement(BaseModel):
    """A file that staff uploaded, or a list fetched from a provider."""

    class Source(models.TextChoices):
        UPLOAD = "upload"
        API = "api"

    class Part(models.TextChoices):
        RECEIVED = "received"
        REFUNDS = "refunds"
        PAYOUTS = "payouts"

    provider = models.CharField(max_length=20)
    source = models.CharField(max_length=10, choices=Source.choices)
    name = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64)  # SHA-256 of the file: the same one twice is one
    # It tells of everything from ``since`` until just before ``until``, of the kinds in ``covers``.
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    covers = ArrayField(models.CharField(max_length=10), default=list, blank=True)  # values of Part
    line_count = models.PositiveIntegerField(default=0)
    new_line_count = models.PositiveIntegerField(default=0)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "digest"], name="statement_once")]

    def __str__(self) -> str:
        return f"{self.provider} {self.name or self.source}"


class StatementLine(BaseModel):
    """One movement in a provider's books. The same movement in two statements is one line."""

    class Nature(models.TextChoices):
        PAYMENT = "payment"  # a customer's money came in
        OUT = "out"  # money left: a refund, a payout, a transfer to an account of our own
        FEE = "fee"  # kept by the provider, told on a line of its own
        OWN = "own"  # came in and is no customer's: a float, a charge that was given back

    provider = models.CharField(max_length=20)
    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines")
    receipt_number = models.CharField(max_length=64)
    amount = models.DecimalField(max_digits=12, decimal_places=2)  # positive came in, negative went out
    currency = models.CharField(max_length=3)
    fee = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    at = models.DateTimeField()
    nature = models.CharField(max_length=10, choices=Nature.choices)
    kind = models.CharField(max_length=80, blank=True)  # the provider's word
    reference = models.CharField(max_length=64, blank=True)
    payer_phone = models.CharField(max_length=64, blank=True)
    payer_name = models.CharField(max_length=120, blank=True)
    received = models.ForeignKey(
        ReceivedMoney, null=True, blank=True, on_delete=models.PROTECT, related_name="statement_lines"
    )
    # When what follows from it was done; null: a worker still has to look, or to look again.
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # A reversal carries the receipt of its own, a charge that of the payment: hence the amount.
            models.UniqueConstraint(
                fields=["provider", "receipt_number", "amount", "kind"], name="statement_line_once"
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "at"], name="statement_line_by_time"),
            models.Index(fields=["statement"], name="statement_line_unhandled", condition=Q(handled_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.receipt_number} {self.amount}"


class Reconciliation(BaseModel):
    """What a day's comparison of one provider's books with ours has found."""

    provider = models.CharField(max_length=20)
    day = models.DateField()  # in the shop's time zone
    currency = models.CharField(max_length=3)
    matched = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)  # in the provider's books, not in ours
    extra = models.PositiveIntegerField(default=0)  # in ours, not in the provider's
    differing = models.PositiveIntegerField(default=0)  # in both, with other amounts
    provider_total = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    our_total = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    was_complete = models.BooleanField(default=True)  # False: the provider could not be asked

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "day", "currency"], name="reconciliation_once"),
        ]
        indexes = [models.Index(fields=["-day", "provider"], name="reconciliation_newest")]

    def __str__(self) -> str:
        return f"{self.provider} {self.day}"


class ReconciliationDifference(BaseModel):
    """One movement on which a provider's books and ours do not agree. Found anew with every comparison."""

    class Outcome(models.TextChoices):
        MISSING = "missing"
        EXTRA = "extra"
        DIFFERING = "differing"

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="differences")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    receipt_number = models.CharField(max_length=64, blank=True)
    provider_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)  # positive came in
    our_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    at = models.DateTimeField()  # by the provider's clock where it tells
    kind = models.CharField(max_length=80, blank=True)  # the provider's word, or ours where it has none
    reference = models.CharField(max_length=64, blank=True)
    received = models.ForeignKey(ReceivedMoney, null=True, on_delete=models.PROTECT, related_name="+")
    refund = models.ForeignKey(Refund, null=True, on_delete=models.PROTECT, related_name="+")
    payout = models.ForeignKey(Payout, null=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.outcome} {self.receipt_number}"
