import re
import time

import pytest

from tests.simulator.merchant import MSISDN, wait_for


def test_payment_with_the_right_pin_is_paid_everywhere(merchant, receiver):
    push = merchant.push().json()
    checkout = push["CheckoutRequestID"]

    answer = merchant.answer(checkout).json()

    callback = receiver.stk()[0]
    receipt = answer["receipt_number"]
    assert re.fullmatch(r"[A-Z]{2}[1-9A-V][A-Z0-9]{7}", receipt)
    assert (answer["status"], answer["result_code"]) == ("successful", "0")
    date = callback["CallbackMetadata"]["Item"][2].pop("Value")
    assert isinstance(date, int)
    assert re.fullmatch(r"[0-9]{14}", str(date))
    assert callback == {
        "MerchantRequestID": push["MerchantRequestID"],
        "CheckoutRequestID": checkout,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {
            "Item": [
                {"Name": "Amount", "Value": 1500},
                {"Name": "MpesaReceiptNumber", "Value": receipt},
                {"Name": "TransactionDate"},
                {"Name": "PhoneNumber", "Value": 254712345678},
            ]
        },
    }
    assert '{"Name":"Amount","Value":1500.00}' in receiver.requests[0][2]
    assert merchant.query(checkout).json() == {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successsfully",
        "MerchantRequestID": push["MerchantRequestID"],
        "CheckoutRequestID": checkout,
        "ResultCode": "0",
        "ResultDesc": "The service request is processed successfully.",
    }
    books = merchant.books()
    assert books["totals"] == {
        "payments": 1,
        "waiting": 0,
        "successful": 1,
        "failed": 0,
        "captured": {"KES": "1500.00"},
        "refunded": {},
        "paid_out": {},
    }
    entry = books["payments"][0]
    assert (entry["msisdn"], entry["amount"], entry["reference"]) == (MSISDN, "1500.00", "1000017")
    assert (entry["status"], entry["result_code"], entry["receipt_number"]) == ("successful", "0", receipt)
    pattern = (
        receipt + r" Confirmed\. Ksh1,500\.00 sent to BYTEMTAANI for account 1000017"
        r" on \d+/\d+/\d\d at \d+:\d\d [AP]M\."
        r" New M-PESA balance is Ksh498,500\.00\. Transaction cost, Ksh0\.00\."
    )
    assert re.fullmatch(pattern, merchant.messages()[0])


def test_callback_has_the_headers_of_the_wire_and_the_path_unchanged(merchant, receiver):
    merchant.callback_url = f"{receiver.url}/cb/8Qk1-_x/deep/?a=1"

    merchant.pay()

    receiver.stk()
    path, headers, _ = receiver.requests[0]
    assert path == "/cb/8Qk1-_x/deep/?a=1"
    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert headers["Businessshortcode"] == "174379"


@pytest.mark.parametrize(
    ("answer", "in_callback", "texts"),
    [
        (
            {"action": "cancel"},
            (1032, "Request cancelled by user"),
            (
                "Request cancelled by user",
                "You cancelled the payment of Ksh1,500.00 to BYTEMTAANI. No money left your account.",
            ),
        ),
        (
            {"action": "timeout"},
            (1037, "No response from user."),
            (
                "DS timeout user cannot be reached.",
                "The request to pay Ksh1,500.00 to BYTEMTAANI timed out. No money left your account.",
            ),
        ),
        (
            {"pin": "9999"},
            (2001, "The initiator information is invalid."),
            (
                "The initiator information is invalid.",
                "Failed. You entered a wrong PIN. Ksh1,500.00 to BYTEMTAANI was not sent. You have 2 tries left.",
            ),
        ),
    ],
)
def test_payment_that_the_customer_does_not_make_fails(merchant, receiver, answer, in_callback, texts):
    query_text, message = texts
    checkout = merchant.start()

    merchant.answer(checkout, **answer)

    callback = receiver.stk()[0]
    assert set(callback) == {"MerchantRequestID", "CheckoutRequestID", "ResultCode", "ResultDesc"}
    assert callback["CheckoutRequestID"] == checkout
    assert (callback["ResultCode"], callback["ResultDesc"]) == in_callback
    result = merchant.query(checkout).json()
    assert (result["ResultCode"], result["ResultDesc"]) == (str(in_callback[0]), query_text)
    assert merchant.messages() == [message]
    assert merchant.set_phone(balance=None, unlock_pin=False)["balance"] == "500000.00"
    assert merchant.books()["totals"]["captured"] == {}


def test_prompt_that_nobody_answers_times_out(start_simulator, receiver):
    _, merchant = start_simulator(prompt_seconds=0.3)
    checkout = merchant.start()
    assert merchant.prompts()[0]["lifetime_seconds"] == 0.3

    assert receiver.result_codes(1) == [1037]

    assert merchant.prompts() == []
    assert merchant.answer(checkout).status_code == 409
    assert merchant.books()["totals"]["successful"] == 0


def test_pin_is_locked_after_three_wrong_tries_until_it_is_unlocked(merchant, receiver):
    for number in range(1, 4):
        merchant.answer(merchant.start(), pin="0000")
        receiver.result_codes(number)  # callbacks may overtake each other
    merchant.start()
    codes_before = receiver.result_codes(4)
    prompts_before = merchant.prompts()
    phone_before = merchant.http.get(f"/phone/api/phones?msisdn={MSISDN}").json()["phones"][0]

    phone = merchant.set_phone(unlock_pin=True)
    merchant.pay()

    assert (codes_before, prompts_before) == ([2001, 2001, 2001, 8006], [])
    assert (phone_before["pin_locked"], phone_before["pin_tries_left"]) == (True, 0)
    assert (phone["pin_locked"], phone["pin_tries_left"]) == (False, 3)
    assert receiver.result_codes(5)[-1] == 0


def test_right_pin_gives_the_tries_back(merchant, receiver):
    for number, pin in enumerate(("0000", "0000", "1234", "0000"), start=1):
        merchant.answer(merchant.start(), pin=pin)
        receiver.result_codes(number)  # callbacks may overtake each other

    assert receiver.result_codes(4) == [2001, 2001, 0, 2001]
    assert merchant.set_phone(unlock_pin=False)["pin_tries_left"] == 2


def test_balance_that_is_short_fails_with_1_and_stays(merchant, receiver):
    merchant.set_phone(balance=1499)

    merchant.pay()

    assert receiver.result_codes(1) == [1]
    assert merchant.set_phone(unlock_pin=False)["balance"] == "1499.00"


def test_whole_balance_can_be_paid(merchant, receiver):
    merchant.set_phone(balance=1500)

    merchant.pay()

    assert receiver.result_codes(1) == [0]
    assert merchant.set_phone(unlock_pin=False)["balance"] == "0.00"


def test_amount_above_the_transaction_limit_fails_with_3(merchant, receiver):
    merchant.pay(Amount=250_000)
    merchant.start(Amount=250_001, msisdn="254722000111")

    assert sorted(receiver.result_codes(2)) == [0, 3]
    assert merchant.prompts("254722000111") == []


def test_amount_above_the_daily_limit_fails_with_4(merchant, receiver):
    merchant.set_phone(balance=2_000_000)

    for amount in (250_000, 249_999, 2, 1):
        merchant.pay(Amount=amount)

    assert sorted(receiver.result_codes(4), key=int) == [0, 0, 0, 4]
    results = [(payment["amount"], payment["result_code"]) for payment in merchant.books()["payments"]]
    assert results == [("250000.00", "0"), ("249999.00", "0"), ("2.00", "4"), ("1.00", "0")]


def test_same_amount_again_fails_with_17_only_when_so_set(start_simulator, merchant, receiver):
    _, strict = start_simulator(refuse_repeats=True)

    strict.pay()
    strict.start()
    strict.pay(Amount=1501)
    for _ in range(2):
        merchant.pay()

    receiver.stk(5)
    assert [payment["result_code"] for payment in strict.books()["payments"]] == ["0", "17", "0"]
    assert [payment["result_code"] for payment in merchant.books()["payments"]] == ["0", "0"]


def test_query_of_a_waiting_payment_says_that_it_is_processed(merchant):
    checkout = merchant.start()

    response = merchant.query(checkout)

    answer = response.json()
    assert (response.status_code, answer["errorCode"]) == (500, "500.001.1001")
    assert answer["errorMessage"] == "The transaction is being processed"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (500, "500.001.1001", "The transaction does not Exist")),
        ({"CheckoutRequestID": "1234"}, (400, "400.002.02", "Bad Request - Invalid CheckoutRequestID")),
        ({"CheckoutRequestID": None}, (400, "400.002.02", "Bad Request - Invalid CheckoutRequestID")),
        ({"Password": "x"}, (500, "500.001.1001", "Wrong credentials")),
        ({"BusinessShortCode": "600000"}, (500, "500.001.1001", "Merchant does not exist")),
        ({"Timestamp": ""}, (400, "400.002.02", "Bad Request - Invalid Timestamp")),
    ],
)
def test_query_that_cannot_be_answered_is_refused(merchant, changes, expected):
    response = merchant.query("ws_CO_21112026104513071234567890", **changes)

    answer = response.json()
    assert (response.status_code, answer["errorCode"], answer["errorMessage"]) == expected


def test_receipts_are_unique(merchant, receiver):
    merchant.auto_answer()

    for number in range(40):
        merchant.start(msisdn=f"2547000000{number:02d}", Amount=1)

    receiver.stk(40)
    receipts = {payment["receipt_number"] for payment in merchant.books()["payments"]}
    assert (len(receipts), None in receipts) == (40, False)


def test_restart_keeps_payments_prompts_and_tokens(start_simulator, receiver, tmp_path):
    state = str(tmp_path / "state.sqlite3")
    first, merchant = start_simulator(state=state, prompt_seconds=1.0)
    paid = merchant.pay()
    waiting = merchant.start(msisdn="254722000111")
    receiver.stk()
    wait_for(lambda: merchant.deliveries()[0]["state"] == "answered")
    headers = merchant.headers
    first.stop()

    _, again = start_simulator(state=state)
    again._token = headers["Authorization"].removeprefix("Bearer ")

    assert [payment["id"] for payment in again.books()["payments"]] == [paid, waiting]
    assert again.query(paid).json()["ResultCode"] == "0"
    assert [prompt["id"] for prompt in again.prompts("254722000111")] == [waiting]
    assert receiver.result_codes(2) == [0, 1037]
    time.sleep(0.1)
    assert len(receiver.requests) == 2
