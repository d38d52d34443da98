"""Finished JSON beside what the serializers would say of the same rows."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Prefetch
from django.utils import timezone
from django_filters import rest_framework as filters
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from catalog import services
from catalog.checks import CHECKS
from catalog.documents.orders import NEWEST, ORDERINGS
from catalog.documents.reading import named, read_page, read_product
from catalog.documents.shaping import Shape
from catalog.filters import ProductFilter
from catalog.images.models import ProductImage
from catalog.models import Brand, Category, Product, Variant
from catalog.prices.models import CustomerGroup, PriceList, PriceListItem
from catalog.prices.selectors import with_offers, with_product_offers
from catalog.prices.serializers import PERSONAL
from catalog.serializers import ProductListSerializer, ProductSerializer
from catalog.services import VariantInput
from catalog.stock import adjust_stock
from ecommerce.invariants import violations
from tests.clients import client_for
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, UserFactory, variant_of

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/products/"
NASTY = '"quoted" \\back\\ </script> \x01\x1f\t\n\u2028 \ud7ff 手机 😀 \'é'


def as_serialized(product: Product, member: UUID | None = None) -> dict[str, Any]:
    variants = with_offers(Variant.objects.filter(is_active=True).select_related("stock_level"), to=member)
    images = ProductImage.objects.filter(state=ProductImage.State.READY).order_by("position")
    products = Product.objects.with_stock()
    row = (
        (products if member is None else with_product_offers(products, to=member))
        .select_related("category", "brand")
        .prefetch_related(Prefetch("variants", queryset=variants), Prefetch("images", queryset=images))
        .get(pk=product.pk)
    )
    shown = ProductSerializer(row, context={PERSONAL: member is not None}).data
    return json.loads(json.dumps(shown, default=str))


def document(product: Product, member: UUID | None = None) -> dict[str, Any]:
    return json.loads(Shape(whole=True, member=member).shaped(read_product(named(str(product.pk))) or b"null"))


def picture(product: Product, position: int, **fields: Any) -> ProductImage:
    thumbnails = {
        str(size): {"file": f"products/0a/{product.pk.hex}-{size}.webp", "width": size, "height": size // 2}
        for size in (1024, 128, 480, 2048)
    }
    defaults = {"state": ProductImage.State.READY, "thumbnails": thumbnails, "width": 3000, "height": 1500}
    return ProductImage.objects.create(
        product=product, position=position, sha256=f"{position:064}", **{**defaults, **fields}
    )


@pytest.fixture
def plain() -> Product:
    return ProductFactory()


@pytest.fixture
def rich() -> Product:
    """Everything that a product can have, and nothing of it tame."""
    product = ProductFactory(
        product_name=NASTY,
        description=NASTY * 500,
        brand=BrandFactory(name=NASTY[:100]),
        category=CategoryFactory(category_name=NASTY[:100]),
        seller=UserFactory(),
        kind="digital",
        currency="USD",
        image_url="https://feed.example/a.jpg?x=1&y=é",
        attributes={"b": [1, 2.5, None, True], "a": {NASTY: NASTY}, "": "", "big": 10**30, "small": 1e-9},
        variants=[
            VariantInput("V-2", Decimal("99999999.99"), {"color": NASTY, "a": "b"}, stock=3, barcode=NASTY[:20]),
            VariantInput("V-1", Decimal("0"), compare_at_price=Decimal("10.5"), weight_grams=12, stock=0),
            VariantInput("V-3", Decimal("5"), {"n": "off"}, stock=40),
        ],
    )
    Variant.objects.filter(sku="V-3").update(is_active=False)
    Variant.objects.filter(sku="V-1").update(
        picture=f"products/ff/{product.pk.hex}-480.webp", image_url="https://x.example/"
    )
    Product.objects.filter(pk=product.pk).update(
        picture=f"products/0a/{product.pk.hex}-480.webp",
        rating=Decimal("4.5"),
        review_count=7,
        created_at=datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC),
        updated_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    picture(product, 1, alt=NASTY, variant=Variant.objects.get(sku="V-1"))
    picture(product, 0)
    picture(product, 2, state=ProductImage.State.PROCESSING, thumbnails={})
    return product


@pytest.mark.parametrize("kind", ["plain", "rich"])
def test_document_is_what_the_serializers_say(request, settings, kind):
    settings.PUBLIC_BASE_URL = 'https://shop.example/"sub'
    product = request.getfixturevalue(kind)

    expected = as_serialized(product)

    assert document(product) == expected
    (listed,) = json.loads(b"[" + read_page([], ORDERINGS[NEWEST], start=0, size=5).items + b"]")
    assert listed == {key: expected[key] for key in ProductListSerializer.Meta.fields if key in expected}


@pytest.fixture
def lists(rich) -> UUID:
    """Price lists for everybody and for one reader, in force and not, over all that ``rich`` has; return who reads."""
    reader, other = UserFactory(), UserFactory()
    group = CustomerGroup.objects.create(name="Resellers")
    group.members.add(reader)
    strangers = CustomerGroup.objects.create(name="Schools")
    strangers.members.add(other)
    soon = timezone.now() + timedelta(hours=1)
    for name, fields in {
        "everybody's": {},
        "the reader's": {"group": group},
        "preferred": {"group": group, "priority": 5},
        "of others": {"group": strangers, "priority": 9},
        "later": {"valid_from": soon, "priority": 9},
        "switched off": {"is_active": False, "priority": 9},
        "of another currency": {"currency": "KES", "priority": 9},
    }.items():
        made = PriceList.objects.create(name=name, **{"currency": "USD", **fields})
        for n, variant in enumerate(Variant.objects.filter(product=rich)):
            for quantity in (1, 10 * (n + 1)):
                price = Decimal("7.5") if name == "preferred" else variant.price * Decimal("0.9") - len(name)
                PriceListItem.objects.create(
                    price_list=made, variant=variant, min_quantity=quantity, price=max(Decimal(0), price / quantity)
                )
    return reader.pk


def test_document_has_the_prices_that_the_serializers_say(rich, lists):
    public, own = document(rich), document(rich, member=lists)

    assert public == as_serialized(rich)
    assert own == as_serialized(rich, member=lists)
    assert ("your_price" in public, [bool(each["price_breaks"]) for each in public["variants"]]) == (
        False,
        [True, False],  # one costs nothing as it is
    )
    assert [each["your_price"] for each in own["variants"]] == ["7.50", "0.00"]


def test_members_prices_go_with_fields_parts_and_currencies(client_of, rich, lists):
    whole = document(rich, member=lists)

    listed = client_of(lists).get(PRODUCTS, {"fields": "your_price", "include": "variants"}).json()["results"]
    bare = client_of(lists).get(PRODUCTS, {"fields": "id", "include": "description"}).json()["results"]
    walked = client_of(lists).get(PRODUCTS, {"cursor": "", "fields": "your_price"}).json()["results"]
    found = client_of(lists).post(f"{PRODUCTS}search/?include=variants", {}).json()["results"]
    shown = client_of(lists).get(f"{PRODUCTS}{rich.pk}/", {"currency": "KES"}).json()

    assert listed == [{"your_price": whole["your_price"], "variants": whole["variants"]}]
    assert bare == [{"id": str(rich.pk), "description": whole["description"]}]
    assert walked == [{"your_price": whole["your_price"]}]
    assert (found[0]["your_price"], found[0]["variants"]) == (whole["your_price"], whole["variants"])
    assert (shown["your_price"], shown["display_currency"]) == (whole["your_price"], "KES")
    assert shown["variants"][0]["your_price"] == whole["variants"][0]["your_price"]


@pytest.fixture
def client_of():
    return lambda pk: client_for(User.objects.get(pk=pk))


@hypothesis_settings(max_examples=50, deadline=None)
@given(
    name=st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), min_size=1, max_size=100),
    price=st.decimals(0, 10**9, places=2),
    moment=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
)
def test_document_follows_whatever_is_written(name, price, moment):
    product = Product.objects.first() or ProductFactory()
    Product.objects.filter(pk=product.pk).update(product_name=name, price=price, updated_at=moment)
    Category.objects.filter(pk=product.category_id).update(category_name=name)
    Variant.objects.filter(product=product).update(price=price, barcode=name[:64], options={name: name})

    assert document(product) == as_serialized(product)


def test_addresses_of_pictures_follow_the_settings(rich, settings):
    before = document(rich)["image_url"]

    settings.PUBLIC_BASE_URL = "https://new.example"
    moved = document(rich)["image_url"]
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {"bucket_name": "b", "custom_domain": "cdn.example", "querystring_auth": False},
        },
    }
    in_a_bucket = document(rich)

    name = f"products/0a/{rich.pk.hex}-480.webp"
    assert before.endswith(f"/media/{name}")
    assert moved == f"https://new.example/media/{name}"
    assert in_a_bucket["image_url"] == f"https://cdn.example/{name}"
    assert in_a_bucket == as_serialized(rich)


def test_rows_changed_by_hand_show_at_once(api_client, plain):
    Brand.objects.create(name="Old", url_key="old")
    brand = Brand.objects.get(name="Old")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_product SET product_name = 'By hand', brand_id = %s", [brand.pk])
        cursor.execute("UPDATE catalog_category SET category_name = 'Shelf'")
        cursor.execute("UPDATE catalog_brand SET name = 'New'")

    (row,) = api_client.get(PRODUCTS).json()["results"]

    assert (row["product_name"], row["category"]["category_name"], row["brand"]["name"]) == ("By hand", "Shelf", "New")


def test_sale_rewrites_no_document(plain):
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin, ctid FROM catalog_product UNION ALL SELECT xmin, ctid FROM catalog_variant")
        before = cursor.fetchall()
        adjust_stock({variant_of(plain).pk: -3})
        cursor.execute("SELECT xmin, ctid FROM catalog_product UNION ALL SELECT xmin, ctid FROM catalog_variant")
        after = cursor.fetchall()

    assert after == before
    assert document(plain)["stock"] == 7


def test_check_finds_finished_json_that_is_not_its_row_s():
    check = next(check for check in CHECKS if check.name == "finished JSON is what its row gives")
    brand = BrandFactory()
    before = list(violations(check))

    with connection.cursor() as cursor:  # as a release that changes the function and forgets the column
        cursor.execute(
            "CREATE OR REPLACE FUNCTION catalog_brand_card(id uuid, name text, url_key text) "
            "RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'another' $$"
        )

    assert (before, list(violations(check))) == ([], [f"brand {brand.pk}"])


def test_page_of_twenty_is_small(api_client):
    for n in range(20):
        ProductFactory(product_name=f"Samsung Galaxy A{n} with a name of usual length, 128GB", brand=BrandFactory())

    assert len(api_client.get(PRODUCTS).content) <= 25_000


# --- The form that is asked for -------------------------------------------------------------------------------


def test_fields_are_those_that_are_asked_for(api_client, rich):
    listed = api_client.get(PRODUCTS, {"fields": "price, id,price", "page_size": 1})
    shown = api_client.get(f"{PRODUCTS}{rich.url_key}/", {"fields": "variants"})
    searched = api_client.get(f"{PRODUCTS}search/", {"fields": "url_key"})

    whole = document(rich)
    assert listed.json()["results"] == [{"price": "0.00", "id": str(rich.pk)}]
    assert shown.json() == {"variants": whole["variants"]}
    assert searched.json()["results"] == [{"url_key": rich.url_key}]


def test_parts_can_be_included_in_a_list(api_client, rich):
    whole = document(rich)
    card = {key: whole[key] for key in ProductListSerializer.Meta.fields if key in whole}

    answers = [
        api_client.get(PRODUCTS, {"include": "images,description"}),
        api_client.get(f"{PRODUCTS}search/", {"include": "images,description"}),
        api_client.post(f"{PRODUCTS}search/?include=images,description", {}),
        api_client.get(PRODUCTS, {"fields": "id", "include": "variants"}),
        api_client.get(PRODUCTS, {"fields": "", "include": ""}),
    ]

    with_parts = [{**card, "images": whole["images"], "description": whole["description"]}]
    assert [answer.json()["results"] for answer in answers] == [
        with_parts,
        with_parts,
        with_parts,
        [{"id": whole["id"], "variants": whole["variants"]}],
        [card],
    ]


@pytest.mark.parametrize(
    ("path", "query", "name"),
    [
        (PRODUCTS, {"fields": "id,search_vector"}, "fields"),
        (PRODUCTS, {"include": "reviews"}, "include"),
        (PRODUCTS, {"include": "id"}, "include"),
        (f"{PRODUCTS}search/", {"fields": "x" * 5000}, "fields"),
        (f"{PRODUCTS}search/", {"include": "card"}, "include"),
    ],
)
def test_fields_that_products_do_not_have_are_refused_by_name(api_client, plain, path, query, name):
    answer = api_client.get(path, query)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["attr"]) == (400, "invalid", name)
    assert error["detail"].startswith(f"Not known here: {query[name].removeprefix('id,')[:40]}")
    assert len(error["detail"]) < 500


def test_fields_go_with_another_currency(api_client, plain):
    answer = api_client.get(PRODUCTS, {"currency": "KES", "fields": "display_price,price"})

    assert answer.json()["results"] == [{"display_price": "1500.00", "price": "1500.00"}]


def test_deleted_and_inactive_products_are_in_no_page(api_client, plain):
    hidden = ProductFactory(is_active=False)
    services.soft_delete_product(gone := ProductFactory())

    listed = api_client.get(PRODUCTS).json()
    answers = [api_client.get(f"{PRODUCTS}{product.pk}/").status_code for product in (plain, hidden, gone)]

    assert ([row["id"] for row in listed["results"]], listed["count"], answers) == ([str(plain.pk)], 1, [200, 404, 404])


def test_filter_without_sql_of_its_own_is_asked_of_the_orm(api_client, monkeypatch):
    named_filter = filters.CharFilter(field_name="url_key", lookup_expr="startswith")
    monkeypatch.setitem(ProductFilter.base_filters, "begins", named_filter)
    for name in ("kettle-1", "kettle-2", "iron"):
        ProductFactory(url_key=name, price=Decimal(len(name)))

    answer = api_client.get(PRODUCTS, {"begins": "kettle", "ordering": "price", "max_price": "100", "page_size": 1})

    assert ([row["url_key"] for row in answer.json()["results"]], answer.json()["count"]) == (["kettle-1"], 2)


@pytest.mark.parametrize("rows", [1, 10, 100])
@pytest.mark.parametrize("query", [{"q": "lamp"}, {"search": "lamp", "ordering": "price"}, {"category": "lamps"}])
def test_page_takes_the_same_statements_for_any_number_of_rows(api_client, django_assert_num_queries, rows, query):
    category = CategoryFactory(category_name="Lamps", url_key="lamps")
    for n in range(rows):
        ProductFactory(product_name=f"Lamp {n}", category=category, brand=BrandFactory())
    further = 1  # which categories, or which synonyms
    further += 1 if "category" not in query and rows == 1 else 0  # what may have been meant

    with django_assert_num_queries(1 + further):
        answer = api_client.get(PRODUCTS, {**query, "page_size": 100})

    assert len(answer.json()["results"]) == rows
