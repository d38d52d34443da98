import pytest

from tests.simulator.merchant import MSISDN


def pay(merchant, **changes):
    order = {"msisdn": MSISDN, "shortcode": "174379", "account": "1000017", "amount": 300, "pin": "1234", **changes}
    return merchant.http.post("/phone/api/pay", json={name: value for name, value in order.items() if value != ""})


def balance(merchant):
    return merchant.set_phone(unlock_pin=False)["balance"]


def test_payment_by_paybill_answers_the_receipt(merchant):
    outcome = pay(merchant).json()

    entry = merchant.books()["payments"][0]
    assert outcome == {
        "status": "successful",
        "result_code": "0",
        "result_desc": "The service request is processed successfully.",
        "receipt_number": entry["receipt_number"],
        "text": merchant.messages()[0],
    }
    assert (entry["kind"], entry["reference"], entry["amount"]) == ("c2b", "1000017", "300.00")
    assert balance(merchant) == "499700.00"


def test_payment_takes_numbers_and_text(merchant):
    outcome = pay(merchant, msisdn="0712 345 678", shortcode=174379, amount="300", pin=1234).json()

    assert outcome["status"] == "successful"
    assert merchant.books()["payments"][0]["msisdn"] == MSISDN


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"pin": "0000"}, "2001", "Failed. You entered a wrong PIN. Ksh300.00 to BYTEMTAANI was not sent. You have 2 "),
        ({"amount": 250_001}, "3", "Failed. Ksh250,001.00 to BYTEMTAANI is above your M-PESA limit."),
        (
            {"shortcode": "600000"},
            "SFC_IC0003",
            "Failed. Ksh300.00 to 600000 was not sent. No business has this number.",
        ),
    ],
)
def test_payment_that_m_pesa_refuses_is_no_payment(merchant, change, code, text):
    outcome = pay(merchant, **change).json()

    assert (outcome["status"], outcome["result_code"], outcome["receipt_number"]) == ("failed", code, None)
    assert outcome["text"].startswith(text)
    assert merchant.messages() == [outcome["text"]]
    assert merchant.books()["payments"] == []
    assert balance(merchant) == "500000.00"


def test_payment_above_the_balance_is_refused(merchant):
    merchant.set_phone(balance=299)

    assert pay(merchant).json()["result_code"] == "1"
    assert balance(merchant) == "299.00"


def test_payment_is_refused_after_three_wrong_pins(merchant):
    codes = [pay(merchant, pin="0000").json()["result_code"] for _ in range(3)]

    assert [*codes, pay(merchant).json()["result_code"]] == ["2001", "2001", "2001", "8006"]
    assert balance(merchant) == "500000.00"


def test_payment_forgives_wrong_pins(merchant):
    for pin in ("0000", "0000", "1234", "0000", "0000"):
        pay(merchant, pin=pin)

    assert pay(merchant).json()["status"] == "successful"


def test_payment_at_another_till_is_refused(start_simulator):
    _, merchant = start_simulator(till="512345")

    codes = [pay(merchant, shortcode="", account="", till=till).json()["result_code"] for till in ("512345", "512346")]

    assert codes == ["0", "SFC_IC0003"]


@pytest.mark.parametrize(
    "change",
    [
        {"msisdn": "12"},
        {"shortcode": "shop"},
        {"till": "512345"},
        {"account": "x" * 21},
        {"account": " "},
        {"amount": 0},
        {"amount": 1.5},
        {"amount": True},
        {"amount": "1,500"},
        {"amount": ""},
        {"pin": ""},
        {"pin": None},
        {"tip": 10},
    ],
)
def test_payment_that_makes_no_sense_is_refused(merchant, change):
    response = pay(merchant, **change)

    assert response.status_code == 400
    assert set(response.json()) == {"error"}
    assert merchant.http.get("/phone/api/phones").json()["phones"] == []


def test_phones_come_with_whom_they_can_pay(merchant):
    assert merchant.http.get("/phone/api/phones").json()["merchant"] == {
        "name": "BYTEMTAANI",
        "shortcode": "174379",
        "till": "",
    }
