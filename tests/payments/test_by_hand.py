"""Cash on delivery and bank transfer: started over the API, never asked about, and left for another way of paying."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from catalog.models import Stock
from ecommerce.invariants import violations
from orders import services as order_services
from orders.exceptions import InvalidOrderTransition
from orders.models import Order
from payments import decisions, queries, received, sending, services
from payments.checks import CHECKS
from payments.exceptions import AlreadyPaid
from payments.models import Payment, PaymentAttempt, ReceivedMoney
from payments.providers.mpesa import MpesaProvider
from payments.settlement import settle
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.invariants import assert_stock_holds
from tests.payments.by_hand import BANK, CASH, collect, rider_client, start_by_hand
from tests.payments.daraja import PUSH, stk_callback
from tests.payments.test_ledger import balances, check_books
from tests.racing import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def by_hand(settings):
    settings.PAYMENT_PROVIDERS = ["mpesa", "manual"]
    settings.MANUAL = settings.MANUAL | {"BANK_INSTRUCTIONS": "Equity Bank 0123456789"}


def start_mpesa(order):
    return services.start_payment(
        user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678"
    ).attempt


def state(order):
    order.refresh_from_db()
    return order.status, order.payment_open, order.pay_on_delivery


# --- starting ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "told", "at_the_door"),
    [
        (CASH, "Please have KES 1,500.00 ready when your order arrives.", True),
        (BANK, "Please transfer KES 1,500.00.\nReason for payment: {number}\nEquity Bank 0123456789", False),
    ],
)
def test_customer_chooses_to_pay_by_hand(order, run_owed_work, method, told, at_the_door):
    client = client_for(order.user)

    answer = client.post("/api/payments/", {"order_id": str(order.pk), "method": method}, format="json")
    run_owed_work()

    assert answer.status_code == 201
    assert answer.json()["attempts"][0]["outcome"] == "awaiting_money"  # nobody is told to look for a prompt
    shown = client.get(f"/api/payments/{answer.json()['id']}/").json()
    (attempt,) = shown["attempts"]
    assert (shown["provider"], shown["method"], shown["status"]) == ("manual", method, "pending")
    assert attempt["instructions"] == told.format(number=order.number)
    assert (attempt["status"], attempt["outcome"], attempt["retry"]) == ("pending", "awaiting_money", "now")
    assert PaymentAttempt.objects.get().next_query_at > timezone.now() + timedelta(days=4)
    assert state(order) == ("pending", True, at_the_door)
    assert client.get(f"/api/orders/{order.pk}/").json()["pay_on_delivery"] is at_the_door
    check_books()


def test_many_customers_without_a_phone_do_not_count_as_one():
    orders = [place_order(UserFactory(), ProductFactory()) for _ in range(4)]

    attempts = [start_by_hand(order) for order in orders]

    assert {attempt.status for attempt in attempts} == {"pending"}


def test_attempt_by_hand_is_neither_asked_about_nor_given_to_a_person(order):
    attempt = start_by_hand(order)
    PaymentAttempt.objects.update(sent_at=timezone.now() - timedelta(days=4))

    assert queries.query_due_attempts() == 0
    queries.query_attempt(attempt.pk)  # staff pressed the button

    attempt.refresh_from_db()
    assert attempt.status == "pending"
    check_books()


def test_promise_that_nobody_keeps_does_not_hold_the_goods_for_ever(order):
    attempt = start_by_hand(order)
    long_ago = timezone.now() - timedelta(days=6)
    PaymentAttempt.objects.update(sent_at=long_ago, next_query_at=long_ago)

    assert queries.query_due_attempts() == 1
    queries.query_attempt(attempt.pk)

    attempt.refresh_from_db()
    assert (attempt.status, attempt.outcome, attempt.next_query_at) == ("failed", "expired", None)
    assert state(order) == ("pending", False, False)  # and the next sweep cancels it
    check_books()


def test_goods_on_their_way_are_still_to_be_paid(order):
    attempt = start_by_hand(order)
    order_services.transition_order(order.pk, Order.Status.SHIPPED)
    long_ago = timezone.now() - timedelta(days=6)
    PaymentAttempt.objects.update(sent_at=long_ago, next_query_at=long_ago)

    queries.query_attempt(attempt.pk)

    attempt.refresh_from_db()
    assert (attempt.status, attempt.next_query_at) == ("pending", None)
    assert queries.query_due_attempts() == 0
    check_books()


def test_customer_cannot_promise_for_any_number_of_orders(settings):
    settings.MANUAL = settings.MANUAL | {"MOST_OPEN": 2}
    user = UserFactory()
    orders = [place_order(user, ProductFactory()) for _ in range(3)]
    for promised in orders[:2]:
        start_by_hand(promised)

    answer = client_for(user).post("/api/payments/", {"order_id": str(orders[2].pk), "method": CASH}, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "too_many_unpaid_orders")
    assert PaymentAttempt.objects.count() == 2
    services.start_payment(user=user, order_id=orders[0].pk, method=BANK, phone_number="")  # another way for the same


def test_worker_that_dies_while_starting_leaves_the_customer_free_to_try_again(order):
    started = services.start_payment(user=order.user, order_id=order.pk, method=CASH, phone_number="")
    sending._claim_for_sending(started.attempt.pk)
    check_books()
    long_ago = timezone.now() - timedelta(minutes=2)
    PaymentAttempt.objects.update(sent_at=long_ago, next_query_at=long_ago)

    assert queries.query_due_attempts() == 1
    check_books()
    queries.query_attempt(started.attempt.pk)

    started.attempt.refresh_from_db()
    assert (started.attempt.status, started.attempt.outcome) == ("failed", "not_sent")
    assert state(order) == ("pending", False, False)
    assert start_by_hand(order).status == "pending"
    check_books()


def test_order_to_be_paid_by_hand_is_not_cancelled_for_non_payment(order):
    start_by_hand(order)
    Order.objects.update(reserved_until=timezone.now() - timedelta(days=1))

    assert order_services.cancel_unpaid_orders() == 0
    assert state(order)[0] == "pending"


# --- changing one's mind ------------------------------------------------------------------------------------------


def test_customer_who_pays_by_phone_after_all_is_not_waited_for_at_the_door(order):
    cash = start_by_hand(order)

    prompt = start_mpesa(order)

    cash.refresh_from_db()
    assert (cash.status, cash.outcome) == ("failed", "superseded")
    assert (prompt.status, prompt.provider) == ("created", "mpesa")
    assert state(order) == ("pending", True, False)
    with pytest.raises(InvalidOrderTransition):
        order_services.ship_order(order.pk)
    check_books()


def test_cash_that_comes_though_the_phone_was_chosen_pays_all_the_same(order):
    start_by_hand(order)
    start_mpesa(order)

    answer = collect(rider_client(), order)

    assert (answer.json()["order_status"], answer.json()["received"]["status"]) == ("paid", "applied")
    assert (answer.json()["payment"]["method"], answer.json()["payment"]["provider"]) == (CASH, "manual")
    check_books()


# --- shipping before it is paid ----------------------------------------------------------------------------------


def test_order_to_be_paid_at_the_door_is_shipped_unpaid_and_stays_shipped_when_paid(order):
    start_by_hand(order)

    order_services.ship_order(order.pk)

    assert state(order) == ("shipped", True, True)
    assert order.reserved_until is None
    stock = Stock.objects.get()
    assert (stock.available, stock.on_hand) == (9, 9)
    assert_stock_holds()
    check_books()
    collect(rider_client(), order)
    assert state(order) == ("shipped", False, True)
    assert (Payment.objects.get().status, order.paid_at is not None) == ("successful", True)
    events = list(order.events.values_list("from_status", "to_status", "note"))
    assert events[1:] == [
        ("pending", "shipped", f"parcel {order.number}-1"),
        ("shipped", "shipped", "payment received"),
    ]
    check_books()


def test_order_that_was_delivered_before_the_rider_came_back_stays_delivered(order):
    start_by_hand(order)
    order_services.ship_order(order.pk)
    order_services.deliver_order(order.pk)

    answer = collect(rider_client(), order)

    assert (answer.json()["order_status"], answer.json()["payment"]["status"]) == ("delivered", "successful")
    check_books()
    with pytest.raises(AlreadyPaid):
        start_mpesa(order)


def test_shipped_order_can_still_be_paid_by_phone(order, daraja):
    start_by_hand(order)
    order_services.ship_order(order.pk)
    prompt = start_mpesa(order)
    assert state(order) == ("shipped", True, True)
    sending.send_attempt(prompt.pk)

    settle(prompt.pk, MpesaProvider().parse_callback(json.dumps(stk_callback()).encode()), source="callback")

    assert len(daraja.called(PUSH)) == 1
    assert state(order) == ("shipped", False, True)
    assert Payment.objects.get().status == "successful"
    check_books()


def test_unmatched_money_can_be_attached_to_a_shipped_order(order):
    start_by_hand(order)
    order_services.ship_order(order.pk)
    found = received.record(
        received.Arrival(
            provider="mpesa",
            amount=Decimal("1500.00"),
            currency="KES",
            received_at=timezone.now(),
            source="c2b",
            is_verified=True,
            receipt_number="UKL9ZZ99ZZ",
        )
    )

    decisions.attach(found.pk, order_number=order.number, actor=UserFactory(is_staff=True))

    assert (state(order)[0], Payment.objects.get().status) == ("shipped", "successful")
    check_books()


@pytest.mark.parametrize("method", ["", BANK])
def test_other_unpaid_orders_are_not_shipped(order, method):
    if method:
        start_by_hand(order, method)

    with pytest.raises(InvalidOrderTransition) as refusal:
        order_services.ship_order(order.pk)

    assert refusal.value.extra == {"status": "pending", "allowed": ["cancelled", "paid"]}
    assert state(order)[0] == "pending"
    assert Stock.objects.get().on_hand == 10


def test_staff_find_what_is_to_be_paid_at_the_door(order, staff):
    start_by_hand(order)
    place_order(UserFactory(), ProductFactory())
    client = client_for(staff)

    found = client.get("/api/orders/", {"pay_on_delivery": "true"}).json()["results"]

    assert [row["id"] for row in found] == [str(order.pk)]
    assert client.get("/api/orders/", {"pay_on_delivery": "perhaps"}).status_code == 400


def test_order_to_be_paid_at_the_door_says_that_it_may_be_shipped(order):
    start_by_hand(order)

    with pytest.raises(InvalidOrderTransition) as refusal:
        order_services.deliver_order(order.pk)

    assert refusal.value.extra == {"status": "pending", "allowed": ["cancelled", "paid", "shipped"]}


@pytest.mark.django_db(transaction=True)
def test_shipping_against_a_change_of_mind_ends_right(order):
    start_by_hand(order)

    def ship():
        try:
            return order_services.ship_order(order.pk).status
        except InvalidOrderTransition:
            return "refused"

    shipped, prompt = at_once([ship, lambda: start_mpesa(order).status])

    # Either it left the shelf and is paid by phone on its way, or it waits for the phone.
    assert prompt == "created"
    assert state(order) == (("shipped", True, True) if shipped == "shipped" else ("pending", True, False))
    assert_stock_holds()
    check_books()


@pytest.mark.django_db(transaction=True)
def test_cash_against_shipping_ends_shipped_and_paid(order):
    start_by_hand(order)
    client = rider_client()

    at_once([lambda: order_services.ship_order(order.pk).status, lambda: collect(client, order).status_code])

    order.refresh_from_db()
    assert (order.status, Payment.objects.get().status) == ("shipped", "successful")
    assert order.paid_at is not None
    assert ReceivedMoney.objects.get().status == "applied"
    assert balances() == {"provider:manual KES": Decimal("1500.00"), "customers KES": Decimal("-1500.00")}
    assert_stock_holds()
    check_books()


def test_ledger_check_finds_an_unpaid_order_that_left_without_being_paid_at_the_door(order):
    start_by_hand(order)
    order_services.ship_order(order.pk)
    assert not [check.name for check in CHECKS if list(violations(check))]

    Order.objects.update(pay_on_delivery=False)

    assert [check.name for check in CHECKS if list(violations(check))] == [
        "an order is paid exactly when its payment is, or the money is on its way back"
    ]
