"""Money that people take: booked whatever became of the order, once, and known by who took it."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from ecommerce.models import IdempotencyKey
from orders import services as order_services
from orders.models import Order
from payments import collecting, decisions, received, refunds
from payments.models import LedgerTransaction, Payment, PaymentAttempt, ReceivedMoney, Refund
from payments.providers.mpesa import MpesaProvider
from payments.settlement import settle
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.invariants import assert_stock_holds
from tests.payments.by_hand import BANK, CASH, collect, rider_client, rider_user, start_by_hand
from tests.payments.daraja import PUSH, stk_callback
from tests.payments.test_ledger import balances, check_books
from tests.racing import at_once

pytestmark = pytest.mark.django_db

PAID = {"provider:manual KES": Decimal("1500.00"), "customers KES": Decimal("-1500.00")}


@pytest.fixture(autouse=True)
def by_hand(settings):
    settings.PAYMENT_PROVIDERS = ["mpesa", "manual"]
    settings.MANUAL = settings.MANUAL | {"BANK_INSTRUCTIONS": "Equity Bank 0123456789"}


@pytest.fixture
def rider():
    return rider_client()


def state(order):
    payment = Payment.objects.get(order=order)
    order.refresh_from_db()
    return order.status, payment.status, payment.needs_refund


def arrival(**changes):
    """Return what M-Pesa tells of the payment whose receipt is ``UKL4AB12CD``."""
    told = {
        "provider": "mpesa",
        "receipt_number": "UKL4AB12CD",
        "amount": Decimal("1500.00"),
        "currency": "KES",
        "received_at": timezone.now(),
        "source": ReceivedMoney.Source.C2B,
        "is_verified": True,
    }
    return received.Arrival(**told | changes)


def nothing_booked():
    return not ReceivedMoney.objects.exists() and not LedgerTransaction.objects.exists()


def error_of(answer):
    return answer.status_code, answer.json()["errors"][0]["code"]


# --- cash ---------------------------------------------------------------------------------------------------------


def test_cash_pays_the_order_and_is_known_by_who_took_it(order, rider):
    attempt = start_by_hand(order)
    taker = rider_user()

    answer = collect(rider, order, collected_by=str(taker.pk), collected_at="2026-11-20T17:30:00Z")

    assert answer.status_code == 201
    body = answer.json()
    assert (body["order_status"], body["due"], body["payment"]["status"]) == ("paid", "0.00", "successful")
    assert (body["received"]["amount"], body["received"]["source"], body["received"]["provider"]) == (
        "1500.00",
        "staff",
        "manual",
    )
    assert body["received"]["collected_by"] == str(taker.pk)
    received = ReceivedMoney.objects.get()
    assert (received.collected_by, received.received_at) == (taker, datetime(2026, 11, 20, 17, 30, tzinfo=UTC))
    assert received.decided_by != taker
    attempt.refresh_from_db()
    assert (attempt.status, attempt.outcome, received.attempt) == ("succeeded", "paid", attempt)
    assert state(order) == ("paid", "successful", False)
    assert (order.payment_open, order.pay_on_delivery) == (False, False)
    assert balances() == PAID
    check_books()


def test_caller_is_the_collector_and_now_is_the_time_unless_told_otherwise(order):
    user = rider_user()

    collect(client_for(user), order)

    received = ReceivedMoney.objects.get()
    assert (received.collected_by, received.decided_by) == (user, user)
    assert abs(received.received_at - timezone.now()) < timedelta(minutes=1)


def test_cash_for_an_order_that_nobody_started_to_pay(order, rider):
    assert collect(rider, order).status_code == 201

    payment = Payment.objects.get()
    assert (payment.method, payment.provider, payment.user) == (CASH, "manual", order.user)
    assert state(order) == ("paid", "successful", False)
    check_books()


def test_part_leaves_the_order_open_and_the_rest_completes_it(order, rider):
    attempt = start_by_hand(order)

    part = collect(rider, order, amount="600.00", key="k-1")
    attempt.refresh_from_db()
    order.refresh_from_db()
    assert (part.json()["order_status"], part.json()["due"]) == ("pending", "900.00")
    assert (attempt.status, order.payment_open, order.pay_on_delivery) == ("pending", True, True)
    check_books()
    rest = collect(rider, order, amount="900.00", key="k-2")

    assert (rest.json()["order_status"], rest.json()["due"]) == ("paid", "0.00")
    assert state(order) == ("paid", "successful", False)
    assert balances() == PAID
    check_books()


def test_more_than_the_price_pays_the_order_and_is_seen_as_credit(order, rider):
    start_by_hand(order)

    answer = collect(rider, order, amount="2000.00")

    assert (answer.json()["order_status"], answer.json()["due"]) == ("paid", "0.00")
    assert (answer.json()["received"]["status"], answer.json()["received"]["reason"]) == ("applied", "overpaid")
    assert state(order) == ("paid", "successful", True)
    check_books()


def test_prompt_for_the_whole_price_after_a_part_in_cash_is_seen_as_credit(order, attempt, rider):
    collect(rider, order, amount="600.00")

    settle(attempt.pk, MpesaProvider().parse_callback(json.dumps(stk_callback()).encode()), source="callback")

    money = ReceivedMoney.objects.get(provider="mpesa")
    assert (money.amount, money.applied_amount, money.reason) == (Decimal("1500.00"), Decimal("1500.00"), "overpaid")
    assert state(order) == ("paid", "successful", True)
    assert balances() == {
        "provider:manual KES": Decimal("600.00"),
        "provider:mpesa KES": Decimal("1500.00"),
        "customers KES": Decimal("-2100.00"),
    }
    check_books()


@pytest.mark.parametrize("named", ["same order", "other order", "no order"])
def test_receipt_that_staff_typed_before_mpesa_told_of_it_is_left_to_a_person(order, rider, named):
    other = place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))
    collect(rider, order, method=BANK, receipt_number="UKL4AB12CD")
    reference = {"same order": order.number, "other order": other.number, "no order": ""}[named]

    for _ in range(2):
        received.record(arrival(account_reference=reference))

    money = ReceivedMoney.objects.get(provider="mpesa")
    assert (money.status, money.applied_amount) == ("unmatched", None)
    assert money.reason == ("typed_by_staff" if reference else "unknown_reference")
    assert not Refund.objects.exists()
    other.refresh_from_db()
    assert (state(order), other.status) == (("paid", "successful", False), "pending")
    check_books()


@pytest.mark.parametrize("typed_for", ["same order", "other order"])
def test_receipt_of_a_prompt_that_staff_typed_first_neither_goes_back_nor_is_lost(order, attempt, rider, typed_for):
    other = place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))
    is_same = typed_for == "same order"
    collect(rider, order if is_same else other, method=BANK, receipt_number="UKL4AB12CD")

    settle(attempt.pk, MpesaProvider().parse_callback(json.dumps(stk_callback()).encode()), source="callback")

    money = ReceivedMoney.objects.get(provider="mpesa")
    assert (money.status, money.reason) == (("unmatched", "typed_by_staff") if is_same else ("applied", ""))
    assert not Refund.objects.exists()
    assert state(order) == ("paid", "successful", False)
    check_books()


def test_staff_attach_money_whose_receipt_was_typed_for_another_order(order, rider):
    other = place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))
    collect(rider, other, method=BANK, receipt_number="UKL4AB12CD")
    money = received.record(arrival(account_reference=order.number))

    decisions.attach(money.pk, order_number=order.number, actor=UserFactory(is_staff=True))

    assert state(order) == ("paid", "successful", False)
    assert Payment.objects.get(order=order).transaction_id is None
    check_books()


def test_credit_that_went_back_leaves_the_order_paid(order, rider):
    collect(rider, order, amount="2000.00")
    actor = UserFactory(is_staff=True)

    (refund,) = refunds.refund_payment(
        payment_id=Payment.objects.get().pk, amount=Decimal("500.00"), reason="change", actor=actor
    )
    refunds.send_refund(refund.pk)
    refunds.complete_by_hand(refund.pk, actor=actor, receipt_number="SLIP 9")

    assert state(order) == ("paid", "successful", False)
    assert balances() == PAID
    check_books()


def test_cash_for_a_paid_order_is_booked_and_goes_back(order, rider):
    collect(rider, order, key="k-1")

    answer = collect(rider, order, key="k-2")

    assert answer.status_code == 201
    assert (answer.json()["received"]["status"], answer.json()["received"]["reason"]) == ("surplus", "paid_twice")
    refund = Refund.objects.get()
    refunds.send_refund(refund.pk)
    refund.refresh_from_db()
    assert (refund.status, refund.amount, refund.cause) == ("review", Decimal("1500.00"), "paid_twice")
    assert state(order) == ("paid", "successful", True)
    check_books()


def test_cash_for_a_cancelled_order_is_booked_and_goes_back(order, rider):
    order_services.cancel_order(order.pk)

    answer = collect(rider, order)

    assert (answer.status_code, answer.json()["order_status"]) == (201, "cancelled")
    assert (answer.json()["received"]["status"], Refund.objects.get().cause) == ("surplus", "order_cancelled")
    assert state(order) == ("cancelled", "pending", True)
    check_books()
    assert_stock_holds()


def test_one_key_collects_once(order, rider):
    answers = [collect(rider, order), collect(rider, order)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1]["Idempotent-Replayed"] == "true"
    assert ReceivedMoney.objects.count() == 1
    assert balances() == PAID
    check_books()


def test_key_is_needed(order, rider):
    answer = rider.post(f"/api/orders/{order.pk}/collect/", {"method": CASH, "amount": "1500.00"}, format="json")

    assert error_of(answer) == (400, "idempotency_key_required")
    assert nothing_booked()


def test_what_one_rider_took_is_listed(order, rider, staff):
    other = place_order(UserFactory(), ProductFactory())
    user = rider_user()
    collect(client_for(user), order)
    collect(rider, other)

    found = client_for(staff).get("/api/payments/received/", {"source": "staff", "collected_by": str(user.pk)}).json()

    assert [row["order_number"] for row in found["results"]] == [order.number]


# --- bank ---------------------------------------------------------------------------------------------------------


def test_transfer_is_confirmed_with_its_receipt(order, rider):
    attempt = start_by_hand(order, BANK)

    answer = collect(rider, order, method=BANK, receipt_number=" ft26325 abc12 ")

    assert (answer.status_code, answer.json()["payment"]["transaction_id"]) == (201, "FT26325ABC12")
    attempt.refresh_from_db()
    payment = Payment.objects.get()
    assert (attempt.status, attempt.receipt_number) == ("succeeded", "FT26325ABC12")
    assert (payment.method, payment.provider) == (BANK, "manual")
    assert state(order) == ("paid", "successful", False)
    check_books()


def test_one_bank_receipt_pays_once(order, rider):
    other = place_order(UserFactory(), ProductFactory())
    collect(rider, order, method=BANK, receipt_number="FT26325ABC12", key="k-1")

    again = [
        collect(rider, order, method=BANK, receipt_number="ft26325abc12", key="k-2"),
        collect(rider, other, method=BANK, receipt_number="FT26325ABC12", key="k-3"),
        collect(rider, other, method=CASH, receipt_number="FT26325ABC12", key="k-4"),
    ]

    assert [error_of(answer) for answer in again] == [(409, "receipt_used")] * 3
    assert ReceivedMoney.objects.count() == 1
    assert not Payment.objects.filter(order=other).exists()
    assert balances() == PAID
    check_books()


def test_bank_receipt_that_another_clerk_writes_down_at_that_moment_pays_once(order, rider, monkeypatch):
    other = place_order(UserFactory(), ProductFactory())
    collect(rider, order, method=BANK, receipt_number="FT26325ABC12", key="k-1")
    monkeypatch.setattr(collecting, "_is_used", lambda receipt_number: False)  # looked before the other had written

    answer = collect(rider, other, method=BANK, receipt_number="FT26325ABC12", key="k-2")

    assert error_of(answer) == (409, "receipt_used")
    assert balances() == PAID
    check_books()


def test_receipt_of_an_mpesa_payment_is_used_already(attempt, rider):
    settle(attempt.pk, MpesaProvider().parse_callback(json.dumps(stk_callback()).encode()), source="callback")
    other = place_order(UserFactory(), ProductFactory())

    answer = collect(rider, other, method=BANK, receipt_number="UKL4AB12CD")

    assert error_of(answer) == (409, "receipt_used")
    assert ReceivedMoney.objects.count() == 1
    assert IdempotencyKey.objects.count() == 0


# --- a phone at the door --------------------------------------------------------------------------------------------


def test_phone_at_the_door_is_asked_for_what_is_lacking(order, rider, daraja, run_owed_work):
    start_by_hand(order)
    collect(rider, order, amount="600.00", key="k-1")
    order_services.ship_order(order.pk)

    answer = collect(rider, order, method="mpesa", amount=None, phone_number="0712345678", key="k-2")
    run_owed_work()

    assert (answer.status_code, answer.json()["received"], answer.json()["due"]) == (201, None, "900.00")
    assert [(body["PhoneNumber"], body["Amount"]) for body in daraja.called(PUSH)] == [("254712345678", 900)]
    prompt = PaymentAttempt.objects.get(provider="mpesa")
    result = MpesaProvider().parse_callback(json.dumps(stk_callback(amount=900)).encode())
    settle(prompt.pk, result, source="callback")
    assert state(order) == ("shipped", "successful", False)
    assert order.paid_at is not None
    check_books()


@pytest.mark.parametrize(("amount", "code"), [("1500.00", 201), ("1500", 201), ("600.00", 400), ("1500.01", 400)])
def test_phone_is_asked_for_all_that_is_lacking_and_nothing_else(order, rider, amount, code):
    answer = collect(rider, order, method="mpesa", amount=amount, phone_number="0712345678")

    assert answer.status_code == code
    assert PaymentAttempt.objects.count() == (1 if code == 201 else 0)


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "attr"),
    [
        ({"amount": "0.00"}, "amount"),
        ({"amount": "-1.00"}, "amount"),
        ({"amount": "1.001"}, "amount"),
        ({"amount": "99999999999.00"}, "amount"),
        ({"amount": None}, "amount"),
        ({"method": "card"}, "method"),
        ({"method": None}, "method"),
        ({"method": "mpesa"}, "phone_number"),
        ({"collected_at": "2099-01-01T00:00:00Z"}, "collected_at"),
        ({"collected_by": "0198c0de-0000-7000-8000-000000000009"}, "collected_by"),
        ({"receipt_number": "x" * 65}, "receipt_number"),
    ],
)
def test_bad_request_books_nothing(order, rider, changes, attr):
    answer = collect(rider, order, **changes)

    assert (answer.status_code, [row["attr"] for row in answer.json()["errors"]]) == (400, [attr])
    assert nothing_booked()
    assert not Payment.objects.exists()


def test_customer_is_no_collector(order, rider):
    answer = collect(rider, order, collected_by=str(UserFactory().pk))

    assert error_of(answer) == (400, "does_not_exist")
    assert nothing_booked()


@pytest.mark.parametrize("user", ["anonymous", "owner", "staff without the right"])
def test_only_those_who_may_add_money_collect(order, user):
    client = {
        "anonymous": APIClient(),
        "owner": client_for(order.user),
        "staff without the right": client_for(UserFactory(is_staff=True)),
    }[user]

    answers = [collect(client, order), collect(client, order, method="mpesa", amount=None, phone_number="0712345678")]

    assert [answer.status_code for answer in answers] == [401 if user == "anonymous" else 403] * 2
    assert nothing_booked()
    assert not PaymentAttempt.objects.exists()


def test_unknown_order_is_not_found(rider):
    answer = rider.post(
        "/api/orders/0198c0de-0000-7000-8000-000000000009/collect/",
        {"method": CASH, "amount": "1.00"},
        format="json",
        headers={"Idempotency-Key": "k"},
    )

    assert error_of(answer) == (404, "not_found")
    assert nothing_booked()


# --- at once ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_key_sent_ten_times_at_once_collects_once(order):
    user = rider_user()
    clients = [client_for(user) for _ in range(10)]

    answers = at_once([lambda c=client: collect(c, order) for client in clients])

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert ReceivedMoney.objects.count() == 1
    assert (state(order), balances()) == (("paid", "successful", False), PAID)
    check_books()


@pytest.mark.django_db(transaction=True)
def test_two_riders_at_once_pay_once_and_the_other_cash_goes_back(order):
    start_by_hand(order)
    clients = [rider_client(), rider_client()]

    answers = at_once([lambda c=client: collect(c, order) for client in clients])

    assert [answer.status_code for answer in answers] == [201, 201]
    assert sorted(ReceivedMoney.objects.values_list("status", flat=True)) == ["applied", "surplus"]
    assert state(order) == ("paid", "successful", True)
    assert Refund.objects.get().amount == Decimal("1500.00")
    check_books()


@pytest.mark.django_db(transaction=True)
def test_one_bank_receipt_at_once_for_two_orders_pays_one(order):
    other = place_order(UserFactory(), ProductFactory())
    clients = [rider_client(), rider_client()]

    answers = at_once(
        [
            lambda: collect(clients[0], order, method=BANK, receipt_number="FT26325ABC12"),
            lambda: collect(clients[1], other, method=BANK, receipt_number="FT26325ABC12"),
        ]
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert sorted(Order.objects.values_list("status", flat=True)) == ["paid", "pending"]
    assert balances() == PAID
    check_books()


@pytest.mark.django_db(transaction=True)
def test_cash_against_a_callback_pays_once_and_nothing_is_lost(order, attempt):
    client = rider_client()
    result = MpesaProvider().parse_callback(json.dumps(stk_callback()).encode())

    at_once([lambda: collect(client, order), lambda: settle(attempt.pk, result, source="callback")])

    rows = sorted(ReceivedMoney.objects.values_list("status", "amount"))
    assert rows == [("applied", Decimal("1500.00")), ("surplus", Decimal("1500.00"))]
    assert state(order) == ("paid", "successful", True)
    assert balances()["refunds KES"] == Decimal("-1500.00")
    check_books()
