"""A gift card and M-Pesa pay one order, with real processes over HTTP and the simulated phone."""

from pathlib import Path

import pytest

from tests.e2e.shop import Customer, wait_for

pytestmark = pytest.mark.slow


def test_card_pays_a_part_and_the_phone_the_rest(shop, staff, customer, variant):
    issued = staff.post("/api/gift-cards/", {"amount": "40.00"}, headers={"Idempotency-Key": "card"})
    order = customer.order(variant).json()
    code = issued.json()["code"]

    paid = customer.post("/api/payments/", {"order_id": order["id"], "method": "gift_card", "code": code.lower()})
    started = customer.start_payment(order)
    customer.type_pin()

    assert (issued.status_code, paid.status_code, paid.json()["paid_amount"]) == (201, 201, "40.00")
    (attempt,) = started["attempts"]
    assert float(attempt["amount"]) == float(order["total_amount"]) - 40
    wait_for(lambda: customer.states(order) == ("paid", "successful", "succeeded"), seconds=60)
    left = customer.post("/api/gift-cards/balance/", {"code": code}).json()
    assert (left["balance"], left["last4"]) == ("0.00", code[-4:])
    assert "invariants hold" in shop.manage("check_ledger").stdout


def test_cancelled_order_puts_it_back_and_the_code_comes_by_mail(shop, staff, customer, variant):
    body = {"amount": "25.00", "recipient_email": customer.email, "message": "Karibu!"}
    issued = staff.post("/api/gift-cards/", body, headers={"Idempotency-Key": "mailed"})
    assert (issued.status_code, issued.json()["code"]) == (201, None)
    mail = wait_for(lambda: mail_with(shop.folder / "mail", "Its code:"), seconds=30)
    code = mail.partition("Its code: ")[2].split()[0]
    order = customer.order(variant).json()

    spent = customer.post("/api/payments/", {"order_id": order["id"], "method": "gift_card", "code": code})
    cancelled = customer.post(f"/api/orders/{order['id']}/cancel/", {})

    assert (spent.status_code, cancelled.status_code) == (201, 200)
    other = Customer(shop)
    assert other.post("/api/gift-cards/balance/", {"code": code}).json()["balance"] == "25.00"
    assert "invariants hold" in shop.manage("check_ledger").stdout


def mail_with(folder: Path, text: str) -> str:
    """Return the first mail in a folder that holds a text, or nothing."""
    mails = [path.read_text() for path in folder.glob("*")] if folder.is_dir() else []
    return next((mail for mail in mails if text in mail), "")
