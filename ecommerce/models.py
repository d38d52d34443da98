"""What all apps share: the base model, idempotency keys, owed work, events, heartbeats."""

import uuid

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from pgtrigger import ReadOnly
from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """Return a time-ordered UUID (version 7): new rows land side by side in every index."""
    return uuid7()


class BaseModel(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class IdempotencyKey(models.Model):
    """The answer that a keyed write gave, so that a repeat gives it again and does nothing."""

    owner = models.CharField(max_length=80)  # "user:<id>" or "cart:<id>"; a refreshed token keeps its owner
    operation = models.CharField(max_length=60)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the canonical body and path
    status_code = models.PositiveSmallIntegerField(null=True)
    body = models.BinaryField(null=True)  # the answer, byte for byte
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "operation", "key"], name="idempotency_key_once"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"


class RequestCount(models.Model):
    """Requests of one client in one window, while Redis cannot count them. The key is that of the counter there."""

    key = models.CharField(max_length=120, primary_key=True)
    count = models.PositiveIntegerField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class OutboxMessage(BaseModel):
    """Owed work: written in the transaction that owes it, done in the transaction of its effect."""

    MAX_ATTEMPTS = 5

    topic = models.CharField(max_length=80)  # the name of the Celery task that does it
    payload = models.JSONField(default=dict)
    dedupe_key = models.CharField(max_length=200, unique=True)
    request_id = models.CharField(max_length=64, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=models.functions.Now())
    sent_at = models.DateTimeField(null=True, blank=True)  # proves nothing: an emptied broker eats sent messages
    leased_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="outbox_open_by_due",
                condition=models.Q(done_at__isnull=True, dead_at__isnull=True),
            ),
            models.Index(fields=["done_at"], name="outbox_done", condition=models.Q(done_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.dedupe_key}"


class Event(models.Model):
    """Something that has happened to an object, written in the transaction of the change. See ``ecommerce.events``.

    What it says never changes; the last four columns tell how far it has been told. ``id`` grows with each event of an
    object, because whoever writes one holds the object's lock.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=60)  # "order.paid"
    object_id = models.UUIDField()
    user_id = models.UUIDField(null=True)  # whom it concerns; the platform knows no users
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=models.functions.Now())
    published_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["id"], name="event_waiting", condition=models.Q(published_at__isnull=True)),
            BrinIndex(fields=["created_at"], name="event_age"),
        ]
        triggers = [ReadOnly(name="append_only", exclude=["published_at", "attempts", "retry_at", "last_error"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Heartbeat(models.Model):
    """When a background process was last seen alive, by database time."""

    name = models.CharField(max_length=60, primary_key=True)  # "worker", "relay"
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
