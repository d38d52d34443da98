"""Stopping to send to an endpoint, and saying so."""

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from ecommerce.mail import send_template
from inbox.people import staff_who_may
from inbox.tasks import mail_webhook_paused
from inbox.webhooks.models import WebhookEndpoint

logger = logging.getLogger(__name__)

PATIENCE = timedelta(days=3)  # so long nothing at all has arrived


def pause(endpoint: WebhookEndpoint, reason: WebhookEndpoint.Pause) -> None:
    """Pause a locked endpoint, and owe a mail to the staff unless one of them did it. A second time changes nothing."""
    if endpoint.is_paused:
        return
    endpoint.paused_at, endpoint.pause = timezone.now(), reason
    endpoint.save(update_fields=["paused_at", "pause", "updated_at"])
    if reason == WebhookEndpoint.Pause.BY_HAND:
        return
    logger.error("webhook_paused", extra={"endpoint_id": str(endpoint.pk), "reason": str(reason)})
    told = [{"user_id": "", "address": address} for address in settings.ALERT_EMAILS]
    if not told:
        told = [{"user_id": str(pk), "address": ""} for pk in readers().values_list("pk", flat=True)]
    for who in told:
        key = f"webhook-paused:{endpoint.pk}:{endpoint.paused_at:%Y%m%d%H%M%S}:{who['user_id'] or who['address']}"
        mail_webhook_paused.owe(key[:200], endpoint_id=str(endpoint.pk), **who)


def mail_paused(endpoint_id: str, *, user_id: str, address: str) -> None:
    """Tell one person that an endpoint is paused, if it still is. Called by a worker, outside a transaction."""
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id, paused_at__isnull=False).first()
    if endpoint is None:
        return
    if user_id:
        reader = readers().filter(pk=UUID(user_id)).first()
        if reader is None:  # may not know any more
            return
        address = reader.email or ""
    last = endpoint.deliveries.exclude(attempts=0).order_by("-updated_at").first()
    context = {
        "endpoint": endpoint,
        "is_gone": endpoint.pause == WebhookEndpoint.Pause.GONE,
        "last": last,
        "link": f"{settings.PUBLIC_BASE_URL}/admin/inbox/webhookendpoint/{endpoint.pk}/change/",
    }
    send_template("inbox/webhook_paused", to=address, context=context)


def readers() -> QuerySet[User]:
    """Return the staff who may change webhooks and have an address."""
    return staff_who_may("inbox.change_webhookendpoint").filter(email__isnull=False)
