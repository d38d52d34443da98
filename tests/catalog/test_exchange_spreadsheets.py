"""Spreadsheets as people save them."""

import io
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from rest_framework.test import APIClient

from catalog.exchange import running, spreadsheets
from catalog.exchange.models import CatalogueImport
from catalog.models import Product, Variant
from tests.catalog.exchange import SHOPIFY, counts, errors, run, shown, stored, upload
from tests.clients import client_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


@pytest.fixture
def client(staff) -> APIClient:
    return client_for(staff)


def book(*rows: list[Any], more: bool = False) -> bytes:
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    if more:
        workbook.create_sheet("Notes").append(["name", "price"])
    data = io.BytesIO()
    workbook.save(data)
    return data.getvalue()


def test_cells_keep_what_they_mean(client, run_owed_work):
    rows = [
        ["Name", "SKU", "Price", "Stock", "Barcode", "Active", "attributes.since"],
        ["Lamp", 123, 19.99, 5.0, 5901234123457, True, date(2026, 1, 2)],
        [None, None, None, None, None, None, None],
        ["Torch\nwith a second line", "00123", "1,500.00", None, "5901234123458", "no", None],
    ]

    told = run(client, run_owed_work, book(*rows, more=True), name="list.xlsx")

    assert (told["kind"], counts(told), errors(client, told)) == ("xlsx", (2, 0, 0, 0), [])
    assert list(Variant.objects.order_by("sku").values_list("sku", "price", "stock_level__available", "barcode")) == [
        ("00123", Decimal("1500.00"), 0, "5901234123458"),
        ("123", Decimal("19.99"), 5, "5901234123457"),
    ]
    lamp, torch = Product.objects.order_by("product_name")
    assert (lamp.attributes, lamp.is_active) == ({"since": "2026-01-02T00:00:00"}, True)
    assert (torch.product_name, torch.is_active) == ("Torch with a second line", False)


def test_errors_name_the_row_of_the_sheet(client, run_owed_work):
    rows = [["name", "sku", "price"], ["two\nlines", "A", "x"], [], ["Lamp", "B", "y"]]

    told = run(client, run_owed_work, book(*rows))

    assert errors(client, told) == [(2, "price", "bad_price"), (4, "price", "bad_price")]


def test_formula_counts_as_the_value_that_it_last_had(client, run_owed_work):
    told = run(client, run_owed_work, book(["name", "sku", "price"], ["Lamp", "A", "=1+1"]))

    assert errors(client, told) == [(2, "", "no_price")]  # nobody has ever computed it


def test_real_export_saved_as_a_spreadsheet_is_the_same(client, run_owed_work):
    path = SHOPIFY / "shopify-jewelery.csv"
    if not path.exists():
        pytest.skip("the real files are not here")
    import csv

    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))

    run(client, run_owed_work, path.read_bytes())
    told = run(client, run_owed_work, book(*rows), update_stock=True)

    assert (told["is_shopify"], counts(told), errors(client, told)) == (True, (0, 0, 20, 0), [])


def test_sheet_is_unpacked_once_and_then_read_in_steps(client, run_owed_work, monkeypatch, media):
    monkeypatch.setattr(running, "BATCH", 2)
    monkeypatch.setattr(running, "STEP", 0)
    unpacked: list[int] = []
    original = spreadsheets.write_as_csv
    monkeypatch.setattr(spreadsheets, "write_as_csv", lambda *files: (unpacked.append(1), original(*files))[1])
    rows = [[f"Thing {number}", f"T-{number}", 5] for number in range(5)]

    told = run(client, run_owed_work, book(["name", "sku", "price"], *rows))

    assert (counts(told), unpacked, len(stored(media))) == ((5, 0, 0, 0), [1], 2)


def test_too_many_rows_fail_the_import_by_name(client, run_owed_work, monkeypatch):
    monkeypatch.setattr(spreadsheets, "MAX_ROWS", 3)
    rows = [[f"Thing {number}", f"T-{number}", 5] for number in range(4)]

    told = run(client, run_owed_work, book(["name", "sku", "price"], *rows))

    assert (told["state"], told["failure"], Product.objects.count()) == ("failed", "spreadsheet_too_large", 0)


def test_sheet_that_breaks_off_fails_the_import_by_name(client, run_owed_work, media):
    answer = upload(client, book(["name", "sku", "price"], ["Lamp", "A", 5]))
    for path in stored(media):
        path.write_bytes(path.read_bytes()[:-400])
    run_owed_work()

    told = shown(client, answer.json()["id"])

    assert (told["state"], told["failure"], Product.objects.count()) == ("failed", "spreadsheet_unreadable", 0)
    assert CatalogueImport.objects.get().problems.count() == 0
