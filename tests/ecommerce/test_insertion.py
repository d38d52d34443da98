"""Rows that are inserted once, whoever comes first."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ecommerce.insertion import insert_once, insert_together
from ecommerce.models import OutboxMessage
from orders.models import Order, OrderEvent
from orders.numbers import is_order_number
from tests.factories import UserFactory
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


def test_rows_of_several_models_are_inserted_in_one_statement(django_assert_num_queries):
    user = UserFactory()
    order = Order(user=user, currency="KES", subtotal=1, tax=0, shipping=0, discount=0, total_amount=1)

    with django_assert_num_queries(1):
        insert_together([order], [OrderEvent(order=order, to_status="pending"), OrderEvent(order=order, to_status="x")])

    assert is_order_number(order.number)  # the database's own
    stored = Order.objects.get(pk=order.pk)
    assert (stored.number, stored.user_id, stored.created_at) == (order.number, user.pk, order.created_at)
    assert list(stored.events.values_list("to_status", flat=True)) == ["pending", "x"]


def test_all_rows_are_inserted_or_none():
    insert_together([message()])

    with pytest.raises(IntegrityError), transaction.atomic():
        insert_together([message("new")], [message()])

    assert OutboxMessage.objects.count() == 1


def test_a_row_that_was_inserted_is_changed_by_save_and_not_inserted_again():
    row = message()
    insert_together([row])
    row.request_id = "later"
    row.save()

    assert OutboxMessage.objects.get().request_id == "later"
