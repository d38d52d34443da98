"""Money that nobody asked for: recorded once, matched where that is certain, else on the work list."""

import json
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from orders import services as order_services
from orders.models import Order
from payments import inbox, refunds, sending, services
from payments.models import LedgerTransaction, Payment, ProviderEvent, ReceivedMoney, Refund, RefusedEvents
from payments.providers.base import TransferResult, Verdict
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.conftest import SHORTCODE
from tests.payments.daraja import PAID, QUERY, accepted, stk_callback
from tests.payments.test_ledger import balances, check_books

pytestmark = pytest.mark.django_db

SECRET = "a-secret-of-the-shop"


@pytest.fixture(autouse=True)
def c2b_secret(settings):
    settings.MPESA = settings.MPESA | {"C2B_SECRET": SECRET}


@pytest.fixture
def finance():
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="payments"))
    return client_for(user)


def confirmation(**changes):
    body = {
        "TransactionType": "Pay Bill",
        "TransID": "UKL4AB12CD",
        "TransTime": "20261121104531",
        "TransAmount": "1500.00",
        "BusinessShortCode": SHORTCODE,
        "BillRefNumber": "",
        "InvoiceNumber": "",
        "OrgAccountBalance": "25400.00",
        "ThirdPartyTransID": "",
        "MSISDN": "2547 ***** 126",
        "FirstName": "JANE",
        "MiddleName": "",
        "LastName": "",
    }
    return body | changes


def report(body, *, secret=SECRET):
    """Confirm a payment as Safaricom does, and let the worker do its part."""
    address = f"/api/payments/till/{secret}/confirmation/" if secret else "/api/payments/mpesa/c2b/confirmation/"
    answer = APIClient().post(address, body, format="json")
    assert (answer.status_code, answer.json()) == (200, {"ResultCode": 0, "ResultDesc": "Success"})
    for event in ProviderEvent.objects.filter(handled_at__isnull=True).order_by("created_at"):
        inbox.handle_event(event.pk)


def state(order):
    order.refresh_from_db()
    payment = Payment.objects.filter(order=order).first()
    return order.status, payment and payment.status, payment and payment.transaction_id


def test_paybill_payment_with_the_orders_number_pays_it(order):
    report(confirmation(BillRefNumber=f" {order.number} "))

    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    money = ReceivedMoney.objects.get()
    assert (money.status, money.amount, money.applied_amount, money.source) == (
        "applied",
        Decimal("1500.00"),
        Decimal("1500.00"),
        "c2b",
    )
    assert balances() == {"provider:mpesa KES": Decimal("1500.00"), "customers KES": Decimal("-1500.00")}
    check_books()


def test_money_for_an_order_that_costs_nothing_waits_for_a_person():
    order = place_order(UserFactory(), ProductFactory(price=Decimal("0.00")))

    report(confirmation(BillRefNumber=order.number))

    assert (state(order), ReceivedMoney.objects.get().status) == (("paid", None, None), "unmatched")
    assert ProviderEvent.objects.get().outcome == "unmatched"


def test_one_confirmation_delivered_ten_times_is_one_receipt(order):
    for _ in range(10):
        report(confirmation(BillRefNumber=order.number))

    assert ReceivedMoney.objects.count() == 1
    assert balances()["provider:mpesa KES"] == Decimal("1500.00")


@pytest.mark.parametrize(
    ("amount", "reason"), [("1.00", "underpaid"), ("1499.00", "underpaid"), ("1501.00", "overpaid")]
)
def test_another_amount_never_pays_and_is_always_visible(order, finance, amount, reason):
    report(confirmation(BillRefNumber=order.number, TransAmount=amount))

    assert state(order) == ("pending", "pending", None)
    listed = finance.get("/api/payments/received/?status=unmatched").json()["results"]
    assert [(row["amount"], row["reason"], row["order_number"]) for row in listed] == [(amount, reason, order.number)]
    assert balances() == {"provider:mpesa KES": Decimal(amount), "suspense KES": -Decimal(amount)}
    check_books()


def test_paid_in_two_parts_is_paid(order):
    report(confirmation(BillRefNumber=order.number, TransAmount="1000.00"))
    assert state(order)[0] == "pending"

    report(confirmation(BillRefNumber=order.number, TransAmount="500.00", TransID="UKL4AB12CE"))

    assert state(order)[:2] == ("paid", "successful")
    assert set(ReceivedMoney.objects.values_list("status", flat=True)) == {"applied"}
    check_books()


def test_payment_in_doubt_is_not_asked_for_again(order):
    report(confirmation(BillRefNumber=order.number, TransAmount="1000.00"))

    answer = client_for(order.user).post(
        "/api/payments/", {"order_id": str(order.pk), "method": "mpesa", "phone_number": "0712345678"}, format="json"
    )

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "payment_under_review")


@pytest.mark.parametrize("reference", ["", "my phone", "1234567", "0000000000"])
def test_money_without_a_known_reference_waits_for_a_person(order, reference):
    report(confirmation(BillRefNumber=reference))

    assert state(order)[0] == "pending"
    money = ReceivedMoney.objects.get()
    assert (money.status, money.reason, money.payment) == ("unmatched", "unknown_reference", None)
    check_books()


def test_till_payment_is_matched_by_phone_and_exact_amount(order, attempt):
    report(confirmation(TransactionType="Buy Goods", MSISDN="254712345678"))

    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    attempt.refresh_from_db()
    assert (attempt.status, attempt.receipt_number) == ("succeeded", "UKL4AB12CD")
    check_books()


def test_two_payments_of_one_phone_and_amount_are_not_guessed(daraja):
    orders = [place_order(UserFactory(), ProductFactory(price=Decimal("1500.00"))) for _ in range(2)]
    for number, order in enumerate(orders):
        daraja.script("/mpesa/stkpush/v1/processrequest", accepted(f"ws_CO_{number}"))
        started = services.start_payment(
            user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678"
        )
        sending.send_attempt(started.payment.attempts.get().pk)

    report(confirmation(MSISDN="254712345678"))

    assert [state(order)[0] for order in orders] == ["pending", "pending"]
    assert ReceivedMoney.objects.get().status == "unmatched"


@pytest.mark.parametrize("first", ["callback", "confirmation"])
def test_callback_and_confirmation_of_one_payment_are_one_receipt(order, attempt, callback_token, daraja, first):
    daraja.script(QUERY, PAID)

    def callback():
        address = f"/api/payments/mpesa/callback/{callback_token}/"
        APIClient().post(address, stk_callback(), format="json")
        for event in ProviderEvent.objects.filter(handled_at__isnull=True):
            inbox.handle_event(event.pk)

    steps = [callback, lambda: report(confirmation(BillRefNumber=order.number))]
    for step in steps if first == "callback" else reversed(steps):
        step()

    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    assert ReceivedMoney.objects.count() == 1
    assert balances()["provider:mpesa KES"] == Decimal("1500.00")
    check_books()


def test_confirmation_brings_the_receipt_that_a_query_could_not(order, attempt, daraja):
    from payments import queries

    daraja.script(QUERY, PAID)
    queries.query_attempt(attempt.pk)
    assert state(order) == ("paid", "successful", None)

    report(confirmation(BillRefNumber=order.number))

    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    assert ReceivedMoney.objects.count() == 1
    check_books()


def test_wrong_amount_in_a_callback_is_put_right_by_the_confirmation(order, attempt, callback_token, daraja):
    daraja.script(QUERY, PAID)
    APIClient().post(f"/api/payments/mpesa/callback/{callback_token}/", stk_callback(amount=1), format="json")
    inbox.handle_event(ProviderEvent.objects.get().pk)
    assert ReceivedMoney.objects.get().status == "unverified"

    report(confirmation(BillRefNumber=order.number))

    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    check_books()


def test_second_payment_of_a_paid_order_goes_back_by_itself(order):
    report(confirmation(BillRefNumber=order.number))

    report(confirmation(BillRefNumber=order.number, TransID="UKL4AB12CE"))

    refund = Refund.objects.get()
    assert (refund.amount, refund.cause, refund.status) == (Decimal("1500.00"), "paid_twice", "created")
    assert Payment.objects.get().needs_refund is True
    assert state(order)[:2] == ("paid", "successful")
    check_books()


def test_money_for_a_cancelled_order_goes_back_by_itself(order):
    order_services.cancel_order(order.pk)

    report(confirmation(BillRefNumber=order.number))

    assert Order.objects.get().status == "cancelled"
    refund = Refund.objects.get()
    assert (refund.amount, refund.cause) == (Decimal("1500.00"), "order_cancelled")
    check_books()


def test_confirmation_from_a_stranger_is_a_claim_and_not_money(order):
    report(confirmation(BillRefNumber=order.number), secret="")

    assert state(order) == ("pending", None, None)
    assert ReceivedMoney.objects.get().status == "unverified"
    assert not LedgerTransaction.objects.exists()

    report(confirmation(BillRefNumber=order.number))  # and now Safaricom says so

    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    check_books()


@pytest.mark.parametrize(
    "changes", [{"BusinessShortCode": "600000"}, {"TransID": ""}, {"TransAmount": "0"}, {"TransAmount": "x"}]
)
def test_confirmation_that_is_not_ours_or_makes_no_sense_is_kept_for_a_person(order, changes):
    report(confirmation(BillRefNumber=order.number, **changes))

    assert state(order) == ("pending", None, None)
    assert not ReceivedMoney.objects.exists()
    assert ProviderEvent.objects.get().last_error.startswith("unreadable")


@pytest.mark.parametrize("name", ["FirstName", "BillRefNumber", "MSISDN"])
def test_half_a_character_in_a_confirmation_loses_no_money(name):
    body = json.dumps(confirmation(**{name: "A\ud800\x00B"})).encode()

    APIClient().post(f"/api/payments/till/{SECRET}/confirmation/", data=body, content_type="application/json")
    inbox.handle_event(ProviderEvent.objects.get().pk)

    money = ReceivedMoney.objects.get()
    assert (money.status, money.amount) == ("unmatched", Decimal("1500.00"))
    assert "AB" in (money.payer_name, money.account_reference, money.payer_phone)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 50_000])
def test_validation_answers_whatever_comes(body):
    answer = APIClient().post(f"/api/payments/till/{SECRET}/validation/", data=body, content_type="application/json")

    assert (answer.status_code, answer.json()) == (200, {"ResultCode": "C2B00016", "ResultDesc": "Rejected"})


def test_validation_refuses_only_what_is_certainly_wrong(order):
    def ask(**changes):
        body = confirmation(**changes)
        return APIClient().post(f"/api/payments/till/{SECRET}/validation/", body, format="json").json()["ResultCode"]

    assert ask(BillRefNumber=order.number) == "0"
    assert ask(BillRefNumber="my phone") == "0"
    assert ask(BillRefNumber="1000000000") == "C2B00012"
    assert ask(BillRefNumber=order.number, BusinessShortCode="600000") == "C2B00015"
    order_services.cancel_order(order.pk)
    assert ask(BillRefNumber=order.number) == "C2B00012"


def test_staff_attach_money_to_an_order(order, finance):
    report(confirmation(BillRefNumber="my phone"))
    money = ReceivedMoney.objects.get()

    answer = finance.post(f"/api/payments/received/{money.pk}/attach/", {"order_number": order.number}, format="json")

    assert (answer.status_code, answer.json()["status"], answer.json()["order_number"]) == (
        200,
        "applied",
        order.number,
    )
    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    check_books()
    again = finance.post(f"/api/payments/received/{money.pk}/attach/", {"order_number": order.number}, format="json")
    assert again.status_code in (400, 409)
    assert balances()["customers KES"] == Decimal("-1500.00")


def test_staff_send_money_back(order, finance):
    report(confirmation(BillRefNumber="my phone"))
    money = ReceivedMoney.objects.get()

    answer = finance.post(f"/api/payments/received/{money.pk}/refund/", {"reason": "not ours"}, format="json")

    assert (answer.status_code, answer.json()["status"]) == (200, "surplus")
    assert Refund.objects.get().amount == Decimal("1500.00")
    assert balances() == {"provider:mpesa KES": Decimal("1500.00"), "refunds KES": Decimal("-1500.00")}
    check_books()


def test_claims_can_be_put_away_and_booked_money_cannot(order, finance):
    report(confirmation(BillRefNumber=order.number), secret="")
    report(confirmation(BillRefNumber="my phone", TransID="UKL4AB12CE"))
    claim, money = ReceivedMoney.objects.order_by("created_at")

    put_away = finance.post(f"/api/payments/received/{claim.pk}/dismiss/", {"reason": "a forgery"}, format="json")
    refused = finance.post(f"/api/payments/received/{money.pk}/dismiss/", {"reason": "no"}, format="json")

    assert (put_away.status_code, put_away.json()["status"]) == (200, "dismissed")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "received_money_decided")
    money.refresh_from_db()
    assert money.status == "unmatched"


@pytest.mark.parametrize("user", ["anonymous", "customer", "staff without the right"])
def test_work_list_is_for_finance_alone(order, user):
    report(confirmation(BillRefNumber="my phone"))
    money = ReceivedMoney.objects.get()
    client = APIClient() if user == "anonymous" else client_for(UserFactory(is_staff=user.startswith("staff")))
    expected = 401 if user == "anonymous" else 403

    assert client.get("/api/payments/received/").status_code == expected
    for what, body in (("attach", {"order_number": order.number}), ("refund", {"reason": "x"})):
        assert client.post(f"/api/payments/received/{money.pk}/{what}/", body, format="json").status_code == expected
    money.refresh_from_db()
    assert money.status == "unmatched"


def test_unasked_body_is_stored_byte_for_byte():
    body = json.dumps(confirmation(), indent=3).encode()

    APIClient().post(f"/api/payments/till/{SECRET}/confirmation/", data=body, content_type="application/json")

    event = ProviderEvent.objects.get()
    assert (bytes(event.body), event.is_trusted, event.kind) == (body, True, "c2b_confirmation")


# --- answers to questions about the account


def test_answer_to_a_question_by_hand_is_kept_and_settles_nothing():
    body = {"Result": {"ResultCode": 0}}

    answers = [APIClient().post(f"/api/payments/till/{SECRET}/result/", body, format="json") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    event = ProviderEvent.objects.get()
    assert (event.outcome, event.handled_at is not None) == ("kept", True)


def test_answer_to_an_unknown_address_is_refused_and_counted():
    answer = APIClient().post("/api/payments/till/guess/result/", {"Result": {}}, format="json")

    assert answer.status_code == 404
    assert not ProviderEvent.objects.exists()
    assert list(RefusedEvents.objects.values_list("provider", "reason", "count")) == [("mpesa", "unknown_secret", 1)]


def test_surplus_whose_refund_failed_is_on_the_work_list_and_goes_back_again(finance):
    report(confirmation(BillRefNumber="rent"))
    money = ReceivedMoney.objects.get()
    finance.post(f"/api/payments/received/{money.pk}/refund/", {"reason": "not ours"}, format="json")
    waiting = "/api/payments/received/?waiting=true"
    assert finance.get(waiting).json()["results"] == []
    refund = Refund.objects.get()
    refunds.settle_refund(refund.pk, TransferResult(verdict=Verdict.FAILED, code="2001"), source="callback")

    listed = [row["id"] for row in finance.get(waiting).json()["results"]]
    again = finance.post(f"/api/payments/received/{money.pk}/refund/", {"reason": "once more"}, format="json")
    twice = finance.post(f"/api/payments/received/{money.pk}/refund/", {"reason": "and more"}, format="json")

    assert listed == [str(money.pk)]
    assert (again.status_code, twice.status_code) == (200, 409)
    assert sorted(Refund.objects.values_list("status", "amount")) == [
        ("created", money.amount),
        ("failed", money.amount),
    ]
    check_books()
