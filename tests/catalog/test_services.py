"""Writing the catalogue: what follows from a change has followed when the service returns."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from catalog import services
from catalog.exceptions import CategoryCycle, CategoryTooDeep
from catalog.models import Category, Product, Stock, StockMovement, Variant
from catalog.services import VariantInput
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, UserFactory, variant_of
from tests.invariants import assert_stock_holds
from tests.racing import at_once

pytestmark = pytest.mark.django_db


def found(text: str) -> set[str]:
    from catalog.searching.matching import search_products

    return {product.product_name for product in search_products(Product.objects.for_sale(), text)}


def below(category: Category) -> set[str]:
    """The names of a category and everything below it, as the product filter looks them up."""
    path = Category.objects.get(pk=category.pk).path
    return set(Category.objects.filter(path__in_branch=path).values_list("category_name", flat=True))


def assert_paths_hold() -> None:
    """Every path is the parent's path and its own label, and no two categories stand above each other."""
    for category in Category.objects.select_related("parent"):
        expected = f"{category.parent.path}.{category.pk.hex}" if category.parent else category.pk.hex
        assert category.path == expected
        assert len(set(category.path.split("."))) == len(category.path.split("."))


@pytest.fixture
def tree() -> dict[str, Category]:
    """``a > b > c > d`` and ``x``, with one product in ``d``."""
    made: dict[str, Category] = {}
    for name, parent in (("a", None), ("b", "a"), ("c", "b"), ("d", "c"), ("x", None)):
        made[name] = CategoryFactory(category_name=name, parent=made.get(parent))
    ProductFactory(product_name="Deep", category=made["d"])
    return made


# --- Categories ---------------------------------------------------------------------------------------------


def test_category_is_created_with_its_path_and_url_key():
    parent = services.save_category(category_name="Home & Kitchen")
    child = services.save_category(category_name="Kettles", url_key="boil", parent=parent)

    assert list(Category.objects.order_by("path").values_list("category_name", "url_key", "parent", "path")) == [
        ("Home & Kitchen", "home-kitchen", None, parent.pk.hex),
        ("Kettles", "boil", parent.pk, f"{parent.pk.hex}.{child.pk.hex}"),
    ]


def test_category_without_latin_letters_can_still_be_addressed():
    made = [services.save_category(category_name=name) for name in ("ስልክ", "手机")]

    assert [category.url_key for category in made] == [category.pk.hex for category in made]


def test_moved_branch_takes_everything_below_along(tree):
    services.save_category(category_name="b", category=tree["b"], parent=tree["x"])

    assert {name: below(category) for name, category in tree.items()} == {
        "a": {"a"},
        "b": {"b", "c", "d"},
        "c": {"c", "d"},
        "d": {"d"},
        "x": {"x", "b", "c", "d"},
    }
    assert_paths_hold()


def test_branch_moved_to_the_top_is_a_tree_of_its_own(tree):
    services.save_category(category_name="c", category=tree["c"], parent=None)

    assert (below(tree["a"]), below(tree["c"])) == ({"a", "b"}, {"c", "d"})
    assert_paths_hold()


def test_moved_branch_is_filtered_at_its_new_place(api_client, tree):
    services.save_category(category_name="b", category=tree["b"], parent=tree["x"])

    counts = {name: api_client.get("/api/products/", {"category": name}).json()["count"] for name in "abcdx"}

    assert counts == {"a": 0, "b": 1, "c": 1, "d": 1, "x": 1}


def test_move_reads_the_tree_anew_instead_of_trusting_old_objects(tree):
    stale_b, stale_c = Category.objects.get(pk=tree["b"].pk), Category.objects.get(pk=tree["c"].pk)
    services.save_category(category_name="b", category=tree["b"], parent=tree["x"])

    services.save_category(category_name="y", parent=stale_c)
    between = below(tree["x"])
    services.save_category(category_name="b", category=stale_b, parent=tree["a"])

    assert between == {"x", "b", "c", "d", "y"}
    assert (below(tree["a"]), below(tree["x"])) == ({"a", "b", "c", "d", "y"}, {"x"})
    assert_paths_hold()


@pytest.mark.parametrize("parent", ["b", "c", "d"])
def test_category_below_itself_is_refused(tree, parent):
    before = list(Category.objects.order_by("pk").values())

    with pytest.raises(CategoryCycle) as refusal:
        services.save_category(category_name="renamed", category=tree["b"], parent=tree[parent])

    assert [(row.code, row.attr) for row in refusal.value.rows] == [("category_cycle", "parent")]
    assert list(Category.objects.order_by("pk").values()) == before


def test_renamed_category_is_found_under_its_new_name_and_keeps_its_address(tree):
    services.save_category(category_name="Televisions", category=tree["d"], parent=tree["c"])

    assert (found("televisions"), found("deep")) == ({"Deep"}, {"Deep"})
    tree["d"].refresh_from_db()
    assert (tree["d"].category_name, tree["d"].url_key) == ("Televisions", "d")
    assert_paths_hold()


def test_two_categories_of_one_name_are_refused(tree):
    with pytest.raises(IntegrityError), transaction.atomic():
        services.save_category(category_name="a", url_key="another")

    assert Category.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_two_moves_at_once_do_not_make_a_cycle():
    def copy(category):
        return Category.objects.get(pk=category.pk)

    def move(category, parent):
        try:
            services.save_category(category_name=category.category_name, category=category, parent=parent)
        except CategoryCycle:
            return "refused"
        return "moved"

    for round_ in range(10):
        one, two = CategoryFactory(category_name=f"one {round_}"), CategoryFactory(category_name=f"two {round_}")

        pairs = [(copy(one), copy(two)), (copy(two), copy(one))]  # each thread with what it read before

        results = at_once([lambda a=a, b=b: move(a, b) for a, b in pairs])

        assert sorted(results) == ["moved", "refused"]
        assert_paths_hold()


@pytest.mark.django_db(transaction=True)
def test_category_added_while_its_branch_moves_ends_below_the_new_place():
    for round_ in range(10):
        old, new = CategoryFactory(category_name=f"old {round_}"), CategoryFactory(category_name=f"new {round_}")
        branch = CategoryFactory(category_name=f"branch {round_}", parent=old)
        same = Category.objects.get(pk=branch.pk)

        at_once(
            [
                lambda b=branch, p=new: services.save_category(category_name=b.category_name, category=b, parent=p),
                lambda b=same, n=round_: services.save_category(category_name=f"leaf {n}", parent=b),
            ]
        )

        assert (len(below(old)), len(below(new))) == (1, 3)
        assert_paths_hold()


# --- Brands -------------------------------------------------------------------------------------------------


def test_renamed_brand_is_found_under_its_new_name_and_keeps_its_address():
    brand = BrandFactory(name="Hauwei")
    ProductFactory(product_name="Matebook", brand=brand)
    ProductFactory(product_name="Other")

    services.save_brand(brand=brand, name="Zebra")

    assert (found("zebra"), found("hauwei")) == ({"Matebook"}, set())
    brand.refresh_from_db()
    assert (brand.name, brand.url_key) == ("Zebra", "hauwei")


def test_brand_takes_the_address_it_is_given():
    brand = services.save_brand(name="Über & Co", url_key="uber")

    services.save_brand(brand=brand, name="Über", url_key="uber-2")

    brand.refresh_from_db()
    assert (brand.name, brand.url_key) == ("Über", "uber-2")


# --- Products -----------------------------------------------------------------------------------------------


def test_product_is_created_with_everything_that_follows():
    actor = UserFactory()
    variants = [
        VariantInput(sku="BIG", price=Decimal("900.00"), options={"size": "L"}, mpn="MP-9", stock=0),
        VariantInput(sku="SMALL", price=Decimal("500.00"), options={"size": "S"}, stock=4, weight_grams=90),
    ]

    product = services.create_product(
        product_name="Kettle", url_key="kettle", category=CategoryFactory(), variants=variants, actor=actor
    )

    assert (product.price, product.in_stock) == (Decimal("500.00"), True)
    assert list(
        Variant.objects.values_list(
            "sku", "position", "price", "options", "weight_grams", "stock_level__available", "stock_level__on_hand"
        )
    ) == [
        ("BIG", 0, Decimal("900.00"), {"size": "L"}, None, 0, 0),
        ("SMALL", 1, Decimal("500.00"), {"size": "S"}, 90, 4, 4),
    ]
    assert list(
        StockMovement.objects.values_list(
            "variant__sku", "kind", "available_change", "on_hand_change", "reason", "actor", "order_item_id"
        )
    ) == [("SMALL", "receive", 4, 4, "first stock", actor.pk, None)]
    assert (found("kettle"), found("mp9"), found("big")) == ({"Kettle"}, {"Kettle"}, {"Kettle"})
    assert_stock_holds()


def test_product_created_without_units_is_sold_out():
    product = ProductFactory(stock=0)

    assert product.in_stock is False
    assert not StockMovement.objects.exists()
    assert list(Stock.objects.values_list("product_id", "available", "on_hand")) == [(product.pk, 0, 0)]


@pytest.mark.parametrize(
    "second",
    [
        VariantInput(sku="TAKEN", price=Decimal(1), options={"n": "2"}, stock=1),
        VariantInput(sku="NEW-1", price=Decimal(1), options={"n": "2"}, stock=1),
        VariantInput(sku="NEW-2", price=Decimal(1), options={"n": "1"}, stock=1),
        VariantInput(sku="NEW-2", price=Decimal(-1), options={"n": "2"}, stock=1),
        VariantInput(sku="NEW-2", price=Decimal(1), options={"n": "2"}, stock=-1),
    ],
)
def test_product_with_an_impossible_variant_leaves_nothing_behind(second):
    ProductFactory(sku="TAKEN", product_name="First")
    first = VariantInput(sku="NEW-1", price=Decimal(1), options={"n": "1"}, stock=1)
    category = CategoryFactory()

    with pytest.raises((IntegrityError, services.stock.InsufficientStock)), transaction.atomic():
        services.create_product(product_name="Half", url_key="half", category=category, variants=[first, second])

    assert list(Product.objects.values_list("product_name", flat=True)) == ["First"]
    assert (Variant.objects.count(), Stock.objects.count(), StockMovement.objects.count()) == (1, 1, 1)


def two_variants() -> Product:
    return ProductFactory(
        variants=[
            VariantInput(sku="CHEAP", price=Decimal(100), options={"n": "1"}, stock=1),
            VariantInput(sku="DEAR", price=Decimal(200), options={"n": "2"}, stock=1),
        ]
    )


@pytest.mark.parametrize(
    ("sku", "change", "price"),
    [
        ("CHEAP", {"price": Decimal("150.50")}, Decimal("150.50")),
        ("CHEAP", {"price": Decimal(300)}, Decimal(200)),
        ("DEAR", {"price": Decimal(50)}, Decimal(50)),
        ("DEAR", {"price": Decimal(0)}, Decimal(0)),
        ("CHEAP", {"is_active": False}, Decimal(200)),
        ("DEAR", {"is_active": False}, Decimal(100)),
    ],
)
def test_price_of_a_product_is_that_of_its_cheapest_active_variant(sku, change, price):
    product = two_variants()
    Variant.objects.filter(sku=sku).update(**change)

    services.refresh_product(product.pk)

    product.refresh_from_db()
    assert product.price == price


def test_product_whose_variants_are_all_inactive_keeps_its_price():
    product = two_variants()
    Variant.objects.update(is_active=False)

    services.refresh_product(product.pk)

    product.refresh_from_db()
    assert product.price == Decimal(100)


def test_new_variant_gets_its_stock_row_and_is_found():
    product = two_variants()
    Variant.objects.create(product=product, sku="QX-77", price=Decimal(10), options={"n": "3"})
    before = list(Stock.objects.order_by("variant_id").values())

    services.refresh_product(product.pk)

    product.refresh_from_db()
    assert (product.price, found("qx77")) == (Decimal(10), {product.product_name})
    assert list(Stock.objects.exclude(variant__sku="QX-77").order_by("variant_id").values()) == before
    assert list(Stock.objects.filter(variant__sku="QX-77").values_list("product_id", "available", "on_hand")) == [
        (product.pk, 0, 0)
    ]


def test_refreshing_an_unchanged_product_does_not_touch_its_date():
    product = two_variants()

    services.refresh_product(product.pk)

    before = product.updated_at
    product.refresh_from_db()
    assert product.updated_at == before


def test_refreshing_an_unknown_product_is_refused():
    with pytest.raises(Product.DoesNotExist):
        services.refresh_product(uuid4())


def test_deleted_product_is_kept_and_can_be_restored():
    product = ProductFactory(product_name="Kettle")
    other = ProductFactory(product_name="Toaster")
    movements = StockMovement.objects.count()

    services.soft_delete_product(product)

    product.refresh_from_db()
    assert product.deleted_at is not None
    assert list(Product.objects.for_sale()) == [other]
    assert (Product.objects.count(), StockMovement.objects.count()) == (2, movements)
    assert variant_of(product).stock_level.available == 10

    services.restore_product(product)

    product.refresh_from_db()
    assert product.deleted_at is None
    assert set(Product.objects.for_sale()) == {product, other}
    assert found("kettle") == {"Kettle"}


def test_tree_is_at_most_twenty_levels_deep():
    top = deepest = CategoryFactory()
    for _ in range(19):
        deepest = CategoryFactory(parent=deepest)

    with pytest.raises(CategoryTooDeep):
        CategoryFactory(parent=deepest)
    with pytest.raises(CategoryTooDeep):
        services.save_category(category_name=top.category_name, category=top, parent=CategoryFactory())

    assert Category.objects.count() == 21
    assert Category.objects.get(pk=top.pk).parent_id is None
