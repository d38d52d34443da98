"""Stripe's part of the control side: books, the statement, restarts and resets."""

import csv
import io
import time
from datetime import timedelta

from simulator.clock import nairobi
from tests.simulator.merchant import wait_for

HEADER = ["id", "type", "reference", "gross", "fee", "net", "currency", "created"]


def rows_of(response):
    assert (response.status_code, response.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(io.StringIO(response.text)))


def test_books_show_what_became_of_each_payment(shop):
    paid = shop.pay_session(client_reference_id="PAID")
    shop.open_session(client_reference_id="OPEN")
    gone = shop.open_session(client_reference_id="GONE")
    shop.posted(f"checkout/sessions/{gone['id']}/expire")
    usd = shop.paid_intent(amount=1163, currency="usd")
    shop.refund(usd, amount=300)

    books = shop.books()

    assert [
        (entry["reference"], entry["amount"], entry["currency"], entry["status"]) for entry in books["payments"]
    ] == [
        ("PAID", "1500.00", "KES", "successful"),
        ("OPEN", "1500.00", "KES", "waiting"),
        ("GONE", "1500.00", "KES", "failed"),
        ("ORD-1001-a1", "11.63", "USD", "successful"),
    ]
    entry = books["payments"][0]
    assert (entry["provider"], entry["id"], entry["checkout_session"]) == ("stripe", paid["id"], paid["id"])
    assert entry["payment_intent"] == paid["payment_intent"]
    assert entry["receipt_number"] == shop.got(f"payment_intents/{paid['payment_intent']}")["latest_charge"]
    assert (entry["session_status"], entry["payment_status"], entry["intent_status"]) == (
        "complete",
        "paid",
        "succeeded",
    )
    assert books["totals"] == {
        "payments": 4,
        "waiting": 1,
        "successful": 2,
        "failed": 1,
        "captured": {"KES": "1500.00", "USD": "11.63"},
        "refunded": {"USD": "3.00"},
        "paid_out": {},
    }


def test_books_are_filtered_by_reference_and_empty_for_a_phone(shop):
    shop.pay_session(client_reference_id="ONE")
    shop.pay_session(client_reference_id="TWO")

    one = shop.http.get("/control/books?reference=ONE").json()
    phone = shop.http.get("/control/books?msisdn=0712345678").json()

    assert [entry["reference"] for entry in one["payments"]] == ["ONE"]
    assert (phone["payments"], phone["payouts"]) == ([], [])


def test_books_hold_the_truth_when_webhooks_and_answers_do_not(shop):
    shop.faults({"faults": ["stripe_webhook_wrong_amount", "stripe_retrieve_wrong_amount"]})

    paid = shop.pay_session()

    assert paid["amount_total"] == 149999
    entry = shop.payment("ORD-1001-a1")
    assert (entry["amount"], len(entry["faults"])) == ("1500.00", 2)


def test_statement_lists_what_moved_on_a_day(shop):
    intent = shop.paid_intent()
    shop.refund(intent, amount=50000)
    shop.post("transfers", {"amount": 100, "currency": "kes", "destination": "acct_1S", "transfer_group": "G"})
    today = nairobi(time.time()).date()

    rows = rows_of(shop.http.get("/control/statement/stripe.csv"))
    yesterday = rows_of(shop.http.get(f"/control/statement/stripe.csv?date={today - timedelta(days=1)}"))

    assert (rows[0], yesterday) == (HEADER, [HEADER])
    assert [row[1:7] for row in rows[1:]] == [
        ["charge", "ORD-1001-a1", "1500.00", "43.80", "1456.20", "KES"],
        ["refund", "ORD-1001-a1", "-500.00", "0.00", "-500.00", "KES"],
        ["transfer", "", "-1.00", "0.00", "-1.00", "KES"],
    ]


def test_restart_keeps_payments_and_webhooks_that_were_not_sent(start_stripe, inbox, tmp_path):
    simulator, shop = start_stripe(state=str(tmp_path / "stripe.db"))
    shop.faults({"fault": "stripe_webhook_late", "seconds": 1.0})
    paid = shop.pay_session()
    simulator.stop()

    _, again = start_stripe(state=str(tmp_path / "stripe.db"))

    assert again.got(f"checkout/sessions/{paid['id']}") == paid
    assert {message.json["type"] for message in inbox.wait(2)} == {
        "payment_intent.succeeded",
        "checkout.session.completed",
    }


def test_reset_forgets_everything_but_the_addresses(shop, inbox):
    paid = shop.pay_session()
    inbox.wait(2)

    shop.http.post("/control/reset")

    assert (shop.books()["payments"], shop.got("events")["data"], shop.deliveries()) == ([], [], [])
    assert shop.get(f"checkout/sessions/{paid['id']}").status_code == 404
    shop.pay_session()
    wait_for(lambda: len(inbox.messages) == 4)
