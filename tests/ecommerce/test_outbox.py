import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from ecommerce import outbox
from ecommerce.celery import app
from ecommerce.context import request_id
from ecommerce.models import OutboxMessage
from ecommerce.outbox import Postpone, claim_due, owed_task
from tests.factories import UserFactory


class Work:
    """Work that is owed: adds a user, and does besides what the test gives it to do."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.then: Callable[[], None] = lambda: None

    def __call__(self, **payload: Any) -> None:
        self.calls.append(payload)
        UserFactory()
        self.then()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def task(work: Work, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The task that does ``work``; ``indirect`` parameters go to the decorator."""
    task = owed_task("tests.work", **getattr(request, "param", {}))(work.__call__)
    yield app.tasks[task.name]
    app.tasks.pop(task.name, None)


def owe(task: Any, key: str = "key-1", **payload: Any) -> OutboxMessage:
    with transaction.atomic():
        task.owe(key, **payload)
    return OutboxMessage.objects.get(dedupe_key=key)


def make_due(message: OutboxMessage) -> None:
    OutboxMessage.objects.filter(pk=message.pk).update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def state(message: OutboxMessage) -> dict[str, Any]:
    message.refresh_from_db()
    return {
        "attempts": message.attempts,
        "leased": message.leased_until is not None,
        "done": message.done_at is not None,
        "dead": message.dead_at is not None,
        "last_error": message.last_error,
    }


DONE = {"attempts": 1, "leased": False, "done": True, "dead": False, "last_error": ""}
OPEN = {"attempts": 0, "leased": False, "done": False, "dead": False, "last_error": ""}

both_kinds = pytest.mark.parametrize("task", [{}, {"network": True}], indirect=True, ids=["database", "network"])


# --- Owing --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_owing_outside_a_transaction_is_refused(task):
    with pytest.raises(RuntimeError, match="in the transaction that owes it"):
        task.owe("key-1")

    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_owed_work_is_a_row_with_the_request_that_owed_it(task):
    token = request_id.set("request-0001")

    message = owe(task, "key-1", order_id="7")

    request_id.reset(token)
    assert (message.topic, message.payload, message.request_id) == ("tests.work", {"order_id": "7"}, "request-0001")
    assert state(message) == OPEN


@pytest.mark.django_db
def test_what_is_rolled_back_owes_nothing(task):
    with transaction.atomic():
        task.owe("key-1")
        transaction.set_rollback(True)

    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_owing_the_same_twice_owes_it_once_and_breaks_no_transaction(task):
    owe(task, "key-1", n=1)

    owe(task, "key-1", n=2)

    assert list(OutboxMessage.objects.values_list("dedupe_key", "payload")) == [("key-1", {"n": 1})]


@pytest.mark.django_db(transaction=True)
def test_relay_is_woken_once_for_a_burst_and_in_no_transaction(task, monkeypatch):
    # Transactions that notify commit one at a time, each while the disk writes: none of ours may.
    monkeypatch.setattr("ecommerce.outbox._woken_at", float("-inf"))

    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        task.owe("key-1")
        task.owe("key-2")

    words = [query["sql"].split()[0] for query in captured.captured_queries]
    assert words == ["BEGIN", "INSERT", "INSERT", "COMMIT", "SELECT"]
    assert "pg_notify('outbox'" in captured.captured_queries[-1]["sql"]


@pytest.mark.django_db(transaction=True)
def test_what_is_owed_stays_owed_when_the_relay_cannot_be_woken(task, monkeypatch, caplog):
    def fail():
        raise OperationalError("the database has just gone")

    monkeypatch.setattr("ecommerce.outbox.wake_relay", fail)

    with transaction.atomic():
        task.owe("key-1")

    assert OutboxMessage.objects.filter(dedupe_key="key-1", done_at=None).exists()
    assert "the database has just gone" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_owing_the_same_in_parallel_owes_it_once(task, together):
    results = together(*[lambda: owe(task, "key-1")] * 8)

    assert {result.pk for result in results} == set(OutboxMessage.objects.values_list("pk", flat=True))
    assert OutboxMessage.objects.count() == 1


@pytest.mark.django_db
def test_work_owed_with_a_delay_is_not_due_before(task):
    message = owe(task, "key-1", delay=timedelta(hours=1))

    assert claim_due() == []
    assert timedelta(minutes=59) < message.next_attempt_at - timezone.now() <= timedelta(hours=1)


# --- Claiming -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_claim_gives_each_due_message_once_and_sets_its_next_try(task):
    messages = [owe(task, f"key-{n}") for n in range(3)]

    first, second = claim_due(), claim_due()

    assert first == [("tests.work", str(message.pk)) for message in messages]
    assert second == []
    for message in messages:
        message.refresh_from_db()
        assert message.next_attempt_at - message.sent_at == outbox.FIRST_PAUSE


@pytest.mark.parametrize(
    "fields",
    [
        {"done_at": timezone.now()},
        {"dead_at": timezone.now()},
        {"next_attempt_at": timezone.now() + timedelta(hours=1)},
        {"leased_until": timezone.now() + timedelta(hours=1)},
    ],
)
@pytest.mark.django_db
def test_claim_leaves_what_is_done_dead_not_due_or_being_worked_on(task, fields):
    message = owe(task)
    OutboxMessage.objects.filter(pk=message.pk).update(**fields)

    assert claim_due() == []


@pytest.mark.django_db
def test_claim_takes_the_longest_waiting_first_and_no_more_than_asked(task):
    messages = [owe(task, f"key-{n}") for n in range(3)]
    OutboxMessage.objects.filter(pk=messages[2].pk).update(next_attempt_at=F("created_at") - timedelta(hours=1))

    claimed = claim_due(limit=2)

    assert claimed == [("tests.work", str(messages[2].pk)), ("tests.work", str(messages[0].pk))]


@pytest.mark.django_db(transaction=True)
def test_two_relays_get_disjoint_messages(task, together):
    for n in range(60):
        owe(task, f"key-{n:02d}")

    claimed = together(*[lambda: claim_due(limit=20)] * 4)

    ids = [message_id for batch in claimed for _, message_id in batch]
    ids += [message_id for _, message_id in claim_due()]
    assert len(ids) == len(set(ids)) == 60


@pytest.mark.django_db(transaction=True)
def test_relay_does_not_wait_for_rows_that_another_one_holds(task):
    first, second = owe(task, "key-1"), owe(task, "key-2")
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            OutboxMessage.objects.select_for_update().get(pk=first.pk)
            held.set()
            release.wait(10)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)

    claimed = claim_due()

    release.set()
    thread.join(10)
    assert claimed == [("tests.work", str(second.pk))]


@pytest.mark.django_db
def test_pause_doubles_with_each_sending_up_to_a_quarter_of_an_hour(task):
    """A fleet of dead workers must not fill the broker."""
    message = owe(task)
    pauses = []

    for _ in range(8):
        claim_due()
        message.refresh_from_db()
        pauses.append((message.next_attempt_at - message.sent_at).total_seconds())
        shift = timedelta(seconds=pauses[-1] + 1)  # as if that time had passed
        OutboxMessage.objects.update(next_attempt_at=F("next_attempt_at") - shift, sent_at=F("sent_at") - shift)

    assert pauses == [30, 60, 120, 240, 480, 900, 900, 900]


# --- Doing --------------------------------------------------------------------------------------------------


@both_kinds
@pytest.mark.django_db
def test_work_is_done_once_however_often_it_is_delivered(task, work):
    message = owe(task, order_id="7")

    for _ in range(3):
        task(str(message.pk))

    assert work.calls == [{"order_id": "7"}]
    assert state(message) == DONE
    assert claim_due() == []


@both_kinds
@pytest.mark.django_db(transaction=True)
def test_message_delivered_to_many_workers_at_once_runs_once(task, work, together):
    message = owe(task)

    results = together(*[lambda: task(str(message.pk))] * 8)

    assert results == [None] * 8
    assert (len(work.calls), User.objects.count()) == (1, 1)
    assert state(message) == DONE


@both_kinds
@pytest.mark.django_db
def test_message_under_lease_is_left_to_its_worker(task, work):
    message = owe(task)
    OutboxMessage.objects.filter(pk=message.pk).update(leased_until=timezone.now() + timedelta(seconds=60), attempts=1)

    task(str(message.pk))

    assert work.calls == []
    assert state(message) == OPEN | {"leased": True, "attempts": 1}


@pytest.mark.parametrize("task", [{}], indirect=True)
@pytest.mark.django_db
def test_unknown_message_is_ignored(task, work):
    task("00000000-0000-7000-8000-000000000000")

    assert work.calls == []


@pytest.mark.django_db
def test_failure_takes_the_effect_back_and_keeps_the_work_open(task, work, caplog):
    message = owe(task)
    work.then = lambda: (_ for _ in ()).throw(ValueError("no such thing"))

    task(str(message.pk))

    assert state(message) == OPEN | {"attempts": 1, "last_error": "ValueError: no such thing"}
    assert not User.objects.exists()
    [record] = [record for record in caplog.records if record.message == "owed_work_failed"]
    assert (record.levelno, record.topic, record.message_id) == (logging.ERROR, "tests.work", str(message.pk))


@pytest.mark.django_db
def test_database_error_in_the_work_is_a_failure_like_any_other(task, work):
    message = owe(task)
    work.then = lambda: connection.cursor().execute("SELECT * FROM nothing")

    task(str(message.pk))

    assert state(message)["last_error"].startswith('ProgrammingError: relation "nothing" does not exist')
    assert not User.objects.exists()


@pytest.mark.parametrize("task", [{"network": True}], indirect=True)
@pytest.mark.django_db
def test_failed_network_work_keeps_what_it_has_written(task, work):
    message = owe(task)
    work.then = lambda: (_ for _ in ()).throw(ConnectionError("away"))

    task(str(message.pk))

    assert state(message) == OPEN | {"attempts": 1, "last_error": "ConnectionError: away"}
    assert User.objects.count() == 1


@pytest.mark.parametrize("task", [{"network": True}], indirect=True)
@pytest.mark.django_db(transaction=True)
def test_network_work_runs_outside_any_transaction_and_is_not_yet_done(task, work):
    message = owe(task)
    seen = []
    work.then = lambda: seen.append((connection.in_atomic_block, state(message)["done"]))

    task(str(message.pk))

    assert seen == [(False, False)]
    assert state(message) == DONE


@pytest.mark.django_db(transaction=True)
def test_database_work_is_done_in_the_transaction_of_its_effect(task, work):
    message = owe(task)
    seen = []
    work.then = lambda: seen.append(connection.in_atomic_block)

    task(str(message.pk))

    assert seen == [True]


@pytest.mark.parametrize(
    "task", [{}, {"network": True}, {"max_attempts": 5}], indirect=True, ids=["database", "network", "named"]
)
@pytest.mark.django_db
def test_work_that_always_fails_is_dead_after_five_tries_and_somebody_is_told(task, work, caplog):
    message = owe(task)
    work.then = lambda: (_ for _ in ()).throw(ValueError("never"))

    for _ in range(8):
        make_due(message)
        for _, message_id in claim_due():
            task(message_id)

    assert len(work.calls) == 5
    assert state(message) == {
        "attempts": 6, "leased": False, "done": False, "dead": True, "last_error": "ValueError: never",
    }  # fmt: skip
    assert [record.message for record in caplog.records].count("owed_work_dead") == 1
    assert claim_due() == []


@both_kinds
@pytest.mark.django_db(transaction=True)
def test_work_that_kills_its_worker_counts_and_cannot_loop_for_ever(task, work):
    message = owe(task)

    def die() -> None:
        connection.connection.close()  # what the kernel does with a killed process's socket
        raise SystemExit(137)

    work.then = die
    for _ in range(8):
        OutboxMessage.objects.update(leased_until=None)  # as if the lease had run out
        try:
            task(str(message.pk))
        except SystemExit:
            connection.close()

    assert len(work.calls) == 5
    assert state(message) == {"attempts": 6, "leased": False, "done": False, "dead": True, "last_error": ""}


@pytest.mark.django_db(transaction=True)
def test_killed_worker_holds_its_message_only_until_the_lease_ends(task, work):
    message = owe(task)

    def die() -> None:
        connection.connection.close()
        raise SystemExit(137)

    work.then = die
    with pytest.raises(SystemExit):
        task(str(message.pk))
    connection.close()
    work.then = lambda: None
    make_due(message)

    while_leased = claim_due()
    OutboxMessage.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    afterwards = [message_id for _, message_id in claim_due()]
    task(*afterwards)

    assert while_leased == []
    assert state(message) == DONE | {"attempts": 2}


@both_kinds
@pytest.mark.django_db
def test_postponed_work_is_not_a_failed_one(task, work, caplog):
    message = owe(task)
    work.then = lambda: (_ for _ in ()).throw(Postpone(timedelta(minutes=3), "not yet"))

    for _ in range(7):
        task(str(message.pk))

    assert len(work.calls) == 7
    assert state(message) == OPEN | {"last_error": "not yet"}
    assert timedelta(minutes=2) < message.next_attempt_at - timezone.now() <= timedelta(minutes=3)
    assert caplog.records == []

    work.then = lambda: None
    task(str(message.pk))
    assert state(message) == DONE


@pytest.mark.django_db
def test_work_runs_under_the_request_id_that_owed_it(task, work):
    token = request_id.set("request-0001")
    message = owe(task)
    request_id.reset(token)
    seen = []
    work.then = lambda: seen.append(request_id.get())

    task(str(message.pk))

    assert (seen, request_id.get()) == (["request-0001"], "")


@pytest.mark.django_db
def test_long_error_is_cut(task, work):
    message = owe(task)
    work.then = lambda: (_ for _ in ()).throw(ValueError("x" * 5000))

    task(str(message.pk))

    assert len(state(message)["last_error"]) == 500


@pytest.mark.django_db
def test_done_cannot_be_marked_without_a_database(task, work, monkeypatch):
    """When the mark fails after network work, the work comes again: it must be safe to repeat."""
    message = owe(task)
    monkeypatch.setattr(outbox, "_mark_done", lambda _: (_ for _ in ()).throw(DatabaseError("away")))

    task(str(message.pk))

    assert state(message)["done"] is False
    assert not User.objects.exists()
