"""PayPal's part of the control side: books, the statement, restarts and resets."""

import csv
import io
import time
from datetime import timedelta

from simulator.clock import nairobi
from tests.simulator.merchant import wait_for
from tests.simulator.paypal.shop import REFERENCE

HEADER = ["id", "type", "reference", "gross", "fee", "net", "currency", "created"]


def rows_of(response):
    assert (response.status_code, response.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(io.StringIO(response.text)))


def test_books_show_what_became_of_each_payment(shop):
    capture = shop.paid("1", custom_id="PAID", invoice_id="INV-1")
    shop.approved("2", custom_id="APPROVED", currency="EUR")
    shop.created("3", custom_id="OPEN")
    shop.refund(capture["id"], {"amount": {"currency_code": "USD", "value": "3.00"}})

    books = shop.books()

    assert [
        (entry["reference"], entry["amount"], entry["currency"], entry["status"]) for entry in books["payments"]
    ] == [
        ("PAID", "11.63", "USD", "successful"),
        ("APPROVED", "11.63", "EUR", "waiting"),
        ("OPEN", "11.63", "USD", "waiting"),
    ]
    entry = books["payments"][0]
    assert (entry["provider"], entry["receipt_number"], entry["custom_id"], entry["invoice_id"]) == (
        "paypal",
        capture["id"],
        "PAID",
        "INV-1",
    )
    assert (entry["order_status"], entry["capture_status"]) == ("COMPLETED", "PARTIALLY_REFUNDED")
    assert books["totals"] == {
        "payments": 3,
        "waiting": 2,
        "successful": 1,
        "failed": 0,
        "captured": {"USD": "11.63"},
        "refunded": {"USD": "3.00"},
        "paid_out": {},
    }


def test_books_are_filtered_by_reference_and_empty_for_a_phone(shop):
    shop.created("1", custom_id="ONE")
    shop.created("2", custom_id="TWO")
    shop.pay_out()

    one = shop.http.get("/control/books?reference=ONE").json()
    phone = shop.http.get("/control/books?msisdn=0712345678").json()
    payout = shop.http.get("/control/books?reference=seller-42-2026-11").json()

    assert ([entry["reference"] for entry in one["payments"]], one["payouts"]) == (["ONE"], [])
    assert (phone["payments"], phone["payouts"]) == ([], [])
    assert [entry["reference"] for entry in payout["payouts"]] == ["seller-42-2026-11"]


def test_reference_is_the_custom_id_else_the_invoice_else_the_unit(shop):
    shop.created("1")
    shop.created("2", custom_id=None, invoice_id="INV-1")
    shop.created("3", custom_id=None, reference_id="unit-1")

    assert [entry["reference"] for entry in shop.books()["payments"]] == [REFERENCE, "INV-1", "unit-1"]


def test_statement_lists_what_moved_on_a_day(shop):
    capture = shop.paid()
    shop.refund(capture["id"], {"amount": {"currency_code": "USD", "value": "3.00"}})
    shop.pay_out()
    wait_for(lambda: shop.books()["totals"]["paid_out"])
    today = nairobi(time.time()).date()

    rows = rows_of(shop.http.get("/control/statement/paypal.csv"))
    yesterday = rows_of(shop.http.get(f"/control/statement/paypal.csv?date={today - timedelta(days=1)}"))

    assert (rows[0], yesterday, rows[1][0]) == (HEADER, [HEADER], capture["id"])
    assert [row[1:7] for row in rows[1:]] == [
        ["payment", REFERENCE, "11.63", "0.89", "10.74", "USD"],
        ["refund", REFERENCE, "-3.00", "0.00", "-3.00", "USD"],
        ["payout", "seller-42-2026-11", "-9.80", "0.25", "-10.05", "USD"],
    ]


def test_restart_keeps_payments_and_webhooks_that_were_not_sent(start_paypal, inbox, tmp_path):
    simulator, shop = start_paypal(state=str(tmp_path / "paypal.db"))
    shop.faults({"fault": "paypal_webhook_late", "seconds": 1.0})
    order_id = shop.approved()
    captured = shop.capture(order_id).json()
    inbox.wait()
    simulator.stop()

    _, again = start_paypal(state=str(tmp_path / "paypal.db"))

    # Links name the port of the simulator that made the order.
    assert again.order(order_id) == captured
    assert {message.json["event_type"] for message in inbox.wait(3)[1:]} == {
        "PAYMENT.CAPTURE.COMPLETED",
        "CHECKOUT.ORDER.COMPLETED",
    }


def test_reset_forgets_everything_but_tokens_and_addresses(shop, inbox):
    order_id = shop.approved()
    inbox.wait()

    shop.http.post("/control/reset")

    assert (shop.books()["payments"], shop.event_types(), shop.deliveries()) == ([], [], [])
    assert shop.get(f"/v2/checkout/orders/{order_id}").status_code == 404
    shop.approved()
    wait_for(lambda: len(inbox.messages) == 2)
