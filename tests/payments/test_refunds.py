"""Refunds: promised once, sent at most once, settled by what the provider says later."""

import json
from decimal import Decimal

import pytest
import requests
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from ecommerce.models import OutboxMessage
from payments import inbox, refunds
from payments.exceptions import NothingToRefund, RefundInProgress, RefundTooLarge
from payments.models import Payment, ProviderEvent, Refund
from payments.providers.mpesa import MpesaProvider
from payments.settlement import settle
from tests.clients import client_for
from tests.factories import UserFactory
from tests.payments.daraja import stk_callback
from tests.payments.test_ledger import balances, check_books
from tests.racing import at_once

pytestmark = pytest.mark.django_db

REVERSAL, B2C, STATUS = (
    "/mpesa/reversal/v1/request",
    "/mpesa/b2c/v3/paymentrequest",
    "/mpesa/transactionstatus/v1/query",
)
SAFARICOM = "196.201.214.200"
ORIGINATOR = "53e3-4aa8-9fe0-8fb5e4092cdd3405976"
CONVERSATION = "AG_20261121_2010364430d9bbdaf872"
TAKEN = (
    200,
    {
        "OriginatorConversationID": ORIGINATOR,
        "ConversationID": CONVERSATION,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    },
)


@pytest.fixture(autouse=True)
def initiator(settings, daraja):
    settings.MPESA = settings.MPESA | {"INITIATOR_NAME": "shopapi", "SECURITY_CREDENTIAL": "Base64=="}
    for path in (REVERSAL, B2C, STATUS):
        daraja.script(path, TAKEN)


@pytest.fixture
def payment(attempt) -> Payment:
    """A payment of KES 1,500 that was paid by one receipt."""
    settle(attempt.pk, MpesaProvider().parse_callback(json.dumps(stk_callback()).encode()), source="callback")
    return Payment.objects.get()


@pytest.fixture
def finance():
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="payments"))
    return client_for(user)


def refund_of(payment, amount=None):
    return refunds.refund_payment(payment_id=payment.pk, amount=amount, reason="out of stock", actor=None)


def report(daraja, refund, path, *, code=0, address=SAFARICOM, timeout=False, receipt="UKL6XY34ZW"):
    """Post a result to the address that the provider was given, and let the worker do its part."""
    sent = daraja.called(path)[-1]
    url = sent["QueueTimeOutURL" if timeout else "ResultURL"].partition("/api/")[2]
    body = {
        "Result": {
            "ResultType": 0,
            "ResultCode": code,
            "ResultDesc": "The service request is processed successfully.",
            "OriginatorConversationID": sent.get("OriginatorConversationID", ORIGINATOR),
            "ConversationID": CONVERSATION,
            "TransactionID": receipt,
        }
    }
    answer = APIClient().post(f"/api/{url}", body, format="json", REMOTE_ADDR=address)
    for event in ProviderEvent.objects.filter(handled_at__isnull=True).order_by("created_at"):
        inbox.handle_event(event.pk)
    refund.refresh_from_db()
    return answer


def state(refund):
    refund.refresh_from_db()
    payment = Payment.objects.get()
    return refund.status, payment.status, payment.order.status


def test_whole_refund_goes_by_reversal_and_ends_with_its_result(payment, daraja):
    (refund,) = refund_of(payment)
    check_books()

    refunds.send_refund(refund.pk)

    sent = daraja.called(REVERSAL)[0]
    assert (sent["TransactionID"], sent["Amount"], sent["CommandID"]) == ("UKL4AB12CD", 1500, "TransactionReversal")
    assert state(refund) == ("pending", "successful", "paid")
    report(daraja, refund, REVERSAL)
    assert state(refund) == ("succeeded", "refunded", "refunded")
    assert balances() == {}
    check_books()


def test_part_goes_to_the_phone_and_the_rest_stays(payment, daraja):
    (refund,) = refund_of(payment, Decimal("500.00"))

    refunds.send_refund(refund.pk)

    sent = daraja.called(B2C)[0]
    assert (sent["PartyB"], sent["Amount"], sent["OriginatorConversationID"]) == (
        "254712345678",
        500,
        refund.reference,
    )
    report(daraja, refund, B2C)
    assert state(refund) == ("succeeded", "partially_refunded", "paid")
    assert balances() == {"provider:mpesa KES": Decimal("1000.00"), "customers KES": Decimal("-1000.00")}
    check_books()


def test_never_more_than_was_paid(payment):
    with pytest.raises(RefundTooLarge):
        refund_of(payment, Decimal("1500.01"))
    assert not Refund.objects.exists()

    refund_of(payment, Decimal("1000.00"))
    with pytest.raises(RefundTooLarge):
        refund_of(payment, Decimal("500.01"))
    with pytest.raises(RefundInProgress):
        refund_of(payment, Decimal("500.00"))
    assert Refund.objects.count() == 1
    check_books()


def test_nothing_paid_is_nothing_to_refund(attempt):
    with pytest.raises(NothingToRefund):
        refund_of(attempt.payment)

    assert not Refund.objects.exists()


def test_two_workers_send_one_refund_once(payment, daraja):
    (refund,) = refund_of(payment)

    for _ in range(2):
        refunds.send_refund(refund.pk)

    assert len(daraja.called(REVERSAL)) == 1


def test_refund_that_did_not_arrive_is_owed_again(payment, daraja):
    (refund,) = refund_of(payment)
    daraja.script(REVERSAL, requests.ConnectTimeout("away"))

    refunds.send_refund(refund.pk)

    assert state(refund)[0] == "created"
    owed = OutboxMessage.objects.filter(topic="payments.send_refund", dedupe_key__contains=str(refund.pk))
    assert owed.count() == 2
    check_books()


def test_lost_acknowledgement_is_unknown_and_not_sent_again_by_the_worker(payment, daraja):
    (refund,) = refund_of(payment, Decimal("500.00"))
    daraja.script(B2C, requests.ReadTimeout("lost"))

    refunds.send_refund(refund.pk)
    refunds.send_refund(refund.pk)

    assert (state(refund)[0], len(daraja.called(B2C))) == ("unknown", 1)
    refunds.query_refund(refund.pk)  # it is asked about by its own reference
    assert daraja.called(STATUS)[0]["OriginalConversationID"] == refund.reference
    assert len(daraja.called(B2C)) == 1


def test_failed_refund_leaves_the_money_where_it_was(payment, daraja):
    (refund,) = refund_of(payment, Decimal("500.00"))
    refunds.send_refund(refund.pk)

    report(daraja, refund, B2C, code=1)  # our utility account is short

    assert state(refund) == ("failed", "successful", "paid")
    assert balances() == {"provider:mpesa KES": Decimal("1500.00"), "customers KES": Decimal("-1500.00")}
    check_books()
    assert len(refund_of(payment, Decimal("500.00"))) == 1


def test_result_twice_or_failure_after_success_changes_nothing(payment, daraja):
    (refund,) = refund_of(payment)
    refunds.send_refund(refund.pk)
    report(daraja, refund, REVERSAL)

    report(daraja, refund, REVERSAL)
    report(daraja, refund, REVERSAL, code=1)

    assert state(refund) == ("succeeded", "refunded", "refunded")
    check_books()


def test_success_after_failure_is_seen_by_a_person(payment, daraja):
    (refund,) = refund_of(payment)
    refunds.send_refund(refund.pk)
    report(daraja, refund, REVERSAL, code=1)

    report(daraja, refund, REVERSAL)

    assert refund.status == "failed"
    (event,) = ProviderEvent.objects.filter(handled_at__isnull=True)
    assert event.last_error == "it was paid, and the books have it as failed"
    check_books()


def test_success_of_what_staff_have_paid_by_hand_is_seen_by_a_person(payment, daraja):
    (refund,) = refund_of(payment)
    refunds.send_refund(refund.pk)
    Refund.objects.update(status="review", next_query_at=None)  # nobody could tell what became of it
    refunds.complete_by_hand(refund.pk, actor=UserFactory(is_staff=True), receipt_number="SLIP 9")

    report(daraja, refund, REVERSAL)

    assert (refund.status, refund.receipt_number) == ("succeeded", "SLIP 9")
    (event,) = ProviderEvent.objects.filter(handled_at__isnull=True)
    assert event.last_error == "it was paid, and by hand too"
    check_books()


def test_result_from_an_unlisted_machine_settles_nothing(payment, daraja):
    (refund,) = refund_of(payment)
    refunds.send_refund(refund.pk)

    answer = report(daraja, refund, REVERSAL, address="203.0.113.9")

    assert answer.status_code == 200
    assert state(refund) == ("pending", "successful", "paid")


def test_time_out_in_the_queue_is_unknown_not_failed(payment, daraja):
    (refund,) = refund_of(payment)
    refunds.send_refund(refund.pk)

    report(daraja, refund, REVERSAL, timeout=True)

    assert state(refund) == ("pending", "successful", "paid")


def test_result_to_a_made_up_address_is_not_found():
    answer = APIClient().post("/api/payments/result/made-up/", {"Result": {}}, format="json")

    assert answer.status_code == 404
    assert not ProviderEvent.objects.exists()


def test_without_an_operator_a_person_pays_back(payment, settings, finance):
    settings.MPESA = settings.MPESA | {"INITIATOR_NAME": "", "SECURITY_CREDENTIAL": ""}
    (refund,) = refund_of(payment)
    refunds.send_refund(refund.pk)
    assert state(refund)[0] == "review"

    answer = finance.post(f"/api/payments/refunds/{refund.pk}/complete/", {"receipt_number": "SLIP 7"}, format="json")

    assert (answer.status_code, answer.json()["status"], answer.json()["route"]) == (200, "succeeded", "by_hand")
    assert state(refund) == ("succeeded", "refunded", "refunded")
    check_books()
    again = finance.post(f"/api/payments/refunds/{refund.pk}/complete/", {"receipt_number": "SLIP 8"}, format="json")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "refund_not_by_hand")


def test_refund_over_the_api(payment, finance):
    body = {"payment_id": str(payment.pk), "amount": "500.00", "reason": "out of stock"}

    without_key = finance.post("/api/payments/refund/", body, format="json")
    answers = [
        finance.post("/api/payments/refund/", body, format="json", headers={"Idempotency-Key": "r-1"}) for _ in range(2)
    ]

    assert (without_key.status_code, without_key.json()["errors"][0]["code"]) == (400, "idempotency_key_required")
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert [(row["amount"], row["status"], row["reason"]) for row in answers[0].json()] == [
        ("500.00", "created", "out of stock")
    ]
    assert Refund.objects.count() == 1


@pytest.mark.parametrize("amount", ["0.00", "-1.00", "1500.01", "abc", "0.001"])
def test_bad_amount_over_the_api_refunds_nothing(payment, finance, amount):
    body = {"payment_id": str(payment.pk), "amount": amount, "reason": "x"}

    answer = finance.post("/api/payments/refund/", body, format="json", headers={"Idempotency-Key": "r-1"})

    assert answer.status_code == 400
    assert not Refund.objects.exists()


@pytest.mark.parametrize("user", ["anonymous", "owner", "staff without the right"])
def test_refunds_are_for_finance_alone(payment, user):
    client = {
        "anonymous": APIClient(),
        "owner": client_for(payment.user),
        "staff without the right": client_for(UserFactory(is_staff=True)),
    }[user]
    body = {"payment_id": str(payment.pk), "reason": "x"}
    expected = 401 if user == "anonymous" else 403

    answer = client.post("/api/payments/refund/", body, format="json", headers={"Idempotency-Key": "r"})

    assert (answer.status_code, client.get("/api/payments/refunds/").status_code) == (expected, expected)
    assert not Refund.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ten_staff_at_once_refund_once(payment):
    def refund():
        try:
            return len(refund_of(payment))
        except (RefundInProgress, NothingToRefund):
            return 0

    made = at_once([refund] * 10)

    assert sum(made) == 1
    assert Refund.objects.get().amount == Decimal("1500.00")
    check_books()
