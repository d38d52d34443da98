"""Products written over HTTP: what is stored, who may, what is refused and leaves nothing behind."""

from decimal import Decimal
from uuid import uuid4

import pytest

from catalog import services as catalog_services
from catalog.models import Product, StockMovement, Variant
from catalog.searching.matching import search_products
from tests.admin_pages import member_of_staff
from tests.catalog.editing import PRODUCTS, charger, errors, everything, page
from tests.clients import client_for
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, UserFactory, place_order, variant_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(db):
    return client_for(member_of_staff("catalog.add_product", "catalog.change_product", "catalog.delete_product"))


@pytest.fixture
def seller(db):
    return UserFactory(role="seller")


# --- Creating ---------------------------------------------------------------------------------------------------


def test_product_is_made_with_its_variants_and_first_stock(editor, api_client):
    category, brand = CategoryFactory(), BrandFactory()
    body = charger(
        category=category.url_key,
        brand=str(brand.pk),
        description="<b>Fast.</b><script>alert(1)</script>",
        image_url="https://pictures.example/a.jpg",
        attributes={"power_watts": 45, "ports": ["USB-C", "USB-A"]},
    )
    body["variants"] = [
        {
            "sku": "ANK-BLK",
            "mpn": "A2668",
            "options": {"color": "Black"},
            "price": "2499.00",
            "compare_at_price": "2999.00",
            "weight_grams": 60,
            "barcode": "0194644098728",
            "stock": 5,
        },
        {"sku": "ANK-WHT", "options": {"color": "White"}, "price": "2299.5"},
    ]

    answer = editor.post(PRODUCTS, body)

    assert answer.status_code == 201, answer.json()
    product = Product.objects.get()
    black, white = Variant.objects.order_by("position")
    assert answer.json() == {
        "id": str(product.pk),
        "product_name": "Anker 313 charger",
        "url_key": "anker-313-charger",
        "description": "Fast.",
        "category": {"id": str(category.pk), "category_name": category.category_name, "url_key": category.url_key},
        "brand": {"id": str(brand.pk), "name": brand.name, "url_key": brand.url_key},
        "kind": "physical",
        "seller": None,
        "price": "2299.50",
        "currency": "KES",
        "in_stock": True,
        "image_url": "https://pictures.example/a.jpg",
        "attributes": {"power_watts": 45, "ports": ["USB-C", "USB-A"]},
        "tags": [],
        "tax_kind": "standard",
        "item_class_code": "",
        "is_active": True,
        "variants": [
            body["variants"][0] | {"id": str(black.pk), "image_url": "", "position": 0, "is_active": True},
            {
                "id": str(white.pk),
                "sku": "ANK-WHT",
                "mpn": "",
                "options": {"color": "White"},
                "price": "2299.50",
                "compare_at_price": None,
                "weight_grams": None,
                "barcode": "",
                "image_url": "",
                "position": 1,
                "is_active": True,
                "stock": 0,
            },
        ],
        "created_at": answer.json()["created_at"],
        "updated_at": answer.json()["updated_at"],
        "deleted_at": None,
    }
    movement = StockMovement.objects.get()
    assert (movement.variant, movement.kind, movement.available_change) == (black, "receive", 5)
    assert movement.actor is not None
    assert list(search_products(Product.objects.for_sale(), "A2668")) == [product]
    shown = api_client.get(f"{PRODUCTS}anker-313-charger/").json()
    assert (shown["stock"], shown["in_stock"], shown["price"]) == (5, True, "2299.50")


def test_url_key_is_made_from_the_name_and_marked_where_it_is_taken(editor):
    names = ["Anker 313 charger", "Anker 313 charger", "充电器", "Search", "0198c0de-0000-7000-8000-000000000001"]

    keys = []
    for index, name in enumerate(names):
        body = charger(product_name=name, variants=[{"sku": f"S{index}", "price": "1.00"}])
        keys.append(editor.post(PRODUCTS, body).json()["url_key"])

    assert keys[0] == "anker-313-charger"
    assert len(set(keys)) == 5
    assert keys[1].startswith("anker-313-charger-")
    assert keys[3].startswith("search-")
    assert all(editor.get(f"{PRODUCTS}{key}/").status_code == 200 for key in keys)


def test_creating_twice_with_one_key_makes_one_product(editor):
    body = charger()

    first, again = (editor.post(PRODUCTS, body, HTTP_IDEMPOTENCY_KEY="k1") for _ in range(2))
    other = editor.post(PRODUCTS, body | {"product_name": "Another"}, HTTP_IDEMPOTENCY_KEY="k1")

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Product.objects.count() == 1


def test_sellers_make_products_of_their_own(seller):
    answer = client_for(seller).post(PRODUCTS, charger())

    assert answer.status_code == 201, answer.json()
    assert Product.objects.get().seller == seller


# --- Changing ---------------------------------------------------------------------------------------------------


def test_patch_changes_what_it_names_and_nothing_else(editor):
    brand = BrandFactory()
    product = ProductFactory(brand=brand, description="Old", attributes={"a": 1})
    before = Product.objects.values().get()

    answer = editor.patch(page(product), {"product_name": "New name"})

    assert answer.status_code == 200, answer.json()
    after = Product.objects.values().get()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"product_name", "search_vector", "updated_at"}
    assert list(search_products(Product.objects.for_sale(), "new name")) == [product]


def test_put_empties_what_it_leaves_out(editor):
    product = ProductFactory(
        brand=BrandFactory(), description="Old", attributes={"a": 1}, image_url="https://a.example/"
    )
    variant = variant_of(product)
    Product.objects.update(is_active=False)

    answer = editor.put(
        page(product),
        {"product_name": "Only this", "category": str(product.category_id), "variants": [{"id": str(variant.pk)}]},
    )

    assert answer.status_code == 200, answer.json()
    shown = answer.json()
    emptied = {name: shown[name] for name in ("description", "brand", "attributes", "image_url")}
    assert emptied == {"description": "", "brand": None, "attributes": {}, "image_url": ""}
    kept = (shown["url_key"], shown["kind"], shown["is_active"], shown["price"])
    assert kept == (product.url_key, "physical", False, "1500.00")
    assert [(row["sku"], row["stock"], row["is_active"]) for row in shown["variants"]] == [(variant.sku, 10, True)]


def test_writing_what_is_there_writes_nothing(editor):
    product = ProductFactory()
    before = everything()

    answer = editor.patch(
        page(product),
        {"product_name": product.product_name, "variants": [{"sku": variant_of(product).sku, "price": "1500"}]},
    )

    assert (answer.status_code, everything()) == (200, before)


@pytest.mark.parametrize("key", ["pk", "url_key"])
def test_product_is_named_by_id_or_url_key(editor, key):
    product = ProductFactory()

    answer = editor.patch(f"{PRODUCTS}{getattr(product, key)}/", {"url_key": "another-address"})

    assert (answer.status_code, answer.json()["url_key"]) == (200, "another-address")


def test_hidden_product_is_shown_to_its_editors_alone(editor, seller, api_client, customer):
    product = ProductFactory(seller=seller)
    Product.objects.update(is_active=False)

    clients = [editor, client_for(seller), client_for(UserFactory(role="seller")), client_for(customer), api_client]

    assert [client.get(page(product, "edit")).status_code for client in clients] == [200, 200, 404, 404, 401]
    assert [client.patch(page(product), {}).status_code for client in clients] == [200, 200, 404, 404, 401]


# --- Two editors ------------------------------------------------------------------------------------------------


def test_editor_who_has_read_an_older_state_overwrites_nothing(editor):
    product = ProductFactory()
    read = editor.get(page(product, "edit"))
    changed = editor.patch(page(product), {"description": "By somebody else"})
    before = everything()

    by_tag = editor.patch(page(product), {"description": "Mine"}, HTTP_IF_MATCH=read["ETag"])
    by_time = editor.patch(page(product), {"description": "Mine", "updated_at": read.json()["updated_at"]})
    removing = editor.delete(page(product), HTTP_IF_MATCH=read["ETag"])
    unreadable = editor.patch(page(product), {"description": "Mine"}, HTTP_IF_MATCH="nonsense")

    assert (by_tag.status_code, errors(by_tag)) == (412, [("product_changed", "If-Match")])
    assert (by_time.status_code, errors(by_time)) == (409, [("product_changed", "updated_at")])
    assert [removing.status_code, unreadable.status_code] == [412, 412]
    assert by_tag.json()["etag"] == by_time.json()["etag"] == changed["ETag"]
    assert everything() == before
    again = editor.patch(page(product), {"description": "Mine"}, HTTP_IF_MATCH=changed["ETag"])
    assert (again.status_code, again.json()["description"]) == (200, "Mine")
    both = {"description": "Mine too", "updated_at": again.json()["updated_at"]}
    assert editor.patch(page(product), both, HTTP_IF_MATCH=again["ETag"]).status_code == 200


def test_tag_of_the_public_page_is_not_the_editors(editor, api_client):
    product = ProductFactory(product_name="Old")
    read = editor.get(page(product))

    answers = [
        editor.patch(page(product), {"product_name": "New"}, HTTP_IF_MATCH=tag)
        for tag in (read["ETag"], read["ETag"].removeprefix("W/"))
    ]

    assert read["ETag"].startswith('W/"')
    assert [answer.status_code for answer in answers] == [412, 412]
    product.refresh_from_db()
    assert product.product_name == "Old"
    changed = editor.patch(page(product), {"product_name": "New"}, HTTP_IF_MATCH=answers[0].json()["etag"])
    known = editor.get(page(product), HTTP_IF_NONE_MATCH=changed["ETag"])
    assert (changed.status_code, known.status_code, known.json()["product_name"]) == (200, 200, "New")


def test_variant_that_was_changed_meanwhile_counts_too(editor):
    product = ProductFactory()
    read = editor.get(page(product, "edit"))
    sku = variant_of(product).sku
    editor.patch(page(product), {"variants": [{"sku": sku, "barcode": "123"}]})
    before = everything()

    stale = {"product_name": "X", "updated_at": read.json()["updated_at"]}

    assert editor.patch(page(product), {"product_name": "X"}, HTTP_IF_MATCH=read["ETag"]).status_code == 412
    assert editor.patch(page(product), stale).status_code == 409
    assert everything() == before


def test_sale_does_not_disturb_an_editor(editor, customer):
    product = ProductFactory(stock=1)
    read = editor.get(page(product, "edit"))
    place_order(customer, product)

    answer = editor.patch(
        page(product), {"description": "New", "updated_at": read.json()["updated_at"]}, HTTP_IF_MATCH=read["ETag"]
    )

    assert (answer.status_code, answer.json()["in_stock"]) == (200, False)


# --- What is refused --------------------------------------------------------------------------------------------


def variant(**changes):
    return {"variants": [{"sku": "A", "price": "10.00"} | changes]}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"product_name": ""}, ("blank", "product_name")),
        ({"product_name": "\u200b"}, ("blank", "product_name")),
        ({"product_name": "x" * 256}, ("max_length", "product_name")),
        ({"url_key": "no spaces"}, ("invalid", "url_key")),
        ({"url_key": "search"}, ("url_key_reserved", "url_key")),
        ({"url_key": str(uuid4())}, ("url_key_is_id", "url_key")),
        ({"description": "x" * 50_001}, ("max_length", "description")),
        ({"category": "no-such"}, ("does_not_exist", "category")),
        ({"category": str(uuid4())}, ("does_not_exist", "category")),
        ({"category": {"id": 1}}, ("invalid", "category")),
        ({"brand": "no-such"}, ("does_not_exist", "brand")),
        ({"kind": "house"}, ("invalid_choice", "kind")),
        ({"image_url": "javascript:alert(1)"}, ("invalid", "image_url")),
        ({"image_url": "https://a.example/" + "x" * 500}, ("max_length", "image_url")),
        ({"seller": str(uuid4())}, ("does_not_exist", "seller")),
        ({"colour": "red"}, ("unknown_field", "colour")),
        ({"price": "1.00"}, ("read_only", "price")),
        ({"stock": 5}, ("read_only", "stock")),
        ({"rating": "5.00"}, ("read_only", "rating")),
        ({"attributes": [1]}, ("not_an_object", "attributes")),
        ({"attributes": None}, ("null", "attributes")),
        ({"attributes": {str(n): n for n in range(101)}}, ("too_many", "attributes")),
        ({"attributes": {"a" * 61: 1}}, ("invalid_name", "attributes")),
        ({"attributes": {"a": {"b": {"c": {"d": {}}}}}}, ("too_deep", "attributes.a")),
        ({"attributes": {"a": "x" * 2001}}, ("too_long", "attributes.a")),
        ({"attributes": {"a": 10**15}}, ("out_of_range", "attributes.a")),
        ({"attributes": {"a": ["x" * 2000] * 20}}, ("too_large", "attributes")),
        ({"variants": []}, ("empty", "variants")),
        ({"variants": None}, ("null", "variants")),
        ({"variants": [{"sku": str(n), "price": "1.00"} for n in range(101)]}, ("max_length", "variants")),
        ({"variants": [{"price": "1.00"}]}, ("required", "variants.0.sku")),
        ({"variants": [{"sku": "A"}]}, ("required", "variants.0.price")),
        (variant(sku="x" * 65), ("max_length", "variants.0.sku")),
        (variant(sku=" "), ("blank", "variants.0.sku")),
        (variant(price="0"), ("min_value", "variants.0.price")),
        (variant(price="-1"), ("min_value", "variants.0.price")),
        (variant(price="1.001"), ("max_decimal_places", "variants.0.price")),
        (variant(price="10000000000"), ("max_whole_digits", "variants.0.price")),
        (variant(price="NaN"), ("invalid", "variants.0.price")),
        (variant(compare_at_price="10.00"), ("compare_at_price_too_low", "variants.0.compare_at_price")),
        (variant(weight_grams=-1), ("min_value", "variants.0.weight_grams")),
        (variant(weight_grams=10**7), ("max_value", "variants.0.weight_grams")),
        (variant(position=40_000), ("max_value", "variants.0.position")),
        (variant(stock=-1), ("min_value", "variants.0.stock")),
        (variant(stock=10**9), ("max_value", "variants.0.stock")),
        (variant(stock=True), ("invalid", "variants.0.stock")),
        (variant(barcode="x" * 65), ("max_length", "variants.0.barcode")),
        (variant(mpn="x" * 201), ("max_length", "variants.0.mpn")),
        (variant(options={"color": 5 * ["x"]}), ("invalid", "variants.0.options.color")),
        (variant(options={"color": "x" * 101}), ("max_length", "variants.0.options.color")),
        (variant(options={"": "x"}), ("option_name_invalid", "variants.0.options")),
        (variant(options={str(n): "x" for n in range(7)}), ("too_many_options", "variants.0.options")),
        (variant(options="x"), ("not_a_dict", "variants.0.options")),
        (variant(colour="x"), ("unknown_field", "variants.0.colour")),
        (variant(in_stock=True), ("read_only", "variants.0.in_stock")),
        (variant(id=str(uuid4())), ("variant_unknown", "variants.0.id")),
        (variant(is_active=False), ("active_variant_required", "variants")),
        ({"variants": 2 * [{"sku": "A", "price": "1.00"}]}, ("variant_named_twice", "variants.1")),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(editor, changes, wrong):
    ProductFactory()
    body = charger(**changes)
    before = everything()

    answer = editor.post(PRODUCTS, body, HTTP_IDEMPOTENCY_KEY="a")

    assert (answer.status_code, errors(answer)) == (400, [wrong])
    assert everything() == before


def test_second_mistake_leaves_nothing_of_the_first_variant(editor):
    product = ProductFactory()
    before = everything()

    answer = editor.patch(
        page(product),
        {
            "product_name": "Changed",
            "variants": [
                {"sku": "NEW", "price": "5.00", "options": {"a": "b"}, "stock": 3},
                {"id": str(uuid4()), "price": "1.00"},
            ],
        },
    )

    assert (answer.status_code, errors(answer)) == (400, [("variant_unknown", "variants.1.id")])
    assert everything() == before


def test_taken_url_key_and_sku_are_conflicts_that_are_named(editor):
    other = ProductFactory(url_key="taken", sku="TAKEN")
    catalog_services.soft_delete_product(other)
    body = charger()
    product = ProductFactory()
    before = everything()

    answers = [
        editor.post(PRODUCTS, body | {"url_key": "taken"}),
        editor.post(PRODUCTS, body | variant(sku="TAKEN")),
        editor.patch(page(product), {"url_key": "taken"}),
        editor.patch(page(product), {"variants": [{"id": str(variant_of(product).pk), "sku": "TAKEN"}]}),
        editor.patch(page(product), {"variants": [{"sku": "TAKEN", "price": "1.00", "options": {"a": "b"}}]}),
    ]

    assert [answer.status_code for answer in answers] == [409] * 5
    assert [errors(answer) for answer in answers] == [
        [("url_key_taken", "url_key")],
        [("sku_taken", "variants.0.sku")],
        [("url_key_taken", "url_key")],
        [("sku_taken", "variants.0.sku")],
        [("sku_taken", "variants.0.sku")],
    ]
    assert everything() == before


def test_kind_stays(editor):
    product = ProductFactory()
    before = everything()

    answer = editor.patch(page(product), {"kind": "digital"})

    assert (answer.status_code, errors(answer)) == (409, [("kind_fixed", "kind")])
    assert everything() == before
    assert editor.patch(page(product), {"kind": "physical"}).status_code == 200


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"{", b'{"product_name": "a", "product_name": "b"}'])
def test_body_that_is_no_object_is_refused(editor, body):
    before = everything()

    answer = editor.generic("POST", PRODUCTS, body, content_type="application/json")

    assert answer.status_code == 400
    assert everything() == before


def test_ten_megabytes_are_too_many(editor):
    before = everything()

    answer = editor.post(PRODUCTS, charger(description="x" * 10_000_000))

    assert (answer.status_code, errors(answer)) == (413, [("payload_too_large", None)])
    assert everything()[:2] == before[:2]


def test_ten_thousand_unknown_fields_are_not_all_told(editor):
    answer = editor.post(PRODUCTS, {f"field{n}": 1 for n in range(10_000)})

    assert (answer.status_code, len(errors(answer))) == (400, 20)


# --- Who may ----------------------------------------------------------------------------------------------------


def test_only_the_right_people_write(api_client, customer, seller):
    product = ProductFactory(seller=UserFactory(role="seller"))
    body = charger()
    without_staff = member_of_staff("catalog.add_product", "catalog.change_product", "catalog.delete_product")
    without_staff.is_staff = False
    without_staff.save()
    former_seller = UserFactory()
    own = ProductFactory(seller=former_seller)
    before = everything()

    def writes(client, row=product):
        return [
            client.put(page(row), body).status_code,
            client.patch(page(row), {"product_name": "Mine"}).status_code,
            client.delete(page(row)).status_code,
            client.post(page(row, "restore")).status_code,
            client.get(page(row, "edit")).status_code,
        ]

    assert writes(api_client) == [401] * 5
    assert api_client.post(PRODUCTS, body).status_code == 401
    for user in (customer, member_of_staff("catalog.view_product"), without_staff):
        assert writes(client_for(user)) == [403] * 5
        assert client_for(user).post(PRODUCTS, body).status_code == 403
    assert writes(client_for(seller)) == [403] * 5
    assert writes(client_for(former_seller), own) == [403] * 5
    assert everything() == before


def test_each_right_opens_its_own_door(db):
    product = ProductFactory()
    adds, changes, removes = (
        client_for(member_of_staff(f"catalog.{what}_product")) for what in ("add", "change", "delete")
    )

    assert adds.post(PRODUCTS, charger()).status_code == 201
    assert [adds.patch(page(product), {}).status_code, adds.delete(page(product)).status_code] == [403, 403]
    assert changes.patch(page(product), {"product_name": "x"}).status_code == 200
    assert [changes.post(PRODUCTS, charger()).status_code, changes.delete(page(product)).status_code] == [403, 403]
    assert removes.patch(page(product), {}).status_code == 403
    assert removes.delete(page(product)).status_code == 204
    assert removes.post(page(product, "restore")).status_code == 200


def test_sellers_change_what_is_theirs_and_never_whose_it_is(seller):
    product, client = ProductFactory(seller=seller), client_for(seller)
    before = Product.objects.values("seller").get()

    renamed = client.patch(page(product), {"product_name": "Better name"})
    taken = client.patch(page(product), {"seller": None})
    given = client.post(PRODUCTS, charger(seller=str(UserFactory(role="seller").pk)))

    assert renamed.status_code == 200
    assert [(answer.status_code, errors(answer)) for answer in (taken, given)] == [(400, [("read_only", "seller")])] * 2
    assert Product.objects.values("seller").get() == before


def test_staff_say_whose_it_is(editor, seller, customer):
    product = ProductFactory()

    answers = [editor.patch(page(product), {"seller": str(user.pk)}) for user in (seller, customer)]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert Product.objects.get().seller == seller


def test_price_is_that_of_the_cheapest_variant_that_is_sold(editor):
    product = ProductFactory(sku="A", price=Decimal("100.00"))
    url = page(product)

    def price_after(*variants):
        answer = editor.patch(url, {"variants": list(variants)})
        assert answer.status_code == 200, answer.json()
        return answer.json()["price"]

    assert price_after({"sku": "B", "price": "90.00", "options": {"size": "S"}}) == "90.00"
    assert price_after({"sku": "A", "price": "80.00"}) == "80.00"
    assert price_after({"sku": "A", "is_active": False}) == "90.00"
    assert Product.objects.get().price == Decimal("90.00")
