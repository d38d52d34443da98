"""Payouts: promised once, sent at most once, settled by what the provider says later."""

from datetime import timedelta
from decimal import Decimal

import pytest
import requests
from django.contrib.auth.models import Permission
from django.utils import timezone
from rest_framework.test import APIClient

from ecommerce.currencies import InexactAmount
from ecommerce.invariants import violations
from ecommerce.models import OutboxMessage
from payments import payouts
from payments.checks import CHECKS
from payments.models import LedgerTransaction, Payout, ProviderEvent
from payments.providers.base import TransferResult, Verdict
from tests.clients import client_for
from tests.factories import UserFactory
from tests.payments.daraja import gateway_error
from tests.payments.test_ledger import balances, check_books
from tests.payments.test_refunds import B2C, STATUS, TAKEN, report
from tests.racing import at_once

pytestmark = pytest.mark.django_db

URL = "/api/payouts/"
OWED = {"sellers KES": Decimal("1200.00"), "payouts KES": Decimal("-1200.00")}
PAID = {"sellers KES": Decimal("1200.00"), "provider:mpesa KES": Decimal("-1200.00")}


@pytest.fixture(autouse=True)
def initiator(settings, daraja):
    settings.MPESA = settings.MPESA | {"INITIATOR_NAME": "shopapi", "SECURITY_CREDENTIAL": "Base64=="}
    for path in (B2C, STATUS):
        daraja.script(path, TAKEN)


@pytest.fixture
def payout() -> Payout:
    return owe()


@pytest.fixture
def finance():
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_payout", "change_payout")))
    return client_for(user)


def owe(**changes):
    facts = {
        "amount": Decimal("1200.00"),
        "currency": "KES",
        "recipient_name": "Wanjiku Kamau",
        "phone_number": "+254712345678",
        "reason": "Sales of week 47",
    }
    return payouts.owe_payout(**facts | changes)


def without_operator(settings):
    settings.MPESA = settings.MPESA | {"INITIATOR_NAME": "", "SECURITY_CREDENTIAL": ""}


def state(payout):
    payout.refresh_from_db()
    return payout.status, payout.route, payout.receipt_number


def test_payout_goes_to_the_phone_and_ends_with_its_result(payout, daraja):
    assert (payout.provider, balances()) == ("mpesa", OWED)
    check_books()

    payouts.send_payout(payout.pk)

    sent = daraja.called(B2C)[0]
    assert (sent["PartyB"], sent["Amount"], sent["OriginatorConversationID"]) == (
        "254712345678",
        1200,
        payout.reference,
    )
    assert state(payout) == ("pending", "b2c", "")
    report(daraja, payout, B2C)
    assert state(payout) == ("succeeded", "b2c", "UKL6XY34ZW")
    assert balances() == PAID
    check_books()


def test_reference_is_one_that_every_provider_takes(payout):
    assert payout.reference == f"payout-{payout.pk.hex}"
    assert len(payout.reference) == 39


def test_amount_that_its_currency_cannot_hold_is_not_promised():
    with pytest.raises(InexactAmount):
        owe(amount=Decimal("10.50"), currency="JPY", provider="manual")

    assert not Payout.objects.exists()
    assert not OutboxMessage.objects.filter(topic="payments.send_payout").exists()


def test_owed_payout_is_sent_by_a_worker(payout, daraja, run_owed_work):
    assert run_owed_work() == ["payments.send_payout"]

    assert (state(payout)[0], len(daraja.called(B2C))) == ("pending", 1)


def test_two_workers_send_one_payout_once(payout, daraja):
    for _ in range(2):
        payouts.send_payout(payout.pk)

    assert len(daraja.called(B2C)) == 1


@pytest.mark.django_db(transaction=True)
def test_ten_workers_at_once_send_one_payout_once(payout, daraja):
    at_once([lambda: payouts.send_payout(payout.pk)] * 10)

    assert (state(payout)[0], len(daraja.called(B2C))) == ("pending", 1)


def test_payout_that_did_not_arrive_is_owed_again(payout, daraja):
    daraja.script(B2C, requests.ConnectTimeout("away"))

    payouts.send_payout(payout.pk)

    assert state(payout)[0] == "created"
    owed = OutboxMessage.objects.filter(topic="payments.send_payout", dedupe_key__contains=str(payout.pk))
    assert owed.count() == 2
    assert balances() == OWED
    check_books()


def test_lost_acknowledgement_is_asked_about_and_not_sent_again(payout, daraja):
    daraja.script(B2C, requests.ReadTimeout("lost"))

    payouts.send_payout(payout.pk)
    payouts.send_payout(payout.pk)
    assert (state(payout)[0], len(daraja.called(B2C))) == ("unknown", 1)
    payouts.query_payout(payout.pk)

    assert daraja.called(STATUS)[0]["OriginalConversationID"] == payout.reference
    assert len(daraja.called(B2C)) == 1
    assert balances() == OWED


@pytest.mark.parametrize(("repeatable", "sent"), [(True, 2), (False, 1)])
def test_what_cannot_be_asked_about_is_sent_again_only_where_that_is_harmless(
    payout, daraja, monkeypatch, repeatable, sent
):
    daraja.script(B2C, requests.ReadTimeout("lost"), TAKEN)
    payouts.send_payout(payout.pk)
    mpesa = "payments.providers.mpesa.MpesaProvider"
    monkeypatch.setattr(f"{mpesa}.payout_is_repeatable", repeatable)
    monkeypatch.setattr(f"{mpesa}.query_payout", lambda *_: TransferResult(verdict=Verdict.NO_ANSWER))

    payouts.query_payout(payout.pk)

    assert len(daraja.called(B2C)) == sent
    assert {body["OriginatorConversationID"] for body in daraja.called(B2C)} == {payout.reference}
    assert state(payout)[0] == ("pending" if repeatable else "unknown")


def test_failed_payout_leaves_the_seller_owed(payout, daraja):
    payouts.send_payout(payout.pk)

    report(daraja, payout, B2C, code=2040)

    assert state(payout) == ("failed", "b2c", "")
    assert payout.result_detail == "the recipient is no registered M-PESA customer"
    assert balances() == {}
    check_books()


def test_certain_refusal_fails_at_once(payout, daraja):
    daraja.script(B2C, gateway_error(400, "400.002.02", "Bad Request - Invalid PhoneNumber"))

    payouts.send_payout(payout.pk)

    assert (state(payout)[0], balances()) == ("failed", {})
    check_books()


def test_result_twice_or_failure_after_success_changes_nothing(payout, daraja):
    payouts.send_payout(payout.pk)
    report(daraja, payout, B2C)
    booked = LedgerTransaction.objects.count()

    report(daraja, payout, B2C)
    report(daraja, payout, B2C, code=1)

    assert state(payout) == ("succeeded", "b2c", "UKL6XY34ZW")
    assert (LedgerTransaction.objects.count(), balances()) == (booked, PAID)
    check_books()


def test_result_from_an_unlisted_machine_settles_nothing_and_brings_the_question_forward(payout, daraja):
    payouts.send_payout(payout.pk)
    Payout.objects.update(next_query_at=timezone.now() + timedelta(hours=6))

    answer = report(daraja, payout, B2C, address="203.0.113.9")

    assert (answer.status_code, state(payout)[0]) == (200, "pending")
    assert payout.next_query_at < timezone.now() + timedelta(seconds=16)
    assert balances() == OWED


def test_time_out_in_the_queue_is_unknown_not_failed(payout, daraja):
    payouts.send_payout(payout.pk)

    report(daraja, payout, B2C, timeout=True)

    assert (state(payout)[0], balances()) == ("pending", OWED)


def test_other_amount_than_asked_for_goes_to_a_person(payout):
    payouts.send_payout(payout.pk)

    payouts.settle_payout(
        payout.pk, TransferResult(verdict=Verdict.SUCCEEDED, amount=Decimal("12000.00")), source="query"
    )

    assert (state(payout)[0], balances()) == ("review", OWED)
    check_books()


def test_what_a_person_has_taken_over_stays_with_the_person(payout):
    payouts.send_payout(payout.pk)
    Payout.objects.update(status="review", next_query_at=None)

    payouts.settle_payout(payout.pk, TransferResult(verdict=Verdict.IN_FLIGHT), source="callback")

    assert state(payout)[0] == "review"


def test_each_open_payout_is_asked_about_when_it_is_due(payout):
    payouts.send_payout(payout.pk)
    assert payouts.query_due_payouts() == 0
    Payout.objects.update(next_query_at=timezone.now() - timedelta(seconds=1))

    assert (payouts.query_due_payouts(), payouts.query_due_payouts()) == (1, 0)

    payout.refresh_from_db()
    assert payout.query_count == 1
    assert payout.next_query_at > timezone.now()


def test_payout_that_nobody_answers_for_goes_to_a_person_at_the_end_of_the_ladder(payout):
    payouts.send_payout(payout.pk)
    Payout.objects.update(sent_at=timezone.now() - timedelta(days=8), next_query_at=timezone.now())

    payouts.query_due_payouts()
    payouts.query_payout(payout.pk)

    assert (state(payout)[0], balances()) == ("review", OWED)


def test_without_an_operator_a_person_pays(settings, finance):
    without_operator(settings)
    payout = owe()
    payouts.send_payout(payout.pk)
    assert (payout.provider, state(payout)) == ("manual", ("review", "by_hand", ""))

    answer = finance.post(f"{URL}{payout.pk}/complete/", {"receipt_number": "FT26325ABC12"}, format="json")

    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert state(payout) == ("succeeded", "by_hand", "FT26325ABC12")
    assert balances() == {"sellers KES": Decimal("1200.00"), "provider:manual KES": Decimal("-1200.00")}
    check_books()
    again = finance.post(f"{URL}{payout.pk}/complete/", {"receipt_number": "OTHER"}, format="json")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "payout_not_by_hand")
    assert state(payout) == ("succeeded", "by_hand", "FT26325ABC12")


def test_payout_that_is_on_its_way_cannot_be_completed_by_hand(payout, finance):
    payouts.send_payout(payout.pk)

    answer = finance.post(f"{URL}{payout.pk}/complete/", {"receipt_number": "X"}, format="json")

    assert (answer.status_code, state(payout)) == (409, ("pending", "b2c", ""))
    assert balances() == OWED


@pytest.mark.django_db(transaction=True)
def test_result_against_a_person_books_the_payout_once(payout, finance):
    payouts.send_payout(payout.pk)
    Payout.objects.update(status="review", next_query_at=None)
    success = TransferResult(verdict=Verdict.SUCCEEDED, receipt_number="UKL6XY34ZW")

    at_once(
        [
            lambda: payouts.settle_payout(payout.pk, success, source="callback"),
            lambda: finance.post(f"{URL}{payout.pk}/complete/", {"receipt_number": "SLIP 7"}, format="json"),
        ]
    )

    assert (state(payout)[0], balances()) == ("succeeded", PAID)
    check_books()


def test_finance_lists_and_filters_payouts(payout, finance):
    waiting = owe(recipient_name="Otieno")
    Payout.objects.filter(pk=waiting.pk).update(status="review")

    everything = finance.get(URL).json()["results"]
    narrowed = finance.get(URL, {"status": "review"}).json()["results"]
    one = finance.get(f"{URL}{payout.pk}/").json()

    assert [row["id"] for row in everything] == [str(waiting.pk), str(payout.pk)]
    assert [row["recipient_name"] for row in narrowed] == ["Otieno"]
    assert (one["amount"], one["currency"], one["phone_number"]) == ("1200.00", "KES", "+254…678")
    assert finance.get(URL, {"status": "nonsense"}).status_code == 400


@pytest.mark.parametrize("rows", [1, 3])
def test_list_needs_the_same_queries_however_long_it_is(finance, django_assert_max_num_queries, rows):
    for _ in range(rows):
        owe()
    finance.get(URL)  # fills the caches of permissions and content types

    with django_assert_max_num_queries(5):
        assert finance.get(URL).json()["count"] == rows


@pytest.mark.parametrize("user", ["anonymous", "customer", "staff without the right", "staff who may only look"])
def test_payouts_are_for_finance_alone(payout, user):
    Payout.objects.update(status="review")
    looking = UserFactory(is_staff=True)
    looking.user_permissions.set(Permission.objects.filter(codename="view_payout"))
    client = {
        "anonymous": APIClient(),
        "customer": client_for(UserFactory()),
        "staff without the right": client_for(UserFactory(is_staff=True)),
        "staff who may only look": client_for(looking),
    }[user]
    refused = 401 if user == "anonymous" else 403
    may_look = user == "staff who may only look"

    answers = [
        client.get(URL).status_code,
        client.get(f"{URL}{payout.pk}/").status_code,
        client.post(f"{URL}{payout.pk}/complete/", {"receipt_number": "X"}, format="json").status_code,
    ]

    assert answers == [200 if may_look else refused] * 2 + [refused]
    assert (state(payout)[0], balances()) == ("review", OWED)


def test_report_of_a_payout_is_stored_with_it(payout, daraja):
    payouts.send_payout(payout.pk)

    report(daraja, payout, B2C)

    event = ProviderEvent.objects.get()
    assert (event.payout_id, event.refund_id, event.outcome) == (payout.pk, None, "succeeded")


@pytest.mark.parametrize(
    ("status", "found"),
    [("succeeded", {"each payout is booked", "the account of promised payouts"}), ("review", set())],
)
def test_ledger_check_finds_a_payout_that_is_not_booked_as_it_stands(payout, status, found):
    Payout.objects.update(status=status)

    culprits = {check.name for check in CHECKS if list(violations(check))}

    assert {name for name in found if any(culprit.startswith(name) for culprit in culprits)} == found
    assert len(culprits) == len(found)
