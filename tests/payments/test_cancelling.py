"""Cancelling an order that was paid, in whole or in part, or that waits for cash: what was paid goes back, once."""

import json
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission

from catalog.models import Stock
from ecommerce.models import OutboxMessage
from orders import services as order_services
from orders.exceptions import InvalidOrderTransition, OrderBeingPaid
from orders.models import Order
from payments import refunds
from payments.exceptions import RefundInProgress
from payments.models import Payment, PaymentAttempt, Refund
from payments.providers.base import TransferResult, Verdict
from payments.providers.mpesa import MpesaProvider
from payments.settlement import settle
from tests.clients import client_for
from tests.factories import UserFactory
from tests.invariants import assert_stock_holds
from tests.payments.by_hand import BANK, CASH, collect, rider_client, start_by_hand
from tests.payments.daraja import stk_callback
from tests.payments.test_ledger import balances, check_books
from tests.racing import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def by_hand(settings):
    settings.PAYMENT_PROVIDERS = ["mpesa", "manual"]
    settings.MANUAL = settings.MANUAL | {"BANK_INSTRUCTIONS": "Equity Bank 0123456789"}


def pay(attempt):
    settle(attempt.pk, MpesaProvider().parse_callback(json.dumps(stk_callback()).encode()), source="callback")


@pytest.fixture
def paid(order, attempt) -> Order:
    """An order of KES 1,500 that was paid by M-Pesa."""
    pay(attempt)
    order.refresh_from_db()
    return order


def cancel(client, order):
    return client.post(f"/api/orders/{order.pk}/cancel/")


def state(order):
    payment = Payment.objects.get(order=order)
    order.refresh_from_db()
    return order.status, payment.status, payment.needs_refund


def attempt_to(action):
    try:
        return action().status
    except (InvalidOrderTransition, OrderBeingPaid, RefundInProgress) as refusal:
        return refusal.code


def test_owner_who_cancels_a_paid_order_gets_the_money_and_the_shop_its_goods(paid):
    answer = cancel(client_for(paid.user), paid)

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    refund = Refund.objects.get()
    assert (refund.amount, refund.payment_amount, refund.cause, refund.status) == (
        Decimal("1500.00"),
        Decimal("1500.00"),
        "order_cancelled",
        "created",
    )
    assert (refund.requested_by, refund.reason) == (paid.user, "cancelled by request")
    assert OutboxMessage.objects.filter(topic="payments.send_refund").count() == 1
    assert state(paid) == ("cancelled", "successful", False)
    assert Stock.objects.get().available == 10
    assert_stock_holds()
    check_books()


def test_order_stays_cancelled_when_its_money_has_gone_back(paid):
    order_services.cancel_order(paid.pk)

    refunds.settle_refund(Refund.objects.get().pk, TransferResult(verdict=Verdict.SUCCEEDED), source="callback")

    assert state(paid) == ("cancelled", "refunded", False)
    assert balances() == {}
    check_books()


def test_refund_of_a_cancelled_order_that_fails_is_seen(paid):
    order_services.cancel_order(paid.pk)

    refunds.settle_refund(Refund.objects.get().pk, TransferResult(verdict=Verdict.FAILED), source="callback")

    assert state(paid) == ("cancelled", "successful", True)
    check_books()


def test_cancelling_twice_gives_back_once(paid):
    client = client_for(paid.user)

    codes = [cancel(client, paid).status_code, cancel(client, paid).status_code]

    assert codes == [200, 409]
    assert Refund.objects.count() == 1
    assert Stock.objects.get().available == 10
    check_books()


def test_what_went_back_before_does_not_go_back_again(paid):
    (earlier,) = refunds.refund_payment(
        payment_id=paid.payment.pk, amount=Decimal("500.00"), reason="a scratch", actor=None
    )
    refunds.settle_refund(earlier.pk, TransferResult(verdict=Verdict.SUCCEEDED), source="callback")

    order_services.cancel_order(paid.pk)

    assert sorted(Refund.objects.values_list("amount", flat=True)) == [Decimal("500.00"), Decimal("1000.00")]
    check_books()


def test_order_with_an_unfinished_refund_is_not_cancelled(paid):
    refunds.refund_payment(payment_id=paid.payment.pk, amount=Decimal("500.00"), reason="a scratch", actor=None)

    answer = cancel(client_for(paid.user), paid)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "refund_in_progress")
    assert state(paid) == ("paid", "successful", False)
    assert (Refund.objects.count(), Stock.objects.get().available) == (1, 9)
    assert list(paid.events.values_list("to_status", flat=True)) == ["pending", "paid"]
    check_books()


@pytest.mark.parametrize("delivered", [False, True])
def test_shipped_order_is_not_cancelled(paid, delivered):
    order_services.ship_order(paid.pk)
    if delivered:
        order_services.deliver_order(paid.pk)

    answer = cancel(client_for(paid.user), paid)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "invalid_order_transition")
    assert state(paid) == ("delivered" if delivered else "shipped", "successful", False)
    assert not Refund.objects.exists()
    check_books()


def test_staff_cancel_for_others_only_with_the_right_to_change_orders(paid):
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_order"))
    refused = cancel(client_for(clerk), paid)
    assert (refused.status_code, state(paid)) == (403, ("paid", "successful", False))
    assert not Refund.objects.exists()
    clerk.user_permissions.set(Permission.objects.filter(codename__in=("view_order", "change_order")))

    answer = cancel(client_for(type(clerk).objects.get(pk=clerk.pk)), paid)

    assert (answer.status_code, Refund.objects.get().requested_by) == (200, clerk)


def test_stranger_finds_nothing_to_cancel(paid):
    answer = cancel(client_for(UserFactory()), paid)

    assert (answer.status_code, state(paid)) == (404, ("paid", "successful", False))
    assert not Refund.objects.exists()


@pytest.mark.parametrize("method", [CASH, BANK])
def test_order_that_waits_for_payment_by_hand_can_be_cancelled(order, method):
    attempt = start_by_hand(order, method)

    answer = cancel(client_for(order.user), order)

    assert (answer.status_code, answer.json()["pay_on_delivery"]) == (200, False)
    attempt.refresh_from_db()
    assert (attempt.status, attempt.outcome) == ("failed", "order_cancelled")
    assert (state(order), order.payment_open) == (("cancelled", "failed", False), False)
    assert Stock.objects.get().available == 10
    assert not Refund.objects.exists()
    check_books()


def test_part_payment_goes_back_when_its_order_is_cancelled(order):
    start_by_hand(order)
    collect(rider_client(), order, amount="600.00")

    order_services.cancel_order(order.pk)

    refund = Refund.objects.get()
    assert (refund.amount, refund.cause) == (Decimal("600.00"), "order_cancelled")
    refunds.settle_refund(refund.pk, TransferResult(verdict=Verdict.SUCCEEDED), source="staff")
    assert (state(order), order.payment_open) == (("cancelled", "failed", False), False)
    assert balances() == {}
    check_books()


def test_order_with_a_prompt_on_the_phone_is_not_cancelled(order, attempt):
    with pytest.raises(OrderBeingPaid):
        order_services.cancel_order(order.pk)

    assert state(order) == ("pending", "pending", False)
    assert PaymentAttempt.objects.get().status == "pending"


def test_refusal_leaves_the_attempt_by_hand_open(order):
    attempt = start_by_hand(order)
    order_services.ship_order(order.pk)

    with pytest.raises(InvalidOrderTransition):
        order_services.cancel_order(order.pk)

    attempt.refresh_from_db()
    assert (attempt.status, state(order)[0], order.pay_on_delivery) == ("pending", "shipped", True)
    check_books()


@pytest.mark.django_db(transaction=True)
def test_cancel_sent_ten_times_at_once_gives_back_once(paid):
    clients = [client_for(paid.user) for _ in range(10)]

    codes = at_once([lambda c=client: cancel(c, paid).status_code for client in clients])

    assert sorted(codes) == [200] + [409] * 9
    assert (Refund.objects.get().amount, Stock.objects.get().available) == (Decimal("1500.00"), 10)
    assert_stock_holds()
    check_books()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at_the_door", [False, True])
def test_cancel_against_shipping_ends_in_one_of_the_two(order, attempt, at_the_door):
    if at_the_door:
        PaymentAttempt.objects.update(status="failed")
        start_by_hand(order)
    else:
        pay(attempt)

    results = at_once(
        [
            lambda: attempt_to(lambda: order_services.cancel_order(order.pk)),
            lambda: attempt_to(lambda: order_services.ship_order(order.pk)),
        ]
    )

    order.refresh_from_db()
    assert sorted(results) == sorted([order.status, "invalid_order_transition"])
    assert Refund.objects.count() == (1 if order.status == "cancelled" and not at_the_door else 0)
    assert_stock_holds()
    check_books()


@pytest.mark.django_db(transaction=True)
def test_cancel_against_the_callback_never_keeps_money_for_nothing(order, attempt):
    results = at_once(
        [
            lambda: attempt_to(lambda: order_services.cancel_order(order.pk)),
            lambda: attempt_to(lambda: pay(attempt) or attempt),
        ]
    )

    order.refresh_from_db()
    if results[0] == "cancelled":
        assert (order.status, Refund.objects.get().amount) == ("cancelled", Decimal("1500.00"))
    else:
        assert (results[0], order.status, Refund.objects.count()) == ("order_being_paid", "paid", 0)
    assert_stock_holds()
    check_books()


@pytest.mark.django_db(transaction=True)
def test_cancel_against_cash_never_keeps_money_for_nothing(order):
    start_by_hand(order)
    client = rider_client()

    at_once(
        [
            lambda: attempt_to(lambda: order_services.cancel_order(order.pk)),
            lambda: collect(client, order).status_code,
        ]
    )

    order.refresh_from_db()
    assert (order.status, Refund.objects.get().amount) == ("cancelled", Decimal("1500.00"))
    assert_stock_holds()
    check_books()
