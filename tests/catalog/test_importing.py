import csv
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.importing import catalogue
from catalog.importing.reading import Terms, read_product
from catalog.models import Brand, Category, Product, Stock, StockMovement, Variant
from catalog.searching.matching import search_products
from tests.catalog.feed import imported, row, snapshot, stock_that_differs_from_its_ledger
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, variant_of

REAL_FILE = Path(__file__).resolve().parents[2] / "../shared/data/catalogue/electronics-catalogue.ndjson.gz"

# --- Into the database ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_import_stores_a_whole_product(write_file, run):
    path = write_file(
        row(
            name="  Case for Apple&#174;  iPhone\x99 6 ",
            mpn="RX-1    RX-2",
            gtin="0012345678905",
            sku="SHOP-7",
            description="<p>Fits &amp; protects</p>",
            category_path=[" Phones &amp; Tablets", "Cases "],
            price="472.57",
            compare_at_price="500",
            images=["https://img.example/1.jpg", "ftp://no", "https://img.example/2.jpg"],
            weight="8 oz",
            dimensions="1 x 2 x 3 inches",
            attributes={"color": ["Black"], "part_numbers": ["RX-1    RX-2", "RX-3"]},
        )
    )

    figures = run(path, "--stock", "7")

    assert figures == {"read": 1, "created": 1, "updated": 0, "unchanged": 0, "skipped": 0}
    product = Product.objects.values(
        *("source_id", "product_name", "url_key", "description", "price", "currency", "brand__name", "in_stock"),
        *("category__category_name", "category__parent__category_name", "image_url", "kind", "attributes", "is_active"),
    ).get()
    assert product == {
        "source_id": "feed:1",
        "product_name": "Case for Apple® iPhone 6",
        "url_key": "case-for-apple-iphone-6",
        "description": "Fits & protects",
        "price": Decimal("61198.00"),
        "currency": "KES",
        "category__category_name": "Cases",
        "category__parent__category_name": "Phones & Tablets",
        "brand__name": "d.light",
        "in_stock": True,
        "image_url": "https://img.example/1.jpg",
        "kind": "physical",
        "attributes": {
            "color": ["Black"],
            "part_numbers": ["RX-1", "RX-2", "RX-3"],
            "dimensions": "1 x 2 x 3 inches",
            "images": ["https://img.example/1.jpg", "https://img.example/2.jpg"],
        },
        "is_active": True,
    }
    variant = Variant.objects.values("sku", "mpn", "price", "compare_at_price", "weight_grams", "barcode").get()
    assert variant == {
        "sku": "SHOP-7",
        "mpn": "RX-1",
        "price": Decimal("61198.00"),
        "compare_at_price": Decimal("64750.00"),
        "weight_grams": 227,
        "barcode": "0012345678905",
    }
    assert list(StockMovement.objects.values_list("kind", "available_change", "on_hand_change")) == [("receive", 7, 7)]
    assert Stock.objects.values("available", "on_hand").get() == {"available": 7, "on_hand": 7}


@pytest.mark.django_db
def test_imported_product_is_found_by_name_and_number(write_file, run):
    run(write_file(row(1, name="Galaxy A15", mpn="SM-A155F"), row(2)))

    by_name, by_number = (list(search_products(Product.objects.all(), text)) for text in ("galaxy", "sma155f"))

    assert by_name == by_number == [imported(1)]


@pytest.mark.django_db
def test_import_without_stock_opens_an_empty_shelf(write_file, run):
    run(write_file(row()), "--stock", "0")

    assert (Stock.objects.get().available, imported().in_stock, StockMovement.objects.count()) == (0, False, 0)


@pytest.mark.django_db
def test_products_of_one_name_get_url_keys_of_their_own(write_file, run):
    run(write_file(row(1, name="USB Cable"), row(2, name="usb cable!"), row(3, name="充电器")))

    keys = [imported(number).url_key for number in (1, 2, 3)]

    assert keys == ["usb-cable", "usb-cable-eb7b2dd9", "product-a6ae0904"]


@pytest.mark.django_db
def test_sku_is_the_sellers_or_made_and_always_unique(write_file, run):
    ProductFactory(sku="TAKEN")
    run(
        write_file(
            row(1, sku="OWN-1"),
            row(2, sku="TAKEN"),
            row(3, sku="OWN-1"),
            row(4, source_id="cpu/4"),
            row(5, source_id="cpu-4"),
            row(6, source_id="x" * 80),
        )
    )

    skus = [variant_of(imported(number)).sku for number in range(1, 7)]

    assert skus == ["OWN-1", "feed-2", "feed-3", "feed-cpu-4", "feed-cpu-4-4b8f59bb", f"feed-{'x' * 50}-6a9b67b5"]


@pytest.mark.django_db
def test_line_with_a_repeated_id_is_skipped_but_not_for_an_unsold_one(write_file, run, tmp_path):
    path = write_file(row(1, price=None), row(1, name="First"), row(1, name="Second"), row(2))

    figures = run(path, "--report", str(tmp_path / "report.csv"))

    assert figures == {
        **{"read": 4, "created": 2, "updated": 0, "unchanged": 0, "skipped": 2},
        **{"no_price": 1, "duplicate_id": 1},
    }
    assert imported(1).product_name == "First"


@pytest.mark.django_db
def test_report_names_each_skipped_line(write_file, run, tmp_path):
    path = write_file(row(1), row(2, price=None), b"{", row(4, price="0"), b"", row(6, id="=cmd()", currency="-"))

    figures = run(path, "--report", str(tmp_path / "report.csv"))

    with (tmp_path / "report.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["line", "id", "reason", "detail"],
        ["2", "feed:2", "no_price", ""],
        ["3", "", "malformed_json", rows[2][3]],
        ["4", "feed:4", "zero_price", "0"],
        ["5", "", "blank_line", ""],
        ["6", "'=cmd()", "unknown_currency", '"-"'],
    ]
    assert figures["read"] == figures["created"] + figures["updated"] + figures["skipped"] == 6


@pytest.mark.django_db
def test_line_longer_than_a_megabyte_is_skipped_and_the_next_one_read(write_file, run):
    path = write_file(row(1, description="x" * 3_000_000), row(2, description="y" * 500_000), name="long.ndjson.gz")

    figures = run(path)

    assert figures == {
        **{"read": 2, "created": 1, "updated": 0, "unchanged": 0, "skipped": 1},
        "line_too_long": 1,
    }
    assert len(imported(2).description) == 500_000


@pytest.mark.django_db
def test_values_that_postgresql_refuses_are_stored_harmlessly(write_file, run):
    path = write_file(
        row(
            name="Nul\x00 \ud800 name",
            description="\x00<b>ok</b>",
            brand="B\x00rand",
            attributes={"k\x00": "v\x00", "n": [{"x": "\udfff"}]},
        ),
        b'{"id":"feed:2","source":"feed","source_id":"2","name":"Only what is needed","price":"1","currency":"USD",'
        b'"attributes":{"big":1e999}}',
    )

    figures = run(path)

    assert figures == {"read": 2, "created": 2, "updated": 0, "unchanged": 0, "skipped": 0}
    assert (imported(1).product_name, imported(1).description, imported(1).attributes) == (
        "Nul name",
        "ok",
        {"k": "v", "n": [{"x": ""}]},
    )
    assert (imported(2).category.category_name, imported(2).brand, imported(2).attributes) == (
        "Uncategorised",
        None,
        {"big": None},
    )


@pytest.mark.django_db
def test_record_that_the_database_refuses_is_skipped_alone(write_file, run, monkeypatch):
    def with_a_poisoned_one(line: bytes | None, terms: Terms) -> Any:
        record = read_product(line, terms)
        if record.source_id == "feed:3":
            object.__setattr__(record, "kind", "longer than the column")
        return record

    monkeypatch.setattr(catalogue, "read_product", with_a_poisoned_one)

    figures = run(write_file(*(row(number) for number in range(1, 6))))

    assert figures == {
        **{"read": 5, "created": 4, "updated": 0, "unchanged": 0, "skipped": 1},
        "refused_by_database": 1,
    }
    assert sorted(Product.objects.values_list("source_id", flat=True)) == ["feed:1", "feed:2", "feed:4", "feed:5"]
    assert (Category.objects.count(), Brand.objects.count()) == (2, 1)


@pytest.mark.django_db
def test_limit_reads_the_first_lines_only(write_file, run):
    figures = run(write_file(*(row(number) for number in range(1, 6))), "--limit", "2")

    assert figures == {"read": 2, "created": 2, "updated": 0, "unchanged": 0, "skipped": 0}


# --- Categories and brands ------------------------------------------------------------------------------------


def tree() -> list[tuple[str, str, str]]:
    """Name, url_key and the names of the path, for each category."""
    names = {category.pk.hex: category.category_name for category in Category.objects.all()}
    return sorted(
        (category.category_name, category.url_key, " > ".join(names[label] for label in category.path.split(".")))
        for category in Category.objects.all()
    )


@pytest.mark.django_db
def test_equal_category_names_under_different_parents_are_told_apart(write_file, run):
    path = write_file(
        row(1, category_path=["Computers", "Cables"]),
        row(2, category_path=["Audio", "Cables"]),
        row(3, category_path=["TV", "Audio", "Cables"]),
        row(4, category_path=["Audio", "cables "]),
        row(5, category_path=["Cables", "Cables"]),
        row(6, category_path=None),
    )

    run(path)

    assert tree() == [
        ("Audio", "audio", "Audio"),
        ("Audio (TV)", "tv--audio", "TV > Audio (TV)"),
        ("Cables", "computers--cables", "Computers > Cables"),
        ("Cables (2)", "cables", "Cables (2)"),
        ("Cables (3)", "cables--cables", "Cables (2) > Cables (3)"),
        ("Cables (Audio)", "audio--cables", "Audio > Cables (Audio)"),
        ("Cables (Audio, TV)", "tv--audio--cables", "TV > Audio (TV) > Cables (Audio, TV)"),
        ("Computers", "computers", "Computers"),
        ("TV", "tv", "TV"),
        ("Uncategorised", "uncategorised", "Uncategorised"),
    ]
    assert [imported(number).category.url_key for number in range(1, 7)] == [
        *("computers--cables", "audio--cables", "tv--audio--cables", "audio--cables", "cables--cables"),
        "uncategorised",
    ]


@pytest.mark.django_db
def test_path_of_one_name_means_the_category_of_that_name(write_file, run):
    run(write_file(row(1, category_path=["Computers", "Mice"]), row(2, category_path=["mice"])))

    assert imported(2).category == imported(1).category
    assert Category.objects.count() == 2


@pytest.mark.django_db
def test_category_that_staff_renamed_and_moved_is_found_again(write_file, run):
    path = write_file(row())
    run(path)
    lanterns = Category.objects.get(url_key="power--lanterns")
    lanterns.category_name, lanterns.parent = "Taa", None
    lanterns.save()
    Category.objects.filter(pk=lanterns.pk).update(path=lanterns.pk.hex)

    figures = run(path)

    assert (figures["unchanged"], Category.objects.count(), imported().category) == (1, 2, lanterns)


@pytest.mark.django_db
def test_long_and_foreign_category_names_get_keys_that_fit(write_file, run):
    deep = [f"A rather long name of a category, number {level}" for level in range(8)]
    run(
        write_file(
            row(1, category_path=deep), row(2, category_path=["数码", "x" * 200]), row(3, category_path=["电脑"])
        )
    )

    keys = [imported(number).category.url_key for number in (1, 2, 3)]

    assert [len(key) for key in keys] == [140, 130, 8]
    assert len(set(Category.objects.values_list("url_key", flat=True))) == 11


@pytest.mark.django_db
def test_names_whose_slugs_are_equal_stay_apart(write_file, run):
    run(
        write_file(
            row(1, category_path=["充电器 5"], brand="充电器 5"),
            row(2, category_path=["5"], brand="5"),
            row(3, category_path=["Chargers 5 "], brand="A"),
        )
    )

    assert len({imported(number).category_id for number in (1, 2, 3)}) == 3
    assert len({imported(number).brand_id for number in (1, 2, 3)}) == 3
    assert (imported(2).category.url_key, imported(2).brand.url_key) == ("5", "5")


@pytest.mark.django_db
def test_brand_spellings_become_one_and_the_most_frequent_wins(write_file, run):
    spellings = ["Coolermaster", "Cooler Master", "CoolerMaster", "Cooler Master", "COOLER MASTER™", "  "]
    run(write_file(*(row(number, brand=brand) for number, brand in enumerate([*spellings, "N/A", None]))))

    assert list(Brand.objects.values_list("name", "url_key")) == [("Cooler Master", "cooler-master")]
    assert [imported(number).brand is not None for number in range(8)] == [True] * 5 + [False] * 3


@pytest.mark.django_db
def test_brand_of_the_shop_keeps_its_spelling(write_file, run):
    brand = BrandFactory(name="COOLER MASTER")

    run(write_file(row(brand="Cooler Master")))

    assert (imported().brand, Brand.objects.get().name) == (brand, "COOLER MASTER")


# --- Again ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_second_run_changes_nothing(write_file, run):
    path = write_file(
        row(1, brand="Asus", mpn="A  B", attributes={"size": 1.0, "tiny": 1e-7}, weight="1 kg"),
        row(2, brand="ASUS", name="Solar Lantern 1"),
        row(3, category_path=None, sku="feed-2", description="a<br>b"),
        row(4, category_path=["mice"]),
        row(5, category_path=["Computers", "Mice"], compare_at_price="12"),
    )
    run(path)
    before = snapshot()

    figures = run(path)

    assert figures == {"read": 5, "created": 0, "updated": 5, "unchanged": 5, "skipped": 0}
    assert snapshot() == before


@pytest.mark.django_db
def test_changed_line_changes_its_product_alone(write_file, run):
    run(write_file(row(1), row(2), row(3)))
    long_ago = timezone.now() - timedelta(days=1)
    Product.objects.update(updated_at=long_ago)
    Variant.objects.update(updated_at=long_ago)
    stocked = list(Stock.objects.order_by("pk").values())

    figures = run(write_file(row(1), row(2, price="20", name="Sun Lamp", mpn="SL-2"), row(3)))

    assert figures == {"read": 3, "created": 0, "updated": 3, "unchanged": 2, "skipped": 0}
    assert [imported(number).updated_at == long_ago for number in (1, 2, 3)] == [True, False, True]
    changed = imported(2)
    assert (changed.product_name, changed.url_key, changed.price) == (
        "Sun Lamp",
        "solar-lantern-2",
        Decimal("2590.00"),
    )
    assert list(search_products(Product.objects.all(), "sl-2")) == [changed]
    assert list(Stock.objects.order_by("pk").values()) == stocked
    assert StockMovement.objects.count() == 3


@pytest.mark.django_db
def test_second_run_leaves_what_is_the_staffs(write_file, run):
    run(write_file(row(1), row(2)))
    archive = CategoryFactory(category_name="Archive")
    deleted_at = timezone.now()
    Product.objects.filter(source_id="feed:1").update(
        is_active=False,
        deleted_at=deleted_at,
        description="By hand",
        category=archive,
        url_key="by-hand",
        attributes={"shelf": "B7"},
    )
    Variant.objects.filter(product=imported(1)).update(sku="LABEL-1", barcode="12345678", is_active=False)

    run(write_file(row(1, category_path=None, brand=None, attributes={"new": 1}), row(2)), "--stock", "99")

    product, variant = imported(1), variant_of(imported(1))
    assert (product.is_active, product.deleted_at, product.description, product.category, product.url_key) == (
        *(False, deleted_at, "By hand"),
        archive,
        "by-hand",
    )
    assert product.attributes == {"shelf": "B7", "new": 1}
    assert product.brand.name == "d.light"
    assert (variant.sku, variant.barcode, variant.is_active) == ("LABEL-1", "12345678", False)
    assert list(Stock.objects.values_list("available", flat=True)) == [10, 10]


@pytest.mark.django_db
def test_price_of_a_product_stays_its_lowest_active_variant(write_file, run):
    run(write_file(row()))
    product = imported()
    Variant.objects.create(product=product, sku="EXTRA", options={"size": "L"}, price=Decimal("500.00"), position=1)
    Variant.objects.create(
        product=product, sku="GONE", options={"size": "S"}, price=Decimal("1.00"), position=2, is_active=False
    )

    run(write_file(row(price="20")))

    assert imported().price == Decimal("500.00")
    assert dict(Variant.objects.values_list("sku", "price")) == {
        "feed-1": Decimal("2590.00"),
        "EXTRA": Decimal("500.00"),
        "GONE": Decimal("1.00"),
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "others", "sku"),
    [
        ({"options": {"size": "L"}, "position": 5}, 1, "feed-1"),
        ({"sku": "LABEL-1", "position": 5}, 1, "LABEL-1"),
        ({"sku": "LABEL-1", "options": {"size": "L"}}, 0, "LABEL-1"),
    ],
)
def test_variant_that_staff_changed_is_still_the_one_that_is_updated(write_file, run, changes, others, sku):
    run(write_file(row()))
    Variant.objects.update(**changes)
    for number in range(others):
        Variant.objects.create(
            product=imported(), sku=f"OTHER-{number}", options={"size": f"M{number}"}, price=Decimal("9999.00")
        )

    run(write_file(row(price="20")))

    assert dict(Variant.objects.values_list("sku", "price")) == {
        sku: Decimal("2590.00"),
        **{f"OTHER-{number}": Decimal("9999.00") for number in range(others)},
    }


@pytest.mark.django_db
def test_old_price_never_stands_beside_a_higher_new_one(write_file, run):
    run(write_file(row(compare_at_price="12")))

    run(write_file(row(price="12")))

    assert variant_of(imported()).compare_at_price is None


@pytest.mark.django_db
def test_queries_do_not_grow_with_the_lines(write_file, run):
    few, many = (
        write_file(*(row(n) for n in numbers), name=f"{len(numbers)}.ndjson") for numbers in ([1], range(2, 52))
    )
    run(write_file(row(99)))

    counts = []
    for path in (few, many):
        with CaptureQueriesContext(connection) as queries:
            run(path)
        counts.append(len(queries))

    assert counts[0] == counts[1]


# --- The real thing -------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.skipif(not REAL_FILE.is_file(), reason="the real catalogue lies beside the repository")
def test_first_lines_of_the_real_file_are_all_accounted_for(run, tmp_path):
    report = tmp_path / "report.csv"

    first = run(REAL_FILE, "--limit", "2000", "--report", str(report))
    before = snapshot()
    second = run(REAL_FILE, "--limit", "2000")

    assert first["read"] == first["created"] + first["updated"] + first["skipped"] == 2000
    assert len(report.read_text().splitlines()) == first["skipped"] + 1
    assert (second["created"], second["updated"], second["unchanged"]) == (0, first["created"], first["created"])
    assert snapshot() == before
    assert Product.objects.exclude(currency="KES").count() == 0
    assert Product.objects.filter(search_vector=None).count() == 0
    assert stock_that_differs_from_its_ledger() == []
