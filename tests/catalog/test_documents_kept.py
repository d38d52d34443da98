"""What is kept of the catalogue, for how long, and what makes it new."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.db import connection, transaction
from django.utils import timezone
from django.utils.http import http_date, parse_http_date

from catalog import services
from catalog.attributes.models import Attribute
from catalog.attributes.services import save_attribute
from catalog.documents import keeping
from catalog.documents import version as versions
from catalog.documents.models import CatalogueVersion
from catalog.documents.version import version
from catalog.images.models import ProductImage
from catalog.models import Brand, Category, Product, Stock, Variant
from catalog.prices.models import CustomerGroup, PriceList, PriceListItem
from catalog.stock import adjust_stock
from tests.clients import client_for
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, UserFactory, variant_of
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

PRODUCTS = "/api/products/"
SEARCH = f"{PRODUCTS}search/?q=kettle"


class Clock:
    """The monotonic clock, as seen by the reader of versions."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Keep answers as the shop does, from nothing; a second passes when the test says so."""
    settings.CATALOGUE_CACHE = True
    clock = Clock()
    monkeypatch.setattr(versions, "time", clock)
    keeping.forget_everything()
    yield clock
    keeping.forget_everything()


@pytest.fixture
def kettle() -> Product:
    save_attribute(code="power", label="Power", type="number", unit="W", steps=[Decimal(1000)])
    return ProductFactory(
        product_name="Kettle",
        url_key="kettle",
        brand=BrandFactory(name="Maker"),
        category=CategoryFactory(),
        attributes={"power": "2 kW"},
    )


def another_process() -> None:
    """Forget what this process has kept; what is in Redis stays."""
    version.forget()
    keeping._shelf.clear()


ADDRESSES = [
    PRODUCTS,
    f"{PRODUCTS}?search=kettle",
    f"{PRODUCTS}?category=CATEGORY&brand=maker",
    f"{PRODUCTS}kettle/",
    SEARCH,
    f"{PRODUCTS}suggest/?q=kett",
    f"{PRODUCTS}?cursor=&price_min=1",
    f"{PRODUCTS}?attributes=power:1..3000&include=variants",
    f"{PRODUCTS}categories/",
    "/api/categories/",
    "/api/categories/CATEGORY/",
    "/api/brands/",
    "/api/brands/maker/",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_kept_answer_takes_no_statement(api_client, django_assert_num_queries, kettle, address):
    address = address.replace("CATEGORY", str(kettle.category_id))
    first = api_client.get(address)

    with django_assert_num_queries(0):
        again = api_client.get(address)

    assert (first.status_code, again.status_code) == (200, 200)
    assert (again.content, again["ETag"]) == (first.content, first["ETag"])


def test_spellings_of_one_address_share_an_answer(api_client, django_assert_num_queries, kettle):
    api_client.get(f"{PRODUCTS}?brand=maker&page_size=5&search=ket+tle")

    with django_assert_num_queries(0):
        answer = api_client.get(f"{PRODUCTS}?search=ket%20tle&brand=maker&page_size=5")

    assert answer.status_code == 200


def test_refusals_and_other_currencies_are_not_kept(api_client, kettle):
    for address in (f"{PRODUCTS}nowhere/", f"{PRODUCTS}?page=2", f"{PRODUCTS}?kind=x", f"{PRODUCTS}?currency=KES"):
        api_client.get(address)

    assert len(keeping._shelf._answers) == 1  # how many products there are, for ?page=2


# --- What makes it new ----------------------------------------------------------------------------------------


def sold_out(product: Product) -> None:
    adjust_stock({variant_of(product).pk: -10})


def by_sql(statement: str) -> Callable[[Product], None]:
    def change(product: Product) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return change


CHANGES: dict[str, Callable[[Product], Any]] = {
    "price": lambda product: Product.objects.update(price=Decimal(7)),
    "one unit sold": lambda product: adjust_stock({variant_of(product).pk: -1}),
    "sold out": sold_out,
    "category renamed": lambda product: Category.objects.update(category_name="Renamed"),
    "brand renamed": lambda product: Brand.objects.update(name="Renamed"),
    "deleted": services.soft_delete_product,
    "really deleted": by_sql(
        "DELETE FROM catalog_warehousestock; DELETE FROM catalog_stock; DELETE FROM catalog_productnumber; "
        "ALTER TABLE catalog_stockmovement DISABLE TRIGGER movement_append_only; DELETE FROM catalog_stockmovement; "
        "ALTER TABLE catalog_stockmovement ENABLE TRIGGER movement_append_only; "
        "DELETE FROM catalog_variant; DELETE FROM catalog_product"
    ),
    "variant": lambda product: Variant.objects.update(barcode="1"),
    "variant hidden": lambda product: Variant.objects.update(is_active=False),
    "stock by hand": lambda product: Stock.objects.update(on_hand=50, available=40),
    "picture": lambda product: ProductImage.objects.create(
        product=product,
        position=0,
        state="ready",
        width=1,
        height=1,
        thumbnails={"480": {"file": "products/00/a-480.webp", "width": 1, "height": 1}},
    ),
    "attributes": lambda product: Product.objects.update(attributes={"power": "1 kW"}),
    "by hand": by_sql("UPDATE catalog_product SET product_name = 'By hand'"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_shows_within_a_second(api_client, clock, kettle, change):
    address = f"{PRODUCTS}kettle/"
    before = api_client.get(address)
    CHANGES[change](kettle)

    clock.now += 0.999
    stale = api_client.get(address)
    clock.now += 0.001
    fresh = api_client.get(address)

    assert stale.content == before.content
    assert fresh.content != before.content
    assert fresh.status_code == (404 if "deleted" in change else 200)


def test_name_of_an_attribute_shows_in_searches_within_a_second(api_client, clock, kettle):
    before = api_client.get(SEARCH).json()["facets"]["attributes"]
    Attribute.objects.update(label="Watts")
    clock.now += 1

    after = api_client.get(SEARCH).json()["facets"]["attributes"]

    assert ([each["label"] for each in before], [each["label"] for each in after]) == (["Power"], ["Watts"])


def test_whoever_is_signed_in_or_asks_for_it_sees_a_change_at_once(
    api_client, signed_in_client, django_assert_num_queries, kettle
):
    address = f"{PRODUCTS}kettle/"
    buyer = signed_in_client(UserFactory())
    before = api_client.get(address).content
    adjust_stock({variant_of(kettle).pk: -1})

    anybody = api_client.get(address)
    mine = buyer.get(address)
    adjust_stock({variant_of(kettle).pk: -1})
    asked = api_client.get(address, headers={"Cache-Control": "no-cache"})
    with django_assert_num_queries(1):  # the version
        again = api_client.get(address, headers={"Cache-Control": "no-cache"})

    assert anybody.content == before
    assert [answer.json()["stock"] for answer in (mine, asked, again)] == [9, 8, 8]


def test_change_shows_in_every_list_and_every_process(api_client, clock, kettle):
    addresses = [address.replace("CATEGORY", str(kettle.category_id)) for address in ADDRESSES]
    for _ in range(2):  # what is asked for twice is kept in Redis too
        another_process()
        before = [api_client.get(address).content for address in addresses]
    with transaction.atomic():
        Product.objects.update(product_name="Kettle deluxe", is_active=True)
        Category.objects.update(category_name="Kitchen")
        Brand.objects.update(name="Maker and sons")

    another_process()
    after = [api_client.get(address).content for address in addresses]

    assert [old == new for old, new in zip(before, after, strict=True)] == [False] * len(addresses)


def test_processes_share_what_is_asked_for_twice(api_client, django_assert_num_queries, kettle):
    for _ in range(2):
        another_process()
        first = api_client.get(PRODUCTS)
    another_process()

    with django_assert_num_queries(1):  # the version
        shared = api_client.get(PRODUCTS)

    assert shared.content == first.content


def test_address_that_is_asked_for_once_takes_no_room_in_redis(api_client, kettle):
    for price in range(20):
        api_client.get(PRODUCTS, {"price_max": price})

    number = version.current().number
    client: Any = cache._cache.get_client(None)
    assert client.keys(f"{cache.key_prefix}:*page:{number}:*") == []


def test_what_was_read_before_a_change_is_not_kept_after_it(kettle, clock):
    def slow() -> bytes:
        Product.objects.update(price=Decimal(8))
        clock.now += 5  # others know the new version by now
        version.current()
        return b"old"

    keeping.kept("address", slow)

    assert keeping.kept("address", lambda: b"new").body == b"new"


def test_change_that_is_rolled_back_is_none(kettle):
    def total() -> int:
        return sum(CatalogueVersion.objects.values_list("changes", flat=True))

    before = total()
    with transaction.atomic():
        Product.objects.update(price=Decimal(8))
        transaction.set_rollback(True)
    assert total() == before

    with transaction.atomic():
        try:
            with transaction.atomic():
                Product.objects.update(price=Decimal(8))
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        Product.objects.update(price=Decimal(9))
        Product.objects.update(price=Decimal(10))
    assert total() == before + 1


def test_writers_do_not_wait_for_each_other(kettle):
    products = [ProductFactory() for _ in range(24)]  # more than there are counters
    before = sum(CatalogueVersion.objects.values_list("changes", flat=True))
    everybody_holds_one = threading.Barrier(len(products))

    def write(product: Product) -> Callable[[], bool]:
        def run() -> bool:
            with transaction.atomic():
                Product.objects.filter(pk=product.pk).update(price=Decimal(5))
                everybody_holds_one.wait(20)
            return True

        return run

    at_once([write(product) for product in products])

    assert sum(CatalogueVersion.objects.values_list("changes", flat=True)) == before + len(products)
    assert Product.objects.filter(price=Decimal(5)).count() == len(products)


def test_no_answer_is_older_than_a_commit_before_the_version_was_read(kettle, monkeypatch):
    """Readers ask while a writer counts the price up; each must see at least what was committed before it asked."""
    monkeypatch.setattr(versions, "MOST_OLD", 0.0)
    committed = [1500]
    ending = threading.Event()
    stale: list[tuple[int, Decimal]] = []

    def write() -> None:
        for price in range(1501, 1561):
            with transaction.atomic():
                Product.objects.filter(pk=kettle.pk).update(price=Decimal(price))
            committed[0] = price
        ending.set()

    def read() -> None:
        client = client_for(user)
        while not ending.is_set():
            least = committed[0]
            shown = Decimal(client.get(f"{PRODUCTS}kettle/").json()["price"])
            if shown < least:
                stale.append((least, shown))

    user = UserFactory()
    at_once([write, read, read, read])

    assert stale == []


# --- Price lists ----------------------------------------------------------------------------------------------


def offer(product: Product, price: str, *, quantity: int = 5, **fields: Any) -> PriceList:
    made = PriceList.objects.create(name=f"List {PriceList.objects.count()}", **fields)
    PriceListItem.objects.create(
        price_list=made, variant=variant_of(product), min_quantity=quantity, price=Decimal(price)
    )
    return made


def breaks(client: Any) -> list[str]:
    shown = client.get(f"{PRODUCTS}kettle/").json()["variants"][0]["price_breaks"]
    listed = client.get(f"{PRODUCTS}?include=variants").json()["results"][0]["variants"][0]["price_breaks"]
    assert shown == listed
    return [each["price"] for each in shown]


def test_price_list_for_everybody_shows_within_a_second(api_client, clock, kettle):
    told = [breaks(api_client)]

    def after(change: Callable[[], Any]) -> None:
        change()
        clock.now += 1
        told.append(breaks(api_client))

    after(lambda: offer(kettle, "1000"))
    after(lambda: PriceListItem.objects.update(price=Decimal(900)))
    after(lambda: PriceList.objects.update(is_active=False))
    after(lambda: PriceList.objects.update(is_active=True))
    after(lambda: PriceListItem.objects.all().delete())

    assert told == [[], ["1000.00"], ["900.00"], [], ["900.00"], []]


def test_price_list_begins_and_ends_though_nobody_writes(api_client, clock, kettle):
    made, now = offer(kettle, "1000", valid_from=timezone.now() + timedelta(hours=1)), timezone.now()

    def time_passes(**fields: Any) -> None:
        """Let a moment be over, without a write that the catalogue hears of."""
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE catalog_pricelist DISABLE TRIGGER catalogue_changed")
            PriceList.objects.filter(pk=made.pk).update(**fields)
            cursor.execute("ALTER TABLE catalog_pricelist ENABLE TRIGGER catalogue_changed")
        clock.now += 1

    changes = list(CatalogueVersion.objects.values_list("slot", "changes"))
    told = [(breaks(api_client), version.current().number)]
    for fields in ({"valid_from": now - timedelta(hours=2)}, {"valid_until": now - timedelta(hours=1)}):
        time_passes(**fields)
        told.append((breaks(api_client), version.current().number))

    assert [prices for prices, _ in told] == [[], ["1000.00"], []]
    assert told[0][1] < told[1][1] < told[2][1]
    assert list(CatalogueVersion.objects.values_list("slot", "changes")) == changes


def test_last_modified_is_not_before_the_beginning_of_a_price_list(api_client, clock, kettle):
    began = timezone.now() - timedelta(minutes=5)
    offer(kettle, "1000", valid_from=began)
    CatalogueVersion.objects.update(changed_at=began - timedelta(hours=1))
    clock.now += 1

    answer = api_client.get(f"{PRODUCTS}kettle/")

    assert parse_http_date(answer["Last-Modified"]) == int(began.timestamp())


def test_version_never_comes_back(kettle, clock):
    now = timezone.now()
    made = offer(kettle, "1000", valid_from=now - timedelta(hours=1))
    numbers = []
    for fields in (
        {"valid_from": now - timedelta(days=3)},
        {"valid_from": None, "valid_until": now - timedelta(seconds=2)},
        {"valid_until": None},
        {"is_active": False},
    ):
        numbers.append(version.current().number)
        PriceList.objects.filter(pk=made.pk).update(**fields)
        clock.now += 1
    made.delete()
    clock.now += 1
    numbers.append(version.current().number)

    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    "address", [PRODUCTS, f"{PRODUCTS}?cursor=", f"{PRODUCTS}kettle/", SEARCH, f"{PRODUCTS}?include=variants"]
)
def test_members_of_a_group_share_no_answer(api_client, signed_in_client, kettle, address):
    member, ordinary = UserFactory(), UserFactory()
    group = CustomerGroup.objects.create(name="Resellers")
    group.members.add(member)
    offer(kettle, "777", quantity=1, group=group)
    reader, others = signed_in_client(member), [api_client, client_for(ordinary)]

    first = reader.get(address)  # fills nothing
    public = [client.get(address) for client in others]
    again = reader.get(address)  # gets nothing of theirs
    PriceListItem.objects.update(price=Decimal(666))
    at_once_new = reader.get(address)
    known = reader.get(address, headers={"If-None-Match": at_once_new["ETag"]})
    group.members.remove(member)
    left = reader.get(address)

    assert b'"your_price":"777.00"' in first.content
    assert again.content == first.content
    assert all(b"your_price" not in answer.content and b'"777.00"' not in answer.content for answer in public)
    assert public[0].content == public[1].content == left.content
    assert b'"your_price":"666.00"' in at_once_new.content
    assert known.status_code == 304
    assert {answer["Cache-Control"] for answer in (first, again, at_once_new, known, left)} == {"private, no-cache"}
    assert [answer["Cache-Control"] for answer in public] == ["public, no-cache", "private, no-cache"]
    assert "Last-Modified" not in first


def test_member_of_a_group_sees_a_change_at_once(api_client, signed_in_client, kettle):
    member = UserFactory()
    CustomerGroup.objects.create(name="Resellers").members.add(member)
    reader = signed_in_client(member)
    address = f"{PRODUCTS}?category={kettle.category_id}"

    def told(client: Any) -> tuple[int, int]:
        answer = client.get(address).json()
        return answer["count"], len(answer["results"])

    before = told(reader), told(api_client)
    ProductFactory(category=CategoryFactory(parent=kettle.category))

    assert before == ((1, 1), (1, 1))
    assert (told(api_client), told(reader)) == ((1, 1), (2, 2))


# --- Redis ----------------------------------------------------------------------------------------------------


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = caches["default"]
    monkeypatch.setitem(caches.settings["default"], "LOCATION", "redis://127.0.0.1:9/0")
    del caches["default"]
    yield
    caches["default"] = before


def test_without_redis_everything_is_answered(api_client, clock, django_assert_num_queries, kettle, no_redis):
    answers = [api_client.get(address.replace("CATEGORY", str(kettle.category_id))) for address in ADDRESSES]
    with django_assert_num_queries(0):
        again = api_client.get(PRODUCTS)
    Product.objects.update(price=Decimal(3))
    clock.now += 1
    changed = api_client.get(PRODUCTS)

    assert [answer.status_code for answer in (*answers, again, changed)] == [200] * (len(ADDRESSES) + 2)
    assert changed.json()["results"][0]["price"] == "3.00"


# --- Room -----------------------------------------------------------------------------------------------------


def test_shelf_keeps_to_its_room(monkeypatch):
    monkeypatch.setattr(keeping, "MOST_BYTES", 100)
    shelf = keeping.Shelf()
    for n in range(5):
        shelf.put(1, n, f"answer {n}", 40)
    shelf.get(1, 3)
    shelf.put(1, 5, "answer 5", 40)

    assert [shelf.get(1, n) for n in range(6)] == [None, None, None, "answer 3", None, "answer 5"]


def test_shelf_holds_one_version():
    shelf = keeping.Shelf()
    shelf.put(2, "a", "new", 1)
    shelf.put(1, "a", "old", 1)
    kept = shelf.get(2, "a"), shelf.get(1, "a")
    shelf.put(3, "b", "newer", 1)

    assert kept == ("new", None)
    assert (shelf.get(2, "a"), shelf.get(3, "a"), shelf.get(3, "b")) == (None, None, "newer")


def test_answer_that_is_too_large_is_not_kept(monkeypatch, kettle):
    monkeypatch.setattr(keeping, "LARGEST", 10)

    bodies = [keeping.kept("address", lambda body=body: body).body for body in (b"x" * 11, b"y" * 11)]

    assert bodies == [b"x" * 11, b"y" * 11]


# --- Conditional requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ADDRESSES)
def test_client_that_has_an_answer_gets_an_empty_304(api_client, kettle, address):
    address = address.replace("CATEGORY", str(kettle.category_id))
    first = api_client.get(address)

    known = api_client.get(address, headers={"If-None-Match": f'"x", {first["ETag"]}'})
    strong = api_client.get(address, headers={"If-None-Match": first["ETag"].removeprefix("W/")})
    any_tag = api_client.get(address, headers={"If-None-Match": "*"})
    other = api_client.get(address, headers={"If-None-Match": 'W/"other"'})

    assert [(answer.status_code, answer.content) for answer in (known, strong, any_tag)] == [(304, b"")] * 3
    assert (other.status_code, other.content) == (200, first.content)
    for answer in (first, known):
        assert answer["ETag"] == first["ETag"]
        assert answer["Cache-Control"] == "public, no-cache"
        assert {"Accept", "Authorization"} <= set(answer["Vary"].split(", "))


def test_answer_to_somebody_signed_in_is_for_no_shared_cache(signed_in_client, kettle):
    assert signed_in_client(UserFactory()).get(PRODUCTS)["Cache-Control"] == "private, no-cache"


def test_tag_of_a_detail_changes_with_its_product_alone(api_client, clock, kettle):
    other = ProductFactory()
    before = api_client.get(f"{PRODUCTS}kettle/")["ETag"]
    Product.objects.filter(pk=other.pk).update(price=Decimal(1))
    clock.now += 1
    same = api_client.get(f"{PRODUCTS}kettle/", headers={"If-None-Match": before})
    adjust_stock({variant_of(kettle).pk: -1})
    clock.now += 1
    changed = api_client.get(f"{PRODUCTS}kettle/", headers={"If-None-Match": before})

    assert (same.status_code, changed.status_code) == (304, 200)


def test_last_modified_is_told_when_it_is_certain(api_client, clock, kettle):
    young = api_client.get(PRODUCTS)
    changed_at = timezone.now() - timedelta(seconds=60)
    CatalogueVersion.objects.update(changed_at=changed_at)
    clock.now += 1
    settled = api_client.get(PRODUCTS)
    told = parse_http_date(settled["Last-Modified"])

    def asked_since(moment: float) -> int:
        return api_client.get(PRODUCTS, headers={"If-Modified-Since": http_date(moment)}).status_code

    assert "Last-Modified" not in young
    assert told == int(changed_at.timestamp())
    assert [asked_since(moment) for moment in (told - 1, told, told + 1)] == [200, 304, 304]
    both = {"If-None-Match": '"other"', "If-Modified-Since": settled["Last-Modified"]}
    assert api_client.get(PRODUCTS, headers=both).status_code == 200


def test_time_of_a_change_is_that_of_its_commit(kettle):
    with transaction.atomic():
        Product.objects.update(price=Decimal(2))
        time.sleep(0.2)
        before_commit = timezone.now()

    assert CatalogueVersion.objects.order_by("-changed_at")[0].changed_at >= before_commit
