"""Attempts that wait for a person: asked about again, found in the portal, or closed."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from payments import queries, settlement
from payments.models import PaymentAttempt, ReceivedMoney
from payments.providers.base import ProviderResult, Verdict
from tests.admin_pages import address, logged_in, member_of_staff, offered, told
from tests.payments.admin_rows import arrived, everything
from tests.payments.daraja import IN_FLIGHT, PAID, QUERY, queried
from tests.payments.test_ledger import check_books

pytestmark = pytest.mark.django_db

ACTIONS = ("ask_provider", "note_reference", "close_review")


@pytest.fixture
def client(staff):
    return logged_in(staff)


@pytest.fixture
def unanswered(attempt):
    """An attempt in review: M-Pesa never gave a final answer, and the ladder of questions has ended."""
    return changed(attempt, status="review", outcome="review", sent_at=timezone.now() - timedelta(hours=30))


@pytest.fixture
def lost(attempt):
    """An attempt in review whose CheckoutRequestID never reached us."""
    return changed(attempt, status="review", outcome="review", provider_reference=None, merchant_reference="")


def changed(attempt, **fields):
    PaymentAttempt.objects.filter(pk=attempt.pk).update(next_query_at=None, **fields)
    attempt.refresh_from_db()
    return attempt


def action(name, attempt):
    return address(f"payments_paymentattempt_{name}", attempt)


def page(attempt):
    return address("payments_paymentattempt_change", attempt)


def made(attempt, *, phone="712345678", later=timedelta(seconds=2)):
    """Return the CheckoutRequestID that M-Pesa would make for an attempt."""
    moment = (attempt.sent_at + later).astimezone(ZoneInfo("Africa/Nairobi"))
    return f"ws_CO_{moment:%d%m%Y%H%M%S}417{phone}"


def in_review_elsewhere(attempt):
    """Let a second attempt of the same payment be live."""
    return PaymentAttempt.objects.create(
        payment=attempt.payment,
        provider="mpesa",
        method="mpesa",
        status="pending",
        amount=attempt.amount,
        currency="KES",
        reference=f"{attempt.reference}2",
        next_query_at=timezone.now() + timedelta(hours=1),
    )


def test_staff_who_may_only_look_do_nothing(daraja, lost):
    client = logged_in(member_of_staff("payments.view_paymentattempt"))
    before = everything()

    answers = [
        client.post(action("ask_provider", lost)).status_code,
        client.post(action("note_reference", lost), {"checkout_request_id": made(lost)}).status_code,
        client.post(action("close_review", lost), {"reason": "gone"}).status_code,
    ]

    assert answers == [403, 403, 403]
    assert offered(client, page(lost)) == []
    assert daraja.called(QUERY) == []
    assert everything() == before


@pytest.mark.parametrize(
    ("fields", "titles"),
    [
        ({"status": "pending"}, ["Ask the provider now"]),
        ({"status": "succeeded", "outcome": "paid"}, []),
        ({"status": "failed", "outcome": "phone_not_reached"}, ["Ask the provider now"]),
        ({"status": "failed", "outcome": "not_sent", "provider_reference": None}, []),
        ({"status": "review"}, ["Ask the provider now", "Close without money"]),
        ({"status": "review", "received_amount": Decimal("1.00")}, ["Close without money"]),
        ({"status": "review", "provider_reference": None}, ["Enter what the portal shows", "Close without money"]),
        ({"status": "unknown", "provider_reference": None}, ["Ask the provider now", "Enter what the portal shows"]),
    ],
)
def test_each_state_offers_its_own_actions(client, attempt, fields, titles):
    assert offered(client, page(changed(attempt, **fields))) == titles


# --- Asking again -----------------------------------------------------------------------------------------------


def test_attempt_in_review_is_asked_about_and_settled(client, daraja, unanswered):
    daraja.script(QUERY, PAID)

    answer = client.post(action("ask_provider", unanswered))

    unanswered.refresh_from_db()
    assert told(answer) == ["The attempt is succeeded: paid."]
    assert (unanswered.status, unanswered.payment.order.status) == ("succeeded", "paid")
    check_books()


def test_attempt_in_review_that_was_not_paid_frees_the_customer(client, daraja, unanswered):
    daraja.script(QUERY, queried("1032", "Request cancelled by user"))

    answer = client.post(action("ask_provider", unanswered))

    unanswered.refresh_from_db()
    assert told(answer) == ["The attempt is failed: cancelled by customer."]
    assert (unanswered.status, unanswered.payment.status) == ("failed", "failed")


def test_attempt_without_an_answer_comes_back_to_a_person(client, daraja, unanswered):
    daraja.script(QUERY, IN_FLIGHT)

    answer = client.post(action("ask_provider", unanswered))
    unanswered.refresh_from_db()
    meanwhile = (unanswered.is_live, unanswered.next_query_at is not None)
    queries.query_due_attempts()
    queries.query_attempt(unanswered.pk)

    unanswered.refresh_from_db()
    assert told(answer) == ["Asked; there is no final answer yet."]
    assert meanwhile == (True, True)
    assert (unanswered.status, unanswered.outcome) == ("review", "review")


def test_attempt_with_money_that_does_not_fit_is_not_covered_up(client, daraja, attempt):
    less = ProviderResult(verdict=Verdict.SUCCEEDED, amount=Decimal("1.00"), receipt_number="UKL4AB12CD")
    settlement.settle(attempt.pk, less, source="query")
    daraja.script(QUERY, PAID)
    before = everything()

    answer = client.post(action("ask_provider", attempt))

    assert told(answer) == ["The attempt is review: underpaid."]
    assert daraja.called(QUERY) == []
    assert everything() == before


def test_attempt_is_not_reopened_beside_a_live_one(client, daraja, unanswered):
    in_review_elsewhere(unanswered)
    before = everything()

    answer = client.post(action("ask_provider", unanswered))

    assert told(answer) == ["The customer is paying by another attempt now. Wait until it has ended."]
    assert daraja.called(QUERY) == []
    assert everything() == before


# --- What the portal shows --------------------------------------------------------------------------------------


def test_lost_reference_is_kept_and_asked_about(client, staff, daraja, lost):
    reference = made(lost)

    answer = client.post(action("note_reference", lost), {"checkout_request_id": f" {reference} "})

    lost.refresh_from_db()
    assert told(answer) == ["Noted. M-PESA is asked about it within seconds."]
    assert (lost.status, lost.provider_reference) == ("unknown", reference)
    assert LogEntry.objects.get().user == staff
    daraja.script(QUERY, queried("0", "ok", reference))
    assert queries.query_due_attempts() == 1
    queries.query_attempt(lost.pk)
    lost.refresh_from_db()
    assert (lost.status, lost.payment.order.status) == ("succeeded", "paid")
    assert daraja.called(QUERY)[0]["CheckoutRequestID"] == reference
    check_books()


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (lambda attempt: "UKL4AB12CD", "This is no CheckoutRequestID: it starts with ws_CO_."),
        (lambda attempt: "ws_CO_<script>", "This is no CheckoutRequestID: it starts with ws_CO_."),
        (lambda attempt: made(attempt, phone="733000111"), "This CheckoutRequestID was made for another phone."),
        (
            lambda attempt: made(attempt, later=timedelta(hours=3)),
            "This CheckoutRequestID was made at another time.",
        ),
    ],
)
def test_reference_of_something_else_is_refused(client, lost, typed, reason):
    before = everything()

    answer = client.post(action("note_reference", lost), {"checkout_request_id": typed(lost)})

    assert told(answer) == [reason]
    assert everything() == before


def test_reference_of_another_attempt_is_refused(client, lost):
    other = in_review_elsewhere(lost)
    changed(other, status="failed", provider_reference="ws_CO_191220191020363925")
    before = everything()

    answer = client.post(action("note_reference", lost), {"checkout_request_id": "ws_CO_191220191020363925"})

    assert told(answer) == ["This CheckoutRequestID belongs to another attempt."]
    assert everything() == before


def test_known_reference_is_not_replaced(client, unanswered):
    before = everything()

    answers = [
        client.post(action("note_reference", unanswered), {"checkout_request_id": made(unanswered)}),
        client.post(action("note_reference", unanswered), {"receipt_number": "UKL4AB12CD"}),
    ]

    assert told(answers[-1]) == ["This attempt does not wait for this any more."] * 2
    assert everything() == before


@pytest.mark.parametrize("typed", [{}, {"checkout_request_id": "ws_CO_191220191020363925", "receipt_number": "UKL4A"}])
def test_portal_form_wants_one_of_two(client, lost, typed):
    before = everything()

    answer = client.post(action("note_reference", lost), typed)

    assert (answer.status_code, "Enter one of the two." in answer.content.decode()) == (200, True)
    assert everything() == before


def test_receipt_from_the_portal_is_a_claim_and_pays_nothing(client, lost):
    answer = client.post(action("note_reference", lost), {"receipt_number": "ukl4 ab12cd"})

    claim = ReceivedMoney.objects.get()
    lost.refresh_from_db()
    assert told(answer) == ["UKL4AB12CD is a claim among the received money until M-PESA confirms it."]
    assert (claim.status, claim.source, claim.amount, claim.account_reference) == (
        "unverified",
        "staff",
        Decimal("1500.00"),
        lost.reference,
    )
    assert (lost.status, lost.payment.order.status) == ("review", "pending")
    check_books()


def test_receipt_that_is_known_is_refused(client, lost):
    arrived("UKL4AB12CD", "1.00")
    before = everything()

    answer = client.post(action("note_reference", lost), {"receipt_number": "UKL4AB12CD"})

    assert told(answer) == ["Money with this receipt is in the books already."]
    assert everything() == before


# --- Closing ----------------------------------------------------------------------------------------------------


def test_closing_lets_the_customer_pay_again(client, staff, lost):
    answer = client.post(action("close_review", lost), {"reason": "the portal shows nothing"})

    lost.refresh_from_db()
    order = lost.payment.order
    assert told(answer) == ["Closed: the portal shows nothing"]
    assert (lost.status, lost.outcome, lost.result_detail) == ("failed", "closed_by_staff", "the portal shows nothing")
    assert (lost.payment.status, order.status, order.payment_open) == ("failed", "pending", False)
    assert LogEntry.objects.get().user == staff


def test_late_success_still_counts_after_closing(client, lost):
    client.post(action("close_review", lost), {"reason": "the portal shows nothing"})

    paid = ProviderResult(verdict=Verdict.SUCCEEDED, amount=Decimal("1500.00"), receipt_number="UKL4AB12CD")
    settlement.settle(lost.pk, paid, source="query")

    lost.refresh_from_db()
    assert (lost.status, lost.payment.order.status) == ("succeeded", "paid")
    check_books()


@pytest.mark.parametrize("status", ["pending", "succeeded", "failed"])
def test_only_reviews_are_closed(client, attempt, status):
    changed(attempt, status=status)
    before = everything()

    answer = client.post(action("close_review", attempt), {"reason": "never mind"})

    assert told(answer) == ["This attempt does not wait for this any more."]
    assert everything() == before
