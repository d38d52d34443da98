"""Warehouses, balances, counts and alerts in the admin."""

from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalog import stock
from catalog.inventory import counting
from catalog.inventory.models import LowStockAlert, StockCount, Warehouse, WarehouseStock
from catalog.models import StockMovement
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, told
from tests.catalog.inventory import every_row, goods, level, lying, main, put, warehouse

pytestmark = pytest.mark.django_db

RIGHTS = [
    *(f"catalog.{verb}_warehouse" for verb in ("view", "add", "change", "delete")),
    *(f"catalog.{verb}_stockcount" for verb in ("view", "add", "change")),
    *("catalog.view_warehousestock", "catalog.view_lowstockalert", "catalog.view_stock", "catalog.change_stock"),
]


@pytest.fixture
def client(db: None) -> Client:
    return logged_in(member_of_staff(*RIGHTS))


@pytest.fixture
def phone(db: None) -> UUID:
    (variant,) = goods("PHONE", product_name="Phone")
    warehouse("MSA", position=1)
    put(variant, MAIN=9, MSA=2)
    return variant


FORM: dict[str, Any] = {
    "name": "Nakuru",
    "code": "nku",
    "county": "",
    "address": "",
    "position": "2",
    "is_active": "on",
}


def test_every_page_opens_for_those_with_the_right(client, phone):
    stock.adjust_stock({phone: -8})
    count = counting.upload_count(warehouse=main(), name="x", raw=b"sku,counted\nPHONE,0\n", actor=member_of_staff())
    rows = {
        "warehouse": main(),
        "warehousestock": WarehouseStock.objects.first(),
        "stockcount": count,
        "lowstockalert": LowStockAlert.objects.get(),
    }
    nobody = logged_in(member_of_staff("catalog.view_product"))

    for name, row in rows.items():
        for page in (address(f"catalog_{name}_changelist"), address(f"catalog_{name}_change", row)):
            assert client.get(page).status_code == 200, page
            assert nobody.get(page).status_code == 403, page


def test_warehouse_is_added_changed_and_deleted(client, phone):
    client.post(address("catalog_warehouse_add"), FORM)
    made = Warehouse.objects.get(code="NKU")
    client.post(address("catalog_warehouse_change", made), FORM | {"code": "NKU", "name": "Nakuru store"})
    made.refresh_from_db()
    assert (made.name, made.position, made.is_default) == ("Nakuru store", 2, False)

    client.post(address("catalog_warehouse_delete", made), {"post": "yes"})

    assert not Warehouse.objects.filter(pk=made.pk).exists()


def test_refusals_become_messages_and_change_nothing(client, phone):
    msa = Warehouse.objects.get(code="MSA")
    form = {"name": msa.name, "code": "MSA", "county": "", "address": "", "position": "1"}
    before = every_row()

    closed = client.post(address("catalog_warehouse_change", msa), form)
    deleted = client.post(address("catalog_warehouse_delete", msa), {"post": "yes"})
    wrong = client.post(address("catalog_warehouse_add"), FORM | {"code": "=1"})

    # No page was shown between them: the first message waits still.
    refusal = "2 units lie in this warehouse. Transfer them first."
    assert (told(closed), told(deleted)) == ([refusal], [refusal, refusal])
    assert wrong.context["adminform"].form.errors == {
        "code": ["Use letters and digits, with dashes between them: NBO-1."]
    }
    assert every_row() == before


def test_goods_are_adjusted_and_transferred_where_they_lie(client, phone):
    balance = WarehouseStock.objects.get(warehouse__code="MSA")
    page = address("catalog_warehousestock_adjust", balance)
    assert client.get(page).status_code == 200

    adjusted = client.post(page, {"units": "-1", "kind": "adjust", "reason": "broken"})
    moved = client.post(
        address("catalog_warehousestock_transfer", balance), {"target": str(main().pk), "units": "1", "reason": ""}
    )

    assert told(adjusted) == ["Adjusted by -1: broken"]
    assert told(moved)[-1] == "1 transferred to Main warehouse."
    assert lying(phone) == {"MAIN": 10}
    assert StockMovement.objects.filter(kind="transfer").count() == 2


@pytest.mark.parametrize(
    ("action", "form", "message"),
    [
        ("adjust", {"units": "-3", "kind": "adjust", "reason": "x"}, "Only 2 lie in Warehouse MSA."),
        ("transfer", {"units": "3", "target": "MAIN"}, "Only 2 lie in Warehouse MSA."),
        ("transfer", {"units": "1", "target": "MSA"}, "Goods are transferred from one warehouse to another one."),
    ],
)
def test_what_cannot_be_moved_is_said(client, phone, action, form, message):
    balance = WarehouseStock.objects.get(warehouse__code="MSA")
    if "target" in form:
        form = form | {"target": str(Warehouse.objects.get(code=form["target"]).pk)}
    before = every_row()

    answer = client.post(address(f"catalog_warehousestock_{action}", balance), form)

    assert (told(answer), every_row()) == ([message], before)


def test_who_may_only_look_moves_nothing(phone):
    client = logged_in(
        member_of_staff("catalog.view_warehousestock", "catalog.view_warehouse", "catalog.view_stockcount")
    )
    balance, before = WarehouseStock.objects.first(), every_row()

    for action, form in (("adjust", {"units": "1", "kind": "adjust", "reason": "x"}), ("transfer", {"units": "1"})):
        assert client.post(address(f"catalog_warehousestock_{action}", balance), form).status_code == 403
    assert client.post(address("catalog_warehouse_upload_count", main()), {}).status_code == 403

    assert every_row() == before
    assert offered(client, address("catalog_warehousestock_change", balance)) == []


def test_shelf_is_counted_from_sheet_to_ledger(client, phone):
    place = main()
    sheet = b"".join(client.get(address("catalog_warehouse_sheet", place)).streaming_content).decode("utf-8-sig")
    assert sheet == "sku,name,expected,counted\r\nPHONE,Phone,9,\r\n"

    file = SimpleUploadedFile("shelf.csv", sheet.replace(",9,", ",9,7").encode())
    uploaded = client.post(address("catalog_warehouse_upload_count", place), {"file": file, "counted_at": ""})

    assert told(uploaded) == ["1 lines, 1 with a difference. Look at them under Counts, and apply."]
    count = StockCount.objects.get()
    page = address("catalog_stockcount_change", count)
    assert (offered(client, page), level(phone)) == (["Apply"], (11, 11))
    applied = client.post(address("catalog_stockcount_apply", count))
    assert (told(applied), level(phone)) == (["The differences are in the ledger."], (9, 9))
    assert offered(client, page) == []


def test_bad_count_is_refused_with_its_lines(client, phone):
    file = SimpleUploadedFile("shelf.csv", b"sku,counted\nNOBODY,1\n")

    answer = client.post(address("catalog_warehouse_upload_count", main()), {"file": file})

    assert told(answer) == ["Line 2: 'NOBODY' is no SKU that is kept in stock."]
    assert not StockCount.objects.exists()


def test_moment_of_counting_is_by_the_staffs_clock(client, phone):
    from django.utils import timezone

    nairobi = timezone.localtime(timezone.now(), timezone=timezone.get_fixed_timezone(180))
    file = SimpleUploadedFile("shelf.csv", b"sku,counted\nPHONE,7\n")
    told_time = nairobi.replace(minute=0, second=0, microsecond=0)

    client.post(
        address("catalog_warehouse_upload_count", main()),
        {"file": file, "counted_at": told_time.strftime("%Y-%m-%dT%H:%M")},
    )

    assert StockCount.objects.get().counted_at == told_time


def test_alerts_show_what_is_still_low(client, phone):
    (other,) = goods("CASE")
    put(other, MAIN=9)
    stock.adjust_stock({phone: -10, other: -8})
    stock.adjust_stock({other: 8})
    page = address("catalog_lowstockalert_changelist")

    assert [row.sku for row in (alert.variant for alert in listed(client.get(page, {"open": "yes"})))] == ["PHONE"]
    assert [alert.variant.sku for alert in listed(client.get(page, {"open": "no"}))] == ["CASE"]
    assert len(listed(client.get(page))) == 2


def test_lists_cost_the_same_for_one_and_three_rows(client, phone):
    def make(n: int) -> None:
        (variant,) = goods(f"N{n}")
        put(variant, MAIN=9)
        stock.adjust_stock({variant: -8})
        counting.upload_count(
            warehouse=main(), name="x", raw=f"sku,counted\nN{n},0\n".encode(), actor=member_of_staff()
        )

    pages = [
        address(f"catalog_{name}_changelist") for name in ("warehousestock", "stockcount", "lowstockalert", "warehouse")
    ]
    make(0)
    before = [queries_of(client, page) for page in pages]
    for n in (1, 2):
        make(n)

    assert [queries_of(client, page) for page in pages] == before
