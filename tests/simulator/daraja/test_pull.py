import re
import sqlite3
from datetime import datetime, timedelta

import pytest

from simulator.clock import NAIROBI
from tests.simulator.merchant import MSISDN

OTHER = "254722000111"


def register(shop, **changes):
    body = {
        "ShortCode": "174379",
        "RequestType": "Pull",
        "NominatedNumber": "0722000000",
        "CallBackURL": f"{shop.inbox.url}/pull/",
    }
    return shop.post("/pulltransactions/v1/register", body, **changes)


def test_registration_is_taken_once(shop):
    first, again = register(shop).json(), register(shop).json()

    assert re.fullmatch(r"[0-9]+-[0-9]+-1", first.pop("ResponseRefID"))
    assert first == {
        "ResponseStatus": "1000",
        "ShortCode": "174379",
        "ResponseDescription": "ShortCode Registered Successfully",
    }
    assert (again["ResponseStatus"], again["ResponseDescription"]) == ("1001", "ShortCode already Registered")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ShortCode": "600000"}, "ShortCode"),
        ({"RequestType": "pull"}, "RequestType"),
        ({"NominatedNumber": "12"}, "NominatedNumber"),
        ({"CallBackURL": ""}, "CallBackURL"),
    ],
)
def test_registration_with_a_bad_field_is_refused(shop, change, field):
    response = register(shop, **change)

    assert (response.status_code, response.json()["errorMessage"]) == (400, f"Bad Request - Invalid {field}")
    assert register(shop).json()["ResponseStatus"] == "1000"


def test_list_is_empty_as_text(shop):
    answer = shop.pull().json()

    answer.pop("ResponseRefID")
    assert answer == {"ResponseCode": "1001", "ResponseMessage": "No transactions found", "Response": "[[]]"}


def test_list_has_stk_and_c2b_payments_and_no_others(shop):
    stk = shop.paid_receipt()
    paybill = shop.pay_bill(msisdn=OTHER, account="hello")["receipt_number"]
    till = shop.pay_till()["receipt_number"]
    shop.b2c()
    shop.reverse(stk)
    shop.answer(shop.start(), pin="0000")
    shop.result(2)

    answer = shop.pull().json()

    assert (answer["ResponseCode"], answer["ResponseMessage"]) == ("1000", "Success")
    ((first, *_),) = answer["Response"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", first.pop("trxDate"))
    assert first == {
        "transactionId": stk,
        "msisdn": int(MSISDN[3:]),
        "sender": "MPESA",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": "1000017",
        "amount": "1500.00",
        "organizationname": "BYTEMTAANI",
    }
    rows = [(row["transactionId"], row["transactiontype"], row["billreference"]) for row in answer["Response"][0]]
    assert rows[1:] == [(paybill, "c2b-pay-bill-debit", "hello"), (till, "c2b-buy-goods-debit", "")]


def test_list_has_payments_that_the_shop_never_heard_of(shop):
    shop.register(ValidationURL=None)
    shop.faults("c2b_without_stk", {"fault": "c2b_confirmation_lost"})

    shop.start()

    rows = shop.pull().json()["Response"][0]
    assert [(row["billreference"], row["amount"]) for row in rows] == [("", "1500.00")]
    assert shop.inbox.received == []


def test_list_is_paged_by_row(start_shop):
    _, shop = start_shop(pull_page=2)
    receipts = [shop.pay_bill(amount=amount)["receipt_number"] for amount in (1, 2, 3)]

    pages = [shop.pull(OffSetValue=offset).json()["Response"] for offset in ("0", "2", 1, "3")]

    ids = [[row["transactionId"] for row in page[0]] if isinstance(page, list) else page for page in pages]
    assert ids == [receipts[:2], receipts[2:], receipts[1:], "[[]]"]


def test_list_is_cut_by_the_dates_in_nairobi(shop):
    shop.pay_bill()
    now = datetime.now(NAIROBI)

    def asked(start, end):
        form = "%Y-%m-%d %H:%M:%S"
        return shop.pull(StartDate=start.strftime(form), EndDate=end.strftime(form)).json()["ResponseCode"]

    minute = timedelta(minutes=1)
    codes = [
        asked(now - minute, now + minute),
        asked(now + minute, now + 2 * minute),
        asked(now - minute * 2, now - minute),
    ]
    assert codes == ["1000", "1001", "1001"]


def test_list_reaches_back_48_hours(start_shop, tmp_path):
    _, shop = start_shop(state=str(tmp_path / "books.db"))
    receipts = [shop.pay_bill(amount=amount)["receipt_number"] for amount in (1, 2)]
    books = sqlite3.connect(tmp_path / "books.db")
    for receipt, hours in zip(receipts, (49, 47), strict=True):
        change = "UPDATE mpesa_movement SET completed_at = completed_at - ? WHERE receipt_number = ?"
        books.execute(change, (hours * 3600, receipt))
    books.commit()
    books.close()

    rows = shop.pull().json()["Response"][0]

    assert [row["transactionId"] for row in rows] == receipts[1:]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ShortCode": "600000"}, "ShortCode"),
        ({"StartDate": "2026-11-21"}, "StartDate"),
        ({"EndDate": None}, "EndDate"),
        ({"EndDate": "1999-01-01 00:00:00"}, "EndDate"),
        ({"OffSetValue": "-1"}, "OffSetValue"),
        ({"OffSetValue": None}, "OffSetValue"),
    ],
)
def test_list_with_a_bad_field_is_refused(shop, change, field):
    response = shop.pull(**change)

    assert (response.status_code, response.json()["errorMessage"]) == (400, f"Bad Request - Invalid {field}")


@pytest.mark.parametrize(
    ("fault", "status"),
    [("pull_500", 500), ("pull_spike_arrest", 429), ("pull_html_403", 403), ("pull_token_expired", 401)],
)
def test_list_faults_break_the_answer(shop, fault, status):
    shop.pay_bill()
    shop.faults(fault)

    response = shop.pull()

    assert (response.status_code, "transactionId" in response.text) == (status, False)


def test_keys_with_blanks_are_written_as_the_sandbox_writes_them(shop):
    shop.faults({"fault": "pull_keys_with_blanks", "count": 2})

    registered, asked = register(shop).json(), shop.pull().json()

    assert set(registered) == {"Response Ref ID", "Response Status", "Short Code", "Response Description"}
    assert set(asked) == {"Response Ref ID", "Response Code", "Response Message", "Response"}
