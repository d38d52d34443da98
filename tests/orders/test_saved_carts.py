"""Carts that customers put aside."""

from collections import Counter
from uuid import uuid4

import pytest

from catalog.models import Variant
from orders.models import CartItem, SavedCart
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, variant_of
from tests.racing import at_once

pytestmark = pytest.mark.django_db

CART, ITEMS, SAVE, SAVED = "/api/cart/", "/api/cart/items/", "/api/cart/save/", "/api/cart/saved/"


def add(client, product, quantity=1):
    return client.post(ITEMS, {"product_id": str(product.pk), "quantity": quantity})


def saved_cart(client, product, quantity=1, name="Office"):
    add(client, product, quantity)
    return client.post(SAVE, {"name": name}).json()["id"]


def code_of(response):
    return response.json()["errors"][0]["code"]


def test_cart_is_put_aside_and_taken_up_again():
    product = ProductFactory(stock=10)
    client = client_for(UserFactory())
    add(client, product, 2)

    saved = client.post(SAVE, {"name": "Office"})
    empty = client.get(CART).json()["items"]
    listed = client.get(SAVED).json()["results"]
    restored = client.post(f"{SAVED}{saved.json()['id']}/restore/")

    assert (saved.status_code, empty, listed) == (201, [], [saved.json()])
    assert saved.json()["items"] == [
        {
            "product_id": str(product.pk),
            "variant_id": str(variant_of(product).pk),
            "product_name": product.product_name,
            "sku": variant_of(product).sku,
            "quantity": 2,
            "price": "1500.00",
        }
    ]
    assert [item["quantity"] for item in restored.json()["items"]] == [2]
    assert client.get(SAVED).json()["results"] == []


def test_restoring_adds_to_the_cart_and_tells_what_changed():
    phone, gone = ProductFactory(stock=3), ProductFactory()
    client = client_for(UserFactory())
    add(client, gone)
    saved = saved_cart(client, phone, 2)
    add(client, phone, 2)
    Variant.objects.filter(product=gone).update(is_active=False)

    restored = client.post(f"{SAVED}{saved}/restore/").json()

    assert [item["quantity"] for item in restored["items"]] == [3]
    assert [(change["code"], change["from"], change["to"]) for change in restored["changes"]] == [
        ("unavailable", "1", "0"),
        ("quantity_reduced", "4", "3"),
    ]
    assert client.get(CART).json()["changes"] == []


def test_saved_cart_of_somebody_else_does_not_exist():
    theirs = saved_cart(client_for(UserFactory()), ProductFactory())
    mine = client_for(UserFactory())

    statuses = [
        mine.delete(f"{SAVED}{theirs}/").status_code,
        mine.post(f"{SAVED}{theirs}/restore/").status_code,
        mine.delete(f"{SAVED}{uuid4()}/").status_code,
        client_for(None).post(f"{SAVED}{theirs}/restore/").status_code,
        client_for(None).get(SAVED).status_code,
        client_for(None).post(SAVE, {"name": "x"}).status_code,
    ]

    assert statuses == [404, 404, 404, 401, 401, 401]
    assert mine.get(SAVED).json()["results"] == []
    assert (SavedCart.objects.count(), CartItem.objects.count()) == (1, 0)


def test_saved_cart_is_deleted():
    client = client_for(UserFactory())
    saved = saved_cart(client, ProductFactory())

    assert client.delete(f"{SAVED}{saved}/").status_code == 204
    assert not SavedCart.objects.exists()


def test_empty_cart_and_nameless_cart_are_not_saved():
    client = client_for(UserFactory())
    never = client.post(SAVE, {"name": "Office"})
    saved_cart(client, ProductFactory())
    emptied = client.post(SAVE, {"name": "Office"})
    add(client, ProductFactory())
    nameless = client.post(SAVE, {"name": " "})

    assert [(r.status_code, code_of(r)) for r in (never, emptied, nameless)] == [
        (400, "cart_empty"),
        (400, "cart_empty"),
        (400, "blank"),
    ]
    assert (SavedCart.objects.count(), CartItem.objects.count()) == (1, 1)


def test_number_of_saved_carts_is_limited(settings):
    settings.SAVED_CARTS_MOST = 2
    client = client_for(UserFactory())
    for _ in range(2):
        saved_cart(client, ProductFactory())
    add(client, ProductFactory())

    refused = client.post(SAVE, {"name": "One more"})

    assert (refused.status_code, code_of(refused)) == (409, "too_many_saved_carts")
    assert (SavedCart.objects.count(), CartItem.objects.count()) == (2, 1)


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_the_same_statements_for_any_number_of_carts(rows, django_assert_num_queries):
    client = client_for(UserFactory())
    for _ in range(rows):
        saved_cart(client, ProductFactory())

    with django_assert_num_queries(4):  # user, number, carts, lines
        assert len(client.get(SAVED).json()["results"]) == rows


@pytest.mark.django_db(transaction=True)
def test_saving_and_restoring_ten_times_at_once_happens_once():
    user = UserFactory()
    product = ProductFactory(stock=100)
    add(client_for(user), product, 2)
    clients = [client_for(user) for _ in range(10)]

    saving = at_once([lambda c=client: c.post(SAVE, {"name": "Office"}).status_code for client in clients])
    saved = SavedCart.objects.get()
    restoring = at_once([lambda c=client: c.post(f"{SAVED}{saved.pk}/restore/").status_code for client in clients])

    assert (Counter(saving), Counter(restoring)) == ({201: 1, 400: 9}, {200: 1, 404: 9})
    assert CartItem.objects.get().quantity == 2
