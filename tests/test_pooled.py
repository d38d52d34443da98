"""The shop where nothing may be kept in a connection to PostgreSQL, as behind a pooler by transaction."""

from decimal import Decimal

import pytest
from django.db import connection

from catalog.models import Stock
from catalog.searching.indexing import index_products
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory

pytestmark = pytest.mark.django_db


def prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        return int(cursor.fetchone()[0])


def test_a_customer_searches_fills_a_cart_and_orders(settings):
    settings.DATABASE_PREPARED_STATEMENTS = False
    before = prepared()  # by other tests, on the same connection
    product = ProductFactory(product_name="Galaxy A15", sku="A15", price=Decimal("1500.00"), stock=10)
    index_products([product.pk])
    shopper = client_for(UserFactory())
    line = {"product_id": str(product.pk), "quantity": 2}

    found = shopper.get("/api/products/?search=galxy")
    with_facets = shopper.post("/api/products/search/", {"q": "galaxy"})
    suggested = shopper.get("/api/products/suggest/?q=gal")
    added = shopper.post("/api/cart/items/", line)
    shown = shopper.get("/api/cart/")
    placed = shopper.post("/api/orders/", {"items": [line]}, HTTP_IDEMPOTENCY_KEY="one")
    again = shopper.post("/api/orders/", {"items": [line]}, HTTP_IDEMPOTENCY_KEY="one")

    assert [row["id"] for row in found.json()["results"]] == [str(product.pk)]
    assert (with_facets.status_code, with_facets.json()["count"]) == (200, 1)
    assert suggested.status_code == 200
    assert (added.status_code, shown.json()["subtotal"]) == (201, "3000.00")
    assert (placed.status_code, placed.json()["total_amount"]) == (201, "3000.00")
    assert again.json()["id"] == placed.json()["id"]
    assert Stock.objects.get(product=product).available == 8
    assert prepared() == before
