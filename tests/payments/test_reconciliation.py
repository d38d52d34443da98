"""The providers' books against ours: each kind of difference, and what a statement does not vouch for."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments import reconciliation
from payments.models import (
    LedgerTransaction,
    ReceivedMoney,
    Reconciliation,
    ReconciliationDifference,
    Refund,
    Statement,
    StatementLine,
)
from payments.received import Arrival, record
from tests.clients import client_for
from tests.factories import UserFactory
from tests.payments.statement_csv import at, charge, line, plain, portal, upload, utc, yesterday
from tests.payments.test_statements import finance  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

URL = "/api/payments/reconciliation/"


def received(receipt: str, amount: str = "1500.00", *, provider: str = "mpesa", verified: bool = True, **changes):
    arrival = {"received_at": at(10, 45, 31), "currency": "KES", "source": ReceivedMoney.Source.C2B} | changes
    return record(
        Arrival(provider=provider, receipt_number=receipt, amount=Decimal(amount), is_verified=verified, **arrival)
    )


def refunded(money: ReceivedMoney, receipt: str = "", **changes) -> Refund:
    fields = {"status": "succeeded", "ended_at": at(15), "provider_reference": "AG_1"} | changes
    return Refund.objects.create(
        received=money,
        provider=money.provider,
        amount=money.amount,
        currency=money.currency,
        reference=f"refund-{money.pk.hex}",
        receipt_number=receipt,
        **fields,
    )


def withdrawn(receipt: str, amount: str = "1,500.00", **changes: str) -> list[str]:
    return line(receipt, moment=at(15), **{"Withdrawn": f"-{amount}", "Reason Type": "Pay Bill Reversal"} | changes)


def compared(client, text, run_owed_work, provider="mpesa") -> dict:
    """Upload a statement that books nothing new by itself, and return what the comparison says."""
    assert upload(client, text, provider=provider).status_code == 201
    StatementLine.objects.update(handled_at=timezone.now())
    run_owed_work()
    (row,) = client.get(f"{URL}?since={yesterday()}&until={yesterday()}").json()["results"]
    return client.get(f"{URL}{row['id']}/").json()


def summary(found: dict) -> tuple:
    return tuple(found[name] for name in ("matched", "missing", "extra", "differing", "was_complete", "is_clean"))


def differences(found: dict) -> list[tuple]:
    names = ("outcome", "receipt_number", "provider_amount", "our_amount")
    return [tuple(row[name] for name in names) for row in found["differences"]]


def test_equal_books_are_clean(finance, run_owed_work):  # noqa: F811
    money = received("UKL4AB12CA")
    refunded(money, "UKL4AB99ZZ")

    found = compared(finance, portal(line("UKL4AB12CA"), withdrawn("UKL4AB99ZZ")), run_owed_work)

    assert summary(found) == (2, 0, 0, 0, True, True)
    assert (found["provider_total"], found["our_total"], found["differences"]) == ("0.00", "0.00", [])


def test_each_kind_of_difference_is_found(finance, run_owed_work):  # noqa: F811
    received("UKL4AB12CA")
    received("UKL4AB12CB")
    received("UKL4AB12CC", "900.00")
    received("UKL4AB12CD", verified=False)
    text = portal(line("UKL4AB12CA"), line("UKL4AB12CC", **{"Paid In": "1,000.00"}), line("UKL4AB12CE", moment=at(12)))

    found = compared(finance, text, run_owed_work)

    assert summary(found) == (1, 1, 1, 1, True, False)
    assert sorted(differences(found)) == [
        ("differing", "UKL4AB12CC", "1000.00", "900.00"),
        ("extra", "UKL4AB12CB", None, "1500.00"),
        ("missing", "UKL4AB12CE", "1500.00", None),
    ]
    assert (found["provider_total"], found["our_total"]) == ("4000.00", "3900.00")
    rows = {row["receipt_number"]: row for row in found["differences"]}
    assert rows["UKL4AB12CB"]["received"] == str(ReceivedMoney.objects.get(receipt_number="UKL4AB12CB").pk)


def test_refund_and_payment_are_not_the_same_movement(finance, run_owed_work):  # noqa: F811
    received("UKL4AB12CA")

    found = compared(finance, portal(withdrawn("UKL4AB12CA")), run_owed_work)

    assert sorted(differences(found)) == [
        ("extra", "UKL4AB12CA", None, "1500.00"),
        ("missing", "UKL4AB12CA", "-1500.00", None),
    ]


def test_refund_without_a_receipt_is_known_by_what_it_undoes(finance, run_owed_work):  # noqa: F811
    refunded(received("UKL4AB12CA"))
    changes = {"Linked Transaction ID": "UKL4AB12CA"}

    found = compared(finance, portal(line("UKL4AB12CA"), withdrawn("UKL4AB99ZZ", **changes)), run_owed_work)

    assert summary(found) == (2, 0, 0, 0, True, True)


def test_refund_that_the_provider_does_not_know_is_extra(finance, run_owed_work):  # noqa: F811
    refunded(received("UKL4AB12CA"), "UKL4AB99ZZ")

    found = compared(finance, portal(line("UKL4AB12CA")), run_owed_work)

    assert differences(found) == [("extra", "UKL4AB99ZZ", None, "-1500.00")]


def test_failed_refund_that_left_all_the_same_is_missing(finance, run_owed_work):  # noqa: F811
    refunded(received("UKL4AB12CA"), "UKL4AB99ZZ", status="failed")

    found = compared(finance, portal(line("UKL4AB12CA"), withdrawn("UKL4AB99ZZ")), run_owed_work)

    assert differences(found) == [("missing", "UKL4AB99ZZ", "-1500.00", None)]


def test_charge_is_no_difference_under_a_known_receipt_and_is_one_alone(finance, run_owed_work):  # noqa: F811
    received("UKL4AB12CA")
    text = portal(line("UKL4AB12CA"), charge("UKL4AB12CA", "8.00"), charge("UKL4AB12CX", "9.00"))

    found = compared(finance, text, run_owed_work)

    assert differences(found) == [("missing", "UKL4AB12CX", "-9.00", None)]
    assert (found["matched"], found["provider_total"]) == (1, "1500.00")


def test_money_that_the_provider_wrote_down_on_another_day_matches(finance, run_owed_work):  # noqa: F811
    received("UKL4AB12CA", received_at=at(0) - timedelta(seconds=2))
    received("UKL4AB12CB", received_at=at(23, 59, 59))
    earlier = yesterday() - timedelta(days=1)
    received("UKL4AB12CC", received_at=at(23, day=earlier))
    upload(finance, portal(line("UKL4AB12CC", moment=at(23, day=earlier)), day=earlier))

    found = compared(finance, portal(line("UKL4AB12CA"), line("UKL4AB12CB", moment=at(23, 59, 58))), run_owed_work)

    assert summary(found) == (2, 0, 0, 0, True, True)


def test_nothing_is_extra_where_no_statement_vouches(finance, run_owed_work):  # noqa: F811
    refunded(received("UKL4AB12CA"), "UKL4AB99ZZ")
    received("UKL4AB12CB", received_at=at(20))
    Statement.objects.create(provider="mpesa", source="api", digest="x", since=at(8), until=at(18), covers=["received"])

    reconciliation.reconcile_day("mpesa", yesterday())

    (row,) = Reconciliation.objects.all()
    assert (row.matched, row.missing, row.extra, row.was_complete) == (0, 0, 1, False)
    assert row.differences.get().receipt_number == "UKL4AB12CA"


def test_day_is_complete_when_lists_cover_it_together(finance):  # noqa: F811
    received("UKL4AB12CA")
    for digest, since, until in (("a", at(0), at(12)), ("b", at(11), at(0) + timedelta(days=1))):
        Statement.objects.create(
            provider="mpesa", source="api", digest=digest, since=since, until=until, covers=["received"]
        )

    (row,) = reconciliation.reconcile_day("mpesa", yesterday())

    assert (row.extra, row.was_complete) == (1, True)


def test_cash_is_in_no_banks_books(finance, run_owed_work):  # noqa: F811
    received("", provider="manual", source=ReceivedMoney.Source.STAFF)
    received("FT26325ABC12", provider="manual", source=ReceivedMoney.Source.STAFF)

    found = compared(finance, plain(f"FT26325XYZ99,10,KES,{utc(at(10))},,,"), run_owed_work, provider="manual")

    assert sorted(differences(found)) == [
        ("extra", "FT26325ABC12", None, "1500.00"),
        ("missing", "FT26325XYZ99", "10.00", None),
    ]


def test_currencies_are_compared_apart(finance, run_owed_work):  # noqa: F811
    received("A", "10.00", provider="paystack", currency="USD")
    text = plain(f"A,10,USD,{utc(at(10))},,,", f"B,1500,KES,{utc(at(10))},,,")

    upload(finance, text, provider="paystack")
    StatementLine.objects.update(handled_at=timezone.now())
    run_owed_work()

    rows = finance.get(f"{URL}?provider=paystack").json()["results"]
    assert [(row["currency"], row["matched"], row["missing"]) for row in rows] == [("KES", 0, 1), ("USD", 1, 0)]


def test_comparison_found_anew_replaces_the_old_one(finance, run_owed_work):  # noqa: F811
    found = compared(finance, portal(line("UKL4AB12CA")), run_owed_work)
    assert summary(found)[:2] == (0, 1)
    received("UKL4AB12CA")

    reconciliation.reconcile_day("mpesa", yesterday())

    again = finance.get(f"{URL}{found['id']}/").json()
    assert summary(again) == (1, 0, 0, 0, True, True)
    assert not ReconciliationDifference.objects.exists()


def test_each_of_the_last_days_is_compared_once_a_day():
    received("UKL4AB12CA")

    assert reconciliation.reconcile_due_days() == 7
    assert Reconciliation.objects.get().day == yesterday()
    # Days without any movement keep no row and cost a look.
    assert reconciliation.reconcile_due_days() == 6
    Reconciliation.objects.update(updated_at=timezone.now() - reconciliation.COMPARE_EVERY)
    assert reconciliation.reconcile_due_days() == 7


def test_day_that_was_compared_before_its_end_is_compared_again():
    received("UKL4AB12CA")
    reconciliation.reconcile_due_days()
    Reconciliation.objects.update(updated_at=at(23, 59))

    assert reconciliation.reconcile_due_days(now=at(1) + timedelta(days=1)) == 7


def test_reconciling_moves_no_money(finance, run_owed_work):  # noqa: F811
    received("UKL4AB12CA")
    before = (list(ReceivedMoney.objects.values()), LedgerTransaction.objects.count())

    compared(finance, portal(line("UKL4AB12CB")), run_owed_work)

    assert (list(ReceivedMoney.objects.values()), LedgerTransaction.objects.count()) == before


# --- over HTTP


def test_list_is_filtered(finance, run_owed_work):  # noqa: F811
    compared(finance, portal(line("UKL4AB12CA")), run_owed_work)

    def count(query: str) -> int:
        return finance.get(f"{URL}?{query}").json()["count"]

    tomorrow = yesterday() + timedelta(days=1)
    assert (count("is_clean=false"), count("is_clean=true")) == (1, 0)
    assert (count(f"since={yesterday()}"), count(f"since={tomorrow}")) == (1, 0)
    assert (count("provider=mpesa"), count("provider=paystack")) == (1, 0)
    assert finance.get(f"{URL}?since=soon").json()["errors"][0]["attr"] == "since"
    assert finance.get(f"{URL}?colour=red").json()["errors"][0]["attr"] == "colour"


def test_differences_come_in_pages(finance, run_owed_work):  # noqa: F811
    found = compared(finance, portal(*(line(f"UKL4AB1{number:03}") for number in range(103))), run_owed_work)

    assert (found["missing"], len(found["differences"])) == (103, 100)
    page = finance.get(f"{URL}{found['id']}/differences/?outcome=missing&page=6").json()
    assert (page["count"], len(page["results"])) == (103, 3)
    assert finance.get(f"{URL}{found['id']}/differences/?outcome=extra").json()["count"] == 0


@pytest.mark.parametrize("path", ["", "{id}/", "{id}/differences/"])
def test_reading_costs_the_same_with_one_and_three_rows(finance, run_owed_work, path):  # noqa: F811
    counts = []
    for rows in (1, 3):
        StatementLine.objects.all().delete()
        Statement.objects.all().delete()
        found = compared(finance, portal(*(line(f"UKL4AB1{rows}C{number}") for number in range(rows))), run_owed_work)
        with CaptureQueriesContext(connection) as queries:
            assert finance.get(URL + path.format(id=found["id"])).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("who", ["anonymous", "customer", "staff without the right"])
def test_comparisons_are_for_finance_alone(finance, run_owed_work, who):  # noqa: F811
    found = compared(finance, portal(line("UKL4AB12CA")), run_owed_work)
    user = {"anonymous": None, "customer": UserFactory()}.get(who, UserFactory(is_staff=True))
    if user and user.is_staff:
        user.user_permissions.set(Permission.objects.filter(codename="view_statement"))
    client = client_for(user)

    for path in ("", f"{found['id']}/", f"{found['id']}/differences/"):
        answer = client.get(URL + path)
        assert answer.status_code == (401 if who == "anonymous" else 403)
        assert "UKL4AB12CA" not in answer.content.decode()
