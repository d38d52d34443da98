from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from ecommerce import retention, tasks
from ecommerce.models import IdempotencyKey, OutboxMessage

pytestmark = pytest.mark.django_db


def add_keys(count: int, *, expires_in: timedelta, prefix: str) -> None:
    IdempotencyKey.objects.bulk_create(
        IdempotencyKey(owner="user:1", operation="o", key=f"{prefix}-{n}", expires_at=timezone.now() + expires_in)
        for n in range(count)
    )


def test_purge_takes_only_what_has_served_its_time():
    add_keys(2, expires_in=timedelta(seconds=-1), prefix="old")
    add_keys(1, expires_in=timedelta(hours=1), prefix="new")
    ago = timezone.now() - timedelta(days=7)
    for key, fields in {
        "long-done": {"done_at": ago - timedelta(minutes=1)},
        "just-done": {"done_at": ago + timedelta(minutes=1)},
        "open": {},
        "dead": {"dead_at": ago - timedelta(days=30)},
    }.items():
        OutboxMessage.objects.create(topic="t", dedupe_key=key, **fields)

    tasks.purge_expired_rows()

    assert set(IdempotencyKey.objects.values_list("key", flat=True)) == {"new-0"}
    assert set(OutboxMessage.objects.values_list("dedupe_key", flat=True)) == {"just-done", "open", "dead"}


def test_purge_works_in_batches_until_nothing_is_left(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(retention, "BATCH", 10)
    add_keys(25, expires_in=timedelta(seconds=-1), prefix="old")

    # Four looks (10, 10, 5 and 0 rows) and three deletions.
    with django_assert_num_queries(7):
        deleted = retention.delete_in_batches(IdempotencyKey.objects.filter(expires_at__lt=timezone.now()))

    assert deleted == 25
    assert not IdempotencyKey.objects.exists()


def test_purge_twice_deletes_nothing_more():
    add_keys(3, expires_in=timedelta(hours=1), prefix="k")
    IdempotencyKey.objects.filter(key="k-0").update(expires_at=F("created_at") - timedelta(hours=1))

    counts = [retention.purge_expired_rows(), retention.purge_expired_rows()]

    assert counts == [1, 0]
