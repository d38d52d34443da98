"""Links: the start, the page's actions, and every way to ask about them."""

import re

import pytest

from tests.simulator.chapa.merchant import RETURN_URL, SECRET_KEY, TX_REF
from tests.simulator.merchant import wait_for

NOT_PAID = {"message": "Payment not paid yet", "status": "null", "data": None}
UNKNOWN = {"message": "Invalid transaction or Transaction not found", "status": "failed", "data": None}
USED_BEFORE = {"message": "Transaction reference has been used before", "status": "failed", "data": None}
MOMENT = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z"


def refusal(message):
    return {"message": message, "status": "failed", "data": None}


# --- the start


def test_initialize_answers_the_page_and_nothing_else(chapa):
    response = chapa.initialize()

    answer = response.json()
    url = answer["data"]["checkout_url"]
    assert response.status_code == 200
    assert answer == {"message": "Hosted Link", "status": "success", "data": {"checkout_url": url}}
    assert url.startswith(f"{str(chapa.http.base_url).rstrip('/')}/checkout/chapa/")
    assert chapa.http.get(url).status_code == 200
    assert chapa.open_checkouts(TX_REF)[0] | {"actions": []} == {
        "provider": "chapa",
        "id": url.rpartition("/")[2],
        "reference": TX_REF,
        "merchant": "ByteMtaani",
        "description": "Order 1001, 3 items",
        "amount": "400.00",
        "currency": "ETB",
        "customer": "abebe@example.com",
        "state": "open",
        "actions": [],
        "return_url": RETURN_URL,
        "note": "",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amount": None}, {"amount": ["validation.required"]}),
        ({"amount": "0"}, {"amount": ["validation.numeric"]}),
        ({"amount": "-5"}, {"amount": ["validation.numeric"]}),
        ({"amount": "4.005"}, {"amount": ["validation.numeric"]}),
        ({"amount": True}, {"amount": ["validation.numeric"]}),
        ({"currency": None}, {"currency": ["validation.required"]}),
        ({"currency": "KES"}, "Invalid currency"),
        ({"tx_ref": None}, {"tx_ref": ["validation.required"]}),
        ({"tx_ref": "a b"}, {"tx_ref": ["validation.regex"]}),
        ({"email": "nobody"}, {"email": ["validation.email"]}),
        ({"email": ["a@b.example"]}, {"email": ["validation.string"]}),
        ({"phone_number": "+251912345678"}, {"phone_number": ["validation.phone"]}),
        ({"callback_url": "javascript:alert(1)"}, {"callback_url": ["validation.url"]}),
        ({"return_url": "pay/return"}, {"return_url": ["validation.url"]}),
        ({"return_url": "http://[::1"}, {"return_url": ["validation.url"]}),
        ({"customization": {"title": "Order number 1001"}}, {"customization.title": ["validation.max.string"]}),
        ({"customization": {"title": "Order #1001"}}, {"customization.title": ["validation.regex"]}),
        ({"customization": "Order"}, {"customization": ["validation.array"]}),
        ({"meta": 5}, {"meta": ["validation.array"]}),
        (
            {"email": "nobody", "amount": None},
            {"email": ["validation.email"], "amount": ["validation.required"]},
        ),
    ],
)
def test_initialize_that_cannot_be_is_refused_as_text_or_by_field(chapa, changes, message):
    response = chapa.initialize(**changes)

    assert (response.status_code, response.json()) == (400, refusal(message))
    assert chapa.books()["payments"] == []


def test_reference_used_again_is_refused_and_changes_nothing(chapa):
    chapa.start()

    again = chapa.initialize(amount="999.00")
    chapa.act(TX_REF, "pay-telebirr")
    after = chapa.initialize()

    assert [(response.status_code, response.json()) for response in (again, after)] == [(400, USED_BEFORE)] * 2
    assert [payment["amount"] for payment in chapa.books()["payments"]] == ["400.00"]


@pytest.mark.parametrize("amount", [400, 400.0, "400", "400.0", "400.00"])
def test_amount_is_taken_as_number_or_text(chapa, amount):
    chapa.pay(amount=amount)

    assert chapa.books()["totals"]["captured"] == {"ETB": "400.00"}


def test_only_three_fields_are_needed(chapa):
    names = ("email", "first_name", "last_name", "phone_number", "return_url", "customization", "meta")
    chapa.pay(**dict.fromkeys(names))

    data = chapa.verified()

    assert {name: data[name] for name in ("email", "first_name", "last_name", "meta", "customization")} == {
        "email": None,
        "first_name": None,
        "last_name": None,
        "meta": None,
        "customization": {"title": None, "description": None, "logo": None},
    }


def test_form_bodies_are_taken_too(chapa):
    body = {
        "amount": "400",
        "currency": "ETB",
        "tx_ref": "FORM-1",
        "customization[title]": "Order 7",
        "meta[order]": "7",
    }

    response = chapa.http.post("/v1/transaction/initialize", data=body, headers=chapa.headers)
    chapa.act("FORM-1", "pay-card")

    assert response.status_code == 200
    data = chapa.verified("FORM-1")
    assert (data["customization"]["title"], data["meta"]) == ("Order 7", {"order": "7"})


def test_other_content_type_gives_a_misleading_text(chapa):
    headers = {**chapa.headers, "Content-Type": "text/plain"}

    response = chapa.http.post("/v1/transaction/initialize", content=b'{"amount": "400"}', headers=headers)

    assert response.status_code == 400
    assert response.json()["message"].startswith("Incorrect header settings")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"email": "\\ud800"}', b'{"amount": NaN}', b"[" * 100_000])
def test_body_that_is_no_object_is_refused(chapa, body):
    headers = {**chapa.headers, "Content-Type": "application/json"}

    response = chapa.http.post("/v1/transaction/initialize", content=body, headers=headers)

    assert (response.status_code, response.json()) == (400, refusal("Invalid request body"))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (None, "Authorization required"),
        ("Basic Y2hhcGE=", "Authorization required"),
        ("Bearer", "Authorization required"),
        ("Bearer CHAPUBK_TEST-simulator", "Invalid API Key or User doesn't exist"),
        ("Bearer CHAPA_TEST_simulator", "Invalid API Key or User doesn't exist"),
        (f"Bearer {SECRET_KEY}x", "Invalid API Key or User doesn't exist"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/transaction/verify/x", "/v1/banks", "/v1/transactions", "/chapa/v1/transfers"])
def test_key_that_is_missing_or_wrong_is_a_401(chapa, path, key, message):
    response = chapa.http.get(path, headers={} if key is None else {"Authorization": key})

    assert (response.status_code, response.json()) == (401, refusal(message))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/transaction/nothing", 404), ("GET", "/v1/refund/a/b/c", 404), ("DELETE", "/v1/banks", 405)],
)
def test_path_that_is_none_is_answered_in_chapas_form(chapa, method, path, status):
    response = chapa.http.request(method, path, headers=chapa.headers)

    assert (response.status_code, set(response.json())) == (status, {"message", "status", "data"})


@pytest.mark.parametrize("prefix", ["", "/chapa"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_routes_answer_at_the_root_under_the_name_and_with_a_slash(chapa, prefix, slash):
    chapa.pay()

    statuses = [
        chapa.get(f"{prefix}/v1/transaction/verify/{TX_REF}{slash}").status_code,
        chapa.get(f"{prefix}/v1/transfers{slash}").status_code,
    ]

    assert statuses == [200, 200]


# --- the page


@pytest.mark.parametrize(
    ("action", "method"),
    [("pay-telebirr", "telebirr"), ("pay-cbebirr", "cbebirr"), ("pay-mpesa", "mpesa"), ("pay-card", "card")],
)
def test_customer_pays_and_goes_back(chapa, action, method):
    chapa.start()

    answer = chapa.act(TX_REF, action).json()

    assert answer == {"next": RETURN_URL}
    assert (chapa.verified()["status"], chapa.verified()["method"]) == ("success", method)
    assert chapa.open_checkouts() == []


def test_failed_try_leaves_the_link_open_until_the_tenth(chapa, inbox):
    chapa.start()

    answers = [chapa.act(TX_REF, "fail-telebirr").json() for _ in range(9)]
    open_after_nine = chapa.open_checkouts(TX_REF)
    last = chapa.act(TX_REF, "fail-card").json()

    assert answers == [{"next": ""}] * 9
    assert open_after_nine[0]["note"] == "Try 9 failed."
    assert (last, chapa.open_checkouts(TX_REF)) == ({"next": RETURN_URL}, [])
    assert {message.json["event"] for message in inbox.wait(10)} == {"charge.failed/cancelled"}
    assert (chapa.verified()["status"], chapa.payment(TX_REF)["status"]) == ("failed", "failed")


def test_failed_try_can_be_followed_by_a_payment(chapa, inbox):
    chapa.start()
    chapa.act(TX_REF, "fail-telebirr")
    between = (chapa.verified()["status"], chapa.payment(TX_REF)["status"])

    chapa.act(TX_REF, "pay-card")

    assert between == ("failed", "waiting")
    assert sorted(message.json["event"] for message in inbox.wait(2)) == ["charge.failed/cancelled", "charge.success"]
    assert (chapa.verified()["status"], chapa.payment(TX_REF)["tries"]) == ("success", 2)


def test_customer_cancels_and_goes_back(chapa, inbox):
    chapa.start()

    answer = chapa.act(TX_REF, "cancel").json()

    assert answer == {"next": RETURN_URL}
    assert chapa.verified()["status"] == "cancelled"
    message = inbox.wait()[0].json
    assert (message["event"], message["status"]) == ("charge.failed/cancelled", "failed/cancelled")


def test_paid_link_takes_no_second_payment(chapa):
    chapa.start()
    code = chapa.open_checkouts(TX_REF)[0]["id"]
    first = chapa.http.post(f"/checkout/api/chapa/{code}/pay-card")

    second = chapa.http.post(f"/checkout/api/chapa/{code}/pay-card")

    assert (first.status_code, second.status_code) == (200, 409)
    assert chapa.books()["totals"]["captured"] == {"ETB": "400.00"}


def test_link_expires_and_stays_unpaid(start_chapa, inbox):
    _, merchant = start_chapa(link_seconds=0.1)
    merchant.start()

    wait_for(lambda: merchant.open_checkouts() == [])

    assert merchant.verify().json() == NOT_PAID
    assert (merchant.payment(TX_REF)["status"], inbox.messages) == ("failed", [])
    assert merchant.cancel().json()["message"] == "Payment link already expired"


# --- asking


def test_verify_before_anybody_paid_is_a_404(chapa):
    chapa.start()

    unpaid, unknown = chapa.verify(), chapa.verify("NOBODY")

    assert (unpaid.status_code, unpaid.json()) == (404, NOT_PAID)
    assert (unknown.status_code, unknown.json()) == (404, UNKNOWN)


def test_verify_has_every_field_and_amounts_as_numbers(chapa):
    chapa.pay()

    answer = chapa.verify().json()

    data = answer["data"]
    assert (answer["message"], answer["status"]) == ("Payment details", "success")
    assert re.fullmatch(r"AP[A-Za-z0-9]{8}", data.pop("reference"))
    assert all(re.fullmatch(MOMENT, data.pop(name)) for name in ("created_at", "updated_at"))
    assert data == {
        "first_name": "Abebe",
        "last_name": "Bikila",
        "email": "abebe@example.com",
        "currency": "ETB",
        "amount": 400,
        "charge": 12.0,
        "mode": "test",
        "method": "telebirr",
        "type": "API",
        "status": "success",
        "tx_ref": TX_REF,
        "customization": {"title": "Order 1001", "description": "Order 1001, 3 items", "logo": None},
        "meta": {"order": "1001"},
    }
    assert '"amount":400,' in chapa.verify().text


def test_mode_follows_the_key(start_chapa):
    _, merchant = start_chapa(secret_key="CHASECK-simulator")
    merchant.headers = {"Authorization": "Bearer CHASECK-simulator"}
    merchant.pay()

    assert merchant.verified()["mode"] == "live"
    assert merchant.transfer().json()["message"] == "Transfer Queued Successfully"


def test_link_can_be_cancelled_once(chapa, inbox):
    chapa.start()

    first, second, unknown = chapa.cancel(), chapa.cancel(), chapa.cancel("NOBODY")

    assert (first.status_code, first.json()["message"]) == (200, "Checkout link expired successfully")
    assert (second.status_code, second.json()) == (400, refusal("Payment link already expired"))
    assert (unknown.status_code, unknown.json()) == (404, UNKNOWN)
    assert [message.json["event"] for message in inbox.wait()] == ["charge.failed/cancelled"]


def test_paid_link_cannot_be_cancelled(chapa):
    chapa.pay()

    assert chapa.cancel().status_code == 400
    assert chapa.verified()["status"] == "success"


def test_transactions_are_listed_newest_first_and_by_page(chapa):
    for number in range(12):
        chapa.start(f"T-{number}")
    chapa.act("T-11", "pay-mpesa")

    first = chapa.get("/v1/transactions").json()["data"]
    second = chapa.get("/v1/transactions", page=2).json()["data"]

    assert [row["trans_id"] for row in first["transactions"]] == [f"T-{number}" for number in range(11, 1, -1)]
    assert [row["trans_id"] for row in second["transactions"]] == ["T-1", "T-0"]
    paid = first["transactions"][0]
    assert {name: paid[name] for name in ("status", "amount", "charge", "payment_method", "ref_id")} == {
        "status": "success",
        "amount": "400.00",
        "charge": "12.00",
        "payment_method": "mpesa",
        "ref_id": chapa.reference("T-11"),
    }
    assert set(paid["customer"]) == {"id", "email", "first_name", "last_name", "mobile"}
    pages = (first["pagination"], second["pagination"])
    assert [(page["current_page"], page["per_page"]) for page in pages] == [(1, 10), (2, 10)]
    assert pages[0]["next_page_url"].endswith("/v1/transactions?page=2")
    assert (pages[0]["prev_page_url"], pages[1]["next_page_url"]) == (None, None)


def test_log_tells_what_happened(chapa):
    chapa.start()
    chapa.act(TX_REF, "fail-card")
    chapa.act(TX_REF, "pay-telebirr")

    entries = chapa.get(f"/v1/transaction/events/{chapa.reference()}").json()["data"]

    assert [(entry["item"], entry["message"], entry["type"]) for entry in entries] == [
        (1, "Payment by card failed", "error"),
        (2, "Payment by telebirr succeeded", "success"),
    ]


def test_currencies_are_two(chapa):
    assert chapa.get("/v1/currency_supported").json()["data"] == ["ETB", "USD"]
