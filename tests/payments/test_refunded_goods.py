"""A paid order whose money has all gone back: what of it has not left is for sale again, exactly once."""

from decimal import Decimal

import pytest

from catalog.models import StockMovement
from orders import cancelling
from orders.exceptions import InvalidOrderTransition
from orders.fulfilment.services import ShipLine, record_event, ship
from orders.models import Order
from payments import refunds
from payments.credit import spending
from payments.models import Payment, Refund
from payments.providers.base import TransferResult, Verdict
from tests.factories import ProductFactory, UserFactory, place_order
from tests.invariants import assert_orders_hold, assert_stock_holds
from tests.orders.part_orders import phones_and_cables, units
from tests.payments.by_hand import collect, rider_client, start_by_hand
from tests.payments.gift_cards import code_of, gift_card
from tests.payments.test_ledger import check_books
from tests.racing import at_once


@pytest.fixture(autouse=True)
def by_hand(settings):
    settings.PAYMENT_PROVIDERS = ["mpesa", "manual"]


@pytest.fixture
def order(db):
    """Three phones and two cables of ten each, paid in cash."""
    order = phones_and_cables()
    start_by_hand(order)
    assert collect(rider_client(), order, amount=str(order.total_amount)).status_code in (200, 201)
    return order


def refund(order, amount=None):
    payment = Payment.objects.get(order=order)
    wanted = None if amount is None else Decimal(amount)
    return refunds.refund_payment(payment_id=payment.pk, amount=wanted, reason="out of stock", actor=None)


def settle(made):
    for each in made:
        refunds.settle_refund(each.pk, TransferResult(verdict=Verdict.SUCCEEDED), source="staff")


def ship_some(order, **wanted):
    return ship(order.pk, lines=[ShipLine(one.item_id, one.quantity) for one in units(order, **wanted)])


def state(order):
    """The order's status, and of each line how many units are cancelled, shipped, and for sale."""
    order = Order.objects.get(pk=order.pk)
    lines = order.items.order_by("position")
    return order.status, list(
        lines.values_list("cancelled_quantity", "shipped_quantity", "variant__stock_level__available")
    )


def all_hold():
    check_books()
    assert_stock_holds()
    assert_orders_hold()


def test_units_wait_until_the_money_has_gone(order):
    made = refund(order)
    assert state(order) == ("paid", [(0, 0, 7), (0, 0, 8)])

    settle(made)

    assert state(order) == ("refunded", [(3, 0, 10), (2, 0, 10)])
    assert order.events.last().note == "paid back in full"
    all_hold()


def test_what_was_shipped_stays_shipped(order):
    parcel = ship_some(order, PHONE=2)

    settle(refund(order))
    record_event(parcel.pk, status="delivered")

    assert state(order) == ("refunded", [(1, 2, 8), (2, 0, 10)])
    with pytest.raises(InvalidOrderTransition):
        ship_some(order, CABLE=1)
    assert order.shipments.count() == 1
    all_hold()


def test_units_that_were_cancelled_before_come_back_once(order):
    cancelling.cancel_units(order.pk, units(order, PHONE=1))
    settle(Refund.objects.all())

    settle(refund(order))

    assert state(order) == ("refunded", [(3, 0, 10), (2, 0, 10)])
    released = StockMovement.objects.filter(kind="release").order_by("id")
    assert list(released.values_list("available_change", "part")) == [(1, 0), (2, 1), (2, 0)]
    all_hold()


def test_part_of_the_money_releases_nothing(order):
    settle(refund(order, "1000.00"))

    assert state(order) == ("paid", [(0, 0, 7), (0, 0, 8)])
    all_hold()


def test_delivered_order_keeps_what_was_delivered(order):
    record_event(ship(order.pk).pk, status="delivered")

    settle(refund(order))

    assert state(order) == ("refunded", [(0, 3, 7), (0, 2, 8)])
    all_hold()


def test_result_that_comes_twice_releases_once(order):
    made = refund(order)

    settle(made * 2)

    assert state(order) == ("refunded", [(3, 0, 10), (2, 0, 10)])
    all_hold()


def test_order_paid_by_gift_card_is_released_at_once(db):
    order = place_order(UserFactory(), ProductFactory(price=Decimal("500.00"), stock=4), quantity=3)
    spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(gift_card("1500.00")))

    refund(order)

    assert state(order) == ("refunded", [(3, 0, 4)])
    all_hold()


@pytest.mark.django_db(transaction=True)
def test_refunds_and_cancellings_of_one_card_at_once_do_not_wait_in_a_circle():
    products = [ProductFactory(price=Decimal("100.00"), stock=20) for _ in range(2)]
    card, user = gift_card("1600.00"), UserFactory()
    orders = [place_order(user, products[number % 2], quantity=2) for number in range(8)]
    for order in orders:
        spending.spend_gift_card(user=user, order_id=order.pk, code=code_of(card))

    at_once(
        [
            (lambda pk=order.pk: cancelling.services.cancel_order(pk)) if number < 4 else (lambda o=order: refund(o))
            for number, order in enumerate(orders)
        ]
    )

    assert list(Order.objects.order_by("created_at").values_list("status", flat=True)) == (
        ["cancelled"] * 4 + ["refunded"] * 4
    )
    assert [state(order)[1] for order in orders] == [[(2, 0, 20)]] * 8
    all_hold()
