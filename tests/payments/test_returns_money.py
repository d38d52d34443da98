"""What goes back for returned goods: their worth less a fee, once, by the books, and never more than was paid."""

from decimal import Decimal

import pytest
from django.core import mail
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from catalog.models import Stock
from orders import cancelling, hooks, services
from orders.models import Order
from orders.returns.exceptions import FeeTooLarge, InvalidReturnTransition, ShippingGivenBack
from orders.returns.models import Return
from orders.returns.settling import exchange_return, refund_return
from payments import refunds
from payments.exceptions import RefundInProgress
from payments.models import Payment, Refund, RefundLine
from payments.providers.base import TransferResult, Verdict
from tests.clients import client_for
from tests.factories import UserFactory
from tests.invariants import assert_stock_holds
from tests.orders.part_orders import phones_and_cables, units
from tests.orders.returned import assert_units_hold, cashier, received, requested, returns_clerk
from tests.payments.by_hand import collect, rider_client, start_by_hand
from tests.payments.test_ledger import balances, check_books
from tests.racing import at_once

pytestmark = pytest.mark.django_db

TOTAL = Decimal("30399.98")  # three phones, two cables, 100.00 off, 300.00 for shipping


@pytest.fixture(autouse=True)
def by_hand(settings):
    settings.PAYMENT_PROVIDERS = ["mpesa", "manual"]


def paid():
    """Three phones and two cables, paid by cash at once."""
    order = phones_and_cables()
    start_by_hand(order)
    assert collect(rider_client(), order, amount=str(order.total_amount)).status_code == 201
    return order


def deliver(order):
    services.ship_order(order.pk)
    services.deliver_order(order.pk)
    order.refresh_from_db()
    return order


@pytest.fixture
def order():
    return deliver(paid())


def settle(verdict=Verdict.SUCCEEDED):
    for refund in Refund.objects.filter(status__in=Refund.OPEN):
        refunds.settle_refund(refund.pk, TransferResult(verdict=verdict), source="staff")


def given_back():
    return list(Refund.objects.order_by("created_at").values_list("payment_amount", flat=True))


def states(order):
    order.refresh_from_db()
    return order.status, Payment.objects.get(order__number=order.number).status


def test_worth_of_the_goods_goes_back(order, run_owed_work):
    made = received(order, PHONE=2)
    clerk = returns_clerk()

    refund_return(made.pk, actor=clerk)

    made.refresh_from_db()
    assert (made.status, made.refund_amount, made.ended_at is not None) == ("refunded", Decimal("19933.33"), True)
    refund = Refund.objects.get()
    assert (refund.payment_amount, refund.cause, refund.requested_by) == (made.refund_amount, "units_back", clerk)
    assert refund.reason == f"return {made.number}"
    line = RefundLine.objects.get()
    assert (line.order_item.sku, line.quantity, line.amount) == ("PHONE", 2, Decimal("19933.33"))
    event = order.events.last()
    assert (event.note, event.actor) == (f"return {made.number} refunded", clerk)
    run_owed_work()
    assert mail.outbox[-1].subject == f"Your return {made.number} is settled"
    assert "KES 19,933.33 is on its way" in mail.outbox[-1].body
    settle()
    assert states(order) == ("delivered", "partially_refunded")
    check_books()
    assert_units_hold()


def test_fee_is_kept(order):
    made = received(order, PHONE=1)

    refund_return(made.pk, restocking_fee=Decimal("500.00"))

    made.refresh_from_db()
    assert (made.restocking_fee, made.refund_amount) == (Decimal("500.00"), Decimal("9466.67"))
    assert given_back() == [Decimal("9466.67")]
    check_books()


def test_fee_beyond_the_worth_is_refused(order):
    made = received(order, CABLE=1)

    with pytest.raises(FeeTooLarge):
        refund_return(made.pk, restocking_fee=Decimal("100.00"))

    assert (Return.objects.get().status, Refund.objects.count()) == ("received", 0)


def test_fee_of_everything_gives_nothing_back(order):
    made = received(order, CABLE=1)

    refund_return(made.pk, restocking_fee=Decimal("99.99"))

    assert (Return.objects.get().refund_amount, Refund.objects.count()) == (Decimal("0.00"), 0)


def test_shipping_goes_back_once(order):
    first, second = received(order, PHONE=1), received(order, CABLE=1)
    refund_return(first.pk, refund_shipping=True)
    settle()

    with pytest.raises(ShippingGivenBack):
        refund_return(second.pk, refund_shipping=True)

    assert given_back() == [Decimal("10266.67")]
    assert Return.objects.get(pk=second.pk).status == "received"
    check_books()


def test_everything_returned_and_paid_back_is_a_refunded_order(order):
    made = received(order, PHONE=3, CABLE=2)
    refund_return(made.pk, refund_shipping=True)
    assert states(order) == ("delivered", "successful")

    settle()

    assert (states(order), given_back()) == (("refunded", "refunded"), [TOTAL])
    assert balances() == {}
    check_books()
    assert_units_hold()


def test_everything_returned_is_a_refunded_order_though_a_fee_was_kept(order):
    refund_return(received(order, PHONE=3).pk, restocking_fee=Decimal("1000.00"))
    settle()
    assert states(order) == ("delivered", "partially_refunded")

    refund_return(received(order, CABLE=2).pk)
    assert states(order) == ("delivered", "partially_refunded")
    settle()

    assert states(order) == ("refunded", "partially_refunded")
    check_books()


def test_order_is_not_refunded_while_another_return_is_open(order):
    first, second = received(order, PHONE=3), received(order, CABLE=2)
    refund_return(first.pk)
    settle()
    assert states(order) == ("delivered", "partially_refunded")

    refund_return(second.pk)
    settle()

    assert states(order) == ("refunded", "partially_refunded")  # the charge for shipping was kept


def test_no_more_than_was_paid_goes_back(order):
    refunds.refund_payment(payment_id=order.payment.pk, amount=TOTAL - 7, reason="a kindness", actor=None)
    settle()
    made = received(order, PHONE=1)

    refund_return(made.pk)

    assert (Return.objects.get().refund_amount, sum(given_back())) == (Decimal("7.00"), TOTAL)
    check_books()


def test_refund_under_way_refuses_the_next_and_changes_nothing(order):
    first, second = received(order, PHONE=1), received(order, CABLE=1)
    refund_return(first.pk)

    with pytest.raises(RefundInProgress):
        refund_return(second.pk)

    second.refresh_from_db()
    assert (second.status, second.refund_amount, Refund.objects.count()) == ("received", None, 1)
    assert order.events.filter(note__contains=f"{second.number} refunded").count() == 0


def test_credit_is_given_by_those_who_give_it(order, monkeypatch):
    given = []

    def give(of, amount, reason, actor, lines):
        given.append((of, amount, reason, actor, [(line.sku, number, worth) for line, number, worth in lines]))
        return amount

    monkeypatch.setattr(hooks, "give_credit", [give])
    made = received(order, {"resolution": "store_credit"}, CABLE=2)

    refund_return(made.pk)

    assert given == [(order, Decimal("199.98"), f"return {made.number}", None, [("CABLE", 2, Decimal("199.98"))])]
    assert (Return.objects.get().refund_amount, Refund.objects.count()) == (Decimal("199.98"), 0)


def test_credit_of_an_account_is_given_at_once(order):
    made = received(order, {"resolution": "store_credit"}, PHONE=3, CABLE=2)

    refund_return(made.pk)

    refund = Refund.objects.get()
    assert (refund.payment_amount, refund.cause) == (Decimal("30099.98"), "units_back")
    assert Return.objects.get().refund_amount == Decimal("30099.98")
    settle()
    assert states(order) == ("refunded", "partially_refunded")  # the charge for shipping was kept
    check_books()


# --- Exchanges ------------------------------------------------------------------------------------------------


@pytest.fixture
def replacement(order):
    """Two phones, in exchange for two that came back."""
    made = received(order, {"resolution": "exchange"}, PHONE=2)
    exchange_return(made.pk)
    return Return.objects.get().replacement


def test_exchange_moves_no_money(order, replacement):
    assert not Refund.objects.exists()
    assert states(order) == ("delivered", "successful")
    check_books()


def test_cancelled_replacement_gives_back_what_the_goods_were_worth(order, replacement):
    services.cancel_order(replacement.pk)

    assert given_back() == [Decimal("19933.33")]
    settle()
    replacement.refresh_from_db()
    assert (replacement.status, *states(order)) == ("cancelled", "delivered", "partially_refunded")
    assert_stock_holds()
    check_books()


def test_returned_replacement_gives_back_what_the_first_goods_were_worth(order, replacement):
    deliver(replacement)
    for _ in range(2):
        refund_return(received(replacement, PHONE=1).pk)
        settle()

    assert given_back() == [Decimal("9966.67"), Decimal("9966.66")]
    replacement.refresh_from_db()
    assert (replacement.status, *states(order)) == ("refunded", "delivered", "partially_refunded")
    check_books()
    assert_units_hold()


def test_replacement_of_a_replacement_is_worth_what_the_first_was(order, replacement):
    deliver(replacement)
    again = received(replacement, {"resolution": "exchange", "reason": "damaged"}, PHONE=1)
    exchange_return(again.pk)

    services.cancel_order(Return.objects.get(pk=again.pk).replacement_id)

    assert given_back() == [Decimal("9966.67")]
    check_books()


# --- Over HTTP ------------------------------------------------------------------------------------------------


def ask_refund(client, made, key="k-1", **body):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"/api/returns/{made.pk}/refund/", body, format="json", headers=headers)


def test_refund_needs_a_key_and_with_it_happens_once(order):
    made, client = received(order, PHONE=1), client_for(cashier())
    without = ask_refund(client, made, key="")
    assert (without.status_code, without.json()["errors"][0]["code"]) == (400, "idempotency_key_required")
    assert not Refund.objects.exists()

    answers = [ask_refund(client, made, restocking_fee="66.67") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert (answers[0].json()["refund_amount"], answers[0].json()["status"]) == ("9900.00", "refunded")
    assert given_back() == [Decimal("9900.00")]


@pytest.mark.parametrize("body", [{"restocking_fee": "-1.00"}, {"restocking_fee": "0.001"}, {"refund_shipping": "x"}])
def test_odd_refund_is_a_400(order, body):
    made = received(order, PHONE=1)

    assert ask_refund(client_for(cashier()), made, **body).status_code == 400
    assert (Return.objects.get().status, Refund.objects.count()) == ("received", 0)


def test_customer_does_not_refund_themselves(order):
    made = received(order, PHONE=1)

    codes = [ask_refund(client_for(who), made).status_code for who in (order.user, UserFactory(), None)]

    assert codes == [403, 403, 401]
    assert (Return.objects.get().status, Refund.objects.count()) == ("received", 0)


def test_who_handles_the_goods_does_not_pay_for_them(order):
    made = received(order, PHONE=1)

    answer = ask_refund(client_for(returns_clerk()), made)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "permission_denied")
    assert (Return.objects.get().status, Refund.objects.count()) == ("received", 0)


def test_who_pays_decides_nothing_else(order):
    made = requested(order, PHONE=1)
    steps = ("approve", "reject", "receive", "exchange", "cancel")

    answers = [client_for(cashier()).post(f"/api/returns/{made.pk}/{step}/", {"note": "x"}) for step in steps]

    assert {answer.status_code for answer in answers} == {403}
    assert Return.objects.get().status == "requested"


# --- At the same time, and in any order -----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_key_sent_ten_times_at_once_refunds_once(order):
    made, clerk = received(order, PHONE=1), cashier()
    clients = [client_for(clerk) for _ in range(10)]

    answers = at_once([lambda c=client: ask_refund(c, made) for client in clients])

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert given_back() == [Decimal("9966.67")]
    check_books()


@pytest.mark.django_db(transaction=True)
def test_ten_keys_at_once_refund_once(order):
    made, clerk = received(order, PHONE=1), cashier()
    clients = [client_for(clerk) for _ in range(10)]

    answers = at_once([lambda c=client, n=n: ask_refund(c, made, key=f"k-{n}") for n, client in enumerate(clients)])

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert given_back() == [Decimal("9966.67")]
    check_books()


@pytest.mark.django_db(transaction=True)
def test_refund_against_exchange_gives_one_of_the_two(order):
    made = received(order, {"resolution": "exchange"}, PHONE=1)

    def outcome(action):
        try:
            return action(made.pk).status
        except InvalidReturnTransition as refusal:
            return refusal.code

    results = at_once([lambda: outcome(refund_return), lambda: outcome(exchange_return)])

    status = Return.objects.get().status
    assert sorted(results) == sorted([status, "invalid_return_transition"])
    assert (Refund.objects.count(), Order.objects.count()) == ((1, 1) if status == "refunded" else (0, 2))
    assert_stock_holds()
    check_books()


@given(st.permutations(["PHONE"] * 3 + ["CABLE"] * 2), st.integers(0, 5), st.data())
@hypothesis_settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_whatever_goes_back_in_whatever_steps_is_all_that_was_paid_in_the_end(steps, cancelled, data):
    with transaction.atomic():
        order = paid()
        for sku in steps[:cancelled]:
            cancelling.cancel_units(order.pk, units(order, **{sku: 1}))
            settle()
        left = steps[cancelled:]
        if left:
            deliver(order)
        while left:
            together = data.draw(st.integers(1, len(left)))
            taken, left = left[:together], left[together:]
            made = received(order, **{sku: taken.count(sku) for sku in set(taken)})
            refund_return(made.pk, refund_shipping=not left)
            settle()
            assert sum(given_back()) <= TOTAL

        assert sum(given_back()) == TOTAL
        assert states(order) == ("cancelled" if cancelled == 5 else "refunded", "refunded")
        assert all(level.on_hand == level.available == 10 for level in Stock.objects.all())
        check_books()
        assert_units_hold()
        transaction.set_rollback(True)


def test_return_that_is_not_received_is_not_refunded(order):
    made = requested(order, PHONE=1)

    with pytest.raises(InvalidReturnTransition):
        refund_return(made.pk)

    assert not Refund.objects.exists()
