"""Products that are removed, what becomes of those who wanted them, and their return."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Product
from tests.admin_pages import member_of_staff
from tests.catalog.editing import PRODUCTS, errors, everything, page
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, buy, variant_of

pytestmark = pytest.mark.django_db

REMOVED = f"{PRODUCTS}removed/"


@pytest.fixture
def editor(db):
    return client_for(member_of_staff("catalog.change_product", "catalog.delete_product"))


def test_removed_product_is_gone_for_customers_and_comes_back_as_it_was(editor, api_client):
    product = ProductFactory(product_name="Anker charger")
    before = Product.objects.values().get()

    def seen():
        return [
            api_client.get(page(product)).status_code,
            api_client.get(PRODUCTS).json()["count"],
            api_client.get(f"{PRODUCTS}search/?q=anker").json()["count"],
        ]

    assert seen() == [200, 1, 1]
    assert [editor.delete(page(product)).status_code for _ in range(2)] == [204, 204]
    assert seen() == [404, 0, 0]
    removed = Product.objects.get()
    assert editor.get(REMOVED).json()["results"] == [
        {
            "id": str(product.pk),
            "product_name": "Anker charger",
            "url_key": product.url_key,
            "category": {
                "id": str(product.category_id),
                "category_name": product.category.category_name,
                "url_key": product.category.url_key,
            },
            "seller": None,
            "price": "1500.00",
            "currency": "KES",
            "deleted_at": removed.deleted_at.isoformat().replace("+00:00", "Z"),
        }
    ]

    answers = [editor.post(page(product, "restore")) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["deleted_at"] is None
    assert seen() == [200, 1, 1]
    assert editor.get(REMOVED).json()["count"] == 0
    assert Product.objects.values().get() | {"updated_at": None} == before | {"updated_at": None}


def test_second_removal_leaves_the_time_of_the_first(editor):
    product = ProductFactory()
    editor.delete(page(product))
    before = everything()

    assert editor.delete(page(product)).status_code == 204
    assert everything() == before


def test_removed_product_is_restored_before_it_is_changed(editor):
    product = ProductFactory()
    editor.delete(page(product))
    before = everything()

    answer = editor.patch(page(product), {"product_name": "New"})

    assert (answer.status_code, errors(answer)) == (409, [("product_removed", None)])
    assert everything() == before
    assert editor.get(page(product, "edit")).json()["deleted_at"] is not None


def test_return_by_somebody_who_read_another_state_is_refused(editor):
    product = ProductFactory()
    read = editor.get(page(product, "edit"))["ETag"]
    editor.delete(page(product))
    before = everything()

    assert editor.post(page(product, "restore"), HTTP_IF_MATCH=read).status_code == 412
    assert everything() == before


def test_carts_and_wishes_wait_for_the_return(editor, customer):
    product = ProductFactory()
    client = client_for(customer)
    client.post("/api/cart/items/", {"product_id": str(product.pk), "quantity": 2})
    client.post("/api/wishlist/", {"product_id": str(product.pk)})
    editor.delete(page(product))

    cart = client.get("/api/cart/")
    refused = client.post("/api/cart/checkout/confirm/", {})
    ordered = client.post("/api/orders/", {"items": [{"product_id": str(product.pk), "quantity": 1}]})
    wished = client.get("/api/wishlist/").json()["count"]

    assert (cart.status_code, len(cart.json()["items"])) == (200, 1)
    assert (refused.status_code, errors(refused)) == (400, [("product_unavailable", "items.0.variant_id")])
    assert (ordered.status_code, errors(ordered)[0][0]) == (400, "product_unavailable")
    assert wished == 0
    assert variant_of(product).stock_level.available == 10
    editor.post(page(product, "restore"))
    assert client.get("/api/wishlist/").json()["count"] == 1
    assert client.post("/api/cart/checkout/confirm/", {}).status_code == 201


def test_orders_keep_what_was_removed(editor, customer):
    product = ProductFactory()
    order = buy(customer, product)

    editor.delete(page(product))

    shown = client_for(customer).get(f"/api/orders/{order.pk}/").json()
    assert [item["product_name"] for item in shown["items"]] == [product.product_name]


def test_each_sees_what_they_could_restore(editor, customer, api_client):
    seller = UserFactory(role="seller")
    theirs, others = ProductFactory(seller=seller), ProductFactory()
    for product in (theirs, others):
        editor.delete(page(product))

    def ids(client):
        return {row["id"] for row in client.get(REMOVED).json()["results"]}

    assert ids(editor) == {str(theirs.pk), str(others.pk)}
    assert ids(client_for(seller)) == {str(theirs.pk)}
    assert [client.get(REMOVED).status_code for client in (client_for(customer), api_client)] == [403, 401]
    assert [client_for(seller).post(page(row, "restore")).status_code for row in (theirs, others)] == [200, 404]
    assert Product.objects.filter(deleted_at__isnull=True).get() == theirs


def test_list_of_removed_products_takes_the_same_statements_for_one_and_three(editor):
    counts = []
    for _ in range(3):
        editor.delete(page(ProductFactory()))
        with CaptureQueriesContext(connection) as captured:
            assert editor.get(REMOVED).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[2]
    assert editor.get(f"{REMOVED}?colour=red").status_code == 400
