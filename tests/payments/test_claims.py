"""Payments that strangers report: Safaricom is asked, and only its own word about the receipt counts."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from payments import claims, inbox
from payments.models import ProviderEvent, ReceivedMoney
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.conftest import SHORTCODE
from tests.payments.daraja import gateway_error
from tests.payments.test_ledger import balances, check_books
from tests.payments.test_statements import claim, state

pytestmark = pytest.mark.django_db

STATUS = "/mpesa/transactionstatus/v1/query"
TAKEN = (200, {"OriginatorConversationID": "o-1", "ConversationID": "AG_1", "ResponseCode": "0"})
LISTED, STRANGER = "196.201.214.200", "203.0.113.9"


@pytest.fixture(autouse=True)
def initiator(settings, daraja):
    settings.MPESA = settings.MPESA | {"INITIATOR_NAME": "shopapi", "SECURITY_CREDENTIAL": "Y3JlZA=="}
    daraja.script(STATUS, TAKEN)


def answer_body(
    *,
    receipt: str = "UKL4AB12CD",
    amount: str = "1500.00",
    status: str = "Completed",
    to: str = SHORTCODE,
    code: int = 0,
) -> dict:
    parameters = {
        "DebitPartyName": "254712345678 - JANE DOE",
        "CreditPartyName": f"{to} - DUKA LETU",
        "TransactionStatus": status,
        "FinalisedTime": 20261120104531,
        "Amount": amount,
        "ReceiptNo": receipt,
    }
    listed = [{"Key": key, "Value": value} for key, value in parameters.items()]
    result = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": "o-1",
        "ConversationID": "AG_1",
        "TransactionID": "UKL0000000",
        "ResultParameters": {"ResultParameter": listed if code == 0 else []},
    }
    return {"Result": result}


def told_address(daraja) -> str:
    url: str = daraja.called(STATUS)[-1]["ResultURL"]
    return url[url.index("/api/") :]


def answer(daraja, body: dict, *, address: str = LISTED) -> None:
    response = APIClient(REMOTE_ADDR=address).post(told_address(daraja), body, format="json")
    assert (response.status_code, response.json()) == (200, {"ResultCode": 0, "ResultDesc": "Accepted"})
    for event in ProviderEvent.objects.filter(handled_at__isnull=True):
        inbox.handle_event(event.pk)


def test_confirmed_claim_is_booked_and_waits_for_a_person(order, daraja):
    claim(reference=order.number)

    assert claims.ask_about_claims() == 1
    answer(daraja, answer_body())

    money = ReceivedMoney.objects.get()
    # Safaricom says that the money is here, and not for what: the claim's own word for it pays nothing.
    assert (money.status, money.reason, money.note) == ("unmatched", "unknown_reference", f"claimed for {order.number}")
    assert (money.payer_phone, money.next_query_at) == ("254712345678", None)
    assert state(order)[0] == "pending"
    assert daraja.called(STATUS)[-1]["TransactionID"] == "UKL4AB12CD"
    check_books()


def test_true_receipt_claimed_for_a_liars_order_does_not_pay_it(order, daraja):
    liars = place_order(UserFactory(), ProductFactory(price=order.total_amount))
    claim(reference=liars.number)

    claims.ask_about_claims()
    answer(daraja, answer_body())

    assert state(liars)[0] == "pending"


def test_amount_is_what_safaricom_says(daraja):
    claim(amount="90000.00")

    claims.ask_about_claims()
    answer(daraja, answer_body(amount="15.00"))

    assert {name: str(amount) for name, amount in balances().items()} == {
        "provider:mpesa KES": "15.00",
        "suspense KES": "-15.00",
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "Cancelled"}, "denied"),
        ({"to": "999999"}, "denied"),
        ({"receipt": "UKL4AB99ZZ"}, ""),
        ({"code": 2001}, ""),
        ({"status": "Pending Authorized"}, ""),
    ],
)
def test_claim_that_is_not_confirmed_books_nothing_and_stays_visible(order, daraja, changes, reason):
    claim(reference=order.number)

    claims.ask_about_claims()
    answer(daraja, answer_body(**changes))

    money = ReceivedMoney.objects.get()
    assert (money.status, money.reason, money.verified_at) == ("unverified", reason, None)
    assert (money.next_query_at is None) == (reason == "denied")
    assert (balances(), state(order)[0]) == ({}, "pending")


def test_answer_from_an_unlisted_machine_proves_nothing(daraja):
    claim()

    claims.ask_about_claims()
    answer(daraja, answer_body(), address=STRANGER)

    assert ReceivedMoney.objects.get().status == "unverified"
    assert ProviderEvent.objects.get().outcome == "not_trusted"


def test_answer_twice_is_booked_once(daraja):
    claim()
    claims.ask_about_claims()

    answer(daraja, answer_body())
    answer(daraja, answer_body())

    assert (ProviderEvent.objects.count(), str(balances()["provider:mpesa KES"])) == (1, "1500.00")


def test_made_up_address_is_not_found(daraja):
    claim()
    claims.ask_about_claims()

    response = APIClient(REMOTE_ADDR=LISTED).post("/api/payments/claims/guess/", answer_body(), format="json")

    assert response.status_code == 404
    assert not ProviderEvent.objects.exists()


def test_time_out_in_safaricoms_queue_says_nothing(daraja):
    claim()
    claims.ask_about_claims()

    url = json.loads(json.dumps(daraja.called(STATUS)[-1]))["QueueTimeOutURL"]
    response = APIClient(REMOTE_ADDR=LISTED).post(url[url.index("/api/") :], {}, format="json")

    assert response.status_code == 200
    assert not ProviderEvent.objects.exists()
    assert ReceivedMoney.objects.get().status == "unverified"


def test_claim_is_asked_about_again_until_a_day_has_passed(daraja):
    money = claim()

    assert [claims.ask_about_claims(), claims.ask_about_claims()] == [1, 0]
    money.refresh_from_db()
    assert money.next_query_at == money.created_at + timedelta(seconds=120)
    ReceivedMoney.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1), next_query_at=timezone.now())
    assert [claims.ask_about_claims(), claims.ask_about_claims()] == [1, 0]
    assert ReceivedMoney.objects.get().next_query_at is None
    assert ReceivedMoney.objects.get().status == "unverified"


def test_refused_question_comes_again(daraja):
    claim()
    daraja.script(STATUS, gateway_error(500, "500.003.02", "Spike arrest"))

    assert claims.ask_about_claims() == 0

    assert ReceivedMoney.objects.get().next_query_at is not None


def test_flood_of_claims_sends_few_questions(daraja):
    for number in range(10, 25):
        claim(f"UKL4AB12{number}")

    assert claims.ask_about_claims() == claims.LIMIT
    assert len(daraja.called(STATUS)) == claims.LIMIT


def test_without_an_operator_nobody_is_asked(settings, daraja):
    settings.MPESA = settings.MPESA | {"INITIATOR_NAME": "", "SECURITY_CREDENTIAL": ""}
    claim()

    assert claims.ask_about_claims() == 0

    assert daraja.called(STATUS) == []
    assert ReceivedMoney.objects.get().status == "unverified"
