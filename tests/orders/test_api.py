"""Orders over HTTP."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from catalog.models import Stock
from ecommerce.models import IdempotencyKey
from orders.models import Order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order, variant_of

pytestmark = pytest.mark.django_db

ORDERS = "/api/orders/"


def line(product, quantity=1):
    return {"product_id": str(product.pk), "quantity": quantity}


def errors(response):
    return [(row["code"], row["attr"]) for row in response.json()["errors"]]


def nothing_stored(product):
    return not Order.objects.exists() and Stock.objects.get(product=product).available == 10


def test_order_is_placed_with_the_servers_amounts():
    user = UserFactory()
    product = ProductFactory(price=Decimal("1500.00"), sku="A15")
    body = {
        "items": [{**line(product, 2), "price": "1.00"}],
        "total_amount": "2.00",
        "status": "paid",
        "user": str(uuid4()),
        "shipping_address": {"county": "Nairobi", "phone_number": "0712345678"},
    }

    response = client_for(user).post(ORDERS, body)

    assert response.status_code == 201
    answer = response.json()
    assert (answer["total_amount"], answer["subtotal"], answer["tax"]) == ("3000.00", "3000.00", "413.79")
    assert (answer["status"], answer["user"], answer["currency"]) == ("pending", str(user.pk), "KES")
    assert answer["shipping_address"] == {"county": "Nairobi", "country": "KE", "phone_number": "+254712345678"}
    assert [(i["sku"], i["quantity"], i["price"], i["line_total"]) for i in answer["items"]] == [
        ("A15", 2, "1500.00", "3000.00")
    ]
    assert answer["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"quantity": 0}], [("min_value", "items.0.quantity")]),
        ([{"quantity": -1}], [("min_value", "items.0.quantity")]),
        ([{"quantity": 10**9}], [("max_value", "items.0.quantity")]),
        ([{"quantity": 0.5}], [("invalid", "items.0.quantity")]),
        ([{"quantity": "1e3"}], [("invalid", "items.0.quantity")]),
        ([{"quantity": True}], [("invalid", "items.0.quantity")]),
        ([{"quantity": None}], [("null", "items.0.quantity")]),
        ([{"quantity": 1}, {"quantity": 0}], [("min_value", "items.1.quantity")]),
        ([{"quantity": 1, "product_id": "x"}], [("invalid", "items.0.product_id")]),
        ([{"quantity": 1, "product_id": None}], [("null", "items.0.product_id")]),
        ([], [("empty", "items")]),
    ],
)
def test_bad_lines_are_named_and_nothing_is_stored(items, expected):
    product = ProductFactory()
    body = {"items": [line(product) | item for item in items]}

    response = client_for(UserFactory()).post(ORDERS, body)

    assert (response.status_code, errors(response)) == (400, expected)
    assert nothing_stored(product)


def test_too_many_lines_are_refused():
    product = ProductFactory()

    response = client_for(UserFactory()).post(ORDERS, {"items": [line(product)] * 101})

    assert (response.status_code, errors(response)) == (400, [("max_length", "items")])
    assert nothing_stored(product)


def test_unknown_product_is_named():
    product = ProductFactory()
    body = {"items": [line(product), {"product_id": str(uuid4()), "quantity": 1}]}

    response = client_for(UserFactory()).post(ORDERS, body)

    assert (response.status_code, errors(response)) == (400, [("product_unavailable", "items.1.product_id")])
    assert nothing_stored(product)


def test_short_stock_is_a_conflict_that_names_the_line():
    product = ProductFactory()

    response = client_for(UserFactory()).post(ORDERS, {"items": [line(product, 11)]})

    assert response.status_code == 409
    assert response.json() == {
        "type": "client_error",
        "errors": [
            {
                "code": "insufficient_stock",
                "detail": f"Only 10 left of {product.product_name}.",
                "attr": "items.0.quantity",
            }
        ],
    }
    assert nothing_stored(product)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'{"items": "x"}', 400),
        (b'{"items": [1]}', 400),
        (b"x" * 2**21, 413),
    ],
)
def test_malformed_body_is_refused_in_the_one_shape(body, status):
    product = ProductFactory()

    response = client_for(UserFactory()).generic("POST", ORDERS, body, content_type="application/json")

    assert response.status_code == status
    assert set(response.json()) == {"type", "errors"}
    assert nothing_stored(product)


def test_repeat_with_the_same_key_is_one_order():
    product = ProductFactory()
    client = client_for(UserFactory())
    body = {"items": [line(product)]}

    first = client.post(ORDERS, body, headers={"Idempotency-Key": "k"})
    again = client.post(ORDERS, body, headers={"Idempotency-Key": "k"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    assert Order.objects.count() == 1
    assert Stock.objects.get(product=product).available == 9


def test_key_of_another_customer_is_another_key():
    product = ProductFactory()
    body = {"items": [line(product)]}

    responses = [client_for(UserFactory()).post(ORDERS, body, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert len({response.json()["id"] for response in responses}) == 2


def test_refused_order_can_be_sent_again_with_its_key():
    product = ProductFactory(stock=0)
    client = client_for(UserFactory())
    body, headers = {"items": [line(product)]}, {"Idempotency-Key": "k"}
    refused = client.post(ORDERS, body, headers=headers)
    Stock.objects.filter(product=product).update(available=1, on_hand=1)

    accepted = client.post(ORDERS, body, headers=headers)

    assert (refused.status_code, accepted.status_code) == (409, 201)
    assert IdempotencyKey.objects.count() == 1


def test_anonymous_may_not_look():
    order = place_order(UserFactory())
    client = client_for(None)

    statuses = [
        client.get(ORDERS).status_code,
        client.get(f"{ORDERS}{order.pk}/").status_code,
        client.post(f"{ORDERS}{order.pk}/cancel/").status_code,
    ]

    assert statuses == [401] * 3
    order.refresh_from_db()
    assert (Order.objects.count(), order.status) == (1, "pending")


@pytest.mark.parametrize(
    ("method", "suffix"),
    [("get", ""), ("delete", ""), ("post", "cancel/"), ("get", "events/"), ("put", ""), ("patch", "")],
)
def test_order_of_somebody_else_does_not_exist(method, suffix):
    order = place_order(UserFactory())

    response = getattr(client_for(UserFactory()), method)(f"{ORDERS}{order.pk}/{suffix}")

    assert response.status_code == 404
    order.refresh_from_db()
    assert order.status == "pending"


def test_list_shows_own_orders_only():
    user = UserFactory()
    mine = place_order(user)
    place_order(UserFactory())

    response = client_for(user).get(ORDERS)

    assert [row["id"] for row in response.json()["results"]] == [str(mine.pk)]


def test_staff_with_the_right_see_all_and_without_it_their_own():
    place_order(UserFactory())
    clerk, other = UserFactory(is_staff=True), UserFactory(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_order"))

    counts = [client_for(user).get(ORDERS).json()["count"] for user in (clerk, other)]

    assert counts == [1, 0]


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_the_same_statements_for_any_number_of_orders(rows, django_assert_num_queries):
    user = UserFactory()
    client = client_for(user)
    for _ in range(rows):
        place_order(user)

    with django_assert_num_queries(4):  # user, count, orders, items
        response = client.get(ORDERS)

    assert response.json()["count"] == rows


def test_list_filters_and_refuses_what_it_does_not_know():
    user = UserFactory()
    order = place_order(user)
    client = client_for(user)

    found = client.get(ORDERS, {"status": "pending", "number": order.number, "sort": "total_amount"})
    unknown = client.get(ORDERS, {"user": "x"})
    bad = client.get(ORDERS, {"status": "lost"})

    assert found.json()["count"] == 1
    assert (unknown.status_code, errors(unknown)) == (400, [("invalid", "user")])
    assert (bad.status_code, errors(bad)) == (400, [("invalid_choice", "status")])


@pytest.mark.parametrize(("method", "suffix"), [("post", "cancel/"), ("delete", "")])
def test_cancel_gives_the_stock_back(method, suffix):
    user = UserFactory()
    product = ProductFactory()
    order = place_order(user, product, quantity=2)
    client = client_for(user)

    response = getattr(client, method)(f"{ORDERS}{order.pk}/{suffix}")
    again = getattr(client, method)(f"{ORDERS}{order.pk}/{suffix}")

    assert (response.status_code, response.json()["status"]) == (200, "cancelled")
    assert again.status_code == 409
    assert (again.json()["status"], again.json()["allowed"]) == ("cancelled", ["refunded"])
    assert Stock.objects.get(product=product).available == 10
    events = client.get(f"{ORDERS}{order.pk}/events/").json()
    assert [event["to_status"] for event in events] == ["pending", "cancelled"]


def test_variant_is_ordered_by_its_own_id():
    product = ProductFactory()
    variant = variant_of(product)

    response = client_for(UserFactory()).post(ORDERS, {"items": [{"variant_id": str(variant.pk), "quantity": 1}]})

    assert response.json()["items"][0]["sku"] == variant.sku
