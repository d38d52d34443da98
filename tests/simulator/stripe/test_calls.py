"""What every call goes through: the key, the form, the version, wrong addresses."""

import base64

import pytest

from tests.simulator.stripe.shop import SECRET_KEY, error_of

BAD = "invalid_request_error"


@pytest.mark.parametrize("key", [SECRET_KEY, "sk_live_other"])
def test_key_as_bearer_and_as_basic_user_open_the_same(start_stripe, key):
    _, shop = start_stripe(secret_key=key)
    basic = base64.b64encode(f"{key}:".encode()).decode()

    answers = [
        shop.http.get("/v1/balance", headers={"Authorization": header})
        for header in (f"Bearer {key}", f"Basic {basic}")
    ]

    assert [(answer.status_code, answer.json()["livemode"]) for answer in answers] == [
        (200, key.startswith("sk_live_"))
    ] * 2


@pytest.mark.parametrize(
    ("headers", "beginning"),
    [
        ({}, "You did not provide an API key."),
        ({"Authorization": "Digest abc"}, "You did not provide an API key."),
        ({"Authorization": "Basic %%%"}, "You did not provide an API key."),
        ({"Authorization": "Bearer sk_test_wrong_key_1234"}, "Invalid API Key provided: sk_test_**********1234"),
    ],
)
def test_wrong_key_is_a_401(shop, headers, beginning):
    answers = [shop.http.get("/v1/balance", headers=headers), shop.http.post("/v1/payment_intents", headers=headers)]

    for answer in answers:
        assert error_of(answer) == (401, BAD, None, None)
        assert answer.json()["error"]["message"].startswith(beginning)
        assert answer.headers["request-id"].startswith("req_")


def test_answer_names_request_version_and_key(shop):
    response = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1")

    assert response.headers["stripe-version"] == "2026-10-28.endive"
    assert response.headers["idempotency-key"] == "pi-create:1"
    assert response.headers["original-request"] == response.headers["request-id"]
    assert "idempotent-replayed" not in response.headers


def test_version_of_the_request_is_given_back_and_nonsense_refused(shop):
    old = shop.http.get("/v1/balance", headers={**shop.headers, "Stripe-Version": "2024-06-20"})
    nonsense = shop.http.get("/v1/balance", headers={**shop.headers, "Stripe-Version": "newest"})

    assert (old.status_code, old.headers["stripe-version"]) == (200, "2024-06-20")
    assert error_of(nonsense) == (400, BAD, None, None)


def test_json_body_is_refused(shop):
    response = shop.http.post("/v1/payment_intents", json={"amount": 1000, "currency": "kes"}, headers=shop.headers)

    assert error_of(response) == (400, BAD, None, None)
    assert "application/x-www-form-urlencoded" in response.json()["error"]["message"]
    assert shop.books()["payments"] == []


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"amount": None}, "parameter_missing", "amount"),
        ({"amount": ""}, "parameter_invalid_empty", "amount"),
        ({"amount": "15.00"}, "parameter_invalid_integer", "amount"),
        ({"amount": "0"}, "parameter_invalid_integer", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 1001, "currency": "kwd"}, "parameter_invalid_integer", "amount"),
        ({"currency": "xyz"}, None, "currency"),
        ({"foo": "1"}, "parameter_unknown", "foo"),
        ({"amount": 1050, "currency": "isk"}, "parameter_invalid_integer", "amount"),
        ({"automatic_payment_methods[foo]": "1"}, "parameter_unknown", "automatic_payment_methods[foo]"),
        ({"payment_method_data[type]": "card"}, "parameter_missing", "payment_method_data[card]"),
        ({"confirm": "yes"}, None, "confirm"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"metadata[a]": "x" * 501}, None, "metadata"),
        ({"metadata": "text", "metadata[reference]": None}, None, "metadata"),
        ({"description": "x" * 1001}, None, "description"),
        ({"payment_method_types[]": "oxxo"}, None, "payment_method_types"),
        ({"payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
        ({"return_url": "https://shop.example/"}, None, "return_url"),
    ],
)
def test_wrong_parameter_is_named_and_makes_nothing(shop, changes, code, param):
    response = shop.post("payment_intents", shop.intent_fields(**changes))

    assert error_of(response) == (400, BAD, code, param)
    assert response.json()["error"]["request_log_url"].endswith(response.headers["request-id"])
    assert shop.books()["payments"] == []


def test_error_with_a_code_links_to_its_description(shop):
    error = shop.get("payment_intents/pi_nobody").json()["error"]

    error.pop("request_log_url")
    assert error == {
        "type": "invalid_request_error",
        "code": "resource_missing",
        "doc_url": "https://docs.stripe.com/error-codes/resource-missing",
        "message": "No such payment_intent: 'pi_nobody'",
        "param": "intent",
    }


@pytest.mark.parametrize("body", ["amount[x=1", "a[b]=1&a=2", "a=%ff"])
def test_form_that_cannot_be_read_is_refused(shop, body):
    headers = {**shop.headers, "Content-Type": "application/x-www-form-urlencoded"}

    response = shop.http.post("/v1/payment_intents", content=body, headers=headers)

    assert error_of(response)[:2] == (400, BAD)


@pytest.mark.parametrize("prefix", ["", "/stripe"])
def test_address_that_is_none_is_answered_in_stripes_form(shop, prefix):
    answers = [
        shop.http.get(f"{prefix}/v1/payment_intents/a/b/c", headers=shop.headers),
        shop.http.delete(f"{prefix}/v1/payment_intents", headers=shop.headers),
    ]

    assert [error_of(answer)[1] for answer in answers] == [BAD, BAD]
    assert "Unrecognized request URL" in answers[0].json()["error"]["message"]


def test_zero_decimal_currency_counts_whole_units(shop):
    shop.paid_intent(amount=1500, currency="jpy")

    assert [(p["amount"], p["currency"]) for p in shop.books()["payments"]] == [("1500.00", "JPY")]


def test_three_decimal_currency_has_thousandths(shop):
    shop.paid_intent(amount=1500, currency="kwd")

    assert [(p["amount"], p["currency"]) for p in shop.books()["payments"]] == [("1.500", "KWD")]
