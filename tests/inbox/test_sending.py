"""From an event to a verified message at another system."""

import json
import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts.models import User
from ecommerce.events import emit, publish_events
from ecommerce.models import Event, OutboxMessage, new_id
from inbox import payloads
from inbox.retention import purge_served
from inbox.tasks import mail_webhook_paused
from inbox.webhooks import sending, services, subscribing
from inbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from inbox.webhooks.sending import PAUSES, attempt, claim, drain, finish, send_due
from inbox.webhooks.wire import Outcome
from tests.factories import ProductFactory, UserFactory, place_order
from tests.inbox.conftest import owed
from tests.racing import at_once

pytestmark = pytest.mark.django_db

Status = WebhookDelivery.Status


def state_of(delivery: WebhookDelivery) -> tuple[str, int, int | None, str]:
    delivery.refresh_from_db()
    return delivery.status, delivery.attempts, delivery.response_status, delivery.error


def due_now() -> None:
    WebhookDelivery.objects.filter(status=Status.PENDING).update(next_attempt_at=timezone.now(), leased_until=None)
    WebhookEndpoint.objects.update(not_before=None)


def test_order_arrives_signed_at_who_wants_it_and_at_nobody_else(receiver, endpoint_of):
    endpoint, secret = endpoint_of(receiver.url, events=["order.placed"])
    endpoint_of(receiver.url, events=["order.paid"])
    order = place_order(UserFactory(), ProductFactory(stock=5, price="1500.00"), quantity=2)

    publish_events()
    sent = drain(endpoint.pk)

    [got] = receiver.received
    event = Event.objects.get(kind="order.placed")
    item = order.items.get()
    assert sent == 1
    assert got.is_signed_with(secret)
    assert got.headers["webhook-id"] == f"evt_{event.pk}"
    assert got.json == {
        "type": "order.placed",
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
        "sequence": event.pk,
        "data": {
            "id": str(order.pk),
            "number": order.number,
            "status": "pending",
            "currency": "KES",
            "total_amount": str(order.total_amount),
            "items": [
                {
                    "id": str(item.pk),
                    "product_id": str(item.product_id),
                    "variant_id": str(item.variant_id),
                    "sku": item.sku,
                    "quantity": 2,
                    "price": "1500.00",
                }
            ],
            "user_id": str(order.user_id),
        },
    }
    assert state_of(WebhookDelivery.objects.get()) == ("delivered", 1, 200, "")


def test_signature_fails_for_other_bytes_another_id_another_time_and_another_secret(receiver, endpoint_of):
    endpoint, secret = endpoint_of(receiver.url)
    owed(endpoint)
    drain(endpoint.pk)
    [got] = receiver.received

    forged = [
        type(got)(got.path, got.headers, got.body + b" "),
        type(got)(got.path, got.headers | {"webhook-id": "evt_0"}, got.body),
        type(got)(got.path, got.headers | {"webhook-timestamp": str(int(got.headers["webhook-timestamp"]) + 1)}, b"{}"),
    ]

    assert got.is_signed_with(secret)
    assert not any(each.is_signed_with(secret) for each in forged)
    assert not got.is_signed_with("whsec_" + "A" * 44)
    assert not got.is_signed_with(secret, now=int(got.headers["webhook-timestamp"]) + 301)  # replayed by a stranger


def test_event_that_is_told_twice_is_owed_once(endpoint_of, receiver):
    endpoint, _ = endpoint_of(receiver.url)
    emit("user.registered", new_id(), by="password")
    events = list(Event.objects.all())

    subscribing.owe_deliveries(events)
    subscribing.owe_deliveries(events)

    assert endpoint.deliveries.count() == 1


def test_events_that_nobody_wants_cost_one_statement(django_assert_num_queries):
    emit("user.registered", new_id(), by="password")
    events = list(Event.objects.all())

    with django_assert_num_queries(1):
        subscribing.owe_deliveries(events)


@pytest.mark.parametrize("count", [1, 3])
def test_telling_of_many_orders_costs_no_more_statements_than_of_one(
    endpoint_of, receiver, count, django_assert_num_queries
):
    endpoint_of(receiver.url)
    for _ in range(count):
        place_order(UserFactory(), ProductFactory(stock=5))
    events = list(Event.objects.filter(kind="order.placed"))

    with django_assert_num_queries(4):  # endpoints, orders, items, deliveries
        subscribing.owe_deliveries(events)


def test_body_that_is_too_long_goes_without_its_list(monkeypatch, endpoint_of, receiver):
    monkeypatch.setattr(payloads, "MAX_BODY", 400)
    endpoint, _ = endpoint_of(receiver.url, events=["order.placed"])
    order = place_order(UserFactory(), ProductFactory(stock=5))
    publish_events()

    data = json.loads(endpoint.deliveries.get().body)["data"]

    assert (data["id"], data["truncated"], "items" in data) == (str(order.pk), True, False)


def test_new_secret_signs_beside_the_former_until_the_overlap_ends(receiver, endpoint_of):
    endpoint, first = endpoint_of(receiver.url)
    owner = UserFactory(is_staff=True)
    _, second = services.rotate_secret(endpoint.pk, overlap=timedelta(hours=1), actor=owner)
    owed(endpoint)
    drain(endpoint.pk)
    WebhookEndpoint.objects.update(former_until=timezone.now() - timedelta(seconds=1))
    owed(endpoint)
    drain(endpoint.pk)
    _, third = services.rotate_secret(endpoint.pk, overlap=timedelta(0), actor=owner)
    owed(endpoint)
    drain(endpoint.pk)

    signed = [[got.is_signed_with(secret) for secret in (first, second, third)] for got in receiver.received]

    assert signed == [[True, True, False], [False, True, False], [False, False, True]]


def test_secret_is_not_in_the_database_as_it_is(endpoint_of, receiver):
    endpoint, secret = endpoint_of(receiver.url)

    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(e)::text FROM inbox_webhookendpoint AS e")
        row = cursor.fetchone()[0]

    assert endpoint.pk.hex in row.replace("-", "")
    assert secret.removeprefix("whsec_").rstrip("=") not in row


def test_what_fails_is_tried_again_for_three_days_and_then_given_up(receiver, endpoint_of, monkeypatch):
    monkeypatch.setattr(sending, "JITTER", 0)
    receiver.status = 500
    endpoint, _ = endpoint_of(receiver.url)
    delivery = owed(endpoint)
    waits = []

    for _ in range(len(PAUSES)):
        drain(endpoint.pk)
        delivery.refresh_from_db()
        waits.append(delivery.next_attempt_at - delivery.updated_at)
        due_now()
    drain(endpoint.pk)
    due_now()
    drain(endpoint.pk)

    assert [round(wait.total_seconds()) for wait in waits] == [round(pause.total_seconds()) for pause in PAUSES]
    assert timedelta(hours=70) < sum(PAUSES, timedelta()) <= timedelta(days=3)
    assert state_of(delivery) == ("failed", len(PAUSES) + 1, 500, "")
    assert len(receiver.received) == len(PAUSES) + 1
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1


def test_later_events_of_an_object_wait_for_the_first_and_others_do_not(receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    order = new_id()
    first, second = owed(endpoint, object_id=order), owed(endpoint, object_id=order)
    receiver.status = 422
    drain(endpoint.pk)
    receiver.status = 200
    other = owed(endpoint)

    drain(endpoint.pk)
    before = [state_of(each)[0] for each in (first, second, other)]
    due_now()
    drain(endpoint.pk)

    assert before == ["pending", "pending", "delivered"]
    assert [state_of(each)[0] for each in (first, second, other)] == ["delivered"] * 3
    ids = [got.headers["webhook-id"] for got in receiver.received]
    assert ids == [first.message_id, other.message_id, first.message_id, second.message_id]


def test_endpoint_that_does_not_answer_is_given_a_rest(receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    receiver.status = 503
    owed(endpoint)
    owed(endpoint)

    sent = drain(endpoint.pk), drain(endpoint.pk)

    assert (sent, len(receiver.received)) == ((0, 0), 1)


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_send_each_thing_once_and_in_order(receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    objects = [new_id() for _ in range(3)]
    deliveries = [owed(endpoint, object_id=objects[number % 3]) for number in range(18)]
    at_a_time: list[int] = []
    busy = threading.Semaphore(1)

    def one_at_a_time(_: object) -> None:
        at_a_time.append(1 if busy.acquire(blocking=False) else 2)
        busy.release()

    receiver.before = one_at_a_time
    at_once([lambda: drain(endpoint.pk)] * 6)
    while drain(endpoint.pk):
        pass

    ids = [got.headers["webhook-id"] for got in receiver.received]
    assert sorted(ids) == sorted(each.message_id for each in deliveries)
    for number in range(3):
        of_one = [each.message_id for each in deliveries[number::3]]
        assert [each for each in ids if each in of_one] == of_one
    assert set(at_a_time) == {1}


@pytest.mark.django_db(transaction=True)
def test_one_message_is_claimed_by_one_of_many(endpoint_of, receiver):
    endpoint, _ = endpoint_of(receiver.url)
    delivery = owed(endpoint)

    claimed = at_once([lambda: claim(endpoint.pk)] * 6)

    assert [each.pk for each in claimed if each] == [delivery.pk]
    assert state_of(delivery)[1] == 1


def test_worker_that_died_leaves_the_message_to_another(receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    delivery = owed(endpoint)
    lost = claim(endpoint.pk)
    assert lost is not None
    nobody = claim(endpoint.pk)
    WebhookDelivery.objects.update(leased_until=timezone.now() - timedelta(seconds=1))

    drain(endpoint.pk)
    finish(lost, Outcome(error="timeout"))  # it was only slow, and comes back

    assert nobody is None
    assert state_of(delivery) == ("delivered", 2, 200, "")


def test_endpoint_that_is_gone_is_paused_at_once_and_staff_are_told(receiver, endpoint_of, settings):
    settings.ALERT_EMAILS = ["ops@shop.example"]
    receiver.status = 410
    endpoint, _ = endpoint_of(receiver.url)
    delivery, waiting = owed(endpoint), owed(endpoint)

    drain(endpoint.pk)
    due_now()
    drain(endpoint.pk)
    message = OutboxMessage.objects.get(topic="inbox.mail_webhook_paused")
    mail_webhook_paused(str(message.pk))  # type: ignore[operator]

    endpoint.refresh_from_db()
    assert (endpoint.is_paused, endpoint.pause, len(receiver.received)) == (True, "gone", 1)
    assert (state_of(delivery)[0], state_of(waiting)[0]) == ("failed", "pending")
    assert [(sent.to, receiver.url in sent.body) for sent in mail.outbox] == [(["ops@shop.example"], True)]


def test_endpoint_where_nothing_arrived_for_three_days_is_paused_and_its_events_wait(receiver, endpoint_of):
    User.objects.create_superuser("boss@shop.example", "chai-ya-maji-9")
    receiver.status = 500
    endpoint, _ = endpoint_of(receiver.url)
    delivery = owed(endpoint)
    drain(endpoint.pk)
    assert not WebhookEndpoint.objects.get().is_paused
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=3))
    due_now()
    drain(endpoint.pk)

    emit("user.registered", later := new_id(), by="password")
    publish_events()
    receiver.status = 200
    due_now()
    drain(endpoint.pk)
    while_paused = len(receiver.received)
    services.change_endpoint(endpoint.pk, is_paused=False, actor=UserFactory(is_staff=True))
    drain(endpoint.pk)

    endpoint.refresh_from_db()
    assert while_paused == 2
    assert state_of(delivery)[0] == "delivered"
    assert endpoint.deliveries.get(object_id=later).status == "delivered"
    assert (endpoint.is_paused, endpoint.failing_since, endpoint.failures) == (False, None, 0)
    assert OutboxMessage.objects.filter(topic="inbox.mail_webhook_paused").count() == 1


def test_one_success_ends_the_counting_of_failures(receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    owed(endpoint)
    receiver.status = 500
    drain(endpoint.pk)
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=2))
    receiver.status = 200
    due_now()
    drain(endpoint.pk)

    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.not_before) == (0, None, None)


def test_address_that_became_private_is_not_connected_to(receiver, endpoint_of, settings):
    endpoint, _ = endpoint_of(receiver.url)
    delivery = owed(endpoint)
    settings.WEBHOOK_LOOPBACK = False

    drain(endpoint.pk)

    assert receiver.received == []
    assert state_of(delivery) == ("pending", 1, None, "https_required")


def test_secret_that_no_key_opens_sends_nothing_unsigned(receiver, endpoint_of, settings):
    endpoint, _ = endpoint_of(receiver.url)
    delivery = owed(endpoint)
    settings.WEBHOOK_SECRET_KEYS = ["another-key-that-is-long-enough-to-be-one"]

    drain(endpoint.pk)

    assert receiver.received == []
    assert state_of(delivery) == ("pending", 1, None, "secret_lost")


def test_replay_sends_the_same_bytes_under_the_same_id(receiver, endpoint_of):
    endpoint, secret = endpoint_of(receiver.url)
    delivery = owed(endpoint)
    drain(endpoint.pk)

    services.replay(endpoint.pk, delivery.pk, actor=UserFactory(is_staff=True))
    drain(endpoint.pk)

    first, second = receiver.received
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert second.is_signed_with(secret)
    assert state_of(delivery) == ("delivered", 1, 200, "")


def test_sweep_wakes_senders_of_what_is_due_alone(receiver, endpoint_of, monkeypatch):
    due, waiting, paused = (endpoint_of(receiver.url)[0] for _ in range(3))
    for endpoint in (due, due, waiting, paused):
        owed(endpoint)
    waiting.deliveries.update(next_attempt_at=timezone.now() + timedelta(hours=1))
    WebhookEndpoint.objects.filter(pk=paused.pk).update(paused_at=timezone.now(), pause="by_hand")
    woken: list[object] = []
    monkeypatch.setattr(sending, "wake_sender", woken.append)

    send_due()

    assert woken == [due.pk]


def test_nothing_waits_for_the_network_under_a_lock(receiver, endpoint_of, monkeypatch):
    endpoint, _ = endpoint_of(receiver.url)
    owed(endpoint)
    depths: list[int] = []
    outside = len(connection.savepoint_ids)

    def post(*_: object) -> Outcome:
        depths.append(len(connection.savepoint_ids))
        return Outcome(status=200)

    monkeypatch.setattr(sending, "post", post)
    delivery = claim(endpoint.pk)
    assert delivery is not None
    attempt(delivery)

    assert depths == [outside]


def test_old_deliveries_are_forgotten(receiver, endpoint_of):
    endpoint, _ = endpoint_of(receiver.url)
    old, new = owed(endpoint), owed(endpoint)
    WebhookDelivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))

    purge_served()

    assert list(endpoint.deliveries.values_list("pk", flat=True)) == [new.pk]
