"""Deleting what has served its time."""

from datetime import timedelta

from django.db.models.functions import Now

from ecommerce.retention import delete_in_batches
from inbox.notifications.models import Notification
from inbox.webhooks.models import WebhookDelivery

DELIVERIES = timedelta(days=30)  # also what waits for an endpoint that stays paused
NOTIFICATIONS = timedelta(days=180)


def purge_served() -> int:
    """Delete old deliveries and notifications in batches; return how many."""
    deliveries = WebhookDelivery.objects.filter(created_at__lt=Now() - DELIVERIES)
    notifications = Notification.objects.filter(created_at__lt=Now() - NOTIFICATIONS)
    return delete_in_batches(deliveries) + delete_in_batches(notifications)
