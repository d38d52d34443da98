"""Categories and brands, as staff write them over HTTP."""

from typing import Any
from uuid import uuid4

import pytest

from catalog import services
from catalog.importing.taxonomy import BrandBook
from catalog.models import Brand, Category, Product
from catalog.searching.matching import search_products
from catalog.taxonomy.services import merge_brands, move_merged_products
from tests.admin_pages import member_of_staff
from tests.clients import client_for
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db

CATEGORIES, BRANDS, PRODUCTS, TREE = "/api/categories/", "/api/brands/", "/api/products/", "/api/products/categories/"


@pytest.fixture
def keeper():
    """Staff who may do everything to categories and brands."""
    verbs = ("add", "change", "delete")
    return client_for(member_of_staff(*(f"catalog.{verb}_{name}" for verb in verbs for name in ("category", "brand"))))


def errors(answer) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Category, Brand)] + [
        list(Product.objects.order_by("pk").values("category_id", "brand_id", "updated_at"))
    ]


def found(text: str) -> list[str]:
    return [product.product_name for product in search_products(Product.objects.for_sale(), text)]


# --- Who may ----------------------------------------------------------------------------------------------------

WRITES = [
    ("post", "category", "", {"category_name": "New"}, "add", 201),
    ("put", "category", "{}", {"category_name": "New"}, "change", 200),
    ("patch", "category", "{}", {"category_name": "New"}, "change", 200),
    ("delete", "category", "{}", None, "delete", 204),
    ("post", "brand", "", {"name": "New"}, "add", 201),
    ("put", "brand", "{}", {"name": "New"}, "change", 200),
    ("patch", "brand", "{}", {"name": "New"}, "change", 200),
    ("delete", "brand", "{}", None, "delete", 204),
]


@pytest.mark.parametrize(("method", "model", "tail", "body", "verb", "code"), WRITES)
def test_only_staff_with_the_permission_write(api_client, method, model, tail, body, verb, code):
    row = CategoryFactory() if model == "category" else BrandFactory()
    path = (CATEGORIES if model == "category" else BRANDS) + (f"{row.pk}/" if tail else "")
    every = [f"catalog.{each}_{model}" for each in ("view", "add", "change", "delete")]
    outsider = UserFactory()
    outsider.user_permissions.set(member_of_staff(*every).user_permissions.all())  # all rights, but no staff
    people = {
        "customer": UserFactory(),
        "seller": UserFactory(role="seller"),
        "permissions without staff": outsider,
        "staff without": member_of_staff(),
        "staff with all others": member_of_staff(*(name for name in every if verb not in name)),
    }
    before = everything()

    refused = {who: getattr(client_for(user), method)(path, body).status_code for who, user in people.items()}
    anonymous = getattr(api_client, method)(path, body).status_code

    assert (refused, anonymous) == (dict.fromkeys(people, 403), 401)
    assert everything() == before
    assert getattr(client_for(member_of_staff(f"catalog.{verb}_{model}")), method)(path, body).status_code == code


@pytest.mark.parametrize(
    ("permissions", "code"),
    [
        ((), 403),
        (("catalog.change_brand",), 403),
        (("catalog.delete_brand",), 403),
        (("catalog.add_brand", "catalog.view_brand"), 403),
        (("catalog.change_brand", "catalog.delete_brand"), 200),
    ],
)
def test_merging_asks_for_the_right_to_change_and_to_delete(api_client, permissions, code):
    gone, kept = BrandFactory(), BrandFactory()
    path = f"{BRANDS}{gone.pk}/merge/"

    answer = client_for(member_of_staff(*permissions)).post(path, {"into": str(kept.pk)})

    assert (answer.status_code, api_client.post(path, {"into": str(kept.pk)}).status_code) == (code, 401)
    assert Brand.objects.get(pk=gone.pk).merged_into_id == (kept.pk if code == 200 else None)


# --- Categories -------------------------------------------------------------------------------------------------


def test_category_is_created_below_another_one_and_shows_its_ancestors(keeper):
    top = CategoryFactory(category_name="Electronics")
    parent = CategoryFactory(category_name="Phones", parent=top)

    answer = keeper.post(CATEGORIES, {"category_name": "  Smart\u200b   Phones ", "parent": "phones"})

    row = Category.objects.get(url_key="smart-phones")
    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(row.pk),
        "category_name": "Smart Phones",
        "url_key": "smart-phones",
        "parent": str(parent.pk),
        "product_count": 0,
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
        "ancestors": [
            {"id": str(top.pk), "category_name": "Electronics", "url_key": "electronics"},
            {"id": str(parent.pk), "category_name": "Phones", "url_key": "phones"},
        ],
        "only_defined_attributes": False,
    }
    assert keeper.get(f"{CATEGORIES}smart-phones/").json() == answer.json()


def test_moved_branch_is_found_from_its_new_place_and_not_from_its_old(keeper, api_client):
    old, new = CategoryFactory(category_name="Old"), CategoryFactory(category_name="New")
    moved = CategoryFactory(category_name="Moved", parent=old)
    ProductFactory(product_name="Deep", category=CategoryFactory(category_name="Leaf", parent=moved))

    answer = keeper.patch(f"{CATEGORIES}moved/", {"parent": "new"})

    below = {
        key: api_client.get(PRODUCTS, {"category": key}).json()["count"] for key in ("old", "new", "moved", "leaf")
    }
    assert (answer.status_code, answer.json()["parent"]) == (200, str(new.pk))
    assert below == {"old": 0, "new": 1, "moved": 1, "leaf": 1}
    names = [row["category_name"] for row in api_client.get(f"{CATEGORIES}leaf/").json()["ancestors"]]
    assert names == ["New", "Moved"]
    assert keeper.patch(f"{CATEGORIES}moved/", {"parent": None}).json()["ancestors"] == []


def test_renamed_category_lets_its_products_be_found_by_the_new_name(keeper):
    category = CategoryFactory(category_name="Kettles")
    ProductFactory(product_name="Boiler", category=category)

    answer = keeper.patch(f"{CATEGORIES}{category.pk}/", {"category_name": "Teapots"})

    assert (answer.json()["category_name"], answer.json()["url_key"]) == ("Teapots", "kettles")
    assert (found("teapots"), found("kettles")) == (["Boiler"], [])


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_a_change_leaves_out_stays(keeper, method):
    parent = CategoryFactory(category_name="Parent")
    CategoryFactory(category_name="Child", url_key="kid", parent=parent)

    answer = getattr(keeper, method)(f"{CATEGORIES}kid/", {"category_name": "Renamed"})

    row = Category.objects.get(url_key="kid")
    assert (answer.status_code, row.category_name, row.parent_id) == (200, "Renamed", parent.pk)


REFUSED = [
    ({}, [("required", "category_name")]),
    ({"category_name": " "}, [("blank", "category_name")]),
    ({"category_name": "\u200b"}, [("blank", "category_name")]),
    ({"category_name": "x" * 121}, [("max_length", "category_name")]),
    ({"category_name": "a\x00b"}, [("parse_error", None)]),
    ({"category_name": ["a"]}, [("invalid", "category_name")]),
    ({"category_name": "pHONES"}, [("unique", "category_name")]),
    ({"category_name": "New", "url_key": "PHONES"}, [("unique", "url_key")]),
    ({"category_name": "Phones!"}, [("unique", "url_key")]),  # the key made from the name
    ({"category_name": "New", "url_key": "a b"}, [("invalid", "url_key")]),
    ({"category_name": "New", "url_key": str(uuid4())}, [("invalid", "url_key")]),
    ({"category_name": "New", "url_key": uuid4().hex}, [("invalid", "url_key")]),
    ({"category_name": "New", "url_key": "x" * 141}, [("max_length", "url_key")]),
    ({"category_name": "New", "parent": "nowhere"}, [("does_not_exist", "parent")]),
    ({"category_name": "New", "parent": str(uuid4())}, [("does_not_exist", "parent")]),
    ({"category_name": "New", "parent": {"id": 1}}, [("invalid", "parent")]),
    ({"category_name": "Phones", "url_key": "phones"}, [("unique", "category_name"), ("unique", "url_key")]),
]


@pytest.mark.parametrize(("body", "expected"), REFUSED)
def test_bad_category_is_refused_by_field_and_nothing_is_stored(keeper, body, expected):
    CategoryFactory(category_name="Phones")
    before = everything()

    answer = keeper.post(CATEGORIES, body, format="json")

    assert (answer.status_code, errors(answer)) == (400, expected)
    assert everything() == before


def test_category_may_keep_its_own_name_in_another_case(keeper):
    CategoryFactory(category_name="phones", url_key="phones")

    answer = keeper.put(f"{CATEGORIES}phones/", {"category_name": "Phones", "url_key": "phones"})

    assert (answer.status_code, answer.json()["category_name"]) == (200, "Phones")


@pytest.mark.parametrize("target", ["top", "middle", "leaf"])
def test_cycle_is_refused_and_changes_nothing(keeper, target):
    top = CategoryFactory(category_name="Top")
    CategoryFactory(category_name="Leaf", parent=CategoryFactory(category_name="Middle", parent=top))
    before = everything()

    answer = keeper.patch(f"{CATEGORIES}top/", {"parent": target})

    assert (answer.status_code, errors(answer)) == (400, [("category_cycle", "parent")])
    assert everything() == before


def test_tree_has_a_depth_limit_also_for_a_branch_that_moves(keeper):
    deep = None
    for n in range(services.MAX_DEPTH - 1):
        deep = CategoryFactory(category_name=f"Level {n}", parent=deep)
    CategoryFactory(category_name="Below", parent=CategoryFactory(category_name="Branch"))
    before = everything()

    moved = keeper.patch(f"{CATEGORIES}branch/", {"parent": deep.url_key})
    last = keeper.post(CATEGORIES, {"category_name": "Last", "parent": deep.url_key})
    too_deep = keeper.post(CATEGORIES, {"category_name": "More", "parent": "last"})

    assert (moved.status_code, errors(moved)) == (400, [("category_too_deep", "parent")])
    assert (last.status_code, too_deep.status_code, errors(too_deep)) == (201, 400, [("category_too_deep", "parent")])
    assert not Category.objects.filter(category_name="More").exists()
    Category.objects.filter(url_key="last").delete()
    assert everything() == before


def test_category_in_use_is_not_deleted(keeper):
    category = CategoryFactory(category_name="Phones")
    CategoryFactory(parent=category)
    ProductFactory(category=category)
    services.soft_delete_product(ProductFactory(category=category))
    before = everything()

    answer = keeper.delete(f"{CATEGORIES}phones/")

    assert (answer.status_code, errors(answer)) == (409, [("category_in_use", None)])
    assert (answer.json()["products"], answer.json()["children"]) == (2, 1)
    assert everything() == before


def test_empty_category_is_deleted_and_gone(keeper):
    CategoryFactory(category_name="Phones", parent=CategoryFactory(category_name="Top"))

    codes = [keeper.delete(f"{CATEGORIES}phones/").status_code for _ in range(2)]

    assert (codes, list(Category.objects.values_list("url_key", flat=True))) == ([204, 404], ["top"])


def test_unknown_parameters_of_the_tree_are_refused_by_name(api_client):
    answer = api_client.get(TREE, {"x": "1", "page": "2"})

    assert (answer.status_code, errors(answer)) == (400, [("invalid", "page"), ("invalid", "x")])
    assert api_client.get(TREE).status_code == 200


# --- Brands -----------------------------------------------------------------------------------------------------


def test_brand_is_created_changed_and_deleted(keeper):
    logo = "https://cdn.example/logo.svg"

    created = keeper.post(BRANDS, {"name": "Cooler Master", "image_url": logo})
    changed = keeper.patch(f"{BRANDS}cooler-master/", {"url_key": "cm"})
    replaced = keeper.put(f"{BRANDS}cm/", {"name": "Coolermaster"})

    row = Brand.objects.get()
    assert (created.status_code, changed.status_code, replaced.status_code) == (201, 200, 200)
    assert replaced.json() == keeper.get(f"{BRANDS}{row.pk}/").json() == keeper.get(BRANDS).json()["results"][0]
    assert replaced.json() == {
        "id": str(row.pk),
        "name": "Coolermaster",
        "url_key": "cm",
        "image_url": logo,
        "product_count": 0,
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert (keeper.delete(f"{BRANDS}cm/").status_code, Brand.objects.count()) == (204, 0)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("required", "name")]),
        ({"name": "SAMSUNG"}, [("unique", "name")]),
        ({"name": "New", "url_key": "Samsung"}, [("unique", "url_key")]),
        ({"name": "Samsung!"}, [("unique", "url_key")]),
        ({"name": "New", "image_url": "http://cdn.example/a.png"}, [("invalid", "image_url")]),
        ({"name": "New", "image_url": "javascript:alert(1)"}, [("invalid", "image_url")]),
        ({"name": "New", "url_key": uuid4().hex}, [("invalid", "url_key")]),
    ],
)
def test_bad_brand_is_refused_by_field_and_nothing_is_stored(keeper, body, expected):
    BrandFactory(name="Samsung")
    before = everything()

    answer = keeper.post(BRANDS, body)

    assert (answer.status_code, errors(answer)) == (400, expected)
    assert everything() == before


def test_brand_counts_what_is_for_sale(api_client):
    samsung = BrandFactory(name="Samsung")
    BrandFactory(name="Zanussi")
    ProductFactory(brand=samsung)
    ProductFactory(brand=samsung, is_active=False)
    services.soft_delete_product(ProductFactory(brand=samsung))

    rows = api_client.get(BRANDS).json()["results"]

    assert [(row["name"], row["product_count"]) for row in rows] == [("Samsung", 1), ("Zanussi", 0)]


def test_brand_in_use_is_not_deleted(keeper):
    brand = BrandFactory(name="Samsung")
    services.soft_delete_product(ProductFactory(brand=brand))
    before = everything()

    answer = keeper.delete(f"{BRANDS}samsung/")

    assert (answer.status_code, errors(answer), answer.json()["products"]) == (409, [("brand_in_use", None)], 1)
    assert everything() == before


def test_renamed_brand_lets_its_products_be_found_by_the_new_name(keeper):
    ProductFactory(product_name="Boiler", brand=BrandFactory(name="Ramtons"))

    keeper.patch(f"{BRANDS}ramtons/", {"name": "Hotpoint"})

    assert (found("hotpoint"), found("ramtons")) == (["Boiler"], [])


def test_merged_brand_gives_its_products_and_its_names_to_the_other(keeper, api_client):
    gone, kept = BrandFactory(name="Coolermaster"), BrandFactory(name="Cooler Master")
    product = ProductFactory(product_name="Fan", brand=gone)

    answer = keeper.post(f"{BRANDS}coolermaster/merge/", {"into": "cooler-master"})

    product.refresh_from_db()
    assert (answer.status_code, answer.json()["id"], answer.json()["product_count"]) == (200, str(kept.pk), 1)
    assert (product.brand_id, found("cooler")) == (kept.pk, ["Fan"])
    assert [row["name"] for row in api_client.get(BRANDS).json()["results"]] == ["Cooler Master"]
    assert {api_client.get(f"{BRANDS}{key}/").json()["id"] for key in ("coolermaster", gone.pk)} == {str(kept.pk)}
    assert api_client.get(PRODUCTS, {"brand": "coolermaster"}).json()["count"] == 1
    assert keeper.post(f"{BRANDS}coolermaster/merge/", {"into": "cooler-master"}).status_code == 200


def test_product_that_is_written_with_a_former_brand_gets_the_present_one():
    gone, kept = BrandFactory(), BrandFactory()
    merge_brands(gone.pk, into=kept.pk)

    product, other = ProductFactory(brand=gone), ProductFactory()
    Product.objects.filter(pk=other.pk).update(brand=gone)

    assert set(Product.objects.values_list("pk", "brand_id")) == {(product.pk, kept.pk), (other.pk, kept.pk)}


def test_former_names_follow_when_their_brand_is_merged_too(api_client):
    first, second, third = BrandFactory(name="First"), BrandFactory(name="Second"), BrandFactory(name="Third")

    merge_brands(first.pk, into=second.pk)
    merge_brands(second.pk, into=third.pk)

    assert {api_client.get(f"{BRANDS}{key}/").json()["id"] for key in ("first", "second", "third")} == {str(third.pk)}


@pytest.mark.parametrize(
    ("source", "into", "code", "expected"),
    [
        ("kept", "kept", 400, ("brand_into_itself", "into")),
        ("kept", "former", 409, ("brand_merged", "into")),
        ("former", "other", 409, ("brand_merged", None)),
        ("kept", "nobody", 400, ("does_not_exist", "into")),
        ("nobody", "kept", 404, ("not_found", None)),
    ],
)
def test_merge_that_makes_no_sense_changes_nothing(keeper, source, into, code, expected):
    former, kept = BrandFactory(name="Former"), BrandFactory(name="Kept")
    BrandFactory(name="Other")
    merge_brands(former.pk, into=kept.pk)
    ProductFactory(brand=kept)
    before = everything()

    answer = keeper.post(f"{BRANDS}{source}/merge/", {"into": into})

    assert (answer.status_code, errors(answer)) == (code, [expected])
    assert everything() == before


def test_former_name_is_not_changed_but_can_be_freed(keeper):
    former, kept = BrandFactory(name="Former"), BrandFactory(name="Kept")
    merge_brands(former.pk, into=kept.pk)

    refused = keeper.patch(f"{BRANDS}former/", {"name": "Else"})
    taken = keeper.post(BRANDS, {"name": "Former"})
    freed = keeper.delete(f"{BRANDS}former/")

    assert (refused.status_code, errors(refused)) == (409, [("brand_merged", None)])
    assert refused.json()["into"] == str(kept.pk)
    assert errors(taken) == [("unique", "name")]
    assert (freed.status_code, list(Brand.objects.values_list("name", flat=True))) == (204, ["Kept"])


def test_merge_of_many_products_goes_on_in_the_background(monkeypatch, run_owed_work):
    monkeypatch.setattr("catalog.taxonomy.services.BATCH", 2)
    gone, kept = BrandFactory(), BrandFactory()
    for _ in range(5):
        ProductFactory(brand=gone)

    merge_brands(gone.pk, into=kept.pk)
    at_once = kept.products.count()
    ran = run_owed_work()

    assert (at_once, ran) == (2, ["catalog.move_merged_products"] * 2)
    assert (gone.products.count(), kept.products.count()) == (0, 5)
    move_merged_products(kept.pk)  # of a brand that was not merged: nothing
    assert kept.products.count() == 5


def test_rename_of_a_large_category_is_finished_in_the_background(monkeypatch, run_owed_work, keeper):
    monkeypatch.setattr("catalog.searching.indexing.BATCH", 2)
    category = CategoryFactory(category_name="Kettles")
    for n in range(5):
        ProductFactory(product_name=f"Boiler {n}", category=category)

    keeper.patch(f"{CATEGORIES}kettles/", {"category_name": "Teapots"})
    at_once = len(found("teapots"))

    assert (at_once, run_owed_work()) == (2, ["catalog.index_products"] * 2)
    assert (len(found("teapots")), found("kettles")) == (5, [])


@pytest.mark.parametrize("rows", [1, 10, 100])
def test_reading_takes_the_same_statements_for_any_number_of_rows(api_client, django_assert_num_queries, rows):
    parent = None
    for n in range(min(rows, services.MAX_DEPTH)):
        parent = CategoryFactory(category_name=f"Level {n:03d}", parent=parent)
    for n in range(rows):
        CategoryFactory(category_name=f"Shelf {n:03d}", parent=CategoryFactory(category_name=f"Top {n:03d}"))
        brand = BrandFactory(name=f"Maker {n:03d}")
    ProductFactory(brand=brand, category=parent)

    for path, statements in (
        (f"{BRANDS}?page_size=100", 2),
        (f"{CATEGORIES}?page_size=100", 2),
        (f"{CATEGORIES}{parent.pk}/", 2 if parent.parent_id else 1),
        (f"{BRANDS}{brand.pk}/", 2),
    ):
        with django_assert_num_queries(statements):
            assert api_client.get(path).status_code == 200


def test_import_that_names_a_former_brand_means_the_present_one():
    gone, kept = BrandFactory(name="Coolermaster", url_key="cm"), BrandFactory(name="Cooler Master Ltd")
    merge_brands(gone.pk, into=kept.pk)

    found = BrandBook({}).resolve(["COOLER-MASTER", "CM", "Cooler Master Ltd"])

    assert (set(found.values()), Brand.objects.count()) == ({kept.pk}, 2)
