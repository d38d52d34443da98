"""What is made of other people's files: columns, rows, prices, variants, and what is wrong with them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from catalog.exchange.building import Builder, Refused
from catalog.exchange.fields import FIELDS, suggest
from catalog.exchange.models import CatalogueImport
from catalog.exchange.rows import Group, Row
from catalog.models import Product, Variant
from tests.catalog.exchange import HEADER, SHOPIFY, counts, errors, run, table, upload
from tests.catalog.feed import row, snapshot, stock_that_differs_from_its_ledger
from tests.clients import client_for
from tests.factories import ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


@pytest.fixture
def client(staff) -> APIClient:
    return client_for(staff)


def variants() -> list[tuple[Any, ...]]:
    return list(Variant.objects.order_by("sku").values_list("sku", "options", "price", "stock_level__available"))


# --- Columns --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("Variant Price", "price"),
        ("variant price", "price"),
        ("Price", "price"),
        ("Unit price", "price"),
        ("Body (HTML)", "description"),
        ("Variant Inventory Qty", "stock"),
        ("Inventory quantity", "stock"),
        ("Weight value (grams)", "grams"),
        ("URL handle", "url_key"),
        ("Product category", "category"),
        ("Published on online store", "published"),
        ("Option1 Name", "option1_name"),
        ("Color (product.metafields.shopify.color-pattern)", "attribute:Color"),
        ("attributes.screen", "attribute:screen"),
        ("Cost per item", ""),
        ("Google Shopping / Custom Label 3", ""),
    ],
)
def test_column_is_known_by_any_of_its_names(column, field):
    assert suggest([column]) == {column: field}


def test_of_two_columns_with_one_meaning_the_more_usual_is_read():
    assert suggest(["Type", "Google product category", "Product category"]) == {
        "Type": "type",
        "Google product category": "",
        "Product category": "category",
    }


def test_mapping_says_what_unknown_columns_mean(client, run_owed_work):
    file = "Bezeichnung,Artikelnummer,Preis,Farbe,price\nLampe,L-1,1500,Rot,7\n"
    mapping = '{"Bezeichnung": "name", "Artikelnummer": "sku", "Preis": "price", "Farbe": "attribute:color"}'

    told = run(client, run_owed_work, file, mapping=mapping)

    assert told["mapping"] == {
        "Bezeichnung": "name",
        "Artikelnummer": "sku",
        "Preis": "price",
        "Farbe": "attribute:color",
        "price": "",
    }
    product = Product.objects.get()
    assert (product.product_name, product.price, product.attributes) == ("Lampe", 1500, {"color": "Rot"})
    assert Variant.objects.get().sku == "L-1"


@pytest.mark.parametrize(
    ("mapping", "code", "attr"),
    [
        ('{"colour": "name"}', "unknown_column", "mapping.colour"),
        ('{"name": "flavour"}', "unknown_field", "mapping.name"),
        ('{"name": "attribute:"}', "unknown_field", "mapping.name"),
        ('{"name": "sku", "sku": "sku"}', "field_twice", "mapping.sku"),
        ('{"name": "", "price": "", "sku": "sku"}', "nothing_to_import", "mapping"),
        ('["name"]', "invalid", "mapping"),
        ('{"name": 5}', "invalid", "mapping"),
        ("{", "invalid", "mapping"),
    ],
)
def test_mapping_that_does_not_fit_is_refused_by_name(client, media, mapping, code, attr):
    answer = upload(client, "name,sku,price\nLamp,L-1,1500\n", mapping=mapping)

    assert answer.status_code == 400
    assert (code, attr) in [(error["code"], error["attr"]) for error in answer.json()["errors"]]
    assert not media.exists()


# --- Shopify --------------------------------------------------------------------------------------------------

LAMP = f"""{HEADER}
lamp,Solar <b>Lamp</b>,"<p>Bright &amp; light</p><script>alert(1)</script>",d.light,Power > Lanterns,"solar, new",TRUE,Color,Black,LAMP-B,450,7,1500.00,1800.00,https://a.example/1.jpg,active
lamp,,,,,,,,White,LAMP-W,450,-2,"1,600.00",,https://a.example/2.jpg,
lamp,,,,,,,,,,,,,,https://a.example/3.jpg,
cable,Cable,,,,,false,Title,Default Title,,0,,250,200,,
plug,Plug,,,,,TRUE,Title,Default Title,PLUG,0,4,90,,,draft
"""


def test_shopify_file_becomes_products(client, run_owed_work):
    told = run(client, run_owed_work, LAMP)

    assert (told["is_shopify"], counts(told), told["problem_count"]) == (True, (3, 0, 0, 0), 0)
    lamp = Product.objects.select_related("category__parent", "brand").get(url_key="lamp")
    assert (lamp.product_name, lamp.description, str(lamp.brand)) == (
        "Solar <b>Lamp</b>",
        "Bright & light",
        "d.light",
    )
    assert (lamp.category.category_name, lamp.category.parent.category_name) == ("Lanterns", "Power")
    assert lamp.attributes == {"images": [f"https://a.example/{number}.jpg" for number in (1, 2, 3)]}
    assert lamp.tags == ["new", "solar"]
    assert (lamp.price, lamp.in_stock, lamp.is_active) == (Decimal("1500.00"), True, True)
    black = Variant.objects.get(sku="LAMP-B")
    assert (black.compare_at_price, black.weight_grams) == (Decimal("1800.00"), 450)
    assert variants() == [
        ("LAMP-B", {"Color": "Black"}, Decimal("1500.00"), 7),
        ("LAMP-W", {"Color": "White"}, Decimal("1600.00"), 0),
        ("PLUG", {}, Decimal("90.00"), 4),
        ("cable", {}, Decimal("250.00"), 0),
    ]
    assert Variant.objects.get(sku="cable").compare_at_price is None  # it is not above the price
    assert set(Product.objects.filter(is_active=False).values_list("url_key", flat=True)) == {"cable", "plug"}
    assert stock_that_differs_from_its_ledger() == []


@pytest.mark.parametrize("path", sorted(SHOPIFY.glob("*.csv")) or [None], ids=lambda path: path and path.stem)
def test_real_shopify_export_is_imported_and_a_repeat_changes_nothing(client, run_owed_work, path):
    if path is None:
        pytest.skip("the real files are not here")
    expected = {
        "gatsby-minimal": ((99, 0, 0, 1), 297, [(170, "", "duplicate_handle")]),
        "shopify-apparel": ((20, 0, 0, 0), 22, []),
        "shopify-home-and-garden": ((20, 0, 0, 0), 21, []),
        "shopify-jewelery": ((20, 0, 0, 0), 23, []),
    }[path.stem]

    told = run(client, run_owed_work, path.read_bytes())
    before = snapshot()
    again = run(client, run_owed_work, path.read_bytes())

    assert (counts(told), Variant.objects.count(), errors(client, told)) == expected
    assert counts(again) == (0, 0, expected[0][0], expected[0][3])
    assert snapshot() == before


NEW_LAYOUT = """Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,\
Barcode,Option1 name,Option1 value,Option1 Linked To,Price,Compare-at price,Cost per item,Inventory quantity,\
Weight value (grams),Weight unit for display,Requires shipping,Product image URL,Variant image URL
Lamp,lamp,<p>Bright</p>,d.light,Power > Lanterns,Lantern,,TRUE,Active,L-B,\
5901234123457,Color,Black,product.metafields.x,1500,,900,7,\
450,kg,TRUE,https://a.example/1.jpg,https://a.example/b.jpg
,lamp,,,,,,,,L-W,,,White,,1600,,900,3,450,kg,TRUE,,
"""


def test_layout_of_2024_means_the_same(client, run_owed_work):
    told = run(client, run_owed_work, NEW_LAYOUT)

    assert (told["is_shopify"], counts(told)) == (True, (1, 0, 0, 0))
    assert variants() == [
        ("L-B", {"Color": "Black"}, Decimal("1500.00"), 7),
        ("L-W", {"Color": "White"}, Decimal("1600.00"), 3),
    ]
    black = Variant.objects.get(sku="L-B")
    assert (black.weight_grams, black.barcode, black.image_url) == (450, "5901234123457", "https://a.example/b.jpg")
    assert Product.objects.get().attributes == {"type": "Lantern"}


def test_hundred_variants_are_one_product(client, run_owed_work):
    lines = [f"shirt,{'Shirt' if n == 0 else ''},Size {n},S-{n},500" for n in range(100)]
    file = "Handle,Title,Option1 Value,Variant SKU,Variant Price\n" + "\n".join(lines)

    told = run(client, run_owed_work, file)

    assert (counts(told), Variant.objects.count(), Product.objects.count()) == ((1, 0, 0, 0), 100, 1)


def test_file_without_skus_is_known_again_by_handle_and_options(client, run_owed_work):
    file = "Handle,Title,Option1 Name,Option1 Value,Price\nshirt,Shirt,Size,S,500\nshirt,,,M,600\n"
    run(client, run_owed_work, file)

    told = run(client, run_owed_work, file.replace("M,600", "M,650").replace("S,500", "S,500"))

    assert counts(told) == (0, 1, 0, 0)
    assert [(sku, price) for sku, _, price, _ in variants()] == [("shirt-m", 650), ("shirt-s", 500)]


# --- Rows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ("Lamp,L-1,abc,,,,", "price", "bad_price"),
        ("Lamp,L-1,-5,,,,", "price", "bad_price"),
        ("Lamp,L-1,1e5,,,,", "price", "bad_price"),
        ("Lamp,L-1,99999999999999,,,,", "price", "price_too_high"),
        ("Lamp,L-1,0,,,,", "price", "zero_price"),
        ("Lamp,L-1,,,,,", "", "no_price"),
        (",L-1,100,,,,", "", "no_name"),
        ("!!!,L-1,100,,,,", "name", "no_name"),
        ("Lamp,L-1,100,two,,,", "stock", "bad_stock"),
        ("Lamp,L-1,100,99999999,,,", "stock", "bad_stock"),
        ("Lamp,L-1,100,,sold,,", "status", "bad_status"),
        ("Lamp,L-1,100,,,XTS,", "currency", "unknown_currency"),
        ('Lamp,L-1,100,,,,"[1]"', "attributes", "bad_attributes"),
        ('Lamp,L-1,100,,,,"{"', "attributes", "bad_attributes"),
        (f"Lamp,{'L' * 65},100,,,,", "sku", "bad_sku"),
    ],
)
def test_bad_row_is_refused_by_line_column_and_code_and_the_others_are_stored(
    client, run_owed_work, cells, column, code
):
    file = f"name,sku,price,stock,status,currency,attributes\n{cells}\nTorch,T-1,900,,,,\n"

    told = run(client, run_owed_work, file)

    assert (told["state"], counts(told)) == ("finished", (1, 0, 0, 1))
    assert errors(client, told) == [(2, column, code)]
    assert list(Product.objects.values_list("product_name", flat=True)) == ["Torch"]


def test_every_fault_of_a_product_is_told_and_nothing_of_it_is_stored(client, run_owed_work):
    file = "handle,title,option1 value,sku,price,stock\nl,Lamp,A,L-A,x,1\nl,,B,L-B,5,y\nl,,A,L-C,5,1\n"

    told = run(client, run_owed_work, file)

    assert errors(client, told) == [
        (2, "price", "bad_price"),
        (3, "stock", "bad_stock"),
        (4, "option1 value", "duplicate_options"),
    ]
    assert Product.objects.count() == 0


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("name,sku,price\nLamp,L-1,5\nTea,T-1,1\nTorch,L-1,6\n", (4, "duplicate_sku")),
        ("id,name,sku,price\n1,Lamp,L-1,5\n2,Tea,T-1,1\n1,Torch,L-2,6\n", (4, "duplicate_id")),
        ("handle,name,sku,price\na,Lamp,L-1,5\nb,Tea,T-1,1\nA,Torch,L-2,6\n", (4, "duplicate_handle")),
        ("name,price\nLamp,5\nTea,1\nlamp,6\n", (4, "duplicate_name")),
    ],
)
def test_what_a_file_says_twice_is_refused_the_second_time(client, run_owed_work, file, expected):
    told = run(client, run_owed_work, file)

    line, code = expected
    assert (errors(client, told), told["refused"]) == ([(line, "", code)], 1)
    assert not Product.objects.filter(product_name="Torch").exists()


def test_broken_json_lines_are_refused_by_their_number(client, run_owed_work):
    lines = [
        b'{"name": "Lamp", "sku": "L-1", "price": "5"}',
        b'{"name": ',
        b"[1]",
        b'{"a": ' * 200 + b"1" + b"}" * 200,
        b'{"name": "NUL \\u0000", "sku": "L-2", "price": "5"}',
        b'{"url_key": "x", "variants": []}',
        b'{"name": "Torch", "sku": "T-1", "price": "6"}',
    ]

    told = run(client, run_owed_work, b"\n".join(lines))

    codes = ["malformed_json", "not_an_object", "malformed_json", "malformed_json", "wrong_type"]
    assert errors(client, told) == [(number, "", code) for number, code in enumerate(codes, start=2)]
    assert counts(told) == (2, 0, 0, 5)


def test_product_feed_is_taken_in_its_own_form(client, run_owed_work, write_file):
    path = write_file(row(1), row(2, price=None), name="feed.ndjson.gz")

    without_rate = run(client, run_owed_work, path.read_bytes())
    told = run(client, run_owed_work, path.read_bytes(), currency="USD", rate="129.5")

    assert errors(client, without_rate) == [(1, "", "unknown_currency"), (2, "", "no_price")]
    assert (counts(told), errors(client, told)) == ((1, 0, 0, 1), [(2, "", "no_price")])
    assert (Product.objects.get().source_id, Product.objects.get().price) == ("feed:1", Decimal("1295.00"))


def test_prices_in_another_currency_need_a_rate(client, media, run_owed_work):
    file = "name,sku,price\nLamp,L-1,9.99\n"

    refused = upload(client, file, currency="USD")
    told = run(client, run_owed_work, file, currency="USD", rate="129.50")

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "rate_missing")
    assert (counts(told), Product.objects.get().price) == ((1, 0, 0, 0), Decimal("1294.00"))


def test_decimal_comma_is_read_where_semicolons_part_the_columns(client, run_owed_work):
    told = run(client, run_owed_work, "name;sku;price\nLamp;L-1;1.299,50\nTorch;T-1;12.99\n")

    assert Product.objects.get().price == Decimal("1299.50")
    assert errors(client, told) == [(3, "price", "bad_price")]


# --- What the shop has ----------------------------------------------------------------------------------------


def test_price_list_changes_only_the_variants_that_it_names(client, run_owed_work):
    product = ProductFactory(product_name="Galaxy", sku="G-64", price=Decimal("20000"), stock=3)
    run(
        client, run_owed_work, f'handle,sku,price,options\n{product.url_key},G-128,25000,"{{""storage"": ""128GB""}}"\n'
    )

    told = run(client, run_owed_work, "sku,name,price,stock\nG-64,Galaxy 64GB,19000,50\nG-128,Galaxy 128GB,24000,50\n")

    assert counts(told) == (0, 2, 0, 0)
    product.refresh_from_db()
    assert (product.product_name, product.price) == ("Galaxy", Decimal("19000.00"))
    assert [(sku, price, units) for sku, _, price, units in variants()] == [
        ("G-128", Decimal("24000.00"), 0),
        ("G-64", Decimal("19000.00"), 3),
    ]


def test_stock_of_existing_variants_is_counted_only_when_asked(client, run_owed_work, staff):
    ProductFactory(sku="L-1", stock=10)
    file = "sku,stock\nL-1,4\n"

    untouched = run(client, run_owed_work, file)
    counted = run(client, run_owed_work, file, update_stock=True)
    again = run(client, run_owed_work, file, update_stock=True)

    assert [counts(told) for told in (untouched, counted, again)] == [(0, 0, 1, 0), (0, 1, 0, 0), (0, 0, 1, 0)]
    movements = Variant.objects.get().movements.order_by("pk").values_list("kind", "available_change", "actor")
    assert list(movements) == [("receive", 10, None), ("count", -6, staff.pk)]
    assert stock_that_differs_from_its_ledger() == []


def test_removed_product_is_refused_and_stays_removed(client, run_owed_work):
    product = ProductFactory(sku="L-1")
    Product.objects.filter(pk=product.pk).update(deleted_at="2026-01-01T00:00:00Z")

    told = run(client, run_owed_work, "sku,price\nL-1,5\n")

    assert errors(client, told) == [(2, "", "product_removed")]
    product.refresh_from_db()
    assert (product.deleted_at is None, product.price) == (False, Decimal("1500.00"))


def test_skus_of_two_products_are_not_thrown_together(client, run_owed_work):
    ProductFactory(sku="A")
    ProductFactory(sku="B")
    before = snapshot()

    told = run(client, run_owed_work, "handle,name,option1 value,sku,price\nx,X,1,A,5\nx,,2,B,6\n")

    assert (errors(client, told), snapshot()) == ([(2, "", "several_products")], before)


def test_errors_are_downloaded_without_formulas(client, run_owed_work):
    told = run(client, run_owed_work, 'name,sku,price\nLamp,"=HYPERLINK(""http://x"")",@SUM(1)\n')

    answer = client.get(f"/api/imports/{told['id']}/errors/download/")

    rows = table(b"".join(answer.streaming_content))
    assert answer["Content-Disposition"] == f'attachment; filename="import-{told["id"]}-errors.csv"'
    assert [(row["line"], row["column"], row["key"], row["code"]) for row in rows] == [
        ("2", "price", '\'=HYPERLINK("http://x")', "bad_price")
    ]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


# --- Anything -------------------------------------------------------------------------------------------------

ANY_TEXT = st.one_of(
    st.text(st.sampled_from("aZ09 .,-+=<>&;'\"\\\n\t\u200b\u202eéß中\0{}[]:/"), max_size=30),
    st.text(st.sampled_from("0123456789.,-e"), max_size=60),
    st.sampled_from(
        ["true", "active", "{}", "[]", '{"a": NaN}', "1e999", "KES", " > > ", "\\", "<script>", "https://a.b/c"]
    ),
)


ANY_ROW = st.dictionaries(st.sampled_from([*FIELDS, "attribute:x"]), ANY_TEXT, max_size=12)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ANY_ROW, min_size=1, max_size=4))
def test_whatever_stands_in_the_cells_is_a_record_or_a_named_refusal(rows):
    job = CatalogueImport(kind="csv", options={"currency": "KES", "rates": {"KES": "1"}, "update_stock": True})
    group = Group("handle:x", [Row(line, values) for line, values in enumerate(rows, start=2)])
    variants, problems = (), []

    try:
        variants = Builder(job, {field: field for field in FIELDS}).build(group).variants
    except Refused as refusal:
        problems = refusal.problems

    assert variants or problems
    assert all(problem.code and 2 <= problem.line <= 5 for problem in problems)
    assert all(0 < len(sku) <= 64 for variant in variants for sku in variant.skus)
    assert all(variant.price is None or 0 < variant.price < 10**10 for variant in variants)


def test_addresses_of_the_shop_are_refused_and_made_ones_avoid_them(client, run_owed_work):
    rows = "handle,name,sku,price\nsearch,One,S-1,10\nimport,Two,S-2,10\n,Facets,S-3,10\nnice,Four,S-4,10\n"

    told = run(client, run_owed_work, rows)

    assert errors(client, told) == [(2, "handle", "url_key_reserved"), (3, "handle", "url_key_reserved")]
    keys = dict(Product.objects.values_list("product_name", "url_key"))
    assert (sorted(keys), keys["Four"]) == (["Facets", "Four"], "nice")
    assert keys["Facets"].startswith("facets-")


def test_vat_and_class_are_taken_and_what_is_none_is_named(client, run_owed_work):
    rows = "handle,name,sku,price,Tax kind,KRA class code\n"
    good, bad = "lamp,Lamp,S-1,10,Zero_Rated,39111500\n", "torch,Torch,S-2,10,sometimes,12-3\n"

    told = run(client, run_owed_work, rows + good + bad)
    run(client, run_owed_work, "sku,price\nS-1,12\n")  # says nothing of it

    assert errors(client, told) == [(3, "Tax kind", "bad_tax_kind"), (3, "KRA class code", "bad_item_class_code")]
    assert list(Product.objects.values_list("url_key", "tax_kind", "item_class_code")) == [
        ("lamp", "zero_rated", "39111500")
    ]
