"""Events: kept with the change, told in order, at least once, and no further than they must."""

import uuid
from collections.abc import Sequence

import pytest
from django.db import InternalError, connection, transaction
from django.db.models.functions import Now

from ecommerce import events
from ecommerce.events import Watch, emit, publish_events, subscribe
from ecommerce.models import Event
from tests.racing import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a subscriber was told, and nobody else is."""
    names: list[str] = []
    monkeypatch.setattr(events, "_subscribers", {})
    subscribe("test", lambda batch: names.extend(event.data["name"] for event in batch))
    return names


def happened(name: str, object_id: uuid.UUID | None = None) -> uuid.UUID:
    object_id = object_id or uuid.uuid4()
    with transaction.atomic():
        emit("test.happened", object_id, name=name)
    return object_id


@pytest.mark.django_db(transaction=True)
def test_event_outside_a_transaction_is_refused():
    with pytest.raises(RuntimeError):
        emit("test.happened", uuid.uuid4())

    assert not Event.objects.exists()


def test_event_of_a_change_that_is_undone_never_was(told):
    with transaction.atomic():
        emit("test.happened", uuid.uuid4(), name="a")
        transaction.set_rollback(True)

    assert (publish_events(), told, Event.objects.exists()) == (0, [], False)


def test_events_are_told_in_their_order_and_once(told, monkeypatch):
    monkeypatch.setattr(events, "BATCH", 2)
    for name in "abcde":
        happened(name)

    assert (publish_events(), publish_events()) == (5, 0)
    assert told == list("abcde")


@pytest.mark.parametrize("change", [{"kind": "other"}, {"data": {}}, {"object_id": uuid.uuid4()}])
def test_what_an_event_says_never_changes(change):
    happened("a")

    with pytest.raises(InternalError), transaction.atomic():
        Event.objects.update(**change)

    assert Event.objects.get().data == {"name": "a"}


def test_event_that_cannot_be_told_holds_up_only_its_own_object(told, monkeypatch):
    bad = happened("bad")
    happened("after bad", bad)
    happened("other")

    def fail_for_bad(batch: Sequence[Event]) -> None:
        if any(event.data["name"] == "bad" for event in batch):
            raise ZeroDivisionError

    monkeypatch.setattr(events, "_subscribers", {"failing": fail_for_bad, **events._subscribers})
    publish_events()

    waiting = Event.objects.filter(published_at__isnull=True).order_by("pk")
    assert [(event.data["name"], event.attempts) for event in waiting] == [("bad", 1), ("after bad", 0)]
    assert waiting[0].last_error == "ZeroDivisionError: "
    assert told == ["other"]


def test_event_that_is_held_up_is_told_later_and_what_waits_behind_it_after_it(told):
    bad = happened("bad")
    failing = [True]

    def fail_at_first(_: Sequence[Event]) -> None:
        if failing[0]:
            raise ZeroDivisionError

    subscribe("failing", fail_at_first)
    publish_events()
    failing[0] = False
    happened("after bad", bad)
    told.clear()

    assert publish_events() == 0
    Event.objects.filter(attempts=1).update(retry_at=Now())
    publish_events()

    assert told == ["bad", "after bad"]


def test_event_that_can_never_be_told_is_given_up(told, caplog):
    bad = happened("bad")
    happened("after bad", bad)
    Event.objects.filter(data__name="bad").update(attempts=events.MAX_ATTEMPTS - 1)

    def fail_for_bad(batch: Sequence[Event]) -> None:
        if batch[0].data["name"] == "bad":
            raise ZeroDivisionError

    subscribe("failing", fail_for_bad)
    publish_events()

    assert not Event.objects.filter(published_at__isnull=True).exists()
    assert "event_given_up" in [record.message for record in caplog.records]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_tell_each_event_once(told):
    for number in range(20):
        happened(str(number))

    at_once([publish_events] * 4)
    publish_events()

    assert told == [str(number) for number in range(20)]


def test_watch_speaks_of_what_waits_and_ever_more_seldom(told, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(events.time, "monotonic", lambda: clock[0])
    watch = Watch()
    assert not watch.calls()
    happened("a")
    calls = []
    for _ in range(200):
        clock[0] += 0.5
        if watch.calls():
            calls.append(clock[0])

    assert calls == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5]
    happened("b")
    Event.objects.filter(data__name="a").update(published_at=Now())
    clock[0] += 0.5
    assert watch.calls()


def test_looking_for_events_costs_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        Watch().calls()


def test_waiting_events_are_found_by_their_index():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT id FROM ecommerce_event WHERE published_at IS NULL ORDER BY id LIMIT 1")
        plan = " ".join(row[0] for row in cursor.fetchall())

    assert "event_waiting" in plan
