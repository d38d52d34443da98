"""Everything a provider ever told us by itself, and a count of what somebody else tried to tell."""

from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel
from payments.models.money import Payout, ReceivedMoney, Refund
from payments.models.payment import PaymentAttempt


class ProviderEvent(BaseModel):
    """Something a provider sent us: stored raw before anything else, worked on afterwards, kept."""

    class Kind(models.TextChoices):
        STK_CALLBACK = "stk_callback"
        C2B_CONFIRMATION = "c2b_confirmation"
        TRANSFER_RESULT = "transfer_result"  # of a refund, a payout or a question about a receipt
        TRANSFER_TIMEOUT = "transfer_timeout"
        WEBHOOK = "webhook"  # signed; which one is in its body

    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=140)  # the provider's own, or a digest where it has none
    kind = models.CharField(max_length=40)  # a ``Kind``, or the provider's name of a webhook's event
    # What it is about, as far as known when it came.
    attempt = models.ForeignKey(PaymentAttempt, null=True, on_delete=models.PROTECT, related_name="events")
    refund = models.ForeignKey(Refund, null=True, on_delete=models.PROTECT, related_name="events")
    payout = models.ForeignKey(Payout, null=True, on_delete=models.PROTECT, related_name="events")
    received = models.ForeignKey(ReceivedMoney, null=True, on_delete=models.PROTECT, related_name="events")
    body = models.BinaryField()  # byte for byte
    # Signed, or sent from an address or to a secret that only the provider knows.
    is_trusted = models.BooleanField(default=False)
    handled_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=40, blank=True)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="provider_event_once"),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="provider_event_open", condition=Q(handled_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind}"


class RefusedEvents(models.Model):
    """How many events of a provider were refused on a day, and why. Their bodies are not kept."""

    provider = models.CharField(max_length=20)
    day = models.DateField()
    reason = models.CharField(max_length=40)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "refused events"
        constraints = [
            models.UniqueConstraint(fields=["provider", "day", "reason"], name="refused_events_once"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.day} {self.reason}: {self.count}"
