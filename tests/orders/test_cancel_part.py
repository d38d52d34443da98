"""Cancelling some units: their stock and their money come back, the rest goes on as it was."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from catalog.models import Stock, StockMovement
from orders import cancelling, placing, services
from orders.cancelling import UnitsInput
from orders.exceptions import InvalidOrderTransition, NothingLeftToPay, OrderBeingPaid, UnitsNotOpen
from orders.fulfilment.exceptions import PartlyShipped
from orders.lines import ItemInput
from orders.models import Order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory
from tests.invariants import assert_stock_holds
from tests.orders.part_orders import VAT, ask, asked, charge, phones_and_cables, post, units
from tests.racing import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def order():
    return phones_and_cables()


def cancel(order, **wanted):
    return cancelling.cancel_units(order.pk, units(order, **wanted))


def sums(order):
    order.refresh_from_db()
    return tuple(str(amount) for amount in (order.subtotal, order.discount, order.shipping, order.total_amount))


def lines(order):
    fields = ("sku", "quantity", "cancelled_quantity", "uncharged_quantity", "shipped_quantity")
    return list(order.items.values_list(*fields))


def available():
    return dict(Stock.objects.values_list("variant__sku", "available"))


UNTOUCHED = [("PHONE", 3, 0, 0, 0), ("CABLE", 2, 0, 0, 0)]


def test_unpaid_order_costs_less_without_its_cancelled_units(order):
    cancel(order, PHONE=1, CABLE=1)

    assert sums(order) == ("20099.99", "66.67", "300.00", "20333.32")
    assert order.tax == (order.total_amount * VAT / (1 + VAT)).quantize(Decimal("0.01"))
    assert sum((item.tax for item in order.items.all()), order.shipping_tax) == order.tax
    assert order.status == "pending"
    assert lines(order) == [("PHONE", 3, 1, 1, 0), ("CABLE", 2, 1, 1, 0)]
    assert available() == {"PHONE": 8, "CABLE": 9}
    assert_stock_holds()


def test_discount_shrinks_with_every_unit_and_never_leaves_a_rest(order):
    cancel(order, PHONE=1)
    cancel(order, PHONE=1)
    assert sums(order) == ("10199.98", "33.33", "300.00", "10466.65")

    cancel(order, PHONE=1)

    assert sums(order) == ("199.98", "0.00", "300.00", "499.98")
    assert order.items.get(sku="PHONE").tax == 0


def test_tax_on_top_is_computed_anew(order):
    Order.objects.filter(pk=order.pk).update(
        prices_include_tax=False, tax="4880.00", total_amount=order.total_amount + Decimal("4880.00")
    )

    cancel(order, PHONE=2, CABLE=2)

    order.refresh_from_db()
    assert (order.tax, order.total_amount) == (Decimal("1642.67"), Decimal("11909.34"))  # 16 % of 10,266.67


def test_cancelled_units_are_told_in_the_timeline(order):
    cancelling.cancel_units(order.pk, units(order, PHONE=2), actor=order.user, note="too many")

    event = order.events.last()
    assert (event.from_status, event.to_status, event.actor) == ("pending", "pending", order.user)
    assert event.note == "2 × PHONE cancelled: too many"


def test_last_unit_cancels_the_order(order):
    cancel(order, PHONE=3, CABLE=1)
    cancel(order, CABLE=1)

    order.refresh_from_db()
    assert (order.status, order.reserved_until) == ("cancelled", None)
    assert available() == {"PHONE": 10, "CABLE": 10}
    assert_stock_holds()


def test_rest_of_a_partly_cancelled_order_is_cancelled_once(order):
    cancel(order, PHONE=1)
    cancel(order, PHONE=1)

    services.cancel_order(order.pk)

    released = StockMovement.objects.filter(kind="release").order_by("variant__sku", "part")
    assert list(released.values_list("variant__sku", "available_change", "part")) == [
        ("CABLE", 2, 0),
        ("PHONE", 1, 0),
        ("PHONE", 1, 1),
        ("PHONE", 1, 2),
    ]
    assert available() == {"PHONE": 10, "CABLE": 10}
    assert_stock_holds()


def test_rest_of_a_partly_cancelled_order_is_shipped(order):
    cancel(order, PHONE=1)
    services.mark_paid(order.pk)

    services.ship_order(order.pk)

    assert lines(order) == [("PHONE", 3, 1, 1, 2), ("CABLE", 2, 0, 0, 2)]
    assert dict(Stock.objects.values_list("variant__sku", "on_hand")) == {"PHONE": 8, "CABLE": 8}
    assert_stock_holds()


def test_more_than_is_open_is_refused_and_every_line_named(order):
    cancel(order, PHONE=2)
    before = sums(order)

    with pytest.raises(UnitsNotOpen) as refusal:
        cancelling.cancel_units(
            order.pk, [*units(order, CABLE=1, PHONE=2), UnitsInput(units(order, CABLE=1)[0].item_id, 2, "items.2")]
        )

    assert [(row.attr, row.detail) for row in refusal.value.rows] == [
        ("items.1.quantity", "Only 1 of PHONE can be cancelled."),
        ("items.2.quantity", "Only 2 of CABLE can be cancelled."),
    ]
    assert (sums(order), available()) == (before, {"PHONE": 9, "CABLE": 8})


def test_unpaid_order_with_an_open_payment_is_left_alone(order):
    before = sums(order)
    Order.objects.update(payment_open=True)

    with pytest.raises(OrderBeingPaid):
        cancel(order, PHONE=1)

    assert (sums(order), lines(order), available()) == (before, UNTOUCHED, {"PHONE": 7, "CABLE": 8})


def test_order_that_would_cost_nothing_is_cancelled_as_a_whole_or_not(order):
    charge(order, discounts={"CABLE": "199.98"})
    before = sums(order)

    with pytest.raises(NothingLeftToPay):
        cancel(order, PHONE=3)

    assert (sums(order), lines(order), available()) == (before, UNTOUCHED, {"PHONE": 7, "CABLE": 8})


@pytest.mark.parametrize("status", ["shipped", "delivered", "cancelled", "refunded"])
def test_units_of_an_order_that_is_over_are_not_cancelled(order, status):
    Order.objects.update(status=status)

    with pytest.raises(InvalidOrderTransition):
        cancel(order, PHONE=1)

    assert (lines(order), available()) == (UNTOUCHED, {"PHONE": 7, "CABLE": 8})


def ship_some(order, sku, quantity):
    order.items.filter(sku=sku).update(shipped_quantity=quantity)


def test_partly_shipped_order_is_cancelled_only_in_what_is_left(order):
    services.mark_paid(order.pk)
    ship_some(order, "PHONE", 1)

    with pytest.raises(PartlyShipped):
        services.cancel_order(order.pk)
    with pytest.raises(UnitsNotOpen):
        cancel(order, PHONE=3)
    assert (available(), order.items.filter(cancelled_quantity__gt=0).count()) == ({"PHONE": 7, "CABLE": 8}, 0)

    cancel(order, PHONE=2, CABLE=2)

    order.refresh_from_db()
    assert (order.status, available()) == ("shipped", {"PHONE": 9, "CABLE": 10})


# --- Over HTTP ------------------------------------------------------------------------------------------------


def test_owner_cancels_one_unit(order):
    answer = ask(client_for(order.user), order, reason="one too many", PHONE=1)

    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["total_amount"]) == ("pending", "20433.31")
    assert [(i["sku"], i["quantity"], i["cancelled_quantity"], i["line_total"]) for i in body["items"]] == [
        ("PHONE", 3, 1, "20000.00"),
        ("CABLE", 2, 0, "199.98"),
    ]
    assert order.events.last().note == "1 × PHONE cancelled: one too many"


def test_same_key_cancels_once(order):
    client = client_for(order.user)

    answers = [ask(client, order, key="k", PHONE=1) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert available() == {"PHONE": 8, "CABLE": 8}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], ("empty", "items")),
        ("all", ("not_a_list", "items")),
        ([{"quantity": 1}], ("required", "items.0.item_id")),
        ([{"item_id": str(uuid4()), "quantity": 1}], ("unknown_order_item", "items.0.item_id")),
        ([{"item_id": str(uuid4()), "quantity": 0}], ("min_value", "items.0.quantity")),
        ([{"item_id": str(uuid4()), "quantity": True}], ("invalid", "items.0.quantity")),
        ([{"item_id": str(uuid4()), "quantity": 1}] * 101, ("max_length", "items")),
    ],
)
def test_wrong_items_are_named(order, items, expected):
    answer = post(client_for(order.user), order, {"items": items})

    row = answer.json()["errors"][0]
    assert (answer.status_code, row["code"], row["attr"]) == (400, *expected)
    assert (lines(order), available()) == (UNTOUCHED, {"PHONE": 7, "CABLE": 8})


def test_lines_of_another_order_are_unknown(order):
    mine = placing.place_order(
        user=order.user, items=[ItemInput(quantity=1, product_id=ProductFactory(sku="OTHER").pk)]
    )

    answer = post(client_for(order.user), mine, {"items": asked(order, PHONE=1)})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_order_item")
    assert lines(order) == UNTOUCHED


def test_nobody_else_cancels_units(order):
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_order"))

    codes = [ask(client_for(who), order, PHONE=1).status_code for who in (None, UserFactory(), clerk)]

    assert codes == [401, 404, 403]
    assert (lines(order), available()) == (UNTOUCHED, {"PHONE": 7, "CABLE": 8})


def test_staff_with_the_right_cancel_units_for_others(order):
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=("view_order", "change_order")))

    assert ask(client_for(clerk), order, PHONE=1).status_code == 200
    assert order.events.last().actor == clerk


# --- At the same time -----------------------------------------------------------------------------------------


def attempt_to(action):
    try:
        return action().status
    except (InvalidOrderTransition, UnitsNotOpen) as refusal:
        return refusal.code


@pytest.mark.django_db(transaction=True)
def test_same_units_cancelled_at_once_come_back_once(order):
    results = at_once([lambda: attempt_to(lambda: cancel(order, PHONE=2)) for _ in range(4)])

    assert sorted(results) == ["pending", "units_not_open", "units_not_open", "units_not_open"]
    assert (lines(order)[0], available()["PHONE"]) == (("PHONE", 3, 2, 2, 0), 9)
    assert_stock_holds()


@pytest.mark.django_db(transaction=True)
def test_part_cancelled_against_shipping_is_never_both(order):
    services.mark_paid(order.pk)

    results = at_once(
        [
            lambda: attempt_to(lambda: cancel(order, PHONE=1)),
            lambda: attempt_to(lambda: services.ship_order(order.pk)),
        ]
    )

    cancelled = results[0] == "paid"
    assert results == (["paid", "shipped"] if cancelled else ["invalid_order_transition", "shipped"])
    assert lines(order)[0] == ("PHONE", 3, int(cancelled), 0, 3 - cancelled)
    stock = Stock.objects.get(variant__sku="PHONE")
    assert (stock.available, stock.on_hand) == (7 + cancelled, 7 + cancelled)
    assert_stock_holds()
