"""Parcels at the same time: no unit leaves twice, and every status ends true."""

from collections import Counter
from functools import partial

import pytest
from django.db import transaction

from ecommerce.exceptions import DomainError
from orders import services as orders
from orders.fulfilment import services
from orders.fulfilment.models import Shipment
from tests.admin_pages import member_of_staff
from tests.clients import client_for
from tests.factories import UserFactory
from tests.invariants import assert_orders_hold, assert_stock_holds
from tests.orders.fulfilment.parcels import lines, order_of, shelf
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def told(action):
    """Run ``action``; return ``"done"``, or the code of its refusal."""
    try:
        action()
    except DomainError as refusal:
        return refusal.code
    return "done"


def send(client, order, units):
    body = {"items": [{"item_id": str(order.items.get().pk), "quantity": units}]}
    headers = {"Idempotency-Key": "k"}
    return client.post(f"/api/orders/{order.pk}/shipments/", body, headers=headers).status_code


def cancel_units(order, units):
    """Cancel units of an order's only line, as whoever cancels a part does: under the order's lock."""
    with transaction.atomic():
        locked = orders.lock_order(order.pk)
        item = order.items.get()
        if item.quantity - item.cancelled_quantity - item.shipped_quantity < units:
            return "refused"
        item.cancelled_quantity += units
        item.save(update_fields=["cancelled_quantity", "updated_at"])
        services.settle_fulfilment(locked)
    return "done"


def test_two_staff_ship_the_same_last_units_once():
    for n in range(5):
        order = order_of(3, sku=f"A{n}-")
        clerks = [client_for(member_of_staff("orders.view_order", "orders.change_order")) for _ in range(4)]

        answers = at_once([partial(send, client, order, units=2) for client in clerks])

        assert Counter(answers) == {201: 1, 409: 3}
        assert (order.items.get().shipped_quantity, order.shipments.count()) == (2, 1)
    assert_stock_holds()
    assert_orders_hold()


def test_parcels_sent_at_once_have_numbers_of_their_own():
    order = order_of(8)

    at_once([lambda: services.ship(order.pk, lines=lines(order, L0=1)).number for _ in range(8)])

    numbers = sorted(Shipment.objects.values_list("number", flat=True))
    order.refresh_from_db()
    assert numbers == [f"{order.number}-{n}" for n in range(1, 9)]
    assert (order.status, order.events.filter(to_status="shipped").count(), shelf()) == ("shipped", 1, {"L0": (2, 2)})
    assert_stock_holds()
    assert_orders_hold()


def test_shipping_against_cancelling_ends_in_one_of_them():
    for n in range(8):
        order = order_of(2, sku=f"A{n}-")
        part = lines(order, **{f"A{n}-0": 1})

        shipped, cancelled = at_once(
            [
                lambda o=order, p=part: told(lambda: services.ship(o.pk, lines=p)),
                lambda o=order: told(lambda: orders.cancel_order(o.pk)),
            ]
        )

        order.refresh_from_db()
        if shipped == "done":
            assert (cancelled, order.status, shelf()[f"A{n}-0"]) == ("partly_shipped", "paid", (8, 9))
        else:
            assert (shipped, cancelled) == ("invalid_order_transition", "done")
            assert (order.status, shelf()[f"A{n}-0"], order.shipments.count()) == ("cancelled", (10, 10), 0)
    assert_stock_holds()
    assert_orders_hold()


def test_shipping_against_cancelling_a_part_uses_each_unit_once():
    for n in range(8):
        order = order_of(3, sku=f"A{n}-")
        part = lines(order, **{f"A{n}-0": 2})

        shipped, cancelled = at_once(
            [
                lambda o=order, p=part: told(lambda: services.ship(o.pk, lines=p)),
                lambda o=order: cancel_units(o, 2),
            ]
        )

        item = order.items.get()
        assert sorted([shipped, cancelled]) in (["done", "refused"], ["done", "more_than_left"])
        assert (item.shipped_quantity, item.cancelled_quantity) == ((2, 0) if shipped == "done" else (0, 2))


def test_last_parcel_against_cancelling_the_rest_ships_the_order():
    for n in range(8):
        order = order_of(3, sku=f"A{n}-")
        part = lines(order, **{f"A{n}-0": 2})

        results = at_once(
            [
                lambda o=order, p=part: told(lambda: services.ship(o.pk, lines=p)),
                lambda o=order: cancel_units(o, 1),
            ]
        )

        order.refresh_from_db()
        assert (results, order.status) == (["done", "done"], "shipped")
        assert order.events.filter(to_status="shipped").count() == 1


def test_one_event_told_ten_times_at_once_is_one():
    order = order_of(1)
    shipment = services.ship(order.pk)
    tell = {"status": "delivered", "place": "Ruiru", "source_id": "pod-1"}
    clerk = member_of_staff("orders.view_order", "orders.change_order")
    clients = [client_for(clerk) for _ in range(10)]

    answers = at_once(
        [lambda c=client: c.post(f"/api/shipments/{shipment.pk}/events/", tell).status_code for client in clients]
    )

    order.refresh_from_db()
    assert Counter(answers) == {201: 1, 200: 9}
    assert (order.status, shipment.events.count()) == ("delivered", 2)


def test_two_last_parcels_delivered_at_once_deliver_the_order():
    for n in range(5):
        order = order_of(2, sku=f"A{n}-", user=UserFactory())
        parcels = [services.ship(order.pk, lines=lines(order, **{f"A{n}-0": 1})) for _ in range(2)]

        at_once([lambda p=parcel: services.record_event(p.pk, status="delivered") for parcel in parcels])

        order.refresh_from_db()
        assert (order.status, order.events.filter(to_status="delivered").count()) == ("delivered", 1)
    assert_orders_hold()


def test_payment_at_the_door_against_the_parcel_loses_neither():
    for n in range(5):
        order = order_of(1, sku=f"A{n}-", paid=False)
        type(order).objects.filter(pk=order.pk).update(pay_on_delivery=True)

        at_once([lambda o=order: services.ship(o.pk), lambda o=order: orders.mark_paid(o.pk)])

        order.refresh_from_db()
        assert (order.status, order.paid_at is None, order.items.get().shipped_quantity) == ("shipped", False, 1)
    assert_stock_holds()
    assert_orders_hold()
