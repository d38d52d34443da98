import time

import pytest

from simulator.daraja.identifiers import new_token


def test_token_is_given_for_the_right_key(merchant):
    response = merchant.new_token()

    assert response.status_code == 200
    assert set(response.json()) == {"access_token", "expires_in"}
    assert len(response.json()["access_token"]) == 28
    assert response.json()["expires_in"] == "3599"


def test_token_alphabet_has_plus_and_slash():
    alphabet = set("".join(new_token() for _ in range(200)))

    assert {"+", "/"} < alphabet
    assert "=" not in alphabet


@pytest.mark.parametrize(("key", "secret"), [("simulator-key", "wrong"), ("wrong", "simulator-secret"), ("", "")])
def test_token_is_refused_for_a_wrong_key(merchant, key, secret):
    response = merchant.new_token(key, secret)

    answer = response.json()
    assert response.status_code == 400
    assert set(answer) == {"requestId", "errorCode", "errorMessage"}
    assert (answer["errorCode"], answer["errorMessage"]) == ("400.008.01", "Invalid Authentication passed")


@pytest.mark.parametrize("header", ["Bearer c2ltdWxhdG9yLWtleTpzaW11bGF0b3Itc2VjcmV0", "Basic %%%", "Basic /w=="])
def test_token_is_refused_for_another_authentication(merchant, header):
    url = "/oauth/v1/generate?grant_type=client_credentials"

    response = merchant.http.get(url, headers={"Authorization": header})

    assert (response.status_code, response.json()["errorCode"]) == (400, "400.008.01")


def test_token_is_refused_for_another_grant(merchant):
    auth = ("simulator-key", "simulator-secret")

    response = merchant.http.get("/oauth/v1/generate?grant_type=password", auth=auth)

    assert (response.status_code, response.json()["errorCode"]) == (400, "400.008.02")


def test_token_that_is_missing_or_unknown_is_a_404(merchant):
    body = merchant.push_body()
    url = "/mpesa/stkpush/v1/processrequest"

    answers = [
        merchant.http.post(url, json=body, headers=headers)
        for headers in ({}, {"Authorization": "Bearer bm9ib2R5"}, {"Authorization": "Basic bm9ib2R5"})
    ]

    assert [(a.status_code, a.json()["errorCode"], a.json()["errorMessage"]) for a in answers] == [
        (404, "404.001.03", "Invalid Access Token"),
        (404, "404.001.03", "Invalid Access Token"),
        (404, "404.001.04", "Invalid Authentication Header"),
    ]
    assert merchant.books()["payments"] == []


def test_token_ends_with_its_time(start_simulator):
    _, merchant = start_simulator(token_seconds=0.2)
    assert merchant.push().status_code == 200

    time.sleep(0.25)
    response = merchant.query("ws_CO_21112026104513071234567890")

    assert (response.status_code, response.json()["errorCode"]) == (404, "404.001.03")


def test_token_ends_when_the_next_one_is_given(merchant):
    earlier = merchant.headers
    merchant.new_token()

    response = merchant.http.post("/mpesa/stkpush/v1/processrequest", json=merchant.push_body(), headers=earlier)

    assert (response.status_code, response.json()["errorCode"]) == (404, "404.001.03")


def test_tokens_live_side_by_side_when_so_set(start_simulator):
    _, merchant = start_simulator(single_token=False)
    earlier = merchant.headers
    merchant.new_token()

    response = merchant.http.post("/mpesa/stkpush/v1/processrequest", json=merchant.push_body(), headers=earlier)

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/oauth/v1/generate", (405, "405.001", "Method Not Allowed")),
        ("GET", "/mpesa/stkpush/v1/processrequest", (405, "405.001", "Method Not Allowed")),
        ("GET", "/mpesa/stkpushquery/v1/query", (405, "405.001", "Method Not Allowed")),
        ("POST", "/mpesa/stkpush/v2/processrequest", (404, "404.001.01", "Resource not found")),
    ],
)
def test_wrong_method_or_path_is_answered_by_the_gateway(merchant, method, path, expected):
    response = merchant.http.request(method, path)

    answer = response.json()
    assert (response.status_code, answer["errorCode"], answer["errorMessage"]) == expected
