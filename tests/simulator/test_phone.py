import re

import pytest

from tests.simulator.merchant import MSISDN


def test_phone_page_is_whole_without_the_internet(merchant):
    page = merchant.http.get("/phone/")
    assets = re.findall(r'(?:href|src)="(assets/[^"]+)"', page.text)

    answers = [merchant.http.get(f"/phone/{asset}") for asset in assets]

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert assets == ["assets/phone.css", "assets/phone.js", "assets/pay.js"]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    outside = [text for text in (page.text, *(a.text for a in answers)) if re.search(r"(src|href|url)\W+https?:", text)]
    assert outside == []


@pytest.mark.parametrize(("path", "target"), [("/", "/phone/"), ("/phone", "/phone/")])
def test_phone_page_is_found_from_the_root(merchant, path, target):
    response = merchant.http.get(path)

    assert response.status_code == 307
    assert response.headers["location"].endswith(target)


def test_prompt_is_described(merchant):
    checkout = merchant.start()

    prompt = merchant.prompts()[0]

    left = prompt.pop("expires_in_seconds")
    assert 55 < left <= 60
    assert prompt == {
        "id": checkout,
        "msisdn": MSISDN,
        "amount": "1500.00",
        "currency": "KES",
        "merchant": "BYTEMTAANI",
        "reference": "1000017",
        "text": "Do you want to pay KSH 1,500 to BYTEMTAANI Account no. 1000017? Enter M-PESA PIN",
        "lifetime_seconds": 60.0,
    }


def test_prompts_are_those_of_one_phone_or_of_all(merchant):
    first, second = merchant.start(), merchant.start(msisdn="254722000111")

    everywhere = merchant.http.get("/phone/api/prompts").json()["prompts"]

    assert [prompt["id"] for prompt in everywhere] == [first, second]
    assert [prompt["id"] for prompt in merchant.prompts("0722 000 111")] == [second]


def test_phones_with_a_live_prompt_come_first(merchant):
    merchant.start(msisdn="254722000111")
    merchant.pay()

    phones = merchant.http.get("/phone/api/phones?msisdn=0733000222").json()["phones"]

    assert [(phone["msisdn"], phone["waiting_prompts"], phone["balance"]) for phone in phones] == [
        ("254722000111", 1, "500000.00"),
        (MSISDN, 0, "498500.00"),
        ("254733000222", 0, "500000.00"),
    ]


def test_prompt_can_be_answered_once(merchant, receiver):
    checkout = merchant.pay()

    again = merchant.answer(checkout)

    assert (again.status_code, again.json()) == (409, {"error": "This prompt is no longer on the screen."})
    assert receiver.result_codes(1) == [0]
    assert merchant.set_phone(unlock_pin=False)["balance"] == "498500.00"


def test_prompt_that_is_not_known_is_a_404(merchant):
    response = merchant.answer("ws_CO_21112026104513071234567890")

    assert (response.status_code, response.json()) == (404, {"error": "No prompt has this id."})


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"nonsense", b"[]", b'{"pin": 1234}', b'{"action": "pay"}', b'{"pin": "1234", "x": 1}'],
)
def test_answer_that_makes_no_sense_is_refused_and_the_prompt_waits(merchant, body):
    checkout = merchant.start()

    response = merchant.http.post(f"/phone/api/prompts/{checkout}/answer", content=body)

    assert response.status_code == 400
    assert [prompt["id"] for prompt in merchant.prompts()] == [checkout]


@pytest.mark.parametrize(
    "change",
    [{}, [], {"balance": -1}, {"balance": 1.5}, {"balance": "5"}, {"unlock_pin": 1}, {"pin": "1234"}],
)
def test_phone_change_that_makes_no_sense_is_refused(merchant, change):
    response = merchant.http.post(f"/phone/api/phones/{MSISDN}/", json=change)

    assert response.status_code == 400
    assert merchant.http.get("/phone/api/phones").json()["phones"] == []


@pytest.mark.parametrize("path", ["prompts?msisdn=12", "messages", "messages?msisdn=254201234567", "phones?msisdn=x"])
def test_number_that_is_none_is_refused(merchant, path):
    assert merchant.http.get(f"/phone/api/{path}").status_code == 400


@pytest.mark.parametrize("number", ["0712345678", "%2B254712345678", "+254712345678", "712 345 678", "254-712-345-678"])
def test_number_is_taken_as_people_write_it(merchant, number):
    checkout = merchant.start()

    assert [prompt["id"] for prompt in merchant.prompts(number)] == [checkout]
