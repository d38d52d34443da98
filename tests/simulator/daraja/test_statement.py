import csv
import io
import re
from datetime import datetime, timedelta

from simulator.clock import NAIROBI
from tests.simulator.daraja.shop import UTILITY

COLUMNS = (
    "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,"
    "Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No."
)


def download(shop, day=""):
    response = shop.http.get(f"/control/statement/daraja.csv{day}")
    assert response.status_code == 200, response.text
    return response.text


def lines(text):
    return list(csv.DictReader(io.StringIO(text.partition("\r\n\r\n")[2])))


def test_statement_begins_with_whose_it_is(shop):
    header, _, table = download(shop).partition("\r\n\r\n")

    today = f"{datetime.now(NAIROBI):%d-%m-%Y}"
    assert header.split("\r\n") == [
        "Organization Name:,BYTEMTAANI",
        "Short Code:,174379",
        "Account:,Utility Account",
        f"Time Period:,From {today} 00:00:00 To {today} 23:59:59",
    ]
    assert table == f"{COLUMNS}\r\n"


def test_statement_has_every_movement_of_the_utility_account_newest_first(shop):
    stk = shop.paid_receipt()
    paybill = shop.pay_bill(account="hello, world")["receipt_number"]
    till = shop.pay_till()["receipt_number"]
    shop.b2c()
    b2c = shop.result()["TransactionID"]
    shop.reverse(stk)
    reversal = shop.result(2)["TransactionID"]
    shop.b2b()
    shop.b2b(CommandID="BusinessPayToBulk", PartyB="600992", AccountReference=None)
    top_up = next(
        b["Result"] for b in shop.inbox.at("/result/", 4) if b["Result"]["TransactionID"] not in (b2c, reversal)
    )

    text = download(shop)

    rows = lines(text)
    party = "2547***678 - GRACE NJERI"
    kept = ("Receipt No.", "Paid In", "Withdrawn", "Balance", "Reason Type", "Linked Transaction ID", "A/C No.")
    assert [tuple(row[name] for name in kept) for row in rows[1:]] == [
        (reversal, "", "-1,500.00", f"{UTILITY - 405:,}.00", "Pay Bill Reversal", stk, "1000017"),
        (b2c, "", "-5.00", f"{UTILITY + 1095:,}.00", "Fee For B2C Payment", "", ""),
        (b2c, "", "-1,000.00", f"{UTILITY + 1100:,}.00", "Business Payment to Customer via API", "", ""),
        (till, "300.00", "", f"{UTILITY + 2100:,}.00", "Pay Merchant", "", ""),
        (paybill, "300.00", "", f"{UTILITY + 1800:,}.00", "Pay Utility", "", "hello, world"),
        (stk, "1,500.00", "", f"{UTILITY + 1500:,}.00", "Pay Bill Online", "", "1000017"),
    ]
    assert (rows[0]["Paid In"], rows[0]["Balance"]) == ("700.00", f"{UTILITY + 295:,}.00")
    assert top_up["ResultCode"] == 0
    assert [row["Details"] for row in rows] == [
        "Organization Transfer from Working Account of 174379",
        f"Pay Bill Reversal to {party}",
        "B2C Payment Charge",
        f"Business Payment to Customer to {party}",
        f"Merchant Payment from {party}",
        f"Pay Bill from {party} Acc. hello, world",
        f"Pay Bill from {party} Acc. 1000017",
    ]
    assert all(re.fullmatch(r"\d\d-\d\d-20\d\d \d\d:\d\d:\d\d", row["Completion Time"]) for row in rows)
    assert {row["Transaction Status"] for row in rows} == {"Completed"}
    assert '"1,500.00"' in text


def test_statement_is_that_of_one_day_in_nairobi(shop):
    shop.pay_bill()
    yesterday = datetime.now(NAIROBI) - timedelta(days=1)

    assert len(lines(download(shop))) == 1
    assert lines(download(shop, f"?date={yesterday:%Y-%m-%d}")) == []


def test_statement_has_no_payment_that_failed(shop):
    shop.answer(shop.start(), pin="0000")
    shop.pay_bill(pin="0000")

    assert lines(download(shop)) == []
