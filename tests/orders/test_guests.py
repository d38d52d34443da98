"""Ordering without an account, and who may act on such an order."""

from collections import Counter
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.core import mail

from catalog.models import Stock
from orders.lines import ItemInput
from orders.links import order_token
from orders.models import Cart, Order
from orders.placing import Contact, place_order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory
from tests.factories import place_order as place_order_for
from tests.invariants import assert_stock_holds
from tests.racing import at_once

pytestmark = pytest.mark.django_db

ORDERS, CLAIM, CART, ITEMS = "/api/orders/", "/api/orders/claim/", "/api/cart/", "/api/cart/items/"
CONFIRM = "/api/cart/checkout/confirm/"
KEY = "b0f0a7c6-7d1e-4c39-9d5e-6a1f"


def errors(response):
    return [(row["code"], row["attr"]) for row in response.json()["errors"]]


def body(product, **contact):
    return {"items": [{"product_id": str(product.pk), "quantity": 1}], **contact}


def guest_order(product=None, **contact):
    """Place a guest's order as the shop does."""
    product = product or ProductFactory()
    return place_order(
        user=None,
        items=[ItemInput(quantity=1, product_id=product.pk)],
        contact=Contact(**(contact or {"email": "guest@example.com"})),
    )


def holding(order, user=None):
    client = client_for(user)
    client.credentials(**client._credentials, HTTP_X_ORDER_TOKEN=order_token(order.pk))
    return client


# --- Ordering -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contact", [{"email": "Guest@Example.com"}, {"phone_number": "0712 345 678"}])
def test_guest_orders_with_one_way_to_be_reached(contact, run_owed_work):
    response = client_for(None).post(ORDERS, body(ProductFactory(), **contact))
    run_owed_work()

    order = Order.objects.get()
    answer = response.json()
    assert (response.status_code, answer["user"], order.user) == (201, None, None)
    assert (order.email, order.phone_number) in {("guest@example.com", ""), ("", "+254712345678")}
    opened = client_for(None).get(f"{ORDERS}{order.pk}/", headers={"X-Order-Token": answer["order_token"]})
    assert opened.json() == {key: value for key, value in answer.items() if key != "order_token"}
    assert [message.to for message in mail.outbox] == ([[order.email]] if order.email else [])
    assert all(f"/track/{order.pk.hex}." in message.body for message in mail.outbox)


def test_guest_who_cannot_be_reached_is_refused():
    product = ProductFactory()
    client = client_for(None)
    client.post(ITEMS, {"product_id": str(product.pk)})

    refused = [client.post(ORDERS, body(product)), client.post(CONFIRM, {})]

    assert [(r.status_code, errors(r)) for r in refused] == [(400, [("contact_required", "email")])] * 2
    assert (Order.objects.count(), Stock.objects.get().available, len(client.get(CART).json()["items"])) == (0, 10, 1)


def test_signed_in_customer_gets_no_token_and_no_mail(run_owed_work):
    answer = client_for(UserFactory()).post(ORDERS, body(ProductFactory())).json()

    run_owed_work()
    assert (answer["order_token"], mail.outbox) == (None, [])


def test_guest_confirms_a_cart():
    product = ProductFactory(stock=10)
    client = client_for(None)
    version = client.post(ITEMS, {"product_id": str(product.pk), "quantity": 2}).json()["version"]

    first = client.post(CONFIRM, {"email": "guest@example.com", "version": version})
    again = client.post(CONFIRM, {"email": "guest@example.com", "version": version})
    late = client.post(CONFIRM, {"email": "guest@example.com"})

    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert (late.status_code, errors(late)) == (400, [("cart_empty", None)])
    assert (Order.objects.count(), Stock.objects.get().available) == (1, 8)


def test_cart_that_has_changed_is_not_ordered():
    client = client_for(None)
    version = client.post(ITEMS, {"product_id": str(ProductFactory().pk)}).json()["version"]
    client.post(ITEMS, {"product_id": str(ProductFactory().pk)})

    refused = client.post(CONFIRM, {"email": "guest@example.com", "version": version})

    assert (refused.status_code, errors(refused)) == (409, [("cart_changed", None)])
    assert (Order.objects.count(), len(client.get(CART).json()["items"])) == (0, 2)


def test_cart_that_was_merged_at_this_moment_is_not_ordered():
    guest, user = client_for(None), UserFactory()
    token = guest.post(ITEMS, {"product_id": str(ProductFactory().pk)}).headers["X-Cart-Token"]
    customer = client_for(user)

    refused = customer.post(CONFIRM, {}, headers={"X-Cart-Token": token})
    accepted = customer.post(CONFIRM, {}, headers={"X-Cart-Token": token})

    assert (refused.status_code, errors(refused), accepted.status_code) == (409, [("cart_changed", None)], 201)


def test_key_of_a_guest_orders_once_and_cannot_be_guessed():
    product = ProductFactory()
    order = body(product, email="guest@example.com")

    short = client_for(None).post(ORDERS, order, headers={"Idempotency-Key": "1"})
    first = client_for(None).post(ORDERS, order, headers={"Idempotency-Key": KEY})
    again = client_for(None).post(ORDERS, order, headers={"Idempotency-Key": KEY})
    other = client_for(None).post(ORDERS, body(product, email="b@example.com"), headers={"Idempotency-Key": KEY})

    assert (short.status_code, errors(short)) == (400, [("idempotency_key_invalid", "Idempotency-Key")])
    assert (first.status_code, again.json()) == (201, first.json())
    assert (other.status_code, Order.objects.count()) == (201, 2)


def test_orders_of_guests_are_counted_by_address(settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"guest_order": "2/3600"}
    product = ProductFactory()
    guests = [client_for(None).post(ORDERS, body(product, email=f"{n}@example.com")).status_code for n in range(3)]
    confirmed = client_for(None).post(CONFIRM, {})

    assert (guests, confirmed.status_code) == ([201, 201, 429], 429)
    assert client_for(UserFactory()).post(ORDERS, body(product)).status_code == 201
    assert client_for(None).get(CART).status_code == 200


# --- Who may act on it ----------------------------------------------------------------------------------------


def test_link_opens_its_order_and_no_other():
    order, other = guest_order(), guest_order(email="other@example.com")
    customers = place_order_for(UserFactory())
    holder = holding(order)

    seen = {path: holder.get(f"{ORDERS}{order.pk}/{path}").status_code for path in ("", "events/", "tracking/")}
    others = [
        (method, getattr(holder, method)(f"{ORDERS}{foreign.pk}/{path}").status_code)
        for foreign in (other, customers)
        for method, path in (("get", ""), ("get", "events/"), ("get", "tracking/"), ("post", "cancel/"), ("delete", ""))
    ]

    assert set(seen.values()) == {200}
    assert {status for _, status in others} == {404}
    assert holder.get(ORDERS).status_code == 401  # one order, no list
    assert set(Order.objects.values_list("status", flat=True)) == {"pending"}


def test_link_to_an_order_with_an_owner_opens_nothing():
    order = place_order_for(UserFactory())
    for client in (holding(order), holding(order, UserFactory())):
        assert client.get(f"{ORDERS}{order.pk}/").status_code == 404
        assert client.post(f"{ORDERS}{order.pk}/cancel/").status_code == 404
    order.refresh_from_db()
    assert order.status == "pending"


def test_orders_of_guests_are_open_to_nobody_else():
    order = guest_order()
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_order"))
    path = f"{ORDERS}{order.pk}/"

    statuses = [client_for(user).get(path).status_code for user in (None, UserFactory(), clerk)]
    forged = client_for(None).get(path, headers={"X-Order-Token": order_token(order.pk)[:-1]})
    in_the_address = client_for(None).get(f"{path}?token={order_token(order.pk)}")

    assert (statuses, forged.status_code, in_the_address.status_code) == ([401, 404, 200], 401, 401)
    assert client_for(clerk).post(f"{path}cancel/").status_code == 403


def test_list_of_a_customer_has_no_order_of_a_link():
    assert holding(guest_order(), UserFactory()).get(ORDERS).json()["count"] == 0


def test_guest_cancels_by_the_link():
    order = guest_order(ProductFactory(stock=5))

    response = holding(order).post(f"{ORDERS}{order.pk}/cancel/")

    assert (response.status_code, response.json()["status"]) == (200, "cancelled")
    assert Stock.objects.get().available == 5
    assert list(order.events.values_list("to_status", "actor")) == [("pending", None), ("cancelled", None)]


# --- Taking it into an account --------------------------------------------------------------------------------


def test_order_is_taken_into_an_account():
    user = UserFactory(email="guest@example.com")
    order = guest_order()
    client = client_for(user)
    before = client.get(ORDERS).json()["count"]  # the same e-mail alone gives nothing

    claimed = client.post(CLAIM, {"order_token": order_token(order.pk)})
    again = client.post(CLAIM, {"order_token": order_token(order.pk)})

    assert (before, claimed.status_code, again.status_code) == (0, 200, 200)
    assert (claimed.json()["user"], client.get(ORDERS).json()["count"]) == (str(user.pk), 1)
    assert holding(order).get(f"{ORDERS}{order.pk}/").status_code == 404
    assert client_for(None).get(f"/api/track/{order_token(order.pk)}/").status_code == 200
    assert list(order.events.values_list("note", "actor")) == [("", None), ("taken into an account", user.pk)]


def test_order_with_an_owner_is_not_taken():
    owner, thief = UserFactory(), UserFactory()
    order = place_order_for(owner)

    statuses = [
        client_for(thief).post(CLAIM, {"order_token": token}).status_code
        for token in (order_token(order.pk), order_token(uuid4()), "x")
    ]

    assert statuses == [404, 404, 404]
    assert client_for(None).post(CLAIM, {"order_token": order_token(order.pk)}).status_code == 401
    order.refresh_from_db()
    assert order.user == owner


# --- At the same time -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_order_claimed_by_ten_at_once_has_one_owner():
    order = guest_order()
    users = [UserFactory() for _ in range(10)]
    clients = [client_for(user) for user in users]

    statuses = at_once([lambda c=c: c.post(CLAIM, {"order_token": order_token(order.pk)}).status_code for c in clients])

    order.refresh_from_db()
    assert Counter(statuses) == {200: 1, 404: 9}
    assert order.user == users[statuses.index(200)]
    assert order.events.filter(note="taken into an account").count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_cart_confirmed_by_a_guest_twenty_times_at_once_is_one_order():
    product = ProductFactory(stock=100)
    token = client_for(None).post(ITEMS, {"product_id": str(product.pk), "quantity": 2}).headers["X-Cart-Token"]
    clients = [client_for(None) for _ in range(20)]

    responses = at_once(
        [lambda c=c: c.post(CONFIRM, {"phone_number": "0712345678"}, headers={"X-Cart-Token": token}) for c in clients]
    )

    assert set(Counter(response.status_code for response in responses)) <= {201, 400}
    assert len({response.content for response in responses if response.status_code == 201}) == 1
    assert (Order.objects.count(), Stock.objects.get().available) == (1, 98)
    assert_stock_holds()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_merge_during_confirm_orders_the_goods_once_or_keeps_them_in_one_cart(turn):
    product = ProductFactory(stock=100)
    token = client_for(None).post(ITEMS, {"product_id": str(product.pk), "quantity": 2}).headers["X-Cart-Token"]
    headers = {"X-Cart-Token": token}
    user = UserFactory()
    confirming = [client_for(None) for _ in range(4)]
    merging = [client_for(user) for _ in range(4)]

    responses = at_once(
        [
            *[lambda c=c: c.post(CONFIRM, {"email": "guest@example.com"}, headers=headers) for c in confirming],
            *[lambda c=c: c.get(CART, headers=headers) for c in merging],
        ]
    )

    assert {response.status_code for response in responses} <= {200, 201, 400, 409}
    left = client_for(user).get(CART).json()["items"]
    ordered = sum(item.quantity for order in Order.objects.all() for item in order.items.all())
    assert (ordered, [item["quantity"] for item in left]) in [(2, []), (0, [2])]
    assert Cart.objects.filter(user=None).count() == 0
    assert_stock_holds()
