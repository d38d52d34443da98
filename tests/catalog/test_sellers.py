import time

import pytest
from django.db import transaction

from accounts.models import User
from catalog.checks import CHECKS
from catalog.documents import keeping, version
from catalog.models import Product
from ecommerce.invariants import violations
from tests.accounts.sellers.selling import Status, decide, seller
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order, review, variant_of

pytestmark = pytest.mark.django_db
PAGE = "/api/sellers/mama-njeri-electronics/"


@pytest.fixture
def njeri(db):
    return seller()


@pytest.fixture
def phone(njeri):
    return ProductFactory(seller=njeri, product_name="Infinix Hot", url_key="infinix-hot")


def broken():
    return [check.name for check in CHECKS for _ in violations(check)]


def listed(client):
    return [row["product_name"] for row in client.get("/api/products/").json()["results"]]


def test_page_shows_what_anybody_may_know(api_client, njeri, phone, django_assert_num_queries):
    other = ProductFactory(seller=njeri)
    review(phone, UserFactory(), rating=5)
    review(phone, UserFactory(), rating=4)
    review(other, UserFactory(), rating=3)
    ProductFactory(seller=njeri, is_active=False)
    ProductFactory()
    with django_assert_num_queries(2):
        body = api_client.get(PAGE).json()
    assert body.pop("member_since")
    assert body == {
        "id": str(njeri.pk),
        "display_name": "Mama Njeri Electronics",
        "url_key": "mama-njeri-electronics",
        "about": "",
        "county": "Nairobi",
        "product_count": 2,
        "review_count": 3,
        "rating": "4.00",
    }
    assert api_client.get(f"/api/products/?seller={body['id']}").json()["count"] == 2


def test_page_of_who_is_not_approved_is_not_there(api_client, njeri):
    assert api_client.get(PAGE).status_code == 200
    decide(njeri, Status.SUSPENDED)
    assert api_client.get(PAGE).status_code == 404
    decide(njeri, Status.APPROVED)
    assert api_client.get(PAGE).status_code == 200
    User.objects.filter(pk=njeri.pk).update(is_active=False)
    assert api_client.get(PAGE).status_code == 404


def test_suspension_hides_products_everywhere_and_the_end_of_it_shows_them_again(api_client, customer, njeri, phone):
    hidden = ProductFactory(seller=njeri, is_active=False)
    mine = ProductFactory(product_name="The shop's own")
    client = client_for(customer)
    line = {"variant_id": str(variant_of(phone).pk), "quantity": 1}
    assert client.post("/api/cart/items/", line, format="json").status_code == 201
    order = place_order(customer, phone)
    decide(njeri, Status.SUSPENDED)
    assert listed(api_client) == [mine.product_name]
    assert api_client.get(f"/api/products/{phone.pk}/").status_code == 404
    assert api_client.get("/api/products/search/?q=infinix").json()["count"] == 0
    assert client.post("/api/orders/", {"items": [line]}, format="json").status_code == 400
    assert client.post("/api/cart/items/", line, format="json").status_code == 400
    order.refresh_from_db()
    assert order.status == "pending"  # what was ordered goes on
    assert not broken()
    decide(njeri, Status.APPROVED)
    phone.refresh_from_db()
    hidden.refresh_from_db()
    assert (phone.is_active, phone.is_withheld, hidden.is_active) == (True, False, False)
    assert client.post("/api/orders/", {"items": [line]}, format="json").status_code == 201
    assert not broken()


def test_nobody_puts_a_product_of_a_suspended_seller_on_sale(staff, njeri, phone):
    decide(njeri, Status.SUSPENDED)
    njeri.refresh_from_db()
    wanted = {"is_active": True}
    assert client_for(njeri).patch(f"/api/products/{phone.pk}/", wanted, format="json").status_code == 404
    client_for(staff).patch(f"/api/products/{phone.pk}/", {"is_active": True}, format="json")
    Product.objects.filter(pk=phone.pk).update(is_active=True)
    new = ProductFactory(seller=njeri)
    given = ProductFactory()
    Product.objects.filter(pk=given.pk).update(seller=njeri)
    assert not Product.objects.for_sale().exists()
    Product.objects.filter(pk=given.pk).update(seller=None)
    assert list(Product.objects.for_sale()) == [given]
    decide(njeri, Status.APPROVED)
    assert set(Product.objects.for_sale()) == {phone, new, given}


def test_kept_pages_follow_as_soon_as_any_change(transactional_db, settings, api_client):
    settings.CATALOGUE_CACHE = True
    keeping.forget_everything()
    njeri = seller()
    ProductFactory(seller=njeri, product_name="Infinix Hot")
    assert listed(api_client) == ["Infinix Hot"]
    decide(njeri, Status.SUSPENDED)
    time.sleep(version.MOST_OLD)
    assert listed(api_client) == []
    keeping.forget_everything()


def test_product_that_is_added_while_its_seller_is_suspended_is_hidden(together):
    njeri = seller()
    category = ProductFactory().category

    def add() -> None:
        with transaction.atomic():
            ProductFactory(seller=njeri, category=category)

    def suspend() -> None:
        decide(njeri, Status.SUSPENDED)

    outcomes = together(add, suspend, add, add)
    assert outcomes == [None] * 4
    assert not Product.objects.for_sale().filter(seller=njeri).exists()
    assert Product.objects.filter(seller=njeri, is_withheld=True).count() == 3
