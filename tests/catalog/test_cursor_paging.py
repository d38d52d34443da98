"""The list of products by cursor: everything once, however deep, and what is no cursor."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from catalog.models import Product
from ecommerce.cursors import write_cursor
from tests.factories import CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/products/"
START = datetime(2026, 1, 1, tzinfo=UTC)


def walk(client, between=lambda page: None, **query):
    """Read the whole list by cursor; return the pages."""
    pages, cursor = [], ""
    while cursor is not None:
        answer = client.get(PRODUCTS, {**query, "cursor": cursor})
        assert answer.status_code == 200, answer.json()
        pages.append(answer.json())
        between(len(pages))
        cursor = pages[-1]["next_cursor"]
    return pages


def names(pages):
    return [row["product_name"] for page in pages for row in page["results"]]


def errors(answer):
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


@pytest.fixture
def products():
    """Seven, some of one price, of one name and of one moment."""
    category = CategoryFactory(category_name="Phones")
    made = [
        ProductFactory(product_name=name, price=Decimal(price), category=category)
        for name, price in [("C", 1), ("A", 2), ("A", 2), ("B", 2), ("é\xa0\u2028", 3), ("B", 3), ("Z", 1)]
    ]
    for n, product in enumerate(made):
        Product.objects.filter(pk=product.pk).update(created_at=START + timedelta(microseconds=n // 2))
    return made


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    "ordering", [None, "-created_at", "newest", "created_at", "price", "price_desc", "product_name", "-product_name"]
)
def test_cursor_walks_the_list_in_the_order_of_its_pages(api_client, products, size, ordering):
    query = {"ordering": ordering} if ordering else {}
    whole = names([api_client.get(PRODUCTS, {**query, "page_size": 100}).json()])

    pages = walk(api_client, **query, page_size=size)

    assert names(pages) == whole
    assert len(whole) == len(products)
    assert len(pages) == -(-len(products) // size)
    assert [set(page) for page in pages] == [{"next", "next_cursor", "results"}] * len(pages)


def test_next_leads_on_and_keeps_the_filters(api_client, products):
    query = {"cursor": "", "category": "phones", "price_min": "2", "limit": 4, "sort": "price"}
    ProductFactory(price=Decimal(2))

    first = api_client.get(PRODUCTS, query).json()
    second = api_client.get(first["next"]).json()

    assert [row["price"] for row in [*first["results"], *second["results"]]] == ["2.00"] * 3 + ["3.00"] * 2
    assert (second["next"], second["next_cursor"]) == (None, None)


def test_rows_that_come_and_go_meanwhile_neither_repeat_nor_hide_others(api_client, products):
    def disturb(page):
        if page == 1:
            ProductFactory(product_name="newest")
            Product.objects.filter(pk=products[6].pk).update(is_active=False)  # has been read already

    found = names(walk(api_client, disturb, page_size=2))

    assert sorted(found) == sorted(product.product_name for product in products)


@pytest.mark.parametrize("depth", [1, 40])
def test_page_by_cursor_takes_one_statement_however_deep(api_client, django_assert_num_queries, depth):
    ProductFactory.create_batch(45, category=CategoryFactory())
    cursor = ""
    for _ in range(depth):
        cursor = api_client.get(PRODUCTS, {"cursor": cursor, "page_size": 1}).json()["next_cursor"]

    with django_assert_num_queries(1):
        assert len(api_client.get(PRODUCTS, {"cursor": cursor, "page_size": 1}).json()["results"]) == 1


def of_list(*parts, ordering="price"):
    return write_cursor(f"{PRODUCTS} {ordering}", *parts)


KEY = "0198c0de-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("ordering", "cursor"),
    [
        ("price", "x"),
        ("price", "ü"),
        ("price", of_list("1.00", KEY)[:-2]),
        ("price", of_list("1.00")),
        ("price", of_list("1.00", KEY, KEY)),
        ("price", of_list("NaN", KEY)),
        ("price", of_list("Infinity", KEY)),
        ("price", of_list("1e999999", KEY)),
        ("price", of_list("1e-20000", KEY)),
        ("price", of_list("1.00", "no-id")),
        ("-price", of_list("1.00", KEY)),
        ("product_name", of_list("\x00", KEY, ordering="product_name")),
        ("product_name", of_list("x" * 300, KEY, ordering="product_name")),
        ("created_at", of_list("yesterday", KEY, ordering="created_at")),
        ("created_at", of_list("99999-01-01T00:00:00Z", KEY, ordering="created_at")),
        ("price", write_cursor("product-changes", "1", KEY)),
    ],
)
def test_what_is_no_cursor_of_this_list_is_refused_by_name(api_client, products, ordering, cursor):
    answer = api_client.get(PRODUCTS, {"ordering": ordering, "cursor": cursor})

    assert (answer.status_code, errors(answer)) == (400, [("invalid_cursor", "cursor")])


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ({"ordering": "rating"}, "ordering"),
        ({"sort": "relevance", "search": "a"}, "sort"),
        ({"page": "2"}, "page"),
        ({"page_size": "101"}, "page_size"),
    ],
)
def test_what_goes_not_together_with_a_cursor_is_named(api_client, products, query, attr):
    answer = api_client.get(PRODUCTS, {"cursor": "", **query})

    assert (answer.status_code, [attr for _, attr in errors(answer)]) == (400, [attr])


def test_cursor_is_a_parameter_of_the_product_list_alone(api_client):
    assert errors(api_client.get("/api/brands/", {"cursor": ""})) == [("invalid", "cursor")]
