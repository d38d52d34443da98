"""How a product is taxed: written by staff alone, and printed on invoices."""

import pytest

from accounts.models import User
from catalog.models import Product
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory

pytestmark = pytest.mark.django_db


def patch(client, product, **body):
    return client.patch(f"/api/products/{product.pk}/", body, format="json")


def test_staff_say_how_it_is_taxed(staff):
    product = ProductFactory()

    answer = patch(client_for(staff), product, tax_kind="exempt", item_class_code="43191501")

    assert answer.status_code == 200
    assert (answer.json()["tax_kind"], answer.json()["item_class_code"]) == ("exempt", "43191501")
    product.refresh_from_db()
    assert (product.tax_kind, product.item_class_code) == ("exempt", "43191501")


@pytest.mark.parametrize(
    "body", [{"tax_kind": "none"}, {"item_class_code": "43A"}, {"item_class_code": "12345678901"}, {"tax_kind": None}]
)
def test_what_is_no_kind_and_no_code_is_refused(staff, body):
    product = ProductFactory()

    answer = patch(client_for(staff), product, **body)

    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, next(iter(body)))
    product.refresh_from_db()
    assert (product.tax_kind, product.item_class_code) == ("standard", "")


def test_sellers_cannot():
    seller = UserFactory(role=User.Role.SELLER)
    product = ProductFactory(seller=seller)

    answer = patch(client_for(seller), product, tax_kind="exempt")

    assert (answer.status_code, Product.objects.get().tax_kind) == (400, "standard")
