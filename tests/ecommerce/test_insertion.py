"""Rows that are inserted once, whoever comes first."""

import pytest
from django.db import transaction
from django.utils import timezone

from ecommerce.insertion import insert_once
from ecommerce.models import OutboxMessage
from tests.racing import at_once

pytestmark = pytest.mark.django_db


def message(key: str = "k", **fields: object) -> OutboxMessage:
    return OutboxMessage(topic="test.nothing", payload={"a": [1, "ü"]}, dedupe_key=key, **fields)


def test_row_is_stored_as_save_would_store_it():
    row = message(request_id="r")

    assert insert_once(row)

    stored = OutboxMessage.objects.get(pk=row.pk)
    assert (stored.payload, stored.request_id, stored.attempts, stored.sent_at) == ({"a": [1, "ü"]}, "r", 0, None)
    assert stored.next_attempt_at <= timezone.now()  # the database's own default
    assert stored.created_at == row.created_at


def test_row_whose_key_is_taken_is_left_out():
    insert_once(message())

    assert not insert_once(message(request_id="another"))
    assert OutboxMessage.objects.get().request_id == ""


@pytest.mark.django_db(transaction=True)
def test_of_ten_at_once_one_is_first():
    def insert() -> bool:
        with transaction.atomic():
            return insert_once(message())

    assert sorted(at_once([insert] * 10)) == [False] * 9 + [True]
    assert OutboxMessage.objects.count() == 1
