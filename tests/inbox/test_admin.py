"""Webhooks, deliveries, notifications and events in the admin."""

import pytest
from django.test import Client

from accounts.models import User
from ecommerce.models import Event
from inbox.notifications.models import Notification
from inbox.webhooks.models import WebhookEndpoint
from tests.admin_pages import address
from tests.factories import UserFactory
from tests.inbox.conftest import owed

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss@shop.example", "chai-ya-maji-9"))
    return client


def test_pages_show_how_things_stand_and_no_secret(boss, receiver, endpoint_of):
    endpoint, secret = endpoint_of(receiver.url)
    delivery = owed(endpoint)
    endpoint.deliveries.update(status="failed", error="timeout")
    event = Event.objects.get(pk=delivery.event_id)
    notification = Notification.objects.create(
        user=UserFactory(),
        event_id=1,
        kind="order.paid",
        topic="orders",
        object_id=event.object_id,
        data={"number": "7"},
    )

    pages = [
        boss.get(where).content.decode()
        for row in (endpoint, delivery, event, notification)
        for name in [f"{row._meta.app_label}_{row._meta.model_name}"]
        for where in (address(f"{name}_changelist"), address(f"{name}_change", row))
    ]

    wanted = [receiver.url, receiver.url, "timeout", "chai ✓", event.kind, event.kind, "Order 7 is paid", "order.paid"]
    assert [text in page for text, page in zip(wanted, pages, strict=True)] == [True] * 8
    assert not any(secret in page or endpoint.secret in page for page in pages)


def test_front_page_counts_webhooks_that_were_paused_for_us(boss, receiver, endpoint_of):
    endpoint_of(receiver.url)
    WebhookEndpoint.objects.update(pause="failing", paused_at="2026-11-22T06:00:00Z")

    assert "Webhooks that are paused" in boss.get(address("index")).content.decode()
    assert (
        receiver.url
        in boss.get(f"{address('inbox_webhookendpoint_changelist')}?pause__in=failing,gone").content.decode()
    )


def test_buttons_pause_and_send_again(boss, receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    delivery = owed(endpoint)
    endpoint.deliveries.update(status="failed", attempts=10)

    again = boss.post(address("inbox_webhookdelivery_replay", delivery), {"confirm": "1"})
    paused = boss.post(address("inbox_webhookendpoint_pause", endpoint), {"confirm": "1"})

    delivery.refresh_from_db()
    endpoint.refresh_from_db()
    assert (again.status_code, paused.status_code) == (302, 302)
    assert (delivery.status, delivery.attempts, endpoint.pause) == ("pending", 0, "by_hand")
