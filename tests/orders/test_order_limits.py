"""How much one customer may hold without paying."""

from collections import Counter

import pytest

from catalog.models import Stock
from orders import services
from orders.models import Order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory
from tests.invariants import assert_stock_holds
from tests.racing import at_once

pytestmark = pytest.mark.django_db

ORDERS = "/api/orders/"


def order(client, product, quantity=1, **contact):
    return client.post(ORDERS, {"items": [{"product_id": str(product.pk), "quantity": quantity}], **contact})


def errors(response):
    return [(row["code"], row["attr"]) for row in response.json()["errors"]]


@pytest.fixture(autouse=True)
def limits(settings):
    settings.ORDER_MAX_UNPAID, settings.ORDER_MAX_UNITS_HELD = 3, 5


def test_unpaid_orders_are_limited_until_one_is_paid_or_cancelled():
    product, user = ProductFactory(stock=100), UserFactory()
    client = client_for(user)
    placed = [order(client, product).json()["id"] for _ in range(3)]

    refused = order(client, product)
    services.mark_paid(placed[0])
    after_paying = order(client, product).status_code
    services.cancel_order(placed[1])
    after_cancelling = order(client, product).status_code

    assert (refused.status_code, errors(refused)) == (409, [("too_many_unpaid_orders", None)])
    assert (after_paying, after_cancelling, order(client, product).status_code) == (201, 201, 409)
    assert order(client_for(UserFactory()), product).status_code == 201
    assert Stock.objects.get().available == 100 - 5
    assert_stock_holds()


def test_units_of_a_product_count_over_all_unpaid_orders():
    product, other = ProductFactory(stock=100), ProductFactory(stock=100)
    client = client_for(UserFactory())
    order(client, product, 3)

    refused = order(client, product, 3)

    assert (refused.status_code, errors(refused)) == (409, [("too_many_units_held", "items.0.quantity")])
    assert Stock.objects.get(product=product).available == 97
    assert order(client, other, 5).status_code == 201
    assert order(client, product, 2).status_code == 201


def test_guests_are_known_by_what_they_are_reached_by():
    product = ProductFactory(stock=100)
    guest = client_for(None)
    for contact in ({"email": "a@example.com"}, {"phone_number": "0712345678"}):
        for _ in range(3):
            assert order(guest, product, **contact).status_code == 201

    same = [
        order(guest, product, **contact)
        for contact in (
            {"email": "A@example.com"},
            {"phone_number": "+254712345678"},
            {"email": "a@example.com", "phone_number": "0712345679"},
        )
    ]

    assert [(response.status_code, errors(response)[0][0]) for response in same] == [
        (409, "too_many_unpaid_orders")
    ] * 3
    assert order(guest, product, email="b@example.com").status_code == 201
    assert order(client_for(UserFactory(email="a@example.com")), product).status_code == 201


def test_customer_learns_that_own_orders_hold_what_is_short():
    product = ProductFactory(stock=2)
    client = client_for(UserFactory())
    held = order(client, product, 2).json()

    mine, theirs = order(client, product), order(client_for(UserFactory()), product)

    assert errors(mine) == errors(theirs) == [("insufficient_stock", "items.0.quantity")]
    assert mine.json()["own_orders"] == [{"id": held["id"], "number": held["number"]}]
    assert "own_orders" not in theirs.json()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("guests", [False, True])
def test_limits_hold_when_ten_orders_are_sent_at_once(guests):
    products = [ProductFactory(stock=100) for _ in range(10)]  # one product's stock would let them in one by one
    user = UserFactory()
    contact = {"email": "a@example.com", "phone_number": "0712345678"} if guests else {}
    clients = [client_for(None if guests else user) for _ in products]

    statuses = at_once(
        [lambda c=c, p=p: order(c, p, **contact).status_code for c, p in zip(clients, products, strict=True)]
    )

    assert Counter(statuses) == {201: 3, 409: 7}
    assert (Order.objects.count(), Stock.objects.filter(available=99).count()) == (3, 3)
    assert_stock_holds()


@pytest.mark.django_db(transaction=True)
def test_units_hold_when_orders_are_sent_at_once():
    product = ProductFactory(stock=100)
    user = UserFactory()
    clients = [client_for(user) for _ in range(3)]

    statuses = at_once([lambda c=c: order(c, product, 3).status_code for c in clients])

    assert Counter(statuses) == {201: 1, 409: 2}
    assert Stock.objects.get().available == 97
