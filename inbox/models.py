"""The tables of the inbox live beside what uses them."""

from inbox.notifications.models import Notification, NotificationWish  # noqa: F401
from inbox.webhooks.models import FeedPlace, WebhookDelivery, WebhookEndpoint  # noqa: F401
