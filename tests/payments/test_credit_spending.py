"""Gift cards and store credit pay orders, in whole or in part, and never twice."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from orders import services as order_services
from orders.exceptions import OrderNotPayable
from payments import refunds, sending, services
from payments.credit import issuing, spending
from payments.credit.exceptions import (
    CreditTooSmall,
    GiftCardEmpty,
    GiftCardInOtherCurrency,
    GiftCardNotUsable,
    NoStoreCredit,
)
from payments.credit.models import CreditMovement
from payments.exceptions import AlreadyPaid, AmountNotPayable, OrderNotFound, OrderNotPaid, PaymentInProgress
from payments.models import Payment, PaymentAttempt, ReceivedMoney, Refund
from payments.providers.mpesa import MpesaProvider
from payments.settlement import settle
from tests.factories import ProductFactory, UserFactory, place_order
from tests.invariants import assert_stock_holds
from tests.payments.daraja import PUSH, stk_callback
from tests.payments.gift_cards import code_of, gift_card, give_credit, left_on, status_of
from tests.payments.test_ledger import balances, check_books

pytestmark = pytest.mark.django_db


def spend(order, card, amount=None, user=None):
    return spending.spend_gift_card(user=user or order.user, order_id=order.pk, code=code_of(card), amount=amount)


def pay_rest_by_mpesa(order, amount):
    """Start a prompt, let the worker send it, and let M-Pesa say that it was paid."""
    started = services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678")
    sending.send_attempt(started.attempt.pk)
    callback = json.dumps(stk_callback(amount=amount)).encode()
    settle(started.attempt.pk, MpesaProvider().parse_callback(callback), source="callback")
    return started.attempt


def movements(balance):
    return list(balance.movements.order_by("created_at").values_list("kind", "amount", "balance_after"))


def test_card_that_covers_everything_pays_the_order_at_once(order, daraja):
    card = gift_card("2000.00")

    spent = spend(order, card)

    assert status_of(order) == ("paid", "successful")
    assert (spent.received.provider, spent.received.amount, spent.received.source) == (
        "gift_card",
        Decimal("1500.00"),
        "credit",
    )
    payment = Payment.objects.get()
    assert (payment.method, payment.provider, payment.transaction_id) == (
        "gift_card",
        "gift_card",
        spent.received.receipt_number,
    )
    assert left_on(card) == Decimal("500.00")
    assert movements(card) == [
        ("issue", Decimal("2000.00"), Decimal("2000.00")),
        ("spend", Decimal("-1500.00"), Decimal("500.00")),
    ]
    assert balances() == {
        "goodwill KES": Decimal("2000.00"),
        "gift_cards KES": Decimal("-500.00"),
        "customers KES": Decimal("-1500.00"),
    }
    assert (PaymentAttempt.objects.count(), daraja.calls) == (0, [])
    check_books()


def test_rest_is_asked_of_mpesa_and_nothing_more(order, daraja):
    card = gift_card("600.00")

    spend(order, card)

    order.refresh_from_db()
    assert (status_of(order), order.payment_open) == (("pending", "pending"), False)
    attempt = pay_rest_by_mpesa(order, 900)
    assert (attempt.amount, daraja.called(PUSH)[0]["Amount"]) == (Decimal("900.00"), 900)
    assert status_of(order) == ("paid", "successful")
    assert balances() == {
        "goodwill KES": Decimal("600.00"),
        "customers KES": Decimal("-1500.00"),
        "provider:mpesa KES": Decimal("900.00"),
    }
    check_books()


def test_card_after_a_failed_prompt_pays_too(order, attempt):
    settle(attempt.pk, MpesaProvider().parse_callback(json.dumps(stk_callback(code=1032)).encode()), source="callback")

    spend(order, gift_card("600.00"))

    assert status_of(order) == ("pending", "pending")
    check_books()


def test_several_cards_and_store_credit_pay_one_order(order):
    first, second, credit = gift_card("500.00"), gift_card("400.00"), give_credit(order.user, "700.00")

    spend(order, first)
    spend(order, second, Decimal("300.00"))
    spending.spend_store_credit(user=order.user, order_id=order.pk)

    assert status_of(order) == ("paid", "successful")
    assert (left_on(first), left_on(second), left_on(credit)) == (Decimal("0.00"), Decimal("100.00"), Decimal("0.00"))
    check_books()


@pytest.mark.parametrize("spelling", ["{}", " {} ", "lower", "plain", "–"])
def test_code_is_understood_however_it_is_typed(order, spelling):
    card = gift_card()
    code = code_of(card)
    typed = {"lower": code.lower(), "plain": code.replace("-", ""), "–": code.replace("-", " – ")}.get(
        spelling, spelling.format(code)
    )

    spending.spend_gift_card(user=order.user, order_id=order.pk, code=typed)

    assert left_on(card) == 0


@pytest.mark.parametrize("why", ["unknown", "off", "expired", "nonsense", "check character"])
def test_card_that_cannot_be_used_is_refused_in_one_way(order, why):
    card = gift_card()
    code = code_of(card)
    if why == "off":
        issuing.change_gift_card(card.pk, actor=UserFactory(), is_active=False)
    elif why == "expired":
        issuing.change_gift_card(card.pk, actor=UserFactory(), expires_at=timezone.now() - timedelta(seconds=1))
    typed = {
        "unknown": "2222-2222-2222-2224",
        "nonsense": "x" * 10_000,
        "check character": code[:-1] + ("2" if code[-1] != "2" else "3"),
    }.get(why, code)

    with pytest.raises(GiftCardNotUsable) as refusal:
        spending.spend_gift_card(user=order.user, order_id=order.pk, code=typed)

    assert (refusal.value.status_code, refusal.value.code) == (404, "gift_card_not_usable")
    assert left_on(card) == Decimal("500.00")
    assert not Payment.objects.exists()


def test_card_of_another_currency_is_refused(order):
    card = gift_card("500.00", "USD")

    with pytest.raises(GiftCardInOtherCurrency):
        spend(order, card)

    assert left_on(card) == Decimal("500.00")
    assert not Payment.objects.exists()


def test_empty_card_and_empty_credit_are_refused(order):
    card = gift_card("100.00")
    spend(order, card)

    with pytest.raises(GiftCardEmpty):
        spend(order, card)
    with pytest.raises(NoStoreCredit):
        spending.spend_store_credit(user=order.user, order_id=order.pk)

    assert ReceivedMoney.objects.count() == 1


@pytest.mark.parametrize(
    ("amount", "refusal"), [("500.01", CreditTooSmall), ("1500.01", AmountNotPayable)], ids=["more than is left", "due"]
)
def test_more_than_there_is_cannot_be_spent(order, amount, refusal):
    card, credit = gift_card(), give_credit(order.user)

    with pytest.raises(refusal):
        spend(order, card, Decimal(amount))
    with pytest.raises(refusal):
        spending.spend_store_credit(user=order.user, order_id=order.pk, amount=Decimal(amount))

    assert (left_on(card), left_on(credit)) == (Decimal("500.00"), Decimal("500.00"))
    assert not ReceivedMoney.objects.exists()


def test_strangers_order_is_not_found(order):
    card, stranger = gift_card(), UserFactory()
    give_credit(stranger)

    with pytest.raises(OrderNotFound):
        spend(order, card, user=stranger)
    with pytest.raises(OrderNotFound):
        spending.spend_store_credit(user=stranger, order_id=order.pk)

    assert left_on(card) == Decimal("500.00")


def test_paid_and_cancelled_orders_take_no_card(order):
    card = gift_card("2000.00")
    spend(order, card)
    other = place_order(order.user, ProductFactory())
    order_services.cancel_order(other.pk)

    with pytest.raises(AlreadyPaid):
        spend(order, card)
    with pytest.raises(OrderNotPayable):
        spend(other, card)

    assert left_on(card) == Decimal("500.00")


def test_card_is_not_taken_while_a_prompt_is_open(order, attempt):
    card = gift_card()

    with pytest.raises(PaymentInProgress):
        spend(order, card)

    assert left_on(card) == Decimal("500.00")


def test_page_that_is_open_is_left_for_the_card(order, page_attempt):
    spend(order, gift_card())

    page_attempt.refresh_from_db()
    order.refresh_from_db()
    assert (page_attempt.status, page_attempt.outcome) == ("failed", "superseded")
    assert (status_of(order), order.payment_open) == (("pending", "pending"), False)
    check_books()


def test_customer_who_cancels_gets_it_back_on_the_card(order):
    card, credit = gift_card("300.00"), give_credit(order.user, "200.00")
    spend(order, card)
    spending.spend_store_credit(user=order.user, order_id=order.pk)

    order_services.cancel_order(order.pk, actor=order.user)

    assert (left_on(card), left_on(credit)) == (Decimal("300.00"), Decimal("200.00"))
    assert [kind for kind, *_ in movements(card)] == ["issue", "spend", "give_back"]
    assert list(Refund.objects.values_list("status", "cause", "route").distinct()) == [
        ("succeeded", "order_cancelled", "credit")
    ]
    check_books()


def test_order_that_is_not_paid_in_time_gives_the_card_its_money_back_once(order):
    card = gift_card()
    spend(order, card)
    order.refresh_from_db()
    assert order.reserved_until > timezone.now() + timedelta(minutes=4)
    order.reserved_until = timezone.now() - timedelta(seconds=1)
    order.save(update_fields=["reserved_until"])

    cancelled = [order_services.cancel_unpaid_orders(), order_services.cancel_unpaid_orders()]

    assert cancelled == [1, 0]
    assert status_of(order) == ("cancelled", "pending")
    assert left_on(card) == Decimal("500.00")
    assert_stock_holds()
    check_books()


def test_order_with_an_open_prompt_for_the_rest_is_not_cancelled(order):
    card = gift_card()
    spend(order, card)
    services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678")
    order.refresh_from_db()
    order.reserved_until = timezone.now() - timedelta(seconds=1)
    order.save(update_fields=["reserved_until"])

    assert order_services.cancel_unpaid_orders() == 0

    assert (status_of(order), left_on(card)) == (("pending", "pending"), 0)


def test_money_that_comes_late_for_the_rest_of_a_cancelled_order_goes_back(order):
    card = gift_card()
    spend(order, card)
    started = services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678")
    sending.send_attempt(started.attempt.pk)
    failure = MpesaProvider().parse_callback(json.dumps(stk_callback(code=1037)).encode())
    settle(started.attempt.pk, failure, source="callback")
    order_services.cancel_order(order.pk)

    late = MpesaProvider().parse_callback(json.dumps(stk_callback(amount=1000)).encode())
    settle(started.attempt.pk, late, source="callback")

    assert left_on(card) == Decimal("500.00")
    (owed,) = Refund.objects.filter(provider="mpesa")
    assert (owed.amount, owed.status, owed.cause) == (Decimal("1000.00"), "created", "order_cancelled")
    order.refresh_from_db()
    assert order.status == "cancelled"
    check_books()


def test_part_paid_order_refunds_nothing_before_it_is_paid(order):
    card = gift_card()
    spend(order, card)

    with pytest.raises(OrderNotPaid):
        refunds.refund_payment(payment_id=order.payment.pk, amount=None, reason="", actor=None)

    assert (left_on(card), Refund.objects.count()) == (0, 0)


def test_expired_card_loses_its_rest_once():
    card = gift_card(expires_at=timezone.now() + timedelta(days=1))
    issuing.change_gift_card(card.pk, actor=UserFactory(), expires_at=timezone.now() - timedelta(seconds=1))
    other = gift_card()

    expired = [issuing.expire_gift_cards(), issuing.expire_gift_cards()]

    assert expired == [1, 0]
    assert (left_on(card), left_on(other)) == (Decimal("0.00"), Decimal("500.00"))
    assert balances()["breakage KES"] == Decimal("-500.00")
    check_books()


def test_money_back_on_an_expired_card_can_be_spent_again(order):
    card = gift_card("2000.00", expires_at=timezone.now() + timedelta(days=1))
    spend(order, card)
    issuing.change_gift_card(card.pk, actor=UserFactory(), expires_at=timezone.now() - timedelta(seconds=1))
    issuing.expire_gift_cards()

    order_services.cancel_order(order.pk)

    assert left_on(card) == Decimal("1500.00")
    assert card.expires_at > timezone.now() + timedelta(days=89)
    assert issuing.expire_gift_cards() == 0
    assert spending.usable_card(code_of(card)) == card
    assert CreditMovement.objects.filter(kind="expire").count() == 1
    check_books()
