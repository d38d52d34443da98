"""From an event to what is owed to each endpoint."""

from collections.abc import Sequence

from ecommerce.models import Event
from inbox.payloads import bodies_of
from inbox.tasks import wake_sender
from inbox.webhooks.models import WebhookDelivery, WebhookEndpoint


def owe_deliveries(events: Sequence[Event]) -> None:
    """Owe each event to those who want it, once. A paused endpoint's wait until it goes on. In a transaction."""
    endpoints = list(WebhookEndpoint.objects.all())
    wanted = [event for event in events if any(endpoint.wants(event.kind) for endpoint in endpoints)]
    if not wanted:
        return
    bodies = bodies_of(wanted)
    deliveries = [
        WebhookDelivery(
            endpoint=endpoint, event_id=event.pk, kind=event.kind, object_id=event.object_id, body=bodies[event.pk]
        )
        for event in wanted
        for endpoint in endpoints
        if event.pk in bodies and endpoint.wants(event.kind)
    ]
    WebhookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    for endpoint_id in {delivery.endpoint_id for delivery in deliveries}:
        wake_sender(endpoint_id)
