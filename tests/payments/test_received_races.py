"""One payment told by two channels at the same moment is one payment."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from orders.models import Order
from payments import outcomes
from payments.attempts import lock_attempt
from payments.models import ReceivedMoney
from payments.providers.base import ProviderResult, Verdict
from payments.received import Arrival, record
from payments.settlement import settle
from tests.payments.daraja import CHECKOUT_ID
from tests.payments.test_ledger import check_books

pytestmark = pytest.mark.django_db(transaction=True)

PAID_WITHOUT_RECEIPT = ProviderResult(
    verdict=Verdict.SUCCEEDED, outcome=outcomes.PAID, provider_reference=CHECKOUT_ID, result_code="0"
)


def confirmation_of(order: Order) -> Arrival:
    return Arrival(
        provider="mpesa",
        receipt_number="UKL4AB12CD",
        amount=Decimal("1500.00"),
        currency="KES",
        received_at=timezone.now() - timedelta(seconds=1),
        account_reference=order.number,
        source=ReceivedMoney.Source.C2B,
        is_verified=True,
    )


def test_confirmation_while_a_query_settles_completes_the_receipt(order, attempt, together):
    settling = threading.Event()

    def settle_slowly():
        with transaction.atomic():
            lock_attempt(attempt.pk)
            settling.set()
            threading.Event().wait(0.5)  # long enough for a confirmation that does not wait
            settle(attempt.pk, PAID_WITHOUT_RECEIPT, source="query")

    def confirm():
        settling.wait(10)
        return record(confirmation_of(order))

    _, received = together(settle_slowly, confirm)

    assert list(ReceivedMoney.objects.values_list("pk", "receipt_number", "status")) == [
        (received.pk, "UKL4AB12CD", "applied")
    ]
    order.refresh_from_db()
    assert (order.status, order.payment.status, order.payment.transaction_id, order.payment.needs_refund) == (
        "paid",
        "successful",
        "UKL4AB12CD",
        False,
    )
    assert not order.payment.refunds.exists()
    check_books()


def test_query_that_comes_after_the_confirmation_changes_nothing(order, attempt):
    received = record(confirmation_of(order))

    settle(attempt.pk, PAID_WITHOUT_RECEIPT, source="query")

    assert list(ReceivedMoney.objects.values_list("pk", "receipt_number", "status")) == [
        (received.pk, "UKL4AB12CD", "applied")
    ]
    check_books()
