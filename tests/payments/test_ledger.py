"""The books: what they hold after each thing that can happen, and what the database refuses."""

from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from ecommerce.currencies import from_minor_units
from payments.models import LedgerAccount, LedgerEntry, LedgerTransaction


def balances() -> dict[str, Decimal]:
    """Return each account's balance in major units; debit is positive. Accounts at zero are left out."""
    sums = LedgerEntry.objects.values("account__code", "account__currency").annotate(total=Sum("amount"))
    return {
        f"{row['account__code']} {row['account__currency']}": from_minor_units(row["total"], row["account__currency"])
        for row in sums
        if row["total"]
    }


def check_books() -> None:
    """Every invariant holds. Deferred checks of the database run now as well."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    from ecommerce.invariants import violations
    from payments.checks import CHECKS

    assert {check.name: found for check in CHECKS if (found := list(violations(check)))} == {}


def booked(*amounts: int) -> None:
    account, _ = LedgerAccount.objects.get_or_create(code="suspense", currency="KES", kind="liability")
    with transaction.atomic():
        made = LedgerTransaction.objects.create(source=f"test:{amounts}", kind="received")
        LedgerEntry.objects.bulk_create(
            LedgerEntry(transaction=made, account=account, amount=amount) for amount in amounts
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("amounts", [(), (100,), (100, -99), (100, 100)])
def test_database_refuses_a_transaction_that_does_not_balance(amounts):
    with pytest.raises(IntegrityError):
        booked(*amounts)

    assert not LedgerTransaction.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments_ledgerentry SET amount = amount * 2",
        "DELETE FROM payments_ledgerentry",
        "UPDATE payments_ledgertransaction SET source = 'other'",
        "UPDATE payments_ledgeraccount SET code = 'other'",
    ],
)
def test_database_refuses_to_change_the_books(statement):
    booked(100, -100)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert list(LedgerEntry.objects.order_by("amount").values_list("amount", flat=True)) == [-100, 100]


@pytest.mark.django_db(transaction=True)
def test_command_says_that_all_is_well(capsys):
    call_command("check_ledger")

    assert "invariants hold" in capsys.readouterr().out
