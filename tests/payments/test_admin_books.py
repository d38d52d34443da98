"""What staff only read: the ledger, the providers' books, what was refused; and events that are owed again."""

import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from ecommerce.models import OutboxMessage
from payments.models import (
    LedgerAccount,
    LedgerTransaction,
    ProviderEvent,
    Reconciliation,
    ReconciliationDifference,
    RefusedEvents,
    Statement,
    StatementLine,
)
from tests.admin_pages import address, listed, logged_in, member_of_staff, queries_of, statuses, told
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.admin_rows import arrived, everything, paid

pytestmark = pytest.mark.django_db

EVENTS = address("payments_providerevent_changelist")
LEDGER, ACCOUNTS = address("payments_ledgertransaction_changelist"), address("payments_ledgeraccount_changelist")
LINES, DAYS = address("payments_statementline_changelist"), address("payments_reconciliation_changelist")


@pytest.fixture
def client(staff):
    return logged_in(staff)


@pytest.fixture
def statement(db):
    return Statement.objects.create(provider="mpesa", source="upload", name="october.csv", digest="d" * 64)


def line_of(statement, receipt="UKL4AB12CD"):
    return StatementLine.objects.create(
        provider="mpesa",
        statement=statement,
        receipt_number=receipt,
        amount=Decimal("1500.00"),
        currency="KES",
        at=timezone.now(),
        nature="payment",
        payer_phone="254712345678",
    )


def day_of(day, **counts):
    return Reconciliation.objects.create(provider="mpesa", day=day, currency="KES", **counts)


def event_of(event_id, **fields):
    known = {"provider": "mpesa", "kind": "c2b_confirmation", "body": b"{}"}
    return ProviderEvent.objects.create(event_id=event_id, **(known | fields))


def another_paid_order(receipt):
    return paid(place_order(UserFactory(), ProductFactory(price=Decimal("1500.00"))), receipt)


def owed_events():
    owed = OutboxMessage.objects.filter(topic="payments.handle_provider_event")
    return sorted(uuid.UUID(message.payload["event_id"]) for message in owed)


# --- Who gets in ------------------------------------------------------------------------------------------------


def rows(statement):
    arrived()
    return {
        "ledgertransaction": LedgerTransaction.objects.get(),
        "ledgeraccount": LedgerAccount.objects.get(code="suspense"),
        "statement": statement,
        "statementline": line_of(statement),
        "reconciliation": day_of(date(2026, 11, 20)),
        "refusedevents": RefusedEvents.objects.create(provider="stripe", day=date(2026, 11, 20), reason="old", count=2),
    }


def test_pages_open_for_those_who_may_see_them_alone(client, statement):
    shown = rows(statement)
    pages = [address(f"payments_{name}_changelist") for name in shown]
    pages += [address(f"payments_{name}_change", row) for name, row in shown.items()]

    assert statuses(client, pages) == dict.fromkeys(pages, 200)
    assert statuses(Client(), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)


def test_books_take_no_form(client, statement):
    shown = rows(statement)
    before = everything()

    answers = []
    for name, row in shown.items():
        answers += [
            client.post(address(f"payments_{name}_add"), {"amount": "1"}).status_code,
            client.post(address(f"payments_{name}_change", row), {"amount": "1", "count": "0"}).status_code,
            client.post(address(f"payments_{name}_delete", row), {"post": "yes"}).status_code,
        ]

    # The statements' add form takes a file and nothing else.
    assert answers == [403] * 6 + [200] + [403] * 11
    assert everything() == before
    assert [type(row).objects.filter(pk=row.pk).exists() for row in shown.values()] == [True] * 6


# --- The ledger -------------------------------------------------------------------------------------------------


def test_accounts_show_what_stands_on_them(client, order):
    paid(order)
    arrived("UKL4OTHER1", "200.00", fee=Decimal("3.50"))

    text = client.get(ACCOUNTS).content.decode().replace("\N{NO-BREAK SPACE}", " ")

    balances = {account.code: account.balance for account in listed(client.get(ACCOUNTS))}
    assert balances == {"provider:mpesa": 169_650, "customers": -150_000, "suspense": -20_000, "fees:mpesa": 350}
    for balance in ("KES 1,696.50 debit", "KES 1,500.00 credit", "KES 200.00 credit", "KES 3.50 debit"):
        assert balance in text


def test_booking_shows_both_its_sides(client, order):
    payment = paid(order)
    booked = LedgerTransaction.objects.get(kind="applied", payment=payment)

    (shown,) = client.get(address("payments_ledgertransaction_change", booked)).context["tables"]

    (row,) = shown["table"]["rows"]
    assert row[2:] == ["suspense KES\N{NO-BREAK SPACE}1,500.00", "customers KES\N{NO-BREAK SPACE}1,500.00"]


@pytest.mark.parametrize("text", ["{number}", "UKL4AB12CD", "received:{received}"])
def test_search_finds_bookings_by(client, order, text):
    payment = paid(order)
    another_paid_order("UKL4OTHER1")
    wanted = set(LedgerTransaction.objects.filter(received__payment=payment))
    text = text.format(number=order.number, received=payment.received.get().pk)

    found = listed(client.get(LEDGER, {"q": text}))

    assert set(found) <= wanted
    assert found


@pytest.mark.parametrize("page", [LEDGER, ACCOUNTS])
def test_ledger_costs_the_same_for_one_and_three_payments(client, order, page):
    paid(order)
    one = queries_of(client, page)

    for receipt in ("UKL4OTHER1", "UKL4OTHER2"):
        another_paid_order(receipt)

    assert queries_of(client, page) == one


# --- The providers' books ---------------------------------------------------------------------------------------


def test_statement_leads_to_its_lines(client, statement):
    line = line_of(statement)
    other = Statement.objects.create(provider="mpesa", source="api", digest="e" * 64)
    line_of(other, "UKL4OTHER1")

    text = client.get(address("payments_statement_change", statement)).content.decode()

    query = f"statement__id__exact={statement.pk}"
    assert f"{LINES}?{query}" in text
    assert listed(client.get(f"{LINES}?{query}")) == [line]
    assert "712345678" not in client.get(address("payments_statementline_change", line)).content.decode()


def test_reconciliation_shows_its_differences(client):
    row = arrived()
    day = day_of(timezone.localdate(), matched=3, extra=1, our_total=Decimal("1500.00"))
    equal = day_of(timezone.localdate() - timedelta(days=1), matched=2)
    ReconciliationDifference.objects.create(
        reconciliation=day,
        outcome="extra",
        receipt_number="UKL4AB12CD",
        our_amount=Decimal("1500.00"),
        at=timezone.now(),
        received=row,
    )

    (shown,) = client.get(address("payments_reconciliation_change", day)).context["tables"]

    assert shown["table"]["rows"][0][2:5] == ["UKL4AB12CD", "–", "KES\N{NO-BREAK SPACE}1,500.00"]
    assert listed(client.get(DAYS, {"result": "differences"})) == [day]
    assert listed(client.get(DAYS, {"result": "equal"})) == [equal]
    cards = {card["title"]: card["count"] for card in client.get("/admin/").context["waiting"]}
    assert cards["Days that do not reconcile"] == 1


def test_refused_events_are_counted_newest_first(client):
    older, newer = (
        RefusedEvents.objects.create(provider="stripe", day=date(2026, 11, day), reason="bad_signature", count=day)
        for day in (19, 20)
    )

    assert listed(client.get(address("payments_refusedevents_changelist"))) == [newer, older]


# --- Events -----------------------------------------------------------------------------------------------------


def again(client, *events):
    return client.post(EVENTS, {"action": "owe_again", "_selected_action": [str(event.pk) for event in events]})


def test_open_events_are_owed_again(client):
    failed, fresh = event_of("a", last_error="unreadable: not JSON"), event_of("b")
    done = event_of("c", handled_at=timezone.now(), outcome="applied")

    answer = again(client, failed, fresh, done)

    assert told(answer) == ["2 will be handled again within seconds."]
    assert owed_events() == sorted([failed.pk, fresh.pk])


def test_handled_events_are_not_owed_again(client):
    answer = again(client, event_of("c", handled_at=timezone.now()))

    assert told(answer) == ["All of them are handled."]
    assert owed_events() == []


def test_owing_again_needs_the_right_to_change(client):
    event = event_of("a")

    again(logged_in(member_of_staff("payments.view_providerevent")), event)

    assert owed_events() == []


def test_events_are_filtered_by_what_is_known_of_them(client):
    confirmation, webhook = event_of("a"), event_of("b", provider="stripe", kind="charge.refunded", is_trusted=True)
    stk = event_of("c", kind="stk_callback", last_error="reference_mismatch")

    assert listed(client.get(EVENTS, {"provider": "stripe"})) == [webhook]
    assert listed(client.get(EVENTS, {"kind": "webhook"})) == [webhook]
    assert listed(client.get(EVENTS, {"kind": "stk_callback"})) == [stk]
    assert listed(client.get(EVENTS, {"is_trusted__exact": "1"})) == [webhook]
    assert listed(client.get(EVENTS, {"state": "person"})) == [stk]
    assert set(listed(client.get(EVENTS, {"state": "open"}))) == {confirmation, webhook, stk}


def test_body_is_shown_as_text(client):
    event = event_of("a", body=b'{"BillRefNumber": "<script>alert(1)</script>"}')

    text = client.get(address("payments_providerevent_change", event)).content.decode()

    assert "<script>alert(1)" not in text
    assert "&quot;BillRefNumber&quot;: &quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;" in text


# --- Statements -------------------------------------------------------------------------------------------------

ADD = address("payments_statement_add")
GOOD = b"receipt_number,amount,currency,time\nUKL4AB12CD,1500.00,KES,2026-11-20T10:00:00+03:00\n"


def upload(client, raw, name="november.csv", provider="mpesa"):
    return client.post(ADD, {"provider": provider, "file": SimpleUploadedFile(name, raw)})


def test_statement_is_uploaded_once_and_its_lines_are_owed(client, staff):
    first = upload(client, GOOD)
    second = upload(client, GOOD, name="again.csv")

    statement = Statement.objects.get()
    assert (first.status_code, second.status_code) == (302, 302)
    assert (statement.name, statement.uploaded_by, statement.new_line_count) == ("november.csv", staff, 1)
    assert "This file had been uploaded before; nothing was added." in told(second)
    assert StatementLine.objects.get().receipt_number == "UKL4AB12CD"


def test_unreadable_statement_says_which_line_and_leaves_nothing(client):
    answer = upload(client, GOOD + b"UKL4AB12CE,many,KES,2026-11-20T10:00:00+03:00\n")

    assert (Statement.objects.count(), StatementLine.objects.count()) == (0, 0)
    assert answer.status_code == 302
    assert "many" in " ".join(told(answer))


def test_statement_that_is_too_large_is_refused_in_the_form(client, monkeypatch):
    monkeypatch.setattr("payments.statements.MAX_FILE", 50)

    answer = upload(client, GOOD)

    assert (answer.status_code, Statement.objects.count()) == (200, 0)
    assert "too large" in answer.content.decode()


def test_statement_is_uploaded_by_those_alone_who_may(client):
    reader = logged_in(member_of_staff("payments.view_statement"))

    assert (upload(reader, GOOD).status_code, Statement.objects.count()) == (403, 0)
    assert (client.get(ADD).status_code, reader.get(ADD).status_code) == (200, 403)
