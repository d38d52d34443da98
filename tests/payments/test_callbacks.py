"""Callbacks: stored first, answered at once, doubted, settled; in whatever order and number they come."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from catalog.models import Stock
from ecommerce import outgoing
from ecommerce.models import OutboxMessage
from ecommerce.outbox import Postpone
from orders import services as order_services
from orders.models import Order
from payments import inbox, sending, services
from payments.models import LedgerTransaction, Payment, PaymentAttempt, ProviderEvent, ReceivedMoney
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.daraja import IN_FLIGHT, PAID, PUSH, QUERY, accepted, queried, stk_callback
from tests.racing import at_once

pytestmark = pytest.mark.django_db

LISTED, UNLISTED = "196.201.214.200", "127.0.0.1"


def send(token, body, *, address=LISTED):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return APIClient().generic(
        "POST",
        f"/api/payments/mpesa/callback/{token}/",
        raw,
        content_type="application/json;charset=UTF-8",
        REMOTE_ADDR=address,
    )


def handle_all():
    for event in ProviderEvent.objects.filter(handled_at__isnull=True).order_by("created_at"):
        inbox.handle_event(event.pk)


def facts(order):
    order.refresh_from_db()
    payment = Payment.objects.get(order=order)
    return order.status, payment.status, payment.transaction_id, payment.needs_refund


PENDING = ("pending", "pending", None, False)
IS_PAID = ("paid", "successful", "UKL4AB12CD", False)
PAID_WITHOUT_RECEIPT = ("paid", "successful", None, False)  # until somebody tells it who can know


def test_callback_is_stored_and_answered_before_anything_else(order, callback_token, daraja):
    body = stk_callback()
    asked_before = len(daraja.calls)

    response = send(callback_token, body)

    assert (response.status_code, response.json()) == (200, {"ResultCode": 0, "ResultDesc": "Accepted"})
    event = ProviderEvent.objects.get()
    assert (json.loads(bytes(event.body)), event.is_trusted, event.handled_at) == (body, True, None)
    assert len(daraja.calls) == asked_before
    assert facts(order) == PENDING
    owed = OutboxMessage.objects.get(topic="payments.handle_provider_event")
    assert owed.payload == {"event_id": str(event.pk)}


def test_confirmed_success_pays_the_order(order, attempt, callback_token, daraja):
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback())

    handle_all()

    assert facts(order) == IS_PAID
    attempt.refresh_from_db()
    assert (attempt.status, attempt.receipt_number, attempt.received_amount, attempt.next_query_at) == (
        "succeeded",
        "UKL4AB12CD",
        Decimal("1500.00"),
        None,
    )
    assert (order.payment_open, order.reserved_until) == (False, None)
    assert Payment.objects.get().paid_at.isoformat() == "2026-11-21T07:45:31+00:00"  # 10:45:31 in Nairobi
    assert list(order.events.values_list("from_status", "to_status")) == [("", "pending"), ("pending", "paid")]
    assert OutboxMessage.objects.filter(topic="orders.send_order_confirmation").count() == 1


def test_callback_delivered_twice_pays_once(order, callback_token, daraja):
    daraja.script(QUERY, PAID)
    for _ in range(3):
        assert send(callback_token, stk_callback()).status_code == 200
        handle_all()

    assert ProviderEvent.objects.count() == 1
    assert facts(order) == IS_PAID
    assert order.events.count() == 2


def test_callback_from_a_listed_address_counts_while_the_query_is_in_flight(order, callback_token, daraja):
    daraja.script(QUERY, IN_FLIGHT)
    send(callback_token, stk_callback())

    handle_all()

    assert facts(order) == IS_PAID


def test_callback_from_elsewhere_waits_until_the_provider_confirms(order, callback_token, daraja):
    daraja.script(QUERY, IN_FLIGHT)
    send(callback_token, stk_callback(), address=UNLISTED)

    with pytest.raises(Postpone):
        handle_all()
    unconfirmed = facts(order)
    daraja.script(QUERY, PAID)
    handle_all()

    assert (unconfirmed, facts(order)) == (PENDING, PAID_WITHOUT_RECEIPT)


def test_receipt_from_elsewhere_is_not_taken(order, attempt, callback_token, daraja):
    """The payment is confirmed, but its receipt is not; it must not make the true one look like a second payment."""
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback(receipt="UKLF0RGED1"), address=UNLISTED)
    handle_all()

    send(callback_token, stk_callback(receipt="UKL4AB12CD"))
    handle_all()
    send(callback_token, stk_callback(receipt="UKLF0RGED2"), address=UNLISTED)
    handle_all()

    assert facts(order) == IS_PAID
    assert list(ReceivedMoney.objects.values_list("receipt_number", "status")) == [("UKL4AB12CD", "applied")]
    event = ProviderEvent.objects.latest("created_at")
    assert (event.handled_at, event.last_error) == (None, "receipt_mismatch")


def test_forged_success_that_the_provider_denies_pays_nothing(order, attempt, callback_token, daraja):
    PaymentAttempt.objects.update(sent_at=timezone.now() - timedelta(minutes=5))
    daraja.script(QUERY, queried("1032", "Request cancelled by user"))
    send(callback_token, stk_callback(), address=UNLISTED)

    handle_all()

    assert facts(order) == PENDING
    event = ProviderEvent.objects.get()
    assert (event.handled_at, event.last_error) == (None, "contradicted_by_query")


def test_forged_failure_is_asked_about(order, attempt, callback_token, daraja):
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback(code=1032, description="Request cancelled by user"), address=UNLISTED)

    handle_all()

    order.refresh_from_db()
    assert order.status == "paid"


def test_failure_from_elsewhere_counts_at_once_when_the_provider_confirms_it(order, attempt, callback_token, daraja):
    daraja.script(QUERY, queried("2001", "The initiator information is invalid."))
    send(callback_token, stk_callback(code=2001), address=UNLISTED)

    handle_all()

    attempt.refresh_from_db()
    assert (attempt.status, attempt.outcome) == ("failed", "wrong_pin")


def test_unknown_secret_stores_nothing(order, attempt):
    response = send("x" * 43, stk_callback())

    assert (response.status_code, response.json()["errors"][0]["code"]) == (404, "not_found")
    assert not ProviderEvent.objects.exists()


def test_oversized_callback_is_refused(callback_token):
    response = send(callback_token, b"{" + b" " * 300_000 + b"}")

    assert response.status_code == 413
    assert not ProviderEvent.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"Body": {}}', b'{"Body": {"stkCallback": {}}}', b"\xff\xfe", b"[" * 50_000, b"\x00"],
)
def test_unreadable_body_with_the_right_secret_is_kept_for_a_person(order, callback_token, body):
    response = send(callback_token, body)
    handle_all()

    assert response.status_code == 200
    event = ProviderEvent.objects.get()
    assert (bytes(event.body), event.handled_at) == (body, None)
    assert event.last_error.startswith("unreadable: not ")
    assert facts(order) == PENDING


def test_wrong_amount_is_recorded_and_pays_nothing(order, attempt, callback_token, daraja):
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback(amount=1))

    handle_all()

    assert facts(order) == PENDING
    attempt.refresh_from_db()
    assert (attempt.status, attempt.outcome, attempt.received_amount, attempt.receipt_number) == (
        "review",
        "underpaid",
        Decimal("1.00"),
        "UKL4AB12CD",
    )
    claim = ReceivedMoney.objects.get()  # only the callback says so: on the work list, not in the books
    assert (claim.status, claim.amount, claim.reason, claim.payment_id) == (
        "unverified",
        Decimal("1.00"),
        "underpaid",
        attempt.payment_id,
    )
    assert not LedgerTransaction.objects.exists()
    assert order.payment_open is True  # money is here: nobody cancels the order before a person has looked
    Order.objects.update(reserved_until=timezone.now() - timedelta(hours=1))
    assert order_services.cancel_unpaid_orders() == 0


@pytest.mark.parametrize("amount", [1500, 1500.0, "1500.00", "1500"])
def test_amount_is_read_in_every_spelling(order, callback_token, daraja, amount):
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback(amount=amount))

    handle_all()

    assert facts(order) == IS_PAID


@pytest.mark.parametrize(
    "items",
    [
        [{"Name": "Amount", "Value": 1500}],
        [{"Name": "MpesaReceiptNumber", "Value": "UKL4AB12CD"}],
        [],
        [{"Value": 1500}, "x", None],
        [{"Name": "Amount", "Value": "1e999999999"}, {"Name": "MpesaReceiptNumber", "Value": "UKL4AB12CD"}],
        [{"Name": "Amount", "Value": "NaN"}, {"Name": "MpesaReceiptNumber", "Value": "<script>"}],
    ],
)
def test_incomplete_success_is_believed_only_as_far_as_the_query_says(order, attempt, callback_token, daraja, items):
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback(items=items))

    handle_all()

    assert facts(order) == ("paid", "successful", None, False)  # the receipt is pending


def test_receipt_comes_later_and_completes_the_payment(order, attempt, callback_token, daraja):
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback(items=[]))
    handle_all()

    send(callback_token, stk_callback())
    handle_all()

    assert facts(order) == IS_PAID


def test_receipt_of_another_order_pays_nothing(order, attempt, callback_token, daraja):
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback())
    handle_all()
    other = place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))
    started = services.start_payment(user=other.user, order_id=other.pk, method="mpesa", phone_number="+254712345679")
    second = started.payment.attempts.get()
    daraja.script(PUSH, accepted("ws_CO_other"))
    sending.send_attempt(second.pk)
    token = daraja.called(PUSH)[-1]["CallBackURL"].rstrip("/").rsplit("/", 1)[1]
    daraja.script(QUERY, queried("0", "ok", "ws_CO_other"))

    send(token, stk_callback(checkout_id="ws_CO_other"))
    handle_all()

    assert facts(order) == IS_PAID
    assert facts(other) == PENDING
    second.refresh_from_db()
    assert (second.status, second.result_detail.split(":")[0]) == ("review", "receipt_reused")


def test_callback_about_another_checkout_is_left_for_a_person(order, callback_token, daraja):
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback(checkout_id="ws_CO_foreign"))

    handle_all()

    assert facts(order) == PENDING
    assert ProviderEvent.objects.get().last_error == "reference_mismatch"


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (1, "insufficient_funds"),
        (1032, "cancelled_by_customer"),
        (1037, "phone_not_reached"),
        (2001, "wrong_pin"),
        ("SFC_IC0003", "misconfigured"),
        (8006, "pin_locked"),
        (1019, "expired"),
    ],
)
def test_failure_names_its_reason_and_frees_the_order(order, attempt, callback_token, daraja, code, outcome):
    send(callback_token, stk_callback(code=code, description="whatever"))

    handle_all()

    assert facts(order) == ("pending", "failed", None, False)
    attempt.refresh_from_db()
    assert (attempt.status, attempt.outcome, attempt.result_code) == ("failed", outcome, str(code))
    assert order.payment_open is False
    assert order.reserved_until > timezone.now() + timedelta(minutes=4)


@pytest.mark.parametrize("code", [17, 1001, 4999, "NEW_CODE", "500.001.1001"])
def test_code_that_is_not_final_fails_nothing_and_is_asked_about_soon(order, attempt, callback_token, daraja, code):
    send(callback_token, stk_callback(code=code, description="whatever"))

    handle_all()

    assert facts(order) == PENDING
    attempt.refresh_from_db()
    assert (attempt.status, order.payment_open) == ("pending", True)
    assert attempt.next_query_at < timezone.now() + timedelta(seconds=20)


def test_success_after_failure_wins(order, attempt, callback_token, daraja):
    send(callback_token, stk_callback(code=1037, description="DS timeout"))
    handle_all()
    daraja.script(QUERY, PAID)

    send(callback_token, stk_callback())
    handle_all()

    assert facts(order) == IS_PAID


def test_failure_after_success_changes_nothing(order, attempt, callback_token, daraja):
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback())
    handle_all()

    send(callback_token, stk_callback(code=1032, description="Request cancelled by user"))
    handle_all()

    assert facts(order) == IS_PAID
    assert order.events.count() == 2


def test_money_for_a_cancelled_order_is_flagged_for_refund(order, attempt, callback_token, daraja):
    send(callback_token, stk_callback(code=1037))
    handle_all()
    order_services.cancel_order(order.pk)
    daraja.script(QUERY, PAID)

    send(callback_token, stk_callback())
    handle_all()

    assert facts(order) == ("cancelled", "successful", "UKL4AB12CD", True)
    assert Stock.objects.get().available == 10
    assert not OutboxMessage.objects.filter(topic="orders.send_order_confirmation").exists()


def test_callback_before_the_pushs_answer_is_attributed_by_its_secret(order, daraja):
    started = services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678")
    attempt = started.payment.attempts.get()
    daraja.script(QUERY, PAID)
    answer = daraja.request

    def callback_first(method, url, **kwargs):
        if url.endswith(PUSH):
            token = kwargs["json"]["CallBackURL"].rstrip("/").rsplit("/", 1)[1]
            send(token, stk_callback())
            handle_all()
        return answer(method, url, **kwargs)

    outgoing.requests.request, original = callback_first, outgoing.requests.request
    try:
        sending.send_attempt(attempt.pk)
    finally:
        outgoing.requests.request = original

    assert facts(order) == IS_PAID
    attempt.refresh_from_db()
    assert (attempt.status, attempt.provider_reference) == ("succeeded", "ws_CO_211120261045130712345678")


def test_lost_answer_to_a_push_is_settled_by_its_callback(order, daraja):
    import requests

    started = services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678")
    attempt = started.payment.attempts.get()
    daraja.script(PUSH, requests.ReadTimeout("lost"))
    sending.send_attempt(attempt.pk)
    token = daraja.called(PUSH)[-1]["CallBackURL"].rstrip("/").rsplit("/", 1)[1]
    daraja.script(QUERY, PAID)

    send(token, stk_callback(), address=UNLISTED)
    handle_all()

    assert facts(order) == PAID_WITHOUT_RECEIPT


def test_second_attempt_that_brings_money_too_is_flagged_for_refund(order, attempt, callback_token, daraja):
    send(callback_token, stk_callback(code=1037))
    handle_all()
    second = services.start_payment(
        user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678"
    ).payment.attempts.get(status="created")
    daraja.script(PUSH, accepted("ws_CO_second"))
    sending.send_attempt(second.pk)
    second_token = daraja.called(PUSH)[-1]["CallBackURL"].rstrip("/").rsplit("/", 1)[1]
    daraja.script(QUERY, PAID)
    send(callback_token, stk_callback())
    handle_all()
    daraja.script(QUERY, queried("0", "ok", "ws_CO_second"))

    send(second_token, stk_callback(checkout_id="ws_CO_second", receipt="UKL4AB12CE"))
    handle_all()

    assert facts(order) == ("paid", "successful", "UKL4AB12CD", True)
    assert list(PaymentAttempt.objects.order_by("created_at").values_list("status", "receipt_number")) == [
        ("succeeded", "UKL4AB12CD"),
        ("succeeded", "UKL4AB12CE"),
    ]


@pytest.mark.django_db(transaction=True)
def test_ten_workers_on_one_event_settle_once(daraja):
    order = place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))
    attempt = services.start_payment(
        user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678"
    ).payment.attempts.get()
    sending.send_attempt(attempt.pk)
    token = daraja.called(PUSH)[-1]["CallBackURL"].rstrip("/").rsplit("/", 1)[1]
    daraja.script(QUERY, PAID)
    send(token, stk_callback())
    event_id = ProviderEvent.objects.get().pk

    at_once([lambda: inbox.handle_event(event_id) for _ in range(10)])

    assert facts(order) == IS_PAID
    assert order.events.count() == 2
    assert OutboxMessage.objects.filter(topic="orders.send_order_confirmation").count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_callback_in_ten_copies_at_once_is_one_event(daraja):
    order = place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))
    attempt = services.start_payment(
        user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678"
    ).payment.attempts.get()
    sending.send_attempt(attempt.pk)
    token = daraja.called(PUSH)[-1]["CallBackURL"].rstrip("/").rsplit("/", 1)[1]

    statuses = at_once([lambda: send(token, stk_callback()).status_code for _ in range(10)])

    assert statuses == [200] * 10
    assert ProviderEvent.objects.count() == 1
    assert OutboxMessage.objects.filter(topic="payments.handle_provider_event").count() == 1
