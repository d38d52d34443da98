"""Signed webhooks: stored once, answered at once, never believed, and never the reason for a second effect."""

from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.core.cache import cache
from django.utils import timezone

from ecommerce.outbox import Postpone
from payments import decisions, inbox, outcomes, refunds, reviews, services
from payments.exceptions import ProviderUnavailable
from payments.models import Payment, PaymentAttempt, ProviderEvent, ReceivedMoney, Refund, RefusedEvents
from payments.providers.base import About, ProviderResult, Verdict
from payments.queries import query_attempt
from tests.factories import UserFactory
from tests.payments.pagepay import PagePay, paid, signature, webhook
from tests.payments.test_ledger import check_books
from tests.racing import at_once

pytestmark = pytest.mark.django_db

URL = "/api/payments/webhooks/pagepay/"


def send(client, body: bytes, *, signed: str | None = None, url: str = URL, **headers: str):
    sent = {"X-PagePay": signature(body) if signed is None else signed} | headers
    return client.generic("POST", url, body, content_type="application/json", headers=sent)


def states(attempt):
    attempt.refresh_from_db()
    payment = Payment.objects.get(pk=attempt.payment_id)
    return attempt.status, payment.status, payment.order.status


def refused() -> dict[str, int]:
    return dict(RefusedEvents.objects.values_list("reason", "count"))


# --- receiving


def test_webhook_is_stored_as_it_came_and_answered_before_anything_is_asked(client, page_attempt):
    PagePay.answers = [paid()]
    body = webhook(page_attempt.reference)

    answer = send(client, body)

    assert (answer.status_code, answer.json()) == (200, {"received": True})
    event = ProviderEvent.objects.get()
    assert (bytes(event.body), event.is_trusted, event.handled_at) == (body, True, None)
    assert PagePay.called("query") == []
    assert states(page_attempt)[0] == "pending"


def test_worker_asks_and_settles_by_the_answer(client, page_attempt, run_owed_work):
    PagePay.answers = [paid()]
    send(client, webhook(page_attempt.reference))

    run_owed_work()

    assert states(page_attempt) == ("succeeded", "successful", "paid")
    event = ProviderEvent.objects.get()
    assert (event.outcome, event.attempt_id, event.handled_at is not None) == ("paid", page_attempt.pk, True)


def test_same_event_twice_is_one_event_and_one_payment(client, page_attempt, run_owed_work):
    PagePay.answers = [paid()]
    for _ in range(2):
        assert send(client, webhook(page_attempt.reference)).status_code == 200
        run_owed_work()

    assert ProviderEvent.objects.count() == 1
    assert ReceivedMoney.objects.count() == 1
    assert len(PagePay.called("query")) == 1


@pytest.mark.django_db(transaction=True)
def test_same_event_ten_times_at_once_is_one_event(client, page_attempt):
    body = webhook(page_attempt.reference)

    answers = at_once([lambda: send(client, body).status_code] * 10)

    assert answers == [200] * 10
    assert ProviderEvent.objects.count() == 1


@pytest.mark.parametrize("signed", ["", "0" * 64, "ü", signature(b"{}")])
def test_forged_webhook_is_refused_and_counted(client, page_attempt, signed):
    answer = send(client, webhook(page_attempt.reference), signed=signed)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "bad_signature")
    assert not ProviderEvent.objects.exists()
    assert refused() == {"bad_signature": 1}


def test_one_changed_byte_is_a_forgery(client, page_attempt):
    body = webhook(page_attempt.reference)

    answer = send(client, body.replace(b"evt-1", b"evt-2"), signed=signature(body))

    assert answer.status_code == 403
    assert not ProviderEvent.objects.exists()


def test_forger_is_slowed_down_and_the_provider_is_not(client, page_attempt, settings):
    cache.clear()
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"anonymous": "3/3600"}
    body = webhook(page_attempt.reference)

    codes = [send(client, body, signed="0").status_code for _ in range(5)]

    assert codes == [403, 403, 403, 429, 429]
    assert send(client, body).status_code == 200
    assert refused() == {"bad_signature": 5}


def test_oversized_webhook_is_refused_and_counted(client, page_attempt):
    answer = send(client, webhook(page_attempt.reference, padding="x" * 300_000))

    assert answer.status_code == 413
    assert not ProviderEvent.objects.exists()
    assert refused() == {"too_large": 1}


def test_other_charset_is_the_providers_own_business(client, page_attempt, run_owed_work):
    """The bytes are signed, whatever they are; what cannot be read waits for a person and settles nothing."""
    PagePay.answers = [paid()]
    body = b"\xff\xfe{not json"

    answer = send(client, body, **{"Content-Type": "application/json; charset=klingon"})
    run_owed_work()

    assert answer.status_code == 200
    event = ProviderEvent.objects.get()
    assert (event.handled_at, event.last_error) == (None, "unreadable: no event of PagePay's")
    assert states(page_attempt)[0] == "pending"


@pytest.mark.parametrize("name", ["mpesa", "nobody", "manual"])
def test_provider_that_sends_no_webhooks_has_no_address(client, db, name):
    answer = send(client, b"{}", url=f"/api/payments/webhooks/{name}/")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found")


def test_webhook_that_cannot_be_checked_now_is_asked_for_again(client, page_attempt, monkeypatch):
    def check(*_: object) -> bool:
        raise ProviderUnavailable("no certificate")

    monkeypatch.setattr(PagePay, "check_webhook", check)
    client.raise_request_exception = False

    answer = send(client, webhook(page_attempt.reference))

    assert answer.status_code == 503
    assert not ProviderEvent.objects.exists()
    assert refused() == {"not_checkable": 1}


def test_paystack_has_the_address_of_the_contract_too(client, db, settings):
    settings.PAYSTACK = settings.PAYSTACK | {"SECRET_KEY": "sk_test_x"}

    answer = send(client, b"{}", url="/api/payments/webhook/")

    assert answer.status_code == 403
    assert RefusedEvents.objects.get().provider == "paystack"


# --- handling


def handle(**told) -> ProviderEvent:
    event = ProviderEvent.objects.create(
        provider="pagepay", event_id=told.get("event_id", "evt-1"), kind="told", body=webhook(**told), is_trusted=True
    )
    inbox.handle_event(event.pk)
    event.refresh_from_db()
    return event


def test_webhook_that_the_provider_does_not_confirm_pays_nothing(page_attempt):
    event = handle(reference=page_attempt.reference, amount="1500.00", receipt="PP-1")

    assert states(page_attempt) == ("pending", "pending", "pending")
    assert event.outcome == "asked_again"
    assert page_attempt.next_query_at - timezone.now() < timedelta(seconds=16)


def test_signed_webhook_of_another_amount_does_not_count_but_is_seen(page_attempt):
    PagePay.answers = [paid("1.00")]

    event = handle(reference=page_attempt.reference, amount="1500.00")

    assert states(page_attempt) == ("review", "pending", "pending")
    assert event.handled_at is None
    assert event.last_error == "it says 1500.00, the provider itself says 1.00"
    assert ReceivedMoney.objects.get().status == "unmatched"


def test_signed_webhook_of_another_currency_pays_nothing(page_attempt):
    PagePay.answers = [paid(currency="UGX")]

    handle(reference=page_attempt.reference)

    assert states(page_attempt) == ("review", "pending", "pending")


@pytest.mark.parametrize("first", [paid("1.00"), paid(currency="UGX")], ids=["amount", "currency"])
def test_provider_that_says_two_things_of_one_receipt_pays_nothing(page_attempt, first):
    PagePay.answers = [first, paid()]
    handle(reference=page_attempt.reference)

    handle(reference=page_attempt.reference, event_id="evt-2")

    assert states(page_attempt) == ("review", "pending", "pending")
    money = ReceivedMoney.objects.get()
    assert (money.status, money.amount, money.currency) == ("unmatched", first.amount, first.currency)
    check_books()


def test_news_of_what_staff_have_decided_does_not_keep_the_customer_from_paying(page_attempt):
    PagePay.answers = [paid("500.00")]
    handle(reference=page_attempt.reference)
    staff = UserFactory(is_staff=True)
    decisions.attach(ReceivedMoney.objects.get().pk, order_number=page_attempt.payment.order.number, actor=staff)
    reviews.close_review(page_attempt.pk, actor=staff, reason="the rest comes by another way")

    handle(reference=page_attempt.reference, event_id="evt-2")

    assert states(page_attempt) == ("failed", "failed", "pending")
    order = page_attempt.payment.order
    rest = services.start_payment(user=order.user, order_id=order.pk, method="card", phone_number="")
    assert (rest.is_new, rest.attempt.amount) == (True, Decimal("1000.00"))
    check_books()


def test_other_money_of_an_attempt_that_staff_have_closed_is_seen(page_attempt):
    PagePay.answers = [paid("500.00")]
    handle(reference=page_attempt.reference)
    staff = UserFactory(is_staff=True)
    reviews.close_review(page_attempt.pk, actor=staff, reason="given back")
    PagePay.answers = [paid("700.00", receipt="PP-2")]

    handle(reference=page_attempt.reference, event_id="evt-2")

    assert states(page_attempt) == ("review", "failed", "pending")
    assert ReceivedMoney.objects.filter(status="unmatched").count() == 2
    check_books()


def test_decline_that_a_webhook_brings_up_is_told_to_the_customer(page_attempt):
    PagePay.answers = [ProviderResult(verdict=Verdict.IN_FLIGHT, outcome=outcomes.INSTRUMENT_DECLINED)]

    handle(reference=page_attempt.reference)

    page_attempt.refresh_from_db()
    assert (page_attempt.status, page_attempt.outcome) == ("pending", "instrument_declined")


def test_provider_that_does_not_answer_is_asked_again(page_attempt):
    PagePay.answers = [ProviderUnavailable("down")]

    with pytest.raises(Postpone):
        handle(reference=page_attempt.reference)

    assert ProviderEvent.objects.get().handled_at is None


def test_unknown_reference_waits_a_while_and_then_for_a_person(page_attempt):
    with pytest.raises(Postpone):
        handle(reference="1000000000-AAAAAAAA")
    event = ProviderEvent.objects.get()
    ProviderEvent.objects.update(created_at=timezone.now() - timedelta(minutes=6))

    inbox.handle_event(event.pk)

    event.refresh_from_db()
    assert (event.handled_at, event.last_error) == (None, "it speaks of a payment that is none of ours")


def test_success_of_a_page_that_was_left_beats_its_failure(page_attempt):
    PaymentAttempt.objects.filter(pk=page_attempt.pk).update(status="failed", outcome="expired", next_query_at=None)
    PagePay.answers = [paid()]

    handle(reference=page_attempt.reference)

    assert states(page_attempt) == ("succeeded", "successful", "paid")


def test_receipt_that_has_paid_another_order_pays_no_second(page_attempt, second_page_attempt):
    PagePay.answers = [paid()]
    handle(reference=page_attempt.reference)

    handle(reference=second_page_attempt.reference, event_id="evt-2")

    assert states(page_attempt)[0] == "succeeded"
    assert states(second_page_attempt) == ("review", "pending", "pending")


@pytest.mark.parametrize("named", ["reference", "provider_reference", "payment"])
def test_refund_webhook_makes_us_ask_about_the_refund(page_attempt, named):
    PagePay.answers = [paid()]
    handle(reference=page_attempt.reference)
    (refund,) = refunds.refund_payment(payment_id=page_attempt.payment_id, amount=None, reason="back", actor=None)
    refunds.send_refund(refund.pk)
    told = {
        "reference": {"reference": refund.reference},
        "provider_reference": {"reference": "", "provider_reference": "rf-PP-1"},
        "payment": {"reference": page_attempt.reference},
    }[named]

    event = handle(event_id="evt-2", about=About.REFUND, **told)

    refund.refresh_from_db()
    assert (refund.status, event.outcome, event.refund_id) == ("succeeded", "asked", refund.pk)
    assert states(page_attempt)[1] == "refunded"


def test_refund_that_the_shop_never_made_is_seen(page_attempt):
    PagePay.answers = [paid()]
    handle(reference=page_attempt.reference)
    with pytest.raises(Postpone):
        handle(event_id="evt-2", about=About.REFUND, reference=page_attempt.reference)
    ProviderEvent.objects.update(created_at=timezone.now() - timedelta(minutes=6))

    inbox.handle_event(ProviderEvent.objects.get(event_id="evt-2").pk)

    assert ProviderEvent.objects.get(event_id="evt-2").last_error == "it speaks of a refund that is none of ours"
    assert not Refund.objects.exists()


def test_payment_that_the_provider_took_back_is_seen(page_attempt):
    PagePay.answers = [paid(), ProviderResult(verdict=Verdict.REVERSED, receipt_number="PP-1")]
    handle(reference=page_attempt.reference)

    handle(reference=page_attempt.reference, event_id="evt-2")

    assert Payment.objects.get(pk=page_attempt.payment_id).needs_refund


@pytest.mark.parametrize(("given_back", "is_seen"), [("200.00", True), ("1500.00", False)])
def test_what_the_provider_took_back_is_seen_unless_we_gave_it_back(page_attempt, given_back, is_seen):
    reversal = ProviderResult(verdict=Verdict.REVERSED, receipt_number="PP-1")
    PagePay.answers = [paid(), reversal]
    handle(reference=page_attempt.reference)
    refunds.refund_payment(
        payment_id=page_attempt.payment_id, amount=Decimal(given_back), reason="scratched", actor=None
    )

    handle(reference=page_attempt.reference, event_id="evt-2")

    assert Payment.objects.get(pk=page_attempt.payment_id).needs_refund is is_seen


def test_dispute_waits_for_a_person(page_attempt):
    event = handle(about=About.DISPUTE, reference=page_attempt.reference)

    assert (event.handled_at, event.attempt_id) == (None, page_attempt.pk)
    assert event.last_error.startswith("a dispute")


def test_webhook_about_nothing_of_ours_is_put_away(page_attempt):
    event = handle(about=About.OTHER, reference="")

    assert (event.outcome, event.handled_at is not None, PagePay.called("query")) == ("ignored", True, [])


def test_amount_is_the_providers_word_not_the_webhooks(page_attempt):
    PagePay.answers = [paid()]

    event = handle(reference=page_attempt.reference, amount="99999.00")

    assert states(page_attempt)[0] == "succeeded"
    assert ReceivedMoney.objects.get().amount == Decimal("1500.00")
    assert event.last_error == "it says 99999.00, the provider itself says 1500.00"


@pytest.mark.django_db(transaction=True)
def test_webhook_query_and_verify_at_once_settle_once(page_attempt):
    PagePay.answers = [paid()]
    event = ProviderEvent.objects.create(
        provider="pagepay", event_id="evt-1", kind="told", body=webhook(page_attempt.reference), is_trusted=True
    )

    at_once([partial(inbox.handle_event, event.pk), partial(query_attempt, page_attempt.pk)] * 4)

    assert states(page_attempt) == ("succeeded", "successful", "paid")
    assert ReceivedMoney.objects.count() == 1
