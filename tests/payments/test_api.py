"""Payments over HTTP."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from payments.models import Payment, PaymentAttempt
from tests.clients import client_for
from tests.factories import UserFactory, place_order

pytestmark = pytest.mark.django_db

PAYMENTS = "/api/payments/"


def body(order, **changes):
    return {"order_id": str(order.pk), "method": "mpesa", "phone_number": "0712 345 678"} | changes


def errors(response):
    return [(row["code"], row["attr"]) for row in response.json()["errors"]]


def test_start_answers_with_the_attempt_and_advice(order):
    response = client_for(order.user).post(PAYMENTS, body(order))

    assert response.status_code == 201
    answer = response.json()
    (attempt,) = answer["attempts"]
    assert (answer["status"], answer["amount"], answer["currency"], answer["order_number"]) == (
        "pending",
        "1500.00",
        "KES",
        order.number,
    )
    assert (attempt["status"], attempt["phone_number"], attempt["advice"], attempt["retry"]) == (
        "created",
        "+254…678",
        "Check your phone and enter your PIN.",
        "hold",
    )


def test_second_start_returns_the_first(order):
    client = client_for(order.user)

    first, second = client.post(PAYMENTS, body(order)), client.post(PAYMENTS, body(order))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["attempts"][0]["id"] == second.json()["attempts"][0]["id"]
    assert PaymentAttempt.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"phone_number": "0201234567"}, [("invalid_phone_number", "phone_number")]),
        ({"phone_number": "254071234567"}, [("invalid_phone_number", "phone_number")]),
        ({"phone_number": "<script>"}, [("invalid_phone_number", "phone_number")]),
        ({"phone_number": "٠٧١٢٣٤٥٦٧٨"}, [("invalid_phone_number", "phone_number")]),
        ({"phone_number": ""}, [("blank", "phone_number")]),
        ({"phone_number": None}, [("null", "phone_number")]),
        ({"method": "gold"}, [("invalid_choice", "method")]),
        ({"order_id": "1"}, [("invalid", "order_id")]),
    ],
)
def test_bad_input_is_named_and_nothing_is_stored(order, changes, expected):
    response = client_for(order.user).post(PAYMENTS, body(order, **changes))

    assert (response.status_code, errors(response)) == (400, expected)
    assert not Payment.objects.exists()


def test_missing_phone_number_is_named(order):
    response = client_for(order.user).post(PAYMENTS, {"order_id": str(order.pk), "method": "mpesa"})

    assert (response.status_code, errors(response)) == (400, [("required", "phone_number")])
    assert not Payment.objects.exists()


def test_order_of_somebody_else_or_of_nobody_is_not_found(order):
    client = client_for(UserFactory())

    statuses = [client.post(PAYMENTS, body(order, order_id=str(pk))).status_code for pk in (order.pk, uuid4())]

    assert statuses == [404, 404]
    assert not Payment.objects.exists()


def test_client_cannot_choose_amount_or_status(order):
    extra = {"status": "successful", "user": str(uuid4()), "paid_at": "2026-01-01T00:00:00Z"}
    refused = client_for(order.user).post(PAYMENTS, body(order, amount="1.00"))
    assert (refused.status_code, refused.json()["errors"][0]["attr"]) == (400, "amount")
    assert not Payment.objects.exists()

    answer = client_for(order.user).post(PAYMENTS, body(order, **extra)).json()

    assert (answer["amount"], answer["status"], answer["user"], answer["paid_at"]) == (
        "1500.00",
        "pending",
        str(order.user.pk),
        None,
    )


def test_payment_is_seen_by_its_owner_and_staff_with_the_right(order, attempt):
    clerk, stranger, other_staff = UserFactory(is_staff=True), UserFactory(), UserFactory(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_payment"))
    url = f"{PAYMENTS}{attempt.payment_id}/"

    statuses = [client_for(user).get(url).status_code for user in (order.user, clerk, stranger, other_staff, None)]
    counts = [client_for(user).get(PAYMENTS).json()["count"] for user in (order.user, clerk, stranger, other_staff)]

    assert statuses == [200, 200, 404, 404, 401]
    assert counts == [1, 1, 0, 0]


def test_payments_cannot_be_changed_or_deleted(order, attempt):
    client = client_for(order.user)
    url = f"{PAYMENTS}{attempt.payment_id}/"

    statuses = [client.put(url, {}).status_code, client.patch(url, {"status": "successful"}).status_code]
    statuses.append(client.delete(url).status_code)

    assert statuses == [405, 405, 405]
    assert Payment.objects.get().status == "pending"


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_the_same_statements_for_any_number_of_payments(rows, django_assert_num_queries):
    user = UserFactory()
    client = client_for(user)
    for number in range(rows):
        phone = f"071234567{number}"
        assert client.post(PAYMENTS, body(place_order(user), phone_number=phone)).status_code == 201

    with django_assert_num_queries(4):  # user, count, payments with orders, attempts
        response = client.get(PAYMENTS)

    assert response.json()["count"] == rows


def test_repeat_with_the_same_key_starts_once(order):
    client = client_for(order.user)

    first = client.post(PAYMENTS, body(order), headers={"Idempotency-Key": "k"})
    again = client.post(PAYMENTS, body(order), headers={"Idempotency-Key": "k"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert PaymentAttempt.objects.count() == 1


def test_cancelling_is_refused_while_the_prompt_is_open(order, attempt):
    response = client_for(order.user).post(f"/api/orders/{order.pk}/cancel/")

    assert (response.status_code, errors(response)) == (409, [("order_being_paid", None)])
    order.refresh_from_db()
    assert order.status == "pending"
