"""Orders at the same time: nothing is sold twice, nobody deadlocks, everybody is told the truth."""

from collections import Counter

import pytest

from catalog.models import Stock
from orders import services
from orders.models import Order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.invariants import assert_stock_holds
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS, CONFIRM = "/api/orders/", "/api/cart/checkout/confirm/"


def test_ten_buyers_of_the_last_unit_make_one_order():
    product = ProductFactory(stock=1)
    body = {"items": [{"product_id": str(product.pk), "quantity": 1}]}
    clients = [client_for(UserFactory()) for _ in range(10)]

    statuses = at_once([lambda client=client: client.post(ORDERS, body).status_code for client in clients])

    assert Counter(statuses) == {201: 1, 409: 9}
    assert (Order.objects.count(), Stock.objects.get().available) == (1, 0)
    assert_stock_holds()


def test_reversed_baskets_neither_deadlock_nor_oversell():
    first, second = ProductFactory(stock=10), ProductFactory(stock=10)
    forward = [{"product_id": str(product.pk), "quantity": 1} for product in (first, second)]
    bodies = [{"items": forward}, {"items": forward[::-1]}]
    clients = [client_for(UserFactory()) for _ in range(16)]

    statuses = at_once(
        [lambda c=client, n=n: c.post(ORDERS, bodies[n % 2]).status_code for n, client in enumerate(clients)]
    )

    assert Counter(statuses) == {201: 10, 409: 6}
    assert list(Stock.objects.values_list("available", flat=True)) == [0, 0]
    assert_stock_holds()


@pytest.mark.parametrize("lines", [1, 10])
def test_order_over_http_takes_six_statements(lines, django_assert_num_queries):
    items = [{"product_id": str(ProductFactory(stock=9).pk), "quantity": 1} for _ in range(lines)]
    client = client_for(UserFactory())
    client.post(ORDERS, {"items": items}, headers={"Idempotency-Key": "first"})  # whatever is asked once in a process

    with django_assert_num_queries(6 + 2):  # user, key, turn, what is wanted, the order, the answer; BEGIN and COMMIT
        response = client.post(ORDERS, {"items": items}, headers={"Idempotency-Key": "second"})

    assert response.status_code == 201


def test_one_key_sent_twenty_times_at_once_is_one_order():
    product = ProductFactory(stock=100)
    user = UserFactory()
    body = {"items": [{"product_id": str(product.pk), "quantity": 1}]}
    clients = [client_for(user) for _ in range(20)]

    responses = at_once([lambda c=client: c.post(ORDERS, body, headers={"Idempotency-Key": "k"}) for client in clients])

    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    assert (Order.objects.count(), Stock.objects.get().available) == (1, 99)


def test_one_cart_submitted_ten_times_at_once_is_one_order():
    product = ProductFactory(stock=100)
    user = UserFactory()
    client_for(user).post("/api/cart/items/", {"product_id": str(product.pk), "quantity": 2})
    clients = [client_for(user) for _ in range(10)]

    responses = at_once([lambda c=client: c.post(CONFIRM, {}) for client in clients])

    # Also the twins that came when the first had emptied the cart.
    assert Counter(response.status_code for response in responses) == {201: 10}
    assert len({response.content for response in responses}) == 1
    assert sum("Idempotent-Replayed" not in response.headers for response in responses) == 1
    assert (Order.objects.count(), Stock.objects.get().available) == (1, 98)


def test_cancel_sent_ten_times_at_once_gives_the_stock_back_once():
    product = ProductFactory(stock=5)
    user = UserFactory()
    order = place_order(user, product, quantity=3)
    clients = [client_for(user) for _ in range(10)]

    statuses = at_once([lambda c=client: c.post(f"{ORDERS}{order.pk}/cancel/").status_code for client in clients])

    assert Counter(statuses) == {200: 1, 409: 9}
    assert Stock.objects.get().available == 5
    assert_stock_holds()


def test_cancel_against_payment_ends_in_a_cancelled_order():
    product = ProductFactory(stock=5)
    order = place_order(UserFactory(), product)

    def attempt(action):
        try:
            return action(order.pk).status
        except services.InvalidOrderTransition:
            return "refused"

    results = at_once([lambda: attempt(services.cancel_order), lambda: attempt(services.mark_paid)])

    order.refresh_from_db()
    assert results in (["cancelled", "paid"], ["cancelled", "refused"])  # what is paid can still be cancelled
    assert (order.status, Stock.objects.get().available) == ("cancelled", 5)
    assert_stock_holds()


def test_cancel_against_shipping_ends_in_one_of_the_two():
    product = ProductFactory(stock=5)
    order = place_order(UserFactory(), product)
    services.mark_paid(order.pk)

    def attempt(action):
        try:
            return action(order.pk).status
        except services.InvalidOrderTransition:
            return "refused"

    results = at_once([lambda: attempt(services.cancel_order), lambda: attempt(services.ship_order)])

    order.refresh_from_db()
    assert sorted(results, key=lambda r: r == "refused") == [order.status, "refused"]
    stock = Stock.objects.get()
    assert (stock.available, stock.on_hand) == ((5, 5) if order.status == "cancelled" else (4, 4))
    assert_stock_holds()
