import time

import pytest
from celery import shared_task
from django.conf import settings
from django.core.mail import get_connection
from django.db import transaction

from accounts.models import User
from ecommerce import tasks
from ecommerce.celery import ShopTask, app
from ecommerce.models import Heartbeat
from tests.factories import UserFactory


@pytest.fixture
def task():
    @shared_task(name="tests.wake_up")
    def task(*args: object) -> None: ...

    yield app.tasks[task.name]
    app.tasks.pop(task.name, None)


@pytest.mark.django_db(transaction=True)
def test_wake_up_is_published_after_the_commit_and_not_before(task, queued):
    with transaction.atomic():
        task.delay_on_commit("a", 1)
        before = queued()

    assert before == []
    assert queued() == [{"task": "tests.wake_up", "args": ["a", 1]}]


@pytest.mark.django_db(transaction=True)
def test_wake_up_of_a_rolled_back_transaction_is_never_published(task, queued):
    with transaction.atomic():
        task.delay_on_commit("a")
        transaction.set_rollback(True)

    assert queued() == []


@pytest.mark.parametrize("how", ["dead", "silent"])
@pytest.mark.django_db(transaction=True)
def test_wake_up_without_a_broker_neither_raises_nor_hangs(task, broker_at, dead_port, silent_port, how, caplog):
    broker_at(f"redis://127.0.0.1:{dead_port if how == 'dead' else silent_port}/0")
    started = time.monotonic()

    with transaction.atomic():
        UserFactory()
        task.delay_on_commit()

    assert User.objects.count() == 1
    assert caplog.messages == ["broker_unavailable"]
    assert time.monotonic() - started < 6


def test_every_task_of_the_shop_is_of_its_own_class():
    app.autodiscover_tasks(force=True)

    own = {name for name, task in app.tasks.items() if not name.startswith("celery.")}

    assert own >= {"accounts.send_verification_mail", "ecommerce.record_heartbeat", "ecommerce.purge_expired_rows"}
    assert all(isinstance(app.tasks[name], ShopTask) for name in own)


def test_every_scheduled_job_names_a_task_that_exists():
    app.autodiscover_tasks(force=True)

    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert scheduled - set(app.tasks) == set()


def test_no_task_may_outlive_the_visibility_timeout():
    timeout = app.conf.broker_transport_options["visibility_timeout"]

    assert app.conf.task_time_limit < timeout
    assert all((task.time_limit or 0) < timeout for task in app.tasks.values())
    assert (app.conf.task_acks_late, app.conf.task_reject_on_worker_lost) == (True, True)
    assert list(app.conf.accept_content) == ["json"]


@pytest.mark.django_db
def test_heartbeat_task_tells_that_a_worker_lives():
    tasks.record_heartbeat()
    tasks.record_heartbeat()

    assert list(Heartbeat.objects.values_list("name", flat=True)) == ["worker"]


def test_tests_send_no_mail():
    assert type(get_connection()).__module__ == "django.core.mail.backends.locmem"
