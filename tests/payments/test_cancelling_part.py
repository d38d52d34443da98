"""Units of a paid order that are cancelled: their worth goes back, once, and never more than was paid."""

from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from catalog.models import Stock
from orders import cancelling, services
from orders.exceptions import InvalidOrderTransition, OrderBeingPaid, UnitsNotOpen
from payments import refunds
from payments.exceptions import OrderPartlyPaid, RefundInProgress
from payments.models import Payment, PaymentAttempt, Refund, RefundLine
from payments.providers.base import TransferResult, Verdict
from tests.clients import client_for
from tests.invariants import assert_stock_holds
from tests.orders.part_orders import ask, phones_and_cables, units
from tests.payments.by_hand import collect, rider_client, start_by_hand
from tests.payments.gift_cards import code_of, gift_card, left_on
from tests.payments.test_ledger import balances, check_books
from tests.racing import at_once

pytestmark = pytest.mark.django_db

TOTAL = Decimal("30399.98")  # three phones, two cables, 100.00 off, 300.00 for shipping


@pytest.fixture(autouse=True)
def by_hand(settings):
    settings.PAYMENT_PROVIDERS = ["mpesa", "manual"]


@pytest.fixture
def order():
    return phones_and_cables()


@pytest.fixture
def paid(order):
    return pay(order)


def pay(order):
    """Pay an order by cash, all at once."""
    order.refresh_from_db()
    start_by_hand(order)
    assert collect(rider_client(), order, amount=str(order.total_amount)).status_code in (200, 201)
    order.refresh_from_db()
    return order


def cancel(order, **wanted):
    return cancelling.cancel_units(order.pk, units(order, **wanted))


def settle(verdict=Verdict.SUCCEEDED):
    """Let every open refund end as the provider says."""
    for refund in Refund.objects.filter(status__in=Refund.OPEN):
        refunds.settle_refund(refund.pk, TransferResult(verdict=verdict), source="staff")


def given_back():
    return list(Refund.objects.order_by("created_at").values_list("payment_amount", flat=True))


def test_worth_of_cancelled_units_goes_back(paid):
    answer = ask(client_for(paid.user), paid, PHONE=1, CABLE=1)

    assert (answer.status_code, answer.json()["total_amount"]) == (200, str(TOTAL))
    refund = Refund.objects.get()
    assert (refund.payment_amount, refund.cause, refund.requested_by) == (
        Decimal("10066.66"),  # 10,000.00 less 33.33, and 99.99
        "units_back",
        paid.user,
    )
    assert sorted(RefundLine.objects.values_list("order_item__sku", "quantity", "amount")) == [
        ("CABLE", 1, Decimal("99.99")),
        ("PHONE", 1, Decimal("9966.67")),
    ]
    settle()
    paid.refresh_from_db()
    assert (paid.status, Payment.objects.get().status) == ("paid", "partially_refunded")
    assert dict(Stock.objects.values_list("variant__sku", "available")) == {"PHONE": 8, "CABLE": 9}
    assert_stock_holds()
    check_books()


def test_everything_cancelled_in_parts_is_everything_paid_back(paid):
    for wanted in ({"PHONE": 1}, {"CABLE": 1}, {"PHONE": 2}, {"CABLE": 1}):
        cancel(paid, **wanted)
        settle()

    paid.refresh_from_db()
    assert given_back() == [Decimal("9966.67"), Decimal("99.99"), Decimal("19933.33"), Decimal("399.99")]
    assert sum(given_back()) == TOTAL
    assert (paid.status, Payment.objects.get().status) == ("cancelled", "refunded")
    assert balances() == {}
    assert_stock_holds()
    check_books()


def test_nothing_is_cancelled_while_an_earlier_refund_is_under_way(paid):
    cancel(paid, PHONE=1)

    answer = ask(client_for(paid.user), paid, PHONE=1)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "refund_in_progress")
    assert paid.items.get(sku="PHONE").cancelled_quantity == 1
    assert (Refund.objects.count(), paid.events.count()) == (1, 3)
    assert Stock.objects.get(variant__sku="PHONE").available == 8
    check_books()


def test_what_went_back_as_a_kindness_does_not_go_back_again(paid):
    refunds.refund_payment(
        payment_id=paid.payment.pk, amount=TOTAL - Decimal("5000.00"), reason="a long wait", actor=None
    )
    settle()

    cancel(paid, PHONE=1)
    cancel(paid, CABLE=2)

    assert given_back() == [TOTAL - Decimal("5000.00"), Decimal("5000.00")]
    assert paid.items.get(sku="CABLE").cancelled_quantity == 2
    check_books()


def test_refund_that_fails_is_seen(paid):
    cancel(paid, PHONE=1)

    settle(Verdict.FAILED)

    assert Payment.objects.get().needs_refund
    check_books()


def test_payment_of_an_unpaid_order_follows_its_total(order):
    attempt = start_by_hand(order)
    with pytest.raises(OrderBeingPaid):
        cancel(order, PHONE=1)
    assert (Payment.objects.get().amount, PaymentAttempt.objects.get().status) == (TOTAL, "pending")
    PaymentAttempt.objects.filter(pk=attempt.pk).update(status="failed")
    type(order).objects.update(payment_open=False, pay_on_delivery=False)

    cancel(order, PHONE=1)

    assert Payment.objects.get().amount == Decimal("20433.31")
    order.refresh_from_db()
    pay(order)
    assert (order.status, Payment.objects.get().status) == ("paid", "successful")
    check_books()


def test_units_dropped_before_the_payment_are_not_paid_back(order):
    cancel(order, PHONE=1)
    pay(order)

    cancel(order, PHONE=2)
    settle()
    cancel(order, CABLE=2)
    settle()

    order.refresh_from_db()
    assert given_back() == [Decimal("19933.33"), Decimal("499.98")]
    assert (order.status, sum(given_back())) == ("cancelled", order.total_amount)
    check_books()


@given(st.permutations(["PHONE"] * 3 + ["CABLE"] * 2), st.integers(0, 2), st.data())
@hypothesis_settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_sum_of_refunds_is_never_more_than_was_paid_and_all_of_it_in_the_end(steps, before, data):
    with transaction.atomic():
        order = phones_and_cables()
        for sku in steps[:before]:  # they go before it is paid
            cancel(order, **{sku: 1})
        pay(order)
        left = steps[before:]
        while left:
            together = data.draw(st.integers(1, len(left)))
            taken, left = left[:together], left[together:]
            cancel(order, **{sku: taken.count(sku) for sku in set(taken)})
            settle()
            assert sum(given_back()) <= order.total_amount

        order.refresh_from_db()
        assert (sum(given_back()), order.status) == (order.total_amount, "cancelled")
        check_books()
        transaction.set_rollback(True)


def attempt_to(action):
    try:
        return action().status
    except (InvalidOrderTransition, UnitsNotOpen, RefundInProgress) as refusal:
        return refusal.code


@pytest.mark.django_db(transaction=True)
def test_part_cancelled_ten_times_at_once_pays_back_once(paid):
    results = at_once([lambda: attempt_to(lambda: cancel(paid, PHONE=3)) for _ in range(10)])

    assert sorted(results) == ["paid"] + ["units_not_open"] * 9
    assert given_back() == [Decimal("29900.00")]
    assert_stock_holds()
    check_books()


@pytest.mark.django_db(transaction=True)
def test_part_cancelled_against_the_whole_pays_back_what_was_paid_at_most(paid):
    results = at_once(
        [
            lambda: attempt_to(lambda: cancel(paid, PHONE=1)),
            lambda: attempt_to(lambda: services.cancel_order(paid.pk)),
        ]
    )

    assert results in (["paid", "refund_in_progress"], ["invalid_order_transition", "cancelled"])
    assert given_back() == [Decimal("9966.67") if results[0] == "paid" else TOTAL]
    assert_stock_holds()
    check_books()


def test_order_that_is_partly_paid_is_not_made_cheaper(order):
    card = gift_card("29000.00")
    client_for(order.user).post(
        "/api/payments/", {"order_id": str(order.pk), "method": "gift_card", "code": code_of(card)}
    )
    assert left_on(card) == 0
    before = order.total_amount

    with pytest.raises(OrderPartlyPaid):
        cancel(order, PHONE=2)

    order.refresh_from_db()
    assert (order.total_amount, Payment.objects.get().amount) == (before, before)
    services.cancel_order(order.pk)
    assert left_on(card) == Decimal("29000.00")
    check_books()
