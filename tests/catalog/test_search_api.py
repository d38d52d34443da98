"""The search with facets, over HTTP."""

from decimal import Decimal

import pytest

from catalog import services
from catalog.documents import keeping
from catalog.models import ExchangeRate, Product
from catalog.searching import facets
from catalog.searching.criteria import Criteria
from catalog.searching.facets import count_facets
from catalog.searching.indexing import refresh_vocabulary
from catalog.services import VariantInput
from ecommerce.prepared import run
from tests.factories import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db

SEARCH = "/api/products/search/"
A15, S24, TUNE, CASE = "Galaxy A15", "Galaxy S24", "Tune 510BT Headphones", "Soft silicone case for Galaxy A15"


@pytest.fixture
def shop() -> None:
    samsung, jbl = BrandFactory(name="Samsung"), BrandFactory(name="JBL")
    electronics = CategoryFactory(category_name="Electronics")
    phones = CategoryFactory(category_name="Phones", parent=electronics)
    audio = CategoryFactory(category_name="Audio", parent=electronics)
    various = CategoryFactory(category_name="Various")
    a15 = [
        VariantInput(sku=f"A15-{color}", price=Decimal(19999), options={"Color": color}, stock=2)
        for color in ("Black", "Light Blue")
    ]
    ProductFactory(product_name=A15, brand=samsung, category=phones, variants=a15, attributes={"storage": "128GB"})
    ProductFactory(
        product_name=S24,
        brand=samsung,
        category=phones,
        price=Decimal("112500.00"),
        stock=0,
        attributes={"color": ["Black", "Grey"], "storage": "256GB", "part_numbers": ["SM-S921B/DS", 7]},
    )
    ProductFactory(
        product_name=TUNE, brand=jbl, category=audio, price=Decimal("4999.99"), attributes={"color": " BLACK "}
    )
    ProductFactory(product_name=CASE, category=various, price=Decimal(950), attributes={"color": "Red"})


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [row["product_name"] for row in answer.json()["results"]]


def choices(answer, group: str) -> dict[str, int]:
    """Return the counts of one group, by the name of each choice."""
    found = answer.json()["facets"]
    if group.startswith("attributes."):
        found = {entry["name"]: entry["values"] for entry in found["attributes"]}
        return {entry["value"]: entry["count"] for entry in found.get(group.partition(".")[2], [])}
    key = {"category": "category_name", "brand": "name", "in_stock": "value", "price": "min_price"}[group]
    return {entry[key]: entry["count"] for entry in found[group]}


def refusals(answer) -> list[tuple[str, str | None]]:
    assert answer.status_code == 400, answer.json()
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


# --- Results and facets -------------------------------------------------------------------------------------


def test_search_answers_with_results_counts_and_facets(api_client, shop):
    answer = api_client.post(SEARCH, {"q": "galaxy"})

    assert names(answer) == [A15, S24, CASE]
    assert {key: value for key, value in answer.json().items() if key not in ("results", "facets")} == {
        "count": 3,
        "next": None,
        "previous": None,
        "did_you_mean": None,
    }
    assert choices(answer, "category") == {"Electronics": 2, "Phones": 2, "Various": 1}
    assert choices(answer, "brand") == {"Samsung": 2}
    assert choices(answer, "in_stock") == {True: 2, False: 1}
    assert answer.json()["facets"]["price"] == [
        {"min_price": "0.00", "max_price": "999.99", "count": 1},
        {"min_price": "10000.00", "max_price": "24999.99", "count": 1},
        {"min_price": "100000.00", "max_price": "249999.99", "count": 1},
    ]
    assert answer.json()["facets"]["attributes"] == [
        {
            "name": "color",
            "values": [
                {"value": "black", "count": 2},
                {"value": "grey", "count": 1},
                {"value": "light blue", "count": 1},
                {"value": "red", "count": 1},
            ],
        },
        {"name": "storage", "values": [{"value": "128gb", "count": 1}, {"value": "256gb", "count": 1}]},
    ]


def test_result_is_a_product_as_a_list_shows_it(api_client, shop):
    listed = api_client.get("/api/products/", {"q": "tune"}).json()["results"]

    assert api_client.get(SEARCH, {"q": "tune"}).json()["results"] == listed != []


def test_get_and_post_ask_the_same(api_client, shop):
    by_query = api_client.get(
        SEARCH
        + "?q=galaxy&brand=samsung&attributes=color:Black&attributes=storage:256gb&in_stock=false&max_price=120000"
    ).json()
    by_body = api_client.post(
        SEARCH,
        {
            "q": "galaxy",
            "brand": "samsung",
            "attributes": {"color": ["black"], "storage": "256GB"},
            "in_stock": False,
            "max_price": "120000.00",
        },
    ).json()

    assert by_query == by_body
    assert [row["product_name"] for row in by_body["results"]] == [S24]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {A15, S24, TUNE, CASE}),
        ({"category": "phones"}, {A15, S24}),
        ({"category": "electronics"}, {A15, S24, TUNE}),
        ({"category": ["audio", "various"]}, {TUNE, CASE}),
        ({"brand": ["samsung", "jbl"]}, {A15, S24, TUNE}),
        ({"attributes": {"color": ["black", "red"]}}, {A15, S24, TUNE, CASE}),
        ({"attributes": {"color": "light  BLUE"}}, {A15}),
        ({"attributes": {"color": ["black"], "storage": ["128gb"]}}, {A15}),
        ({"attributes": {"color": ["purple"]}}, set()),
        ({"attributes": {}}, {A15, S24, TUNE, CASE}),
        ({"min_price": "950"}, {A15, S24, TUNE, CASE}),
        ({"min_price": "950.01", "max_price": "4999.99"}, {TUNE}),
        ({"price_max": 1000}, {CASE}),
        ({"in_stock": True, "q": "galaxy"}, {A15, CASE}),
        ({"in_stock": None}, {A15, S24, TUNE, CASE}),
        ({"search": "tune"}, {TUNE}),
        ({"q": "sms921bds"}, {S24}),
        ({"q": "SM-S921B/DS"}, {S24}),
    ],
)
def test_choices_narrow_the_results(api_client, shop, asked, expected):
    answer = api_client.post(SEARCH, asked)

    assert set(names(answer)) == expected
    assert answer.json()["count"] == len(expected)


def test_facet_leaves_out_its_own_group(api_client, shop):
    answer = api_client.post(
        SEARCH, {"q": "galaxy", "attributes": {"color": ["red"]}, "category": "various", "max_price": "1000"}
    )

    assert names(answer) == [CASE]
    # Without the own choice, but with the two others: red and cheap, various and cheap, red and various.
    assert choices(answer, "category") == {"Various": 1}
    assert choices(answer, "attributes.color") == {"red": 1}
    assert choices(answer, "price") == {"0.00": 1}
    assert choices(answer, "attributes.storage") == {}

    answer = api_client.post(SEARCH, {"q": "galaxy", "attributes": {"color": ["grey"]}, "in_stock": True})

    assert names(answer) == []
    assert choices(answer, "attributes.color") == {"black": 1, "light blue": 1, "red": 1}
    assert choices(answer, "in_stock") == {False: 1}
    assert choices(answer, "brand") == {}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"sort_by": "price_asc"}, [CASE, A15, S24]),
        ({"ordering": "-price"}, [S24, A15, CASE]),
        ({"sort": "product_name"}, [A15, S24, CASE]),
        ({"sort_by": "newest"}, [CASE, S24, A15]),
        ({"sort_by": "relevance"}, [A15, S24, CASE]),
        ({}, [A15, S24, CASE]),
    ],
)
def test_results_come_in_the_order_asked_for(api_client, shop, order, expected):
    assert names(api_client.post(SEARCH, {"q": "galaxy"} | order)) == expected


def test_what_a_thing_is_made_for_counts_less_than_what_it_is(api_client):
    ProductFactory(product_name="Case for iPhone 15")
    ProductFactory(product_name="Apple smartphone iPhone 15 with 128GB, black", stock=0)

    answers = [names(api_client.get(SEARCH, {"q": text})) for text in ("iphone 15", "case for iphone", "for")]

    assert [[name.split()[0] for name in answer] for answer in answers] == [["Apple", "Case"], ["Case"], ["Case"]]


def test_deleted_product_is_neither_found_nor_counted(api_client, shop):
    services.soft_delete_product(Product.objects.get(product_name=A15))

    answer = api_client.post(SEARCH, {"q": "galaxy"})

    assert names(answer) == [S24, CASE]
    assert choices(answer, "brand") == {"Samsung": 1}
    assert "light blue" not in choices(answer, "attributes.color")


def test_prices_are_shown_in_another_currency(api_client, shop):
    ExchangeRate.objects.create(base="KES", currency="USD", rate=Decimal(100), valid_from="2026-01-01T00:00:00Z")

    answers = (
        api_client.get(SEARCH, {"q": "tune", "currency": "USD"}),
        api_client.post(f"{SEARCH}?currency=USD", {"q": "tune"}),
    )

    assert [answer.json()["results"][0]["display_price"] for answer in answers] == ["50.00", "50.00"]


# --- What may have been meant -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meant", "expected"),
    [
        ("galxy", "galaxy", {A15, S24, CASE}),
        ("samsng galxy", "samsung galaxy", {A15, S24}),
        ("hedfones", "headphones", {TUNE}),
        ("galxy a15", "galaxy a15", {A15, CASE}),
        ("samsunggalaxy", "samsung galaxy", {A15, S24}),
        ("siliconecase", "silicone case", {CASE}),
        ("refrigerator", None, set()),
    ],
)
def test_misspelt_text_finds_what_was_meant_and_says_so(api_client, shop, text, meant, expected):
    answer = api_client.post(SEARCH, {"q": text})

    assert (answer.json()["did_you_mean"], set(names(answer))) == (meant, expected)


def test_correction_is_counted_in_the_facets(api_client, shop):
    answer = api_client.post(SEARCH, {"q": "galxy", "brand": "samsung"})

    assert (answer.json()["count"], choices(answer, "brand")) == (2, {"Samsung": 2})


def test_text_is_misspelt_or_not_whatever_else_was_chosen(api_client, shop):
    answer = api_client.post(SEARCH, {"q": "galaxy", "max_price": "1"})

    assert (names(answer), answer.json()["did_you_mean"]) == ([], None)
    assert choices(answer, "price") == {"0.00": 1, "10000.00": 1, "100000.00": 1}


def test_slip_in_the_catalogue_does_not_hide_what_is_spelled_well(api_client):
    for n in range(25):
        ProductFactory(product_name=f"Bluetooth speaker {n}")
    ProductFactory(product_name="Bluetoth stick")
    refresh_vocabulary()

    answer = api_client.get(SEARCH, {"q": "bluetoth"})

    assert (answer.json()["count"], answer.json()["did_you_mean"]) == (26, "bluetooth")
    assert names(answer)[0] == "Bluetoth stick"


# --- Refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"q": "x" * 10_000}, [("search_too_long", "q")]),
        ({"q": "a b c d e f g h i"}, [("search_too_long", "q")]),
        ({"q": ["galaxy"]}, [("invalid", "q")]),
        ({"colour": "black"}, [("invalid", "colour")]),
        ({"colour": "black", "size": 1}, [("invalid", "colour"), ("invalid", "size")]),
        ({"attributes": {"colour": ["black"]}}, [("invalid", "attributes.colour")]),
        ({"attributes": {"part_numbers": ["7"]}}, [("invalid", "attributes.part_numbers")]),
        ({"attributes": {"color": []}}, [("min_length", "attributes.color")]),
        ({"attributes": {"color": ["x" * 141]}}, [("max_length", "attributes.color.0")]),
        ({"attributes": {"color": ["x"] * 51}}, [("max_length", "attributes.color")]),
        ({"attributes": {f"a{n}": "x" for n in range(21)}}, [("invalid", "attributes")]),
        ({"attributes": ["color:black"]}, [("not_a_dict", "attributes")]),
        ({"category": "nowhere"}, [("invalid", "category")]),
        ({"brand": ["samsung", "nobody"]}, [("invalid", "brand")]),
        ({"brand": []}, [("min_length", "brand")]),
        ({"price_min": "cheap"}, [("invalid", "price_min")]),
        ({"min_price": "-1"}, [("min_value", "min_price")]),
        ({"max_price": "1e400"}, [("max_digits", "max_price")]),
        ({"min_price": "1", "price_min": "1"}, [("invalid", "min_price"), ("invalid", "price_min")]),
        ({"in_stock": "perhaps"}, [("invalid", "in_stock")]),
        ({"sort_by": "colour"}, [("invalid_choice", "sort_by")]),
        ({"ordering": "relevance"}, [("invalid", "ordering")]),
        ({"page": 0}, [("min_value", "page")]),
        ({"page": "two"}, [("invalid", "page")]),
        ({"page": 501}, [("invalid", "page")]),
        ({"page": 101, "limit": 100}, [("invalid", "page")]),
        ({"limit": 101}, [("max_value", "limit")]),
    ],
)
def test_what_is_wrong_is_refused_by_name(api_client, shop, body, expected):
    assert refusals(api_client.post(SEARCH, body)) == expected


@pytest.mark.parametrize(
    ("query", "attr"),
    [("colour=black", "colour"), ("attributes=color", "attributes"), ("attributes=colour:red", "attributes.colour")],
)
def test_wrong_parameter_of_a_get_is_refused_by_name(api_client, shop, query, attr):
    assert refusals(api_client.get(f"{SEARCH}?{query}")) == [("invalid", attr)]


def test_body_that_is_no_object_and_parameters_beside_a_body_are_refused(api_client, shop):
    assert refusals(api_client.post(SEARCH, ["galaxy"])) == [("invalid", "non_field_errors")]
    assert refusals(api_client.post(f"{SEARCH}?q=galaxy", {})) == [("invalid", "q")]


# --- Pages, cost and age ------------------------------------------------------------------------------------


def test_pages_follow_each_other(api_client, shop):
    first = api_client.get(SEARCH, {"q": "galaxy", "page_size": "2", "attributes": ["color:black", "color:red"]})
    second = api_client.get(first.json()["next"])
    beyond = api_client.get(SEARCH, {"q": "galaxy", "page_size": "2", "page": "3"})

    assert (names(first), names(second)) == ([A15, S24], [CASE])
    assert second.json()["next"] is None
    assert names(api_client.get(second.json()["previous"])) == [A15, S24]
    assert beyond.status_code == 404


@pytest.mark.parametrize("text", ["!!!", "手机", " - "])
def test_text_without_a_word_finds_nothing(api_client, shop, text):
    answer = api_client.post(SEARCH, {"q": text})

    assert (names(answer), answer.json()["count"], choices(answer, "brand")) == ([], 0, {})


@pytest.mark.parametrize("amount", [1, 3])
def test_search_takes_two_statements_however_much_it_finds(api_client, django_assert_num_queries, amount):
    for n in range(amount):
        ProductFactory(product_name=f"Kettle X1 {n}", brand=BrandFactory())

    with django_assert_num_queries(2):  # synonyms, counts with products
        answer = api_client.post(SEARCH, {"q": "kettle x1", "in_stock": True})

    assert len(names(answer)) == amount


@pytest.mark.django_db(transaction=True)
def test_counts_of_a_broad_search_are_kept_until_something_changes(shop, monkeypatch, settings):
    settings.CATALOGUE_CACHE = True
    keeping.forget_everything()

    def count(least: int) -> tuple[int, int]:
        asked = []
        monkeypatch.setattr(facets, "BROAD", least)
        monkeypatch.setattr(facets, "run", lambda *args: asked.append(args) or run(*args))
        total = count_facets(Criteria(), "galaxy:*").total
        return total, len(asked)

    assert [count(3), count(3)] == [(3, 1), (3, 1)]  # not broad: counted each time
    assert [count(2), count(2)] == [(3, 1), (3, 0)]
    services.soft_delete_product(Product.objects.get(product_name=CASE))
    keeping.version.forget()
    assert [count(1), count(1)] == [(2, 1), (2, 0)]
    keeping.forget_everything()
