"""Paging, filtering and sorting, as every list has them."""

from urllib.parse import urlsplit

import pytest

from accounts.models import User
from ecommerce.filters import StrictFilterBackend
from tests.factories import BrandFactory, CategoryFactory

URL = "/api/brands/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def brands() -> list[str]:
    return [BrandFactory(name=f"Brand {n:03d}").name for n in range(25)]


def names(answer) -> list[str]:
    return [row["name"] for row in answer.json()["results"]]


def test_list_without_parameters_is_the_first_page_of_twenty(api_client, brands):
    answer = api_client.get(URL)

    assert names(answer) == brands[:20]
    assert {key: value for key, value in answer.json().items() if key != "results"} == {
        "count": 25,
        "next": "http://testserver/api/brands/?page=2",
        "previous": None,
    }


@pytest.mark.parametrize("name", ["page_size", "limit"])
def test_page_size_and_its_alias_mean_the_same(api_client, brands, name):
    answer = api_client.get(URL, {name: "10", "page": "3"})

    assert names(answer) == brands[20:]
    assert set(urlsplit(answer.json()["previous"]).query.split("&")) == {"page=2", f"{name}=10"}
    assert answer.json()["next"] is None


@pytest.mark.parametrize("size", ["1", "100"])
def test_page_size_may_touch_its_bounds(api_client, brands, size):
    assert names(api_client.get(URL, {"page_size": size})) == brands[: int(size)]


BAD_NUMBERS = [
    "0",
    "-1",
    "1.5",
    "1e3",
    "",
    " 1",
    "+1",
    "one",
    "١",
    "１",
    "²",
    "0x1",
    str(10**20),
    "9" * 5000,
    "1\u0660",
]


@pytest.mark.parametrize("text", [*BAD_NUMBERS, "101"])
@pytest.mark.parametrize("name", ["page_size", "limit"])
def test_page_size_outside_its_bounds_is_a_400_that_names_it(api_client, brands, name, text):
    answer = api_client.get(URL, {name: text})

    assert answer.status_code == 400
    assert answer.json() == {
        "type": "validation_error",
        "errors": [{"code": "invalid", "detail": "Give a whole number from 1 to 100.", "attr": name}],
    }


@pytest.mark.parametrize("text", [*BAD_NUMBERS, "1001", "last"])
def test_page_outside_its_bounds_is_a_400_that_names_it(api_client, brands, text):
    answer = api_client.get(URL, {"page": text})

    assert answer.status_code == 400
    assert answer.json() == {
        "type": "validation_error",
        "errors": [{"code": "invalid", "detail": "Give a whole number from 1 to 1000.", "attr": "page"}],
    }


@pytest.mark.parametrize("page", ["3", "1000"])
def test_page_behind_the_last_is_a_404(api_client, brands, page):
    answer = api_client.get(URL, {"page": page})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found")


def test_empty_list_has_one_empty_page(api_client):
    answer = api_client.get(URL)

    assert (answer.status_code, answer.json()) == (200, {"count": 0, "next": None, "previous": None, "results": []})


def test_unknown_parameters_are_a_400_that_names_each(api_client, brands):
    answer = api_client.get(URL, {"colour": "red", "user": "1", "page": "1"})

    assert answer.status_code == 400
    assert answer.json() == {
        "type": "validation_error",
        "errors": [
            {"code": "invalid", "detail": "This parameter is not known here.", "attr": "colour"},
            {"code": "invalid", "detail": "This parameter is not known here.", "attr": "user"},
        ],
    }


def test_bad_filter_value_is_a_400_that_names_it(api_client):
    answer = api_client.get("/api/products/", {"price_min": "cheap"})

    assert answer.status_code == 400
    assert [(row["code"], row["attr"]) for row in answer.json()["errors"]] == [("invalid", "price_min")]


@pytest.mark.parametrize("name", ["ordering", "sort", "sort_by"])
def test_ordering_and_its_aliases_sort(api_client, name):
    for text in ("Laptops", "Chargers"):
        CategoryFactory(category_name=text)

    by_name = api_client.get("/api/categories/", {name: "category_name"})
    by_age = api_client.get("/api/categories/", {name: "created_at"})

    assert [row["category_name"] for row in by_name.json()["results"]] == ["Chargers", "Laptops"]
    assert [row["category_name"] for row in by_age.json()["results"]] == ["Laptops", "Chargers"]


@pytest.mark.parametrize("chosen", ["password", "-", "", "category_name,created_at", "category_name; DROP"])
def test_unknown_ordering_is_a_400_that_lists_the_known(api_client, chosen):
    answer = api_client.get("/api/categories/", {"sort": chosen})

    assert answer.status_code == 400
    assert answer.json() == {
        "type": "validation_error",
        "errors": [{"code": "invalid", "detail": "Order by one of: category_name, created_at.", "attr": "sort"}],
    }


def test_view_without_filters_and_orderings_knows_only_paging(rf):
    class View:
        filterset_class = None
        extra_query_parameters = ("mine",)

    request = rf.get("/", {"page": "1", "mine": "yes"})
    request.query_params = request.GET

    assert StrictFilterBackend().filter_queryset(request, User.objects.all(), View()).count() == 0
