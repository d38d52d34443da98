"""The main job with real processes over HTTP, and what must not go wrong when things do."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.shop import Customer, wait_for

pytestmark = pytest.mark.slow

SETTLED = ("paid", "successful", "succeeded")


def bought(customer: Customer, variant: str) -> dict:
    order = customer.order(variant).json()
    customer.start_payment(order)
    return order


def test_demo_purchase_plays_the_whole_journey(shop):
    done = shop.manage("demo_purchase")

    assert done.stdout.rstrip().endswith("is paid. Everything is right.")


def test_demo_purchase_fails_when_the_pin_is_wrong(shop):
    with pytest.raises(AssertionError, match="the payment is failed: The PIN was wrong"):
        shop.manage("demo_purchase", "--pin", "0000")


def test_ten_buyers_race_for_the_last_unit(shop):
    ((variant,),) = shop.sql("SELECT variant_id::text FROM catalog_stock WHERE available = 1 LIMIT 1")
    buyers = [Customer(shop) for _ in range(10)]

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda buyer: buyer.order(variant).status_code, buyers))

    assert Counter(statuses) == {201: 1, 409: 9}
    assert shop.sql("SELECT available FROM catalog_stock WHERE variant_id = %s", variant) == [(0,)]


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        ("callback_doubled", {"times": 3, "parallel": True}),
        ("callback_balance_without_value", {}),
        ("callback_masked_phone", {}),
        ("callback_failure_after_success", {"seconds": 0.5}),
        ("push_answer_lost", {}),
    ],
)
def test_crooked_callback_ends_paid(customer, variant, fault, parameters):
    customer.fault(fault, **parameters)
    order = bought(customer, variant)

    customer.type_pin()

    wait_for(lambda: customer.states(order) == SETTLED, seconds=15)
    events = [event["to_status"] for event in customer.get(f"/api/orders/{order['id']}/events/")]
    assert events == ["pending", "paid"]


def test_callback_before_the_pushs_answer_ends_paid(shop, customer, variant):
    import requests

    rule = {"msisdn": customer.msisdn, "pin": "1234", "delay_seconds": 0}
    assert requests.post(f"{shop.phone}/control/auto-answer", json=rule, timeout=5).status_code == 200
    customer.fault("callback_early", seconds=5)

    order = bought(customer, variant)

    wait_for(lambda: customer.states(order) == SETTLED, seconds=20)


def test_wrong_amount_pays_nothing_and_waits_for_a_person(shop, customer, variant):
    customer.fault("callback_wrong_amount", amount=1)
    order = bought(customer, variant)

    customer.type_pin()

    wait_for(lambda: customer.states(order) == ("pending", "pending", "review"), seconds=15)
    amounts = shop.sql(
        "SELECT a.received_amount::int, o.payment_open FROM payments_paymentattempt a "
        "JOIN payments_payment p ON p.id = a.payment_id JOIN orders_order o ON o.id = p.order_id WHERE o.id = %s",
        order["id"],
    )
    assert amounts == [(1, True)]


def test_callback_that_never_comes_is_settled_by_the_scheduled_query(customer, variant):
    customer.fault("callback_lost")
    order = bought(customer, variant)

    customer.type_pin()

    wait_for(lambda: customer.states(order) == SETTLED, seconds=60)


def test_worker_killed_between_callback_and_settlement_loses_nothing(shop, customer, variant):
    order = bought(customer, variant)
    wait_for(lambda: customer.states(order)[2] == "pending", seconds=15)
    shop.kill("worker")

    customer.type_pin()
    wait_for(lambda: shop.sql("SELECT 1 FROM payments_providerevent WHERE handled_at IS NULL"), seconds=10)
    shop.empty_broker()
    before = customer.states(order)
    shop.start("worker")

    assert before == ("pending", "pending", "pending")
    wait_for(lambda: customer.states(order) == SETTLED, seconds=60)
    ((owed,),) = shop.sql(
        "SELECT count(*) FROM ecommerce_outboxmessage WHERE topic = 'orders.send_order_confirmation' "
        "AND payload->>'order_id' = %s",
        order["id"],
    )
    assert owed == 1


def test_everything_adds_up_afterwards(shop):
    wrong = shop.sql(
        "SELECT s.variant_id FROM catalog_stock s JOIN catalog_stockmovement m USING (variant_id) "
        "GROUP BY s.variant_id HAVING s.available <> sum(m.available_change) OR s.on_hand <> sum(m.on_hand_change)"
    )
    twice = shop.sql("SELECT receipt_number FROM payments_paymentattempt GROUP BY 1 HAVING count(receipt_number) > 1")
    unpaid = shop.sql(
        "SELECT o.number FROM payments_payment p JOIN orders_order o ON o.id = p.order_id "
        "WHERE (p.status = 'successful') <> (o.status = 'paid')"
    )
    dead = shop.sql("SELECT topic FROM ecommerce_outboxmessage WHERE dead_at IS NOT NULL")

    assert (wrong, twice, unpaid, dead) == ([], [], [], [])
