"""Baskets over HTTP, for guests and customers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from catalog.models import Stock, Variant
from ecommerce.models import IdempotencyKey
from orders import carts
from orders.carts import CartChanged
from orders.checkout.services import check_out
from orders.models import Cart, CartItem, Order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, variant_of

pytestmark = pytest.mark.django_db

CART, ITEMS, CONFIRM = "/api/cart/", "/api/cart/items/", "/api/cart/checkout/confirm/"


def add(client, product, quantity=1, **headers):
    return client.post(ITEMS, {"product_id": str(product.pk), "quantity": quantity}, headers=headers)


def codes(response):
    return [(row["code"], row["attr"]) for row in response.json()["errors"]]


def test_empty_cart_makes_no_row():
    response = client_for(None).get(CART)

    assert response.json() == {
        "id": None,
        "version": 0,
        "currency": "KES",
        "items": [],
        "changes": [],
        "checkout": None,
        "codes": [],
        "promotions": [],
        "subtotal": "0.00",
        "discount": "0.00",
        "shipping": "0.00",
        "tax": "0.00",
        "total_amount": "0.00",
    }
    assert not Cart.objects.exists()


def test_guest_keeps_a_cart_by_its_token_and_by_cookie():
    product = ProductFactory(price=Decimal("100.00"))
    first = client_for(None)
    token = add(first, product, 2).headers["X-Cart-Token"]

    by_cookie = first.get(CART).json()
    by_token = client_for(None).get(CART, headers={"X-Cart-Token": token}).json()
    stranger = client_for(None).get(CART).json()
    forged = client_for(None).get(CART, headers={"X-Cart-Token": token[:-1] + "A" * 2}).json()

    assert by_cookie["total_amount"] == by_token["total_amount"] == "200.00"
    assert (stranger["id"], forged["id"]) == (None, None)
    assert token not in str(Cart.objects.values().get())


def test_items_add_up_change_and_go():
    product = ProductFactory(price=Decimal("100.00"))
    client = client_for(UserFactory())
    add(client, product)

    added = add(client, product, 2).json()
    item = f"{ITEMS}{added['items'][0]['id']}/"
    changed = client.patch(item, {"quantity": 1}).json()
    replaced = client.put(item, {"quantity": 4}).json()
    removed = client.delete(item).json()

    assert [added["items"][0]["quantity"], changed["items"][0]["quantity"], replaced["items"][0]["quantity"]] == [
        3,
        1,
        4,
    ]
    assert removed["items"] == []
    assert client.delete(item).status_code == 404


def test_cart_never_holds_more_than_there_is():
    product = ProductFactory(stock=3)
    client = client_for(UserFactory())
    add(client, product, 2)

    response = add(client, product, 2)

    assert (response.status_code, codes(response)) == (409, [("insufficient_stock", "quantity")])
    assert CartItem.objects.get().quantity == 2
    assert Stock.objects.get(product=product).available == 3  # a cart reserves nothing


@pytest.mark.parametrize("quantity", [0, -1, 10**9, 0.5, "2", True])
def test_bad_quantity_is_named(quantity):
    product = ProductFactory()

    response = add(client_for(UserFactory()), product, quantity)

    assert response.status_code == 400
    assert [attr for _, attr in codes(response)] == ["quantity"]
    assert not Cart.objects.exists()


def test_item_of_somebody_elses_cart_does_not_exist():
    product = ProductFactory()
    theirs = add(client_for(UserFactory()), product).json()["items"][0]["id"]
    mine = client_for(UserFactory())
    add(mine, product)

    statuses = [
        mine.patch(f"{ITEMS}{theirs}/", {"quantity": 5}).status_code,
        mine.delete(f"{ITEMS}{theirs}/").status_code,
        client_for(None).delete(f"{ITEMS}{theirs}/").status_code,
    ]

    assert statuses == [404, 404, 404]
    assert CartItem.objects.get(pk=theirs).quantity == 1


def test_guest_cart_is_folded_into_the_customers_capped_by_stock():
    phone, cable = ProductFactory(stock=3), ProductFactory(stock=10)
    user = UserFactory()
    customer = client_for(user)
    add(customer, phone, 2)
    guest = client_for(None)
    add(guest, phone, 2)
    token = add(guest, cable, 1).headers["X-Cart-Token"]

    merged = customer.get(CART, headers={"X-Cart-Token": token}).json()
    again = customer.get(CART, headers={"X-Cart-Token": token}).json()

    assert {item["variant_id"]: item["quantity"] for item in merged["items"]} == {
        str(variant_of(phone).pk): 3,
        str(variant_of(cable).pk): 1,
    }
    assert again["items"] == merged["items"]
    assert Cart.objects.count() == 1


def told(answer):
    return [(change["code"], change["from"], change["to"], change["item"] is None) for change in answer["changes"]]


def test_merge_tells_once_what_could_not_stay():
    phone, gone, cable = ProductFactory(stock=3), ProductFactory(), ProductFactory(price=Decimal("100.00"))
    customer = client_for(UserFactory())
    add(customer, phone, 2)
    guest = client_for(None)
    for product in (gone, cable):
        add(guest, product, 2)
    token = add(guest, phone, 2).headers["X-Cart-Token"]
    Variant.objects.filter(product=gone).update(is_active=False)
    Variant.objects.filter(product=cable).update(price=Decimal("90.00"))

    merged = customer.get(CART, headers={"X-Cart-Token": token}).json()
    again = customer.get(CART, headers={"X-Cart-Token": token}).json()

    assert told(merged) == [
        ("unavailable", "2", "0", True),
        ("price_changed", "100.00", "90.00", False),
        ("quantity_reduced", "4", "3", False),
    ]
    assert told(again) == []
    assert [(item["quantity"], item["price_when_added"]) for item in again["items"]] == [(3, "1500.00"), (2, "90.00")]


def test_merge_never_passes_the_limits(settings):
    settings.ORDER_MAX_LINES, settings.ORDER_MAX_QUANTITY = 2, 5
    first, second, third = (ProductFactory(stock=100) for _ in range(3))
    customer, guest = client_for(UserFactory()), client_for(None)
    add(customer, first, 4)
    add(customer, second)
    add(guest, first, 4)
    token = add(guest, third).headers["X-Cart-Token"]

    merged = customer.get(CART, headers={"X-Cart-Token": token}).json()

    assert told(merged) == [("quantity_reduced", "8", "5", False), ("left_out", "1", "0", True)]
    assert [item["quantity"] for item in merged["items"]] == [5, 1]


@pytest.mark.parametrize("lines", [1, 20])
def test_merge_takes_the_same_statements_for_any_number_of_lines(lines, django_assert_num_queries):
    user, guest = UserFactory(), client_for(None)
    customer = client_for(user)
    products = [ProductFactory() for _ in range(lines)]
    for product in products:
        add(customer, product)
        token = add(guest, product).headers["X-Cart-Token"]
    guests = Cart.objects.get(user=None)

    # Transactions, both carts, lines of both, one update, the version, codes, and the deleting of four.
    with django_assert_num_queries(14):
        found = carts.find_cart(carts.CartOwner(user=user, token=token))

    assert [item.quantity for item in found.cart.items.all()] == [2] * lines
    assert not Cart.objects.filter(pk=guests.pk).exists()


def test_changes_are_told_until_the_line_is_changed():
    phone, gone = ProductFactory(price=Decimal("100.00")), ProductFactory(price=Decimal("50.00"))
    client = client_for(UserFactory())
    item = add(client, phone, 5).json()["items"][0]["id"]
    add(client, gone)
    Variant.objects.filter(product=phone).update(price=Decimal("120.00"))
    Stock.objects.filter(product=phone).update(available=4)
    Variant.objects.filter(product=gone).update(is_active=False)

    first, second = client.get(CART).json(), client.get(CART).json()
    accepted = client.patch(f"{ITEMS}{item}/", {"quantity": 4}).json()

    assert told(first) == [
        ("insufficient_stock", "5", "4", False),
        ("price_changed", "100.00", "120.00", False),
        ("unavailable", "1", "0", False),
    ]
    assert first["changes"][0] == {
        "code": "insufficient_stock",
        "item": item,
        "product_id": str(phone.pk),
        "variant_id": str(variant_of(phone).pk),
        "product_name": phone.product_name,
        "from": "5",
        "to": "4",
    }
    assert second == first
    assert told(accepted) == [("unavailable", "1", "0", False)]
    assert accepted["total_amount"] == "480.00"  # what cannot be bought costs nothing


def test_customers_own_cart_is_not_opened_by_its_id_as_a_token():
    user = UserFactory()
    product = ProductFactory()
    cart_id = add(client_for(user), product).json()["id"]

    response = client_for(None).get(CART, headers={"X-Cart-Token": cart_id})

    assert response.json()["id"] is None


def test_confirm_orders_the_cart_and_empties_it():
    product = ProductFactory(price=Decimal("100.00"))
    client = client_for(UserFactory())
    add(client, product, 2)

    response = client.post(CONFIRM, {"note": "call first"})

    assert response.status_code == 201
    assert (response.json()["total_amount"], response.json()["note"]) == ("200.00", "call first")
    assert client.get(CART).json()["items"] == []
    assert Stock.objects.get(product=product).available == 8


def test_empty_cart_cannot_be_ordered():
    client = client_for(UserFactory())
    never_filled = client.post(CONFIRM, {})
    add(client, ProductFactory())
    client.delete(CART)

    emptied = client.post(CONFIRM, {})

    assert [(r.status_code, codes(r)) for r in (never_filled, emptied)] == [(400, [("cart_empty", None)])] * 2
    assert not Order.objects.exists()


def test_confirmation_sent_again_is_answered_again():
    product = ProductFactory(stock=10)
    client = client_for(UserFactory())
    add(client, product)

    first, again = client.post(CONFIRM, {}), client.post(CONFIRM, {})

    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (Order.objects.count(), Stock.objects.get(product=product).available) == (1, 9)


@pytest.mark.parametrize(
    ("body", "headers"),
    [({"version": 3}, {}), ({"note": "another"}, {}), ({}, {"Idempotency-Key": "one of its own"})],
)
def test_confirmation_that_is_another_one_finds_an_empty_cart(body, headers):
    client = client_for(UserFactory())
    add(client, ProductFactory())
    client.post(CONFIRM, {})

    response = client.post(CONFIRM, body, headers=headers)

    assert (response.status_code, codes(response)) == (400, [("cart_empty", None)])
    assert (Order.objects.count(), IdempotencyKey.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": Order.Status.CANCELLED},
        {"status": Order.Status.PAID},
        {"created_at": timezone.now() - timedelta(days=1)},
    ],
)
def test_confirmation_long_after_the_order_finds_an_empty_cart(changed):
    client = client_for(UserFactory())
    add(client, ProductFactory())
    client.post(CONFIRM, {})
    Order.objects.update(**changed)

    response = client.post(CONFIRM, {})

    assert (response.status_code, codes(response)) == (400, [("cart_empty", None)])
    assert Order.objects.count() == 1


def test_next_cart_is_another_order():
    client = client_for(UserFactory())
    add(client, ProductFactory())
    first = client.post(CONFIRM, {})
    add(client, ProductFactory())

    second = client.post(CONFIRM, {})

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


def test_changed_price_stops_the_order_until_it_is_accepted():
    product = ProductFactory(price=Decimal("100.00"))
    client = client_for(UserFactory())
    item = add(client, product).json()["items"][0]["id"]
    Variant.objects.filter(product=product).update(price=Decimal("120.00"))

    shown = client.get(CART).json()
    refused = client.post(CONFIRM, {})
    client.patch(f"{ITEMS}{item}/", {"quantity": 1})
    accepted = client.post(CONFIRM, {})

    assert (shown["items"][0]["price"], shown["items"][0]["price_when_added"]) == ("120.00", "100.00")
    assert (refused.status_code, codes(refused)) == (409, [("price_changed", "items.0.price")])
    assert (accepted.status_code, accepted.json()["total_amount"]) == (201, "120.00")


def test_goods_sold_meanwhile_stop_the_order_and_keep_the_cart():
    product = ProductFactory(stock=1)
    first, second = client_for(UserFactory()), client_for(UserFactory())
    add(first, product)
    add(second, product)
    first.post(CONFIRM, {})

    response = second.post(CONFIRM, {})

    assert (response.status_code, codes(response)) == (409, [("insufficient_stock", "items.0.quantity")])
    assert len(second.get(CART).json()["items"]) == 1


@pytest.mark.parametrize("rows", [1, 10, 100])
def test_cart_is_read_in_two_statements_for_any_number_of_lines(rows, django_assert_num_queries):
    guest, user = client_for(None), UserFactory()
    customer = client_for(user)
    products = [ProductFactory() for _ in range(rows)]
    add(guest, products[0])
    add(customer, products[0])
    for cart in Cart.objects.all():
        CartItem.objects.bulk_create(
            CartItem(cart=cart, variant=variant_of(product), quantity=1, price=1) for product in products[1:]
        )

    with django_assert_num_queries(2):  # cart, lines
        as_guest = guest.get(CART)
    with django_assert_num_queries(3):  # and who it is
        as_customer = customer.get(CART)

    assert [len(answer.json()["items"]) for answer in (as_guest, as_customer)] == [rows, rows]


def test_cart_is_emptied():
    guest = client_for(None)
    add(guest, ProductFactory())

    emptied = guest.delete(CART)
    again = guest.delete(CART)

    assert (emptied.status_code, emptied.json()["items"], emptied.json()["version"]) == (200, [], 3)
    assert again.status_code == 200
    assert client_for(None).delete(CART).json()["id"] is None
    assert not CartItem.objects.exists()


def test_cart_that_was_just_merged_away_is_a_conflict():
    product = ProductFactory()
    add(client_for(UserFactory()), product)
    cart = Cart.objects.get()
    item = cart.items.get()
    Cart.objects.all().delete()

    with pytest.raises(CartChanged):
        carts.change_item(cart, item.pk, quantity=2)
    with pytest.raises(CartChanged):
        check_out(cart, user=UserFactory())

    assert not Order.objects.exists()
