"""Exchanges at another price: every order has money of its own, and nobody pays or gets anything twice."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from catalog.exceptions import InsufficientStock
from catalog.models import Stock, Variant
from ecommerce.invariants import violations
from orders import services
from orders.documents.models import TaxDocument
from orders.models import Order
from orders.returns.checks import CHECKS
from orders.returns.exceptions import InvalidReturnTransition
from orders.returns.models import Return
from orders.returns.receiving import receive_return
from orders.returns.services import ReturnLine, approve_return, request_return
from orders.returns.settling import exchange_return
from payments import received, refunds
from payments.credit import spending
from payments.credit.models import StoreCredit
from payments.exceptions import RefundInProgress
from payments.models import Payment, Refund
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, variant_of
from tests.invariants import assert_orders_hold, assert_stock_holds
from tests.orders.returned import arrivals, returns_clerk
from tests.payments.gift_cards import give_credit
from tests.payments.test_ledger import check_books
from tests.payments.test_returns_money import deliver, paid, settle
from tests.racing import at_once

pytestmark = pytest.mark.django_db

WORTH = Decimal("9966.67")  # of one of three phones at 10,000.00 with 100.00 off together


@pytest.fixture(autouse=True)
def by_hand(settings):
    settings.PAYMENT_PROVIDERS = ["mpesa", "manual"]


@pytest.fixture
def order() -> Order:
    return deliver(paid())


def costing(price: str, stock: int = 10) -> Variant:
    return variant_of(ProductFactory(price=Decimal(price), sku="OTHER", stock=stock))


def wanted(order: Order, variant: Variant) -> Return:
    """Return one phone, for which another thing is wanted, so far that it is here."""
    line = ReturnLine(order.items.get(sku="PHONE").pk, 1, exchange_variant_id=variant.pk, attr="items.0")
    made = request_return(order_id=order.pk, lines=[line], reason="changed_mind", resolution="exchange")
    approve_return(made.pk)
    return receive_return(made.pk, arrivals(made))


def credit_of(order: Order) -> Decimal:
    return StoreCredit.objects.filter(user=order.user).values_list("balance", flat=True).first() or Decimal(0)


def everything(order: Order) -> Any:
    return (
        list(Return.objects.values("status", "refund_amount", "exchange_order")),
        Order.objects.count(),
        Refund.objects.count(),
        list(Stock.objects.order_by("pk").values("available", "on_hand")),
        credit_of(order),
    )


def all_holds() -> None:
    check_books()
    assert_stock_holds()
    assert_orders_hold()


def test_dearer_goods_wait_for_the_difference(order, run_owed_work):
    made = wanted(order, costing("12000.00"))

    exchange_return(made.pk, actor=returns_clerk())
    run_owed_work()

    made.refresh_from_db()
    ordered = made.exchange_order
    payment = Payment.objects.get(order=ordered)
    assert (made.status, made.refund_amount, made.replacement) == ("refunded", WORTH, None)
    assert (ordered.status, ordered.total_amount, ordered.user) == ("pending", Decimal("12000.00"), order.user)
    assert received.due_of(payment) == Decimal("2033.33")
    assert ordered.reserved_until > timezone.now() + timedelta(days=2)
    assert credit_of(order) == 0
    assert "Pay the rest within three days" in mail.outbox[-1].body

    give_credit(order.user, "2033.33")
    spending.spend_store_credit(user=order.user, order_id=ordered.pk)
    run_owed_work()
    ordered.refresh_from_db()
    assert ordered.status == "paid"
    # What was sold is invoiced, what came back is credited.
    documents = TaxDocument.objects.values_list("order", "kind", "content__totals__gross")
    assert set(documents) >= {
        (ordered.pk, "invoice", "12000.00"),
        (order.pk, "credit_note", str(WORTH)),
    }
    all_holds()


def test_of_cheaper_goods_the_rest_goes_back_the_way_it_was_paid(order):
    made = wanted(order, costing("4000.00"))

    exchange_return(made.pk)

    made.refresh_from_db()
    made.exchange_order.refresh_from_db()
    assert (made.exchange_order.status, made.refund_amount) == ("paid", WORTH)
    assert [(refund.provider, refund.amount) for refund in Refund.objects.order_by("created_at")] == [
        ("store_credit", Decimal("4000.00")),
        ("manual", Decimal("5966.67")),
    ]
    assert credit_of(order) == 0
    settle()
    services.ship_order(made.exchange_order.pk)
    all_holds()


def test_difference_that_is_not_paid_leaves_the_credit(order, run_owed_work):
    other = costing("12000.00")
    made = wanted(order, other)
    exchange_return(made.pk)
    Order.objects.filter(credited_by=made).update(reserved_until=timezone.now() - timedelta(seconds=1))

    services.cancel_unpaid_orders()

    made.refresh_from_db()
    assert (made.exchange_order.status, credit_of(order)) == ("cancelled", WORTH)
    assert Stock.objects.get(variant=other).available == 10
    all_holds()


def test_paid_exchange_that_is_cancelled_goes_back_as_credit(order):
    made = wanted(order, costing("4000.00"))
    exchange_return(made.pk)
    made.refresh_from_db()

    services.cancel_order(made.exchange_order.pk)

    assert credit_of(order) == Decimal("4000.00")
    settle()
    all_holds()


def test_goods_that_are_not_there_are_not_exchanged(order):
    other = costing("12000.00", stock=1)
    made = wanted(order, other)
    Stock.objects.filter(variant=other).update(available=0)
    before = everything(order)

    with pytest.raises(InsufficientStock):
        exchange_return(made.pk)

    assert everything(order) == before


def test_refund_that_is_under_way_is_waited_for(order):
    made = wanted(order, costing("4000.00"))
    refunds.refund_payment(
        payment_id=Payment.objects.get().pk, amount=Decimal("1.00"), reason="a kindness", actor=order.user
    )
    before = everything(order)

    with pytest.raises(RefundInProgress):
        exchange_return(made.pk)

    assert everything(order) == before


def test_what_went_back_before_is_not_given_again(order):
    made = wanted(order, costing("12000.00"))
    payment = Payment.objects.get()
    refunds.refund_payment(
        payment_id=payment.pk, amount=payment.amount - Decimal("100.00"), reason="a kindness", actor=order.user
    )
    settle()

    exchange_return(made.pk)

    made.refresh_from_db()
    assert made.refund_amount == Decimal("100.00")
    assert received.due_of(Payment.objects.get(order=made.exchange_order)) == Decimal("11900.00")
    check_books()


def test_exchange_over_http_is_staffs_and_happens_once(order):
    made = wanted(order, costing("12000.00"))
    address, clerk = f"/api/returns/{made.pk}/exchange/", client_for(returns_clerk())

    by_customer = client_for(order.user).post(address, {})
    first = clerk.post(address, {}, headers={"Idempotency-Key": "once"})
    again = clerk.post(address, {}, headers={"Idempotency-Key": "once"})
    twice = clerk.post(address, {}, headers={"Idempotency-Key": "other"})

    made.refresh_from_db()
    assert by_customer.status_code == 403
    assert (first.status_code, first.json()["exchange_order_id"]) == (200, str(made.exchange_order_id))
    assert (again.content, twice.status_code) == (first.content, 409)
    assert (first.json()["status"], Order.objects.count(), Refund.objects.count()) == ("refunded", 2, 1)


def test_check_finds_goods_that_were_credited_to_somebody_else(order):
    made = wanted(order, costing("12000.00"))
    exchange_return(made.pk)
    assert list(violations(CHECKS[-1])) == []

    Order.objects.filter(credited_by=made).update(user=UserFactory())

    assert len(list(violations(CHECKS[-1]))) == 1


@pytest.mark.django_db(transaction=True)
def test_exchange_at_once_makes_one_order():
    order = deliver(paid())
    made = wanted(order, costing("12000.00"))

    def exchange() -> str:
        try:
            return exchange_return(made.pk).status
        except InvalidReturnTransition:
            return "refused"

    results = at_once([exchange for _ in range(6)])

    assert sorted(results) == ["refunded", *["refused"] * 5]
    assert (Order.objects.count(), Refund.objects.count()) == (2, 1)
    all_holds()
