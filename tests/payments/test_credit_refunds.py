"""Refunds of orders that were paid in several ways: everything goes back where it came from, once."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from orders import services as order_services
from orders.models import Order
from payments import refunds, sending, services
from payments.credit import spending
from payments.exceptions import RefundTooLarge
from payments.models import Payment, PaymentAttempt, Refund, StoreCredit
from payments.providers.base import ProviderResult, TransferResult, Verdict
from payments.providers.mpesa import MpesaProvider
from payments.providers.mpesa.reading import NAIROBI
from payments.settlement import settle
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.daraja import stk_callback
from tests.payments.gift_cards import code_of, gift_card, give_credit, left_on, status_of
from tests.payments.test_ledger import balances, check_books

pytestmark = pytest.mark.django_db


def pay_rest(order):
    started = services.start_payment(user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678")
    sending.send_attempt(started.attempt.pk)
    items = [
        {"Name": "Amount", "Value": int(started.attempt.amount)},
        {"Name": "MpesaReceiptNumber", "Value": "UKL4AB12CD"},
        {
            "Name": "TransactionDate",
            "Value": int((timezone.now() + timedelta(seconds=1)).astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")),
        },
    ]
    callback = stk_callback(items=items)
    settle(started.attempt.pk, MpesaProvider().parse_callback(json.dumps(callback).encode()), source="callback")


@pytest.fixture
def card():
    return gift_card("600.00")


@pytest.fixture
def paid(order, card) -> Payment:
    """An order of KES 1,500: 600 came from a gift card, then 900 by M-Pesa."""
    spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(card))
    pay_rest(order)
    return Payment.objects.get()


def refund(payment, amount=None, **more):
    wanted = None if amount is None else Decimal(amount)
    return refunds.refund_payment(payment_id=payment.pk, amount=wanted, reason="returned", actor=None, **more)


def went(made):
    return [(one.provider, str(one.amount), one.status) for one in made]


def let_mpesa_pay():
    for owed in Refund.objects.filter(status="created"):
        refunds.settle_refund(owed.pk, TransferResult(verdict=Verdict.SUCCEEDED), source="callback")


@pytest.mark.parametrize(
    ("amount", "expected", "on_card"),
    [
        ("400.00", [("mpesa", "400.00", "created")], "0.00"),
        ("900.00", [("mpesa", "900.00", "created")], "0.00"),
        ("1000.00", [("mpesa", "900.00", "created"), ("gift_card", "100.00", "succeeded")], "100.00"),
        (None, [("mpesa", "900.00", "created"), ("gift_card", "600.00", "succeeded")], "600.00"),
    ],
)
def test_newest_receipt_goes_back_first_and_then_the_card(paid, card, amount, expected, on_card):
    made = refund(paid, amount)

    assert went(made) == expected
    assert left_on(card) == Decimal(on_card)
    check_books()


def test_order_is_refunded_when_all_of_it_has_gone(paid, order):
    refund(paid)

    assert status_of(order) == ("paid", "partially_refunded")
    let_mpesa_pay()
    assert status_of(order) == ("refunded", "refunded")
    assert balances() == {"goodwill KES": Decimal("600.00"), "gift_cards KES": Decimal("-600.00")}
    check_books()


def test_more_than_was_paid_does_not_go_back(paid, card):
    refund(paid, "1000.00")

    with pytest.raises(RefundTooLarge):
        refund(paid, "500.01")

    assert left_on(card) == Decimal("100.00")
    assert Refund.objects.count() == 2


def test_cancelled_order_gives_each_its_own_back_once(paid, order, card):
    order_services.cancel_order(order.pk)
    let_mpesa_pay()

    assert sorted(went(Refund.objects.all())) == [
        ("gift_card", "600.00", "succeeded"),
        ("mpesa", "900.00", "succeeded"),
    ]
    assert left_on(card) == Decimal("600.00")
    assert status_of(order) == ("cancelled", "refunded")
    check_books()


def test_card_gets_back_what_it_paid_though_it_was_switched_off(paid, card):
    card.is_active = False
    card.save(update_fields=["is_active"])

    refund(paid)

    assert left_on(card) == Decimal("600.00")
    assert card.is_active is False


def test_refund_to_store_credit_tells_no_provider(paid, order, card, daraja):
    asked = len(daraja.calls)

    made = refund(paid, to_store_credit=True)

    assert went(made) == [("store_credit", "900.00", "succeeded"), ("gift_card", "600.00", "succeeded")]
    credit = StoreCredit.objects.get(user=order.user)
    assert (credit.currency, credit.balance, left_on(card)) == ("KES", Decimal("900.00"), Decimal("600.00"))
    assert list(credit.movements.values_list("kind", "amount", "reason")) == [("refund", Decimal("900.00"), "returned")]
    assert status_of(order) == ("refunded", "refunded")
    assert len(daraja.calls) == asked
    assert balances() == {
        "goodwill KES": Decimal("600.00"),
        "gift_cards KES": Decimal("-600.00"),
        "store_credit KES": Decimal("-900.00"),
        "provider:mpesa KES": Decimal("900.00"),
    }
    check_books()


def test_chargeback_after_a_refund_to_store_credit_is_seen(paid):
    refund(paid, "900.00", to_store_credit=True)
    attempt = PaymentAttempt.objects.get()

    settle(attempt.pk, ProviderResult(verdict=Verdict.REVERSED), source="query")

    paid.refresh_from_db()
    assert paid.needs_refund is True


def finance():
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="payments"))
    return client_for(user)


def post(client, payment, key="k-1", **body):
    facts = {"payment_id": str(payment.pk), "reason": "returned"} | body
    return client.post("/api/payments/refund/", facts, format="json", headers={"Idempotency-Key": key})


def test_refund_to_store_credit_over_http_happens_once_a_key(paid, order):
    client = finance()

    answers = [post(client, paid, amount="100.00", to="store_credit") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert StoreCredit.objects.get(user=order.user).balance == Decimal("100.00")


def test_customer_cannot_refund_to_her_own_credit(paid, order):
    answer = post(client_for(order.user), paid, to="store_credit")

    assert answer.status_code == 403
    assert not Refund.objects.exists()
    assert not StoreCredit.objects.exists()


def test_guests_order_has_no_account_to_credit(paid, order):
    Order.objects.filter(pk=order.pk).update(user=None)
    Payment.objects.filter(pk=paid.pk).update(user=None)

    answer = post(finance(), paid, to="store_credit")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "refund_not_to_credit")
    assert not Refund.objects.exists()


@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_was_paid_how_comes_back_to_the_cent_and_to_its_own(data, daraja):
    """Up to four sources pay an order; refunds of any size, to either place, end with everybody having theirs."""
    with transaction.atomic():
        units = data.draw(st.integers(4, 300), label="price in shillings")
        order = place_order(UserFactory(), ProductFactory(price=Decimal(units)))
        cuts = sorted(data.draw(st.lists(st.integers(1, units - 1), max_size=3, unique=True), label="cuts"))
        parts = [b - a for a, b in zip([0, *cuts], [*cuts, units], strict=True)]
        cards = [gift_card(f"{part}.00") for part in parts[:-1]]
        for card in cards:
            spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(card))
        if by_mpesa := data.draw(st.booleans(), label="the last part by M-Pesa"):
            pay_rest(order)
        else:
            give_credit(order.user, f"{parts[-1]}.00")
            spending.spend_store_credit(user=order.user, order_id=order.pk)
        payment = Payment.objects.get(order=order)
        cents = units * 100
        stops = sorted(data.draw(st.lists(st.integers(1, cents - 1), max_size=3, unique=True), label="refunds"))
        for start, stop in zip([0, *stops], [*stops, cents], strict=True):
            to_credit = data.draw(st.booleans(), label="to store credit")
            refund(payment, Decimal(stop - start) / 100, to_store_credit=to_credit)
            let_mpesa_pay()
        check_books()

        assert [left_on(card) for card in cards] == [Decimal(part) for part in parts[:-1]]
        sent = sum(Refund.objects.filter(payment=payment, provider="mpesa").values_list("amount", flat=True))
        held = sum(StoreCredit.objects.filter(user=order.user).values_list("balance", flat=True))
        assert sent + held == parts[-1]
        assert by_mpesa or sent == 0
        assert status_of(order) == ("refunded", "refunded")
        transaction.set_rollback(True)
