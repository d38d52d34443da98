"""Habits of other people's client libraries: what they send by default, and what their parsers insist on."""

import base64
import socket
from urllib.parse import urlsplit

import pytest

from tests.simulator.daraja.shop import SHORTCODE, WORKING, parameters
from tests.simulator.merchant import MSISDN

KEYS = base64.b64encode(b"simulator-key:simulator-secret").decode()


@pytest.mark.parametrize("scheme", ["Basic", "basic"])
@pytest.mark.parametrize("path", ["/oauth/v1/generate", "/oauth/v1/generate/"])
def test_token_is_given_with_and_without_a_slash(shop, path, scheme):
    response = shop.http.get(
        path, params={"grant_type": "client_credentials"}, headers={"authorization": f"{scheme} {KEYS}"}
    )

    assert (response.status_code, len(response.json()["access_token"])) == (200, 28)


def test_token_is_given_to_a_client_of_http_1_0(shop):
    parts = urlsplit(str(shop.http.base_url))
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(
            b"GET /oauth/v1/generate?grant_type=client_credentials HTTP/1.0\r\n"
            b"AUTHORIZATION: Basic " + KEYS.encode() + b"\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b'"access_token":"' in answer


def test_push_is_taken_at_an_address_with_a_slash(shop):
    response = shop.http.post("/mpesa/stkpush/v1/processrequest/", json=shop.push_body(), headers=shop.headers)

    assert (response.status_code, response.json()["ResponseCode"]) == (200, "0")


def test_push_by_default_values_of_client_libraries_is_paid(shop):
    checkout = shop.pay(TransactionType="CustomerPayBillOnline ", TransactionDesc="Lipa na mpesa online")

    (payment,) = shop.books()["payments"]
    assert (payment["id"], payment["status"]) == (checkout, "successful")
    assert (payment["transaction_type"], payment["description"]) == ("CustomerPayBillOnline", "Lipa na mpesa online")


def test_reversal_takes_the_right_spelling_of_the_receiver_type(shop):
    receipt = shop.paid_receipt()

    response = shop.reverse(receipt, RecieverIdentifierType=None, ReceiverIdentifierType=11)

    assert (response.status_code, shop.result()["ResultCode"]) == (200, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"RecieverIdentifierType": None},
        {"RecieverIdentifierType": None, "ReceiverIdentifierType": "12"},
        {"RecieverIdentifierType": "12", "ReceiverIdentifierType": "11"},
    ],
)
def test_reversal_with_a_wrong_receiver_type_is_refused_in_either_spelling(shop, changes):
    response = shop.reverse(shop.paid_receipt(), **changes)

    assert (response.status_code, response.json()["errorMessage"]) == (
        400,
        "Bad Request - Invalid RecieverIdentifierType",
    )
    assert shop.books()["payments"][0]["refunds"] == []


def test_result_of_b2b_has_the_documented_parameters_and_a_list_of_references(shop):
    shop.b2b()

    result = shop.result()

    left = WORKING - 700
    funds = f"{{Amount={{CurrencyCode=KES, MinimumAmount={left * 100}, BasicAmount={left}.00}}}}"
    values = parameters(result)
    assert len(values.pop("TransCompletedTime")) == 14
    assert values == {
        "DebitAccountBalance": funds,
        "Amount": "700.00",
        "DebitPartyAffectedAccountBalance": f"Working Account|KES|{left}.00|{left}.00|0.00|0.00",
        "DebitPartyCharges": "",
        "ReceiverPartyPublicName": "888880 - BUSINESS 888880",
        "Currency": "KES",
        "InitiatorAccountCurrentBalance": funds,
    }
    references = result["ReferenceData"]["ReferenceItem"]
    assert references[0] == {"Key": "BillReferenceNumber", "Value": "RENT"}
    assert [item["Key"] for item in references] == ["BillReferenceNumber", "QueueTimeoutURL"]


def test_number_fields_are_taken_as_numbers_or_as_text(shop):
    as_text = shop.simulate(Amount="300", Msisdn=MSISDN, ShortCode=int(SHORTCODE))
    as_numbers = shop.b2c(Amount="1000", PartyA=int(SHORTCODE), PartyB=int(MSISDN))

    assert (as_text.status_code, as_numbers.status_code) == (200, 200)
    assert shop.result()["ResultCode"] == 0
