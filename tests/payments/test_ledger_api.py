"""The ledger over HTTP: every booking with its entries, in major units, for finance alone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments import decisions, received
from payments.models import LedgerTransaction, ReceivedMoney, Refund
from payments.received import Arrival
from tests.clients import client_for
from tests.factories import UserFactory
from tests.payments.statement_csv import NAIROBI
from tests.payments.test_statements import finance  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

URL = "/api/payments/ledger/"


def arrive(receipt: str, *, reference: str = "", amount: str = "1500.00", currency: str = "KES") -> ReceivedMoney:
    return received.record(
        Arrival(
            provider="mpesa",
            receipt_number=receipt,
            amount=Decimal(amount),
            currency=currency,
            received_at=timezone.now(),
            account_reference=reference,
            source=ReceivedMoney.Source.C2B,
            is_verified=True,
        )
    )


def told(client, query: str = "") -> list[tuple]:
    rows = client.get(f"{URL}?ordering=created_at&{query}").json()["results"]
    return [
        (row["kind"], sorted((entry["account"], entry["amount"], entry["currency"]) for entry in row["entries"]))
        for row in rows
    ]


def test_bookings_are_told_with_their_entries(order, finance):  # noqa: F811
    arrive("UKL4AB12CD", reference=order.number)

    assert told(finance) == [
        ("received", [("provider:mpesa", "1500.00", "KES"), ("suspense", "-1500.00", "KES")]),
        ("applied", [("customers", "-1500.00", "KES"), ("suspense", "1500.00", "KES")]),
    ]
    row = finance.get(URL).json()["results"][0]
    assert (row["order_number"], row["receipt_number"], row["payment"]) == (
        order.number,
        "UKL4AB12CD",
        str(order.payment.pk),
    )
    assert finance.get(f"{URL}{row['id']}/").json() == row


def test_currency_without_cents_keeps_its_units(finance):  # noqa: F811
    arrive("UKL4AB12CD", amount="1500.00", currency="JPY")

    assert told(finance) == [
        ("received", [("provider:mpesa", "1500.00", "JPY"), ("suspense", "-1500.00", "JPY")]),
    ]


def test_list_is_filtered(order, finance):  # noqa: F811
    arrive("UKL4AB12CD", reference=order.number)
    other = arrive("UKL4AB12CE")
    decisions.give_back(other.pk, actor=UserFactory(is_staff=True))
    refund = Refund.objects.get()

    def kinds(query: str) -> list[str]:
        return [kind for kind, _ in told(finance, query)]

    assert kinds("account=customers") == ["applied"]
    assert kinds("account=suspense") == ["received", "applied", "received", "refund_owed"]
    assert kinds(f"payment={order.payment.pk}") == ["applied"]
    assert kinds("receipt_number=UKL4AB12CD") == ["received", "applied"]
    assert kinds("receipt_number=UKL4AB12CE") == ["received", "refund_owed"]
    assert kinds(f"refund={refund.pk}") == ["refund_owed"]
    assert kinds(f"received={other.pk}") == ["received"]
    assert kinds("kind=refund_owed") == ["refund_owed"]
    today = timezone.now().astimezone(NAIROBI).date()
    assert len(kinds(f"since={today}&until={today}")) == 4
    assert kinds(f"since={today + timedelta(days=1)}") == []
    assert kinds(f"until={today - timedelta(days=1)}") == []


@pytest.mark.parametrize(
    ("query", "attr"), [("colour=red", "colour"), ("payment=x", "payment"), ("since=soon", "since"), ("kind=x", "kind")]
)
def test_unknown_or_bad_filter_is_named(finance, query, attr):  # noqa: F811
    answer = finance.get(f"{URL}?{query}")

    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, attr)


def test_accounts_tell_their_balances(order, finance):  # noqa: F811
    arrive("UKL4AB12CD", reference=order.number)
    arrive("UKL4AB12CE", amount="10.50")

    rows = finance.get(f"{URL}accounts/").json()["results"]

    assert [(row["account"], row["balance"], row["currency"], row["kind"]) for row in rows] == [
        ("customers", "-1500.00", "KES", "liability"),
        ("provider:mpesa", "1510.50", "KES", "asset"),
        ("suspense", "-10.50", "KES", "liability"),
    ]
    (one,) = finance.get(f"{URL}accounts/?account=suspense").json()["results"]
    assert one["balance"] == "-10.50"


@pytest.mark.parametrize("path", ["", "accounts/"])
def test_list_costs_the_same_with_one_and_three_rows(finance, path):  # noqa: F811
    counts = []
    for number in (1, 2, 3):
        arrive(f"UKL4AB12C{number}", currency=("KES", "USD", "EUR")[number - 1])
        with CaptureQueriesContext(connection) as queries:
            assert finance.get(URL + path).json()["count"] == (2 * number if path else number)
        counts.append(len(queries))
    assert counts[0] == counts[2]


def test_nothing_is_written_over_http(finance):  # noqa: F811
    arrive("UKL4AB12CD")
    address = f"{URL}{LedgerTransaction.objects.get().pk}/"

    assert [finance.post(URL, {}).status_code, finance.put(address, {}).status_code] == [405, 405]
    assert [finance.patch(address, {}).status_code, finance.delete(address).status_code] == [405, 405]
    assert LedgerTransaction.objects.count() == 1


@pytest.mark.parametrize("who", ["anonymous", "customer", "staff without the right"])
def test_ledger_is_for_finance_alone(order, who):
    arrive("UKL4AB12CD", reference=order.number)
    user = {"anonymous": None, "customer": order.user}.get(who, UserFactory(is_staff=True))
    if who == "staff without the right":
        user.user_permissions.set(Permission.objects.filter(codename="view_statement"))
    client = client_for(user)

    for path in ("", "accounts/", f"{LedgerTransaction.objects.first().pk}/"):
        answer = client.get(URL + path)
        assert answer.status_code == (401 if who == "anonymous" else 403)
        assert "1500" not in answer.content.decode()
