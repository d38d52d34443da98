"""Statements that staff upload: taken once and whole, and every shilling in them finds its place."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from ecommerce.models import OutboxMessage
from orders.models import Order
from payments import decisions, received, statements
from payments.models import LedgerTransaction, Payment, ReceivedMoney, Refund, Statement, StatementLine
from payments.received import Arrival
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.daraja import PAID, QUERY, stk_callback
from tests.payments.statement_csv import URL, at, charge, line, plain, portal, upload, utc
from tests.payments.test_ledger import balances, check_books

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance() -> APIClient:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="payments"))
    return client_for(user)


def state(order: Order) -> tuple[str, str | None, str | None]:
    order.refresh_from_db()
    payment = Payment.objects.filter(order=order).first()
    return order.status, payment and payment.status, payment and payment.transaction_id


def claim(receipt: str = "UKL4AB12CD", *, reference: str = "", amount: str = "1500.00") -> ReceivedMoney:
    """Somebody says that money came; nobody who must know has confirmed it."""
    return received.record(
        Arrival(
            provider="mpesa",
            receipt_number=receipt,
            amount=Decimal(amount),
            currency="KES",
            received_at=at(10),
            account_reference=reference,
            payer_phone="254799999999",
            source=ReceivedMoney.Source.C2B,
            is_verified=False,
        )
    )


def test_line_with_the_orders_number_pays_it(order, finance, run_owed_work):
    answer = upload(finance, portal(line("UKL4AB12CD", **{"A/C No.": order.number})))

    assert answer.status_code == 201
    assert state(order)[0] == "pending"  # nothing happens in the request itself
    run_owed_work()
    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    money = ReceivedMoney.objects.get()
    assert (money.status, money.source, money.received_at) == ("applied", "statement", at(10, 45, 31))
    assert StatementLine.objects.get().received == money
    assert balances() == {"provider:mpesa KES": Decimal("1500.00"), "customers KES": Decimal("-1500.00")}
    check_books()


def test_answer_tells_what_was_taken(finance, run_owed_work):
    text = portal(line("UKL4AB12CD"), charge("UKL4AB12CD", "8.00"))

    body = upload(finance, text, name="June\x00\n.csv").json()

    assert {key: body[key] for key in body if key not in ("id", "created_at", "uploaded_by")} == {
        "provider": "mpesa",
        "source": "upload",
        "name": "June.csv",
        "since": utc(at(0)),
        "until": utc(at(0)).replace(utc(at(0)), body["until"]),
        "covers": ["received", "refunds", "payouts"],
        "line_count": 2,
        "new_line_count": 2,
        "open_line_count": 2,
    }
    run_owed_work()
    assert finance.get(f"{URL}{body['id']}/").json()["open_line_count"] == 0


def test_line_of_an_unknown_payer_is_on_the_work_list(finance, run_owed_work):
    upload(finance, portal(line("UKL4AB12CD", **{"A/C No.": "my shop"})))

    run_owed_work()

    (row,) = finance.get("/api/payments/received/?status=unmatched").json()["results"]
    assert (row["receipt_number"], row["amount"], row["reason"], row["payer_name"]) == (
        "UKL4AB12CD",
        "1500.00",
        "unknown_reference",
        "JANE DOE",
    )
    check_books()


def test_same_file_again_is_the_first_one(order, finance, run_owed_work):
    text = portal(line("UKL4AB12CD", **{"A/C No.": order.number}))
    first = upload(finance, text)
    run_owed_work()

    again = upload(finance, text, name="other-name.csv")

    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert run_owed_work() == []
    assert (Statement.objects.count(), StatementLine.objects.count(), ReceivedMoney.objects.count()) == (1, 1, 1)
    assert balances()["provider:mpesa KES"] == Decimal("1500.00")


def test_overlapping_file_adds_only_what_is_new(finance, run_owed_work):
    upload(finance, portal(line("UKL4AB12CA"), line("UKL4AB12CB"), charge("UKL4AB12CB", "8.00")))

    second = upload(finance, portal(line("UKL4AB12CB"), charge("UKL4AB12CB", "8.00"), line("UKL4AB12CC"))).json()

    assert (second["line_count"], second["new_line_count"]) == (3, 1)
    run_owed_work()
    assert sorted(ReceivedMoney.objects.values_list("receipt_number", flat=True)) == [
        "UKL4AB12CA",
        "UKL4AB12CB",
        "UKL4AB12CC",
    ]
    assert balances()["provider:mpesa KES"] == Decimal("4492.00")
    check_books()


def test_movement_under_another_name_is_the_same_movement(finance, run_owed_work):
    upload(finance, portal(line("UKL4AB12CA", **{"Reason Type": "Pay Utility"})))

    second = upload(finance, portal(line("UKL4AB12CA", **{"Reason Type": "Pay Bill Online"}))).json()

    assert (second["line_count"], second["new_line_count"]) == (1, 0)
    assert StatementLine.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_uploads_at_the_same_moment_count_each_line_once(together, run_owed_work):
    def finance_of_its_own() -> APIClient:
        user = UserFactory(is_staff=True)
        user.user_permissions.set(Permission.objects.filter(content_type__app_label="payments"))
        return client_for(user)

    same, other = portal(line("UKL4AB12CA"), line("UKL4AB12CB")), portal(line("UKL4AB12CB"), line("UKL4AB12CC"))
    clients = [finance_of_its_own() for _ in range(4)]

    answers = together(
        *(
            lambda client=client, text=text: upload(client, text)
            for client, text in zip(clients, [same, same, other, other], strict=True)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 200, 201, 201]
    assert (Statement.objects.count(), StatementLine.objects.count()) == (2, 3)
    topics = run_owed_work()
    assert topics.count("payments.record_statement") == 2
    assert balances()["provider:mpesa KES"] == Decimal("4500.00")


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_statement_book_each_line_once(order, together):
    statement = _stored(portal(line("UKL4AB12CA", **{"A/C No.": order.number}), charge("UKL4AB12CA", "8.00")))

    together(*[lambda: statements.record_statement(statement.pk)] * 3)

    statements.record_statement(statement.pk)
    assert state(order) == ("paid", "successful", "UKL4AB12CA")
    assert balances() == {
        "provider:mpesa KES": Decimal("1492.00"),
        "fees:mpesa KES": Decimal("8.00"),
        "customers KES": Decimal("-1500.00"),
    }
    check_books()


def _stored(text: str, provider: str = "mpesa") -> Statement:
    statement, _ = statements.upload_statement(
        provider=provider, name="x.csv", raw=text.encode(), actor=UserFactory(is_staff=True)
    )
    return statement


def call_back(token: str) -> None:
    """Report a payment from one of Safaricom's machines: it alone can tell the receipt."""
    client = APIClient(REMOTE_ADDR="196.201.214.200")
    assert client.post(f"/api/payments/mpesa/callback/{token}/", stk_callback(), format="json").status_code == 200


def test_receipt_that_a_callback_has_settled_gets_its_fee_and_nothing_else(
    order, attempt, callback_token, daraja, finance, run_owed_work
):
    daraja.script(QUERY, PAID)
    call_back(callback_token)
    run_owed_work()
    before = ReceivedMoney.objects.values().get()

    # The charge stands above its payment, as the newest line does.
    upload(finance, portal(charge("UKL4AB12CD", "8.00"), line("UKL4AB12CD", **{"A/C No.": order.number})))
    run_owed_work()

    after = ReceivedMoney.objects.values().get()
    changed = {name for name in after if after[name] != before[name]}
    assert (changed, after["fee"]) == ({"fee", "updated_at"}, Decimal("8.00"))
    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    assert balances() == {
        "provider:mpesa KES": Decimal("1492.00"),
        "fees:mpesa KES": Decimal("8.00"),
        "customers KES": Decimal("-1500.00"),
    }
    check_books()


def test_other_amount_for_a_settled_receipt_changes_no_money(
    order, attempt, callback_token, daraja, finance, run_owed_work
):
    daraja.script(QUERY, PAID)
    call_back(callback_token)
    run_owed_work()

    upload(finance, portal(line("UKL4AB12CD", **{"Paid In": "1,400.00"})))
    run_owed_work()

    money = ReceivedMoney.objects.get()
    assert (money.amount, money.note) == (Decimal("1500.00"), "statement says 1400.00 KES")
    assert balances() == {"provider:mpesa KES": Decimal("1500.00"), "customers KES": Decimal("-1500.00")}
    check_books()


def test_charge_that_stands_before_its_payment_finds_it(finance, run_owed_work):
    upload(finance, portal(charge("UKL4AB12CD", "8.00", moment=at(9)), line("UKL4AB12CD", moment=at(10))))

    statements.record_statement(Statement.objects.get().pk)

    assert not StatementLine.objects.filter(handled_at=None).exists()
    assert balances()["fees:mpesa KES"] == Decimal("8.00")
    check_books()


def test_other_fee_than_the_known_one_changes_nothing(finance, run_owed_work):
    known = {"receipt_number": "UKL4AB12CD", "amount": Decimal("1500.00"), "fee": Decimal("5.00")}
    told = {"provider": "mpesa", "currency": "KES", "received_at": at(10), "source": "c2b", "is_verified": True}
    received.record(Arrival(**known, **told))

    upload(finance, portal(charge("UKL4AB12CD", "8.00")))
    run_owed_work()

    assert (ReceivedMoney.objects.get().fee, balances()["fees:mpesa KES"]) == (Decimal("5.00"), Decimal("5.00"))


def test_fee_that_comes_twice_is_booked_once(order, finance, run_owed_work):
    upload(finance, portal(line("UKL4AB12CD", **{"A/C No.": order.number}), charge("UKL4AB12CD", "8.00")))
    run_owed_work()

    upload(finance, portal(charge("UKL4AB12CD", "8.00")))
    run_owed_work()

    assert balances()["fees:mpesa KES"] == Decimal("8.00")
    check_books()


def test_claim_is_confirmed_by_its_line(order, finance, run_owed_work):
    claim(reference=order.number)

    upload(finance, portal(line("UKL4AB12CD", **{"A/C No.": order.number})))
    run_owed_work()

    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    assert ReceivedMoney.objects.get().verified_at is not None
    check_books()


def test_claim_that_named_somebody_elses_receipt_does_not_pay_the_liars_order(order, finance, run_owed_work):
    liars = place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))
    claim(reference=liars.number)

    upload(finance, portal(line("UKL4AB12CD", **{"A/C No.": order.number})))
    run_owed_work()

    assert (state(order)[0], state(liars)[0]) == ("paid", "pending")
    assert ReceivedMoney.objects.get().note == f"claimed for {liars.number}"


def test_till_line_without_reference_does_not_believe_the_claims_reference(order, finance, run_owed_work):
    claim(reference=order.number)

    upload(finance, portal(line("UKL4AB12CD", **{"Reason Type": "Pay Merchant"})))
    run_owed_work()

    money = ReceivedMoney.objects.get()
    assert (state(order)[0], money.status, money.note) == ("pending", "unmatched", f"claimed for {order.number}")
    check_books()


def test_receipt_that_staff_typed_for_money_in_hand_does_not_count_twice(order, finance, run_owed_work):
    received.record(
        Arrival(
            provider="manual",
            receipt_number="UKL4AB12CD",
            amount=Decimal("1500.00"),
            currency="KES",
            received_at=at(10),
            account_reference=order.number,
            source=ReceivedMoney.Source.STAFF,
            is_verified=True,
        )
    )
    before = balances()

    upload(finance, portal(line("UKL4AB12CD", **{"A/C No.": order.number})))
    run_owed_work()

    assert (ReceivedMoney.objects.count(), Refund.objects.count(), balances()) == (1, 0, before)
    (row,) = finance.get("/api/payments/reconciliation/?provider=mpesa").json()["results"]
    assert row["missing"] == 1
    check_books()


def test_money_that_is_no_customers_is_not_received(finance, run_owed_work):
    upload(finance, portal(line("UKL4AB12CD", **{"Reason Type": "Organization Transfer", "Paid In": "50,000.00"})))

    run_owed_work()

    assert not ReceivedMoney.objects.exists()
    (row,) = finance.get("/api/payments/reconciliation/").json()["results"]
    assert (row["missing"], row["provider_total"]) == (1, "50000.00")


def test_charge_for_a_refund_is_booked(order, finance, run_owed_work):
    upload(finance, portal(line("UKL4AB12CD", **{"A/C No.": "nobody"})))
    run_owed_work()
    money = ReceivedMoney.objects.get()
    decisions.give_back(money.pk, actor=UserFactory(is_staff=True))
    Refund.objects.update(status="review")
    from payments import refunds

    refunds.complete_by_hand(Refund.objects.get().pk, actor=UserFactory(is_staff=True), receipt_number="UKL4AB99ZZ")
    changes = {"Withdrawn": "-33.00", "Reason Type": "Fee For B2C Payment"}

    upload(finance, portal(line("UKL4AB99ZZ", **changes)))
    run_owed_work()

    assert balances() == {"fees:mpesa KES": Decimal("33.00"), "provider:mpesa KES": Decimal("-33.00")}
    assert LedgerTransaction.objects.get(kind="fee").refund == Refund.objects.get()
    check_books()


def test_charge_for_nothing_known_stays_open_and_is_tried_again(finance, run_owed_work):
    upload(finance, portal(charge("UKL4AB99ZZ", "33.00")))

    run_owed_work()

    assert finance.get(f"{URL}{Statement.objects.get().pk}/lines/?is_open=true").json()["count"] == 1
    assert balances() == {}
    StatementLine.objects.update(created_at=at(0))
    assert statements.owe_open_lines() == 1
    assert statements.owe_open_lines() == 1
    assert OutboxMessage.objects.filter(topic="payments.record_statement", done_at__isnull=True).count() == 1


def test_withdrawn_line_brings_the_question_about_its_refund_forward(finance, run_owed_work):
    upload(finance, portal(line("UKL4AB12CD")))
    run_owed_work()
    decisions.give_back(ReceivedMoney.objects.get().pk, actor=UserFactory(is_staff=True))
    refund = Refund.objects.get()
    Refund.objects.update(status="unknown", next_query_at=at(0).replace(year=2999))

    changes = {"Withdrawn": "-1,500.00", "Reason Type": "Business Payment", "A/C No.": refund.reference}
    upload(finance, portal(line("UKL4AB99ZZ", **changes)))
    statement = Statement.objects.latest("created_at")
    statements.record_statement(statement.pk)

    refund.refresh_from_db()
    assert (refund.status, refund.next_query_at.year < 2999) == ("unknown", True)


def test_worker_that_dies_half_way_goes_on_where_it_ended(order, finance, run_owed_work, monkeypatch):
    upload(finance, portal(line("UKL4AB12CA"), line("UKL4AB12CB", moment=at(11)), line("UKL4AB12CC", moment=at(12))))
    whole = statements.record
    told: list[str] = []

    def dies_on_the_second(arrival):
        told.append(arrival.receipt_number)
        if len(told) == 2:
            raise SystemExit
        return whole(arrival)

    monkeypatch.setattr(statements, "record", dies_on_the_second)
    with pytest.raises(SystemExit):
        statements.record_statement(Statement.objects.get().pk)
    assert ReceivedMoney.objects.count() == 1

    statements.record_statement(Statement.objects.get().pk)

    assert told == ["UKL4AB12CA", "UKL4AB12CB", "UKL4AB12CB", "UKL4AB12CC"]
    assert balances()["provider:mpesa KES"] == Decimal("4500.00")


def test_line_that_always_fails_keeps_no_other_from_its_place(finance, run_owed_work, monkeypatch):
    upload(finance, portal(line("UKL4AB12CA"), line("UKL4AB12CB", moment=at(11))))
    whole = statements.record

    def fails_on_the_first(arrival):
        if arrival.receipt_number == "UKL4AB12CA":
            raise ValueError("poison")
        return whole(arrival)

    monkeypatch.setattr(statements, "record", fails_on_the_first)

    with pytest.raises(statements.LinesFailed):
        statements.record_statement(Statement.objects.get().pk)

    assert list(ReceivedMoney.objects.values_list("receipt_number", flat=True)) == ["UKL4AB12CB"]
    assert list(StatementLine.objects.filter(handled_at=None).values_list("receipt_number", flat=True)) == [
        "UKL4AB12CA"
    ]


def test_long_statement_lets_others_have_their_turn(finance, run_owed_work, monkeypatch):
    upload(finance, portal(line("UKL4AB12CA"), line("UKL4AB12CB"), line("UKL4AB12CC")))
    monkeypatch.setattr(statements, "TURN", 0.0)

    run_owed_work()

    message = OutboxMessage.objects.get(topic="payments.record_statement")
    assert (message.done_at, message.attempts, message.last_error) == (None, 0, "more lines to record")
    assert ReceivedMoney.objects.count() == 1
    monkeypatch.setattr(statements, "TURN", 20.0)
    OutboxMessage.objects.update(next_attempt_at=at(0))
    run_owed_work()
    assert ReceivedMoney.objects.count() == 3


# --- refusals


def nothing_changed() -> bool:
    return not (
        Statement.objects.exists()
        or StatementLine.objects.exists()
        or ReceivedMoney.objects.exists()
        or OutboxMessage.objects.filter(topic__startswith="payments.rec").exists()
    )


def test_one_bad_line_keeps_the_whole_file_out(order, finance):
    good = line("UKL4AB12CD", **{"A/C No.": order.number})

    answer = upload(finance, portal(good, line("UKL4AB12CE", **{"Paid In": "1.500,00"})))

    assert (answer.status_code, answer.json()) == (
        400,
        {
            "type": "client_error",
            "errors": [
                {"code": "bad_amount", "detail": "Line 8: '1.500,00' is no amount.", "attr": "file.8"},
            ],
            "bad_lines": 1,
        },
    )
    assert nothing_changed()


@pytest.mark.parametrize("size", [statements.MAX_FILE + 1, 10 * 1024 * 1024])
def test_file_that_is_too_large_is_refused(finance, size):
    answer = upload(finance, b"x" * size)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "statement_too_large")
    assert nothing_changed()


@pytest.mark.parametrize(
    ("provider", "content", "code"),
    [
        ("nobody", portal(line("UKL4AB12CD")), "invalid_choice"),
        ("paystack", portal(line("UKL4AB12CD")), "statement_of_another_provider"),
        ("mpesa", portal(line("UKL4AB12CD"), shortcode="999999"), "statement_of_another_account"),
        ("mpesa", "hello", "statement_unreadable"),
        ("mpesa", "", "empty"),
    ],
)
def test_what_is_no_statement_of_the_provider_is_refused(finance, provider, content, code):
    answer = upload(finance, content, provider=provider)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)
    assert nothing_changed()


def test_upload_without_a_file_or_in_json_is_refused(finance):
    assert finance.post(URL, {"provider": "mpesa"}, format="multipart").json()["errors"][0]["attr"] == "file"
    assert finance.post(URL, {"provider": "mpesa", "file": "x"}, format="json").status_code == 415
    assert nothing_changed()


@pytest.mark.parametrize("who", ["anonymous", "customer", "staff without the right", "staff who may look"])
def test_statements_are_for_finance_alone(order, who):
    user = {"anonymous": None, "customer": order.user}.get(
        who, None if who == "anonymous" else UserFactory(is_staff=True)
    )
    if who == "staff who may look":
        user.user_permissions.set(Permission.objects.filter(codename="view_statement"))
    client = client_for(user)

    refused = upload(client, portal(line("UKL4AB12CD", **{"A/C No.": order.number})))

    assert refused.status_code == (401 if who == "anonymous" else 403)
    assert client.get(URL).status_code == {"anonymous": 401, "staff who may look": 200}.get(who, 403)
    assert nothing_changed()
    assert state(order)[0] == "pending"


# --- lists


@pytest.mark.parametrize("path", ["", "{id}/lines/"])
def test_list_costs_the_same_with_one_and_three_rows(finance, run_owed_work, path):
    counts = []
    for number in range(3):
        upload(finance, portal(*(line(f"UKL4AB1{number}C{letter}") for letter in "ABC"[: number + 1])))
        if number in (0, 2):
            address = URL + path.format(id=Statement.objects.latest("created_at").pk)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                answer = finance.get(address)
            assert answer.json()["count"] == number + 1
            counts.append(len(queries))
    assert counts[0] == counts[1]


def test_list_is_filtered_and_names_what_it_does_not_know(finance):
    upload(finance, portal(line("UKL4AB12CD")))
    upload(finance, plain(f"A,1,KES,{utc(at(10))},,,"), provider="paystack")

    assert [row["provider"] for row in finance.get(f"{URL}?provider=paystack").json()["results"]] == ["paystack"]
    assert finance.get(f"{URL}?colour=red").json()["errors"][0]["attr"] == "colour"
    assert finance.get(f"{URL}00000000-0000-7000-8000-000000000000/lines/").status_code == 404


def test_line_shows_no_phone_number(finance):
    upload(finance, portal(line("UKL4AB12CD", **{"Other Party Info": "254712345678 - JANE DOE"})))

    text = finance.get(f"{URL}{Statement.objects.get().pk}/lines/").content.decode()

    assert "JANE DOE" in text
    assert "712345" not in text
