import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from catalog.importing.sample import SAMPLE_SHOP, SampleRefused, load_sample_shop
from catalog.models import Brand, Category, Product, Stock, StockMovement, Variant
from catalog.searching.matching import search_products
from tests.factories import BrandFactory, CategoryFactory, ProductFactory
from tests.invariants import assert_stock_holds


def snapshot() -> dict[str, list[Any]]:
    return {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (Category, Brand, Product, Variant, Stock, StockMovement)
    }


@pytest.fixture
def small_shop(tmp_path: Path) -> Path:
    """A sample file with one product in two variants, one of them sold out."""
    variant = {"mpn": None, "compare_at_price": None, "weight_grams": None, "barcode": None}
    shop = {
        "categories": [
            {"url_key": "phones", "category_name": "Phones", "parent": None},
            {"url_key": "cases", "category_name": "Cases", "parent": "phones"},
            {"url_key": "empty", "category_name": "Empty", "parent": None},
        ],
        "brands": [{"url_key": "otter", "name": "OtterBox"}, {"url_key": "idle", "name": "Idle"}],
        "products": [
            {
                "url_key": "tough-case",
                "product_name": "Tough Case",
                "brand": "otter",
                "category": "cases",
                "description": "Survives a matatu.",
                "kind": "physical",
                "attributes": {"material": "rubber"},
                "variants": [
                    {
                        **variant,
                        **{"sku": "TC-BLK", "options": {"color": "Black"}, "price": "1500.00", "stock": 3},
                        **{"mpn": "77-1", "compare_at_price": "1800.00", "weight_grams": 60, "barcode": "12345678"},
                    },
                    {**variant, **{"sku": "TC-RED", "options": {"color": "Red"}, "price": "1200.00", "stock": 0}},
                ],
            }
        ],
    }
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(shop))
    return path


@pytest.mark.django_db
def test_sample_product_is_stored_with_its_own_keys_and_variants(small_shop):
    loaded = load_sample_shop(small_shop)

    assert (loaded.categories, loaded.brands, loaded.variants, loaded.created, loaded.updated) == (3, 2, 2, 1, 0)
    product = Product.objects.values_list(
        "source_id", "url_key", "product_name", "price", "currency", "category__url_key", "brand__url_key", "in_stock"
    ).get()
    assert product == (
        *("sample:tough-case", "tough-case", "Tough Case", Decimal("1200.00"), "KES"),
        *("cases", "otter", True),
    )
    variants = Variant.objects.values_list(
        *("sku", "options", "mpn", "price", "compare_at_price", "weight_grams", "barcode", "position"),
        "stock_level__available",
    )
    assert list(variants) == [
        ("TC-BLK", {"color": "Black"}, "77-1", Decimal("1500.00"), Decimal("1800.00"), 60, "12345678", 0, 3),
        ("TC-RED", {"color": "Red"}, "", Decimal("1200.00"), None, None, "", 1, 0),
    ]
    assert set(Category.objects.values_list("url_key", "parent__url_key")) == {
        ("phones", None),
        ("cases", "phones"),
        ("empty", None),
    }
    assert_stock_holds()


@pytest.mark.django_db
def test_whole_sample_shop_loads_and_can_be_searched(capsys):
    shop = json.loads(SAMPLE_SHOP.read_text())

    call_command("load_sample_shop")

    counts = {"categories": Category, "brands": Brand, "products": Product}
    assert {name: model.objects.count() for name, model in counts.items()} == {name: len(shop[name]) for name in counts}
    variants = [variant for product in shop["products"] for variant in product["variants"]]
    assert dict(Stock.objects.values_list("variant__sku", "available")) == {
        variant["sku"]: variant["stock"] for variant in variants
    }
    assert set(Category.objects.values_list("category_name", "url_key")) == {
        (category["category_name"], category["url_key"]) for category in shop["categories"]
    }
    assert search_products(Product.objects.all(), "samsung galaxy").exists()
    assert_stock_holds()
    assert capsys.readouterr().out == (
        f"Sample shop: {len(shop['categories'])} categories, {len(shop['brands'])} brands, {len(variants)} variants; "
        f"products: {len(shop['products'])} created, 0 updated (0 of them unchanged).\n"
        "Shipping: 5 zones, 8 methods, 6 pick-up points.\n"
    )


@pytest.mark.django_db
def test_second_load_changes_nothing(capsys):
    call_command("load_sample_shop")
    before = snapshot()
    capsys.readouterr()

    call_command("load_sample_shop")

    products = len(before["Product"])
    assert snapshot() == before
    assert f"0 created, {products} updated ({products} of them unchanged)" in capsys.readouterr().out


@pytest.mark.django_db
def test_new_variant_of_a_known_product_gets_its_own_stock(small_shop):
    load_sample_shop(small_shop)
    shop = json.loads(small_shop.read_text())
    blue = {**shop["products"][0]["variants"][1], "sku": "TC-BLU", "options": {"color": "Blue"}, "stock": 5}
    shop["products"][0]["variants"].append(blue | {"price": "900.00"})
    small_shop.write_text(json.dumps(shop))

    loaded = load_sample_shop(small_shop)

    assert (loaded.created, loaded.updated, loaded.unchanged) == (0, 1, 0)
    assert Product.objects.get().price == Decimal("900.00")
    assert dict(Stock.objects.values_list("variant__sku", "available")) == {"TC-BLK": 3, "TC-RED": 0, "TC-BLU": 5}
    assert_stock_holds()


@pytest.mark.django_db
def test_sample_joins_what_the_shop_has_already(small_shop):
    phones = CategoryFactory(category_name="Simu", url_key="phones")
    CategoryFactory(category_name="Cases", url_key="suit-cases")
    brand = BrandFactory(name="OTTERBOX")
    ProductFactory(sku="TC-BLK", url_key="tough-case")

    load_sample_shop(small_shop)

    product = Product.objects.get(source_id="sample:tough-case")
    assert (product.category.parent, product.category.category_name, product.brand) == (phones, "Cases (Phones)", brand)
    assert (product.url_key, [variant.sku for variant in product.variants.all()]) == (
        "tough-case-b7c8060f",
        ["TC-BLK-b7c8060f", "TC-RED"],
    )


@pytest.mark.django_db
def test_if_empty_does_nothing_where_there_is_a_product(capsys):
    ProductFactory()
    before = snapshot()

    call_command("load_sample_shop", "--if-empty")

    assert snapshot() == before
    assert capsys.readouterr().out == "The shop has products already; nothing was loaded.\n"


@pytest.mark.django_db
def test_if_empty_loads_into_an_empty_shop():
    call_command("load_sample_shop", "--if-empty")

    assert Product.objects.filter(source_id__startswith="sample:").count() == Product.objects.count() > 0


@pytest.mark.django_db
def test_sample_that_the_database_refuses_is_not_stored_in_part(small_shop):
    shop = json.loads(small_shop.read_text())
    second = {**shop["products"][0], "url_key": "second", "kind": "longer than the column"}
    second["variants"] = [{**variant, "sku": f"{variant['sku']}-2"} for variant in second["variants"]]
    shop["products"].append(second)
    small_shop.write_text(json.dumps(shop))

    with pytest.raises(SampleRefused, match="nothing was loaded"):
        load_sample_shop(small_shop)

    assert {name: len(rows) for name, rows in snapshot().items()} == dict.fromkeys(snapshot(), 0)


@pytest.mark.django_db(transaction=True)
def test_two_loads_at_once_make_one_shop(together):
    results = together(*[lambda: call_command("load_sample_shop")] * 2)

    errors = [str(result) for result in results if isinstance(result, Exception)]
    products = len(json.loads(SAMPLE_SHOP.read_text())["products"])
    # The second one is refused, or comes so late that it finds everything there.
    assert errors in ([], ["Another import is running in this database; start this one when it has ended."])
    assert all(isinstance(result, CommandError | None) for result in results)
    assert Product.objects.count() == products
    assert_stock_holds()
