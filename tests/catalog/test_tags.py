"""Tags over HTTP, and products that carry them."""

from functools import partial
from typing import Any

import pytest

from catalog.models import Product
from catalog.services import soft_delete_product
from catalog.tagging import services
from catalog.tagging.models import Tag
from tests.admin_pages import address, listed, logged_in, member_of_staff, queries_of, statuses, told
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory

pytestmark = pytest.mark.django_db

TAGS, PRODUCTS = "/api/tags/", "/api/products/"


@pytest.fixture
def keeper():
    verbs = ("add", "change", "delete")
    return client_for(member_of_staff("catalog.change_product", *(f"catalog.{verb}_tag" for verb in verbs)))


def errors(answer) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def everything() -> list[Any]:
    return [
        list(Tag.objects.order_by("pk").values()),
        list(Product.objects.order_by("pk").values("tags", "updated_at")),
    ]


def tagged(*names: str, **fields: Any) -> Product:
    product = ProductFactory(**fields)
    services.set_tags(product.pk, names, create=True)
    return product


def tags_of(*products: Product) -> list[list[str]]:
    return [Product.objects.values_list("tags", flat=True).get(pk=product.pk) for product in products]


# --- Who may ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "tail", "body", "needed", "code"),
    [
        ("post", "", {"name": "New"}, ("add_tag",), 201),
        ("put", "sale/", {"name": "New"}, ("change_tag",), 200),
        ("patch", "sale/", {"name": "New"}, ("change_tag",), 200),
        ("delete", "sale/", None, ("delete_tag",), 204),
        ("post", "sale/merge/", {"into": "new-in"}, ("change_tag", "delete_tag"), 200),
    ],
)
def test_only_staff_with_the_permission_write(api_client, method, tail, body, needed, code):
    tagged("Sale", "New in")
    every = [f"catalog.{verb}_tag" for verb in ("view", "add", "change", "delete")]
    outsider = UserFactory()
    outsider.user_permissions.set(member_of_staff(*every).user_permissions.all())
    people = {
        "customer": UserFactory(),
        "seller": UserFactory(role="seller"),
        "permissions without staff": outsider,
        "staff without": member_of_staff("catalog.change_product"),
        **{f"all but {each}": member_of_staff(*(name for name in every if each not in name)) for each in needed},
    }
    before = everything()

    refused = {
        who: getattr(client_for(user), method)(f"{TAGS}{tail}", body).status_code for who, user in people.items()
    }
    anonymous = getattr(api_client, method)(f"{TAGS}{tail}", body).status_code

    assert (refused, anonymous) == (dict.fromkeys(people, 403), 401)
    assert everything() == before
    allowed = client_for(member_of_staff(*(f"catalog.{each}" for each in needed)))
    assert getattr(allowed, method)(f"{TAGS}{tail}", body).status_code == code


def test_products_are_tagged_by_staff_who_may_change_products(api_client, customer):
    product = tagged("Sale")
    path, body = f"{PRODUCTS}{product.pk}/tags/", {"tags": []}
    people = [customer, member_of_staff("catalog.change_tag"), UserFactory(role="seller")]

    codes = [client_for(user).put(path, body, format="json").status_code for user in people]

    assert (codes, api_client.put(path, body, format="json").status_code) == ([403] * 3, 401)
    assert tags_of(product) == [["sale"]]
    clerk = client_for(member_of_staff("catalog.change_product"))
    assert clerk.put(path, body, format="json").json() == {"tags": []}
    assert tags_of(product) == [[]]


# --- Tags -------------------------------------------------------------------------------------------------------


def test_tag_is_created_shown_and_listed(keeper, api_client):
    answer = keeper.post(TAGS, {"name": " Back  to School "})

    row = Tag.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(row.pk),
        "name": "Back to School",
        "url_key": "back-to-school",
        "former": [],
        "product_count": 0,
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert api_client.get(f"{TAGS}back-to-school/").json() == answer.json() == api_client.get(TAGS).json()["results"][0]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("required", "name")]),
        ({"name": "x" * 61}, [("max_length", "name")]),
        ({"name": "\u200b"}, [("blank", "name")]),
        ({"name": "SALE"}, [("unique", "name")]),
        ({"name": "Sale!"}, [("unique", "url_key")]),
        ({"name": "New", "url_key": "sale"}, [("unique", "url_key")]),
        ({"name": "New", "url_key": "A b"}, [("invalid", "url_key")]),
        ({"name": "New", "url_key": "0198c0de00007000800000000000000a"}, [("invalid", "url_key")]),
    ],
)
def test_bad_tag_is_refused_by_field_and_nothing_is_stored(keeper, body, expected):
    tagged("Sale")
    before = everything()

    answer = keeper.post(TAGS, body)

    assert (answer.status_code, errors(answer)) == (400, expected)
    assert everything() == before


def test_tags_count_what_is_for_sale(api_client):
    tagged("Sale", "New")
    tagged("Sale")
    tagged("Sale", is_active=False)
    soft_delete_product(tagged("Sale"))

    counts = {row["url_key"]: row["product_count"] for row in api_client.get(TAGS).json()["results"]}

    assert counts == {"sale": 2, "new": 1}


def test_renamed_tag_takes_its_products_along_and_its_old_key_stays_understood(keeper, api_client):
    product, other = tagged("Sale", "New"), tagged("New")

    name = keeper.patch(f"{TAGS}sale/", {"name": "Clearance"})
    key = keeper.patch(f"{TAGS}sale/", {"url_key": "clearance"})

    assert (name.json()["url_key"], tags_of(other)) == ("sale", [["new"]])
    assert (key.json()["url_key"], key.json()["former"], key.json()["product_count"]) == ("clearance", ["sale"], 1)
    assert tags_of(product) == [["clearance", "new"]]
    assert api_client.get(PRODUCTS, {"tags": "sale"}).json()["count"] == 1
    assert services.set_tags(other.pk, ["sale"]) == ["clearance"]
    back = keeper.patch(f"{TAGS}clearance/", {"url_key": "sale"}).json()
    assert (back["former"], tags_of(product)) == (["clearance"], [["new", "sale"]])


def test_merged_tag_gives_its_products_and_its_keys_to_the_other(keeper, api_client):
    both, one = tagged("Sale", "Offer"), tagged("Offer")
    keeper.patch(f"{TAGS}offer/", {"url_key": "deal"})

    answer = keeper.post(f"{TAGS}deal/merge/", {"into": "sale"})

    assert (answer.status_code, answer.json()["former"], answer.json()["product_count"]) == (200, ["deal", "offer"], 2)
    assert tags_of(both, one) == [["sale"], ["sale"]]
    assert {api_client.get(PRODUCTS, {"tags": key}).json()["count"] for key in ("sale", "deal", "offer")} == {2}
    assert list(Tag.objects.values_list("url_key", flat=True)) == ["sale"]


@pytest.mark.parametrize(
    ("source", "into", "code", "expected"),
    [
        ("sale", "sale", 400, ("tag_into_itself", "into")),
        ("sale", "nothing", 400, ("does_not_exist", "into")),
        ("nothing", "sale", 404, ("not_found", None)),
    ],
)
def test_merge_that_makes_no_sense_changes_nothing(keeper, source, into, code, expected):
    tagged("Sale")
    before = everything()

    answer = keeper.post(f"{TAGS}{source}/merge/", {"into": into})

    assert (answer.status_code, everything()) == (code, before)
    assert [expected[0]] == [row["code"] for row in answer.json()["errors"]]


def test_deleted_tag_is_carried_no_longer(keeper):
    product = tagged("Sale", "New")

    codes = [keeper.delete(f"{TAGS}sale/").status_code for _ in range(2)]

    assert (codes, tags_of(product)) == ([204, 404], [["new"]])


def test_former_key_that_becomes_a_tag_of_its_own_means_itself(keeper):
    tagged("Sale")
    keeper.patch(f"{TAGS}sale/", {"url_key": "clearance"})

    answer = keeper.post(TAGS, {"name": "Summer sale", "url_key": "sale"})

    assert (answer.status_code, Tag.objects.get(url_key="clearance").former) == (201, [])
    assert services.set_tags(ProductFactory().pk, ["sale"]) == ["sale"]


def test_many_products_follow_in_the_background(keeper, monkeypatch, run_owed_work):
    monkeypatch.setattr("catalog.tagging.services.BATCH", 2)
    products = [tagged("Sale") for _ in range(5)]

    keeper.patch(f"{TAGS}sale/", {"url_key": "offer"})
    at_once = tags_of(*products).count(["offer"])

    assert (at_once, run_owed_work()) == (2, ["catalog.retag_products"] * 2)
    assert tags_of(*products) == [["offer"]] * 5


def test_work_left_from_a_rename_does_not_touch_a_tag_that_was_made_anew(keeper, monkeypatch, run_owed_work):
    monkeypatch.setattr("catalog.tagging.services.BATCH", 1)
    products = [tagged("Sale") for _ in range(3)]
    keeper.patch(f"{TAGS}sale/", {"url_key": "offer"})
    keeper.post(TAGS, {"name": "Other sale", "url_key": "sale"})

    run_owed_work()

    assert sorted(tags_of(*products)) == [["offer"], ["sale"], ["sale"]]


# --- Products ---------------------------------------------------------------------------------------------------


def test_products_show_and_are_found_by_their_tags(keeper, api_client):
    first, second = ProductFactory(product_name="First"), ProductFactory(product_name="Second")
    tagged("Else", product_name="Third")

    answer = keeper.put(f"{PRODUCTS}{first.url_key}/tags/", {"tags": ["Sale", "New in", "sale"]}, format="json")
    keeper.put(f"{PRODUCTS}{second.pk}/tags/", {"tags": ["new-in"]}, format="json")

    def found(*keys: str) -> list[str]:
        rows = api_client.get(PRODUCTS, {"tags": keys, "ordering": "product_name"}).json()["results"]
        return [row["product_name"] for row in rows]

    assert (answer.status_code, answer.json()) == (200, {"tags": ["new-in", "sale"]})
    assert (found("sale"), found("new-in"), found("sale", "new-in")) == (
        ["First"],
        ["First", "Second"],
        ["First", "Second"],
    )
    assert api_client.get(f"{PRODUCTS}{first.pk}/").json()["tags"] == ["new-in", "sale"]
    assert {tuple(row["tags"]) for row in api_client.get(PRODUCTS, {"tags": "sale"}).json()["results"]} == {
        ("new-in", "sale")
    }


@pytest.mark.parametrize("query", [{"tags": "nothing"}, {"tags": ["sale", "nothing"]}, {"tags": ["sale"] * 51}])
def test_unknown_tag_is_refused_by_name(api_client, query):
    tagged("Sale")

    answer = api_client.get(PRODUCTS, query)

    assert (answer.status_code, errors(answer)) == (400, [("invalid", "tags")])


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["sale", "unknown"], [("does_not_exist", "tags.1")]),
        (["!!"], [("invalid", "tags.0")]),
        (["x" * 61], [("max_length", "tags.0")]),
        (["x"] * 51, [("max_length", "tags")]),
        ("sale", [("not_a_list", "tags")]),
        ([["sale"]], [("invalid", "tags.0")]),
        (None, [("null", "tags")]),
    ],
)
def test_bad_tags_of_a_product_are_refused_and_nothing_is_stored(tags, expected):
    product = tagged("Sale")
    clerk = client_for(member_of_staff("catalog.change_product"))
    before = everything()

    answer = clerk.put(f"{PRODUCTS}{product.pk}/tags/", {"tags": tags}, format="json")

    assert (answer.status_code, errors(answer)) == (400, expected)
    assert everything() == before


def test_tag_with_another_url_key_is_found_by_its_name(keeper):
    product = tagged("Sale")
    keeper.patch(f"{TAGS}sale/", {"url_key": "offer"})
    keeper.post(TAGS, {"name": "Something", "url_key": "sale"})

    assert services.set_tags(product.pk, ["offer", "Something"], create=True) == ["offer", "sale"]
    assert services.set_tags(product.pk, ["Sale"], create=True) == ["sale"]  # a url_key wins over a name
    assert Tag.objects.count() == 2


def test_setting_the_same_tags_again_writes_nothing():
    product = tagged("Sale")
    before = everything()

    assert services.set_tags(product.pk, ["SALE"]) == ["sale"]
    assert everything() == before


@pytest.mark.parametrize("rows", [1, 10, 100])
def test_reading_takes_the_same_statements_for_any_number_of_rows(api_client, django_assert_num_queries, rows):
    for n in range(rows):
        tagged("Sale", f"Tag {n}")

    with django_assert_num_queries(2):  # count, tags
        assert len(api_client.get(TAGS, {"page_size": 100}).json()["results"]) == min(rows + 1, 100)
    with django_assert_num_queries(2):  # tags, products with their count
        assert len(api_client.get(PRODUCTS, {"tags": "sale", "page_size": 100}).json()["results"]) == rows


# --- At the same time -------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_product_tagged_during_a_rename_a_merge_or_a_deletion_carries_no_tag_that_is_gone(together):
    for n in range(12):
        old = services.save_tag(name=f"Old {n}")
        target = services.save_tag(name=f"Target {n}")
        product = ProductFactory()
        change = [
            partial(services.save_tag, tag_id=old.pk, url_key=f"renamed-{n}"),
            partial(services.merge_tags, old.pk, into=target.pk),
            partial(services.delete_tag, old.pk),
        ][n % 3]

        together(change, partial(services.set_tags, product.pk, [f"old-{n}"]))

        assert set(*tags_of(product)) <= set(Tag.objects.values_list("url_key", flat=True))


@pytest.mark.django_db(transaction=True)
def test_new_tag_used_at_once_is_made_once(together):
    products = [ProductFactory() for _ in range(6)]

    results = together(*(partial(services.set_tags, product.pk, ["Brand new"], create=True) for product in products))

    assert results == [["brand-new"]] * 6
    assert Tag.objects.count() == 1


# --- Admin ------------------------------------------------------------------------------------------------------


def test_admin_creates_renames_merges_and_deletes(staff):
    client = logged_in(staff)
    product = tagged("Sale", "New")
    sale, new = Tag.objects.get(url_key="sale"), Tag.objects.get(url_key="new")

    client.post(address("catalog_tag_add"), {"name": "Fresh one"})
    client.post(address("catalog_tag_change", sale), {"name": "Sale", "url_key": "offer"})
    renamed = tags_of(product)
    taken = client.post(address("catalog_tag_change", new), {"name": "New", "url_key": "OFFER!"})
    merged = client.post(address("catalog_tag_merge", new), {"into": str(sale.pk)})
    gone = tags_of(product)
    client.post(address("catalog_tag_delete", sale), {"post": "yes"})

    assert (renamed, gone, tags_of(product)) == ([["new", "offer"]], [["offer"]], [[]])
    assert taken.status_code == 200
    assert told(merged)[-1] == "New has become part of Sale."
    assert [tag.url_key for tag in listed(client.get(address("catalog_tag_changelist")))] == ["fresh-one"]


def test_admin_is_closed_to_others_and_its_list_takes_the_same_statements(staff, customer):
    tagged("Sale")
    tag, pages_of = Tag.objects.get(), address("catalog_tag_changelist")
    pages = [
        pages_of,
        address("catalog_tag_add"),
        address("catalog_tag_change", tag),
        address("catalog_tag_merge", tag),
    ]
    client = logged_in(staff)

    assert statuses(client, pages) == dict.fromkeys(pages, 200)
    assert statuses(logged_in(customer), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)
    few = queries_of(client, pages_of)
    tagged(*(f"t{n}" for n in range(9)))
    assert queries_of(client, pages_of) == few
