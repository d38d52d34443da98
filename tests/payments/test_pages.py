"""Paying on a provider's page: starting, changing one's mind, coming back, and running out of time."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.utils import timezone

from ecommerce.models import OutboxMessage
from ecommerce.outbox import Postpone
from orders.models import Order
from payments import inline, outcomes, queries, sending, services
from payments.exceptions import ProviderUnavailable, ProviderUnreachable
from payments.models import Payment, PaymentAttempt
from payments.providers.base import Charge, InitiateResult, ProviderResult, Verdict
from tests.clients import client_for
from tests.factories import UserFactory
from tests.payments.pagepay import OPEN, PAGE, PagePay, paid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pagepay")]

URL = "/api/payments/initialize/"


@pytest.fixture
def buyer(order):
    return client_for(order.user)


def initialize(client, order, **changes):
    headers = {"Idempotency-Key": changes.pop("key")} if "key" in changes else {}
    body = {"order_id": str(order.pk), "method": "card"} | changes
    return client.post(URL, body, format="json", headers=headers)


def age(attempt, seconds):
    sent = timezone.now() - timedelta(seconds=seconds)
    PaymentAttempt.objects.filter(pk=attempt.pk).update(sent_at=sent, created_at=sent, next_query_at=timezone.now())


def states(attempt):
    attempt.refresh_from_db()
    payment = Payment.objects.get(pk=attempt.payment_id)
    return attempt.status, attempt.outcome, payment.status, Order.objects.get(pk=payment.order_id).payment_open


def problem(answer):
    return answer.status_code, answer.json()["errors"][0]["code"]


# --- starting


def test_answer_has_the_page_and_the_reference(buyer, order):
    answer = initialize(buyer, order)

    told = answer.json()
    attempt = PaymentAttempt.objects.get()
    assert answer.status_code == 201
    assert told["reference"] == attempt.reference
    assert told["authorization_url"] == PAGE + attempt.reference
    assert told["provider"] == "pagepay"
    assert told["payment"]["attempts"][0]["outcome"] == "waiting_on_page"


def test_same_key_gives_the_same_page(buyer, order):
    first = initialize(buyer, order, key="k")

    again = initialize(buyer, order, key="k")

    assert (again.status_code, again.json()) == (201, first.json())
    assert len(PagePay.called("initiate")) == 1


def test_second_click_gives_the_same_page(buyer, order):
    first = initialize(buyer, order)

    again = initialize(buyer, order)

    assert again.status_code == 200
    assert again.json()["authorization_url"] == first.json()["authorization_url"]
    assert PaymentAttempt.objects.count() == 1


def test_page_of_somebody_elses_order_is_not_made(order):
    answer = initialize(client_for(UserFactory()), order)

    assert problem(answer) == (404, "not_found")
    assert not PaymentAttempt.objects.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"method": "mobile_money"}, "payment_method_unavailable"),
        ({"provider": "mpesa"}, "payment_method_unavailable"),
        ({"provider": "nobody"}, "invalid_choice"),
        ({"method": "barter"}, "invalid_choice"),
    ],
)
def test_way_that_is_not_offered_is_refused(buyer, order, changes, code):
    answer = initialize(buyer, order, **changes)

    assert problem(answer) == (400, code)
    assert not PaymentAttempt.objects.exists()


def test_refusal_by_the_provider_is_told_with_advice(buyer, order):
    PagePay.pages = [InitiateResult(accepted=False, outcome=outcomes.AMOUNT_REFUSED)]

    answer = initialize(buyer, order)

    assert problem(answer) == (503, "payment_page_unavailable")
    assert answer.json()["outcome"] == "amount_refused"
    assert answer.json()["errors"][0]["detail"] == outcomes.AMOUNT_REFUSED.advice
    assert states(PaymentAttempt.objects.get()) == ("failed", "amount_refused", "failed", False)


def test_provider_that_was_not_reached_has_no_page(buyer, order):
    PagePay.pages = [ProviderUnreachable("no route")]

    assert problem(initialize(buyer, order)) == (503, "payment_page_unavailable")
    assert states(PaymentAttempt.objects.get())[:2] == ("failed", "not_sent")


def test_busy_provider_wants_a_pause(buyer, order):
    PagePay.pages = [InitiateResult(accepted=False, outcome=outcomes.SERVICE_BUSY)]
    initialize(buyer, order)

    answer = initialize(buyer, order)

    assert problem(answer) == (429, "retry_later")
    assert 0 < int(answer["Retry-After"]) <= 60
    assert PaymentAttempt.objects.count() == 1
    PaymentAttempt.objects.update(ended_at=timezone.now() - timedelta(seconds=61))
    assert initialize(buyer, order).status_code == 201


def test_lost_answer_is_asked_for_again_with_the_same_reference(buyer, order, run_owed_work):
    PagePay.pages = [ProviderUnavailable("time-out")]

    answer = initialize(buyer, order)

    attempt = PaymentAttempt.objects.get()
    assert (answer.status_code, attempt.status) == (202, "unknown")
    assert answer.json()["authorization_url"] == ""
    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    run_owed_work()
    attempt.refresh_from_db()
    assert (attempt.status, attempt.authorization_url) == ("pending", PAGE + attempt.reference)
    assert PagePay.called("initiate") == [attempt.reference] * 2


def test_worker_asks_again_only_as_long_as_the_customer_waits(order):
    PagePay.pages = [ProviderUnavailable("time-out")] * 2
    attempt = services.start_payment(user=order.user, order_id=order.pk, method="card", phone_number="").attempt
    with pytest.raises(Postpone):
        sending.send_attempt(attempt.pk)
    PaymentAttempt.objects.update(created_at=timezone.now() - timedelta(seconds=91))

    sending.send_attempt(attempt.pk)

    assert len(PagePay.called("initiate")) == 1


def test_page_is_left_to_a_worker_when_no_thread_can_be_spared(buyer, order, run_owed_work):
    busy = threading.BoundedSemaphore(1)
    busy.acquire()
    original, inline._spare = inline._spare, busy
    try:
        answer = initialize(buyer, order)
    finally:
        inline._spare = original

    assert (answer.status_code, answer.json()["authorization_url"]) == (202, "")
    assert PagePay.called("initiate") == []
    run_owed_work()
    assert initialize(buyer, order).json()["authorization_url"].startswith(PAGE)


def test_spare_threads_are_counted_and_given_back():
    with inline.spare_thread() as first:
        taken = [inline.spare_thread() for _ in range(django_settings.PROVIDER_THREADS)]
        spare = [thread.__enter__() for thread in taken]
        for thread in taken:
            thread.__exit__(None, None, None)
    with inline.spare_thread() as again:
        pass

    assert first
    assert spare == [True] * (django_settings.PROVIDER_THREADS - 1) + [False]
    assert again


def test_charge_in_another_currency_keeps_its_rate(buyer, order, monkeypatch):
    monkeypatch.setattr(PagePay, "payable_amount", lambda *_: Charge(Decimal("11.61"), "USD"))

    initialize(buyer, order)

    attempt = PaymentAttempt.objects.get()
    assert (attempt.amount, attempt.currency, attempt.rate) == (Decimal("11.61"), "USD", Decimal("129.1989664083"))


# --- another way of paying


def test_another_way_takes_the_place_of_a_page(page_attempt, buyer, order, run_owed_work):
    answer = initialize(buyer, order, method="paypal")

    assert answer.status_code == 201
    assert states(page_attempt)[:2] == ("failed", "superseded")
    assert PaymentAttempt.objects.filter(status="pending").get().method == "paypal"
    run_owed_work()
    assert PagePay.called("close") == [page_attempt.reference]


def test_prompt_on_a_phone_cannot_be_left(attempt, buyer, order):
    answer = initialize(buyer, order)

    assert problem(answer) == (409, "payment_in_progress")
    assert PaymentAttempt.objects.count() == 1
    assert states(attempt)[0] == "pending"


def test_page_that_was_left_and_is_paid_all_the_same_pays_the_order(page_attempt, buyer, order):
    initialize(buyer, order, method="paypal")
    PagePay.answers = [paid()]

    queries.query_attempt(page_attempt.pk)

    assert states(page_attempt)[0] == "succeeded"
    assert Order.objects.get().status == "paid"


def test_second_payment_goes_back_by_itself(page_attempt, buyer, order, run_owed_work):
    chosen = initialize(buyer, order, method="paypal").json()["reference"]
    PagePay.answers = [paid()]
    queries.query_attempt(PaymentAttempt.objects.get(reference=chosen).pk)
    PagePay.answers = [paid(receipt="PP-2")]

    queries.query_attempt(page_attempt.pk)
    run_owed_work()

    payment = Payment.objects.get()
    assert payment.refunds.get().cause == "paid_twice"
    assert (payment.status, Order.objects.get().status) == ("successful", "paid")
    assert len(PagePay.called("refund")) == 1


def test_page_that_was_left_while_it_was_being_made_is_closed(order, buyer, run_owed_work):
    attempt = services.start_payment(user=order.user, order_id=order.pk, method="card", phone_number="").attempt
    PaymentAttempt.objects.update(status="sending", sent_at=timezone.now())
    initialize(buyer, order, method="paypal")
    answer = InitiateResult(accepted=True, provider_reference="pp-1", authorization_url=f"{PAGE}late")

    sending._record_answer(attempt.pk, answer)
    run_owed_work()

    assert PagePay.called("close").count(attempt.reference) >= 1
    assert states(attempt)[:2] == ("failed", "superseded")


def test_lost_page_is_left_behind_by_the_next_click(order, buyer):
    PagePay.pages = [ProviderUnavailable("time-out")]
    first = initialize(buyer, order).json()["reference"]

    again = initialize(buyer, order)

    assert again.status_code == 201
    assert again.json()["reference"] != first
    assert PaymentAttempt.objects.get(reference=first).outcome == "superseded"


def test_page_that_the_customer_closed_is_left_behind_by_the_next_click(page_attempt, buyer, order):
    PagePay.answers = [ProviderResult(verdict=Verdict.IN_FLIGHT, outcome=outcomes.CANCELLED)]
    queries.query_attempt(page_attempt.pk)

    again = initialize(buyer, order)

    assert again.status_code == 201
    assert again.json()["reference"] != page_attempt.reference
    assert states(page_attempt)[:2] == ("failed", "superseded")


# --- asking, and running out of time


@pytest.mark.parametrize(
    "outcome", [outcomes.INSTRUMENT_DECLINED, outcomes.GO_BACK_TO_PAGE, outcomes.PROVIDER_CHECKS, outcomes.CANCELLED]
)
def test_customer_is_told_what_the_provider_says_of_an_open_page(page_attempt, buyer, outcome):
    PagePay.answers = [ProviderResult(verdict=Verdict.IN_FLIGHT, outcome=outcome)]

    (told,) = buyer.get(f"/api/payments/verify/{page_attempt.reference}/").json()["attempts"]

    assert (told["status"], told["outcome"]) == ("pending", outcome.name)
    assert (told["advice"], told["retry"]) == (outcome.advice, outcome.retry)


@pytest.mark.parametrize("nothing_new", [ProviderResult(verdict=Verdict.IN_FLIGHT), OPEN])
def test_answer_without_news_leaves_the_advice(page_attempt, nothing_new):
    PagePay.answers = [ProviderResult(verdict=Verdict.IN_FLIGHT, outcome=outcomes.CARD_DECLINED), nothing_new]
    queries.query_attempt(page_attempt.pk)

    queries.query_attempt(page_attempt.pk)

    assert len(PagePay.called("query")) == 2
    assert states(page_attempt)[:2] == ("pending", "card_declined")


def test_page_that_nobody_pays_ends_with_its_time_and_is_asked_about_further(page_attempt):
    age(page_attempt, 3601)

    queries.query_due_attempts()
    queries.query_attempt(page_attempt.pk)

    assert PagePay.called("close") == [page_attempt.reference]
    assert states(page_attempt) == ("failed", "expired", "failed", False)
    assert page_attempt.next_query_at is not None
    PagePay.answers = [paid()]
    age(page_attempt, 7201)
    queries.query_due_attempts()
    queries.query_attempt(page_attempt.pk)
    assert states(page_attempt)[0] == "succeeded"


def test_page_that_is_paid_in_the_last_second_is_paid(page_attempt):
    age(page_attempt, 3601)
    PagePay.answers = [OPEN, paid()]

    queries.query_attempt(page_attempt.pk)

    assert states(page_attempt)[:3] == ("succeeded", "paid", "successful")


def test_ladder_has_a_rung_where_the_time_ends(page_attempt):
    age(page_attempt, 400)
    PaymentAttempt.objects.update(query_count=2)

    queries.query_due_attempts()

    page_attempt.refresh_from_db()
    left = page_attempt.next_query_at - page_attempt.sent_at
    assert left == timedelta(hours=1)


def test_attempt_that_never_arrived_ends_unsent(order):
    attempt = services.start_payment(user=order.user, order_id=order.pk, method="card", phone_number="").attempt
    PaymentAttempt.objects.update(status="unknown", sent_at=timezone.now() - timedelta(minutes=10))
    PagePay.answers = [ProviderResult(verdict=Verdict.NEVER_SEEN)]

    queries.query_attempt(attempt.pk)

    assert states(attempt)[:3] == ("failed", "not_sent", "failed")


def test_attempt_that_is_being_sent_again_is_not_ended(order):
    attempt = services.start_payment(user=order.user, order_id=order.pk, method="card", phone_number="").attempt
    PaymentAttempt.objects.update(status="sending", sent_at=timezone.now())
    PagePay.answers = [ProviderResult(verdict=Verdict.NEVER_SEEN)]

    queries.query_attempt(attempt.pk)

    assert states(attempt)[0] == "sending"


def test_unknown_attempt_that_the_provider_has_is_open(order):
    attempt = services.start_payment(user=order.user, order_id=order.pk, method="card", phone_number="").attempt
    PaymentAttempt.objects.update(status="unknown", sent_at=timezone.now() - timedelta(minutes=10))

    queries.query_attempt(attempt.pk)

    assert states(attempt)[:2] == ("pending", "waiting_on_page")


def test_late_money_for_a_cancelled_order_goes_back(page_attempt, run_owed_work):
    queries._give_up(page_attempt.pk, outcomes.EXPIRED, keep_asking=True)
    Order.objects.update(status="cancelled")
    PagePay.answers = [paid()]

    queries.query_attempt(page_attempt.pk)
    run_owed_work()

    payment = Payment.objects.get()
    assert payment.refunds.get().cause == "order_cancelled"
    assert payment.order.status == "cancelled"


# --- coming back


def test_verify_asks_settles_and_answers(page_attempt, buyer):
    cache.clear()
    PagePay.answers = [paid()]

    answer = buyer.get(f"/api/payments/verify/{page_attempt.reference}/")

    assert (answer.status_code, answer.json()["status"]) == (200, "successful")


def test_verify_asks_once_in_a_while(page_attempt, buyer):
    cache.clear()
    url = f"/api/payments/verify/{page_attempt.reference}/"

    codes = [buyer.get(url).status_code for _ in range(4)]

    assert (codes, len(PagePay.called("query"))) == ([200] * 4, 1)


def test_verify_leaves_the_question_to_a_worker_when_no_thread_can_be_spared(page_attempt, buyer, monkeypatch):
    cache.clear()
    busy = threading.BoundedSemaphore(1)
    busy.acquire()
    monkeypatch.setattr(inline, "_spare", busy)

    answer = buyer.get(f"/api/payments/verify/{page_attempt.reference}/")

    page_attempt.refresh_from_db()
    assert (answer.status_code, PagePay.called("query")) == (200, [])
    assert page_attempt.next_query_at <= timezone.now()


def test_verify_of_what_is_settled_asks_nobody(page_attempt, buyer):
    cache.clear()
    PagePay.answers = [paid()]
    queries.query_attempt(page_attempt.pk)
    PagePay.calls.clear()

    buyer.get(f"/api/payments/verify/{page_attempt.reference}/")

    assert PagePay.calls == []


def test_verify_is_for_the_owner(page_attempt):
    answer = client_for(UserFactory()).get(f"/api/payments/verify/{page_attempt.reference}/")

    assert (answer.status_code, PagePay.called("query")) == (404, [])


def test_verify_survives_a_provider_that_does_not_answer(page_attempt, buyer):
    cache.clear()
    PagePay.answers = [ProviderUnavailable("down")]

    answer = buyer.get(f"/api/payments/verify/{page_attempt.reference}/")

    assert (answer.status_code, answer.json()["status"]) == (200, "pending")


def test_customer_who_comes_back_is_sent_to_the_frontend(client, page_attempt, settings):
    settings.FRONTEND_URL = "https://shop.example"
    PaymentAttempt.objects.update(next_query_at=timezone.now() + timedelta(hours=1))

    answer = client.get(f"/api/payments/return/{page_attempt.reference}/?status=paid&trxref=1")

    page_attempt.refresh_from_db()
    assert answer.status_code == 302
    assert answer["Location"] == f"https://shop.example/payment-result?reference={page_attempt.reference}"
    assert page_attempt.next_query_at <= timezone.now()
    assert states(page_attempt)[0] == "pending"


def test_return_address_tells_nobody_whether_a_payment_exists(client, page_attempt):
    known = client.get(f"/api/payments/return/{page_attempt.reference}/")
    unknown = client.get("/api/payments/return/1000000000-AAAAAAAA/")

    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert known.status_code == 200


def test_return_address_asks_no_more_about_what_is_settled(client, page_attempt):
    PagePay.answers = [paid()]
    queries.query_attempt(page_attempt.pk)

    client.get(f"/api/payments/return/{page_attempt.reference}/")

    page_attempt.refresh_from_db()
    assert page_attempt.next_query_at is None


def test_prompt_on_a_phone_is_no_page(page_attempt, buyer, order):
    answer = initialize(buyer, order, method="mpesa", phone_number="0712345678")

    assert problem(answer) == (400, "invalid_choice")
    assert states(page_attempt)[0] == "pending"  # the page that was open still is


def test_foreign_phone_is_refused_before_anything_is_owed(buyer, order):
    body = {"order_id": str(order.pk), "method": "mpesa", "phone_number": "+16502530000"}

    answer = buyer.post("/api/payments/", body, format="json")

    assert problem(answer) == (400, "invalid")
    assert not PaymentAttempt.objects.exists()


def test_customer_sees_what_has_arrived(page_attempt, buyer):
    url = f"/api/payments/{page_attempt.payment_id}/"
    before = buyer.get(url).json()["paid_amount"]
    PagePay.answers = [paid()]
    queries.query_attempt(page_attempt.pk)

    assert (before, buyer.get(url).json()["paid_amount"]) == ("0.00", "1500.00")
