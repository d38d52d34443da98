"""What is kept of each change of the catalogue: by whom, by which way, before and after."""

import json
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pghistory
import pytest
from django.db import InternalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.history.retention import forget_old_changes
from catalog import services as catalog_services
from catalog import stock
from catalog.history.models import EVENT_MODELS, BrandEvent, CategoryEvent, ProductEvent, VariantEvent
from catalog.importing.records import ProductRecord, VariantRecord
from catalog.importing.writing import CatalogueWriter
from catalog.inventory.availability import AvailabilityPolicy
from catalog.models import Brand, Category, Product, Variant
from tests.admin_pages import address, logged_in, member_of_staff
from tests.catalog.editing import PRODUCTS, charger, page
from tests.catalog.image_requests import upload
from tests.clients import client_for
from tests.factories import (
    BrandFactory,
    CategoryFactory,
    ProductFactory,
    UserFactory,
    place_order,
    price_list,
    review,
    variant_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(db):
    rights = [f"catalog.{what}_product" for what in ("view", "add", "change", "delete")]
    user = member_of_staff(*rights, "catalog.view_productevent", "catalog.change_review")
    user.first_name, user.last_name = "Wanjiku", "Kamau"
    user.save()
    return user


@pytest.fixture
def editor(person):
    return client_for(person)


def history(client, product):
    answer = client.get(page(product, "history"))
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


def told(client, product):
    """Return what the history says, without times and ids."""
    return [(row["kind"], row["action"], row["changes"]) for row in history(client, product)]


def events():
    return {model.__name__: model.objects.count() for model in EVENT_MODELS}


# --- Over the API -----------------------------------------------------------------------------------------------


def test_change_over_the_api_says_who_when_and_what(editor, person):
    product = ProductFactory(sku="A", price=Decimal("1500.00"))
    started = timezone.now()

    answer = editor.patch(
        page(product),
        {"product_name": "Better", "variants": [{"sku": "A", "price": "1400.00"}]},
        HTTP_X_REQUEST_ID="request-12345678",
    )

    assert answer.status_code == 200, answer.json()
    rows = history(editor, product)[:2]
    who = {"actor": {"id": str(person.pk), "name": "Wanjiku Kamau"}, "via": "api", "request_id": "request-12345678"}
    price = {"before": "1500.00", "after": "1400.00"}
    variant = variant_of(product)
    assert [{name: value for name, value in row.items() if name != "at"} for row in rows] == [
        {
            "kind": "product",
            "id": str(product.pk),
            "name": product.product_name,
            "action": "changed",
            "changes": {"price": price, "product_name": {"before": product.product_name, "after": "Better"}},
            "note": "",
            **who,
        },
        {
            "kind": "variant",
            "id": str(variant.pk),
            "name": "A",
            "action": "changed",
            "changes": {"price": price},
            "note": "",
            **who,
        },
    ]
    assert all(started.isoformat() <= row["at"].replace("Z", "+00:00") for row in rows)


@pytest.mark.django_db(transaction=True)
def test_each_change_is_told_between_its_neighbours(editor):
    product = ProductFactory(product_name="One")
    for name in ("Two", "Three"):
        editor.patch(page(product), {"product_name": name})
    Product.objects.filter(pk=product.pk).update(product_name="Four")

    renamed = [
        (row["changes"]["product_name"]["before"], row["changes"]["product_name"]["after"], row["via"])
        for row in history(editor, product)
        if row["kind"] == "product"
    ]

    assert renamed == [("Three", "Four", ""), ("Two", "Three", "api"), ("One", "Two", "api"), (None, "One", "")]


def test_whole_life_of_a_product_is_told(editor, person):
    made = editor.post(PRODUCTS, charger()).json()
    product = Product.objects.get()
    category = str(product.category_id)
    whole = {"product_name": "Anker 313 charger", "category": category}
    black = {"id": made["variants"][0]["id"], "options": {"color": "Black"}}
    editor.put(page(product), whole | {"variants": [black, {"sku": "WHT", "price": "1.00", "options": {"c": "w"}}]})
    white = Variant.objects.get(sku="WHT")
    editor.put(page(product), whole | {"variants": [black]})
    editor.delete(page(product))
    editor.post(page(product, "restore"))

    rows = history(editor, product)

    assert [(row["kind"], row["action"], sorted(row["changes"])) for row in rows] == [
        ("product", "changed", ["deleted_at"]),
        ("product", "changed", ["deleted_at"]),
        ("product", "changed", ["price"]),
        ("variant", "deleted", sorted(rows[3]["changes"])),
        ("product", "changed", ["price"]),
        ("variant", "created", ["is_active", "options", "position", "price", "product", "sku"]),
        ("stock", "receive", ["available", "on_hand"]),
        ("variant", "created", ["is_active", "options", "position", "price", "product", "sku"]),
        (
            "product",
            "created",
            ["category", "currency", "is_active", "kind", "price", "product_name", "tax_kind", "url_key"],
        ),
    ]
    assert {row["actor"]["id"] for row in rows} == {str(person.pk)}
    gone = rows[3]
    assert (gone["id"], gone["changes"]["sku"]) == (str(white.pk), {"before": "WHT", "after": None})
    assert rows[6]["changes"] == {"available": {"by": 5}, "on_hand": {"by": 5}}
    assert rows[6]["note"] == "first stock"


def test_sellers_are_known_too(editor):
    seller = UserFactory(role="seller")
    product = ProductFactory(seller=seller)

    client_for(seller).patch(page(product), {"description": "Mine"})

    assert history(editor, product)[0]["actor"]["id"] == str(seller.pk)


def test_refused_change_leaves_no_history(editor):
    product = ProductFactory()
    before = events()

    answers = [
        editor.patch(page(product), {"product_name": "x", "variants": [{"id": str(uuid4())}]}),
        editor.patch(page(product), {"product_name": "x"}, HTTP_IF_MATCH='"other"'),
        editor.patch(page(product), {"product_name": product.product_name}),
    ]

    assert [answer.status_code for answer in answers] == [400, 412, 200]
    assert events() == before


@pytest.mark.django_db(transaction=True)
def test_nobody_is_left_behind_as_the_next_ones_actor(editor):
    product = ProductFactory()
    editor.patch(page(product), {"product_name": "By a person"})

    Product.objects.filter(pk=product.pk).update(product_name="By nobody")

    assert [row["actor"] and row["actor"]["name"] for row in history(editor, product)[:2]] == [None, "Wanjiku Kamau"]


# --- By other ways ----------------------------------------------------------------------------------------------


def test_change_in_the_admin_is_kept(editor, person, staff):
    category = CategoryFactory(category_name="Phones")
    answer = logged_in(staff).post(
        address("catalog_category_change", category), {"category_name": "Telephones", "url_key": "phones", "parent": ""}
    )

    assert answer.status_code == 302
    event = EVENT_MODELS[2].objects.get(pgh_obj=category.pk, pgh_label="changed")
    assert event.category_name == "Phones"
    assert event.pgh_context | {"request_id": ""} == {"via": "admin", "actor": str(staff.pk), "request_id": ""}
    shown = logged_in(staff).get(address("catalog_category_change", category)).content.decode()
    assert "category_name: Phones → Telephones" in shown


def test_removing_in_the_admin_is_kept(editor, staff):
    product = ProductFactory()

    logged_in(staff).post(address("catalog_product_delete", product), {"post": "yes"})

    first = history(editor, product)[0]
    assert (first["action"], list(first["changes"]), first["via"]) == ("changed", ["deleted_at"], "admin")
    assert first["actor"]["id"] == str(staff.pk)


def record(price):
    variants = (VariantRecord(skus=("R-1",), price=Decimal(price), stock=3),)
    return ProductRecord(source_id="r1", name="Router", category=("Network",), variants=variants)


@pytest.mark.django_db(transaction=True)
def test_import_is_kept_although_it_writes_past_the_models(editor):
    CatalogueWriter().write([record("100.00")])
    product = Product.objects.get()

    CatalogueWriter().write([record("90.00")])

    price = {"price": {"before": "100.00", "after": "90.00"}}
    rows = history(editor, product)
    assert [(row["kind"], row["changes"], row["via"]) for row in rows[:2]] == [
        ("variant", price, "import"),
        ("product", price, "import"),
    ]
    assert {row["action"] for row in rows[2:]} == {"created", "receive"}


def test_importer_who_is_known_stays_known(editor, person):
    with pghistory.context(actor=str(person.pk)):
        CatalogueWriter().write([record("100.00")])

    created = [row for row in history(editor, Product.objects.get()) if row["kind"] != "stock"]
    assert [(row["via"], row["actor"]["id"]) for row in created] == [("import", str(person.pk))] * 2


def test_statement_typed_into_the_database_is_kept(editor):
    product = ProductFactory(price=Decimal("1500.00"))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_variant SET price = price - 1")

    first = history(editor, product)[0]
    assert (first["changes"], first["actor"], first["via"]) == (
        {"price": {"before": "1500.00", "after": "1499.00"}},
        None,
        "",
    )


def test_brand_picture_and_moderation_are_kept(editor, person, media):
    brand = BrandFactory(name="Ankr")
    catalog_services.save_brand(name="Anker", brand=brand)
    written = review(ProductFactory(brand=brand), title="secret words", body="of a customer")
    upload(editor, written.product, alt="Front")
    editor.post(f"/api/reviews/{written.pk}/hide/")

    brand_event = EVENT_MODELS[3].objects.get(pgh_label="changed")
    rows = history(editor, written.product)[:2]

    assert brand_event.name == "Ankr"
    assert [(row["kind"], row["action"], row["actor"]["id"]) for row in rows] == [
        ("review", "changed", str(person.pk)),
        ("image", "created", str(person.pk)),
    ]
    assert rows[0]["changes"]["status"] == {"before": "published", "after": "hidden"}
    assert "secret words" not in json.dumps(history(editor, written.product))


def test_stock_is_told_by_its_ledger_and_not_row_by_row(editor, person, customer):
    product = ProductFactory(stock=0, sku="A")
    variant = variant_of(product)
    before = events()

    stock.adjust_stock({variant.pk: 7}, reason="delivery note 5", actor=person)
    place_order(customer, product, quantity=2)

    assert events() == before
    first = history(editor, product)[0]
    assert (first["kind"], first["action"], first["name"], first["note"]) == ("stock", "adjust", "A", "delivery note 5")
    assert first["changes"] == {"available": {"by": 7}, "on_hand": {"by": 7}}
    assert sum(row["kind"] == "stock" for row in history(editor, product)) == 1  # orders tell of themselves


# --- What it costs customers ------------------------------------------------------------------------------------


def test_customers_orders_pay_nothing_for_history(customer):
    product = ProductFactory(stock=1)
    client = client_for(customer)
    before = events()

    with CaptureQueriesContext(connection) as captured:
        answer = client.post("/api/orders/", {"items": [{"product_id": str(product.pk), "quantity": 1}]})

    assert answer.status_code == 201
    assert (len(captured), [row["sql"] for row in captured if "pghistory" in row["sql"]]) == (6, [])
    assert events() == before  # the last one was sold: in_stock turned, which is no change by anybody
    product.refresh_from_db()
    assert product.in_stock is False


def test_staff_pay_no_statement_either(editor, customer, settings):
    product = ProductFactory()
    seller = UserFactory(role="seller")
    Product.objects.update(seller=seller)
    client = client_for(seller)
    counts = []
    for middleware in (settings.MIDDLEWARE, [name for name in settings.MIDDLEWARE if "History" not in name]):
        settings.MIDDLEWARE = middleware
        with CaptureQueriesContext(connection) as captured:
            assert client.patch(page(product), {"description": f"{len(middleware)}"}).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]


# --- Reading ----------------------------------------------------------------------------------------------------


def test_only_staff_with_the_right_read_history(api_client, customer):
    seller = UserFactory(role="seller")
    product = ProductFactory(seller=seller)
    reader = member_of_staff("catalog.view_productevent")
    former = member_of_staff("catalog.view_productevent")
    former.is_staff = False
    former.save()
    clients = [api_client, client_for(customer), client_for(seller), client_for(former), client_for(reader)]
    clients.append(client_for(member_of_staff("catalog.change_product")))

    assert [client.get(page(product, "history")).status_code for client in clients] == [401, 403, 403, 403, 200, 403]
    reading = client_for(reader)
    assert reading.get(f"{PRODUCTS}no-such/history/").status_code == 404
    assert reading.get(f"{PRODUCTS}{product.url_key}/history/?colour=red").status_code == 400


def test_history_is_paged_with_the_same_statements_for_one_and_thirty(editor):
    product = ProductFactory()
    counts = []
    for number in range(31):
        variant = {"sku": f"N{number}", "price": "1.00", "options": {"n": str(number)}}
        editor.patch(page(product), {"product_name": f"Name {number}", "variants": [variant]})
        if number in (0, 30):
            with CaptureQueriesContext(connection) as captured:
                history(editor, product)
            counts.append(len(captured))

    assert counts[1] <= counts[0]
    first = editor.get(page(product, "history"), {"page_size": 5}).json()
    assert (first["count"], len(first["results"])) == (2 * 31 + 3, 5)
    pages = [
        editor.get(page(product, "history"), {"page_size": 50, "page": number}).json()["results"] for number in (1, 2)
    ]
    assert [len(rows) for rows in pages] == [50, 15]
    assert len({(row["kind"], row["id"], row["at"]) for row in pages[0] + pages[1]}) == 65


def test_lists_in_the_admin_are_for_reading(staff, person):
    product = ProductFactory(product_name="Before")
    client_for(person).patch(page(product), {"product_name": "After"})
    event = ProductEvent.objects.get(pgh_label="changed")
    client = logged_in(staff)
    before = events()

    for model in EVENT_MODELS:
        assert client.get(address(f"catalog_{model._meta.model_name}_changelist")).status_code == 200
    shown = client.get(address("catalog_productevent_change", event)).content.decode()
    found = client.get(address("catalog_productevent_changelist"), {"q": str(person.pk)})
    refused = [
        client.post(address("catalog_productevent_change", event), {"product_name": "x"}).status_code,
        client.post(address("catalog_productevent_delete", event), {"post": "yes"}).status_code,
        client.get(address("catalog_productevent_add")).status_code,
    ]

    assert "Before" in shown
    assert "After" in shown
    assert [row.pk for row in found.context["cl"].result_list] == [event.pk]
    assert (refused, events()) == ([403, 403, 403], before)


# --- Keeping and forgetting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", EVENT_MODELS, ids=lambda model: model.__name__)
def test_history_cannot_be_changed_or_deleted(model, media):
    written = review(ProductFactory(brand=BrandFactory()))
    upload(client_for(member_of_staff("catalog.change_product")), written.product)
    stock.set_availability(
        variant_of(written.product).pk, policy=AvailabilityPolicy.BACKORDER, limit=5, available_from=None
    )
    price_list((written.product, "1400"))
    before = list(model.objects.values())
    assert before

    for write in (lambda: model.objects.update(pgh_label="x"), lambda: model.objects.all().delete()):
        with pytest.raises(InternalError), transaction.atomic():
            write()

    assert list(model.objects.values()) == before


def test_what_is_old_is_forgotten_and_the_rest_stays_whole(editor, settings):
    product = ProductFactory(product_name="One")
    editor.patch(page(product), {"product_name": "Two"})
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE catalog_productevent DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE catalog_productevent SET pgh_created_at = now() - interval '1095 days 1 hour' "
            "WHERE pgh_label = 'created'"
        )
        cursor.execute("ALTER TABLE catalog_productevent ENABLE TRIGGER USER")
    others = VariantEvent.objects.count()

    assert forget_old_changes() == 1
    assert forget_old_changes() == 0

    assert told(editor, product)[0] == (
        "product",
        "changed",
        {"product_name": {"before": "One", "after": "Two"}},
    )
    assert (ProductEvent.objects.count(), VariantEvent.objects.count()) == (1, others)
    settings.HISTORY_RETENTION = timedelta(0)
    assert forget_old_changes() > 0
    ProductFactory()
    with pytest.raises(InternalError), transaction.atomic():  # the guard is back
        ProductEvent.objects.all().delete()


def test_every_column_is_kept_or_left_out_by_name():
    """A new column is history, too, unless somebody decides that it is not."""
    left_out = {
        Product: {"in_stock", "is_withheld", "picture", "rating", "review_count", "search_vector"},
        Variant: {"picture"},
        Category: {"path"},
        Brand: set(),
    }
    for model, names in left_out.items():
        event = next(event for event in EVENT_MODELS if event.pgh_tracked_model is model)
        kept = {field.name for field in event._meta.fields if not field.name.startswith("pgh_")}
        assert {field.name for field in model._meta.fields} - kept == names | {"id", "created_at", "updated_at"}


@pytest.mark.parametrize(
    ("model", "event", "derived"),
    [
        (Product, ProductEvent, {"in_stock", "is_withheld", "picture", "rating", "review_count", "search_vector"}),
        (Variant, VariantEvent, {"picture"}),
        (Category, CategoryEvent, {"path"}),
        (Brand, BrandEvent, set()),
    ],
)
def test_every_column_that_people_write_is_in_the_history(model, event, derived):
    kept = {field.name for field in event._meta.concrete_fields}

    assert {field.name for field in model._meta.concrete_fields} - kept == {"id", "created_at", "updated_at"} | derived
