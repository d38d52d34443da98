"""Rows that are inserted once, whoever comes first."""

from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from ecommerce.insertion import as_rows, insert_once, inserting
from ecommerce.models import OutboxMessage
from ecommerce.prepared import Statement
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


def test_rows_that_refer_to_each_other_are_inserted_in_one_statement(django_assert_num_queries):
    user = UserFactory()
    order = Order(
        user=user,
        currency="KES",
        subtotal=1,
        tax=0,
        shipping=0,
        discount=0,
        total_amount=Decimal("1.00"),
        note="ü\"'%s",
    )
    order.reserved_until = timezone.now()
    order.shipping_address = {"town": ["Nakuru", 1, None]}
    events = [OrderEvent(order=order, to_status="pending"), OrderEvent(order=order, to_status="x")]
    place = Statement(
        f"WITH {inserting(Order, 'orders')}, {inserting(OrderEvent, 'events')} SELECT number FROM orders",
        orders="jsonb",
        events="jsonb",
    )

    with django_assert_num_queries(1):
        ((number,),) = place.run(orders=as_rows(Order, [order]), events=as_rows(OrderEvent, events))

    assert is_order_number(number)  # the database's own
    stored = Order.objects.get(pk=order.pk)
    order.number = number
    assert {field.name: getattr(stored, field.attname) for field in Order._meta.concrete_fields} == {
        field.name: getattr(order, field.attname) for field in Order._meta.concrete_fields
    }
    assert list(stored.events.values_list("to_status", flat=True)) == ["pending", "x"]


def test_no_rows_are_none():
    Statement(f"WITH {inserting(OrderEvent, 'events')} SELECT 1", events="jsonb").run(events=as_rows(OrderEvent, []))

    assert not OrderEvent.objects.exists()


def test_a_row_that_was_inserted_is_changed_by_save_and_not_inserted_again():
    row = message()
    Statement(f"WITH {inserting(OutboxMessage, 'owed')} SELECT 1", owed="jsonb").run(owed=as_rows(OutboxMessage, [row]))
    row.request_id = "later"
    row.save(update_fields=["request_id"])

    assert OutboxMessage.objects.get().request_id == "later"


def test_what_has_no_place_in_json_is_refused():
    order = Order(user=UserFactory(), shipping_address={"town": b"Nakuru"})

    with pytest.raises(TypeError, match="bytes"):
        as_rows(Order, [order])
