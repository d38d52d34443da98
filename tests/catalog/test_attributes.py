"""Attributes over HTTP, and products that follow them."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from catalog.attributes.cleaning import clean_attributes
from catalog.attributes.models import Attribute, AttributeChoice, CategoryAttribute, ProductNumber
from catalog.attributes.services import ChoiceInput, PlaceInput, save_attribute
from catalog.models import Product
from catalog.searching.indexing import index_products
from catalog.services import VariantInput
from tests.admin_pages import member_of_staff
from tests.clients import client_for
from tests.factories import CategoryFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db

URL = "/api/attributes/"
STORAGE = {"code": "storage", "label": "Storage", "type": "number", "unit": "GB"}
COLOR = {
    "code": "color",
    "label": "Color",
    "type": "choice",
    "choices": [{"code": "black", "label": "Black"}, {"code": "white"}],
}


@pytest.fixture
def keeper():
    return client_for(member_of_staff(*(f"catalog.{verb}_attribute" for verb in ("add", "change", "delete"))))


def errors(answer) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def everything() -> list[Any]:
    models = (Attribute, AttributeChoice, CategoryAttribute)
    return [list(model.objects.order_by("pk").values()) for model in models] + [
        list(Product.objects.order_by("pk").values("attributes", "updated_at"))
    ]


def facets(product: Product) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT unnest(facets) FROM catalog_product WHERE id = %s", [product.pk])
        return {row[0] for row in cursor.fetchall()}


def attributes_of(*products: Product) -> list[Any]:
    return [Product.objects.values_list("attributes", flat=True).get(pk=product.pk) for product in products]


# --- Who may ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "tail", "body", "verb", "code"),
    [
        ("post", "", STORAGE, "add", 201),
        ("put", "ram/", STORAGE | {"code": "ram"}, "change", 200),
        ("patch", "ram/", {"label": "Memory"}, "change", 200),
        ("delete", "ram/", None, "delete", 204),
    ],
)
def test_only_staff_with_the_permission_write(api_client, method, tail, body, verb, code):
    save_attribute(code="ram", label="RAM", type="number", unit="GB")
    every = [f"catalog.{each}_attribute" for each in ("view", "add", "change", "delete")]
    outsider = UserFactory()
    outsider.user_permissions.set(member_of_staff(*every).user_permissions.all())
    people = {
        "customer": UserFactory(),
        "seller": UserFactory(role="seller"),
        "permissions without staff": outsider,
        "staff without": member_of_staff(),
        "staff with all others": member_of_staff(*(name for name in every if verb not in name)),
    }
    before = everything()

    refused = {
        who: getattr(client_for(user), method)(f"{URL}{tail}", body, format="json").status_code
        for who, user in people.items()
    }
    anonymous = getattr(api_client, method)(f"{URL}{tail}", body, format="json").status_code

    assert (refused, anonymous) == (dict.fromkeys(people, 403), 401)
    assert everything() == before
    allowed = client_for(member_of_staff(f"catalog.{verb}_attribute"))
    assert getattr(allowed, method)(f"{URL}{tail}", body, format="json").status_code == code


# --- Defining ---------------------------------------------------------------------------------------------------


def test_attribute_is_defined_and_shown(keeper, api_client):
    phones = CategoryFactory(category_name="Phones")
    body = STORAGE | {
        "steps": ["0", "64.50", 128],
        "facetable": False,
        "categories": [{"category": "phones", "required": True, "position": 3}],
    }

    answer = keeper.post(URL, body, format="json")

    row = Attribute.objects.get()
    assert answer.status_code == 201, answer.json()
    assert answer.json() == {
        "id": str(row.pk),
        "code": "storage",
        "label": "Storage",
        "type": "number",
        "unit": "GB",
        "choices": [],
        "steps": ["0", "64.5", "128"],
        "filterable": True,
        "facetable": False,
        "categories": [
            {
                "category": {"id": str(phones.pk), "category_name": "Phones", "url_key": "phones"},
                "required": True,
                "position": 3,
            }
        ],
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert api_client.get(f"{URL}storage/").json() == answer.json() == api_client.get(URL).json()["results"][0]
    assert api_client.get(URL, {"type": "number"}).status_code == 400


REFUSED = [
    ({}, {("required", "code"), ("required", "label"), ("required", "type")}),
    (STORAGE | {"code": "RAM"}, {("invalid", "code")}),
    (STORAGE | {"code": "a__b"}, {("invalid", "code")}),
    (STORAGE | {"code": "part_numbers"}, {("invalid", "code")}),
    (STORAGE | {"code": "x" * 61}, {("max_length", "code")}),
    (STORAGE | {"code": "taken"}, {("unique", "code")}),
    (STORAGE | {"type": "date"}, {("invalid_choice", "type")}),
    (STORAGE | {"unit": "parsec"}, {("invalid_choice", "unit")}),
    (STORAGE | {"type": "text"}, {("invalid", "unit")}),
    (STORAGE | {"steps": [3, 2]}, {("invalid", "steps")}),
    (STORAGE | {"steps": ["NaN"]}, {("invalid", "steps.0")}),
    (STORAGE | {"steps": list(range(21))}, {("max_length", "steps")}),
    (STORAGE | {"unit": "", "type": "boolean", "steps": [1]}, {("invalid", "steps")}),
    (STORAGE | {"choices": [{"code": "a"}]}, {("invalid", "choices")}),
    (COLOR | {"choices": []}, {("required", "choices")}),
    (COLOR | {"choices": [{"code": "a"}, {"code": "a"}]}, {("given_twice", "choices")}),
    (COLOR | {"choices": [{"code": "A b"}]}, {("invalid", "choices.0.code")}),
    (COLOR | {"choices": [{"code": "a", "was": "b"}]}, {("invalid", "choices.0.was")}),
    (COLOR | {"choices": [{"code": f"c{n}"} for n in range(201)]}, {("max_length", "choices")}),
    (STORAGE | {"categories": [{"category": "nowhere"}]}, {("does_not_exist", "categories.0.category")}),
    (STORAGE | {"categories": [{"category": "phones"}, {"category": "phones"}]}, {("given_twice", "categories")}),
    (STORAGE | {"categories": [{"category": "phones", "position": -1}]}, {("min_value", "categories.0.position")}),
]


@pytest.mark.parametrize(("body", "expected"), REFUSED)
def test_bad_definition_is_refused_by_field_and_nothing_is_stored(keeper, body, expected):
    CategoryFactory(category_name="Phones")
    save_attribute(code="taken", label="Taken", type="text")
    before = everything()

    answer = keeper.post(URL, body, format="json")

    assert (answer.status_code, set(errors(answer))) == (400, expected)
    assert everything() == before


def test_categories_attributes_are_inherited_and_the_nearest_wins(keeper, api_client):
    top = CategoryFactory(category_name="Electronics")
    phones = CategoryFactory(category_name="Phones", parent=top)
    smart = CategoryFactory(category_name="Smart", parent=phones)
    CategoryFactory(category_name="Kettles")
    save_attribute(code="warranty", label="Warranty", type="number", unit="months", places=[PlaceInput(top)])
    save_attribute(**STORAGE, places=[PlaceInput(phones, position=2), PlaceInput(smart, required=True, position=0)])
    save_attribute(code="dual_sim", label="Dual SIM", type="boolean", places=[PlaceInput(phones, position=1)])
    phones.only_defined_attributes = True
    phones.save()

    def told(key: str) -> list[Any]:
        rows = api_client.get(f"/api/categories/{key}/attributes/").json()["attributes"]
        return [(row["code"], row["required"], row["category"]["url_key"], row["inherited"]) for row in rows]

    assert told("smart") == [
        ("storage", True, "smart", False),
        ("warranty", False, "electronics", True),
        ("dual_sim", False, "phones", True),
    ]
    assert told(str(phones.pk)) == [
        ("warranty", False, "electronics", True),
        ("dual_sim", False, "phones", False),
        ("storage", False, "phones", False),
    ]
    assert told("electronics") == [("warranty", False, "electronics", False)]
    assert told("kettles") == []
    strict = {
        key: api_client.get(f"/api/categories/{key}/attributes/").json()["only_defined_attributes"]
        for key in ("smart", "phones", "electronics")
    }
    assert strict == {"smart": True, "phones": True, "electronics": False}
    assert api_client.get(f"/api/categories/{uuid4()}/attributes/").status_code == 404
    assert errors(api_client.get("/api/categories/smart/attributes/?x=1")) == [("invalid", "x")]


@pytest.mark.parametrize("rows", [1, 10, 100])
def test_reading_takes_the_same_statements_for_any_number_of_rows(api_client, django_assert_num_queries, rows):
    category = CategoryFactory(category_name="Phones")
    for n in range(rows):
        choices = [ChoiceInput("a", "A"), ChoiceInput("b", "B")]
        save_attribute(code=f"a{n}", label=f"A{n}", type="choice", choices=choices, places=[PlaceInput(category)])

    with django_assert_num_queries(5):  # count, attributes, choices, places, categories
        assert len(api_client.get(URL, {"page_size": 100}).json()["results"]) == rows
    with django_assert_num_queries(4):  # category, places, choices, strictness
        assert len(api_client.get("/api/categories/phones/attributes/").json()["attributes"]) == rows


# --- What the search makes of it --------------------------------------------------------------------------------


def test_search_reads_values_and_options_as_their_attribute_says():
    save_attribute(**STORAGE)
    save_attribute(code="dual_sim", label="Dual SIM", type="boolean")
    save_attribute(code="color", label="Color", type="choice", choices=[ChoiceInput("black", "Midnight black")])
    product = ProductFactory(
        attributes={"Dual SIM": "yes", "color": "Midnight  BLACK", "made in": "Kenya"},
        variants=[
            VariantInput(sku="a", price=1, options={"Storage": "128GB"}),
            VariantInput(sku="b", price=1, options={"Storage": "1 TB"}),
            VariantInput(sku="c", price=1, options={"Storage": "a lot", "color": "mauve"}),
        ],
    )

    assert facets(product) == {"storage=128", "storage=1000", "dual_sim=true", "color=black", "made_in=kenya"}
    assert sorted(ProductNumber.objects.values_list("product", "value")) == [(product.pk, 128), (product.pk, 1000)]

    Product.objects.filter(pk=product.pk).update(attributes={"storage": 2})
    product.variants.all().update(is_active=False)
    index_products([product.pk])

    assert facets(product) == {"storage=2"}
    assert list(ProductNumber.objects.values_list("value", flat=True)) == [2]


def test_products_follow_a_new_definition(keeper, run_owed_work):
    product = ProductFactory(attributes={"Storage": "128 GB", "made in": "Kenya"})
    odd, other = ProductFactory(attributes={"storage": "lots"}), ProductFactory(attributes={"ram": "8 GB"})
    before = Product.objects.values_list("updated_at", flat=True).get(pk=other.pk)

    keeper.post(URL, STORAGE, format="json")
    ran = run_owed_work()

    assert ran == ["catalog.follow_attribute", "catalog.conform_products"]
    assert attributes_of(product, odd, other) == [
        {"storage": 128, "made in": "Kenya"},
        {"storage": "lots"},
        {"ram": "8 GB"},
    ]
    assert (facets(product), facets(odd)) == ({"storage=128", "made_in=kenya"}, set())
    assert Product.objects.values_list("updated_at", flat=True).get(pk=other.pk) == before


def test_products_follow_in_batches(keeper, monkeypatch, run_owed_work):
    monkeypatch.setattr("catalog.attributes.following.BATCH", 2)
    products = [ProductFactory(attributes={"storage": f"{n} TB"}) for n in range(5)]

    keeper.post(URL, STORAGE, format="json")
    ran = run_owed_work()

    assert ran == ["catalog.follow_attribute"] + ["catalog.conform_products"] * 3
    assert attributes_of(*products) == [{"storage": n * 1000} for n in range(5)]


def test_renamed_choice_takes_its_products_along_and_its_old_code_stays_understood(keeper, run_owed_work):
    category = CategoryFactory()
    keeper.post(URL, COLOR, format="json")
    one, several = (
        ProductFactory(attributes={"color": "black"}),
        ProductFactory(attributes={"color": ["white", "black"]}),
    )
    run_owed_work()

    answer = keeper.patch(
        f"{URL}color/",
        {"choices": [{"code": "midnight", "label": "Midnight", "was": "black"}, {"code": "white"}]},
        format="json",
    )
    run_owed_work()

    assert [(row["code"], row["former"]) for row in answer.json()["choices"]] == [
        ("midnight", ["black"]),
        ("white", []),
    ]
    assert attributes_of(one, several) == [{"color": "midnight"}, {"color": ["white", "midnight"]}]
    assert (facets(one), facets(several)) == ({"color=midnight"}, {"color=midnight", "color=white"})
    assert clean_attributes(category, {"color": "black"}) == {"color": "midnight"}


def test_two_choices_become_one(keeper, run_owed_work):
    keeper.post(URL, COLOR, format="json")
    products = [ProductFactory(attributes={"color": value}) for value in ("black", ["black", "white"])]
    run_owed_work()

    keeper.patch(f"{URL}color/", {"choices": [{"code": "white", "was": "black"}]}, format="json")
    run_owed_work()

    assert attributes_of(*products) == [{"color": "white"}, {"color": ["white"]}]


def test_renames_of_renames_lead_to_the_last(keeper, run_owed_work):
    keeper.post(URL, COLOR, format="json")
    for old, new in (("black", "dark"), ("dark", "night")):
        body = {"choices": [{"code": new, "was": old}, {"code": "white"}]}
        assert keeper.patch(f"{URL}color/", body, format="json").status_code == 200

    cleaned = [clean_attributes(CategoryFactory(), {"color": code}) for code in ("black", "dark", "night")]

    assert cleaned == [{"color": "night"}] * 3
    keeper.patch(f"{URL}color/", {"choices": [{"code": "night"}, {"code": "black"}]}, format="json")
    assert clean_attributes(CategoryFactory(), {"color": "black"}) == {"color": "black"}


def test_choice_that_products_have_does_not_go(keeper):
    keeper.post(URL, COLOR, format="json")
    ProductFactory(attributes={"color": "black"})
    ProductFactory(variants=[VariantInput(sku="a", price=1, options={"Color": "BLACK"})])
    before = everything()

    answer = keeper.patch(f"{URL}color/", {"choices": [{"code": "white"}]}, format="json")

    assert (answer.status_code, errors(answer)) == (409, [("choice_in_use", "choices")])
    assert (answer.json()["products"], answer.json()["choice"]) == (2, "black")
    assert everything() == before
    unused = keeper.patch(f"{URL}color/", {"choices": [{"code": "black"}]}, format="json")
    assert (unused.status_code, [row["code"] for row in unused.json()["choices"]]) == (200, ["black"])


@pytest.mark.parametrize("body", [{"type": "text", "unit": ""}, {"unit": "TB"}, {"type": "boolean", "unit": ""}])
def test_type_and_unit_of_an_attribute_in_use_are_fixed(keeper, body):
    save_attribute(**STORAGE)
    product = ProductFactory(attributes={"storage": 128})
    before = everything()

    answer = keeper.patch(f"{URL}storage/", body, format="json")

    assert (answer.status_code, errors(answer), answer.json()["products"]) == (409, [("attribute_in_use", None)], 1)
    assert everything() == before
    Product.objects.filter(pk=product.pk).update(attributes={})
    index_products([product.pk])
    assert keeper.patch(f"{URL}storage/", body, format="json").status_code == 200


def test_attribute_in_use_is_not_deleted(keeper, run_owed_work):
    save_attribute(**STORAGE, places=[PlaceInput(CategoryFactory())])
    product = ProductFactory(attributes={"storage": 128})
    before = everything()

    answer = keeper.delete(f"{URL}storage/")

    assert (answer.status_code, errors(answer), answer.json()["products"]) == (409, [("attribute_in_use", None)], 1)
    assert everything() == before
    Product.objects.filter(pk=product.pk).update(attributes={"storage": "lots"})
    index_products([product.pk])
    assert [keeper.delete(f"{URL}storage/").status_code for _ in range(2)] == [204, 404]
    run_owed_work()
    assert facets(product) == {"storage=lots"}  # free text again


def test_code_never_changes(keeper):
    save_attribute(**STORAGE)
    before = everything()

    answer = keeper.put(f"{URL}storage/", STORAGE | {"code": "capacity"}, format="json")

    assert (answer.status_code, errors(answer)) == (400, [("fixed", "code")])
    assert everything() == before


def test_what_a_change_leaves_out_stays(keeper):
    category = CategoryFactory(category_name="Phones")
    keeper.post(URL, COLOR | {"categories": [{"category": "phones", "required": True}]}, format="json")

    answer = keeper.patch(f"{URL}color/", {"label": "Colour", "filterable": False}, format="json").json()

    assert (answer["label"], answer["filterable"], answer["facetable"]) == ("Colour", False, True)
    assert [row["code"] for row in answer["choices"]] == ["black", "white"]
    assert [row["category"]["id"] for row in answer["categories"]] == [str(category.pk)]
    assert keeper.patch(f"{URL}color/", {"categories": []}, format="json").json()["categories"] == []


def test_product_that_was_written_during_a_change_follows_later(run_owed_work):
    save_attribute(**STORAGE)
    run_owed_work()
    # As a writer leaves it that did not know of the definition yet.
    late, long_ago = (ProductFactory(attributes={"storage": "1 TB"}) for _ in range(2))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_product SET facets = '{\"storage=1 tb\"}' WHERE id = %s", [late.pk])
        cursor.execute("UPDATE catalog_product SET updated_at = now() - interval '1 hour' WHERE id = %s", [long_ago.pk])
        cursor.execute("UPDATE ecommerce_outboxmessage SET next_attempt_at = now() WHERE done_at IS NULL")

    ran = run_owed_work()

    assert ran == ["catalog.follow_attribute", "catalog.conform_products"]
    assert (attributes_of(late), facets(late)) == ([{"storage": 1000}], {"storage=1000"})
    assert attributes_of(long_ago) == [{"storage": "1 TB"}]  # only what was being written then
