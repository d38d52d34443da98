from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from ecommerce.events import event_of
from ecommerce.models import Event, new_id
from inbox.webhooks import services
from inbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.factories import UserFactory
from tests.inbox.receiver import Receiver, receiving


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_LOOPBACK = True
    with receiving() as server:
        yield server


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent but by the test."""
    for module in ("services", "sending", "subscribing"):
        monkeypatch.setattr(f"inbox.webhooks.{module}.wake_sender", lambda _: None)


@pytest.fixture
def endpoint_of(no_workers: None) -> Callable[..., tuple[WebhookEndpoint, str]]:
    def make(url: str, **fields: Any) -> tuple[WebhookEndpoint, str]:
        fields = {"events": ["*"]} | fields
        return services.create_endpoint(url=url, actor=UserFactory(is_staff=True), **fields)

    return make


def owed(endpoint: WebhookEndpoint, *, object_id: UUID | None = None, kind: str = "user.registered") -> WebhookDelivery:
    """Return a delivery that is due, of an event of its own."""
    event: Event = event_of(kind, object_id or new_id())
    event.save()
    delivery: WebhookDelivery = endpoint.deliveries.create(
        event_id=event.pk, kind=kind, object_id=event.object_id, body='{"type":"' + kind + '","text":"chai ✓"}'
    )
    return delivery
