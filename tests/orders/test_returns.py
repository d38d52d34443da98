"""Returns by the services: who may give what back, until when, and what becomes of the goods."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core import mail
from django.utils import timezone

from catalog.exceptions import InsufficientStock
from catalog.models import Stock, StockMovement, Variant
from orders import cancelling, services
from orders.exceptions import ReplacementIndivisible, UnknownOrderItem
from orders.models import Order, OrderEvent
from orders.returns.exceptions import (
    ExchangeUnavailable,
    InvalidReturnTransition,
    ItemNamedTwice,
    ItemNotReturnable,
    NothingReceived,
    OrderNotReturnable,
    ReturnWindowOver,
    StoreCreditUnavailable,
    UnitsNotReturnable,
)
from orders.returns.models import Return, ReturnItem
from orders.returns.receiving import Arrival, receive_return
from orders.returns.services import ReturnLine, approve_return, cancel_return, reject_return, request_return
from orders.returns.settling import exchange_return
from orders.returns.states import move_return
from tests.catalog.inventory import warehouse
from tests.factories import ProductFactory, UserFactory, buy, place_order, variant_of
from tests.invariants import assert_stock_holds
from tests.orders.part_orders import phones_and_cables, units
from tests.orders.returned import arrivals, assert_units_hold, delivered, lines_of, received, requested
from tests.racing import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def order():
    return delivered()


def on_hand():
    return dict(Stock.objects.values_list("variant__sku", "on_hand"))


def notes(order):
    return list(order.events.values_list("note", flat=True))[4:]  # after delivered


# --- Asking ---------------------------------------------------------------------------------------------------


def test_return_names_its_units_and_is_in_the_timeline(order):
    made = request_return(
        order_id=order.pk, lines=lines_of(order, {"PHONE": 2}), reason="damaged", note="cracked", actor=order.user
    )

    assert (made.number, made.status, made.reason) == (f"{order.number}-R1", "requested", "damaged")
    assert (made.resolution, made.customer_note) == ("refund", "cracked")
    assert list(made.items.values_list("order_item__sku", "quantity", "received_quantity")) == [("PHONE", 2, 0)]
    event = order.events.last()
    assert (event.note, event.actor, event.to_status) == (
        f"return {made.number} requested: Damaged",
        order.user,
        "delivered",
    )
    assert requested(order, CABLE=1).number == f"{order.number}-R2"


def test_units_in_a_return_are_not_returned_again(order):
    requested(order, PHONE=2)

    with pytest.raises(UnitsNotReturnable) as refusal:
        requested(order, CABLE=3, PHONE=2)

    assert [(row.attr, row.detail) for row in refusal.value.rows] == [
        ("items.0.quantity", "Only 2 of CABLE can be returned."),
        ("items.1.quantity", "Only 1 of PHONE can be returned."),
    ]
    assert Return.objects.count() == 1


@pytest.mark.parametrize("end", [reject_return, cancel_return])
def test_units_of_a_return_that_came_to_nothing_can_be_returned(order, end):
    first = requested(order, PHONE=3)
    end(first.pk, note="no")

    assert requested(order, PHONE=3).status == "requested"


def test_units_that_did_not_come_can_be_returned_again(order):
    first = requested(order, PHONE=3)
    approve_return(first.pk)
    receive_return(first.pk, [Arrival(first.items.get().pk, 1)])

    assert requested(order, PHONE=2).status == "requested"
    with pytest.raises(UnitsNotReturnable):
        requested(order, PHONE=1)


def test_unshipped_units_are_not_returned():
    order = phones_and_cables()
    services.mark_paid(order.pk)
    with pytest.raises(UnitsNotReturnable):
        requested(order, PHONE=1)
    order.items.filter(sku="PHONE").update(shipped_quantity=1)

    assert requested(order, PHONE=1).status == "requested"


@pytest.mark.parametrize("change", [{"paid_at": None}, {"status": "cancelled"}, {"status": "refunded"}])
def test_order_that_was_not_paid_or_has_ended_is_not_returned(order, change):
    Order.objects.update(**change)

    with pytest.raises(OrderNotReturnable):
        requested(order, PHONE=1)

    assert not Return.objects.exists()


@pytest.mark.parametrize(("days", "reason", "in_time"), [
    (13, "changed_mind", True),
    (15, "changed_mind", False),
    (15, "other", False),
    (29, "damaged", True),
    (29, "wrong_item", True),
    (31, "not_as_described", False),
])  # fmt: skip
def test_time_to_return_depends_on_whose_fault_it_is(order, days, reason, in_time):
    OrderEvent.objects.filter(to_status="delivered").update(created_at=timezone.now() - timedelta(days=days))

    if in_time:
        requested(order, {"reason": reason}, PHONE=1)
    else:
        with pytest.raises(ReturnWindowOver):
            requested(order, {"reason": reason}, PHONE=1)
        requested(order, {"reason": reason, "is_late_allowed": True}, CABLE=1)

    assert Return.objects.count() == 1


def test_later_events_do_not_give_more_time(order):
    OrderEvent.objects.filter(to_status="delivered").update(created_at=timezone.now() - timedelta(days=20))
    services.note_event(order, "the customer has called")

    with pytest.raises(ReturnWindowOver):
        requested(order, PHONE=1)


def test_wrong_lines_are_named(order):
    other = delivered_download()
    item, foreign = lines_of(order, {"PHONE": 1})[0], other.items.get()

    with pytest.raises(UnknownOrderItem) as unknown:
        request_return(order_id=order.pk, lines=[ReturnLine(foreign.pk, 1, attr="items.0"), item], reason="other")
    with pytest.raises(ItemNamedTwice):
        request_return(order_id=order.pk, lines=[item, item], reason="other")
    with pytest.raises(ItemNotReturnable):
        request_return(order_id=other.pk, lines=[ReturnLine(foreign.pk, 1)], reason="other")

    assert [row.attr for row in unknown.value.rows] == ["items.0.item_id"]
    assert not Return.objects.exists()


def delivered_download():
    return services.mark_paid(place_order(UserFactory(), ProductFactory(kind="digital", sku="EBOOK")).pk)


@pytest.mark.parametrize("is_guest", [False, True])
def test_credit_is_refused_where_there_is_none_to_give(order, monkeypatch, is_guest):
    if is_guest:
        Order.objects.update(user=None)
    else:
        monkeypatch.setattr("orders.hooks.give_credit", [])

    with pytest.raises(StoreCreditUnavailable):
        requested(order, {"resolution": "store_credit"}, PHONE=1)

    assert not Return.objects.exists()


# --- Deciding -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("current", Return.Status.values)
@pytest.mark.parametrize("target", Return.Status.values)
def test_every_pair_of_states_follows_the_table(order, current, target):
    made = requested(order, PHONE=1)
    extra = {"refund_amount": Decimal("1.00") if "refunded" in (current, target) else None}
    made.status = current
    made.replacement = delivered_replacement(order) if target == "exchanged" else None

    if target in Return.TRANSITIONS[current]:
        made.refund_amount = extra["refund_amount"]
        move_return(made, Return.Status(target), actor=None)
        assert Return.objects.get().status == target
    else:
        with pytest.raises(InvalidReturnTransition) as refusal:
            move_return(made, Return.Status(target), actor=None)
        assert refusal.value.extra == {"status": current, "allowed": sorted(Return.TRANSITIONS[current])}
        assert Return.objects.get().status == "requested"


def delivered_replacement(order):
    return Order.objects.create(
        user=order.user, currency="KES", subtotal=0, tax=0, shipping=0, discount=0, total_amount=0
    )


def test_customer_is_told_of_the_decision(order, run_owed_work):
    first, second = requested(order, PHONE=1), requested(order, CABLE=1)

    approve_return(first.pk, note="Use the old box.")
    reject_return(second.pk, note="It was opened.")
    run_owed_work()

    approved, rejected = mail.outbox[-2:]
    assert approved.to == rejected.to == [order.email]
    assert approved.subject == f"Send us the goods of return {first.number}"
    assert "1 × Product" in approved.body
    assert "Use the old box." in approved.body
    assert rejected.subject == f"Your return {second.number} is not accepted"
    assert "It was opened." in rejected.body
    first.refresh_from_db()
    assert (first.status, first.send_by - first.approved_at) == ("approved", timedelta(days=14))
    second.refresh_from_db()
    assert (second.status, second.ended_at is not None) == ("rejected", True)


# --- Goods arrive ---------------------------------------------------------------------------------------------


def test_goods_that_arrive_lie_in_their_warehouse_and_are_for_sale(order):
    mombasa = warehouse(code="MSA")
    made = requested(order, PHONE=2)
    approve_return(made.pk)

    receive_return(made.pk, arrivals(made, condition="unopened", warehouse=mombasa), actor=order.user)

    movement = StockMovement.objects.get(kind="return")
    assert (movement.available_change, movement.on_hand_change, movement.warehouse) == (2, 2, mombasa)
    assert (movement.reason, movement.actor) == (f"return {made.number}", order.user)
    item = ReturnItem.objects.get()
    assert (item.received_quantity, item.amount, item.condition) == (2, Decimal("19933.33"), "unopened")
    assert (item.restock, item.warehouse, item.order_item.returned_quantity) == (True, mombasa, 2)
    assert on_hand() == {"PHONE": 9, "CABLE": 8}
    assert_stock_holds()
    assert_units_hold()


def test_written_off_goods_are_returned_and_not_for_sale(order):
    made = requested(order, PHONE=1)
    approve_return(made.pk)

    receive_return(made.pk, arrivals(made, restock=False, condition="damaged"))

    assert order.items.get(sku="PHONE").returned_quantity == 1
    assert on_hand() == {"PHONE": 7, "CABLE": 8}
    assert not StockMovement.objects.filter(kind="return").exists()
    assert_units_hold()


def test_one_line_comes_back_in_several_returns(order):
    worth = [received(order, PHONE=1).items.get().amount for _ in range(3)]

    assert worth == [Decimal("9966.67"), Decimal("9966.66"), Decimal("9966.67")]
    assert sum(worth) == Decimal("29900.00")
    assert list(StockMovement.objects.filter(kind="return").order_by("part").values_list("part", flat=True)) == [
        0,
        1,
        2,
    ]
    assert on_hand() == {"PHONE": 10, "CABLE": 8}
    assert_units_hold()


def test_units_are_worth_what_is_left_after_cancelled_ones():
    order = phones_and_cables()
    cancelling.cancel_units(order.pk, units(order, PHONE=1))  # unpaid: 66.67 off two phones are left
    services.mark_paid(order.pk)
    services.ship_order(order.pk)

    worth = [received(order, PHONE=1).items.get().amount for _ in range(2)]

    assert worth == [Decimal("9966.66"), Decimal("9966.67")]
    assert_units_hold()


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ([Arrival(uuid4(), 1)], UnknownOrderItem),
        ("more", UnitsNotReturnable),
        ("twice", ItemNamedTwice),
        ("none", NothingReceived),
    ],
)
def test_wrong_arrivals_change_nothing(order, wrong, refusal):
    made = requested(order, PHONE=1)
    approve_return(made.pk)
    item = made.items.get()
    named = {"more": [Arrival(item.pk, 2)], "twice": [Arrival(item.pk, 1)] * 2, "none": []}

    with pytest.raises(refusal):
        receive_return(made.pk, named.get(wrong, wrong) if isinstance(wrong, str) else wrong)

    made.refresh_from_db()
    assert (made.status, order.items.get(sku="PHONE").returned_quantity) == ("approved", 0)
    assert on_hand() == {"PHONE": 7, "CABLE": 8}


def test_goods_of_a_return_that_is_not_approved_are_not_taken_in(order):
    made = requested(order, PHONE=1)

    with pytest.raises(InvalidReturnTransition):
        receive_return(made.pk, arrivals(made))

    assert on_hand() == {"PHONE": 7, "CABLE": 8}


# --- Exchanges ------------------------------------------------------------------------------------------------


def test_same_goods_again_make_an_order_that_costs_nothing(order):
    made = received(order, {"resolution": "exchange", "reason": "damaged"}, PHONE=2)
    Variant.objects.filter(sku="PHONE").update(price="99999.00")  # whatever it costs now

    exchange_return(made.pk, actor=order.user)

    made.refresh_from_db()
    replacement = made.replacement
    assert (made.status, replacement.exchange_of) == ("exchanged", made)
    assert (replacement.status, replacement.user, replacement.email) == ("paid", order.user, order.email)
    assert (replacement.subtotal, replacement.total_amount) == (Decimal("20000.00"), Decimal("0.00"))
    assert list(replacement.items.values_list("sku", "quantity", "price")) == [("PHONE", 2, Decimal("10000.00"))]
    assert Stock.objects.get(variant__sku="PHONE").available == 7
    assert notes(order)[-1] == f"return {made.number} exchanged: by order {replacement.number}"
    assert_stock_holds()
    assert_units_hold()


def test_other_goods_of_the_same_price_are_given(order):
    blue = variant_of(ProductFactory(price=Decimal("10000.00"), sku="BLUE"))
    line = lines_of(order, {"PHONE": 1})[0]
    wanted = [ReturnLine(line.item_id, 1, exchange_variant_id=blue.pk)]
    made = request_return(order_id=order.pk, lines=wanted, reason="other", resolution="exchange")
    approve_return(made.pk)
    receive_return(made.pk, arrivals(made))

    exchange_return(made.pk)

    assert Return.objects.get().replacement.items.get().sku == "BLUE"
    assert Stock.objects.get(variant=blue).available == 9


@pytest.mark.parametrize("price", ["9999.00", "10000.01"])
def test_goods_of_another_price_are_not_given_to_a_guest(order, price):
    other = variant_of(ProductFactory(price=Decimal(price), sku="OTHER"))
    Order.objects.update(user=None, email="guest@example.com")  # without an account nobody can be credited
    line = lines_of(order, {"PHONE": 1})[0]
    wanted = [ReturnLine(line.item_id, 1, exchange_variant_id=other.pk, attr="items.0")]

    with pytest.raises(ExchangeUnavailable) as refusal:
        request_return(order_id=order.pk, lines=wanted, reason="other", resolution="exchange")

    assert [row.attr for row in refusal.value.rows] == ["items.0.exchange_variant_id"]
    assert not Return.objects.exists()


def test_exchange_that_is_out_of_stock_changes_nothing(order):
    made = received(order, {"resolution": "exchange"}, PHONE=2)
    buyer = UserFactory()
    buy(buyer, Variant.objects.get(sku="PHONE").product, quantity=8)

    with pytest.raises(InsufficientStock):
        exchange_return(made.pk)

    made.refresh_from_db()
    assert (made.status, made.replacement, Order.objects.count()) == ("received", None, 2)
    assert_stock_holds()


def test_return_for_money_is_not_exchanged(order):
    made = received(order, PHONE=1)

    with pytest.raises(ExchangeUnavailable):
        exchange_return(made.pk)

    assert Return.objects.get().status == "received"


def test_replacement_is_cancelled_as_a_whole_or_not_at_all(order):
    made = received(order, {"resolution": "exchange"}, PHONE=2)
    exchange_return(made.pk)
    replacement = Return.objects.get().replacement

    with pytest.raises(ReplacementIndivisible):
        cancelling.cancel_units(replacement.pk, units(replacement, PHONE=1))

    assert replacement.items.get().cancelled_quantity == 0


# --- At the same time -----------------------------------------------------------------------------------------


def outcome(action):
    try:
        return action().status
    except (UnitsNotReturnable, InvalidReturnTransition) as refusal:
        return refusal.code


@pytest.mark.django_db(transaction=True)
def test_same_unit_asked_for_at_once_is_in_one_return(order):
    results = at_once([lambda: outcome(lambda: requested(order, CABLE=2)) for _ in range(6)])

    assert sorted(results) == ["requested"] + ["units_not_returnable"] * 5
    assert Return.objects.count() == 1
    assert_units_hold()


@pytest.mark.django_db(transaction=True)
def test_goods_received_at_once_come_once(order):
    made = requested(order, PHONE=3)
    approve_return(made.pk)

    results = at_once([lambda: outcome(lambda: receive_return(made.pk, arrivals(made))) for _ in range(6)])

    assert sorted(results) == ["invalid_return_transition"] * 5 + ["received"]
    assert on_hand() == {"PHONE": 10, "CABLE": 8}
    assert_stock_holds()
    assert_units_hold()


@pytest.mark.django_db(transaction=True)
def test_cancelled_against_received_ends_in_one_of_the_two(order):
    made = requested(order, PHONE=1)
    approve_return(made.pk)

    results = at_once(
        [
            lambda: outcome(lambda: cancel_return(made.pk)),
            lambda: outcome(lambda: receive_return(made.pk, arrivals(made))),
        ]
    )

    status = Return.objects.get().status
    assert sorted(results) == sorted([status, "invalid_return_transition"])
    assert on_hand()["PHONE"] == (8 if status == "received" else 7)
    assert_units_hold()
