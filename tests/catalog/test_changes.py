"""The feed of changes: what is told, to whom, and that nothing is skipped, whoever commits when."""

import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from catalog import services, stock
from catalog.changes.models import ProductChange
from catalog.changes.reading import BEGINNING, Place, changes_after, place_since
from catalog.images.models import ProductImage
from catalog.models import Product, Variant
from catalog.searching.indexing import rebuild_search
from catalog.services import VariantInput
from ecommerce.cursors import write_cursor
from orders import placing
from orders.lines import ItemInput
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, UserFactory, place_order, variant_of
from tests.racing import at_once

# Not inside one transaction: what that one writes would never be told.
pytestmark = pytest.mark.django_db(transaction=True)

FEED = "/api/products/changes/"


def wait() -> None:
    """Wait until everything that is committed is told: other tests' transactions run on the same server."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM catalog_productchange "
                "WHERE changed_xid >= pg_snapshot_xmin(pg_current_snapshot())"
            )
            if not cursor.fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError("a transaction has been running for two minutes")


def read_all(place=BEGINNING, size=100):
    """Read from a place to the end; return the changes and the new place."""
    changes = []
    while True:
        page = changes_after(place, size)
        changes += page.changes
        place = page.place
        if not page.has_more:
            return changes, place


def told_since(place):
    wait()
    return [change.product_id for change in read_all(place)[0]]


def errors(answer):
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


# --- What is told ---------------------------------------------------------------------------------------------


def change_price(product):
    Variant.objects.filter(product=product).update(price=Decimal(7))
    services.refresh_product(product.pk)


def sell_out(product):
    place_order(UserFactory(), product, quantity=10)


def rename_category(product):
    services.save_category(category=product.category, category_name="Renamed", parent=product.category.parent)


def rename_brand(product):
    services.save_brand(brand=product.brand, name="Renamed")


def show_picture(product):
    ProductImage.objects.filter(product=product).update(state="ready", thumbnails={"160": {}})


def hide_picture(product):
    show_picture(product)
    ProductImage.objects.filter(product=product).delete()


def add_variant(product):
    variant = Variant.objects.create(product=product, sku="NEW", options={"size": "L"}, price=Decimal(9000))
    stock.open_stock([variant])


CHANGES = {
    "price": change_price,
    "sold out": sell_out,
    "category renamed": rename_category,
    "brand renamed": rename_brand,
    "picture is ready": show_picture,
    "picture is gone": hide_picture,
    "variant added": add_variant,
    "variant renamed": lambda product: Variant.objects.filter(product=product).update(sku="OTHER"),
    "variant put aside": lambda product: Variant.objects.filter(product=product).update(is_active=False),
    "text": lambda product: Product.objects.filter(pk=product.pk).update(description="New"),
    "rating": lambda product: Product.objects.filter(pk=product.pk).update(rating=4, review_count=1),
    "removed": services.soft_delete_product,
    "put aside": lambda product: Product.objects.filter(pk=product.pk).update(is_active=False),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_is_told_once_and_of_no_other_product(change):
    product = ProductFactory(stock=10, brand=BrandFactory())
    ProductFactory(brand=BrandFactory())
    ProductImage.objects.create(product=product, position=0, sha256="0" * 64, width=1, height=1)
    wait()
    before = read_all()[1]

    change(product)

    assert told_since(before) == [product.pk]


def test_product_of_which_many_rows_change_at_once_is_told_once():
    sizes = [VariantInput(sku=f"V{n}", price=Decimal(1), options={"size": str(n)}) for n in range(50)]
    product = ProductFactory(variants=sizes)
    wait()
    before = read_all()[1]

    Variant.objects.filter(product=product).update(price=Decimal(2))

    assert told_since(before) == [product.pk]


UNCHANGED = {
    "one of many units is sold": lambda product: place_order(UserFactory(), product, quantity=1),
    "more units come in": lambda product: stock.adjust_stock({variant_of(product).pk: 5}),
    "the search is built anew": lambda product: rebuild_search(everything=True),
    "a row is written as it was": lambda product: product.save(),
    "its category moves": lambda product: services.save_category(
        category=product.category, category_name=product.category.category_name, parent=CategoryFactory()
    ),
    "its picture is being drawn": lambda product: ProductImage.objects.create(
        product=product, position=0, sha256="0" * 64, width=1, height=1
    ),
}


@pytest.mark.parametrize("nothing", UNCHANGED.values(), ids=UNCHANGED)
def test_nothing_is_told_when(nothing):
    product = ProductFactory(stock=10, brand=BrandFactory())
    wait()
    before = read_all()[1]

    nothing(product)

    assert told_since(before) == []


def test_every_column_of_a_product_is_watched_or_known_not_to_be_shown():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('catalog_product_noted'::regproc)")
        source = cursor.fetchone()[0]

    unwatched = {field.column for field in Product._meta.concrete_fields if f"n.{field.column}" not in source}
    unwatched |= {field.column for field in Product._meta.concrete_fields if f"o.{field.column}" not in source}

    assert unwatched - {"id"} == {
        *("source_id", "search_vector", "created_at", "updated_at"),
        *("tax_kind", "item_class_code"),
        "is_withheld",  # which turns is_active off
    }


def test_feed_shows_products_as_they_are_and_tombstones(api_client):
    shown, removed, hidden = ProductFactory(), ProductFactory(), ProductFactory()
    services.soft_delete_product(removed)
    Product.objects.filter(pk=hidden.pk).update(is_active=False)
    wait()

    answer = api_client.get(FEED)
    in_list = api_client.get("/api/products/").json()["results"]

    assert answer.status_code == 200
    rows = {row["id"]: row for row in answer.json()["results"]}
    assert answer.json()["has_more"] is False
    assert [rows[str(shown.pk)]["product"]] == in_list
    assert rows[str(removed.pk)] == {
        "id": str(removed.pk),
        "changed_at": rows[str(removed.pk)]["changed_at"],
        "deleted": True,
        "product": None,
    }
    assert rows.keys() == {str(shown.pk), str(removed.pk), str(hidden.pk)}


def test_product_that_is_gone_for_good_leaves_a_tombstone(api_client):
    product = Product.objects.create(product_name="Gone", url_key="gone", price=1, category=CategoryFactory())
    gone = str(product.pk)
    product.delete()
    wait()

    assert [(row["id"], row["deleted"]) for row in api_client.get(FEED).json()["results"]] == [(gone, True)]


# --- Pages and cursors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_pages_of_any_size_tell_everything_once_in_order(api_client, size):
    with transaction.atomic():  # all in one transaction, told by their ids
        together = sorted(product.pk for product in ProductFactory.create_batch(4))
    after = [ProductFactory().pk for _ in range(3)]
    wait()

    found, cursor = [], None
    while True:
        query = {"page_size": size} | ({"cursor": cursor} if cursor else {})
        page = api_client.get(FEED, query).json()
        found += [UUID(row["id"]) for row in page["results"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break

    assert found == together + after
    assert api_client.get(FEED, {"cursor": cursor}).json() == {
        "results": [],
        "next_cursor": cursor,
        "has_more": False,
    }


def test_updated_since_starts_before_everything_since_then(api_client):
    old, new = ProductFactory(), ProductFactory()
    ProductChange.objects.filter(product_id=old.pk).update(changed_at=timezone.now() - timedelta(days=2))
    moment = (timezone.now() - timedelta(days=1)).isoformat()
    wait()

    def told(since):
        return [row["id"] for row in api_client.get(FEED, {"updated_since": since}).json()["results"]]

    assert told(moment) == [str(new.pk)]
    assert told("2000-01-01T00:00:00Z") == [str(old.pk), str(new.pk)]
    assert told((timezone.now() + timedelta(days=1)).isoformat()) == []


def test_updated_since_does_not_skip_a_transaction_that_still_runs():
    first, second = ProductFactory(), ProductFactory()
    wait()
    moment = datetime.now(UTC)
    slow = connection.copy()
    try:
        slow.set_autocommit(False)
        with slow.cursor() as cursor:
            cursor.execute("UPDATE catalog_product SET price = 5 WHERE id = %s", [first.pk])
        Product.objects.filter(pk=second.pk).update(price=6)
        place = place_since(moment)
        assert read_all(place)[0] == []
        slow.commit()
    finally:
        slow.close()

    assert told_since(place) == [first.pk, second.pk]


KEY = UUID("0198c0de-0000-7000-8000-000000000001").hex
GOOD = write_cursor("product-changes", "5", KEY)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%00",
        "ü",
        GOOD[:-3],
        GOOD[:-1] + ("A" if GOOD[-1] != "A" else "B"),
        GOOD + "!",
        "A" * 5000,
        write_cursor("products", "5", KEY),
        write_cursor("product-changes", "5"),
        write_cursor("product-changes", "-5", KEY),
        write_cursor("product-changes", "9" * 20, KEY),
        write_cursor("product-changes", "5", "no-id"),
        write_cursor("product-changes", "5", KEY, "more"),
        write_cursor("product-changes", "5; DROP TABLE", KEY),
    ],
)
def test_what_is_no_cursor_is_refused_by_name(api_client, cursor):
    answer = api_client.get(FEED, {"cursor": cursor})

    assert (answer.status_code, errors(answer)) == (400, [("invalid_cursor", "cursor")])


def test_cursor_of_another_database_is_told(api_client):
    answer = api_client.get(FEED, {"cursor": Place(2**60, uuid4()).as_cursor()})

    assert (answer.status_code, errors(answer)) == (400, [("cursor_from_elsewhere", "cursor")])


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ({"updated_since": "yesterday"}, "updated_since"),
        ({"updated_since": ""}, "updated_since"),
        ({"updated_since": "2026-13-01T00:00:00Z"}, "updated_since"),
        ({"updated_since": "2026-01-01T00:00:00Z", "cursor": GOOD}, "updated_since"),
        ({"page_size": "501"}, "page_size"),
        ({"limit": "0"}, "limit"),
        ({"page": "2"}, "page"),
        ({"color": "red"}, "color"),
    ],
)
def test_bad_parameter_is_named(api_client, query, attr):
    answer = api_client.get(FEED, query)

    assert (answer.status_code, [attr for _, attr in errors(answer)]) == (400, [attr])


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_feed_is_only_read(api_client, method):
    assert getattr(api_client, method)(FEED).status_code in (401, 405)


@pytest.mark.parametrize("rows", [1, 10, 100])
def test_feed_takes_the_same_statements_for_any_number_of_rows(api_client, django_assert_num_queries, rows):
    category = CategoryFactory()
    ProductFactory.create_batch(rows, category=category, brand=BrandFactory())
    wait()

    with django_assert_num_queries(2):  # changes, products
        answer = api_client.get(FEED).json()
    with django_assert_num_queries(2):  # the database's last transaction, changes
        rest = api_client.get(FEED, {"cursor": answer["next_cursor"]}).json()

    assert (len(answer["results"]), rest["results"]) == (rows, [])


# --- Concurrency ----------------------------------------------------------------------------------------------


def test_transactions_that_commit_in_reverse_order_are_both_told():
    early, late = ProductFactory(), ProductFactory()
    wait()
    place = read_all()[1]
    first, second = connection.copy(), connection.copy()
    try:
        for wrapper, product in ((first, early), (second, late)):  # numbered in this order
            wrapper.set_autocommit(False)
            with wrapper.cursor() as cursor:
                cursor.execute("UPDATE catalog_product SET price = price + 1 WHERE id = %s", [product.pk])
        second.commit()
        while_first_runs, place = read_all(place)
        first.commit()
    finally:
        first.close()
        second.close()
    wait()
    afterwards, place = read_all(place)

    assert [change.product_id for change in while_first_runs] == []
    assert [change.product_id for change in afterwards] == [early.pk, late.pk]
    assert read_all(place)[0] == []


def test_rolled_back_change_is_not_told():
    product = ProductFactory()
    wait()
    place = read_all()[1]

    with transaction.atomic():
        Product.objects.filter(pk=product.pk).update(price=5)
        transaction.set_rollback(True)

    assert told_since(place) == []


def test_reader_who_copies_while_many_write_ends_with_what_there_is():
    # So many that hardly any is written twice: what was skipped is not made good by a later change.
    products = [product.pk for product in ProductFactory.create_batch(100, category=CategoryFactory())]
    copy: dict[UUID, Decimal] = {}
    place = BEGINNING
    done: list[int] = []

    def write(seed):
        chance = random.Random(seed)
        for _ in range(25):
            # Two at most, in key order, as everywhere: no deadlock; some are rolled back.
            chosen = sorted(chance.sample(products, chance.choice([1, 1, 2])))
            with transaction.atomic():
                for pk in chosen:
                    Product.objects.filter(pk=pk).update(price=Decimal(chance.randrange(1, 10**6)))
                    time.sleep(chance.random() * 0.03)
                if chance.random() < 0.2:
                    transaction.set_rollback(True)
        done.append(seed)

    def read():
        nonlocal place
        while len(done) < 4:
            take()
            time.sleep(0.002)

    def take():
        nonlocal place
        changes, place = read_all(place, size=2)
        for change in changes:
            copy[change.product_id] = change.product.price

    at_once([*(lambda seed=seed: write(seed) for seed in range(4)), read])
    wait()
    take()

    assert copy == dict(Product.objects.values_list("pk", "price"))


def test_sales_of_one_product_do_not_wait_for_each_other():
    product = ProductFactory(
        variants=[VariantInput(sku=sku, price=Decimal(10), options={"size": sku}, stock=5) for sku in ("S", "L")]
    )
    small, large = Variant.objects.order_by("sku").values_list("pk", flat=True)
    selling = connection.copy()
    try:
        selling.set_autocommit(False)
        with selling.cursor() as cursor:
            cursor.execute("UPDATE catalog_stock SET available = available - 1 WHERE variant_id = %s", [small])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        order = placing.place_order(user=UserFactory(), items=[ItemInput(quantity=1, variant_id=large)])
    finally:
        selling.close()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")

    assert order.items.get().product_id == product.pk


def test_renaming_against_selling_out_does_not_deadlock():
    brand, category = BrandFactory(), CategoryFactory()
    products = ProductFactory.create_batch(20, brand=brand, category=category, stock=1)
    variants = [variant_of(product).pk for product in products]
    failures = []

    def flip():
        for units in (-1, 1) * 15:
            stock.adjust_stock(dict.fromkeys(variants, units))

    def rename():
        for n in range(30):
            services.save_brand(brand=brand, name=f"Brand {n}")
            services.save_category(category=category, category_name=f"Category {n}")

    def run(action):
        try:
            action()
        except OperationalError as error:
            failures.append(error)

    at_once([lambda: run(flip), lambda: run(rename)])

    assert failures == []


# --- After a restore ------------------------------------------------------------------------------------------


def test_restored_feed_is_found_and_started_again(capsys):
    product = ProductFactory()
    call_command("check_catalogue")
    ProductChange.objects.filter(product_id=product.pk).delete()
    other = ProductFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_productchange SET changed_xid = '1000000000000' WHERE product_id = %s", [other.pk]
        )
    capsys.readouterr()

    with pytest.raises(CommandError):
        call_command("check_catalogue")
    assert f"product {product.pk} was never noted" in capsys.readouterr().out
    call_command("restart_product_feed")
    call_command("check_catalogue")

    assert "2 products noted as changed." in capsys.readouterr().out
    assert sorted(told_since(BEGINNING)) == sorted([product.pk, other.pk])
