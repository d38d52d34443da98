import re

import pytest

from tests.simulator.merchant import MSISDN, password


def test_push_is_accepted(merchant):
    response = merchant.push()

    answer = response.json()
    assert response.status_code == 200
    assert list(answer) == [
        "MerchantRequestID",
        "CheckoutRequestID",
        "ResponseCode",
        "ResponseDescription",
        "CustomerMessage",
    ]
    assert re.fullmatch(r"[0-9]{5}-[0-9]{8}-1", answer["MerchantRequestID"])
    assert re.fullmatch(r"ws_CO_[0-9]{14}[0-9]{1,3}712345678", answer["CheckoutRequestID"])
    assert answer["ResponseCode"] == "0"
    assert answer["ResponseDescription"] == "Success. Request accepted for processing"
    assert answer["CustomerMessage"] == "Success. Request accepted for processing"
    assert [prompt["text"] for prompt in merchant.prompts()] == [
        "Do you want to pay KSH 1,500 to BYTEMTAANI Account no. 1000017? Enter M-PESA PIN"
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"BusinessShortCode": "174379", "Amount": "1500", "PartyA": int(MSISDN), "PhoneNumber": int(MSISDN)},
        {"PartyB": 174379, "AccountReference": 1000017},
        {"TransactionDesc": None},
        {"AccountReference": "SH7-K2P9QXAB", "TransactionDesc": "Order 1000017"},
        {"TransactionDesc": "MPESA ONLINE PAYMENT"},
        {"TransactionType": "CustomerPayBillOnline "},
        {"msisdn": "254110345678"},
    ],
)
def test_push_takes_numbers_as_text_or_not(merchant, changes):
    response = merchant.push(**changes)

    assert (response.status_code, response.json()["ResponseCode"]) == (200, "0")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("BusinessShortCode", None),
        ("BusinessShortCode", "17437x"),
        ("BusinessShortCode", True),
        ("Password", None),
        ("Timestamp", "2026-11-21 10:45"),
        ("Timestamp", "20261321104512"),
        ("Timestamp", 20261121104512),
        ("TransactionType", "CustomerPaybillOnline"),
        ("Amount", 0),
        ("Amount", -5),
        ("Amount", 1500.5),
        ("Amount", 1500.0),
        ("Amount", "1500.00"),
        ("Amount", "1,500"),
        ("Amount", None),
        ("PartyA", "0712345678"),
        ("PartyA", "254201234567"),
        ("PartyB", ""),
        ("PhoneNumber", "+254712345678"),
        ("PhoneNumber", "25471234567"),
        ("PhoneNumber", "2547123456789"),
        ("PhoneNumber", "25471234567٨"),
        ("CallBackURL", None),
        ("CallBackURL", "shop.example/cb"),
        ("CallBackURL", "ftp://127.0.0.1/cb"),
        ("CallBackURL", "http://127.0.0.1/a b"),
        ("CallBackURL", "http://127.0.0.1:99999/"),
        ("CallBackURL", "http:///cb"),
        ("CallBackURL", "http://127.0.0.1/" + "x" * 250),
        ("AccountReference", None),
        ("AccountReference", ""),
        ("AccountReference", "ORDER-1000017"),
        ("TransactionDesc", "x" * 183),
    ],
)
def test_push_with_a_bad_field_is_refused(merchant, field, value):
    response = merchant.push(**{field: value})

    answer = response.json()
    assert response.status_code == 400
    assert (answer["errorCode"], answer["errorMessage"]) == ("400.002.02", f"Bad Request - Invalid {field}")
    assert merchant.books()["payments"] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"BusinessShortCode": 600000}, "Merchant does not exist"),
        ({"Password": password(passkey="another")}, "Wrong credentials"),
        ({"Password": password(timestamp="20261121104513")}, "Wrong credentials"),
    ],
)
def test_push_of_a_merchant_who_is_not_known_is_refused(merchant, changes, message):
    response = merchant.push(**changes)

    answer = response.json()
    assert (response.status_code, answer["errorCode"], answer["errorMessage"]) == (
        500,
        "500.001.1001",
        message,
    )
    assert merchant.books()["payments"] == []


def test_push_that_is_not_json_is_refused(merchant):
    url = "/mpesa/stkpush/v1/processrequest"
    as_json = {**merchant.headers, "Content-Type": "application/json"}

    form = merchant.http.post(url, data={"Amount": "1"}, headers=merchant.headers)
    broken = merchant.http.post(url, content=b'{"Amount": 1', headers=as_json)
    deep = merchant.http.post(url, content=b"[" * 50_000, headers=as_json)
    not_an_object = merchant.http.post(url, content=b"[1]", headers=as_json)

    assert form.json()["errorMessage"] == "Bad Request - Invalid BusinessShortCode"
    assert [answer.json()["errorCode"] for answer in (broken, deep, not_an_object)] == ["400.002.05"] * 3
    assert [answer.status_code for answer in (form, broken, deep, not_an_object)] == [400] * 4


def test_push_to_a_phone_with_a_live_prompt_is_refused(merchant):
    first = merchant.start()

    response = merchant.push()

    answer = response.json()
    assert (response.status_code, answer["errorCode"]) == (500, "500.001.1001")
    assert answer["errorMessage"] == (
        "Unable to lock subscriber, a transaction is already in process for the current subscriber"
    )
    assert [payment["id"] for payment in merchant.books()["payments"]] == [first]


def test_push_to_the_phone_is_accepted_again_after_the_answer(merchant):
    first = merchant.pay()

    second = merchant.start()

    assert [payment["id"] for payment in merchant.books()["payments"]] == [first, second]


def test_push_to_another_phone_does_not_wait(merchant):
    merchant.start()

    assert merchant.push(msisdn="254722000111").status_code == 200


def test_push_for_a_till_names_the_till(merchant, receiver):
    checkout = merchant.start(TransactionType="CustomerBuyGoodsOnline", PartyB="512345")
    text = merchant.prompts()[0]["text"]

    merchant.answer(checkout)

    assert text == "Do you want to pay KSH 1,500 to BYTEMTAANI Till no. 512345? Enter M-PESA PIN"
    assert receiver.result_codes(1) == [0]
    assert " Confirmed. Ksh1,500.00 paid to BYTEMTAANI on " in merchant.messages()[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"PartyB": "600000"},
        {"TransactionType": "CustomerBuyGoodsOnline", "PartyB": "600000"},
    ],
)
def test_push_for_a_wrong_party_ends_with_2028(start_simulator, receiver, changes):
    _, merchant = start_simulator(till="512345")

    merchant.start(**changes)

    assert receiver.result_codes(1) == [2028]
    assert merchant.prompts() == []
