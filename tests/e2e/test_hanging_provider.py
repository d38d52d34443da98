"""A payment service that answers nobody must not take the shop down with it."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.e2e.shop import wait_for

pytestmark = pytest.mark.slow

STARTS = 100
PATIENCE = 3.0  # seconds; a page takes milliseconds, but this machine may be busy


@pytest.fixture
def hanging_provider(shop):
    """Let every push hang for longer than the shop waits; when it is over, customers put their prompts away."""
    faults, answers = f"{shop.phone}/control/faults", f"{shop.phone}/control/auto-answer"
    hang = {"queue": [{"fault": "push_hang_before", "seconds": 30, "count": 10 * STARTS}]}
    assert requests.post(faults, json=hang, timeout=5).status_code == 200
    yield
    assert requests.delete(faults, timeout=5).status_code == 200
    assert requests.post(answers, json={"msisdn": "*", "action": "cancel"}, timeout=5).status_code == 200
    unfinished = "SELECT 1 FROM ecommerce_outboxmessage WHERE topic = 'payments.send_attempt' AND done_at IS NULL"
    wait_for(lambda: not shop.sql(unfinished), seconds=120)
    assert requests.delete(answers, timeout=5).status_code == 200


def test_hanging_provider_does_not_hold_up_the_web(shop, customer, hanging_provider):
    variants = [
        variant_id
        for variant_id, units in shop.sql(
            "SELECT variant_id::text, available FROM catalog_stock ORDER BY available DESC"
        )
        for _ in range(units)
    ][:STARTS]
    orders = [customer.order(variant_id).json() for variant_id in variants]
    took: list[float] = []

    def start(number: int) -> int:
        body = {"order_id": orders[number]["id"], "method": "mpesa", "phone_number": f"+2541{number:08d}"}
        return customer.post("/api/payments/", body).status_code

    def look() -> int:
        began = time.monotonic()
        status = requests.get(f"{shop.url}/api/products/", timeout=15).status_code
        took.append(time.monotonic() - began)
        return status

    with ThreadPoolExecutor(10) as pool:
        starts = [pool.submit(start, number) for number in range(STARTS)]
        hung = wait_for(
            lambda: shop.sql("SELECT 1 FROM payments_paymentattempt WHERE status = 'sending' LIMIT 1"), seconds=20
        )
        pages = Counter(look() for _ in range(50))
        started = Counter(future.result() for future in starts)

    assert hung  # a worker is waiting for the provider while the pages are asked for
    assert (started, pages) == ({201: STARTS}, {200: 50})
    assert max(took) < PATIENCE
