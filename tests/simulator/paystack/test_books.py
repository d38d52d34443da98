"""Paystack's part of the control side: books, the statement, restarts and resets."""

import csv
import io
import time
from datetime import timedelta

import pytest

from simulator.clock import nairobi
from tests.simulator.merchant import wait_for

HEADER = ["type", "reference", "id", "amount", "fee", "currency", "status", "channel", "paid_at"]


def rows_of(response):
    assert (response.status_code, response.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(io.StringIO(response.text)))


def test_books_show_what_became_of_each_payment(paystack):
    paystack.pay("PAID", action="pay-mpesa")
    paystack.start("OPEN")
    paystack.start("GONE")
    paystack.act("GONE", "cancel")
    paystack.refund("PAID", amount=50000)

    books = paystack.books()

    paid = books["payments"][0]
    assert [(entry["reference"], entry["status"]) for entry in books["payments"]] == [
        ("PAID", "successful"),
        ("OPEN", "waiting"),
        ("GONE", "failed"),
    ]
    assert (paid["provider"], paid["amount"], paid["currency"], paid["fee"]) == ("paystack", "1500.00", "KES", "22.50")
    assert paid["id"] == paid["receipt_number"] == str(paystack.verified("PAID")["id"])
    assert [(refund["amount"], refund["status"]) for refund in paid["refunds"]] == [("500.00", "pending")]
    assert books["totals"] == {
        "payments": 3,
        "waiting": 1,
        "successful": 1,
        "failed": 1,
        "captured": {"KES": "1500.00"},
        "refunded": {},
        "paid_out": {},
    }
    wait_for(lambda: paystack.books()["totals"]["refunded"] == {"KES": "500.00"})


def test_books_are_filtered_by_reference_and_empty_for_a_phone(paystack):
    paystack.pay("ONE")
    paystack.pay("TWO")
    paystack.transfer()

    one = paystack.http.get("/control/books?reference=ONE").json()
    phone = paystack.http.get("/control/books?msisdn=0712345678").json()
    payout = paystack.http.get("/control/books?reference=payout-2026-11-seller-42").json()

    assert ([entry["reference"] for entry in one["payments"]], one["payouts"]) == (["ONE"], [])
    assert (phone["payments"], phone["payouts"]) == ([], [])
    assert (payout["payments"], [entry["amount"] for entry in payout["payouts"]]) == ([], ["1200.00"])


def test_statement_lists_what_moved_today(paystack):
    paystack.pay("PAID", action="pay-mpesa")
    paystack.start("OPEN")
    paystack.refund("PAID", amount=50000)
    paystack.transfer()
    wait_for(lambda: paystack.books()["totals"]["refunded"])
    paid, refund = paystack.verified("PAID"), paystack.get("/refund").json()["data"][0]
    transfer = paystack.get("/transfer").json()["data"][0]

    response = paystack.http.get("/control/statement/paystack.csv")

    assert rows_of(response) == [
        HEADER,
        ["payment", "PAID", str(paid["id"]), "1500.00", "22.50", "KES", "success", "mobile_money", paid["paid_at"]],
        [
            "refund",
            "PAID",
            str(refund["id"]),
            "500.00",
            "0.00",
            "KES",
            "processed",
            "mobile_money",
            refund["refunded_at"],
        ],
        [
            "transfer",
            "payout-2026-11-seller-42",
            transfer["transfer_code"],
            "1200.00",
            "0.00",
            "KES",
            "success",
            "transfer",
            transfer["createdAt"],
        ],
    ]


def test_statement_is_of_the_day_that_is_asked_for(paystack):

    paystack.pay()
    today = nairobi(time.time()).date()

    rows = {
        day: rows_of(paystack.http.get(f"/control/statement/paystack.csv?date={day}"))
        for day in (today, today - timedelta(days=1))
    }

    assert [len(lines) for lines in rows.values()] == [2, 1]
    disposition = paystack.http.get("/control/statement/paystack.csv").headers["content-disposition"]
    assert disposition == f'attachment; filename="paystack-{today}.csv"'


@pytest.mark.parametrize(("path", "status"), [("paystack.csv?date=yesterday", 400), ("nobody.csv", 404)])
def test_statement_that_cannot_be_is_refused(paystack, path, status):
    response = paystack.http.get(f"/control/statement/{path}")

    assert (response.status_code, set(response.json())) == (status, {"error"})


def test_reset_forgets_everything_but_the_webhook_address(paystack, inbox):
    paystack.pay()
    paystack.transfer()
    paystack.post("/transfer/enable_otp")
    paystack.http.post("/control/paystack/disputes", json={"reference": "ORD-1001-a1"})
    inbox.wait(3)

    paystack.http.post("/control/reset")

    assert (paystack.books()["payments"], paystack.books()["payouts"], paystack.deliveries()) == ([], [], [])
    for path in ("/transaction", "/refund", "/transfer", "/transferrecipient", "/dispute"):
        assert paystack.get(path).json()["data"] == []
    assert paystack.pay() == "ORD-1001-a1"
    assert paystack.transfer().json()["data"]["status"] == "success"
    assert len(inbox.wait(5)) == 5


def told(inbox):
    return {(message.json["event"], message.json["data"].get("reference")) for message in inbox.messages}


def test_restart_goes_on_with_what_was_under_way(start_paystack, inbox, tmp_path):
    state = str(tmp_path / "state.sqlite3")
    first, merchant = start_paystack(state=state, confirm_seconds=0.8, step_seconds=0.5)
    merchant.pay("PAID")
    merchant.start("OPEN")
    merchant.charge(reference="PROMPT")
    merchant.refund("PAID", amount=50000)
    inbox.wait(2)
    merchant.wait_until_delivered(2)
    first.stop()

    _, again = start_paystack(state=state, confirm_seconds=0.8, step_seconds=0.5)

    assert [entry["reference"] for entry in again.books()["payments"]] == ["PAID", "OPEN", "PROMPT"]
    assert again.act("OPEN", "pay-card").status_code == 200
    wait_for(lambda: again.status("PROMPT") == "failed")
    wait_for(lambda: again.books()["totals"]["refunded"] == {"KES": "500.00"})
    # One that was being sent when the simulator stopped is sent again, so what came may have come twice.
    paid = [("charge.success", "PAID"), ("charge.success", "OPEN")]
    refund = [(f"refund.{state}", None) for state in ("pending", "processing", "processed")]
    wait_for(lambda: told(inbox) == {*paid, *refund})
