"""Collections over HTTP: who may do what, what a rule finds, what is refused and changes nothing."""

import time
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import services as catalog_services
from catalog.attributes.services import delete_attribute, save_attribute
from catalog.curation import services
from catalog.curation.models import Collection, CollectionProduct
from catalog.models import Product
from tests.admin_pages import address, logged_in, member_of_staff, queries_of, statuses
from tests.clients import client_for
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db

COLLECTIONS, PRODUCTS = "/api/collections/", "/api/products/"
RIGHTS = ("view", "add", "change", "delete")
LONG_AGO = timezone.now() - timedelta(days=365)


def errors(answer):
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def names(answer):
    assert answer.status_code == 200, answer.json()
    return [row["product_name"] for row in answer.json()["results"]]


def everything():
    return [sorted(map(str, model.objects.values_list())) for model in (Collection, CollectionProduct)]


def by_hand(*products, **fields):
    made = services.save_collection(**{"name": f"C{uuid4().hex}", "published_from": LONG_AGO, **fields})
    services.set_products(made.pk, [product.pk for product in products])
    return made


def by_rule(rule, **fields):
    fields = {"name": f"C{uuid4().hex}", "published_from": LONG_AGO, **fields}
    return services.save_collection(kind="by_rule", rule=rule, **fields)


def products_in(collection, client=None, **query):
    return names((client or client_for(None)).get(f"{COLLECTIONS}{collection.pk}/products/", query))


@pytest.fixture
def editor():
    return client_for(member_of_staff(*(f"catalog.{right}_collection" for right in RIGHTS)))


@pytest.fixture
def shop():
    """Products in a tree of categories, of two brands, with attributes."""
    electronics = CategoryFactory(category_name="Electronics")
    phones = CategoryFactory(category_name="Phones", parent=electronics)
    cables = CategoryFactory(category_name="Cables", parent=electronics)
    samsung, anker = BrandFactory(name="Samsung"), BrandFactory(name="Anker")
    ProductFactory(
        product_name="A15", category=phones, brand=samsung, price=Decimal(20000), attributes={"color": "black"}
    )
    ProductFactory(
        product_name="A55", category=phones, brand=samsung, price=Decimal(50000), stock=0, attributes={"color": "white"}
    )
    ProductFactory(product_name="Cable", category=cables, brand=anker, price=Decimal(500))
    ProductFactory(product_name="Plug", category=electronics, price=Decimal(300), attributes={"color": "white"})
    ProductFactory(product_name="Book", price=Decimal(1000))
    Product.objects.filter(product_name="Plug").update(created_at=LONG_AGO)
    Product.objects.filter(product_name="A15").update(rating=Decimal("4.50"), review_count=2)
    Product.objects.filter(product_name="Cable").update(rating=Decimal("3.00"), review_count=1)


# --- Rules ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({"category": ["electronics"]}, {"A15", "A55", "Cable", "Plug"}),
        ({"category": "phones"}, {"A15", "A55"}),
        ({"category": ["phones", "cables"]}, {"A15", "A55", "Cable"}),
        ({"brand": ["samsung", "anker"]}, {"A15", "A55", "Cable"}),
        ({"min_price": "500"}, {"A15", "A55", "Cable", "Book"}),
        ({"min_price": "500.00", "max_price": "1000.00"}, {"Cable", "Book"}),
        ({"max_price": "299.99"}, set()),
        ({"in_stock": True}, {"A15", "Cable", "Plug", "Book"}),
        ({"in_stock": False}, {"A55"}),
        ({"attributes": {"color": ["black", "white"]}}, {"A15", "A55", "Plug"}),
        ({"attributes": {"color": "White"}}, {"A55", "Plug"}),
        ({"created_within_days": 30}, {"A15", "A55", "Cable", "Book"}),
        ({"min_rating": "3"}, {"A15", "Cable"}),
        ({"min_rating": "4.5"}, {"A15"}),
        ({"category": ["electronics"], "in_stock": True, "attributes": {"color": ["white"]}}, {"Plug"}),
    ],
)
def test_rule_finds_what_fits_all_its_conditions(shop, api_client, rule, found):
    made = by_rule(rule)

    assert set(products_in(made)) == found
    assert set(names(api_client.get(PRODUCTS, {"collection": made.url_key}))) == found


def test_rule_is_never_stale(shop):
    made = by_rule({"category": ["phones"], "max_price": "30000.00", "in_stock": True})
    assert products_in(made) == ["A15"]

    phone = ProductFactory(product_name="A06", category=Product.objects.get(product_name="A15").category)
    assert products_in(made) == ["A06", "A15"]
    catalog_services.stock.adjust_stock({phone.variants.get().pk: -10})
    assert products_in(made) == ["A15"]
    smart = CategoryFactory(category_name="Smartphones")
    ProductFactory(product_name="Fold", category=smart)
    assert products_in(made) == ["A15"]
    catalog_services.save_category(category=smart, category_name="Smart", parent=phone.category)
    assert products_in(made) == ["Fold", "A15"]
    catalog_services.save_category(category=phone.category, category_name="Mobile", url_key="mobile")
    assert products_in(made) == ["Fold", "A15"]
    catalog_services.soft_delete_product(Product.objects.get(product_name="Fold"))
    assert products_in(made) == ["A15"]


def test_rule_about_a_category_that_is_gone_finds_nothing():
    category = CategoryFactory(category_name="Phones")
    made = by_rule({"category": ["phones"]})
    ProductFactory()
    category.delete()

    assert products_in(made) == []


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    low=st.none() | st.integers(0, 60000),
    high=st.none() | st.integers(0, 60000),
    in_stock=st.none() | st.booleans(),
    brand=st.none() | st.sampled_from(["samsung", "anker"]),
)
def test_rule_finds_what_the_same_filters_of_the_list_find(shop, low, high, in_stock, brand):
    if low is not None and high is not None:
        low, high = sorted([low, high])
    given_conditions = {
        "min_price": None if low is None else str(low),
        "max_price": None if high is None else str(high),
        "in_stock": in_stock,
        "brand": brand,
    }
    rule = {name: value for name, value in given_conditions.items() if value is not None}
    if not rule:
        return

    query = {name: str(value).lower() for name, value in rule.items()}

    assert products_in(by_rule(rule)) == names(client_for(None).get(PRODUCTS, query))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [("rule_required", "rule")]),
        ({"colour": "red"}, [("unknown_condition", "rule.colour")]),
        ({"category": ["phones", "none"]}, [("unknown_category", "rule.category.1")]),
        ({"brand": ["none"]}, [("unknown_brand", "rule.brand.0")]),
        ({"category": []}, [("invalid", "rule.category")]),
        ({"category": [5]}, [("invalid", "rule.category.0")]),
        ({"category": ["phones"] * 51}, [("invalid", "rule.category")]),
        ({"category": {"id": 1}}, [("invalid", "rule.category")]),
        ({"min_price": 5}, [("invalid", "rule.min_price")]),
        ({"min_price": "-5"}, [("invalid", "rule.min_price")]),
        ({"max_price": "NaN"}, [("invalid", "rule.max_price")]),
        ({"max_price": "1" * 30}, [("invalid", "rule.max_price")]),
        ({"max_price": "٣"}, [("invalid", "rule.max_price")]),
        ({"min_price": "5", "max_price": "4"}, [("price_range_backwards", "rule.max_price")]),
        ({"in_stock": "true"}, [("invalid", "rule.in_stock")]),
        ({"in_stock": None}, [("invalid", "rule.in_stock")]),
        ({"attributes": {"none": ["x"]}}, [("unknown_attribute", "rule.attributes.none")]),
        ({"attributes": {"color": []}}, [("invalid", "rule.attributes.color")]),
        ({"attributes": {"color": [["x"]]}}, [("invalid", "rule.attributes.color.0")]),
        ({"attributes": []}, [("invalid", "rule.attributes")]),
        ({"created_within_days": 0}, [("invalid", "rule.created_within_days")]),
        ({"created_within_days": True}, [("invalid", "rule.created_within_days")]),
        ({"created_within_days": 10**9}, [("invalid", "rule.created_within_days")]),
        ({"min_rating": "5.01"}, [("invalid", "rule.min_rating")]),
        ({"min_rating": 4}, [("invalid", "rule.min_rating")]),
        (
            {"brand": ["none"], "colour": 1, "in_stock": 1},
            [("unknown_brand", "rule.brand.0"), ("unknown_condition", "rule.colour"), ("invalid", "rule.in_stock")],
        ),
    ],
)
def test_every_wrong_condition_is_named_and_nothing_is_stored(shop, editor, rule, expected):
    made = by_rule({"in_stock": True})
    before = everything()

    new = editor.post(COLLECTIONS, {"name": "New", "kind": "by_rule", "rule": rule})
    changed = editor.patch(f"{COLLECTIONS}{made.pk}/", {"rule": rule})

    assert [(answer.status_code, errors(answer)) for answer in (new, changed)] == [(400, expected)] * 2
    assert everything() == before


# --- Writing ----------------------------------------------------------------------------------------------------


def test_collection_is_made_changed_and_deleted_by_staff(shop, editor, api_client):
    phones = Product.objects.get(product_name="A15").category

    made = editor.post(COLLECTIONS, {"name": "Cheap phones", "kind": "by_rule", "rule": {"category": "phones"}})
    path = f"{COLLECTIONS}cheap-phones/"

    assert made.status_code == 201, made.json()
    assert made.json() == {
        "id": made.json()["id"],
        "name": "Cheap phones",
        "url_key": "cheap-phones",
        "description": "",
        "position": 0,
        "kind": "by_rule",
        "rule": {"category": [str(phones.pk)]},
        "published_from": None,
        "published_until": None,
        "created_at": made.json()["created_at"],
        "updated_at": made.json()["updated_at"],
    }
    assert api_client.get(path).status_code == 404
    assert editor.patch(path, {"published_from": "2026-01-01T00:00:00Z"}).status_code == 200
    assert api_client.get(path).json()["rule"] == {"category": [str(phones.pk)]}
    assert editor.put(path, {"name": "Phones"}).json()["name"] == "Phones"
    assert editor.delete(path).status_code == 204
    assert not Collection.objects.exists()
    assert Product.objects.count() == 5


def test_products_by_hand_are_set_and_reordered_in_one_call(editor, api_client):
    one, two, three = (ProductFactory(product_name=name) for name in ("One", "Two", "Three"))
    made = by_hand(one, two, three)
    path = f"{COLLECTIONS}{made.url_key}/products/"
    assert names(api_client.get(path)) == ["One", "Two", "Three"]

    answer = editor.put(path, {"products": [str(three.pk), str(one.pk)]})

    assert (answer.status_code, answer.json()["id"]) == (200, str(made.pk))
    assert names(api_client.get(path)) == ["Three", "One"]
    assert names(api_client.get(path, {"ordering": "product_name"})) == ["One", "Three"]
    assert sorted(names(api_client.get(PRODUCTS, {"collection": str(made.pk)}))) == ["One", "Three"]
    catalog_services.soft_delete_product(three)
    assert names(api_client.get(path)) == ["One"]
    assert editor.put(path, {"products": []}).status_code == 200
    assert names(api_client.get(path)) == []


def test_every_wrong_product_is_named_and_nothing_changes(editor):
    one, two, gone = ProductFactory(), ProductFactory(), ProductFactory()
    catalog_services.soft_delete_product(gone)
    made = by_hand(one, two)
    before = everything()

    answer = editor.put(
        f"{COLLECTIONS}{made.pk}/products/",
        {"products": [str(two.pk), str(two.pk), str(uuid4()), str(gone.pk)]},
    )

    assert (answer.status_code, errors(answer)) == (
        400,
        [("product_twice", "products.1"), ("unknown_product", "products.2"), ("unknown_product", "products.3")],
    )
    assert everything() == before


@pytest.mark.parametrize("products", ["x", ["x"], [None], [str(uuid4())] * 1001, {"a": 1}])
def test_malformed_products_are_refused_and_nothing_changes(editor, products):
    made = by_hand(ProductFactory())
    before = everything()

    assert editor.put(f"{COLLECTIONS}{made.pk}/products/", {"products": products}).status_code == 400
    assert everything() == before


def test_products_of_a_collection_by_rule_are_not_set(editor):
    made = by_rule({"in_stock": True})

    answer = editor.put(f"{COLLECTIONS}{made.pk}/products/", {"products": [str(ProductFactory().pk)]})

    assert (answer.status_code, errors(answer)) == (409, [("collection_by_rule", None)])
    assert not CollectionProduct.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "by_rule", "rule": {"in_stock": True}}, 409, "kind_fixed"),
        ({"kind": "by_magic"}, 400, "invalid_choice"),
        ({"rule": {"in_stock": True}}, 400, "rule_of_a_collection_by_hand"),
        ({"rule": "all"}, 400, "not_a_dict"),
        (
            {"published_from": "2027-01-02T00:00:00Z", "published_until": "2027-01-01T00:00:00Z"},
            400,
            "period_backwards",
        ),
        ({"name": ""}, 400, "blank"),
        ({"name": "Taken"}, 400, "unique"),
        ({"url_key": "a b"}, 400, "invalid"),
        ({"position": -1}, 400, "min_value"),
        ({"description": "x" * 5001}, 400, "max_length"),
    ],
)
def test_refused_change_changes_nothing(editor, body, status, code):
    by_hand(name="Taken")
    made = by_hand()
    before = everything()

    answer = editor.patch(f"{COLLECTIONS}{made.pk}/", body)

    assert (answer.status_code, [code for code, _ in errors(answer)]) == (status, [code])
    assert everything() == before


def test_name_that_makes_a_taken_url_key_is_a_conflict(editor):
    by_hand(name="New phones")

    answer = editor.post(COLLECTIONS, {"name": "New Phones"})

    assert (answer.status_code, errors(answer)) == (409, [("conflict", None)])
    assert Collection.objects.count() == 1


def test_database_refuses_what_no_collection_may_be():
    made = by_hand()
    for change in ({"rule": {"in_stock": True}}, {"kind": "by_rule"}, {"published_until": LONG_AGO}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Collection.objects.filter(pk=made.pk).update(**change)


def test_two_who_set_the_products_at_once_leave_the_list_of_one(together):
    made = by_hand()
    products = [product.pk for product in ProductFactory.create_batch(6)]
    wanted = [products[:3], products[3:], products[::-1]]

    for _ in range(5):
        together(*(lambda ids=ids: services.set_products(made.pk, ids) for ids in wanted * 2))

        assert list(made.places.order_by("position").values_list("product_id", flat=True)) in wanted


# --- Rights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["nobody", "customer", "staff without rights", "staff with the other rights"])
def test_writing_takes_the_right_of_the_model(who):
    made = by_hand(ProductFactory())
    path = f"{COLLECTIONS}{made.pk}/"
    calls = [
        ("post", COLLECTIONS, {"name": "Mine"}, "add"),
        ("patch", path, {"name": "Mine"}, "change"),
        ("put", path, {"name": "Mine"}, "change"),
        ("delete", path, {}, "delete"),
        ("put", f"{path}products/", {"products": []}, "change"),
    ]
    before = everything()

    found = set()
    for method, called, body, right in calls:
        others = (f"catalog.{other}_collection" for other in RIGHTS if other != right)
        user = {
            "nobody": lambda: None,
            "customer": UserFactory,
            "staff without rights": member_of_staff,
            "staff with the other rights": lambda others=others: member_of_staff(*others),
        }[who]()
        found.add(getattr(client_for(user), method)(called, body).status_code)

    assert found == {401 if who == "nobody" else 403}
    assert everything() == before


def test_what_is_not_published_does_not_exist_for_others(editor):
    now = timezone.now()
    product = ProductFactory()
    shown = by_hand(product, name="Shown", published_until=now + timedelta(1))
    hidden = [
        by_hand(product, name="Draft", published_from=None),
        by_hand(product, name="To come", published_from=now + timedelta(1)),
        by_hand(product, name="Past", published_until=now - timedelta(1)),
    ]
    for reader in (client_for(None), client_for(UserFactory()), client_for(member_of_staff())):
        assert [row["name"] for row in reader.get(COLLECTIONS).json()["results"]] == ["Shown"]
        for each in hidden:
            for path in (f"{COLLECTIONS}{each.pk}/", f"{COLLECTIONS}{each.url_key}/products/"):
                assert reader.get(path).status_code == 404
            answer = reader.get(PRODUCTS, {"collection": each.url_key})
            assert (answer.status_code, errors(answer)) == (400, [("invalid", "collection")])
    assert products_in(shown) == [product.product_name]
    assert editor.get(COLLECTIONS).json()["count"] == 4
    assert products_in(hidden[0], editor) == [product.product_name]


# --- Reading --------------------------------------------------------------------------------------------------


def test_products_of_a_collection_take_the_filters_of_the_list(shop, api_client):
    path = f"{COLLECTIONS}{by_rule({'category': ['electronics']}).pk}/products/"
    plug = Product.objects.get(product_name="Plug")

    assert names(api_client.get(path, {"price_max": "500", "ordering": "price"})) == ["Plug", "Cable"]
    assert names(api_client.get(path, {"search": "cable"})) == ["Cable"]
    assert names(api_client.get(path, {"page_size": 1, "page": 2, "sort": "price"})) == ["Cable"]
    assert [row for row in api_client.get(path).json()["results"] if row["id"] == str(plug.pk)] == [
        row for row in api_client.get(PRODUCTS).json()["results"] if row["id"] == str(plug.pk)
    ]
    for query, attr in (
        ({"colour": "x"}, "colour"),
        ({"ordering": "position"}, "ordering"),
        ({"cursor": ""}, "cursor"),
    ):
        assert [attr for _, attr in errors(api_client.get(path, query))] == [attr]


@pytest.mark.parametrize("rows", [1, 10, 100])
def test_reading_takes_the_same_statements_for_any_number_of_rows(api_client, django_assert_num_queries, rows):
    category = CategoryFactory(category_name="Phones")
    products = ProductFactory.create_batch(rows, category=category, brand=BrandFactory())
    hand, rule = by_hand(*products), by_rule({"category": ["phones"], "in_stock": True, "min_price": "1"})
    by_hand()

    for collection in (hand, rule):
        with django_assert_num_queries(2):  # collection, products with their count
            answer = api_client.get(f"{COLLECTIONS}{collection.pk}/products/", {"page_size": 100})
        assert answer.json()["count"] == rows
        with django_assert_num_queries(2):
            api_client.get(PRODUCTS, {"collection": collection.url_key, "page_size": 100})
    with django_assert_num_queries(2):  # count, collections
        api_client.get(COLLECTIONS)


def test_rule_by_what_is_gone_is_an_empty_page(api_client):
    ProductFactory()
    attribute = save_attribute(code="pins", label="Pins", type="number")
    collection = by_rule({"attributes": {"pins": ["1..3"]}})
    addresses = (f"{COLLECTIONS}{collection.pk}/products/", f"{PRODUCTS}?collection={collection.url_key}")

    delete_attribute(attribute.pk)

    assert [api_client.get(address).json()["count"] for address in addresses] == [0, 0]


def test_product_that_has_become_too_old_for_a_rule_is_counted_no_more(api_client, settings):
    settings.CATALOGUE_CACHE = True
    young, old = ProductFactory(), ProductFactory()
    Product.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(days=1) + timedelta(seconds=1.5))
    collection = by_rule({"created_within_days": 1})
    address = f"{COLLECTIONS}{collection.pk}/products/"

    def shown() -> tuple[int, int]:
        page = api_client.get(address).json()
        return page["count"], len(page["results"])

    before = shown()
    time.sleep(1.6)  # nobody writes, only time goes by

    assert (before, shown()) == ((2, 2), (1, 1))
    assert young.pk != old.pk


# --- Admin ------------------------------------------------------------------------------------------------------


def test_admin_pages_open_for_those_who_may(client, staff):
    hand, rule = by_hand(ProductFactory()), by_rule({"in_stock": True})
    pages = [
        address("catalog_collection_changelist"),
        address("catalog_collection_add"),
        address("catalog_collection_change", hand),
        address("catalog_collection_change", rule),
    ]

    assert statuses(logged_in(staff), pages) == dict.fromkeys(pages, 200)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)
    assert statuses(client, pages) == dict.fromkeys(pages, 302)


def form(**fields):
    periods = {f"published_{end}_{part}": "" for end in ("from", "until") for part in (0, 1)}
    body = {"name": "New", "url_key": "new", "description": "", "position": 0, "kind": "by_rule", "rule": "{}"}
    return body | periods | fields


def test_admin_makes_a_collection_by_rule_and_names_what_is_wrong(staff):
    CategoryFactory(category_name="Phones")
    client, page = logged_in(staff), address("catalog_collection_add")

    refused = client.post(page, form(rule='{"category": ["none"]}'))
    by_hand_with_rule = client.post(page, form(kind="by_hand", rule='{"in_stock": true}'))
    made = client.post(page, form(rule='{"category": ["phones"]}'))

    assert "rule.category.0: There is no such category." in refused.content.decode()
    assert (refused.status_code, by_hand_with_rule.status_code, made.status_code) == (200, 200, 302)
    assert [each.kind for each in Collection.objects.all()] == ["by_rule"]


def test_admin_page_costs_the_same_for_one_and_ten_products(staff):
    client = logged_in(staff)
    one, ten = by_hand(ProductFactory()), by_hand(*ProductFactory.create_batch(10))

    assert queries_of(client, address("catalog_collection_change", one)) == queries_of(
        client, address("catalog_collection_change", ten)
    )


@pytest.mark.parametrize(("key", "places"), [("phone", 1), ("none", 0)])
def test_admin_puts_a_product_into_a_collection_by_its_key(staff, key, places):
    ProductFactory(url_key="phone")
    made = by_hand()
    body = form(name=made.name, url_key=made.url_key)
    body |= {"places-TOTAL_FORMS": 1, "places-INITIAL_FORMS": 0, "places-0-key": key, "places-0-position": 3}

    logged_in(staff).post(address("catalog_collection_change", made), body)

    assert list(made.places.values_list("product__url_key", "position")) == [("phone", 3)] * places
