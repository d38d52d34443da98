"""Type-ahead over HTTP."""

from decimal import Decimal

import pytest

from catalog import services
from catalog.models import Product
from tests.factories import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db

SUGGEST = "/api/products/suggest/"
A15, BUDS, MOUSE = "Galaxy A15", "Galaxy Buds", "Hyper mouse"


@pytest.fixture
def shop() -> None:
    samsung, cooler = BrandFactory(name="Samsung"), BrandFactory(name="Cooler Master")
    BrandFactory(name="Samsonite")  # nothing of it is for sale
    electronics = CategoryFactory(category_name="Electronics")
    phones = CategoryFactory(category_name="Mobile phones", parent=electronics)
    CategoryFactory(category_name="Mobile homes")
    ProductFactory(product_name=A15, brand=samsung, category=phones, price=Decimal(19999), mpn="SM-A155F")
    ProductFactory(product_name=BUDS, brand=samsung, category=electronics, stock=0)
    ProductFactory(product_name=MOUSE, brand=cooler, category=electronics)


def told(answer) -> tuple[str | None, list[str], list[str], list[str]]:
    assert answer.status_code == 200, answer.json()
    body = answer.json()
    return (
        body["did_you_mean"],
        [row["product_name"] for row in body["products"]],
        [row["name"] for row in body["brands"]],
        [row["category_name"] for row in body["categories"]],
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gal", (None, [A15, BUDS], [], [])),
        ("galaxy b", (None, [BUDS], [], [])),
        ("SAM", (None, [A15, BUDS], ["Samsung"], [])),
        ("elec", (None, [BUDS, MOUSE], [], ["Electronics"])),
        ("phon", (None, [A15], [], ["Mobile phones"])),
        ("cooler m", (None, [MOUSE], ["Cooler Master"], [])),
        ("coolerm", (None, [MOUSE], ["Cooler Master"], [])),
        ("sm-a15", (None, [A15], [], [])),
        ("sma15", (None, [A15], [], [])),
        # while the last word is still being typed
        ("galxy", ("galaxy", [A15, BUDS], [], [])),
        ("samsn", ("samsung", [A15, BUDS], ["Samsung"], [])),
        ("mibile ph", ("mobile ph", [A15], [], ["Mobile phones"])),
        ("fones", ("phones", [A15], [], ["Mobile phones"])),
        # nothing
        ("refrigerator", (None, [], [], [])),
        ("zz", (None, [], [], [])),
        ("!!!", (None, [], [], [])),
        ("", (None, [], [], [])),
        ("100%", (None, [], [], [])),
    ],
)
def test_suggestions(api_client, shop, text, expected):
    meant, products, brands, categories = told(api_client.get(SUGGEST, {"q": text}))

    assert (meant, sorted(products), brands, categories) == (expected[0], sorted(expected[1]), *expected[2:])


def test_suggested_product_says_what_a_line_of_a_menu_needs(api_client, shop):
    product = Product.objects.get(product_name=A15)

    answer = api_client.get(SUGGEST, {"q": "galaxy"})

    assert told(answer)[1] == [A15, BUDS]  # what is in stock comes first
    assert answer.json()["products"][0] == {
        "id": str(product.pk),
        "product_name": A15,
        "url_key": product.url_key,
        "price": "19999.00",
        "currency": "KES",
        "image_url": "",
        "in_stock": True,
    }


def test_deleted_product_and_its_brand_are_not_suggested(api_client, shop):
    services.soft_delete_product(Product.objects.get(product_name=MOUSE))

    assert told(api_client.get(SUGGEST, {"q": "cooler"})) == (None, [], [], [])


def test_suggestions_take_three_statements(api_client, shop, django_assert_num_queries):
    with django_assert_num_queries(3):  # synonyms, products, names
        api_client.get(SUGGEST, {"q": "gal"})


@pytest.mark.parametrize(
    ("query", "row"),
    [({"q": "x" * 10_000}, ("search_too_long", "q")), ({"q": "a", "limit": "5"}, ("invalid", "limit"))],
)
def test_what_is_wrong_is_refused_by_name(api_client, query, row):
    answer = api_client.get(SUGGEST, query)

    assert answer.status_code == 400
    assert [(each["code"], each["attr"]) for each in answer.json()["errors"]] == [row]
