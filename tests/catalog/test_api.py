"""The catalogue over HTTP: what it shows, what it hides, what it refuses."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
from django.utils import timezone

from catalog import services
from catalog.models import Brand, Category, Product, Variant
from catalog.services import VariantInput
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, UserFactory, variant_of

pytestmark = pytest.mark.django_db

PRODUCTS, CATEGORIES, BRANDS, TREE = "/api/products/", "/api/categories/", "/api/brands/", "/api/products/categories/"


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [row["product_name"] for row in answer.json()["results"]]


def errors(answer) -> list[tuple[str, str]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def named(*product_names: str, **fields: object) -> list[Product]:
    return [ProductFactory(product_name=name, **fields) for name in product_names]


# --- The shape ----------------------------------------------------------------------------------------------


@pytest.fixture
def phone() -> Product:
    seller = UserFactory()
    product = ProductFactory(
        product_name="Galaxy A15",
        url_key="galaxy-a15",
        description="Good light.",
        category=CategoryFactory(category_name="Phones"),
        brand=BrandFactory(name="Samsung"),
        seller=seller,
        image_url="https://cdn.example.com/a15.jpg",
        attributes={"screen": "6.5 in"},
        source_id="secret-source",
        variants=[
            VariantInput(
                sku="A15-128",
                price=Decimal("19999.5"),
                options={"storage": "128GB"},
                compare_at_price=Decimal(21000),
                weight_grams=200,
                barcode="8806095",
                stock=3,
            ),
            VariantInput(sku="A15-256", price=Decimal(24000), options={"storage": "256GB"}, stock=4),
        ],
    )
    Product.objects.filter(pk=product.pk).update(
        rating=Decimal("4.5"),
        review_count=2,
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        updated_at=datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC),
    )
    return product


def in_list(product: Product) -> dict[str, object]:
    return {
        "id": str(product.pk),
        "product_name": "Galaxy A15",
        "url_key": "galaxy-a15",
        "price": "19999.50",
        "currency": "KES",
        "category": {"id": str(product.category_id), "category_name": "Phones", "url_key": "phones"},
        "brand": {"id": str(product.brand_id), "name": "Samsung", "url_key": "samsung"},
        "stock": 7,
        "in_stock": True,
        "availability": "in_stock",
        "available_from": None,
        "image_url": "https://cdn.example.com/a15.jpg",
        "tags": [],
        "kind": "physical",
        "seller": str(product.seller_id),
        "rating": "4.50",
        "review_count": 2,
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-02-03T04:05:06.000007Z",
    }


def test_list_shows_every_field_of_a_product(api_client, phone):
    answer = api_client.get(PRODUCTS)

    assert answer.status_code == 200
    assert answer.json() == {"count": 1, "next": None, "previous": None, "results": [in_list(phone)]}


@pytest.mark.parametrize("by", ["id", "url_key"])
def test_product_is_shown_by_id_and_by_url_key(api_client, phone, by):
    first, second = Variant.objects.order_by("position")
    none = {"compare_at_price": None, "weight_grams": None, "barcode": "", "image_url": "", "price_breaks": []}

    answer = api_client.get(f"{PRODUCTS}{getattr(phone, by)}/")

    assert answer.status_code == 200
    assert answer.json() == in_list(phone) | {
        "description": "Good light.",
        "attributes": {"screen": "6.5 in"},
        "variants": [
            {
                "id": str(first.pk),
                "sku": "A15-128",
                "options": {"storage": "128GB"},
                "price": "19999.50",
                "compare_at_price": "21000.00",
                "stock": 3,
                "availability": "in_stock",
                "available_from": None,
                "weight_grams": 200,
                "barcode": "8806095",
                "image_url": "",
                "price_breaks": [],
            },
            none
            | {
                "id": str(second.pk),
                "sku": "A15-256",
                "options": {"storage": "256GB"},
                "price": "24000.00",
                "stock": 4,
                "availability": "in_stock",
                "available_from": None,
            },
        ],
        "images": [],
    }


def test_product_without_brand_seller_and_rating_says_null(api_client):
    product = ProductFactory(stock=0)

    answer = api_client.get(f"{PRODUCTS}{product.pk}/").json()

    assert {name: answer[name] for name in ("brand", "seller", "rating", "stock", "in_stock")} == {
        "brand": None,
        "seller": None,
        "rating": None,
        "stock": 0,
        "in_stock": False,
    }


def test_inactive_variant_is_not_shown(api_client, phone):
    Variant.objects.filter(sku="A15-128").update(is_active=False)

    answer = api_client.get(f"{PRODUCTS}{phone.pk}/")

    assert [variant["sku"] for variant in answer.json()["variants"]] == ["A15-256"]


@pytest.mark.parametrize("path", ["/api/products/", "/api/categories/", "/api/brands/"])
@pytest.mark.parametrize(
    "key",
    ["unknown", "01a1fd91-0000-7000-8000-000000000000", "x" * 10_000, "😀", "%25", "'", '"', "1 OR 1=1", "%2e%2e"],
)
def test_unknown_key_is_a_404(api_client, phone, path, key):
    answer = api_client.get(f"{path}{key}/")

    assert (answer.status_code, set(answer.json())) == (404, {"type", "errors"})


def test_nul_in_an_address_is_a_400(api_client, phone):
    answer = api_client.get(f"{PRODUCTS}%00/")

    assert answer.status_code == 400


@pytest.mark.parametrize("by", ["id", "url_key"])
def test_category_and_brand_are_shown_by_id_and_by_url_key(api_client, phone, by):
    category, brand = Category.objects.get(), Brand.objects.get()

    shown = [
        api_client.get(f"{path}{getattr(row, by)}/").json() for path, row in ((CATEGORIES, category), (BRANDS, brand))
    ]

    assert shown == [
        {
            "id": str(category.pk),
            "category_name": "Phones",
            "url_key": "phones",
            "parent": None,
            "product_count": 1,
            "created_at": category.created_at.isoformat().replace("+00:00", "Z"),
            "ancestors": [],
            "only_defined_attributes": False,
        },
        {
            "id": str(brand.pk),
            "name": "Samsung",
            "url_key": "samsung",
            "image_url": "",
            "product_count": 1,
            "created_at": brand.created_at.isoformat().replace("+00:00", "Z"),
        },
    ]


# --- Who may see and write what -----------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [{"is_active": False}, {"deleted_at": timezone.now()}])
def test_product_not_for_sale_is_seen_nowhere(api_client, phone, hidden):
    Product.objects.filter(pk=phone.pk).update(**hidden)

    lists = [api_client.get(PRODUCTS, query).json()["count"] for query in ({}, {"q": "galaxy"}, {"search": "galxy"})]
    details = [api_client.get(f"{PRODUCTS}{key}/").status_code for key in (phone.pk, phone.url_key)]
    counts = [
        api_client.get(CATEGORIES).json()["results"][0]["product_count"],
        api_client.get(TREE).json()[0]["product_count"],
    ]

    assert (lists, details, counts) == ([0, 0, 0], [404, 404], [0, 0])


@pytest.mark.parametrize("who", ["nobody", "customer", "staff"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_category_tree_is_read_only(api_client, signed_in_client, customer, staff, phone, who, method):
    client = {"nobody": api_client, "customer": signed_in_client(customer), "staff": signed_in_client(staff)}[who]

    answer = getattr(client, method)(TREE, {"category_name": "Mine"})

    assert answer.status_code == 405
    phone.refresh_from_db()
    assert (phone.product_name, phone.category.category_name, phone.brand.name) == ("Galaxy A15", "Phones", "Samsung")
    assert (Product.objects.count(), Category.objects.count(), Brand.objects.count()) == (1, 1, 1)


# --- Filters ------------------------------------------------------------------------------------------------


@pytest.fixture
def shop() -> dict[str, object]:
    """Three branches, two brands, prices 100 to 400; the third is sold out, the fourth is digital."""
    electronics = CategoryFactory(category_name="Electronics")
    phones = CategoryFactory(category_name="Phones", parent=electronics)
    android = CategoryFactory(category_name="Android", parent=phones)
    software = CategoryFactory(category_name="Software")
    samsung, nokia = BrandFactory(name="Samsung"), BrandFactory(name="Nokia")
    seller = UserFactory()
    ProductFactory(product_name="One", price=Decimal(100), category=electronics, brand=samsung, seller=seller)
    ProductFactory(product_name="Two", price=Decimal(200), category=phones, brand=nokia)
    ProductFactory(product_name="Three", price=Decimal(300), category=android, brand=samsung, stock=0)
    ProductFactory(product_name="Four", price=Decimal(400), category=software, kind=Product.Kind.DIGITAL)
    return {
        "electronics": electronics,
        "phones": phones,
        "android": android,
        "software": software,
        "samsung": samsung,
        "seller": seller,
    }


@pytest.mark.parametrize("by", ["id", "url_key"])
@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("electronics", {"One", "Two", "Three"}),
        ("phones", {"Two", "Three"}),
        ("android", {"Three"}),
        ("software", {"Four"}),
    ],
)
def test_category_shows_itself_and_everything_below(api_client, shop, category, expected, by):
    answer = api_client.get(PRODUCTS, {"category": getattr(shop[category], by)})

    assert set(names(answer)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"brand": "samsung"}, {"One", "Three"}),
        ({"brand": "nokia"}, {"Two"}),
        ({"kind": "digital"}, {"Four"}),
        ({"kind": "physical"}, {"One", "Two", "Three"}),
        ({"kind": "rental"}, set()),
        ({"in_stock": "true"}, {"One", "Two", "Four"}),
        ({"in_stock": "True"}, {"One", "Two", "Four"}),
        ({"in_stock": "1"}, {"One", "Two", "Four"}),
        ({"in_stock": "false"}, {"Three"}),
        ({"in_stock": "0"}, {"Three"}),
        ({"price_min": "200"}, {"Two", "Three", "Four"}),
        ({"min_price": "200.01"}, {"Three", "Four"}),
        ({"min_price": "200"}, {"Two", "Three", "Four"}),
        ({"max_price": "200"}, {"One", "Two"}),
        ({"price_max": "200"}, {"One", "Two"}),
        ({"max_price": "199.99"}, {"One"}),
        ({"price_min": "0", "price_max": "10000000000"}, {"One", "Two", "Three", "Four"}),
        ({"price_min": "200", "max_price": "300"}, {"Two", "Three"}),
        ({"price_min": "300", "price_max": "200"}, set()),
        ({"search": "two"}, {"Two"}),
        ({"q": "two"}, {"Two"}),
        ({"q": "two", "search": "four"}, set()),
        ({"q": ""}, {"One", "Two", "Three", "Four"}),
        ({"search": "   "}, {"One", "Two", "Three", "Four"}),
        ({"category": "electronics", "brand": "samsung", "in_stock": "true", "price_max": "150"}, {"One"}),
    ],
)
def test_filter_narrows(api_client, shop, query, expected):
    answer = api_client.get(PRODUCTS, query)

    assert set(names(answer)) == expected
    assert answer.json()["count"] == len(expected)


def test_brand_and_seller_are_filtered_by_id(api_client, shop):
    by_brand = api_client.get(PRODUCTS, {"brand": str(shop["samsung"].pk)})
    by_seller = api_client.get(PRODUCTS, {"seller": str(shop["seller"].pk)})
    by_stranger = api_client.get(PRODUCTS, {"seller": str(uuid4())})

    assert (set(names(by_brand)), names(by_seller), names(by_stranger)) == ({"One", "Three"}, ["One"], [])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"colour": "red"}, [("invalid", "colour")]),
        ({"price": "100"}, [("invalid", "price")]),
        ({"is_active": "false"}, [("invalid", "is_active")]),
        ({"deleted_at": "", "source_id": "x"}, [("invalid", "deleted_at"), ("invalid", "source_id")]),
        ({"category__path": "x"}, [("invalid", "category__path")]),
        ({"category": "nowhere"}, [("invalid", "category")]),
        ({"category": str(uuid4())}, [("invalid", "category")]),
        ({"brand": "nobody"}, [("invalid", "brand")]),
        ({"seller": "x"}, [("invalid", "seller")]),
        ({"kind": "Digital"}, [("invalid_choice", "kind")]),
        ({"in_stock": "maybe"}, [("invalid", "in_stock")]),
        ({"in_stock": "2"}, [("invalid", "in_stock")]),
        ({"in_stock": "null"}, [("invalid", "in_stock")]),
        ({"in_stock": "tru", "kind": "x"}, [("invalid", "in_stock"), ("invalid_choice", "kind")]),
    ],
)
def test_unknown_filter_or_bad_value_is_a_400_that_names_it(api_client, shop, query, expected):
    answer = api_client.get(PRODUCTS, query)

    assert (answer.status_code, sorted(errors(answer))) == (400, sorted(expected))


@pytest.mark.parametrize(
    "text",
    [
        "cheap",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "1e-20000",
        "1e-99999999",
        "1e99999999",
        "-1",
        "-0.01",
        "10000000001",
        "0.001",
        "1." + "0" * 20_000,
        "1,000",
        "0x10",
        "1;DROP TABLE catalog_product",
        "😀",
    ],
)
def test_impossible_price_is_a_400_that_names_it(api_client, text):
    parameters = ["price_min", "price_max", "min_price", "max_price"]

    answers = [api_client.get(PRODUCTS, {name: text}) for name in parameters]

    assert [answer.status_code for answer in answers] == [400] * 4
    assert [{attr for _, attr in errors(answer)} for answer in answers] == [{name} for name in parameters]


HOSTILE = [
    "%",
    "_",
    "%_%",
    "'",
    '"',
    "\\",
    "';--",
    "' OR '1'='1",
    "1); DROP TABLE catalog_product;--",
    "$$",
    "{}",
    "%z",
    "%(x)s",
    ":*",
    "!",
    "&|!()<->",
    "a & !b",
    "😀",
    "\u202egnp",
    "\ud7ff\ufffe",
    "x" * 10_000,
    "x " * 5_000,
    "-" * 10_000,
    "手机",
    "../../etc/passwd",
]


@pytest.mark.parametrize("name", ["category", "brand", "seller", "kind", "in_stock", "search", "q"])
def test_hostile_text_in_a_filter_is_a_400_or_an_empty_list(api_client, shop, name):
    answers = [api_client.get(PRODUCTS, {name: text}) for text in HOSTILE]

    refused = [answer for answer in answers if answer.status_code == 400]
    assert [names(answer) for answer in answers if answer not in refused] == [[]] * (len(HOSTILE) - len(refused))
    assert {attr for answer in refused for _, attr in errors(answer)} == {name}
    assert Product.objects.count() == 4


@pytest.mark.parametrize("name", ["category", "brand", "seller", "kind", "in_stock", "search", "q", "price_min"])
def test_nul_in_a_filter_is_a_400(api_client, shop, name):
    answers = [api_client.get(PRODUCTS, {name: text}) for text in ("\x00", "tw\x00o")]

    assert [answer.status_code for answer in answers] == [400, 400]


# --- Ordering and paging ------------------------------------------------------------------------------------


@pytest.fixture
def ordered() -> None:
    """Age, price, name and rating each sort differently; D has no rating."""
    made = [
        ("B", Decimal(300), Decimal("4.00")),
        ("A", Decimal(100), Decimal("2.00")),
        ("D", Decimal(200), None),
        ("C", Decimal(400), Decimal("5.00")),
    ]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for day, (name, price, rating) in enumerate(made):
        product = ProductFactory(product_name=name, price=price)
        Product.objects.filter(pk=product.pk).update(rating=rating, created_at=start + timedelta(days=day))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("created_at", "BADC"),
        ("-created_at", "CDAB"),
        ("newest", "CDAB"),
        ("price", "ADBC"),
        ("price_asc", "ADBC"),
        ("-price", "CBDA"),
        ("price_desc", "CBDA"),
        ("product_name", "ABCD"),
        ("-product_name", "DCBA"),
        ("rating", "ABCD"),
        ("-rating", "CBAD"),
    ],
)
def test_list_is_ordered(api_client, ordered, order, expected):
    answers = [api_client.get(PRODUCTS, {parameter: order}) for parameter in ("ordering", "sort", "sort_by")]

    assert ["".join(names(answer)) for answer in answers] == [expected] * 3


def test_list_without_an_order_shows_the_newest_first(api_client, ordered):
    assert "".join(names(api_client.get(PRODUCTS))) == "CDAB"


@pytest.mark.parametrize("parameter", ["ordering", "sort", "sort_by"])
@pytest.mark.parametrize(
    "order",
    ["relevance", "-relevance", "stock", "PRICE", "price,id", "-newest", "--price", "?", "id", "", "x" * 10_000],
)
def test_unknown_order_is_a_400_that_names_it(api_client, ordered, parameter, order):
    answer = api_client.get(PRODUCTS, {parameter: order})

    assert (answer.status_code, errors(answer)) == (400, [("invalid", parameter)])
    assert set(
        answer.json()["errors"][0]["detail"].removeprefix("Order by one of: ").removesuffix(".").split(", ")
    ) == {f"{sign}{name}" for sign in ("", "-") for name in ("created_at", "price", "product_name", "rating")} | {
        "newest",
        "price_asc",
        "price_desc",
    }


@pytest.mark.parametrize("parameter", ["search", "q"])
def test_relevance_is_an_order_of_searches_and_their_first_choice(api_client, parameter):
    named("Charger for laptops", "Laptop")
    ProductFactory(product_name="Bag", description="Holds a laptop", price=Decimal(1))

    asked = api_client.get(PRODUCTS, {parameter: "laptop", "sort_by": "relevance"})
    default = api_client.get(PRODUCTS, {parameter: "laptop"})
    cheapest = api_client.get(PRODUCTS, {parameter: "laptop", "sort_by": "price"})

    assert names(asked) == names(default)
    assert (names(asked)[-1], names(cheapest)[0]) == ("Bag", "Bag")


@pytest.mark.parametrize("parameter", ["search", "q"])
@pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0"])
def test_blank_search_is_no_search(api_client, ordered, parameter, blank):
    listed = api_client.get(PRODUCTS, {parameter: blank})
    refused = api_client.get(PRODUCTS, {parameter: blank, "ordering": "relevance"})

    assert "".join(names(listed)) == "CDAB"
    assert (refused.status_code, errors(refused)) == (400, [("invalid", "ordering")])


@pytest.mark.parametrize("order", ["created_at", "-created_at", "price", "-price", "product_name", "rating", "-rating"])
def test_ties_are_shown_once_each_in_the_same_order(api_client, order):
    named(*["Same"] * 7)
    Product.objects.update(created_at=datetime(2026, 1, 1, tzinfo=UTC))

    pages = [
        api_client.get(PRODUCTS, {"ordering": order, "page_size": 2, "page": page}).json()["results"]
        for page in (1, 2, 3, 4)
    ]

    shown = [row["id"] for page in pages for row in page]
    assert shown == sorted(str(pk) for pk in Product.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("name", ["page_size", "limit"])
def test_pages_of_products_keep_filters_and_order_in_their_links(api_client, ordered, name):
    answer = api_client.get(PRODUCTS, {name: 1, "page": 2, "ordering": "price", "price_max": "300"})

    assert names(answer) == ["D"]
    assert answer.json()["count"] == 3
    kept = {name: "1", "ordering": "price", "price_max": "300"}
    assert dict(parse_qsl(urlsplit(answer.json()["next"]).query)) == kept | {"page": "3"}
    assert dict(parse_qsl(urlsplit(answer.json()["previous"]).query)) == kept


@pytest.mark.parametrize("name", ["page_size", "limit"])
@pytest.mark.parametrize("text", ["0", "101", "-1", "x", "1.0", ""])
def test_page_size_of_products_has_bounds(api_client, ordered, name, text):
    answer = api_client.get(PRODUCTS, {name: text})

    assert (answer.status_code, errors(answer)) == (400, [("invalid", name)])


def test_page_of_products_may_hold_a_hundred(api_client, ordered):
    assert len(names(api_client.get(PRODUCTS, {"limit": "100"}))) == 4


@pytest.mark.parametrize(("page", "status"), [("0", 400), ("1001", 400), ("x", 400), ("5", 404)])
def test_page_of_products_has_bounds(api_client, ordered, page, status):
    assert api_client.get(PRODUCTS, {"page": page}).status_code == status


# --- The tree -----------------------------------------------------------------------------------------------


def test_tree_is_nested_sorted_and_counts_whole_branches(api_client, shop):
    CategoryFactory(category_name="accessories", parent=shop["electronics"])
    ProductFactory(category=shop["android"], product_name="Gone", is_active=False)
    services.soft_delete_product(ProductFactory(category=shop["phones"], product_name="Deleted"))

    answer = api_client.get(TREE)

    def slim(node):
        return node["category_name"], node["product_count"], [slim(child) for child in node["children"]]

    assert answer.status_code == 200
    assert [slim(node) for node in answer.json()] == [
        ("Electronics", 3, [("accessories", 0, []), ("Phones", 2, [("Android", 1, [])])]),
        ("Software", 1, []),
    ]
    assert answer.json()[1] == {
        "id": str(shop["software"].pk),
        "category_name": "Software",
        "url_key": "software",
        "product_count": 1,
        "children": [],
    }


def test_tree_of_an_empty_shop_is_empty(api_client):
    assert api_client.get(TREE).json() == []


def test_list_of_categories_counts_what_is_directly_in_each(api_client, shop):
    answer = api_client.get(CATEGORIES)

    assert [(row["category_name"], row["product_count"], row["parent"]) for row in answer.json()["results"]] == [
        ("Android", 1, str(shop["phones"].pk)),
        ("Electronics", 1, None),
        ("Phones", 1, str(shop["electronics"].pk)),
        ("Software", 1, None),
    ]


# --- Statements ---------------------------------------------------------------------------------------------


def make_rows(count: int) -> None:
    for n in range(count):
        ProductFactory(
            product_name=f"Laptop {n}",
            brand=BrandFactory(),
            seller=UserFactory(),
            variants=[
                VariantInput(sku=f"L{n}-{m}", price=Decimal(100), options={"m": str(m)}, stock=1) for m in range(3)
            ],
        )


@pytest.mark.parametrize("rows", [1, 10, 100])
@pytest.mark.parametrize(
    ("path", "query", "statements"),
    [
        (PRODUCTS, {}, 1),
        (PRODUCTS, {"in_stock": "true", "price_min": "1", "ordering": "price"}, 1),
        (PRODUCTS, {"include": "description,attributes,images"}, 1),
        (PRODUCTS, {"include": "description,attributes,variants,images"}, 2),  # has everybody a price list
        (PRODUCTS, {"fields": "id,price"}, 1),
        (CATEGORIES, {}, 2),
        (BRANDS, {}, 2),
        (TREE, {}, 1),
    ],
)
def test_list_takes_the_same_statements_for_any_number_of_rows(
    api_client, django_assert_num_queries, rows, path, query, statements
):
    make_rows(rows)

    with django_assert_num_queries(statements):
        answer = api_client.get(path, query if path == TREE else {**query, "page_size": 100}).json()

    assert len(answer if path == TREE else answer["results"]) == rows


@pytest.mark.parametrize(
    ("text", "rows", "statements"),
    [
        ("laptop", 4, 2),  # synonyms, the page
        ("laptop", 10, 2),
        ("laptop", 1, 3),  # so few may be misspelt: what may have been meant
        ("laptop", 3, 3),
        ("lapptop", 1, 4),  # synonyms, as typed, what may have been meant, as meant
        ("lapptop", 10, 4),
    ],
)
def test_search_in_the_list_takes_few_statements(api_client, django_assert_num_queries, text, rows, statements):
    make_rows(rows)

    with django_assert_num_queries(statements):
        answer = api_client.get(PRODUCTS, {"search": text}).json()

    assert len(answer["results"]) == rows


@pytest.mark.parametrize("variants", [1, 10, 100])
def test_product_takes_the_same_statements_for_any_number_of_variants(api_client, django_assert_num_queries, variants):
    inputs = [VariantInput(sku=f"V{n}", price=Decimal(1), options={"n": str(n)}, stock=1) for n in range(variants)]
    product = ProductFactory(variants=inputs, brand=BrandFactory())

    with django_assert_num_queries(2):  # product, has everybody a price list
        answer = api_client.get(f"{PRODUCTS}{product.pk}/")

    assert [variant["stock"] for variant in answer.json()["variants"]] == [1] * variants


def test_stock_shown_follows_a_sale_at_once(api_client):
    product = ProductFactory(stock=1)
    services.stock.adjust_stock({variant_of(product).pk: -1})

    answer = api_client.get(f"{PRODUCTS}{product.pk}/").json()

    assert (answer["stock"], answer["in_stock"], answer["variants"][0]["stock"]) == (0, False, 0)
