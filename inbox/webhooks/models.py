"""Who is told by webhook, and what became of each telling."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel

EVERYTHING = "*"


class WebhookEndpoint(BaseModel):
    """An address of another system that is told of events.

    The secrets are sealed (``sealing``). After a rotation the former one signs as well, until ``former_until``.
    """

    class Pause(models.TextChoices):
        BY_HAND = "by_hand"
        FAILING = "failing"  # nothing arrived for days
        GONE = "gone"  # it answered 410

    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    events = ArrayField(models.CharField(max_length=60))  # kinds of the catalogue, or "*"
    secret = models.CharField(max_length=300, editable=False)
    former_secret = models.CharField(max_length=300, blank=True, editable=False)
    former_until = models.DateTimeField(null=True, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    pause = models.CharField(max_length=10, choices=Pause.choices, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)  # nothing has arrived from then on
    failures = models.PositiveIntegerField(default=0, editable=False)  # one after the other
    not_before = models.DateTimeField(null=True, editable=False)  # it is given a rest until then
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("created_at", "id")

    def __str__(self) -> str:
        return self.url

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    def wants(self, kind: str) -> bool:
        return EVERYTHING in self.events or kind in self.events


class WebhookDelivery(BaseModel):
    """One event for one endpoint: the bytes that are sent, and how the last try ended."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"  # given up; may be replayed

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.BigIntegerField()  # of ecommerce.Event, which is forgotten earlier
    kind = models.CharField(max_length=60)
    object_id = models.UUIDField()
    body = models.TextField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=models.functions.Now())
    leased_until = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    response_status = models.PositiveSmallIntegerField(null=True)
    response_text = models.CharField(max_length=200, blank=True)  # how its answer began
    error = models.CharField(max_length=40, blank=True)  # why there was no answer, as a code
    duration_ms = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_delivery_once")]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at"], name="webhook_delivery_due", condition=Q(status="pending")
            ),
            # What of the same object is to be sent before.
            models.Index(
                fields=["endpoint", "object_id", "event_id"],
                name="webhook_delivery_order",
                condition=Q(status="pending"),
            ),
            models.Index(fields=["created_at"], name="webhook_delivery_age"),
        ]

    def __str__(self) -> str:
        return self.message_id

    @property
    def message_id(self) -> str:
        """The ``webhook-id``: the same at each try and replay, so that the receiver can drop what it knows."""
        return f"evt_{self.event_id}"


class FeedPlace(models.Model):
    """How far a feed has been read of which events are made."""

    name = models.CharField(max_length=40, primary_key=True)
    cursor = models.CharField(max_length=200)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
