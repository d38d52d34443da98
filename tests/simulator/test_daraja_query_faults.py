import time

import httpx
import pytest

OTHER = "254722000111"


# --- queries


@pytest.mark.parametrize(
    ("fault", "status", "expected"),
    [
        (
            "query_in_flight",
            500,
            {"errorCode": "500.001.1001", "errorMessage": "The transaction is being processed"},
        ),
        ("query_empty_message", 200, {"errorCode": "500.001.1001", "errorMessage": ""}),
        (
            "query_4999",
            200,
            {"ResultCode": "4999", "ResultDesc": "The transaction is still under processing"},
        ),
        (
            "query_1037_in_flight",
            200,
            {"ResultCode": "1037", "ResultDesc": "The transaction is still under processing"},
        ),
        ("query_empty_500", 500, {"errorCode": "500.001.1001", "errorMessage": ""}),
        (
            "query_unknown",
            500,
            {"errorCode": "500.001.1001", "errorMessage": "The transaction does not Exist"},
        ),
        ("query_2029", 200, {"ResponseCode": "0", "ResultCode": "2029"}),
        ("query_contradicting", 200, {"ResponseCode": "0", "ResultCode": "1032"}),
        ("query_500", 500, {"errorCode": "500.003.1001"}),
        ("query_system_busy", 500, {"errorCode": "500.003.02"}),
        ("query_token_expired", 404, {"errorCode": "404.001.03"}),
    ],
)
def test_query_fault_strikes_one_query_even_of_a_paid_payment(merchant, fault, status, expected):
    checkout = merchant.pay()
    merchant.faults(fault)

    struck = merchant.query(checkout)
    merchant._token = ""
    next_one = merchant.query(checkout)

    answer = struck.json()
    assert (struck.status_code, {name: answer[name] for name in expected}) == (status, expected)
    assert (next_one.status_code, next_one.json()["ResultCode"]) == (200, "0")


@pytest.mark.parametrize(
    ("fault", "status", "beginning"),
    [
        ("query_html_403", 403, "<html"),
        ("query_empty_body", 200, ""),
        ("query_truncated_json", 200, '{"MerchantRequestID":"29115-3462'),
        ("query_spike_arrest", 429, '{"fault":{"faultstring":"Spike arrest'),
    ],
)
def test_query_fault_of_the_transport_is_no_answer(merchant, fault, status, beginning):
    checkout = merchant.pay()
    merchant.faults(fault)

    response = merchant.query(checkout)

    assert (response.status_code, response.text[: len(beginning) or None]) == (status, beginning)


def test_query_2029_strikes_young_payments_only(merchant):
    checkout = merchant.pay()
    merchant.faults({"fault": "query_2029", "seconds": 0.001})

    assert merchant.query(checkout).json()["ResultCode"] == "0"


def test_query_hang_answers_late(merchant):
    checkout = merchant.pay()
    merchant.faults({"fault": "query_hang", "seconds": 0.3})
    start = time.monotonic()

    response = merchant.query(checkout)

    assert response.json()["ResultCode"] == "0"
    assert time.monotonic() - start >= 0.3


def test_query_answer_lost_closes_the_connection(merchant):
    checkout = merchant.pay()
    merchant.faults("query_answer_lost")

    with pytest.raises(httpx.RemoteProtocolError):
        merchant.query(checkout)


def test_query_faults_of_a_push_stay_with_its_payment(merchant):
    merchant.faults({"faults": ["callback_lost", "query_4999", "query_empty_500"]})
    checkout = merchant.pay()
    other = merchant.pay(msisdn=OTHER)

    other_answer = merchant.query(other)
    answers = [merchant.query(checkout) for _ in range(3)]

    assert other_answer.json()["ResultCode"] == "0"
    assert [answer.status_code for answer in answers] == [200, 500, 200]
    assert [answer.json().get("ResultCode") for answer in answers] == ["4999", None, "0"]


# --- tokens


@pytest.mark.parametrize(
    ("fault", "status", "beginning"),
    [
        ("oauth_500", 500, '{"requestId"'),
        ("oauth_spike_arrest", 429, '{"fault"'),
        ("oauth_html_403", 403, "<html"),
        ("oauth_html_200", 200, "<!DOCTYPE html>"),
        ("oauth_empty_body", 200, ""),
        ("oauth_truncated_json", 200, '{"MerchantRequestID"'),
    ],
)
def test_token_fault_strikes_one_request(merchant, fault, status, beginning):
    merchant.faults(fault)

    struck, next_one = merchant.new_token(), merchant.new_token()

    assert (struck.status_code, struck.text[: len(beginning) or None]) == (status, beginning)
    assert next_one.json()["expires_in"] == "3599"
