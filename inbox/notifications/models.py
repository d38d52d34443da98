"""Notifications, and which of them somebody wants."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ecommerce.models import BaseModel


class Topic(models.TextChoices):
    ORDERS = "orders"
    PAYMENTS = "payments"
    RETURNS = "returns"
    STOCK = "stock"


class Notification(BaseModel):
    """That something of interest to somebody has happened. Never twice for one event."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    event_id = models.BigIntegerField()  # of ecommerce.Event, which is forgotten earlier
    kind = models.CharField(max_length=60)
    topic = models.CharField(max_length=10, choices=Topic.choices)
    object_id = models.UUIDField()
    data = models.JSONField(default=dict)  # what the text needs: numbers and names of goods
    read_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["user", "event_id"], name="notification_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_newest"),
            models.Index(fields=["user"], name="notification_unread", condition=Q(read_at__isnull=True)),
            models.Index(fields=["created_at"], name="notification_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class NotificationWish(BaseModel):
    """That somebody wants a topic, or does not. Where there is no row, they do."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_wishes")
    topic = models.CharField(max_length=10, choices=Topic.choices)
    is_wanted = models.BooleanField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "topic"], name="notification_wish_once")]

    def __str__(self) -> str:
        return f"{self.topic}: {self.is_wanted}"
