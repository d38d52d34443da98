"""What the search knows of words and attributes, and how it is kept."""

import json
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from catalog import services
from catalog.models import Product, SearchAttribute, SearchWord
from catalog.searching.indexing import refresh_vocabulary
from catalog.searching.spelling import corrections
from catalog.services import VariantInput
from catalog.tasks import refresh_search
from tests.factories import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db


def words() -> dict[str, int]:
    return dict(SearchWord.objects.values_list("word", "frequency"))


def meant(text: str) -> list[str]:
    return [each.text for each in corrections(text.split())]


def attributes() -> set[str]:
    return set(SearchAttribute.objects.values_list("name", flat=True))


def facets_of(product: Product) -> list[str] | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT facets FROM catalog_product WHERE id = %s", [product.pk])
        return cursor.fetchone()[0]


# --- Words --------------------------------------------------------------------------------------------------


def test_words_of_name_brand_and_category_are_known_at_once():
    ProductFactory(
        product_name="Electric Kettle 17 for Crème",
        brand=BrandFactory(name="Hot Pot"),
        category=CategoryFactory(category_name="Kitchen"),
        description="description",
        sku="WORD-1",
        mpn="NUMBER",
    )

    assert set(words()) == {"electric", "kettle", "electrickettle", "for", "creme", "hot", "pot", "hotpot", "kitchen"}
    assert meant("ketle") == ["kettle"]


def test_refreshing_counts_words_and_forgets_those_that_are_gone():
    category = CategoryFactory(category_name="Kitchen")
    for n in range(3):
        ProductFactory(product_name=f"Kettle {n}", category=category)
    gone = ProductFactory(product_name="Toaster", category=category, attributes={"slots": 2})
    ProductFactory(product_name="Kettle 3", category=category, attributes={"color": "red"})
    services.soft_delete_product(gone)
    before = words()["kettle"], attributes()

    refresh_vocabulary()

    assert before == (1, {"slots", "color"})
    assert words() == {"kettle": 4, "kitchen": 4, "kettle0": 1, "kettle1": 1, "kettle2": 1, "kettle3": 1}
    assert attributes() == {"color"}


def test_likelier_of_two_words_is_the_frequent_one():
    for name in ("Mouse", "Mouse", "Mouse", "House", "Moose"):
        ProductFactory(product_name=name)
    refresh_vocabulary()

    assert meant("moise")[0] == "mouse"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kettle", []),
        ("ket", []),  # the beginning of a word
        ("kettel", ["kettle"]),
        ("kketle", ["kettle"]),
        ("ettle", ["kettle"]),
        ("rtx 3081", []),  # numbers are never corrected
        ("3081", []),
        ("kettle 3081", []),
        ("zzzzzz", []),
        ("ket77le", []),
    ],
)
def test_corrections(text, expected):
    ProductFactory(product_name="Red kettle with RTX 3080", category=CategoryFactory(category_name="Kitchen"))

    assert meant(text) == expected


def test_every_word_of_a_text_is_corrected_in_one_statement(django_assert_num_queries):
    ProductFactory(product_name="Copper kettle and a toaster")

    with django_assert_num_queries(1):
        found = meant("coper ketle toastr")

    assert found[0] == "copper kettle toaster"


# --- Attributes and numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "facets"),
    [
        ({"Screen Size": 6.5}, ["screen_size=6.5"]),
        ({"rgb": True, "ecc": False}, ["ecc=false", "rgb=true"]),
        ({"color": ["Black", " black ", "Café  Noir"]}, ["color=black", "color=cafe noir"]),
        ({"a=b": "c=d"}, ["a_b=c=d"]),
        ({"size": {"w": 1}, "none": None, "empty": "", "blank": " ", "rows": [[1], {"x": 2}, "y"]}, ["rows=y"]),
        ({"long": "x" * 61, "fits": "x" * 60}, [f"fits={'x' * 60}"]),
        ({"part_numbers": ["A-1"], "images": ["http://x"], "!!!": "x"}, []),
    ],
)
def test_attributes_become_choices(given, facets):
    assert facets_of(ProductFactory(attributes=given)) == facets


@pytest.mark.parametrize("given", [[], "text", None, 7, {"part_numbers": "A-1"}, {"part_numbers": [1, None, {}]}])
def test_any_json_can_be_indexed(given):
    product = ProductFactory(product_name="Kettle")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_product SET attributes = %s::jsonb WHERE id = %s",
            [json.dumps(given), product.pk],
        )

    services.refresh_product(product.pk)

    assert facets_of(product) == []


def test_options_of_variants_for_sale_are_choices():
    variants = [VariantInput(sku=f"V-{c}", price=Decimal(1), options={"Color": c}) for c in ("Red", "Blue")]
    product = ProductFactory(variants=variants)
    product.variants.filter(sku="V-Red").update(is_active=False)

    services.refresh_product(product.pk)

    assert facets_of(product) == ["color=blue"]


# --- Rebuilding ---------------------------------------------------------------------------------------------


def test_products_that_were_never_indexed_are_found_after_the_task(capsys):
    first, second = ProductFactory(product_name="Kettle"), ProductFactory(product_name="Toaster")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_product SET facets = NULL, search_vector = NULL WHERE id = %s", [first.pk])
        cursor.execute("UPDATE catalog_product SET search_vector = NULL WHERE id = %s", [second.pk])

    refresh_search()
    after_task = dict(Product.objects.values_list("product_name", "search_vector"))
    call_command("rebuild_search")

    assert after_task["Kettle"] is not None
    assert after_task["Toaster"] is None
    assert Product.objects.filter(search_vector=None).count() == 0
    assert capsys.readouterr().out.startswith("2 products indexed in ")


def test_rebuilding_only_what_is_missing(capsys):
    ProductFactory()

    call_command("rebuild_search", "--missing")

    assert capsys.readouterr().out.startswith("0 products indexed in ")
