"""Paying on a provider's page, with real processes: from the address of the page to money that has gone back."""

from typing import Any

import pytest
import requests

from tests.e2e.shop import Customer, RunningShop, wait_for

pytestmark = pytest.mark.slow

# Method, provider, and what the page's customer does.
WAYS = [
    ("card", "paystack"),
    ("mobile_money", "paystack"),
    ("card", "stripe"),
    ("paypal", "paypal"),
    ("card", "chapa"),
]


def initialize(customer: Customer, order: dict[str, Any], method: str, provider: str, **headers: str) -> Any:
    body = {"order_id": order["id"], "method": method, "provider": provider}
    return customer.post("/api/payments/initialize/", body, headers=headers)


def checkout(shop: RunningShop, reference: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        answer = requests.get(f"{shop.phone}/checkout/api/open", params={"reference": reference}, timeout=5)
        return list(answer.json()["checkouts"])

    return wait_for(found, seconds=10)[0]


def pay(shop: RunningShop, reference: str) -> str:
    """Do the first thing on the page that pays; return where the browser goes then."""
    open_page = checkout(shop, reference)
    url = f"{shop.phone}/checkout/api/{open_page['provider']}/{open_page['id']}"
    paying = next(action for action in open_page["actions"] if action["outcome"] == "paid")
    answer = requests.post(f"{url}/{paying['name']}", timeout=10)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["next"])


def paid(customer: Customer, order: dict[str, Any]) -> bool:
    return customer.states(order) == ("paid", "successful", "succeeded")


@pytest.mark.parametrize(("method", "provider"), WAYS)
def test_customer_pays_on_a_page_and_is_paid_back(shop, customer, staff, variant, method, provider):
    order = customer.order(variant).json()

    started = initialize(customer, order, method, provider)

    assert started.status_code == 201, started.text
    assert started.json()["authorization_url"].startswith("http")
    back = pay(shop, started.json()["reference"])
    wait_for(lambda: paid(customer, order), seconds=20)
    assert f"/api/payments/return/{started.json()['reference']}/" in back
    assert requests.get(back, timeout=5).status_code == 200

    payment = customer.get(f"/api/payments/?order={order['id']}")["results"][0]
    body = {"payment_id": payment["id"], "reason": "it came back"}
    refunds = staff.post("/api/payments/refund/", body, headers={"Idempotency-Key": payment["id"]})
    assert [refund["provider"] for refund in refunds.json()] == [provider], refunds.text
    wait_for(lambda: customer.states(order)[:2] == ("refunded", "refunded"), seconds=90)
    shop.manage("check_ledger")


@pytest.mark.parametrize(("method", "provider"), [("card", "paystack"), ("card", "stripe"), ("card", "chapa")])
def test_webhook_that_never_comes_is_made_up_for_by_asking(shop, customer, variant, method, provider):
    requests.post(f"{shop.phone}/control/webhooks", json={provider: ""}, timeout=5)
    try:
        order = customer.order(variant).json()
        reference = initialize(customer, order, method, provider).json()["reference"]
        pay(shop, reference)

        answer = customer.get(f"/api/payments/verify/{reference}/")
    finally:
        hooks = {provider: f"{shop.url}/api/payments/webhooks/{provider}/"}
        requests.post(f"{shop.phone}/control/webhooks", json=hooks, timeout=5)

    assert answer["status"] == "successful"
    assert paid(customer, order)


def test_customer_who_changes_his_mind_pays_once(shop, customer, variant):
    order = customer.order(variant).json()
    left = initialize(customer, order, "card", "paystack").json()["reference"]
    chosen = initialize(customer, order, "card", "stripe").json()["reference"]

    pay(shop, chosen)
    wait_for(lambda: paid(customer, order), seconds=20)
    pay(shop, left)  # in the other tab, which Paystack cannot close

    wait_for(
        lambda: shop.sql(
            "SELECT 1 FROM payments_refund r JOIN payments_receivedmoney m ON m.id = r.received_id "
            "JOIN payments_paymentattempt a ON a.id = m.attempt_id WHERE a.reference = %s AND r.status = 'succeeded'",
            left,
        ),
        seconds=60,
    )
    assert customer.states(order)[0] == "paid"
    shop.manage("check_ledger")
