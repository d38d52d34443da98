"""Looking for products by their attributes: values, ranges, and what the facets tell of them."""

from typing import Any

import pytest

from catalog.attributes.models import Attribute
from catalog.attributes.services import ChoiceInput, save_attribute
from catalog.models import Product
from catalog.searching import facets
from catalog.services import VariantInput, soft_delete_product
from tests.factories import ProductFactory

pytestmark = pytest.mark.django_db

PRODUCTS, SEARCH = "/api/products/", "/api/products/search/"


def errors(answer) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def names(answer) -> set[str]:
    assert answer.status_code == 200, answer.json()
    return {row["product_name"] for row in answer.json()["results"]}


@pytest.fixture
def shop() -> None:
    """Defined: storage (GB, in ranges), screen (in), LTE, color. Not defined: maker."""
    save_attribute(code="storage", label="Storage", type="number", unit="GB", steps=[0, 64, 256])
    save_attribute(code="screen", label="Screen", type="number", unit="in")
    save_attribute(code="lte", label="LTE", type="boolean")
    save_attribute(code="color", label="Color", type="choice", choices=[ChoiceInput("black", "Jet black")])
    save_attribute(code="secret", label="Secret", type="text", filterable=False, facetable=False)
    ProductFactory(product_name="Small", attributes={"storage": 32, "screen": 5, "lte": False, "maker": "Acme"})
    ProductFactory(
        product_name="Middle", attributes={"Storage": "64 GB", "screen": "6.5 in", "lte": "yes", "color": "Jet Black"}
    )
    ProductFactory(
        product_name="Both",
        attributes={"color": "black", "secret": "x"},
        variants=[
            VariantInput(sku=f"b{n}", price=9, options={"Storage": text}) for n, text in enumerate(("128GB", "1TB"))
        ],
    )
    ProductFactory(product_name="Odd", attributes={"storage": "lots", "maker": "Acme"})
    soft_delete_product(ProductFactory(product_name="Gone", attributes={"storage": 64, "lte": True}))


CASES: list[tuple[str, Any, set[str]]] = [
    ("storage:64..256", {"storage": {"min": 64, "max": "256 GB"}}, {"Middle", "Both"}),
    ("storage:..64", {"storage": {"max": "64"}}, {"Small", "Middle"}),
    ("storage:..<64", {"storage": {"below": 64}}, {"Small"}),
    ("storage:0.5 TB..", {"storage": {"min": "0.5TB"}}, {"Both"}),
    ("storage:1TB", {"storage": "1 TB"}, {"Both"}),
    ("storage:32", {"storage": 32}, {"Small"}),
    ("storage:200..900", {"storage": {"min": 200, "max": 900}}, set()),
    ("screen:6..7", {"screen": {"min": 6, "max": None, "below": 7}}, {"Middle"}),
    ("screen:16.51 cm", {"screen": ["16.51 cm"]}, {"Middle"}),
    ("lte:true", {"lte": True}, {"Middle"}),
    ("lte:No", {"lte": ["no"]}, {"Small"}),
    ("color:jet black", {"color": ["Jet black"]}, {"Middle", "Both"}),
    ("maker:ACME", {"maker": "acme"}, {"Small", "Odd"}),
]


@pytest.mark.parametrize(("pair", "body", "expected"), CASES)
def test_list_and_search_find_by_value_and_by_range(api_client, shop, pair, body, expected):
    found = [
        names(api_client.get(PRODUCTS, {"attributes": pair})),
        names(api_client.get(SEARCH, {"attributes": pair})),
        names(api_client.post(SEARCH, {"attributes": body}, format="json")),
    ]

    assert found == [expected] * 3


def test_kept_counts_of_a_range_are_not_those_of_another_with_the_same_ends(api_client, shop, monkeypatch):
    monkeypatch.setattr(facets, "BROAD", 0)

    counts = [
        api_client.get(SEARCH, {"attributes": pair}).json()["count"]
        for pair in ("storage:..64", "storage:..<64", "storage:..64")
    ]

    assert counts == [2, 1, 2]


def test_values_and_ranges_of_one_attribute_are_alternatives_and_attributes_add_up(api_client, shop):
    some = {"attributes": ["storage:..<64", "storage:1TB"]}
    both = {"attributes": [*some["attributes"], "color:black"]}

    assert names(api_client.get(PRODUCTS, some)) == names(api_client.get(SEARCH, some)) == {"Small", "Both"}
    assert names(api_client.get(PRODUCTS, both)) == names(api_client.get(SEARCH, both)) == {"Both"}
    body = {"attributes": {"storage": [{"below": 64}, "1TB"], "color": "black"}}
    assert names(api_client.post(SEARCH, body, format="json")) == {"Both"}


REFUSED: list[tuple[str, Any, str]] = [
    ("storage:lots", {"storage": "lots"}, "attributes.storage"),
    ("storage:5 kg..", {"storage": {"min": "5 kg"}}, "attributes.storage"),
    ("storage:..", {"storage": {}}, "attributes.storage"),
    ("storage:9..1", {"storage": {"min": 9, "max": 1}}, "attributes.storage"),
    ("storage:1...2", {"storage": {"min": 1, "max": 2, "below": 3}}, "attributes.storage"),
    ("storage:nan..", {"storage": {"min": "NaN"}}, "attributes.storage"),
    ("storage:1e9..", {"storage": {"min": 1e300}}, "attributes.storage"),
    ("lte:perhaps", {"lte": "perhaps"}, "attributes.lte"),
    ("lte:0..1", {"lte": {"min": 0}}, "attributes.lte"),
    ("color:purple", {"color": ["black", "purple"]}, "attributes.color"),
    ("secret:x", {"secret": "x"}, "attributes.secret"),
    ("nowhere:x", {"nowhere": {"min": 1}}, "attributes.nowhere"),
]


@pytest.mark.parametrize(("pair", "body", "attr"), REFUSED)
def test_what_an_attribute_has_not_is_refused_by_name(api_client, shop, pair, body, attr):
    answers = [
        api_client.get(PRODUCTS, {"attributes": pair}),
        api_client.get(SEARCH, {"attributes": pair}),
        api_client.post(SEARCH, {"attributes": body}, format="json"),
    ]

    assert [(answer.status_code, errors(answer)) for answer in answers] == [(400, [("invalid", attr)])] * 3


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"storage": {"from": 1}}, [("invalid", "attributes.storage.0.from")]),
        ({"storage": {"min": {"a": 1}}}, [("invalid", "attributes.storage.0")]),
        ({"maker": {"min": 1}}, [("invalid", "attributes.maker")]),
        ({"maker": [["a"]]}, [("invalid", "attributes.maker.0")]),
        ({"maker": None}, [("null", "attributes.maker")]),
    ],
)
def test_range_that_is_no_range_is_refused_by_name(api_client, shop, body, expected):
    answer = api_client.post(SEARCH, {"attributes": body}, format="json")

    assert (answer.status_code, errors(answer)) == (400, expected)


@pytest.mark.parametrize(
    "query",
    [
        {"attributes": "color"},
        {"attributes": ["color:black", "x"]},
        {"attributes": [f"a{n}:1" for n in range(21)]},
        {"attributes": "x" * 200 + ":1"},
    ],
)
def test_list_refuses_what_is_no_pair_or_too_much(api_client, shop, query):
    answer = api_client.get(PRODUCTS, query)

    assert (answer.status_code, errors(answer)) == (400, [("invalid", "attributes")])


@pytest.mark.parametrize("pairs", [["maker:" + "x" * 141], [f"maker:{n}" for n in range(51)], ["maker:a", "maker:\0"]])
def test_list_bounds_the_values_of_an_attribute(api_client, shop, pairs):
    answer = api_client.get(PRODUCTS, {"attributes": pairs})

    assert answer.status_code == 400


def test_defined_attribute_that_no_product_has_finds_nothing(api_client):
    save_attribute(code="ram", label="RAM", type="number", unit="GB")
    ProductFactory()

    assert names(api_client.get(PRODUCTS, {"attributes": "ram:1.."})) == set()


def test_facets_say_what_an_attribute_is_called_and_tell_ranges_or_values(api_client, shop):
    groups = {each["name"]: each for each in api_client.get(SEARCH).json()["facets"]["attributes"]}

    assert groups == {
        "storage": {
            "name": "storage",
            "label": "Storage",
            "type": "number",
            "unit": "GB",
            "values": [],
            "ranges": [
                {"min": "0", "below": "64", "count": 1},
                {"min": "64", "below": "256", "count": 2},
                {"min": "256", "below": None, "count": 1},
            ],
        },
        "screen": {
            "name": "screen",
            "label": "Screen",
            "type": "number",
            "unit": "in",
            "values": [{"value": "5", "count": 1}, {"value": "6.5", "count": 1}],
        },
        "lte": {
            "name": "lte",
            "label": "LTE",
            "type": "boolean",
            "unit": "",
            "values": [{"value": "false", "count": 1}, {"value": "true", "count": 1}],
        },
        "color": {
            "name": "color",
            "label": "Color",
            "type": "choice",
            "unit": "",
            "values": [{"value": "black", "label": "Jet black", "count": 2}],
        },
        "maker": {"name": "maker", "values": [{"value": "acme", "count": 2}]},
    }


def test_range_of_a_facet_can_be_asked_for_as_it_is_told(api_client, shop):
    (group,) = (g for g in api_client.get(SEARCH).json()["facets"]["attributes"] if g["name"] == "storage")

    for told in group["ranges"]:
        ends = {name: told[name] for name in ("min", "below")}
        answer = api_client.post(SEARCH, {"attributes": {"storage": ends}}, format="json")
        assert answer.json()["count"] == told["count"]


def test_chosen_range_leaves_its_own_group_as_it_was_and_narrows_the_others(api_client, shop):
    def groups(query: dict[str, str]) -> dict[str, Any]:
        return {each["name"]: each for each in api_client.get(SEARCH, query).json()["facets"]["attributes"]}

    everything, chosen = groups({}), groups({"attributes": "storage:..<64"})

    assert chosen["storage"] == everything["storage"]
    assert [entry["value"] for entry in chosen["screen"]["values"]] == ["5"]
    assert "color" not in chosen


@pytest.mark.parametrize("rows", [1, 10, 100])
def test_filtering_by_range_takes_the_same_statements_for_any_number_of_rows(
    api_client, django_assert_num_queries, rows
):
    save_attribute(code="storage", label="Storage", type="number", unit="GB", steps=[0, 8])
    for n in range(rows):
        ProductFactory(attributes={"storage": n})

    with django_assert_num_queries(2):  # definitions; products and their count
        assert api_client.get(PRODUCTS, {"attributes": "storage:0.."}).json()["count"] == rows
    with django_assert_num_queries(3):  # definitions; facets, products
        assert api_client.get(SEARCH, {"attributes": "storage:0.."}).json()["count"] == rows


def test_next_page_keeps_every_attribute(api_client):
    save_attribute(code="storage", label="Storage", type="number", unit="GB")
    for n in range(4):
        ProductFactory(attributes={"storage": n, "maker": "a"})

    first = api_client.get(PRODUCTS, {"attributes": ["storage:1..", "maker:a"], "page_size": 2}).json()

    assert len(api_client.get(first["next"]).json()["results"]) == 1


def test_text_that_looks_like_a_range_stays_text(api_client):
    save_attribute(code="note", label="Note", type="text")
    ProductFactory(product_name="A", attributes={"note": "1..2", "free": "3..4"})

    assert names(api_client.get(PRODUCTS, {"attributes": ["note:1..2", "free:3..4"]})) == {"A"}


def test_index_of_a_time_before_the_definition_breaks_nothing(api_client):
    product = ProductFactory(attributes={"storage": "lots"})
    ProductFactory(attributes={"storage": "7"})
    Attribute.objects.bulk_create([Attribute(code="storage", label="Storage", type="number", meaning={"": "1"})])

    answer = api_client.get(SEARCH, {"attributes": "storage:1.."})

    assert (answer.status_code, answer.json()["count"]) == (200, 0)
    assert [entry["value"] for entry in api_client.get(SEARCH).json()["facets"]["attributes"][0]["values"]] == [
        "7",
        "lots",
    ]
    assert Product.objects.filter(pk=product.pk).exists()
