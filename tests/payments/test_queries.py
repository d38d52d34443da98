"""The query ladder: what no callback settles, a question does."""

from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from orders.models import Order
from payments import queries, sending, services
from payments.models import Payment, PaymentAttempt
from tests.payments.daraja import IN_FLIGHT, PAID, QUERY, gateway_error, queried

pytestmark = pytest.mark.django_db

CANCELLED = queried("1032", "Request cancelled by user")


def age(attempt, seconds):
    sent = timezone.now() - timedelta(seconds=seconds)
    PaymentAttempt.objects.filter(pk=attempt.pk).update(sent_at=sent, created_at=sent, next_query_at=timezone.now())


def states(attempt):
    attempt.refresh_from_db()
    payment = Payment.objects.get()
    return attempt.status, payment.status, payment.order.status


def test_callback_that_never_comes_is_made_up_for_by_a_question(attempt, daraja):
    age(attempt, 25)
    daraja.script(QUERY, PAID)

    queries.query_attempt(attempt.pk)

    assert states(attempt) == ("succeeded", "successful", "paid")
    assert Payment.objects.get().transaction_id is None  # a query tells no receipt, and none is invented


@pytest.mark.parametrize(
    "answer",
    [
        IN_FLIGHT,
        (200, {"requestId": "1", "errorCode": "500.001.1001", "errorMessage": ""}),
        queried("4999", "The transaction is still under processing"),
        gateway_error(500, "500.001.1001", ""),
        gateway_error(500, "500.001.1001", "The transaction does not Exist"),
        gateway_error(400, "400.002.02", "Bad Request - Invalid CheckoutRequestID"),
        queried("1037", "The transaction is still under processing"),
        queried("2029", "unresolved reason type"),
        queried("0", "ok", "ws_CO_of_somebody_else"),
        queried("1032", "Request cancelled by user", "ws_CO_of_somebody_else"),
        queried("NEW", "something"),
        (200, {"ResponseCode": "1", "ResultCode": "1032", "CheckoutRequestID": "ws_CO_211120261045130712345678"}),
        (429, {"fault": {"faultstring": "Spike arrest violation"}}),
        (403, b"<html>"),
        (200, b""),
        (500, b'{"half'),
        requests.ReadTimeout("slow"),
        requests.ConnectionError("reset"),
    ],
)
def test_answer_that_is_not_final_changes_nothing(attempt, daraja, answer):
    age(attempt, 600)
    daraja.script(QUERY, answer)

    queries.query_attempt(attempt.pk)

    assert states(attempt) == ("pending", "pending", "pending")
    assert Order.objects.get().payment_open is True


@pytest.mark.parametrize(("seconds", "expected"), [(89, "pending"), (91, "failed")])
def test_failure_told_by_a_question_is_final_only_after_ninety_seconds(attempt, daraja, seconds, expected):
    age(attempt, seconds)
    daraja.script(QUERY, CANCELLED)

    queries.query_attempt(attempt.pk)

    assert states(attempt)[0] == expected


def test_due_attempts_are_claimed_with_their_next_turn(attempt, daraja, django_capture_on_commit_callbacks):
    age(attempt, 21)

    first, second = queries.query_due_attempts(), queries.query_due_attempts()

    attempt.refresh_from_db()
    assert (first, second, attempt.query_count) == (1, 0, 1)
    assert attempt.next_query_at == attempt.sent_at + timedelta(seconds=35)


def test_attempt_is_not_asked_about_before_its_first_turn(attempt, daraja):
    assert queries.query_due_attempts() == 0
    assert attempt.next_query_at == attempt.sent_at + timedelta(seconds=20)


def test_ladder_ends_with_a_person(attempt, daraja):
    age(attempt, 86_401)
    queries.query_due_attempts()

    queries.query_attempt(attempt.pk)

    assert states(attempt) == ("review", "pending", "pending")
    assert attempt.result_detail.startswith("no_final_answer")
    assert Order.objects.get().payment_open is True


def test_attempt_whose_worker_died_becomes_unknown_and_is_never_sent_again(order, daraja):
    started = services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678")
    attempt = started.payment.attempts.get()
    PaymentAttempt.objects.update(status="sending", sent_at=timezone.now() - timedelta(seconds=61))

    queries.query_attempt(attempt.pk)
    sending.send_attempt(attempt.pk)

    assert states(attempt) == ("unknown", "pending", "pending")
    assert daraja.calls == []


def test_attempt_that_no_worker_took_is_given_up(order, daraja):
    started = services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678")
    attempt = started.payment.attempts.get()
    PaymentAttempt.objects.update(created_at=timezone.now() - timedelta(seconds=91))

    queries.query_attempt(attempt.pk)

    assert states(attempt) == ("failed", "failed", "pending")
    assert daraja.calls == []


@pytest.mark.parametrize("status", ["succeeded", "review"])
def test_settled_attempt_is_not_asked_about(attempt, daraja, status):
    PaymentAttempt.objects.update(status=status)

    queries.query_attempt(attempt.pk)

    assert daraja.called(QUERY) == []


def test_lost_last_question_is_asked_again(attempt, daraja):
    """The broker may lose it; without another turn the attempt would stay open with nobody asking."""
    age(attempt, 10 * 86_400)

    queries.query_due_attempts()  # and the worker never hears of it

    attempt.refresh_from_db()
    assert attempt.next_query_at - timezone.now() <= queries.LAST_CALL
    daraja.script(QUERY, IN_FLIGHT)
    queries.query_attempt(attempt.pk)
    attempt.refresh_from_db()
    assert (attempt.status, attempt.next_query_at) == ("review", None)


def test_question_from_a_backlog_does_not_cost_the_rungs_that_it_missed(attempt, daraja):
    age(attempt, 100)  # the first one was due after 20 seconds, the next ones after 35, 60 and 95

    queries.query_due_attempts()

    attempt.refresh_from_db()
    assert 14 < (attempt.next_query_at - timezone.now()).total_seconds() <= 15
