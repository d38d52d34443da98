"""Wishlists over HTTP."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import services as catalog_services
from catalog.currencies.rates import set_rate
from catalog.models import Product
from catalog.wishlist import services
from catalog.wishlist.models import WishlistItem
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory
from tests.racing import at_once

pytestmark = pytest.mark.django_db

WISHLIST = "/api/wishlist/"


def errors(answer) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def wish(user, *products):
    for product in products:
        services.add_to_wishlist(user=user, product=product)


def names(answer) -> list[str]:
    assert answer.status_code == 200
    return [row["product"]["product_name"] for row in answer.json()["results"]]


def test_product_is_wished_for_once_and_shown_as_in_lists(api_client, customer):
    product = ProductFactory(stock=0)
    client = client_for(customer)

    first, second = (client.post(WISHLIST, {"product_id": str(product.pk)}) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == client.get(WISHLIST).json()["results"][0]
    assert set(first.json()) == {"product", "notify", "created_at"}
    assert first.json()["product"] == api_client.get("/api/products/").json()["results"][0]
    assert WishlistItem.objects.count() == 1


def test_list_is_ones_own_newest_first_and_only_what_is_for_sale(customer):
    first, second, hidden, removed, of_another = (ProductFactory(product_name=name) for name in "ABCDE")
    wish(customer, first, second, hidden, removed)
    wish(UserFactory(), of_another)
    Product.objects.filter(pk=hidden.pk).update(is_active=False)
    catalog_services.soft_delete_product(removed)
    client = client_for(customer)

    assert names(client.get(WISHLIST)) == ["B", "A"]
    assert names(client.get(WISHLIST, {"page_size": 1, "page": 2})) == ["A"]
    catalog_services.restore_product(removed)
    assert names(client.get(WISHLIST)) == ["D", "B", "A"]


def test_list_tells_who_waits_and_shows_prices_in_a_currency(customer):
    waited, other = ProductFactory(product_name="A", stock=0), ProductFactory(product_name="B", price=Decimal("1295"))
    wish(customer, waited, other)
    services.ask_for_notice(user=customer, product_id=waited.pk)
    services.ask_for_notice(user=UserFactory(), product_id=waited.pk)
    set_rate(currency="USD", rate=Decimal("129.50"))
    client = client_for(customer)

    answer = client.get(WISHLIST, {"currency": "USD"})

    shown = {row["product"]["product_name"]: row for row in answer.json()["results"]}
    assert {name: row["notify"] for name, row in shown.items()} == {"A": True, "B": False}
    assert shown["B"]["product"]["display_price"] == "10.00"
    assert client.get(WISHLIST, {"currency": "XXX"}).status_code == 400
    assert errors(client.get(WISHLIST, {"user": str(customer.pk)})) == [("invalid", "user")]


def test_wish_is_taken_back(customer):
    product, kept = ProductFactory(), ProductFactory()
    wish(customer, product, kept)
    wish(UserFactory(), product)
    client = client_for(customer)

    answer = client.delete(f"{WISHLIST}{product.pk}/")

    assert (answer.status_code, answer.content) == (204, b"")
    assert WishlistItem.objects.count() == 2
    assert client.delete(f"{WISHLIST}{product.pk}/").status_code == 404


def test_what_left_the_shop_can_be_taken_back(customer):
    product = ProductFactory()
    wish(customer, product)
    catalog_services.soft_delete_product(product)

    assert client_for(customer).delete(f"{WISHLIST}{product.pk}/").status_code == 204


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "required"), ({"product_id": "x"}, "invalid"), ({"product_id": None}, "null")],
)
def test_wrong_wish_is_named(customer, body, code):
    answer = client_for(customer).post(WISHLIST, body)

    assert (answer.status_code, errors(answer)) == (400, [(code, "product_id")])
    assert not WishlistItem.objects.exists()


def test_unknown_hidden_and_removed_products_are_refused(customer):
    hidden, removed = ProductFactory(is_active=False), ProductFactory()
    catalog_services.soft_delete_product(removed)

    for product_id in (hidden.pk, removed.pk, uuid4()):
        answer = client_for(customer).post(WISHLIST, {"product_id": str(product_id)})
        assert (answer.status_code, errors(answer)) == (400, [("product_unavailable", "product_id")])
    assert not WishlistItem.objects.exists()


def test_nobody_has_no_wishlist(api_client):
    product = ProductFactory()

    assert api_client.get(WISHLIST).status_code == 401
    assert api_client.post(WISHLIST, {"product_id": str(product.pk)}).status_code == 401
    assert api_client.delete(f"{WISHLIST}{product.pk}/").status_code == 401
    assert client_for(UserFactory()).delete(f"{WISHLIST}not-an-id/").status_code == 404
    assert not WishlistItem.objects.exists()


def test_list_has_an_end(monkeypatch, customer):
    monkeypatch.setattr(services, "MAX_WISHES", 2)
    products = [ProductFactory() for _ in range(3)]
    wish(customer, *products[:2])

    answer = client_for(customer).post(WISHLIST, {"product_id": str(products[2].pk)})

    assert (answer.status_code, errors(answer)) == (409, [("wishlist_full", None)])
    assert WishlistItem.objects.count() == 2
    assert client_for(customer).post(WISHLIST, {"product_id": str(products[0].pk)}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_ten_wishes_at_once_are_one():
    user, product = UserFactory(), ProductFactory()

    added = at_once([lambda: services.add_to_wishlist(user=user, product=product) for _ in range(10)])

    assert sorted(added) == [False] * 9 + [True]
    assert WishlistItem.objects.count() == 1


def test_list_costs_the_same_for_1_10_and_100_rows(customer):
    client = client_for(customer)

    def queries(rows: int) -> int:
        while WishlistItem.objects.count() < rows:
            wish(customer, ProductFactory())
        with CaptureQueriesContext(connection) as captured:
            assert len(names(client.get(WISHLIST, {"page_size": 100}))) == rows
        return len(captured)

    assert [queries(1), queries(10), queries(100)] == [4] * 3  # the user, the count, the items, their products
