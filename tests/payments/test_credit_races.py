"""One balance, many orders: exactly what is on it is spent, and exactly what was spent comes back."""

from collections import Counter
from decimal import Decimal
from functools import partial

import pytest
from django.utils import timezone

from orders import services as order_services
from orders.exceptions import InvalidOrderTransition
from orders.models import Order
from payments import refunds
from payments.credit import spending
from payments.credit.exceptions import GiftCardEmpty
from payments.exceptions import NothingToRefund
from payments.models import CreditMovement, ReceivedMoney, Refund
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.gift_cards import code_of, gift_card, give_credit, left_on
from tests.payments.test_ledger import check_books
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

PAYMENTS = "/api/payments/"


def orders_of(users, price="100.00") -> list[Order]:
    product = ProductFactory(price=Decimal(price), stock=100)
    return [place_order(user, product) for user in users]


def test_fifty_spends_of_one_card_over_fifty_orders_take_what_is_on_it(settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"payment": "1000/60"}
    users = [UserFactory() for _ in range(50)]
    orders = orders_of(users)
    card = gift_card("730.00")
    code = code_of(card)

    def pay(user, order):
        body = {"order_id": str(order.pk), "method": "gift_card", "code": code}
        answer = client_for(user).post(PAYMENTS, body, format="json")
        return answer.status_code, answer.json().get("errors", [{}])[0].get("code")

    answers = at_once([partial(pay, user, order) for user, order in zip(users, orders, strict=True)])

    assert Counter(answers) == {(201, None): 8, (409, "gift_card_empty"): 42}
    assert left_on(card) == 0
    assert sum(ReceivedMoney.objects.values_list("amount", flat=True)) == Decimal("730.00")
    assert Counter(Order.objects.values_list("status", flat=True)) == {"paid": 7, "pending": 43}
    check_books()


def test_two_orders_of_one_customer_share_the_store_credit(together):
    user = UserFactory()
    orders = orders_of([user, user, user], "200.00")
    credit = give_credit(user, "500.00")

    together(*[partial(spending.spend_store_credit, user=user, order_id=order.pk) for order in orders])

    assert left_on(credit) == 0
    assert sum(ReceivedMoney.objects.values_list("applied_amount", flat=True)) == Decimal("500.00")
    check_books()


def test_one_order_takes_a_card_once_however_often_it_is_sent(together):
    (order,) = orders_of([UserFactory()])
    card = gift_card("1000.00")

    outcomes = together(
        *[partial(spending.spend_gift_card, user=order.user, order_id=order.pk, code=code_of(card))] * 8
    )

    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"Spent": 1, "AlreadyPaid": 7}
    assert left_on(card) == Decimal("900.00")
    check_books()


def test_cancel_refund_and_expiry_at_once_give_back_once(together):
    (order,) = orders_of([UserFactory()], "300.00")
    card = gift_card("300.00")
    spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(card))
    refund = partial(refunds.refund_payment, payment_id=order.payment.pk, amount=None, reason="", actor=None)

    outcomes = together(*[partial(order_services.cancel_order, order.pk), refund] * 4)

    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert {type(error) for error in refused} <= {NothingToRefund, InvalidOrderTransition}
    assert left_on(card) == Decimal("300.00")
    assert CreditMovement.objects.filter(kind="give_back").count() == Refund.objects.count() == 1
    check_books()


def test_expiry_against_the_spending_never_keeps_money_for_nothing(together):
    (order,) = orders_of([UserFactory()], "300.00")
    card = gift_card("300.00")
    Order.objects.filter(pk=order.pk).update(reserved_until=timezone.now())

    together(
        order_services.cancel_unpaid_orders,
        partial(spending.spend_gift_card, user=order.user, order_id=order.pk, code=code_of(card)),
    )

    order.refresh_from_db()
    assert (order.status, left_on(card)) in (("paid", Decimal("0.00")), ("cancelled", Decimal("300.00")))
    check_books()


def test_orders_paid_by_the_same_cards_in_opposite_order_are_cancelled_without_a_deadlock(together):
    users = [UserFactory() for _ in range(6)]
    orders = orders_of(users, "200.00")
    first, second = gift_card("600.00"), gift_card("600.00")
    for turn, order in enumerate(orders):
        for card in (first, second) if turn % 2 else (second, first):
            spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(card), amount=Decimal("100.00"))
    with pytest.raises(GiftCardEmpty):
        spending.spend_gift_card(user=users[0], order_id=orders_of(users[:1])[0].pk, code=code_of(first))

    outcomes = together(*[partial(order_services.cancel_order, order.pk) for order in orders])

    assert {type(outcome) for outcome in outcomes} == {Order}
    assert (left_on(first), left_on(second)) == (Decimal("600.00"), Decimal("600.00"))
    check_books()
