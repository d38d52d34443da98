"""The catalogue given out: in four forms, guarded, in bounded memory, and taken back without a loss."""

import gc
import io
import json
import tracemalloc
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from catalog import services
from catalog.exchange import exporting
from catalog.exchange.exporting import FORMATS, export
from catalog.exchange.guarding import guard, unguard
from catalog.exchange.rows import join_path, split_path
from catalog.models import Category, Product, StockMovement, Variant
from catalog.services import VariantInput
from catalog.tagging.services import save_tag, set_tags
from tests.catalog.exchange import counts, exported, run, table
from tests.catalog.feed import stock_that_differs_from_its_ledger
from tests.clients import client_for
from tests.factories import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.usefixtures("media")


@pytest.fixture
def client(staff) -> APIClient:
    return client_for(staff)


def fill() -> None:
    """Put things into the shop that are hard to carry over."""
    power = CategoryFactory(category_name="Power > Solar \\ more")
    lamps = CategoryFactory(category_name="Lamps", parent=power)
    lamp = ProductFactory(
        product_name='=Lamp, "bright"',
        url_key="lamp",
        description="-Two lines\nof text; 5 < 6 & more\n\nZwei Zeilen: ü",
        category=lamps,
        brand=BrandFactory(name="d.light"),
        image_url="https://a.example/1.jpg",
        source_id="feed:1",
        tax_kind="exempt",
        item_class_code="39111500",
        attributes={"power": 5, "images": ["https://a.example/1.jpg", "https://a.example/2.jpg"]},
        variants=[
            VariantInput(sku="-L-B", price=Decimal("1500"), options={"color": "Black"}, stock=5, weight_grams=450),
            VariantInput(
                sku="'=L-W", price=Decimal("1600.50"), options={"color": "White"}, compare_at_price=Decimal("1800")
            ),
        ],
    )
    save_tag(name="Buy one, get one", url_key="bogo")  # a name that cannot stand among others
    set_tags(lamp.pk, ["Back to school", "a", "bogo"], create=True)
    Variant.objects.filter(sku="-L-B").update(barcode="5901234123457", mpn="+M1", image_url="https://a.example/b.jpg")
    Variant.objects.filter(sku="'=L-W").update(is_active=False)
    services.refresh_product(lamp.pk)
    ProductFactory(product_name="@Licence", url_key="licence", kind="digital", is_active=False, sku="00123", stock=0)
    removed = ProductFactory(product_name="Removed", url_key="removed")
    services.soft_delete_product(removed)


def empty() -> None:
    """Take everything out of the shop, the ledger too, as only a test may."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE catalog_product, catalog_category, catalog_brand, catalog_tag CASCADE")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", list(FORMATS))
def test_export_into_an_empty_shop_and_out_again_is_the_same(client, run_owed_work, form):
    fill()
    first = exported(client, form)
    empty()

    told = run(client, run_owed_work, first, name=f"products.{form}")

    assert (told["state"], counts(told), told["problem_count"]) == ("finished", (2, 0, 0, 0), 0)
    assert contents(exported(client, form), form) == contents(first, form)
    assert stock_that_differs_from_its_ledger() == []


@pytest.mark.django_db
@pytest.mark.parametrize("form", list(FORMATS))
def test_export_into_the_same_shop_changes_nothing(client, run_owed_work, form):
    fill()
    movements = StockMovement.objects.count()

    told = run(client, run_owed_work, exported(client, form), update_stock=True)

    assert (counts(told), told["problem_count"], told["differences"]) == ((0, 0, 2, 0), 0, [])
    assert (StockMovement.objects.count(), Category.objects.count()) == (movements, 4)


def contents(data: bytes, form: str) -> Any:
    """Return what can be compared: a spreadsheet's archive holds the time."""
    if form != "xlsx":
        return data
    sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True).worksheets[0]
    return list(sheet.iter_rows(values_only=True))


@pytest.mark.django_db
def test_forms_have_every_field(client):
    fill()
    rows = table(exported(client, "csv"))
    lines = [json.loads(line) for line in exported(client, "ndjson").splitlines()]
    shopify = table(exported(client, "shopify"))

    assert [row["url_key"] for row in rows] == ["lamp", "lamp", "licence"]
    assert (rows[0]["category"], rows[0]["is_active"], rows[1]["product_name"]) == (
        "Power \\> Solar \\\\ more > Lamps",
        "true",
        "",
    )
    assert [(row["tax_kind"], row["item_class_code"]) for row in (rows[0], lines[0], rows[2])] == [
        ("exempt", "39111500"),
        ("exempt", "39111500"),
        ("standard", ""),
    ]
    assert [row["Variant Taxable"] for row in shopify] == ["FALSE", "", "TRUE"]
    assert (lines[0]["category"], lines[0]["variants"][0]["price"], lines[0]["variants"][0]["stock"]) == (
        ["Power > Solar \\ more", "Lamps"],
        "1500.00",
        5,
    )
    assert [(row["Handle"], row["Variant SKU"], row["Image Src"], row["Status"]) for row in shopify] == [
        ("lamp", "'-L-B", "https://a.example/1.jpg", "active"),
        ("lamp", "", "https://a.example/2.jpg", ""),
        ("licence", "00123", "", "draft"),
    ]
    told = [rows[0]["tags"], ", ".join(lines[0]["tags"]), shopify[0]["Tags"]]
    assert (told, rows[1]["tags"]) == (3 * ["a, Back to school, bogo"], "")
    assert shopify[0]["Body (HTML)"] == "'-Two lines<br>of text; 5 &lt; 6 &amp; more<br><br>Zwei Zeilen: ü"


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["csv", "shopify", "xlsx"])
def test_no_cell_is_a_formula(client, form):
    fill()
    data = exported(client, form)

    if form == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
        cells = [(cell.data_type, str(cell.value or "")) for row in sheet.iter_rows() for cell in row]
        assert {kind for kind, _ in cells} == {"s", "n"}
        texts = [text for kind, text in cells if kind == "s"]
    else:
        texts = [cell for row in table(data) for cell in row.values()]

    assert [text for text in texts if text[:1] in ("=", "+", "-", "@", "\t", "\r")] == []
    assert '\'=Lamp, "bright"' in texts


@given(st.text(st.sampled_from("'=+-@\t\r\nab"), max_size=8))
def test_guarding_loses_nothing(text):
    assert unguard(guard(text)) == text
    assert guard(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")


@given(st.lists(st.text(st.sampled_from("ab \\>"), min_size=1, max_size=8), min_size=1, max_size=4))
def test_path_in_a_cell_loses_nothing(names):
    names = [" ".join(name.split()) for name in names]
    names = [name for name in names if name]

    assert split_path(join_path(names)) == names


@pytest.mark.django_db
def test_filters_of_the_list_narrow_the_export(client):
    cables = CategoryFactory(category_name="Cables")
    ProductFactory(url_key="b-cable", product_name="USB Cable", category=cables, price=Decimal("100"))
    ProductFactory(url_key="a-cable", product_name="HDMI Cable", category=cables, price=Decimal("900"))
    ProductFactory(url_key="lamp", product_name="Solar Lamp", stock=0)

    def keys(**filters: str) -> list[str]:
        return [row["url_key"] for row in table(exported(client, "csv", **filters))]

    assert keys() == ["a-cable", "b-cable", "lamp"]
    assert keys(category="cables") == ["a-cable", "b-cable"]
    assert keys(category="cables", price_max="500") == ["b-cable"]
    assert keys(in_stock="false") == ["lamp"]
    assert keys(search="cable") == ["a-cable", "b-cable"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("filters", "attr"),
    [
        ({"format": "pdf"}, "format"),
        ({"colour": "red"}, "colour"),
        ({"category": "none"}, "category"),
        ({"page": "2", "x": "y"}, "x"),
    ],
)
def test_unknown_form_or_filter_is_a_400_that_names_it(client, filters, attr):
    answer = client.get("/api/products/export/", filters)

    assert (answer.status_code, answer.json()["errors"][0]["attr"].split(".")[0]) == (400, attr)


@pytest.mark.django_db
def test_export_is_sent_as_a_file(client):
    answer = client.get("/api/products/export/", HTTP_ACCEPT="text/csv")

    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (
        200,
        "text/csv; charset=utf-8",
        "no-store",
    )
    assert answer["Content-Disposition"].startswith('attachment; filename="products-20')
    assert b"".join(answer.streaming_content).decode().strip() == ",".join(exporting.COLUMNS)


@pytest.mark.django_db
@pytest.mark.parametrize("form", list(FORMATS))
def test_memory_and_statements_of_an_export_follow_the_page_and_not_the_shop(
    monkeypatch, django_assert_num_queries, form
):
    category = CategoryFactory()
    for number in range(120):
        ProductFactory(url_key=f"p-{number:03}", description="word " * 2000, category=category)
    monkeypatch.setattr(exporting, "PAGE", 10)
    products = Product.objects.all()

    def most(limit: int) -> int:
        tracemalloc.start()
        for _ in export(products.filter(url_key__lt=f"p-{limit:03}"), form):
            gc.collect()  # a product and its variants know each other
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most(20)

    assert most(120) < 1.7 * most(20)
    with django_assert_num_queries(
        2 + 2 * 3
    ):  # the categories, the tags, and for each page its products and their variants
        list(export(products.filter(url_key__lt="p-025"), form))
