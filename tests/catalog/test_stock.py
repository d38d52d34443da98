"""Stock: counters, their ledger, and the flag that follows them, alone and under fire."""

from collections import Counter
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, ProtectedError

from catalog import stock
from catalog.exceptions import InsufficientStock, ProductUnavailable
from catalog.models import Product, Stock, StockMovement, Variant
from catalog.services import VariantInput
from catalog.stock import Change
from ecommerce.exceptions import sqlstate, translate_database_error
from tests.factories import ProductFactory, UserFactory, variant_of
from tests.invariants import assert_stock_holds
from tests.racing import at_once

pytestmark = pytest.mark.django_db

Kind = StockMovement.Kind


def made(*units: int) -> tuple[Product, list[UUID]]:
    """A product with one variant for each number of units, and the variants' ids."""
    product = ProductFactory(
        variants=[
            VariantInput(sku=f"{uuid4()}", price=Decimal(10), options={"n": str(n)}, stock=count)
            for n, count in enumerate(units)
        ]
    )
    return product, list(Variant.objects.filter(product=product).values_list("pk", flat=True))


def available(*variant_ids: UUID) -> list[int]:
    units = dict(Stock.objects.values_list("variant_id", "available"))
    return [units[pk] for pk in variant_ids]


def everything() -> tuple[list[object], ...]:
    return (
        list(Stock.objects.order_by("variant_id").values()),
        list(StockMovement.objects.order_by("id").values()),
        list(Product.objects.order_by("id").values("id", "in_stock")),
    )


# --- Adjusting ----------------------------------------------------------------------------------------------


def test_adjusting_moves_counters_and_writes_the_ledger():
    actor = UserFactory()
    _, (first, second) = made(5, 0)

    stock.adjust_stock({first: -2, second: 7}, kind=Kind.COUNT, reason="counted", actor=actor)

    assert available(first, second) == [3, 7]
    assert set(
        StockMovement.objects.filter(kind="count").values_list(
            "variant", "available_change", "on_hand_change", "reason", "actor", "order_item_id"
        )
    ) == {(first, -2, -2, "counted", actor.pk, None), (second, 7, 7, "counted", actor.pk, None)}
    assert_stock_holds()


def test_adjusting_without_more_words_is_an_adjustment_by_nobody():
    _, (variant,) = made(0)

    stock.adjust_stock({variant: 1})

    assert list(StockMovement.objects.values_list("kind", "reason", "actor")) == [("adjust", "", None)]


def test_adjusting_by_nothing_writes_nothing():
    _, (variant,) = made(5)
    before = everything()

    stock.adjust_stock({})
    stock.adjust_stock({variant: 0})

    assert everything() == before


def test_everything_available_may_be_taken():
    product, (variant,) = made(5)

    stock.adjust_stock({variant: -5})

    product.refresh_from_db()
    assert (available(variant), product.in_stock) == ([0], False)
    assert_stock_holds()


def test_taking_too_much_names_every_short_variant_and_changes_nothing():
    _, (plenty, few, none) = made(10, 2, 0)
    before = everything()

    with pytest.raises(InsufficientStock) as refusal:
        stock.adjust_stock({plenty: -1, few: -3, none: -1})

    assert [(row.code, row.attr, row.detail) for row in refusal.value.rows] == [
        ("insufficient_stock", str(few), "Only 2 of this variant can be taken."),
        ("insufficient_stock", str(none), "Only 0 of this variant can be taken."),
    ]
    assert refusal.value.status_code == 409
    assert everything() == before


def test_what_is_promised_to_orders_cannot_be_taken():
    _, (variant,) = made(5)
    stock.lock_stock([variant])
    stock.apply_changes([Change(variant, Kind.RESERVE, available=-4, order_item_id=uuid4())])
    before = everything()

    with pytest.raises(InsufficientStock) as refusal:
        stock.adjust_stock({variant: -2})

    assert [row.detail for row in refusal.value.rows] == ["Only 1 of this variant can be taken."]
    assert everything() == before


def test_unknown_variant_is_named_and_changes_nothing():
    _, (known,) = made(5)
    unknown = uuid4()
    before = everything()

    with pytest.raises(ProductUnavailable) as refusal:
        stock.adjust_stock({known: 1, unknown: 1})

    assert [(row.code, row.attr) for row in refusal.value.rows] == [("product_unavailable", str(unknown))]
    assert everything() == before


# --- Locks and changes --------------------------------------------------------------------------------------


def test_locking_takes_one_statement_in_the_one_order(django_assert_num_queries):
    variants = [variant_of(ProductFactory()) for _ in range(3)]
    ids = [variant.pk for variant in reversed(variants)]

    with django_assert_num_queries(1) as statements:
        rows = stock.lock_stock([*ids, *ids, uuid4()])

    assert list(rows) == [variant.pk for variant in sorted(variants, key=lambda v: (v.product_id, v.pk))]
    assert statements.captured_queries[0]["sql"].endswith(
        'ORDER BY "catalog_stock"."product_id" ASC, "catalog_stock"."variant_id" ASC '
        'FOR NO KEY UPDATE OF "catalog_stock"'
    )


@pytest.mark.parametrize("count", [1, 3, 10])
def test_changes_take_one_statement_for_any_number(count, django_assert_num_queries):
    _, ids = made(*[20] * count)
    stock.lock_stock(ids)

    with django_assert_num_queries(1):
        stock.apply_changes([Change(pk, Kind.ADJUST, available=-1, on_hand=-1) for pk in ids * 2])

    assert available(*ids) == [18] * count
    assert_stock_holds()


def test_no_changes_take_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        stock.apply_changes([])


def test_line_of_an_order_is_reserved_released_and_sold_at_most_once():
    _, (variant,) = made(10)
    line, other_line = uuid4(), uuid4()
    reserve = Change(variant, Kind.RESERVE, available=-1, order_item_id=line)
    stock.apply_changes([reserve, Change(variant, Kind.RESERVE, available=-1, order_item_id=other_line)])
    stock.apply_changes([Change(variant, Kind.SELL, on_hand=-1, order_item_id=line)])
    before = everything()

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        stock.apply_changes([reserve])

    assert "movement_once_per_order_item" in str(refusal.value)
    assert everything() == before
    assert list(Stock.objects.values_list("available", "on_hand")) == [(8, 9)]


def test_movements_without_an_order_may_repeat():
    _, (variant,) = made(10)

    stock.apply_changes([Change(variant, Kind.ADJUST, available=-1, on_hand=-1) for _ in range(3)])

    assert available(variant) == [7]


@pytest.mark.parametrize(
    "change",
    [
        {"available": -6, "on_hand": -6},
        {"available": -6},
        {"on_hand": -1},  # five are available, four would lie on the shelf
        {"available": 1},
    ],
)
def test_impossible_change_is_refused_by_the_database(change):
    _, (variant,) = made(5)
    before = everything()

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        stock.apply_changes([Change(variant, Kind.ADJUST, **change)])

    assert sqlstate(refusal.value) == "23514"
    assert everything() == before


def test_stock_rows_are_opened_once_and_keep_their_units():
    product, (variant,) = made(5)
    new = Variant.objects.create(product=product, sku="NEW", price=Decimal(1), options={"n": "new"})

    for _ in range(2):
        stock.open_stock(Variant.objects.filter(product=product))

    assert available(variant, new.pk) == [5, 0]


# --- The database's own rules -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE catalog_stockmovement SET available_change = 100",
        "UPDATE catalog_stockmovement SET reason = reason",
        "DELETE FROM catalog_stockmovement",
        "INSERT INTO catalog_stockmovement SELECT * FROM catalog_stockmovement "
        "ON CONFLICT (id) DO UPDATE SET reason = 'changed'",
    ],
)
def test_ledger_can_only_be_added_to(statement):
    made(5)
    before = everything()

    with pytest.raises(IntegrityError, match="catalog_stockmovement is append-only"), transaction.atomic():
        connection.cursor().execute(statement)

    assert everything() == before


def test_ledger_keeps_its_variant():
    _, (variant,) = made(5)

    with pytest.raises(ProtectedError), transaction.atomic():
        Variant.objects.get(pk=variant).delete()

    assert (Variant.objects.count(), Stock.objects.count(), StockMovement.objects.count()) == (1, 1, 1)


@pytest.mark.parametrize(
    ("write", "status"),
    [
        (lambda: Stock.objects.update(available=-1), 400),
        (lambda: Stock.objects.update(available=F("on_hand") + 1), 400),
        (lambda: Stock.objects.update(on_hand=F("available") - 1), 400),
        (lambda: Product.objects.update(price=Decimal("-0.01")), 400),
        (lambda: Variant.objects.update(price=Decimal("-0.01")), 400),
        (lambda: Variant.objects.update(sku="SAME"), 409),
        (lambda: Variant.objects.update(options={}), 409),
        (lambda: Product.objects.update(url_key="same"), 409),
        (lambda: Product.objects.update(source_id="same"), 409),
    ],
)
def test_broken_constraint_is_the_clients_error_and_not_a_500(write, status):
    made(5, 6)
    made(7)
    before = everything()

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        write()

    answer = translate_database_error(refusal.value)
    assert answer is not None
    assert answer.status_code == status
    assert everything() == before


# --- in_stock -----------------------------------------------------------------------------------------------


def test_in_stock_follows_the_last_unit_of_the_last_variant():
    product, (first, second) = made(1, 1)
    seen = []

    for change in ({first: -1}, {second: -1}, {second: 3}, {first: 1}, {first: -1, second: -3}):
        stock.adjust_stock(change)
        product.refresh_from_db()
        seen.append(product.in_stock)

    assert seen == [True, False, True, True, False]


def test_in_stock_follows_a_bulk_insert_of_stock():
    bare = [ProductFactory(stock=0) for _ in range(3)]
    variants = [
        Variant.objects.create(product=product, sku=f"{product.url_key}-{n}", price=Decimal(1), options={"n": n})
        for product in bare
        for n in (1, 2)
    ]
    units = [0, 0, 0, 4, 5, 6]

    Stock.objects.bulk_create(
        Stock(variant=variant, product_id=variant.product_id, available=count, on_hand=count)
        for variant, count in zip(variants, units, strict=True)
    )

    assert [Product.objects.get(pk=product.pk).in_stock for product in bare] == [False, True, True]


def test_in_stock_follows_one_update_of_many_rows():
    products = [made(1, 2)[0] for _ in range(3)]

    Stock.objects.exclude(product=products[0]).update(available=0)

    assert [Product.objects.get(pk=product.pk).in_stock for product in products] == [True, False, False]


def test_ordinary_sale_neither_rewrites_nor_locks_the_product():
    product, (variant,) = made(5)

    def version() -> object:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ctid::text, xmin::text, xmax::text FROM catalog_product WHERE id = %s", [product.pk])
            return cursor.fetchone()

    before = version()
    stock.adjust_stock({variant: -1})
    after_sale = version()
    stock.adjust_stock({variant: -4})

    assert after_sale == before
    assert version() != before


# --- At the same time ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_units_are_taken_once_each_by_many_at_once():
    _, (variant,) = made(5)

    def take():
        try:
            stock.adjust_stock({variant: -1})
        except InsufficientStock:
            return "short"
        return "taken"

    results = at_once([take] * 10)

    assert Counter(results) == {"taken": 5, "short": 5}
    assert available(variant) == [0]
    assert_stock_holds()


@pytest.mark.django_db(transaction=True)
def test_two_variants_sold_out_and_refilled_in_opposite_order_end_right():
    product, (first, second) = made(1, 1)

    for _ in range(25):
        at_once(
            [lambda: stock.adjust_stock({first: -1, second: -1}), lambda: stock.adjust_stock({second: 1, first: 1})]
        )
        assert available(first, second) == [1, 1]
        assert_stock_holds()

    product.refresh_from_db()
    assert product.in_stock


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("start", "changes", "end"),
    [
        ((1, 1), (-1, -1), False),  # the last unit of each, at the same time
        ((0, 0), (1, 1), True),
        ((1, 0), (-1, 1), True),  # one ends as the other comes
        ((0, 1), (1, -1), True),
    ],
)
def test_two_variants_changed_by_two_transactions_leave_the_right_flag(start, changes, end):
    for _ in range(20):
        product, ids = made(*start)

        at_once(
            [lambda pk=pk, units=units: stock.adjust_stock({pk: units}) for pk, units in zip(ids, changes, strict=True)]
        )

        product.refresh_from_db()
        assert product.in_stock is end
    assert_stock_holds()


@pytest.mark.django_db(transaction=True)
def test_many_products_changed_in_opposite_orders_never_deadlock():
    variants = [made(4, 4)[1] for _ in range(4)]
    ids = [pk for pair in variants for pk in pair]

    for _ in range(20):
        at_once(
            [
                lambda: stock.adjust_stock(dict.fromkeys(ids, -1)),
                lambda: stock.adjust_stock(dict.fromkeys(reversed(ids), -1)),
                lambda: stock.adjust_stock(dict.fromkeys(ids[::2] + ids[1::2], -2)),
            ]
        )
        assert available(*ids) == [0] * 8
        assert_stock_holds()
        at_once(
            [
                lambda: stock.adjust_stock(dict.fromkeys(ids, 2)),
                lambda: stock.adjust_stock(dict.fromkeys(reversed(ids), 2)),
            ]
        )
        assert available(*ids) == [4] * 8
        assert_stock_holds()


@pytest.mark.django_db(transaction=True)
def test_different_variants_of_the_same_products_never_deadlock():
    products = [made(1, 1)[1] for _ in range(6)]
    firsts, seconds = ([pair[n] for pair in products] for n in (0, 1))

    for units in (-1, 1) * 10:
        at_once(
            [
                lambda units=units: stock.adjust_stock(dict.fromkeys(firsts, units)),
                lambda units=units: stock.adjust_stock(dict.fromkeys(reversed(seconds), units)),
            ]
        )
        assert_stock_holds()

    assert available(*firsts, *seconds) == [1] * 12


@pytest.mark.django_db(transaction=True)
def test_stock_row_opened_twice_at_once_exists_once():
    product, _ = made(5)
    new = Variant.objects.create(product=product, sku="NEW", price=Decimal(1), options={"n": "new"})

    at_once([lambda: stock.open_stock([new])] * 4)

    assert list(Stock.objects.filter(variant=new).values_list("available", "on_hand")) == [(0, 0)]


def test_units_of_an_inactive_variant_are_not_for_sale():
    product, (_, shelved) = made(0, 5)

    Variant.objects.filter(pk=shelved).update(is_active=False)
    hidden = Product.objects.with_stock().get(pk=product.pk)
    Variant.objects.filter(pk=shelved).update(is_active=True)
    back = Product.objects.with_stock().get(pk=product.pk)

    assert (hidden.stock, hidden.in_stock) == (0, False)
    assert (back.stock, back.in_stock) == (5, True)


def test_refilling_an_inactive_variant_does_not_put_the_product_in_stock():
    product, (variant,) = made(0)
    Variant.objects.filter(pk=variant).update(is_active=False)

    stock.adjust_stock({variant: 3})

    assert Product.objects.get(pk=product.pk).in_stock is False
    assert_stock_holds()


def test_number_that_no_counter_holds_is_a_bad_value():
    _, (variant,) = made(1)

    with pytest.raises(DatabaseError) as error, transaction.atomic():
        stock.adjust_stock({variant: 2**31})

    assert translate_database_error(error.value).status_code == 400
    assert available(variant) == [1]
