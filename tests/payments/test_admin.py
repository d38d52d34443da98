import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orders.models import Order
from payments import inbox, queries, sending, services
from payments.admin.events import pretty_body
from payments.exceptions import ProviderUnavailable
from payments.models import Payment, PaymentAttempt, ProviderEvent
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.factories import UserFactory, place_order
from tests.payments.daraja import CHECKOUT_ID, IN_FLIGHT, PAID, QUERY, accepted, gateway_error, queried, stk_callback

pytestmark = pytest.mark.django_db

PAYMENTS = address("payments_payment_changelist")
ATTEMPTS = address("payments_paymentattempt_changelist")
EVENTS = address("payments_providerevent_changelist")
STRANGER, SAFARICOM = "203.0.113.9", "196.201.214.200"


@pytest.fixture
def client(staff):
    return logged_in(staff)


@pytest.fixture
def event(attempt, callback_token):
    """A callback from an address that nobody knows, stored and not handled."""
    return stored(callback_token)


def stored(token, address=STRANGER, **callback):
    body = json.dumps(stk_callback(**callback)).encode()
    inbox.receive_callback(provider="mpesa", token=token, body=body, address=address)
    return ProviderEvent.objects.latest("created_at")


def another_attempt(daraja, number):
    order = place_order(UserFactory())
    phone = f"+25479900000{number}"
    started = services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number=phone)
    attempt = started.payment.attempts.get()
    daraja.script("/mpesa/stkpush/v1/processrequest", accepted(f"ws_CO_other_{number}"))
    sending.send_attempt(attempt.pk)
    attempt.refresh_from_db()
    return attempt


def everything():
    return [list(model.objects.order_by("pk").values()) for model in (Order, Payment, PaymentAttempt)] + [
        list(ProviderEvent.objects.order_by("pk").values("pk", "handled_at", "outcome"))
    ]


# --- Who gets in ------------------------------------------------------------------------------------------------


def pages(event):
    rows = [("payment", event.attempt.payment), ("paymentattempt", event.attempt), ("providerevent", event)]
    found = [
        address("payments_paymentattempt_ask_provider", event.attempt),
        address("payments_providerevent_handle_again", event),
    ]
    for name, row in rows:
        found += [
            address(f"payments_{name}_changelist"),
            address(f"payments_{name}_change", row),
            address(f"payments_{name}_history", row),
        ]
    return found


def test_every_page_opens_for_a_superuser(client, event):
    assert statuses(client, pages(event)) == dict.fromkeys(pages(event), 200)


def test_every_page_is_closed_to_others(customer, event):
    assert statuses(Client(), pages(event)) == dict.fromkeys(pages(event), 302)
    assert statuses(logged_in(customer), pages(event)) == dict.fromkeys(pages(event), 302)
    assert statuses(logged_in(member_of_staff()), pages(event)) == dict.fromkeys(pages(event), 403)


def test_payments_attempts_and_events_take_no_form(client, event):
    before = everything()
    forged = {"status": "successful", "transaction_id": "FORGED0001", "needs_refund": "", "amount": "1"}
    rows = [("payment", event.attempt.payment), ("paymentattempt", event.attempt), ("providerevent", event)]

    answers = []
    for name, row in rows:
        answers += [
            client.post(address(f"payments_{name}_add"), forged).status_code,
            client.post(address(f"payments_{name}_change", row), forged).status_code,
            client.post(address(f"payments_{name}_delete", row), {"post": "yes"}).status_code,
        ]

    assert answers == [403] * 9
    assert everything() == before


def test_staff_who_may_only_look_ask_nobody(daraja, event):
    rights = [f"payments.view_{name}" for name in ("payment", "paymentattempt", "providerevent")]
    client = logged_in(member_of_staff(*rights))
    before = everything()

    answers = [
        client.post(address("payments_paymentattempt_ask_provider", event.attempt)).status_code,
        client.post(address("payments_providerevent_handle_again", event)).status_code,
    ]

    assert answers == [403, 403]
    assert offered(client, address("payments_paymentattempt_change", event.attempt)) == []
    assert offered(client, address("payments_providerevent_change", event)) == []
    assert daraja.called(QUERY) == []
    assert everything() == before


def test_pages_never_show_the_secret_of_a_callback(client, event, callback_token):
    for page in pages(event):
        text = client.get(page).content.decode()
        assert callback_token not in text
        assert event.attempt.callback_token_hash not in text


# --- Asking the provider ----------------------------------------------------------------------------------------


def test_asking_the_provider_settles_what_it_says(client, daraja, attempt):
    daraja.script(QUERY, PAID)
    page = address("payments_paymentattempt_ask_provider", attempt)

    asked_first = client.get(page)
    answer = client.post(page)

    attempt.refresh_from_db()
    order = Order.objects.get()
    assert asked_first.status_code == 200
    assert len(daraja.called(QUERY)) == 1
    assert told(answer) == ["The attempt is succeeded: paid."]
    assert (attempt.status, order.status) == ("succeeded", "paid")
    assert offered(client, address("payments_paymentattempt_change", attempt)) == []


def test_asking_says_when_there_is_no_final_answer(client, daraja, attempt):
    daraja.script(QUERY, IN_FLIGHT)
    before = everything()

    answer = client.post(address("payments_paymentattempt_ask_provider", attempt))

    assert told(answer) == ["Asked; there is no final answer yet."]
    assert everything() == before


def test_asking_tells_that_a_payment_has_failed_and_why(client, daraja, attempt):
    PaymentAttempt.objects.filter(pk=attempt.pk).update(sent_at=timezone.now() - timedelta(minutes=5))
    daraja.script(QUERY, queried("1032", "Request cancelled by user"))

    answer = client.post(address("payments_paymentattempt_ask_provider", attempt))

    page = client.get(address("payments_paymentattempt_change", attempt)).content.decode()
    assert told(answer) == ["The attempt is failed: cancelled by customer."]
    assert "You cancelled the payment. You can try again." in page
    assert "Yes, now" in page


def test_provider_that_is_away_is_a_message(client, monkeypatch, daraja, attempt):
    def away(attempt_id):
        raise ProviderUnavailable("connect timeout")

    monkeypatch.setattr(queries, "query_attempt", away)
    before = everything()

    answer = client.post(address("payments_paymentattempt_ask_provider", attempt))

    assert (answer.status_code, told(answer)) == (302, ["The provider does not answer. Try again in a minute."])
    assert everything() == before


def test_provider_with_an_error_leaves_the_attempt_as_it_is(client, daraja, attempt):
    daraja.script(QUERY, gateway_error(503, "503.001.01", "Service unavailable"))
    before = everything()

    answer = client.post(address("payments_paymentattempt_ask_provider", attempt))

    assert told(answer) == ["Asked; there is no final answer yet."]
    assert everything() == before


def test_attempt_that_has_succeeded_asks_nobody(client, daraja, attempt):
    PaymentAttempt.objects.filter(pk=attempt.pk).update(status="succeeded", outcome="paid")
    before = everything()

    answer = client.post(address("payments_paymentattempt_ask_provider", attempt))

    assert told(answer) == ["The attempt is succeeded: paid."]
    assert daraja.called(QUERY) == []
    assert everything() == before


# --- Handling an event again ------------------------------------------------------------------------------------


def test_handling_again_settles_a_confirmed_callback(client, daraja, event):
    daraja.script(QUERY, PAID)

    answer = client.post(address("payments_providerevent_handle_again", event))

    event.refresh_from_db()
    assert told(answer) == ["Handled: paid."]
    assert event.handled_at is not None
    assert Order.objects.get().status == "paid"
    assert offered(client, address("payments_providerevent_change", event)) == []


def test_handling_again_says_that_it_is_not_confirmed_yet(client, daraja, event):
    before = everything()

    answer = client.post(address("payments_providerevent_handle_again", event))

    assert (answer.status_code, told(answer)) == (302, ["Not handled: not confirmed by the provider yet"])
    assert everything() == before


def test_handling_again_says_why_a_person_must_look(client, callback_token):
    inbox.receive_callback(provider="mpesa", token=callback_token, body=b"<html>", address=SAFARICOM)
    event = ProviderEvent.objects.get()
    before = everything()

    answer = client.post(address("payments_providerevent_handle_again", event))

    assert told(answer) == ["Not handled: unreadable: not JSON"]
    assert everything() == before
    assert listed(client.get(EVENTS, {"state": "person"})) == [event]


def test_failure_nobody_thought_of_is_a_message(client, monkeypatch, event):
    def fail(event_id):
        raise KeyError("Body")

    monkeypatch.setattr(inbox, "handle_event", fail)

    answer = client.post(address("payments_providerevent_handle_again", event))

    assert (answer.status_code, told(answer)) == (302, ["Not handled: KeyError."])


# --- Bodies -----------------------------------------------------------------------------------------------------


def test_body_is_set_out_and_hides_the_phone_number(client, event):
    text = client.get(address("payments_providerevent_change", event)).content.decode()

    assert "712345678" not in text
    assert "&quot;ResultCode&quot;: 0,\n" in text
    assert "&quot;Value&quot;: +254…678" in text


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"p": 254712345678}', '{\n  "p": +254…678\n}'),
        (b'{"p": "+254712345678", "q": "0112345678"}', '{\n  "p": "+254…678",\n  "q": "+254…678"\n}'),
        (b'{"time": 20261121104531, "amount": 1500.0}', '{\n  "time": 20261121104531,\n  "amount": 1500.0\n}'),
        (b"not json 0712345678", "not json +254…678"),
        (b"\xff\xfe", "��"),
        (b'"\\ud800"', '"?"'),
        (b"[" * 100_000, "[" * 20_000),
        (b"", ""),
    ],
)
def test_body_of_any_kind_can_be_shown(body, shown):
    assert pretty_body(body) == shown


# --- Finding ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [PAYMENTS, ATTEMPTS, EVENTS])
@pytest.mark.parametrize(
    "text",
    ["{number}", "0712345678", "+254 712 345 678", "712345678", "UKL4AB12CD", "ukl4ab12cd", CHECKOUT_ID],
)
def test_search_finds_a_payment_by(client, daraja, event, page, text):
    ProviderEvent.objects.update(is_trusted=True)  # what a stranger says of the receipt is not kept
    daraja.script(QUERY, PAID)
    inbox.handle_event(event.pk)
    other = another_attempt(daraja, 1)
    wanted = {PAYMENTS: event.attempt.payment, ATTEMPTS: event.attempt, EVENTS: event}[page]

    found = listed(client.get(page, {"q": text.format(number=event.attempt.payment.order.number)}))

    assert found == [wanted]
    assert listed(client.get(PAYMENTS, {"q": other.provider_reference})) == [other.payment]


def test_filter_finds_what_needs_a_person(client, daraja, event):
    refund, review = another_attempt(daraja, 1), another_attempt(daraja, 2)
    Payment.objects.filter(pk=refund.payment_id).update(needs_refund=True)
    PaymentAttempt.objects.filter(pk=review.pk).update(status="review", outcome="review")

    found = listed(client.get(PAYMENTS, {"attention": "person"}))

    assert set(found) == {refund.payment, review.payment}
    assert listed(client.get(PAYMENTS, {"needs_refund__exact": "1"})) == [refund.payment]


def test_filter_tells_open_and_handled_events_apart(client, daraja, event, callback_token):
    daraja.script(QUERY, PAID)
    inbox.handle_event(event.pk)
    still_open = stored(callback_token, receipt="UKL4ZZ99XX")

    assert listed(client.get(EVENTS, {"state": "open"})) == [still_open]
    assert listed(client.get(EVENTS, {"state": "handled"})) == [event]
    assert listed(client.get(EVENTS, {"state": "person"})) == []


# --- Cost -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [PAYMENTS, ATTEMPTS, EVENTS])
def test_list_costs_the_same_for_one_and_three_rows(client, daraja, event, page):
    one = queries_of(client, page)

    for number in (1, 2):
        attempt = another_attempt(daraja, number)
        ProviderEvent.objects.create(provider="mpesa", event_id=number, kind="x", attempt=attempt, body=b"{}")

    assert queries_of(client, page) == one
