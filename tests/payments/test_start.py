"""Starting a payment, and telling the provider once."""

import base64
from datetime import timedelta
from decimal import Decimal

import pytest
import requests
from django.db import OperationalError
from django.utils import timezone
from urllib3.exceptions import NewConnectionError

from ecommerce.models import OutboxMessage
from orders import services as order_services
from orders.exceptions import OrderNotPayable
from orders.models import Order
from payments import attempts, sending, services
from payments.exceptions import (
    AlreadyPaid,
    AmountNotPayable,
    OrderNotFound,
    PaymentMethodUnavailable,
    PaymentUnderReview,
    TooManyPrompts,
)
from payments.models import Payment, PaymentAttempt
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.daraja import CHECKOUT_ID, MERCHANT_ID, PUSH, TOKEN, accepted, gateway_error
from tests.racing import at_once

pytestmark = pytest.mark.django_db

PHONE = "+254712345678"


def start(order, **changes):
    arguments = {"user": order.user, "order_id": order.pk, "method": "mpesa", "phone_number": PHONE} | changes
    return services.start_payment(**arguments)


def state(attempt):
    attempt.refresh_from_db()
    return attempt.status, attempt.outcome


def test_start_stores_the_attempt_and_asks_nobody(order, daraja):
    started = start(order)

    attempt = started.payment.attempts.get()
    assert (started.is_new, started.payment.status, started.payment.amount) == (True, "pending", Decimal("1500.00"))
    assert (attempt.status, attempt.amount, attempt.phone_number) == ("created", Decimal("1500.00"), PHONE)
    assert attempt.next_query_at is not None
    assert daraja.calls == []
    assert [(m.topic, m.payload) for m in OutboxMessage.objects.filter(topic__startswith="payments.")] == [
        ("payments.send_attempt", {"attempt_id": str(attempt.pk)})
    ]
    order.refresh_from_db()
    assert order.payment_open is True


def test_push_is_what_daraja_documents(order, daraja):
    attempt = start(order).payment.attempts.get()

    sending.send_attempt(attempt.pk)

    (push,) = daraja.called(PUSH)
    password = base64.b64decode(push.pop("Password")).decode()
    callback_url = push.pop("CallBackURL")
    assert password == f"174379passkey{push.pop('Timestamp')}"
    assert push == {
        "BusinessShortCode": "174379",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 1500,
        "PartyA": "254712345678",
        "PartyB": "174379",
        "PhoneNumber": "254712345678",
        "AccountReference": order.number,
        "TransactionDesc": "Order",
    }
    token = callback_url.removeprefix("http://127.0.0.1:8000/api/payments/mpesa/callback/").rstrip("/")
    attempt.refresh_from_db()
    assert len(token) >= 43
    assert attempt.callback_token_hash == attempts.token_hash(token)
    assert token not in str(PaymentAttempt.objects.values().get())
    assert (attempt.status, attempt.provider_reference, attempt.merchant_reference) == (
        "pending",
        CHECKOUT_ID,
        MERCHANT_ID,
    )


def test_till_sends_the_till_number_as_receiver(order, daraja, settings):
    settings.MPESA |= {"TRANSACTION_TYPE": "CustomerBuyGoodsOnline", "TILL_NUMBER": "5551234"}
    attempt = start(order).payment.attempts.get()

    sending.send_attempt(attempt.pk)

    (push,) = daraja.called(PUSH)
    assert (push["TransactionType"], push["BusinessShortCode"], push["PartyB"]) == (
        "CustomerBuyGoodsOnline",
        "174379",
        "5551234",
    )


def test_cents_are_rounded_up_to_whole_shillings(daraja):
    order = place_order(UserFactory(), ProductFactory(price=Decimal("99.01")))
    attempt = start(order).payment.attempts.get()

    sending.send_attempt(attempt.pk)

    assert (attempt.amount, daraja.called(PUSH)[0]["Amount"]) == (Decimal("100.00"), 100)


def test_second_click_returns_the_live_attempt(order, attempt, daraja):
    again = start(order)

    assert (again.is_new, again.payment.attempts.get()) == (False, attempt)
    assert len(daraja.called(PUSH)) == 1


def test_task_that_runs_twice_pushes_once(attempt, daraja):
    sending.send_attempt(attempt.pk)

    assert len(daraja.called(PUSH)) == 1
    assert state(attempt) == ("pending", "waiting")


def test_attempt_left_in_sending_by_a_killed_worker_is_not_sent_again(order, daraja):
    attempt = start(order).payment.attempts.get()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(status="sending", sent_at=timezone.now())

    sending.send_attempt(attempt.pk)

    assert daraja.called(PUSH) == []
    assert state(attempt) == ("sending", "waiting")


def test_attempt_that_waited_too_long_is_not_sent(order, daraja):
    attempt = start(order).payment.attempts.get()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(created_at=timezone.now() - timedelta(minutes=5))

    sending.send_attempt(attempt.pk)

    assert daraja.calls == []
    assert state(attempt) == ("failed", "not_sent")
    order.refresh_from_db()
    assert order.payment_open is False


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (gateway_error(400, "400.002.02", "Bad Request - Invalid PhoneNumber"), ("failed", "phone_refused")),
        (gateway_error(400, "400.002.02", "Bad Request - Invalid CallBackURL"), ("failed", "misconfigured")),
        (gateway_error(500, "500.001.1001", "Wrong credentials"), ("failed", "misconfigured")),
        (gateway_error(500, "500.001.1001", "[MerchantValidate] - Wrong credentials"), ("failed", "misconfigured")),
        (gateway_error(500, "500.001.1001", "Merchant does not exist"), ("failed", "misconfigured")),
        (
            gateway_error(
                500,
                "500.001.1001",
                "Unable to lock subscriber, a transaction is already in process for the current subscriber",
            ),
            ("failed", "phone_busy"),
        ),
        (gateway_error(500, "500.003.02", "Spike Arrest Violation"), ("failed", "provider_busy")),
        (gateway_error(429, "", ""), ("failed", "provider_busy")),
        (
            (
                500,
                {
                    "fault": {
                        "faultstring": "Spike arrest violation. Allowed rate : ...",
                        "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
                    }
                },
            ),
            ("failed", "provider_busy"),
        ),
        ((200, {"ResponseCode": "1", "ResponseDescription": "Rejected"}), ("failed", "misconfigured")),
        (gateway_error(500, "500.003.1001", "Internal Server Error"), ("unknown", "unknown")),
        (gateway_error(500, "500.001.1001", "something new"), ("unknown", "unknown")),
        ((200, b""), ("unknown", "unknown")),
        ((200, b"<html>portal</html>"), ("unknown", "unknown")),
        ((403, b"<html>firewall</html>"), ("unknown", "unknown")),
        ((200, b'{"MerchantRequestID": "29115'), ("unknown", "unknown")),
        ((502, b""), ("unknown", "unknown")),
        (requests.ReadTimeout("slow"), ("unknown", "unknown")),
        (requests.ConnectionError("reset"), ("unknown", "unknown")),
        (requests.ConnectTimeout("no route"), ("failed", "not_sent")),
    ],
)
def test_every_answer_to_a_push_is_refused_unknown_or_accepted(order, daraja, answer, expected):
    daraja.script(PUSH, answer)
    attempt = start(order).payment.attempts.get()

    sending.send_attempt(attempt.pk)

    assert state(attempt) == expected
    assert len(daraja.called(PUSH)) == 1
    payment = Payment.objects.get()
    order.refresh_from_db()
    live = expected[0] == "unknown"
    assert (payment.status, order.payment_open, order.status) == ("pending" if live else "failed", live, "pending")


def test_refused_connection_is_not_unknown(order, daraja):
    pool_error = type("MaxRetry", (Exception,), {"reason": NewConnectionError(None, "refused")})()
    daraja.script(PUSH, requests.ConnectionError(pool_error))
    attempt = start(order).payment.attempts.get()

    sending.send_attempt(attempt.pk)

    assert state(attempt) == ("failed", "not_sent")


@pytest.mark.parametrize("answer", [(400, b""), (200, b"<html>"), (403, b"<html>"), requests.ReadTimeout("slow")])
def test_no_token_means_certainly_not_sent(order, daraja, answer):
    daraja.script(TOKEN, answer)
    attempt = start(order).payment.attempts.get()

    sending.send_attempt(attempt.pk)

    assert state(attempt) == ("failed", "not_sent")
    assert daraja.called(PUSH) == []


@pytest.mark.parametrize(
    ("status", "code"), [(404, "404.001.03"), (401, "401.002.01"), (400, "400.003.01"), (401, "401.003.01")]
)
def test_refused_token_is_renewed_once(order, daraja, status, code):
    daraja.script(PUSH, gateway_error(status, code, "Invalid Access Token"), accepted())
    attempt = start(order).payment.attempts.get()

    sending.send_attempt(attempt.pk)

    assert (len(daraja.called(TOKEN)), len(daraja.called(PUSH))) == (2, 2)
    assert state(attempt) == ("pending", "waiting")


def test_token_refused_for_ever_is_not_a_loop(order, daraja):
    daraja.script(PUSH, gateway_error(404, "404.001.03", "Invalid Access Token"))
    attempt = start(order).payment.attempts.get()

    sending.send_attempt(attempt.pk)

    assert len(daraja.called(PUSH)) == 2
    assert state(attempt) == ("failed", "not_sent")  # refused before processing: the customer may try again


def test_token_is_shared_between_attempts(daraja):
    for _ in range(2):
        attempt = start(place_order(UserFactory())).payment.attempts.get()
        daraja.script(PUSH, accepted(f"ws_CO_{attempt.pk.hex}"))
        sending.send_attempt(attempt.pk)

    assert len(daraja.called(TOKEN)) == 1


def test_failed_attempt_makes_room_for_a_new_one(order, daraja):
    daraja.script(PUSH, gateway_error(400, "400.002.02", "Bad Request - Invalid PhoneNumber"), accepted())
    first = start(order).payment.attempts.get()
    sending.send_attempt(first.pk)

    second = start(order)

    assert second.is_new
    assert sorted(second.payment.attempts.values_list("status", flat=True)) == ["created", "failed"]
    second.payment.refresh_from_db()
    assert second.payment.status == "pending"


def test_order_of_somebody_else_cannot_be_paid(order):
    with pytest.raises(OrderNotFound):
        start(order, user=UserFactory())

    assert not Payment.objects.exists()


def test_cancelled_order_cannot_be_paid(order):
    order_services.cancel_order(order.pk)

    with pytest.raises(OrderNotPayable):
        start(order)

    assert not PaymentAttempt.objects.exists()


def test_paid_order_cannot_be_paid_again(order):
    order_services.mark_paid(order.pk)

    with pytest.raises(AlreadyPaid):
        start(order)

    assert not PaymentAttempt.objects.exists()


def test_payment_under_review_is_not_asked_for_again(order, attempt, daraja):
    PaymentAttempt.objects.filter(pk=attempt.pk).update(status="review")

    with pytest.raises(PaymentUnderReview):
        start(order)

    assert PaymentAttempt.objects.count() == 1


@pytest.mark.parametrize("method", ["card", "paypal", "cash_on_delivery", "bank_transfer", "mobile_money"])
def test_method_that_is_not_offered_is_refused(order, method):
    with pytest.raises(PaymentMethodUnavailable):
        start(order, method=method)

    assert not Payment.objects.exists()


@pytest.mark.parametrize("fields", [{"price": Decimal("250001.00")}, {"currency": "USD"}, {"price": Decimal("0.00")}])
def test_amount_that_mpesa_does_not_take_is_refused(fields):
    order = place_order(UserFactory(), ProductFactory(**fields))

    with pytest.raises(AmountNotPayable):
        start(order)

    assert not Payment.objects.exists()
    assert not PaymentAttempt.objects.exists()


def test_fourth_prompt_to_one_phone_is_refused(order, daraja):
    for _ in range(3):
        start(place_order(UserFactory()))

    with pytest.raises(TooManyPrompts):
        start(order)
    elsewhere = start(order, phone_number="+254712345679")

    assert elsewhere.is_new
    assert PaymentAttempt.objects.filter(phone_number=PHONE).count() == 3


def test_old_prompts_do_not_count(order):
    for _ in range(3):
        start(place_order(UserFactory()))
    PaymentAttempt.objects.update(created_at=timezone.now() - timedelta(minutes=11))

    assert start(order).is_new


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_make_one_attempt():
    order = place_order(UserFactory())

    started = at_once([lambda: start(order).is_new for _ in range(8)])

    assert sorted(started) == [False] * 7 + [True]
    assert PaymentAttempt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_prompt_limit_is_exact_under_concurrency():
    orders = [place_order(UserFactory()) for _ in range(8)]

    def attempt(order):
        try:
            return start(order).is_new
        except TooManyPrompts:
            return False

    started = at_once([lambda order=order: attempt(order) for order in orders])

    assert sum(started) == 3
    assert PaymentAttempt.objects.count() == 3
    assert Order.objects.filter(payment_open=True).count() == 3


def test_answer_is_stored_after_the_database_was_away_for_a_moment(order, daraja, monkeypatch):
    attempt = start(order).payment.attempts.get()
    record, failures = sending._record_answer, [OperationalError("in recovery mode")]

    def shaky(*arguments):
        if failures:
            raise failures.pop()
        record(*arguments)

    monkeypatch.setattr(sending, "_record_answer", shaky)
    monkeypatch.setattr(services.connection, "close", lambda: None)
    monkeypatch.setattr(sending.time, "sleep", lambda _: None)

    sending.send_attempt(attempt.pk)

    assert state(attempt) == ("pending", "waiting")
    assert attempt.provider_reference == CHECKOUT_ID
    assert len(daraja.called(PUSH)) == 1
