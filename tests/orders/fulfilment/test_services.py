"""Shipping in parts, what becomes of parcels, and how the order follows."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from catalog.inventory.exceptions import InsufficientInWarehouse
from catalog.models import StockMovement
from catalog.reviews.eligibility import bought_item
from ecommerce.invariants import violations
from orders import services as orders
from orders.checks import CHECKS
from orders.exceptions import InvalidOrderTransition
from orders.fulfilment import services
from orders.fulfilment.exceptions import (
    InvalidShipmentTransition,
    MoreThanLeft,
    NothingToShip,
    OccurredInFuture,
    PartlyShipped,
    SourceIdReused,
    UnknownLine,
)
from orders.fulfilment.models import Shipment, ShipmentEvent
from orders.fulfilment.selectors import fulfilment_status
from orders.fulfilment.services import ShipLine
from orders.models import Order
from tests.catalog.inventory import main, move, warehouse
from tests.factories import UserFactory
from tests.invariants import assert_orders_hold, assert_stock_holds
from tests.orders.fulfilment.parcels import contents, everything, lines, order_of, shelf, timeline

pytestmark = pytest.mark.django_db

Status = Shipment.Status


def state(order):
    order.refresh_from_db()
    return order.status, fulfilment_status(order.items.all()).value


def holds():
    assert_stock_holds()
    assert_orders_hold()


def set_pay_on_delivery(order):
    Order.objects.filter(pk=order.pk).update(pay_on_delivery=True)


# --- Shipping -------------------------------------------------------------------------------------------------


def test_order_leaves_in_two_parcels():
    staff = UserFactory(is_staff=True)
    order = order_of(3, 2)

    first = services.ship(
        order.pk, lines=lines(order, L0=2), carrier="dhl", tracking_number="JD 01/4", actor=staff, note="by the van"
    )

    assert (state(order), contents(first)) == (("paid", "partial"), {"L0": 2})
    assert shelf() == {"L0": (7, 8), "L1": (8, 10)}
    holds()

    second = services.ship(order.pk, carrier="g4s", tracking_number="KE-7", actor=staff)

    assert (state(order), contents(second)) == (("shipped", "fulfilled"), {"L0": 1, "L1": 2})
    assert shelf() == {"L0": (7, 7), "L1": (8, 8)}
    assert [first.number, second.number] == [f"{order.number}-1", f"{order.number}-2"]
    assert first.tracking_url == "https://www.dhl.com/ke-en/home/tracking.html?tracking-id=JD%2001%2F4"
    assert (second.tracking_url, second.warehouse, second.created_by, second.note) == ("", main(), staff, "")
    assert timeline(order)[2:] == [
        ("paid", "paid", "by the van"),
        ("paid", "shipped", f"parcel {order.number}-2, G4S Courier KE-7"),
    ]
    holds()


def test_line_that_leaves_in_parts_is_sold_in_parts():
    other = warehouse("NBO", position=9)
    order = order_of(5)
    item = order.items.get()
    move(item.variant_id, 8, main(), other)

    services.ship(order.pk, lines=lines(order, L0=1))
    both = services.ship(order.pk, lines=lines(order, L0=3), warehouse_id=other.pk)
    services.ship(order.pk)

    sold = StockMovement.objects.filter(order_item_id=item.pk, kind="sell").order_by("part")
    assert list(sold.values_list("part", "on_hand_change", "warehouse__code")) == [
        (0, -1, "MAIN"),
        (1, -3, "NBO"),
        (2, -1, "MAIN"),
    ]
    assert both.warehouse == other
    holds()


def test_goods_put_together_from_two_places_name_none():
    other = warehouse("NBO", position=9)
    order = order_of(9)
    move(order.items.get().variant_id, 5, main(), other)

    shipment = services.ship(order.pk)

    assert shipment.warehouse is None
    holds()


@pytest.mark.parametrize(
    ("wanted", "error", "expected"),
    [
        ({"L0": 3, "L1": 2}, MoreThanLeft, [("items.0.quantity", "Only 2 left to ship of this line.")]),
        (
            {"L0": 3, "L1": 9},
            MoreThanLeft,
            [
                ("items.0.quantity", "Only 2 left to ship of this line."),
                ("items.1.quantity", "Only 2 left to ship of this line."),
            ],
        ),
        ({"L2": 1}, MoreThanLeft, [("items.0.quantity", "Only 0 left to ship of this line.")]),
    ],
)
def test_more_than_is_left_is_refused_line_by_line(wanted, error, expected):
    order = order_of(3, 2, 1, digital=1)
    services.ship(order.pk, lines=lines(order, L0=1))
    before = everything(order)

    with pytest.raises(error) as refusal:
        services.ship(order.pk, lines=lines(order, **wanted))

    assert [(row.attr, row.detail) for row in refusal.value.rows] == expected
    assert everything(order) == before
    holds()


def test_line_named_twice_is_counted_together():
    order = order_of(3)
    twice = [line for n in range(2) for line in lines(order, L0=2)]
    before = everything(order)

    with pytest.raises(MoreThanLeft):
        services.ship(order.pk, lines=twice)

    assert everything(order) == before


def test_line_of_another_order_is_refused():
    order, other = order_of(1), order_of(1, sku="M")
    before = everything(order), everything(other)

    with pytest.raises(UnknownLine) as refusal:
        services.ship(order.pk, lines=[*lines(order, L0=1), ShipLine(other.items.first().pk, 1, "items.1")])

    assert [row.attr for row in refusal.value.rows] == ["items.1.item_id"]
    assert (everything(order), everything(other)) == before


def test_no_line_at_all_ships_nothing():
    order = order_of(1)
    before = everything(order)

    with pytest.raises(NothingToShip):
        services.ship(order.pk, lines=[])

    assert everything(order) == before


@pytest.mark.parametrize("status", ["pending", "shipped", "delivered", "cancelled", "refunded"])
def test_order_that_may_not_be_shipped_is_refused(status):
    order = order_of(1)
    Order.objects.filter(pk=order.pk).update(status=status)
    before = everything(order)

    with pytest.raises(InvalidOrderTransition):
        services.ship(order.pk)

    assert everything(order) == before


def test_warehouse_without_the_goods_ships_nothing():
    order = order_of(2, 1)
    before = everything(order)

    with pytest.raises(InsufficientInWarehouse):
        services.ship(order.pk, warehouse_id=warehouse("NBO").pk)

    assert everything(order) == before


def test_cancelled_units_are_not_shipped():
    order = order_of(3, 1)
    order.items.filter(sku="L0").update(cancelled_quantity=2)
    order.items.filter(sku="L1").update(cancelled_quantity=1)

    shipment = services.ship(order.pk)

    assert (contents(shipment), state(order)) == ({"L0": 1}, ("shipped", "fulfilled"))


def test_first_parcel_ends_the_reservation():
    order = order_of(2, paid=False)
    set_pay_on_delivery(order)

    services.ship(order.pk, lines=lines(order, L0=1))

    order.refresh_from_db()
    assert (order.status, order.reserved_until) == ("pending", None)
    assert orders.cancel_unpaid_orders() == 0


def test_order_that_left_in_part_is_not_cancelled_whole():
    order = order_of(2)
    services.ship(order.pk, lines=lines(order, L0=1))
    before = everything(order)

    with pytest.raises(PartlyShipped):
        orders.cancel_order(order.pk)

    assert everything(order) == before


# --- The order follows ----------------------------------------------------------------------------------------


def test_order_paid_at_the_door_is_paid_between_two_parcels():
    order = order_of(2, paid=False)
    set_pay_on_delivery(order)
    services.ship(order.pk, lines=lines(order, L0=1))

    orders.mark_paid(order.pk)
    between = state(order)
    services.ship(order.pk)

    assert (between, state(order)) == (("paid", "partial"), ("shipped", "fulfilled"))


def test_packed_parcel_keeps_the_order_until_its_carrier_has_it():
    order = order_of(2)

    shipment = services.ship(order.pk, is_packed=True)
    packed = (state(order), shipment.status, shipment.shipped_at)
    services.record_event(shipment.pk, status=Status.SHIPPED)

    shipment.refresh_from_db()
    assert packed == (("paid", "fulfilled"), "packed", None)
    assert (state(order), shipment.status, shipment.shipped_at is None) == (("shipped", "fulfilled"), "shipped", False)
    holds()


def test_order_is_delivered_with_its_last_parcel():
    order = order_of(2)
    staff = UserFactory(is_staff=True)
    first, second = services.ship(order.pk, lines=lines(order, L0=1)), services.ship(order.pk)

    services.record_event(second.pk, status=Status.DELIVERED, place="Ruiru", note="signed: Njeri", actor=staff)
    between = state(order)[0]
    services.record_event(first.pk, status=Status.DELIVERED, actor=staff)

    assert (between, state(order)[0]) == ("shipped", "delivered")
    assert timeline(order)[-2:] == [
        ("shipped", "shipped", f"parcel {order.number}-2: Delivered. Ruiru, signed: Njeri"),
        ("shipped", "delivered", f"parcel {order.number}-1: Delivered."),
    ]
    assert order.events.latest("id").actor == staff
    holds()


def test_parcel_that_came_back_does_not_hold_up_the_others():
    order = order_of(2)
    first, second = services.ship(order.pk, lines=lines(order, L0=1)), services.ship(order.pk)

    services.record_event(first.pk, status=Status.RETURNED)
    services.record_event(second.pk, status=Status.DELIVERED)

    assert state(order)[0] == "delivered"
    holds()


def test_order_of_which_everything_came_back_is_never_delivered():
    order = order_of(1)
    shipment = services.ship(order.pk)
    services.record_event(shipment.pk, status=Status.RETURNED)
    before = everything(order)

    with pytest.raises(InvalidOrderTransition):
        services.deliver_all(order.pk)

    assert (state(order)[0], everything(order)) == ("shipped", before)
    holds()


def test_delivering_an_order_delivers_its_parcels():
    order = order_of(2)
    parcels = [services.ship(order.pk, lines=lines(order, L0=1)), services.ship(order.pk)]
    services.record_event(parcels[0].pk, status=Status.FAILED, note="nobody at home")

    orders.deliver_order(order.pk, note="both at once")

    delivered = [Shipment.objects.get(pk=parcel.pk) for parcel in parcels]
    assert [(each.status, each.delivered_at is None) for each in delivered] == [("delivered", False)] * 2
    assert timeline(order)[-1] == ("shipped", "delivered", "both at once")
    holds()


def test_rest_that_is_cancelled_ships_the_order():
    order = order_of(3)
    services.ship(order.pk, lines=lines(order, L0=1))

    with transaction.atomic():
        locked = orders.lock_order(order.pk)
        orders.release_units(dict.fromkeys(order.items.select_related("product"), 2))
        settled = services.settle_fulfilment(locked, note="2 units cancelled")

    assert (settled.status, state(order)) == ("shipped", ("shipped", "fulfilled"))
    assert timeline(order)[-1] == ("paid", "shipped", "2 units cancelled")
    holds()


@pytest.mark.parametrize("cancelled", [0, 1, 3])
def test_settling_leaves_an_order_of_which_nothing_has_left(cancelled):
    order = order_of(3)
    order.items.update(cancelled_quantity=cancelled)
    before = everything(order)

    with transaction.atomic():
        services.settle_fulfilment(orders.lock_order(order.pk))

    assert everything(order) == before


def test_settling_twice_changes_nothing():
    order = order_of(1)
    services.ship(order.pk)
    before = everything(order)

    with transaction.atomic():
        services.settle_fulfilment(orders.lock_order(order.pk))

    assert everything(order) == before


def test_digital_goods_are_handed_over_when_paid():
    order = order_of(2, paid=False, digital=1)
    unpaid = state(order)

    orders.mark_paid(order.pk)

    assert (unpaid, state(order)) == (("pending", "unfulfilled"), ("delivered", "fulfilled"))
    assert [to for _, to, _ in timeline(order)] == ["pending", "paid", "shipped", "delivered"]
    assert not order.shipments.exists()
    holds()


def test_digital_goods_wait_for_the_parcel_of_their_order_in_its_status_only():
    order = order_of(1, 2, digital=1)
    assert state(order) == ("paid", "partial")

    shipment = services.ship(order.pk)

    assert (contents(shipment), state(order)) == ({"L0": 1}, ("shipped", "fulfilled"))
    holds()


def test_digital_goods_paid_at_the_door_are_handed_over_there():
    order = order_of(1, 2, digital=1, paid=False)
    set_pay_on_delivery(order)
    services.ship(order.pk)
    unpaid = (state(order), order.items.get(sku="L1").shipped_quantity)

    orders.mark_paid(order.pk)

    assert unpaid == (("shipped", "partial"), 0)
    assert (state(order), order.items.get(sku="L1").shipped_quantity) == (("shipped", "fulfilled"), 2)
    holds()


def test_review_needs_a_parcel_that_was_delivered():
    user = UserFactory()
    order = order_of(1, 1, 1, user=user, digital=1)
    ids = list(order.items.values_list("product_id", flat=True))
    items = list(order.items.values_list("pk", flat=True))
    first = services.ship(order.pk, lines=lines(order, L0=1))
    sent = [bought_item(user, pk) for pk in ids]

    services.record_event(first.pk, status=Status.DELIVERED)

    assert sent == [None, None, items[2]]
    assert [bought_item(user, pk) for pk in ids] == [items[0], None, items[2]]
    assert [bought_item(UserFactory(), pk) for pk in ids] == [None] * 3


def test_parcel_that_came_back_was_not_received():
    user = UserFactory()
    order = order_of(1, 1, user=user)
    gone, kept = services.ship(order.pk, lines=lines(order, L0=1)), services.ship(order.pk)

    services.record_event(gone.pk, status=Status.RETURNED)
    services.record_event(kept.pk, status=Status.DELIVERED)

    products = list(order.items.values_list("product_id", flat=True))
    assert [bought_item(user, pk) is None for pk in products] == [True, False]


# --- Events ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("current", Status.values)
@pytest.mark.parametrize("target", Status.values)
def test_every_pair_of_a_parcels_states_follows_the_table(current, target):
    order = order_of(1)
    shipment = services.ship(order.pk, is_packed=current == "packed")
    if current not in ("packed", "shipped"):
        services.record_event(shipment.pk, status=current)
    before = everything(order)
    allowed = sorted(Shipment.TRANSITIONS[current])

    if target in allowed:
        _, is_new = services.record_event(shipment.pk, status=target)
        assert is_new
    else:
        with pytest.raises(InvalidShipmentTransition) as refusal:
            services.record_event(shipment.pk, status=target)
        assert refusal.value.extra == {"status": current, "allowed": allowed}
        assert everything(order) == before

    shipment.refresh_from_db()
    assert shipment.status == (target if target in allowed else current)
    holds()


def test_event_told_twice_happens_once():
    order = order_of(1)
    shipment = services.ship(order.pk)
    told = {"status": Status.IN_TRANSIT, "place": "Thika", "source_id": "scan-1"}

    first, is_new = services.record_event(shipment.pk, **told)
    services.record_event(shipment.pk, status=Status.DELIVERED)
    before = everything(order)
    again, is_new_again = services.record_event(shipment.pk, **told)

    assert ((first.pk, is_new), (again.pk, is_new_again)) == ((first.pk, True), (first.pk, False))
    assert (shipment.events.count(), everything(order)) == (3, before)


def test_source_id_of_something_else_is_refused():
    order = order_of(1)
    shipment = services.ship(order.pk)
    services.record_event(shipment.pk, status=Status.IN_TRANSIT, source_id="scan-1")

    with pytest.raises(SourceIdReused):
        services.record_event(shipment.pk, status=Status.DELIVERED, source_id="scan-1")

    shipment.refresh_from_db()
    assert (shipment.status, shipment.events.count()) == ("in_transit", 2)


def test_same_source_id_of_two_parcels_is_two_events():
    order = order_of(2)
    parcels = [services.ship(order.pk, lines=lines(order, L0=1)), services.ship(order.pk)]

    news = [services.record_event(each.pk, status=Status.IN_TRANSIT, source_id="1")[1] for each in parcels]

    assert news == [True, True]


def test_event_of_tomorrow_is_refused():
    order = order_of(1)
    shipment = services.ship(order.pk)

    with pytest.raises(OccurredInFuture):
        services.record_event(shipment.pk, status=Status.DELIVERED, occurred_at=timezone.now() + timedelta(minutes=6))

    shipment.refresh_from_db()
    assert (shipment.status, shipment.events.count()) == ("shipped", 1)


def test_parcel_was_delivered_when_it_is_said_to():
    order = order_of(1)
    shipment = services.ship(order.pk)
    moment = timezone.now() - timedelta(hours=3)

    services.record_event(shipment.pk, status=Status.DELIVERED, occurred_at=moment)

    shipment.refresh_from_db()
    assert shipment.delivered_at == moment


@pytest.mark.parametrize("change", [lambda row: row.update(place="Mars"), lambda row: row.delete()])
def test_events_are_never_changed(change):
    shipment = services.ship(order_of(1).pk)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change(ShipmentEvent.objects.filter(shipment=shipment))

    assert list(shipment.events.values_list("status", "place")) == [("shipped", "")]


# --- Carrier and number ---------------------------------------------------------------------------------------


def test_link_follows_carrier_and_number():
    order = order_of(1)
    shipment = services.ship(order.pk, carrier="g4s", tracking_number="7")

    services.change_tracking(shipment.pk, carrier="dhl", tracking_number="99")
    by_template = Shipment.objects.get(pk=shipment.pk).tracking_url
    services.change_tracking(shipment.pk, tracking_url="https://track.example/99")
    given = Shipment.objects.get(pk=shipment.pk).tracking_url
    services.change_tracking(shipment.pk, note="fragile")

    shipment.refresh_from_db()
    assert (by_template, given) == (
        "https://www.dhl.com/ke-en/home/tracking.html?tracking-id=99",
        "https://track.example/99",
    )
    assert (shipment.tracking_url, shipment.note) == (given, "fragile")
    assert timeline(order)[-1] == ("shipped", "shipped", f"parcel {order.number}-1, DHL 99")


@pytest.mark.parametrize("url", ["http://track.example", "javascript:alert(1)"])
def test_database_keeps_links_https(url):
    shipment = services.ship(order_of(1).pk)

    with pytest.raises(DatabaseError, match="shipment_link_is_https"), transaction.atomic():
        services.change_tracking(shipment.pk, tracking_url=url)

    shipment.refresh_from_db()
    assert shipment.tracking_url == ""


# --- Checks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (lambda order: order.items.update(shipped_quantity=F("shipped_quantity") - 1), "what has left of a line"),
        (
            lambda order: order.shipments.first().items.update(order_item=order_of(1, sku="M").items.get()),
            "a parcel holds lines of its own order",
        ),
        (lambda order: order.shipments.first().items.update(quantity=5), "what the parcels hold was taken"),
        (lambda order: order.shipments.update(status="failed"), "a parcel is what was told"),
        (lambda order: Order.objects.filter(pk=order.pk).update(status="paid"), "an order waits for its goods"),
        (lambda order: Order.objects.filter(pk=order.pk).update(status="delivered"), "an order is delivered exactly"),
    ],
)
def test_check_finds_what_is_wrong(wrong, name):
    order = order_of(2)
    services.ship(order.pk)
    assert_orders_hold()

    wrong(order)

    broken = [check.name for check in CHECKS if list(violations(check))]
    assert [found for found in broken if found.startswith(name)], broken


@pytest.mark.django_db(transaction=True)
def test_command_names_what_is_wrong_and_exits_with_1(capsys):
    order = order_of(2)
    services.ship(order.pk)
    call_command("check_orders")
    well = capsys.readouterr().out
    order.items.update(shipped_quantity=1)

    with pytest.raises(CommandError) as failure:
        call_command("check_orders")

    told = capsys.readouterr().out
    assert f"All {len(CHECKS)} invariants hold." in well
    assert failure.value.returncode == 1
    assert f"of order {order.number} has 1 shipped, its parcels hold 2" in told


@pytest.mark.parametrize("count", [1, 4])
def test_shipping_takes_as_many_statements_for_any_number_of_lines(count, django_assert_num_queries):
    order = order_of(*[2] * count)

    # savepoint, order, its parcels, lines, parts; shelf: lock, places, ledger; parcel, what is in it, lines, event,
    # mail; what is left, parcels; order: lock, event, status; release
    with django_assert_num_queries(19):
        services.ship(order.pk)
