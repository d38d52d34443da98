"""What payments tell orders for their documents: the receipts, and each refund once."""

import json
from decimal import Decimal

import pytest

from orders.documents.models import TaxDocument
from orders.services import cancel_order
from payments import refunds
from payments.models import Payment, Refund
from payments.providers.base import TransferResult, Verdict
from payments.providers.mpesa import MpesaProvider
from payments.settlement import settle
from tests.orders.documents import assert_documents_hold
from tests.payments.by_hand import collect, rider_client
from tests.payments.daraja import stk_callback

pytestmark = pytest.mark.django_db

GONE = TransferResult(verdict=Verdict.SUCCEEDED, receipt_number="UKL6XY34ZW")


@pytest.fixture
def payment(attempt) -> Payment:
    """A payment of KES 1,500 that was paid by one receipt."""
    settle(attempt.pk, MpesaProvider().parse_callback(json.dumps(stk_callback()).encode()), source="callback")
    return Payment.objects.get()


def refund_of(payment, amount):
    return refunds.refund_payment(payment_id=payment.pk, amount=Decimal(amount), reason="scratched", actor=None)[0]


def notes():
    return list(TaxDocument.objects.filter(kind="credit_note").order_by("sequence"))


def test_invoice_names_the_receipt_that_paid(payment, run_owed_work):
    run_owed_work()

    (paid,) = TaxDocument.objects.get().content["payments"]
    assert (paid["receipt_number"], paid["method"], paid["amount"]) == ("UKL4AB12CD", "mpesa", "1500.00")


def test_refund_that_has_gone_is_credited_once(payment, run_owed_work):
    refund = refund_of(payment, "500.00")
    run_owed_work()
    assert notes() == []

    for _ in range(3):
        refunds.settle_refund(refund.pk, GONE, source="callback")
        run_owed_work()

    (note,) = notes()
    assert (note.amount, note.source) == (Decimal("500.00"), f"refund:{refund.pk}")
    assert (note.content["reason"], note.content["payments"]) == ("scratched", [{"receipt_number": "UKL6XY34ZW"}])
    assert_documents_hold()


def test_refund_that_fails_is_not_credited(payment, run_owed_work):
    refund = refund_of(payment, "500.00")

    refunds.settle_refund(refund.pk, TransferResult(verdict=Verdict.FAILED), source="callback")
    run_owed_work()

    assert notes() == []


def test_two_parts_take_the_whole_back(payment, run_owed_work):
    for amount in ("499.99", "1000.01"):
        refunds.settle_refund(refund_of(payment, amount).pk, GONE, source="callback")
        run_owed_work()

    assert [note.amount for note in notes()] == [Decimal("499.99"), Decimal("1000.01")]
    assert sum(Decimal(note.content["totals"]["tax"]) for note in notes()) == Decimal("206.90")
    assert_documents_hold()


def test_what_was_paid_too_much_is_no_part_of_the_price(order, settings, run_owed_work):
    settings.PAYMENT_PROVIDERS = ["mpesa", "manual"]
    collect(rider_client(), order, amount="2000.00")
    payment = Payment.objects.get()

    refunds.settle_refund(refund_of(payment, "700.00").pk, GONE, source="staff")
    run_owed_work()

    assert [note.amount for note in notes()] == [Decimal("200.00")]
    assert_documents_hold()


def test_cancelled_order_is_credited_when_its_money_has_gone(payment, run_owed_work):
    run_owed_work()
    cancel_order(payment.order_id)
    assert notes() == []

    refunds.settle_refund(Refund.objects.get().pk, GONE, source="callback")
    run_owed_work()

    invoice = TaxDocument.objects.get(kind="invoice")
    assert [(note.amount, note.corrects_id) for note in notes()] == [(Decimal("1500.00"), invoice.pk)]
    assert_documents_hold()
