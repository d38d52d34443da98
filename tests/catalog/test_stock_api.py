"""Stock, its ledger and warehouses over HTTP: who may, what is refused, and that refusals change nothing."""

import base64
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from catalog.models import Product, Stock, StockMovement
from ecommerce.models import IdempotencyKey
from tests.admin_pages import member_of_staff
from tests.catalog.inventory import every_row, goods, level, lying, main, move, put, warehouse
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.invariants import assert_stock_holds
from tests.racing import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def storekeeper(db: None) -> APIClient:
    tables = ("stock", "warehouse")
    rights = [f"catalog.{verb}_{table}" for table in tables for verb in ("view", "add", "change", "delete")]
    return client_for(member_of_staff(*rights, "catalog.view_stockmovement"))


@pytest.fixture
def phone(db: None) -> UUID:
    """Ten in the main warehouse, two in Mombasa."""
    (variant,) = goods("PHONE", product_name="Phone", url_key="phone")
    warehouse("MSA", position=1)
    put(variant, MAIN=10, MSA=2)
    return variant


def adjust(client: APIClient, *items: dict, key: str | None = None):
    headers = {"Idempotency-Key": key or str(uuid4())}
    return client.post("/api/stock/adjust/", {"items": list(items)}, headers=headers)


def transfer(client: APIClient, *items: dict, key: str | None = None, **body: str):
    body = {"from_warehouse": "MAIN", "to_warehouse": "MSA", **body}
    return client.post(
        "/api/stock/transfer/", body | {"items": list(items)}, headers={"Idempotency-Key": key or str(uuid4())}
    )


def rows_of(answer) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


RECEIVE = {"sku": "PHONE", "warehouse": "MSA", "change": 5, "kind": "receive", "reason": "delivery note 1"}

# --- Who may --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/stock/"),
        ("get", "/api/stock/movements/"),
        ("get", "/api/warehouses/"),
        ("get", "/api/warehouses/MAIN/"),
        ("post", "/api/warehouses/"),
        ("patch", "/api/warehouses/MSA/"),
        ("delete", "/api/warehouses/MSA/"),
        ("post", "/api/stock/adjust/"),
        ("post", "/api/stock/transfer/"),
    ],
)
def test_customers_and_staff_without_the_right_are_refused(method, path, phone, api_client):
    before = every_row()
    people = {401: api_client, 403: client_for(UserFactory())}
    staff = client_for(member_of_staff("catalog.view_product"))
    seller = client_for(UserFactory(role=User.Role.SELLER))

    assert {code: getattr(client, method)(path).status_code for code, client in people.items()} == {401: 401, 403: 403}
    assert getattr(staff, method)(path).status_code == 403
    assert getattr(seller, method)(path).status_code == (200 if path == "/api/stock/" else 403)
    assert every_row() == before


def test_who_may_look_may_not_change(phone):
    client = client_for(member_of_staff("catalog.view_stock", "catalog.view_warehouse"))
    before = every_row()

    assert client.get("/api/stock/").status_code == client.get("/api/warehouses/").status_code == 200
    refused = [
        adjust(client, RECEIVE),
        transfer(client, {"sku": "PHONE", "units": 1}),
        client.patch(f"/api/stock/{phone}/", {"low_stock_threshold": 3}),
        client.post("/api/warehouses/", {"name": "x", "code": "X"}),
        client.patch("/api/warehouses/MSA/", {"position": 4}),
        client.delete("/api/warehouses/MSA/"),
    ]

    assert [answer.status_code for answer in refused] == [403] * 6
    assert every_row() == before


def test_seller_sees_their_own_goods_alone(phone):
    seller = UserFactory(role=User.Role.SELLER)
    own = ProductFactory(seller=seller, sku="OWN", stock=3)
    ProductFactory(seller=UserFactory(role=User.Role.SELLER), sku="OTHERS")
    removed = ProductFactory(seller=seller, sku="GONE")
    removed.__class__.objects.filter(pk=removed.pk).update(deleted_at=removed.created_at)
    client = client_for(seller)

    assert [row["sku"] for row in client.get("/api/stock/").json()["results"]] == ["OWN"]
    assert client.get("/api/stock/", {"sku": "PHONE"}).json()["count"] == 0
    assert client.get(f"/api/stock/{phone}/").status_code == 404
    own_variant = own.variants.get().pk
    assert client.get(f"/api/stock/{own_variant}/").json()["available"] == 3
    assert client.patch(f"/api/stock/{own_variant}/", {"low_stock_threshold": 1}).status_code == 403
    assert not Stock.objects.exclude(low_stock_threshold=None).exists()


# --- Stock ----------------------------------------------------------------------------------------------------


def test_stock_says_how_much_where(storekeeper, phone, settings):
    place_order(UserFactory(), Product.objects.get(), quantity=3)
    main_id, msa_id = str(main().pk), str(warehouse_id("MSA"))
    product = Product.objects.get()

    answer = storekeeper.get("/api/stock/").json()

    row = {
        "variant_id": str(phone),
        "sku": "PHONE",
        "product_id": str(product.pk),
        "product_name": "Phone",
        "options": {"n": "0"},
        "is_active": True,
        "available": 9,
        "promised": 3,
        "on_hand": 12,
        "low_stock_threshold": None,
        "threshold": settings.LOW_STOCK_THRESHOLD,
        "low": False,
        "availability": "in_stock",
        "availability_policy": "deny",
        "backorder_limit": 0,
        "available_from": None,
        "warehouses": [
            {"id": main_id, "code": "MAIN", "on_hand": 10},
            {"id": msa_id, "code": "MSA", "on_hand": 2},
        ],
    }
    assert answer == {"count": 1, "next": None, "previous": None, "results": [row]}
    assert storekeeper.get(f"/api/stock/{phone}/").json() == row


def warehouse_id(code: str) -> UUID:
    from catalog.inventory.models import Warehouse

    return Warehouse.objects.get(code=code).pk


def skus(client: APIClient, **query: str) -> list[str]:
    answer = client.get("/api/stock/", query)
    assert answer.status_code == 200, answer.json()
    return [row["sku"] for row in answer.json()["results"]]


def test_stock_is_found_by_variant_sku_product_and_warehouse(storekeeper, phone):
    (case,) = goods("CASE", url_key="case")
    put(case, MAIN=1)

    assert skus(storekeeper) == ["CASE", "PHONE"]
    assert skus(storekeeper, ordering="-available") == ["PHONE", "CASE"]
    assert skus(storekeeper, sku="CASE") == skus(storekeeper, variant=str(case)) == ["CASE"]
    product = Product.objects.get(url_key="case")
    assert skus(storekeeper, product="case") == skus(storekeeper, product=str(product.pk)) == ["CASE"]
    assert skus(storekeeper, warehouse="msa") == skus(storekeeper, warehouse=str(warehouse_id("MSA"))) == ["PHONE"]


def test_low_is_by_the_variants_own_threshold_or_the_shops(storekeeper, settings):
    settings.LOW_STOCK_THRESHOLD = 5
    for sku, units, own in (("A", 5, None), ("B", 6, None), ("C", 6, 6), ("D", 1, 0), ("E", 0, 0)):
        (variant,) = goods(sku)
        if units:
            put(variant, MAIN=units)
        Stock.objects.filter(pk=variant).update(low_stock_threshold=own)

    assert skus(storekeeper, low="true") == ["A", "C", "E"]
    assert skus(storekeeper, low="false") == ["B", "D"]
    lows = {row["sku"]: row["low"] for row in storekeeper.get("/api/stock/").json()["results"]}
    assert lows == {"A": True, "B": False, "C": True, "D": False, "E": True}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"colour": "red"}, "colour"),
        ({"low": "maybe"}, "low"),
        ({"warehouse": "NOWHERE"}, "warehouse"),
        ({"variant": "x"}, "variant"),
        ({"ordering": "price"}, "ordering"),
        ({"page_size": "101"}, "page_size"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_unknown_filters_of_stock_are_named(storekeeper, phone, query, name):
    answer = storekeeper.get("/api/stock/", query)

    assert (answer.status_code, {row["attr"] for row in answer.json()["errors"]}) == (400, {name})


@pytest.mark.parametrize("count", [1, 3])
def test_stock_list_takes_the_same_statements_for_any_number(storekeeper, count):
    warehouse("MSA")
    for n in range(count):
        (variant,) = goods(f"N{n}")
        put(variant, MAIN=1, MSA=1)

    with CaptureQueriesContext(connection) as captured:
        assert len(skus(storekeeper)) == count

    assert len(captured) == 6  # user, rights (2), count, stock, balances


def test_threshold_is_set_and_unset(storekeeper, phone):
    assert storekeeper.patch(f"/api/stock/{phone}/", {"low_stock_threshold": 20}).json()["low"] is True
    answer = storekeeper.patch(f"/api/stock/{phone}/", {"low_stock_threshold": None}).json()

    assert (answer["low_stock_threshold"], answer["threshold"], answer["low"]) == (None, 5, False)


@pytest.mark.parametrize("threshold", [-1, 1_000_001, "3", True, 1.5])
def test_threshold_that_is_no_number_of_units_is_refused(storekeeper, phone, threshold):
    answer = storekeeper.patch(f"/api/stock/{phone}/", {"low_stock_threshold": threshold})

    assert (answer.status_code, rows_of(answer)[0][1]) == (400, "low_stock_threshold")
    assert Stock.objects.get().low_stock_threshold is None


# --- Adjusting ------------------------------------------------------------------------------------------------


def test_delivery_and_breakage_in_one_request(storekeeper, phone):
    answer = adjust(
        storekeeper, RECEIVE, {"variant_id": str(phone), "warehouse": "main", "change": -1, "reason": "broken"}
    )

    assert answer.status_code == 201, answer.json()
    (row,) = answer.json()["items"]
    assert (row["available"], {place["code"]: place["on_hand"] for place in row["warehouses"]}) == (
        16,
        {"MAIN": 9, "MSA": 7},
    )
    assert lying(phone) == {"MAIN": 9, "MSA": 7}
    assert list(StockMovement.objects.order_by("id").values_list("kind", "reason", "actor__is_staff")[2:]) == [
        ("receive", "delivery note 1", True),
        ("adjust", "broken", True),
    ]
    assert_stock_holds()


def test_adjustment_sent_twice_happens_once(storekeeper, phone):
    first, again = (adjust(storekeeper, RECEIVE, key="delivery-1") for _ in range(2))

    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert first.json() == again.json()
    assert lying(phone) == {"MAIN": 10, "MSA": 7}
    other = adjust(storekeeper, RECEIVE | {"change": 6}, key="delivery-1")
    assert (other.status_code, rows_of(other)) == (422, [("idempotency_key_reused", None)])


@pytest.mark.parametrize("path", ["/api/stock/adjust/", "/api/stock/transfer/"])
def test_goods_move_only_with_an_idempotency_key(storekeeper, phone, path):
    before = every_row()
    body = {"from_warehouse": "MAIN", "to_warehouse": "MSA", "items": [RECEIVE, {"sku": "PHONE", "units": 1}][-1:]}
    body = body if "transfer" in path else {"items": [RECEIVE]}

    answer = storekeeper.post(path, body)

    assert (answer.status_code, rows_of(answer)) == (400, [("idempotency_key_required", None)])
    assert every_row() == before


@pytest.mark.parametrize(
    ("item", "status", "row"),
    [
        ({"sku": "NOBODY"}, 400, ("variant_unknown", "items.1.sku")),
        ({"sku": "EBOOK"}, 400, ("variant_unknown", "items.1.sku")),
        ({"warehouse": "NOWHERE"}, 400, ("warehouse_unknown", "items.1.warehouse")),
        ({"warehouse": "OLD"}, 409, ("warehouse_closed", "items.1.warehouse")),
        ({"change": -10, "kind": "adjust"}, 409, ("insufficient_in_warehouse", "items.1.change")),
        ({"change": -20, "kind": "adjust"}, 409, ("insufficient_stock", "items.1.change")),
        ({"change": -1}, 400, ("invalid", "items.1.change")),  # "received"
        ({"change": 0}, 400, ("invalid", "items.1.change")),
        ({"change": True}, 400, ("invalid", "items.1.change")),
        ({"change": "5"}, 400, ("invalid", "items.1.change")),
        ({"change": 10**7}, 400, ("max_value", "items.1.change")),
        ({"kind": "sell"}, 400, ("invalid_choice", "items.1.kind")),
        ({"kind": "count"}, 400, ("invalid_choice", "items.1.kind")),
        ({"reason": ""}, 400, ("blank", "items.1.reason")),
        ({"reason": "x" * 201}, 400, ("max_length", "items.1.reason")),
        ({"variant_id": "0198c0de-0000-7000-8000-000000000001"}, 400, ("required", "items.1.sku")),
    ],
)
def test_wrong_line_is_named_and_nothing_of_the_request_happens(storekeeper, phone, item, status, row):
    goods("EBOOK", kind="digital")
    warehouse("OLD", is_active=False)
    before = every_row()

    answer = adjust(storekeeper, RECEIVE, RECEIVE | {"warehouse": "MSA"} | item)

    assert (answer.status_code, rows_of(answer)) == (status, [row])
    assert every_row() == before
    assert not IdempotencyKey.objects.exists()


def test_adjusting_takes_a_bounded_number_of_lines(storekeeper, phone):
    before = every_row()

    assert [adjust(storekeeper, *[RECEIVE] * n).status_code for n in (0, 201)] == [400, 400]
    assert every_row() == before
    assert adjust(storekeeper, *[RECEIVE] * 200).status_code == 201
    assert level(phone) == (1012, 1012)


def test_adjusting_takes_the_same_statements_for_any_number_of_lines(storekeeper, phone):
    goods("OTHER")
    adjust(storekeeper, RECEIVE)
    counts = []
    for lines in ([RECEIVE], [RECEIVE, RECEIVE | {"sku": "OTHER"}, RECEIVE | {"warehouse": "MAIN"}]):
        with CaptureQueriesContext(connection) as captured:
            assert adjust(storekeeper, *lines).status_code == 201
        counts.append(len(captured))

    assert counts[0] == counts[1]


# --- Transferring ---------------------------------------------------------------------------------------------


def test_transfer_moves_goods_and_leaves_what_can_be_sold(storekeeper, phone):
    answer = transfer(storekeeper, {"sku": "PHONE", "units": 4}, reason="Mombasa is running out")

    assert answer.status_code == 201, answer.json()
    assert answer.json()["items"][0]["available"] == 12
    assert lying(phone) == {"MAIN": 6, "MSA": 6}
    document = answer.json()["id"]
    found = storekeeper.get("/api/stock/movements/", {"document": document}).json()["results"]
    assert [(row["kind"], row["warehouse"], row["on_hand_change"], row["reason"]) for row in found] == [
        ("transfer", "MSA", 4, "Mombasa is running out"),
        ("transfer", "MAIN", -4, "Mombasa is running out"),
    ]


@pytest.mark.parametrize(
    ("change", "status", "row"),
    [
        ({"to_warehouse": "MAIN"}, 400, ("same_warehouse", "to_warehouse")),
        ({"to_warehouse": "NOWHERE"}, 400, ("warehouse_unknown", "to_warehouse")),
        ({"to_warehouse": "OLD"}, 409, ("warehouse_closed", "to_warehouse")),
        ({"from_warehouse": "MSA", "to_warehouse": "MAIN"}, 409, ("insufficient_in_warehouse", "items.0.units")),
    ],
)
def test_transfer_that_cannot_be_is_named_and_moves_nothing(storekeeper, phone, change, status, row):
    warehouse("OLD", is_active=False)
    before = every_row()

    answer = transfer(storekeeper, {"sku": "PHONE", "units": 3}, **change)

    assert (answer.status_code, rows_of(answer)) == (status, [row])
    assert every_row() == before


@pytest.mark.django_db(transaction=True)
def test_transfer_sent_twice_at_once_happens_once():
    client = member_of_staff("catalog.change_stock")
    (variant,) = goods("PHONE")
    warehouse("MSA", position=1)
    put(variant, MAIN=10)
    clients = [client_for(client) for _ in range(3)]

    answers = at_once([lambda c=c: transfer(c, {"sku": "PHONE", "units": 2}, key="once") for c in clients])

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert 201 in {answer.status_code for answer in answers}
    assert lying(variant) == {"MAIN": 8, "MSA": 2}


# --- The ledger -----------------------------------------------------------------------------------------------


def test_ledger_is_read_newest_first_by_cursor(storekeeper, phone):
    for n in range(5):
        adjust(storekeeper, RECEIVE | {"reason": str(n)})
    seen, address = [], "/api/stock/movements/?page_size=3"
    while address:
        page = storekeeper.get(address).json()
        seen += [row["reason"] for row in page["results"]]
        address = page["next"]

    assert seen == ["4", "3", "2", "1", "0", "", ""]


def test_line_of_the_ledger_tells_everything(storekeeper, phone):
    adjust(storekeeper, RECEIVE)
    movement = StockMovement.objects.latest("id")

    row = storekeeper.get("/api/stock/movements/", {"kind": "receive", "warehouse": "MSA"}).json()["results"][0]

    assert row == {
        "id": movement.pk,
        "created_at": movement.created_at.isoformat().replace("+00:00", "Z"),
        "kind": "receive",
        "variant_id": str(phone),
        "sku": "PHONE",
        "product_id": str(Product.objects.get().pk),
        "product_name": "Phone",
        "warehouse": "MSA",
        "available_change": 5,
        "on_hand_change": 5,
        "order_item_id": None,
        "document_id": None,
        "reason": "delivery note 1",
        "actor": str(movement.actor_id),
    }


def test_ledger_is_filtered(storekeeper, phone):
    order = place_order(UserFactory(), Product.objects.get())
    (other,) = goods("OTHER", url_key="other")
    put(other, MAIN=1)
    place = {row.code: row for row in (main(),)}
    move(phone, 1, place["MAIN"], warehouse("NBO"))
    middle = StockMovement.objects.get(kind="reserve").created_at

    def count(**query: str) -> int:
        answer = storekeeper.get("/api/stock/movements/", query)
        assert answer.status_code == 200, answer.json()
        return len(answer.json()["results"])

    assert count() == 6
    assert count(sku="OTHER") == count(product="other") == count(variant=str(other)) == 1
    assert count(kind="transfer") == 2
    assert count(warehouse="NBO") == 1
    assert count(order_item=str(order.items.get().pk)) == 1
    assert (count(since=middle.isoformat()), count(until=middle.isoformat())) == (4, 2)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"page": "2"}, "page"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": base64.b64encode(b"p=abc").decode()}, "cursor"),
        ({"cursor": base64.b64encode(b"p=" + b"9" * 40).decode()}, "cursor"),
        ({"kind": "steal"}, "kind"),
        ({"since": "yesterday"}, "since"),
        ({"page_size": "0"}, "page_size"),
        ({"actor": "x"}, "actor"),
    ],
)
def test_wrong_parameters_of_the_ledger_are_named(storekeeper, phone, query, name):
    answer = storekeeper.get("/api/stock/movements/", query)

    assert (answer.status_code, {row["attr"] for row in answer.json()["errors"]}) == (400, {name})


@pytest.mark.parametrize("count", [1, 3])
def test_ledger_takes_the_same_statements_for_any_number(storekeeper, count):
    for n in range(count):
        (variant,) = goods(f"N{n}")
        put(variant, MAIN=1)

    with CaptureQueriesContext(connection) as captured:
        assert len(storekeeper.get("/api/stock/movements/").json()["results"]) == count

    assert len(captured) == 4  # user, rights (2), movements


# --- Warehouses -----------------------------------------------------------------------------------------------


def test_warehouse_is_made_changed_and_deleted(storekeeper, phone):
    made = storekeeper.post("/api/warehouses/", {"name": "Nakuru", "code": "nku-1", "county": "Nakuru", "position": 3})
    assert made.status_code == 201, made.json()
    assert {name: made.json()[name] for name in ("code", "units", "is_default", "is_active", "position")} == {
        "code": "NKU-1",
        "units": 0,
        "is_default": False,
        "is_active": True,
        "position": 3,
    }
    key = made.json()["id"]
    assert storekeeper.patch(f"/api/warehouses/{key}/", {"name": "Nakuru store"}).json()["name"] == "Nakuru store"
    assert [row["code"] for row in storekeeper.get("/api/warehouses/").json()["results"]] == ["MAIN", "MSA", "NKU-1"]
    assert storekeeper.get("/api/warehouses/msa/").json()["units"] == 2
    assert storekeeper.delete("/api/warehouses/nku-1/").status_code == 204
    assert storekeeper.get(f"/api/warehouses/{key}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"name": "x"}, "code"),
        ({"code": "X"}, "name"),
        ({"name": "x", "code": "MSA"}, "code"),
        ({"name": "x", "code": "msa"}, "code"),
        ({"name": "Main warehouse", "code": "X"}, "name"),
        ({"name": "x", "code": "=1+1"}, "code"),
        ({"name": "x", "code": "-A"}, "code"),
        ({"name": "x", "code": "É"}, "code"),
        ({"name": "x", "code": "X" * 21}, "code"),
        ({"name": "x", "code": "X", "position": -1}, "position"),
        ({"name": "x", "code": "X", "position": 32_768}, "position"),
    ],
)
def test_warehouse_that_is_wrong_is_refused_by_its_field(storekeeper, phone, body, attr):
    before = every_row()

    answer = storekeeper.post("/api/warehouses/", body)

    assert (answer.status_code, [row[1] for row in rows_of(answer)]) == (400, [attr])
    assert every_row() == before


def test_refusals_about_warehouses_are_named_and_change_nothing(storekeeper, phone):
    emptied = warehouse("NBO")
    put(phone, NBO=1)
    move(phone, 1, emptied, main())
    before = every_row()

    assert rows_of(storekeeper.delete("/api/warehouses/MSA/")) == [("warehouse_not_empty", None)]
    assert rows_of(storekeeper.patch("/api/warehouses/MSA/", {"is_active": False})) == [("warehouse_not_empty", None)]
    assert rows_of(storekeeper.delete("/api/warehouses/NBO/")) == [("warehouse_in_ledger", None)]
    assert rows_of(storekeeper.delete("/api/warehouses/MAIN/")) == [("warehouse_is_default", None)]
    assert rows_of(storekeeper.patch("/api/warehouses/MAIN/", {"is_default": False})) == [
        ("warehouse_is_default", None)
    ]
    assert every_row() == before
