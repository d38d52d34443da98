"""Warehouses: where goods lie, from where they are taken, and what the database sees to."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings, strategies
from rest_framework.exceptions import APIException

from catalog import stock
from catalog.exceptions import InsufficientStock, ProductUnavailable
from catalog.inventory import adjusting, picking, warehouses
from catalog.inventory.adjusting import Adjustment, Moved
from catalog.inventory.exceptions import (
    InsufficientInWarehouse,
    WarehouseClosed,
    WarehouseInLedger,
    WarehouseIsDefault,
    WarehouseNotEmpty,
)
from catalog.inventory.models import Warehouse, WarehouseStock
from catalog.inventory.picking import Pick
from catalog.models import Product, Stock, StockMovement
from catalog.stock import Change, Sale
from orders import placing
from orders import services as order_services
from orders.lines import ItemInput
from orders.models import Order
from tests.catalog.inventory import every_row, goods, level, lying, main, move, put, warehouse
from tests.factories import UserFactory, place_order
from tests.invariants import assert_stock_holds
from tests.racing import at_once

pytestmark = pytest.mark.django_db

Kind = StockMovement.Kind


# --- Balances follow movements ------------------------------------------------------------------------------


def test_goods_that_name_no_warehouse_lie_in_the_default_one():
    (variant,) = goods()

    stock.adjust_stock({variant: 7}, kind=Kind.RECEIVE)

    assert (lying(variant), level(variant)) == ({"MAIN": 7}, (7, 7))
    assert StockMovement.objects.get().warehouse == main()
    assert_stock_holds()


@pytest.mark.django_db(transaction=True)
def test_shop_without_a_warehouse_gets_one_with_its_first_goods():
    Warehouse.objects.all().delete()
    (variant,) = goods()

    stock.adjust_stock({variant: 1})

    made = Warehouse.objects.get()
    assert (made.code, made.is_default, made.is_active) == ("MAIN", True, True)
    assert lying(variant) == {"MAIN": 1}


def test_promises_have_no_place_and_write_no_balance():
    (variant,) = goods()
    put(variant, MAIN=5)
    before = list(WarehouseStock.objects.values())

    place_order(UserFactory(), Product.objects.get())

    assert StockMovement.objects.get(kind="reserve").warehouse is None
    assert list(WarehouseStock.objects.values()) == before
    assert level(variant) == (4, 5)


def test_movement_of_goods_without_place_and_promise_with_one_are_refused_by_the_database():
    (variant,) = goods()
    put(variant, MAIN=5)
    before = every_row()

    with pytest.raises(IntegrityError, match="movement_of_goods_has_a_place"), transaction.atomic():
        stock.apply_changes([Change(variant, Kind.RESERVE, available=-1, warehouse_id=main().pk)])

    assert every_row() == before


def test_balance_cannot_become_negative_though_the_total_would_not():
    (variant,) = goods()
    warehouse("MSA")
    put(variant, MAIN=5, MSA=1)
    msa = Warehouse.objects.get(code="MSA")
    before = every_row()

    with pytest.raises(IntegrityError, match="balance_not_negative"), transaction.atomic():
        stock.apply_changes([Change(variant, Kind.ADJUST, available=-2, on_hand=-2, warehouse_id=msa.pk)])

    assert every_row() == before


def test_several_movements_of_one_statement_are_added_up():
    (variant,) = goods()
    msa = warehouse("MSA")
    change = {"available": 3, "on_hand": 3, "warehouse_id": msa.pk}

    stock.apply_changes([Change(variant, Kind.RECEIVE, **change) for _ in range(2)])
    stock.apply_changes(
        [Change(variant, Kind.RECEIVE, **change), Change(variant, Kind.RECEIVE, available=1, on_hand=1)]
    )

    assert lying(variant) == {"MSA": 9, "MAIN": 1}
    assert_stock_holds()


ACTIONS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["receive", "take", "transfer", "promise", "ship"]),
        strategies.integers(0, 1),  # a variant
        strategies.permutations(range(3)),  # a warehouse and another one
        strategies.integers(1, 6),  # units
    ),
    min_size=5,
    max_size=30,
)


@given(actions=ACTIONS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_balances_are_the_sums_of_any_movements(actions):
    with rolled_back():
        variants = goods("A", "B")
        places = [main(), warehouse("NBO", position=1), warehouse("MSA", position=2)]
        stock.adjust_stock(dict.fromkeys(variants, 5))
        model: Counter[tuple[UUID, UUID]] = Counter({(variant, places[0].pk): 5 for variant in variants})
        promised: Counter[UUID] = Counter()

        for action, which, order, units in actions:
            variant, place, other = variants[which], places[order[0]], places[order[1]]
            total = sum(count for (pk, _), count in model.items() if pk == variant)
            here, free = model[variant, place.pk], total - promised[variant]
            if action == "receive":
                adjusting.adjust([Adjustment(variant, place, units, Kind.RECEIVE)])
                model[variant, place.pk] += units
            elif action == "take":
                possible = here >= units and free >= units
                taken = attempt(lambda: adjusting.adjust([Adjustment(variant, place, -units)]))  # noqa: B023
                assert (taken == "done") is possible
                model[variant, place.pk] -= units * possible
            elif action == "transfer":
                possible = here >= units
                assert (attempt(lambda: move(variant, units, place, other)) == "done") is possible  # noqa: B023
                model[variant, place.pk] -= units * possible
                model[variant, other.pk] += units * possible
            elif action == "promise" and free >= units:
                stock.apply_changes([Change(variant, Kind.RESERVE, available=-units, order_item_id=uuid4())])
                promised[variant] += units
            elif action == "ship" and promised[variant]:
                sold = min(units, promised[variant])
                for part in picking.pick({variant: sold}):
                    model[variant, part.warehouse_id] -= part.units
                stock.sell([Sale(uuid4(), variant, sold)])
                promised[variant] -= sold

        for variant in variants:
            expected = {place.code: units for place in places if (units := model[variant, place.pk])}
            assert lying(variant) == expected
            assert level(variant) == (sum(expected.values()) - promised[variant], sum(expected.values()))
        assert_stock_holds()


@contextmanager
def rolled_back() -> Iterator[None]:
    """Leave no trace: each example of a property starts with the same shop."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_check_names_a_balance_that_differs(capsys):
    (variant,) = goods()
    put(variant, MAIN=5)
    call_command("check_catalogue")
    WarehouseStock.objects.update(on_hand=F("on_hand") + 1)

    with pytest.raises(CommandError):
        call_command("check_catalogue")

    told = capsys.readouterr().out
    assert f"variant {variant} has 5 on hand, in the warehouses lie 6" in told
    assert f"variant {variant} in warehouse {main().pk} has a balance of 6, its movements make 5" in told


@pytest.mark.django_db(transaction=True)
def test_check_names_stock_that_is_not_its_ledger(capsys):
    (variant,) = goods()
    put(variant, MAIN=5)
    Stock.objects.update(available=4)

    with pytest.raises(CommandError):
        call_command("check_catalogue")

    assert f"variant {variant} has 4 available and 5 on hand, its movements make 5 and 5" in capsys.readouterr().out


# --- Adjusting ----------------------------------------------------------------------------------------------


def test_adjusting_says_where_why_and_by_whom():
    first, second = goods("A", "B")
    msa, actor = warehouse("MSA"), UserFactory()

    adjusting.adjust(
        [
            Adjustment(first, msa, 10, Kind.RECEIVE, "delivery 17"),
            Adjustment(first, msa, -1, Kind.ADJUST, "broken on the way"),
            Adjustment(second, main(), 2, Kind.RETURN),
        ],
        actor=actor,
    )

    assert (lying(first), lying(second)) == ({"MSA": 9}, {"MAIN": 2})
    assert set(
        StockMovement.objects.values_list("variant", "warehouse__code", "kind", "on_hand_change", "reason", "actor")
    ) == {
        (first, "MSA", "receive", 10, "delivery 17", actor.pk),
        (first, "MSA", "adjust", -1, "broken on the way", actor.pk),
        (second, "MAIN", "return", 2, "", actor.pk),
    }
    assert_stock_holds()


def test_adjusting_refuses_all_for_one_short_line():
    first, second = goods("A", "B")
    put(first, MAIN=5)
    before = every_row()

    with pytest.raises(InsufficientStock) as refusal:
        adjusting.adjust(
            [Adjustment(first, main(), -1, attr="items.0"), Adjustment(second, main(), -1, attr="items.1")]
        )

    assert [(row.code, row.attr) for row in refusal.value.rows] == [("insufficient_stock", "items.1.change")]
    assert every_row() == before


def test_what_lies_elsewhere_cannot_be_taken_here():
    (variant,) = goods()
    msa = warehouse("MSA")
    put(variant, MAIN=5, MSA=1)
    before = every_row()

    with pytest.raises(InsufficientInWarehouse) as refusal:
        adjusting.adjust([Adjustment(variant, msa, -2, attr="items.0")])

    assert [(row.attr, row.detail) for row in refusal.value.rows] == [
        ("items.0.change", "Only 1 lie in Warehouse MSA.")
    ]
    assert every_row() == before


def test_promised_units_cannot_be_adjusted_away():
    (variant,) = goods()
    put(variant, MAIN=5)
    place_order(UserFactory(), Product.objects.get(), quantity=4)
    before = every_row()

    with pytest.raises(InsufficientStock):
        adjusting.adjust([Adjustment(variant, main(), -2, attr="items.0")])

    assert every_row() == before


def test_nothing_comes_into_a_closed_warehouse_not_even_past_the_service():
    (variant,) = goods()
    put(variant, MAIN=5)
    closed = warehouse("OLD", is_active=False)
    before = every_row()

    with pytest.raises(WarehouseClosed):
        adjusting.adjust([Adjustment(variant, closed, 1, attr="items.0")])
    with pytest.raises(WarehouseClosed):
        move(variant, 1, main(), closed)
    with pytest.raises(IntegrityError, match="closed warehouse"), transaction.atomic():
        stock.apply_changes([Change(variant, Kind.RECEIVE, available=1, on_hand=1, warehouse_id=closed.pk)])

    assert every_row() == before


def test_unknown_variant_is_refused_by_both():
    msa, unknown = warehouse("MSA"), uuid4()

    with pytest.raises(ProductUnavailable):
        adjusting.adjust([Adjustment(unknown, msa, 1, attr="items.0")])
    with pytest.raises(ProductUnavailable):
        move(unknown, 1, msa, main())

    assert not StockMovement.objects.exists()


# --- Transferring -------------------------------------------------------------------------------------------


def test_transfer_is_two_movements_and_leaves_the_total():
    (variant,) = goods()
    msa = warehouse("MSA")
    put(variant, MAIN=5)
    place_order(UserFactory(), Product.objects.get(), quantity=4)

    document = move(variant, 5, main(), msa)  # promised ones too

    assert (lying(variant), level(variant)) == ({"MSA": 5}, (1, 5))
    assert list(
        StockMovement.objects.filter(document_id=document)
        .order_by("on_hand_change")
        .values_list("kind", "warehouse__code", "available_change", "on_hand_change")
    ) == [("transfer", "MAIN", 0, -5), ("transfer", "MSA", 0, 5)]
    assert_stock_holds()


def test_transfer_of_too_much_names_every_line_and_moves_nothing():
    first, second, third = goods("A", "B", "C")
    msa = warehouse("MSA")
    put(first, MAIN=5)
    put(second, MAIN=1)
    put(third, MSA=9)
    before = every_row()

    with pytest.raises(InsufficientInWarehouse) as refusal:
        adjusting.transfer(
            [Moved(pk, 2, f"items.{n}") for n, pk in enumerate((first, second, third))], source=main(), target=msa
        )

    assert [(row.attr, row.detail) for row in refusal.value.rows] == [
        ("items.1.units", "Only 1 lie in Main warehouse."),
        ("items.2.units", "Only 0 lie in Main warehouse."),
    ]
    assert every_row() == before


# --- Picking ------------------------------------------------------------------------------------------------


def shipped_from(order: Order) -> dict[str, int]:
    rows = StockMovement.objects.filter(kind="sell", order_item_id__in=order.items.values("pk"))
    return {
        f"{sku} from {code}": -units
        for sku, code, units in rows.values_list("variant__sku", "warehouse__code", "on_hand_change")
    }


def paid_order(*wanted: tuple[object, int]) -> Order:
    lines = [ItemInput(quantity=units, variant_id=pk, attr="items") for pk, units in wanted]  # type: ignore[arg-type]
    order = placing.place_order(user=UserFactory(), items=lines)
    with transaction.atomic():
        return order_services.transition_order(order.pk, Order.Status.PAID)


@pytest.fixture
def three_places() -> None:
    warehouse("NBO", position=2)
    warehouse("MSA", position=1)
    warehouses.save_warehouse(main(), position=3)


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        # MSA comes first, then NBO, then MAIN; the order wants 3 of A and 2 of B.
        ({"MSA": 3, "NBO": 9}, {"MSA": 2, "MAIN": 9}, {"A from MSA": 3, "B from MSA": 2}),
        ({"MSA": 3, "NBO": 9}, {"NBO": 2}, {"A from NBO": 3, "B from NBO": 2}),  # one parcel
        ({"MSA": 2, "NBO": 4}, {"MAIN": 2}, {"A from NBO": 3, "B from MAIN": 2}),  # each from one place
        (
            {"MSA": 1, "NBO": 1, "MAIN": 1},
            {"MSA": 5},
            {"A from MSA": 1, "A from NBO": 1, "A from MAIN": 1, "B from MSA": 2},
        ),
        ({"MAIN": 2, "NBO": 2}, {"MSA": 5}, {"A from NBO": 2, "A from MAIN": 1, "B from MSA": 2}),
    ],
)
def test_order_is_picked_by_priority_from_as_few_places_as_can_be(three_places, first, second, taken):
    a, b = goods("A", "B")
    put(a, **first)
    put(b, **second)
    order = paid_order((a, 3), (b, 2))

    order_services.ship_order(order.pk)

    assert shipped_from(order) == taken
    assert_stock_holds()


def test_staff_may_name_the_warehouse(three_places):
    (a,) = goods("A")
    put(a, MSA=5, NBO=2)
    order = paid_order((a, 2))

    order_services.ship_order(order.pk, warehouse_id=Warehouse.objects.get(code="NBO").pk)

    assert (shipped_from(order), lying(a)) == ({"A from NBO": 2}, {"MSA": 5})


def test_named_warehouse_without_the_goods_ships_nothing(three_places):
    (a,) = goods("A")
    put(a, MSA=5, NBO=1)
    order = paid_order((a, 2))
    before = every_row()

    with pytest.raises(InsufficientInWarehouse) as refusal:
        order_services.ship_order(order.pk, warehouse_id=Warehouse.objects.get(code="NBO").pk)

    order.refresh_from_db()
    assert [row.detail for row in refusal.value.rows] == ["Only 1 of this variant lie there, 2 are wanted."]
    assert (order.status, every_row()) == ("paid", before)


def test_line_taken_from_several_places_is_still_sold_once(three_places):
    (a,) = goods("A")
    put(a, MSA=1, NBO=2, MAIN=9)
    line = uuid4()
    stock.apply_changes([Change(a, Kind.RESERVE, available=-10, order_item_id=line)])
    stock.sell([Sale(line, a, 10)])
    assert list(StockMovement.objects.filter(kind="sell").order_by("part").values_list("part", "on_hand_change")) == [
        (0, -1),
        (1, -2),
        (2, -7),
    ]
    stock.adjust_stock({a: 20})
    stock.apply_changes([Change(a, Kind.RESERVE, available=-10, order_item_id=uuid4())])
    before = every_row()

    with pytest.raises(IntegrityError, match="movement_once_per_order_item"), transaction.atomic():
        stock.sell([Sale(line, a, 10)])

    assert every_row() == before


def test_picking_nothing_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert picking.pick({}) == []


@pytest.mark.parametrize("count", [1, 3, 10])
def test_picking_takes_one_statement(count, three_places, django_assert_num_queries):
    variants = goods(*(f"P{n}" for n in range(count)))
    for variant in variants:
        put(variant, MSA=1, NBO=1)

    with django_assert_num_queries(1):
        picked = picking.pick(dict.fromkeys(variants, 1))

    msa = Warehouse.objects.get(code="MSA")
    assert picked == [Pick(variant, msa.pk, 1) for variant in variants]


@pytest.mark.parametrize("count", [1, 3])
def test_orders_take_as_many_statements_as_before_warehouses(count, three_places, django_assert_num_queries):
    variants = goods(*(f"Q{n}" for n in range(count)))
    for variant in variants:
        put(variant, MSA=5, NBO=5)
    lines = [ItemInput(quantity=2, variant_id=pk, attr="items") for pk in variants]
    user = UserFactory()

    with django_assert_num_queries(2):  # read and lock; the order with all its rows and the stock
        order = placing.place_order(user=user, items=lines)
    with django_assert_num_queries(13):
        order_services.cancel_order(order.pk)


# --- Warehouses themselves ----------------------------------------------------------------------------------


def test_new_default_takes_the_place_of_the_old_one():
    first, second = main(), warehouse("NBO")

    warehouses.save_warehouse(second, is_default=True)

    first.refresh_from_db()
    assert (first.is_default, main()) == (False, second)


def test_there_is_always_an_open_default():
    default = main()
    before = every_row()

    for change in ({"is_default": False}, {"is_active": False}):
        with pytest.raises(WarehouseIsDefault):
            warehouses.save_warehouse(default, **change)
    with pytest.raises(WarehouseIsDefault):
        warehouses.delete_warehouse(default.pk)
    with pytest.raises(WarehouseIsDefault):
        warehouse("NBO", is_default=True, is_active=False)

    assert every_row() == before


def test_warehouse_with_goods_is_neither_closed_nor_deleted():
    (variant,) = goods()
    msa = warehouse("MSA")
    put(variant, MSA=3)
    before = every_row()

    for refused in (
        lambda: warehouses.save_warehouse(msa, is_active=False),
        lambda: warehouses.delete_warehouse(msa.pk),
    ):
        with pytest.raises(WarehouseNotEmpty) as refusal:
            refused()
        assert refusal.value.extra == {"units": 3}

    assert every_row() == before


def test_emptied_warehouse_is_closed_but_stays_in_the_ledger():
    (variant,) = goods()
    msa = warehouse("MSA")
    put(variant, MSA=3)
    move(variant, 3, msa, main())

    with pytest.raises(WarehouseInLedger):
        warehouses.delete_warehouse(msa.pk)
    warehouses.save_warehouse(msa, is_active=False)

    assert Warehouse.objects.filter(code="MSA", is_active=False).exists()


def test_warehouse_that_never_held_anything_is_deleted():
    msa = warehouse("MSA")

    warehouses.delete_warehouse(msa.pk)

    assert list(Warehouse.objects.values_list("code", flat=True)) == ["MAIN"]


# --- At the same time ---------------------------------------------------------------------------------------


def attempt(action):
    try:
        action()
    except (APIException, IntegrityError) as error:
        return type(error).__name__
    return "done"


@pytest.fixture
def two_places(transactional_db: None) -> tuple[Warehouse, Warehouse]:
    return warehouse("NBO"), warehouse("MSA", position=1)


def test_two_transfers_of_the_last_units_move_them_once(two_places):
    nbo, msa = two_places
    (variant,) = goods()
    for _ in range(10):
        put(variant, NBO=3)

        results = at_once([lambda: attempt(lambda: move(variant, 3, nbo, msa))] * 3)

        assert Counter(results) == {"done": 1, "InsufficientInWarehouse": 2}
    assert lying(variant) == {"MSA": 30}
    assert_stock_holds()


def test_transfers_in_opposite_directions_and_orders_never_deadlock(two_places):
    nbo, msa = two_places
    variants = [pk for n in range(4) for pk in goods(f"{n}-A", f"{n}-B")]
    for variant in variants:
        put(variant, NBO=30, MSA=30)

    def swap(source, target, ids):
        lines = [Moved(pk, 1, "items") for pk in ids]
        return lambda: attempt(lambda: adjusting.transfer(lines, source=source, target=target))

    def order_and_ship():
        order_services.ship_order(paid_order(*((pk, 1) for pk in reversed(variants))).pk)

    for _ in range(10):
        results = at_once(
            [
                swap(nbo, msa, variants),
                swap(msa, nbo, variants[::-1]),
                lambda: attempt(order_and_ship),
                lambda: attempt(lambda: adjusting.adjust([Adjustment(pk, msa, -1) for pk in variants[::2]])),
            ]
        )
        assert results == ["done"] * 4
    assert {level(pk) for pk in variants} == {(40, 40), (50, 50)}
    assert_stock_holds()


def test_last_units_are_either_ordered_or_adjusted_away(two_places):
    nbo, _ = two_places
    (variant,) = goods()
    for _ in range(10):
        put(variant, NBO=1)

        results = at_once(
            [
                lambda: attempt(lambda: paid_order((variant, 1))),
                lambda: attempt(lambda: adjusting.adjust([Adjustment(variant, nbo, -1)])),
            ]
        )

        assert sorted(results) == ["InsufficientStock", "done"]
        assert level(variant)[0] == 0
    assert_stock_holds()


def test_warehouse_that_closes_while_goods_come_is_never_closed_with_goods_in_it(two_places):
    _, msa = two_places
    (variant,) = goods()
    seen = set()
    for _ in range(20):
        results = at_once(
            [
                lambda: attempt(lambda: adjusting.adjust([Adjustment(variant, msa, 1)])),
                lambda: attempt(lambda: warehouses.save_warehouse(msa, is_active=False)),
            ]
        )
        seen.add(tuple(results))
        assert_stock_holds()  # nothing lies in a closed warehouse
        if lying(variant):
            adjusting.adjust([Adjustment(variant, msa, -1)])
        warehouses.save_warehouse(msa, is_active=True)
    assert seen <= {("done", "WarehouseNotEmpty"), ("WarehouseClosed", "done"), ("IntegrityError", "done")}


def test_two_defaults_at_once_leave_one(two_places):
    nbo, msa = two_places

    results = at_once(
        [lambda place=place: attempt(lambda: warehouses.save_warehouse(place, is_default=True)) for place in (nbo, msa)]
    )

    assert results == ["done", "done"]
    assert Warehouse.objects.filter(is_default=True).count() == 1


def test_balance_is_made_once_by_two_first_deliveries(two_places):
    _, msa = two_places
    for _ in range(10):
        (variant,) = goods()

        at_once([lambda variant=variant: adjusting.adjust([Adjustment(variant, msa, 2)])] * 3)

        assert lying(variant) == {"MSA": 6}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM catalog_warehousestock WHERE on_hand < 0")
        assert cursor.fetchone() == (0,)
    assert_stock_holds()
