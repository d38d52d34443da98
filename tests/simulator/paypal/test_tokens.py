"""Access tokens, and requests without a good one."""

import pytest

from tests.simulator.paypal.shop import CLIENT_ID, CLIENT_SECRET, issue_of


def test_token_is_the_reference_s(shop):
    response = shop.ask_for_token()

    token = response.json()
    assert response.status_code == 200
    assert set(token) == {"scope", "access_token", "token_type", "app_id", "expires_in", "nonce"}
    assert (token["token_type"], token["expires_in"], token["access_token"][:5]) == ("Bearer", 32400, "A21AA")
    assert response.headers["paypal-debug-id"]


@pytest.mark.parametrize(
    ("credentials", "form", "status", "error"),
    [
        ((CLIENT_ID, "wrong"), {}, 401, "invalid_client"),
        (("wrong", CLIENT_SECRET), {}, 401, "invalid_client"),
        ((CLIENT_ID, CLIENT_SECRET), {"grant_type": "password"}, 400, "unsupported_grant_type"),
        ((CLIENT_ID, CLIENT_SECRET), {"scope": "x"}, 400, "unsupported_grant_type"),
    ],
)
def test_wrong_token_request_is_refused_in_its_own_form(shop, credentials, form, status, error):
    response = shop.ask_for_token(*credentials, **form)

    assert (response.status_code, response.json()["error"]) == (status, error)
    assert set(response.json()) == {"error", "error_description"}


def test_token_without_credentials_is_refused(shop):
    response = shop.http.post("/v1/oauth2/token", data={"grant_type": "client_credentials"})

    assert (response.status_code, response.json()) == (
        401,
        {"error": "invalid_client", "error_description": "Client Authentication failed"},
    )


def test_credentials_come_from_the_settings(start_paypal):
    _, shop = start_paypal(client_id="mine", client_secret="secret")

    assert (shop.ask_for_token("mine", "secret").status_code, shop.ask_for_token().status_code) == (200, 401)


def test_request_without_a_token_is_a_401(shop):
    answers = [
        shop.http.get("/v2/checkout/orders/X"),
        shop.http.post("/v2/checkout/orders", json=shop.order_body()),
        shop.http.get("/v2/checkout/orders/X", headers={"Authorization": "Basic abc"}),
    ]

    assert [issue_of(answer)[:2] for answer in answers] == [(401, "AUTHENTICATION_FAILURE")] * 3
    assert shop.books()["payments"] == []


def test_unknown_token_is_a_401_in_the_token_s_form(shop):
    response = shop.http.get("/v2/checkout/orders/X", headers={"Authorization": "Bearer A21AAwrong"})

    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")


def test_token_ends_after_its_time(shop, monkeypatch):
    monkeypatch.setattr("simulator.paypal.tokens.TOKEN_SECONDS", 0)
    token = shop.ask_for_token().json()["access_token"]

    response = shop.http.get("/v2/checkout/orders/X", headers={"Authorization": f"Bearer {token}"})

    assert response.status_code == 401


@pytest.mark.parametrize("stage", ["create", "capture", "get", "refund", "payout", "notify"])
def test_every_token_may_end_at_once(shop, stage):
    order = shop.created()
    capture = shop.paid("create:2", custom_id="PAID")
    asked = {
        "create": lambda: shop.create(request_id="create:3"),
        "capture": lambda: shop.capture(order["id"]),
        "get": lambda: shop.get(f"/v2/checkout/orders/{order['id']}"),
        "refund": lambda: shop.refund(capture["id"]),
        "payout": shop.pay_out,
        "notify": lambda: shop.get("/v1/notifications/webhooks"),
    }[stage]
    shop.faults(f"paypal_{stage}_token_expired")

    first, second = asked(), asked()
    shop.forget_token()
    renewed = asked()

    assert [first.status_code, second.status_code] == [401, 401]
    assert first.json()["error"] == "invalid_token"
    assert renewed.status_code != 401
    assert shop.books()["totals"]["refunded"] == ({"USD": "11.63"} if stage == "refund" else {})


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("500", 500, "INTERNAL_SERVER_ERROR"),
        ("html", 502, "<html>"),
        ("429", 429, "RATE_LIMIT_REACHED"),
        ("empty_body", 200, ""),
        ("truncated_json", 200, '{"scope"'),
    ],
)
def test_token_request_may_go_wrong(shop, fault, status, text):
    shop.faults(f"paypal_oauth_{fault}")

    first, second = shop.ask_for_token(), shop.ask_for_token()

    assert (first.status_code, text in first.text, second.status_code) == (status, True, 200)
    if status == 200:
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            first.json()


def test_tokens_outlive_a_reset_and_a_restart(start_paypal, tmp_path):
    simulator, shop = start_paypal(state=str(tmp_path / "paypal.db"))
    headers = shop.headers
    shop.http.post("/control/reset")
    after_reset = shop.get("/v1/notifications/webhooks").status_code
    simulator.stop()

    _, again = start_paypal(state=str(tmp_path / "paypal.db"))

    assert (after_reset, again.http.get("/v1/notifications/webhooks", headers=headers).status_code) == (200, 200)
