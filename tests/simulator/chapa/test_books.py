"""Chapa's part of the control side: books, the statement, restarts and resets."""

import csv
import io
import time
from datetime import datetime, timedelta
from decimal import Decimal

from simulator.clock import nairobi
from tests.simulator.chapa.merchant import TX_REF
from tests.simulator.merchant import wait_for

HEADER = ["type", "reference", "id", "amount", "fee", "currency", "status", "channel", "paid_at"]
OPENING_BALANCE = Decimal("1000000.00")


def rows_of(response):
    assert (response.status_code, response.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(io.StringIO(response.text)))


def test_books_show_what_became_of_each_payment(chapa):
    chapa.pay("PAID", action="pay-mpesa")
    chapa.start("OPEN")
    chapa.start("GONE")
    chapa.act("GONE", "cancel")
    chapa.refund("PAID", amount="100.00", reference="refund-77")

    books = chapa.books()

    paid = books["payments"][0]
    assert [(entry["reference"], entry["status"], entry["provider_status"]) for entry in books["payments"]] == [
        ("PAID", "successful", "success"),
        ("OPEN", "waiting", "not paid"),
        ("GONE", "failed", "cancelled"),
    ]
    assert (paid["provider"], paid["amount"], paid["currency"], paid["fee"], paid["channel"]) == (
        "chapa",
        "400.00",
        "ETB",
        "12.00",
        "mpesa",
    )
    assert paid["id"] == paid["receipt_number"] == chapa.verified("PAID")["reference"]
    assert [(refund["reference"], refund["amount"], refund["status"]) for refund in paid["refunds"]] == [
        ("refund-77", "100.00", "pending")
    ]
    assert books["totals"] == {
        "payments": 3,
        "waiting": 1,
        "successful": 1,
        "failed": 1,
        "captured": {"ETB": "400.00"},
        "refunded": {},
        "paid_out": {},
    }
    wait_for(lambda: chapa.books()["totals"]["refunded"] == {"ETB": "100.00"})


def test_books_are_filtered_by_reference_and_empty_for_a_phone(chapa):
    chapa.pay("ONE")
    chapa.pay("TWO")
    chapa.transfer()

    one = chapa.http.get("/control/books?reference=ONE").json()
    phone = chapa.http.get("/control/books?msisdn=0712345678").json()
    payout = chapa.http.get("/control/books?reference=payout-2026-11-seller-42").json()

    assert ([entry["reference"] for entry in one["payments"]], one["payouts"]) == (["ONE"], [])
    assert (phone["payments"], phone["payouts"]) == ([], [])
    assert (payout["payments"], [entry["amount"] for entry in payout["payouts"]]) == ([], ["350.00"])


def test_books_and_verify_and_statement_and_list_agree_on_every_payment(chapa):
    chapa.faults({"fault": "chapa_underpaid", "reference": "P-3"}, {"fault": "chapa_fee_on_top", "reference": "P-5"})
    for number in range(8):
        chapa.start(f"P-{number}", amount=f"{number * 100 + 37}.25")
        chapa.act(f"P-{number}", "fail-card" if number % 4 == 2 else "pay-telebirr")

    paid = {entry["reference"]: entry for entry in chapa.books()["payments"] if entry["status"] == "successful"}
    listed = chapa.get("/v1/transactions").json()["data"]["transactions"]
    statement = rows_of(chapa.http.get("/control/statement/chapa.csv"))[1:]

    amounts = {tx_ref: entry["amount"] for tx_ref, entry in paid.items()}
    assert len(amounts) == 6
    assert amounts == {tx_ref: f"{chapa.verified(tx_ref)['amount']:.2f}" for tx_ref in paid}
    assert amounts == {row["trans_id"]: row["amount"] for row in listed if row["status"] == "success"}
    assert amounts == {row[1]: row[3] for row in statement}
    total = sum(Decimal(amount) for amount in amounts.values())
    assert chapa.books()["totals"]["captured"] == {"ETB": str(total)}


def test_balance_holds_what_was_paid_less_fees_refunds_reversals_and_transfers(chapa):
    chapa.pay("PAID", amount="300000.00")  # 9,000 of it are the fee
    chapa.pay("BACK", amount="200000.00")
    chapa.pay("PARTLY", amount="100000.00")
    chapa.refund("PARTLY", amount="40000.00")
    chapa.refund("BACK", amount="50000.00")
    chapa.transfer(amount="20000.00")
    chapa.reverse("BACK")

    # Of what was reversed nothing stays, and the refund of a part of it is not taken a second time.
    left = OPENING_BALANCE + 291_000 + 97_000 - 40_000 - 20_000
    more = chapa.transfer(reference="more", amount=str(left + Decimal("0.01")), bank_code=946)
    everything = chapa.transfer(reference="everything", amount=str(left), bank_code=946)

    assert (more.json()["message"], everything.status_code) == ("Insufficient Balance", 200)


def test_statement_lists_what_moved_today(chapa):
    chapa.pay("PAID", action="pay-mpesa")
    chapa.pay("BACK", action="pay-card")
    chapa.start("OPEN")
    refund = chapa.refund("PAID", amount="100.00").json()["data"]
    chapa.refund("BACK", amount="150.00")
    chapa.transfer()
    wait_for(lambda: chapa.books()["totals"]["refunded"] == {"ETB": "250.00"})
    wait_for(lambda: chapa.books()["totals"]["paid_out"])
    chapa.reverse("BACK")

    rows = rows_of(chapa.http.get("/control/statement/chapa.csv"))

    paid, back = chapa.reference("PAID"), chapa.reference("BACK")
    payout = chapa.books()["payouts"][0]["id"]
    assert rows[0] == HEADER
    assert [row[:8] for row in rows[1:]] == [
        ["payment", "PAID", paid, "400.00", "12.00", "ETB", "success", "mpesa"],
        ["payment", "BACK", back, "400.00", "12.00", "ETB", "reversed", "card"],
        ["refund", "PAID", refund["ref"], "100.00", "0.00", "ETB", "refunded", "mpesa"],
        ["refund", "BACK", rows[4][2], "150.00", "0.00", "ETB", "refunded", "card"],
        ["reversal", "BACK", f"{back}-reversal", "250.00", "0.00", "ETB", "reversed", "card"],
        ["transfer", "payout-2026-11-seller-42", payout, "350.00", "0.00", "ETB", "success", "telebirr"],
    ]
    assert all(datetime.fromisoformat(row[8]).tzinfo is not None for row in rows[1:])
    assert chapa.books()["totals"]["refunded"] == {"ETB": "500.00"}


def test_statement_is_of_the_day_that_is_asked_for(chapa):
    chapa.pay()
    today = nairobi(time.time()).date()

    rows = [
        rows_of(chapa.http.get(f"/control/statement/chapa.csv?date={day}"))
        for day in (today, today - timedelta(days=1))
    ]

    assert [len(lines) for lines in rows] == [2, 1]
    disposition = chapa.http.get("/control/statement/chapa.csv").headers["content-disposition"]
    assert disposition == f'attachment; filename="chapa-{today}.csv"'


def test_reset_forgets_everything_but_the_webhook_address(chapa, inbox):
    chapa.pay()
    chapa.transfer()
    chapa.refund(amount="1")
    inbox.wait(3)
    before = len(inbox.messages)

    chapa.http.post("/control/reset")

    assert (chapa.books()["payments"], chapa.books()["payouts"], chapa.deliveries()) == ([], [], [])
    assert chapa.get("/v1/transfers").json()["data"] == []
    assert (chapa.verify().status_code, chapa.pay(), chapa.transfer().status_code) == (404, TX_REF, 200)
    assert len(inbox.wait(before + 2)) == before + 2


def test_restart_goes_on_with_what_was_under_way(start_chapa, inbox, tmp_path):
    state = str(tmp_path / "state.sqlite3")
    first, merchant = start_chapa(state=state, link_seconds=3.0, step_seconds=0.5)
    merchant.faults({"faults": ["chapa_non_ascii_name", "chapa_verify_pending"], "reference": "PAID"})
    merchant.pay("PAID")
    merchant.start("OPEN")
    merchant.start("LEFT")
    merchant.refund("PAID", amount="100.00")
    merchant.transfer()
    inbox.wait()
    merchant.wait_until_delivered(1)
    first.stop()

    _, again = start_chapa(state=state, link_seconds=3.0, step_seconds=0.5)

    assert [entry["reference"] for entry in again.books()["payments"]] == ["PAID", "OPEN", "LEFT"]
    assert again.act("OPEN", "pay-card").status_code == 200
    assert [again.verified("PAID")["status"] for _ in range(2)] == ["pending", "success"]
    wait_for(lambda: again.books()["totals"]["refunded"] == {"ETB": "100.00"})
    wait_for(lambda: again.books()["totals"]["paid_out"] == {"ETB": "350.00"})
    wait_for(lambda: again.payment("LEFT")["status"] == "failed")
    assert sorted(message.json["event"] for message in inbox.wait(4)) == [
        "charge.refunded",
        "charge.success",
        "charge.success",
        "payout.success",
    ]
