"""Webhooks over HTTP: who may what, and what a refusal leaves as it was."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.audit.models import SecurityEvent
from accounts.models import User
from ecommerce.models import new_id
from inbox.catalogue import KINDS
from inbox.webhooks import services
from inbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from inbox.webhooks.sending import drain
from tests.clients import client_for
from tests.factories import UserFactory
from tests.inbox.conftest import owed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_workers")]

URL = "/api/webhooks/"


@pytest.fixture
def boss() -> APIClient:
    return client_for(User.objects.create_superuser("boss@shop.example", "chai-ya-maji-9"))


def codes(answer: Any) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def test_webhook_is_made_with_a_secret_that_is_shown_once_and_delivers(boss, receiver):
    made = boss.post(URL, {"url": receiver.url, "events": ["order.paid", "order.paid"]}, format="json")
    shown = boss.get(f"{URL}{made.json()['id']}/")
    listed = boss.get(URL)
    pinged = boss.post(f"{URL}{made.json()['id']}/ping/")
    drain(WebhookEndpoint.objects.get().pk)

    secret = made.json()["secret"]
    [got] = receiver.received
    assert (made.status_code, made.json()["events"], made["Cache-Control"]) == (201, ["order.paid"], "no-store")
    assert (shown.status_code, "secret" in shown.json()) == (200, False)
    assert secret not in listed.content.decode()
    assert pinged.status_code == 202
    assert (got.json["type"], got.is_signed_with(secret)) == ("webhook.ping", True)
    assert got.headers["webhook-id"] == pinged.json()["webhook_id"]
    log = boss.get(f"{URL}{made.json()['id']}/deliveries/{pinged.json()['id']}/").json()
    assert (log["status"], log["response_status"], log["body"]) == ("delivered", 200, got.body.decode())
    assert [event.kind for event in SecurityEvent.objects.filter(kind__startswith="webhook")] == ["webhook_created"]
    assert not any(secret in str(event.details) for event in SecurityEvent.objects.all())


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"url": "https://169.254.169.254/latest/", "events": ["*"]}, [("address_not_public", "url")]),
        ({"url": "https://[::ffff:10.0.0.1]/", "events": ["*"]}, [("address_not_public", "url")]),
        ({"url": "https://localhost/", "events": ["*"]}, [("address_not_public", "url")]),
        ({"url": "http://93.184.215.14/", "events": ["*"]}, [("https_required", "url")]),
        ({"url": "https://93.184.215.14:8443/", "events": ["*"]}, [("https_required", "url")]),
        ({"url": "https://a:b@93.184.215.14/", "events": ["*"]}, [("invalid_url", "url")]),
        ({"url": "https://93.184.215.14/\u0000", "events": ["*"]}, None),
        ({"url": "https://93.184.215.14/", "events": []}, [("min_length", "events")]),
        ({"url": "https://93.184.215.14/", "events": ["order.eaten"]}, [("invalid_choice", "events.0")]),
        ({"url": "https://93.184.215.14/", "events": ["webhook.ping"]}, [("invalid_choice", "events.0")]),
        ({"url": "https://93.184.215.14/", "events": ["*"] * 1000}, [("max_length", "events")]),
        ({"url": "https://93.184.215.14/", "events": {"a": 1}}, [("not_a_list", "events")]),
        ({"url": ["x"], "events": ["*"]}, [("invalid", "url")]),
    ],
)
def test_webhook_that_may_not_be_is_refused_and_not_made(boss, body, wrong):
    answer = boss.post(URL, body, format="json")

    assert answer.status_code == 400
    assert wrong is None or codes(answer) == wrong
    assert not WebhookEndpoint.objects.exists()


def test_making_rotating_and_redirecting_take_a_fresh_log_in(boss, receiver, endpoint_of, settings):
    endpoint, _ = endpoint_of(receiver.url)
    before = WebhookEndpoint.objects.values().get()
    settings.FRESH_LOG_IN = timedelta(seconds=-1)

    answers = [
        boss.post(URL, {"url": receiver.url, "events": ["*"]}, format="json"),
        boss.post(f"{URL}{endpoint.pk}/rotate-secret/", {}, format="json"),
        boss.patch(f"{URL}{endpoint.pk}/", {"url": "https://93.184.215.14/"}, format="json"),
    ]

    assert [(answer.status_code, codes(answer)[0][0]) for answer in answers] == [(403, "fresh_log_in_required")] * 3
    assert WebhookEndpoint.objects.values().get() == before


def test_staff_without_the_right_change_and_see_nothing(receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    delivery = owed(endpoint)
    before = WebhookEndpoint.objects.values().get()
    for client, status in ((client_for(UserFactory(is_staff=True)), 403), (client_for(None), 401)):
        answers = [
            client.get(URL),
            client.get(f"{URL}events/"),
            client.get(f"{URL}{endpoint.pk}/deliveries/"),
            client.patch(f"{URL}{endpoint.pk}/", {"is_paused": True}, format="json"),
            client.delete(f"{URL}{endpoint.pk}/"),
            client.post(f"{URL}{endpoint.pk}/ping/"),
            client.post(f"{URL}{endpoint.pk}/deliveries/{delivery.pk}/replay/"),
            client.post(f"{URL}{endpoint.pk}/rotate-secret/"),
        ]
        assert [answer.status_code for answer in answers] == [status] * len(answers)

    assert WebhookEndpoint.objects.values().get() == before
    assert WebhookDelivery.objects.count() == 1


def test_delivery_of_another_webhook_is_not_found_under_this_one(boss, receiver, endpoint_of):
    mine, other = endpoint_of(receiver.url)[0], endpoint_of(receiver.url)[0]
    delivery = owed(other)
    other.deliveries.update(status="failed")

    answers = [
        boss.get(f"{URL}{mine.pk}/deliveries/{delivery.pk}/"),
        boss.post(f"{URL}{mine.pk}/deliveries/{delivery.pk}/replay/"),
        boss.get(f"{URL}{new_id()}/deliveries/"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert other.deliveries.get().status == "failed"


def test_rotation_over_http_gives_a_second_secret_and_says_until_when_the_first_is_valid(boss, receiver):
    made = boss.post(URL, {"url": receiver.url, "events": ["*"]}, format="json").json()
    rotated = boss.post(f"{URL}{made['id']}/rotate-secret/", {"overlap_hours": 1}, format="json").json()
    too_long = boss.post(f"{URL}{made['id']}/rotate-secret/", {"overlap_hours": 1000}, format="json")
    boss.post(f"{URL}{made['id']}/ping/")
    drain(WebhookEndpoint.objects.get().pk)

    [got] = receiver.received
    assert rotated["secret"] != made["secret"]
    assert rotated["former_until"] is not None
    assert too_long.status_code == 400
    assert [got.is_signed_with(each["secret"]) for each in (made, rotated)] == [True, True]


def test_paused_webhook_sends_and_replays_nothing_until_it_goes_on(boss, receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    delivery = owed(endpoint)
    paused = boss.patch(f"{URL}{endpoint.pk}/", {"is_paused": True}, format="json").json()
    drain(endpoint.pk)
    refused = [
        boss.post(f"{URL}{endpoint.pk}/ping/"),
        boss.post(f"{URL}{endpoint.pk}/replay/", {"since": "2026-01-01T00:00:00Z"}, format="json"),
        boss.post(f"{URL}{endpoint.pk}/deliveries/{delivery.pk}/replay/"),
    ]
    while_paused = len(receiver.received)

    boss.patch(f"{URL}{endpoint.pk}/", {"is_paused": False}, format="json")
    drain(endpoint.pk)

    assert (paused["is_paused"], paused["pause"], while_paused) == (True, "by_hand", 0)
    assert [(each.status_code, codes(each)[0][0]) for each in refused] == [(409, "webhook_paused")] * 3
    assert [got.headers["webhook-id"] for got in receiver.received] == [delivery.message_id]


def test_replay_of_what_is_still_to_be_sent_is_refused(boss, receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    delivery = owed(endpoint)

    answer = boss.post(f"{URL}{endpoint.pk}/deliveries/{delivery.pk}/replay/")

    assert (answer.status_code, codes(answer)) == (409, [("delivery_open", None)])


def test_all_that_was_given_up_is_sent_again(boss, receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    lost, arrived = owed(endpoint), owed(endpoint)
    endpoint.deliveries.filter(pk=lost.pk).update(status="failed")
    endpoint.deliveries.filter(pk=arrived.pk).update(status="delivered")

    answer = boss.post(f"{URL}{endpoint.pk}/replay/", {"since": "2026-01-01T00:00:00Z"}, format="json")
    drain(endpoint.pk)

    assert (answer.status_code, answer.json()) == (202, {"replayed": 1})
    assert [got.headers["webhook-id"] for got in receiver.received] == [lost.message_id]


def test_deleted_webhook_gets_nothing_more_and_its_log_is_gone(boss, receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    owed(endpoint)

    assert boss.delete(f"{URL}{endpoint.pk}/").status_code == 204

    assert (drain(endpoint.pk), receiver.received, WebhookDelivery.objects.exists()) == (0, [], False)
    assert SecurityEvent.objects.filter(kind="webhook_deleted").count() == 1


def test_there_are_so_many_webhooks_and_no_more(boss, receiver, monkeypatch):
    monkeypatch.setattr(services, "MOST", 1)

    answers = [boss.post(URL, {"url": receiver.url, "events": ["*"]}, format="json") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 409]
    assert (codes(answers[1])[0][0], WebhookEndpoint.objects.count()) == ("too_many_webhooks", 1)


def test_catalogue_names_every_event_with_its_schema(boss):
    answer = boss.get(f"{URL}events/")

    assert [row["type"] for row in answer.json()] == list(KINDS)
    assert all(row["schema"]["properties"]["type"] == {"const": row["type"]} for row in answer.json())


@pytest.mark.parametrize("count", [1, 3])
def test_log_is_read_in_few_statements_and_pages_by_cursor(
    boss, receiver, endpoint_of, count, django_assert_max_num_queries
):
    endpoint, _ = endpoint_of(receiver.url)
    rows = [owed(endpoint) for _ in range(count)]
    boss.get(f"{URL}{endpoint.pk}/deliveries/")

    with django_assert_max_num_queries(5):  # session, user, permissions of user and groups, and what is asked for
        first = boss.get(f"{URL}{endpoint.pk}/deliveries/?page_size=2").json()

    seen = first["results"] + (boss.get(first["next"]).json()["results"] if first["next"] else [])
    assert [row["id"] for row in seen] == [str(row.pk) for row in reversed(rows)]
    assert boss.get(f"{URL}{endpoint.pk}/deliveries/?cursor=made-up").status_code == 400
    assert boss.get(f"{URL}{endpoint.pk}/deliveries/?status=eaten").status_code == 400
    assert boss.get(f"{URL}{endpoint.pk}/deliveries/?status=delivered").json()["results"] == []
