"""The relay: from a committed row to a message at the broker."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from redis import Redis

from accounts.models import User
from accounts.tasks import send_verification_mail
from ecommerce.celery import app
from ecommerce.management.commands.relay_outbox import publish_due
from ecommerce.models import Heartbeat, OutboxMessage
from tests.factories import UserFactory

ROOT = Path(__file__).parents[2]
TOPIC = "accounts.send_verification_mail"

pytestmark = pytest.mark.django_db(transaction=True)


def owe(user: User, key: str = "key-1") -> OutboxMessage:
    with transaction.atomic():
        send_verification_mail.owe(key, user_id=str(user.pk))
    return OutboxMessage.objects.get(dedupe_key=key)


def wait_until(true: Callable[[], object], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


def message_for(message: OutboxMessage) -> dict[str, object]:
    return {"task": message.topic, "args": [str(message.pk)]}


def test_due_messages_are_published_once(customer, queued):
    messages = [owe(customer, f"key-{n}") for n in range(3)]

    call_command("relay_outbox", "--once")
    call_command("relay_outbox", "--once")

    assert queued() == [message_for(message) for message in messages]


def test_more_messages_than_fit_one_claim_are_all_published(customer, queued):
    with transaction.atomic():
        for n in range(205):
            send_verification_mail.owe(f"key-{n}", user_id=str(customer.pk))

    published = publish_due()

    assert (published, len(queued())) == (205, 205)


def test_registration_reaches_its_reader(api_client, queued, mailoutbox):
    api_client.post("/api/auth/register/", {"email": "wanjiku@example.com", "password": "maji-ya-chai-7"})

    publish_due()
    for message in queued():
        app.tasks[message["task"]](*message["args"])

    assert [mail.to for mail in mailoutbox] == [["wanjiku@example.com"]]


@pytest.mark.parametrize("how", ["dead", "silent"])
def test_without_a_broker_nothing_is_lost_and_it_is_published_later(
    customer, queued, broker_at, dead_port, silent_port, how, caplog
):
    messages = [owe(customer, f"key-{n}") for n in range(3)]
    broker = app.conf.broker_url
    broker_at(f"redis://127.0.0.1:{dead_port if how == 'dead' else silent_port}/0")

    published = publish_due()

    assert published == 0
    assert caplog.messages == ["relay_broker_unavailable"]
    assert OutboxMessage.objects.filter(done_at=None, dead_at=None, attempts=0).count() == 3
    # The pause is short: when the broker is back, a payment must not wait for a quarter of an hour.
    waits = [m.next_attempt_at - timezone.now() for m in OutboxMessage.objects.all()]
    assert max(waits) < timedelta(seconds=10)

    broker_at(broker)
    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    publish_due()
    assert queued() == [message_for(message) for message in messages]


def test_message_that_an_emptied_broker_lost_is_published_again(customer, queued):
    message = owe(customer)
    publish_due()
    lost = queued()  # reading takes it off: nobody will ever run it

    at_once = publish_due()
    OutboxMessage.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    after_its_pause = publish_due()

    assert (lost, at_once, after_its_pause) == ([message_for(message)], 0, 1)
    assert queued() == [message_for(message)]


@pytest.mark.slow
def test_running_relay_publishes_at_once_beats_and_survives_a_lost_connection(customer):
    queue = app.conf.task_default_queue
    database = connection.settings_dict
    url = (
        f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    )
    environment = os.environ | {
        "ENVIRONMENT": "test",
        "DATABASE_URL": url,
        "REDIS_URL": settings.REDIS_URL,
        "CELERY_TASK_DEFAULT_QUEUE": queue,
    }
    relay = subprocess.Popen(
        [sys.executable, "manage.py", "relay_outbox"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        with Redis.from_url(app.conf.broker_url) as broker:
            beating = wait_until(lambda: Heartbeat.objects.filter(name="relay").exists())
            owe(customer, "first")
            first = wait_until(lambda: broker.llen(queue) == 1)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            owe(UserFactory(), "second")
            second = wait_until(lambda: broker.llen(queue) == 2)
            broker.delete(queue)
        relay.terminate()
        log = relay.communicate(timeout=20)[1]
    finally:
        relay.kill()

    assert (beating, first, second) == (True, True, True), log
    assert relay.returncode == 0
    assert "relay_stopped" in log
