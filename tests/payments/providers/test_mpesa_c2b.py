"""Paybill and till payments: what Safaricom posts, what it is answered, and how it learns our addresses."""

import json
from datetime import datetime
from decimal import Decimal

import pytest

from payments.exceptions import ProviderUnavailable, UnreadableEvent
from payments.providers.mpesa import C2BPayment, C2BRejection, c2b
from payments.providers.mpesa.c2b import Registration
from payments.providers.mpesa.reading import NAIROBI
from payments.testing.network import Failure, Reply
from tests.payments.providers.mpesa_wire import (
    NO_PRODUCT,
    REGISTER,
    SPIKE,
    gateway_error,
    mpesa,
    scripted_network,
)

network = pytest.fixture(scripted_network)
provider = pytest.fixture(mpesa)

CONFIRMATION_URL = "https://shop.test/api/payments/till/0a1b/confirmation/"
VALIDATION_URL = "https://shop.test/api/payments/till/0a1b/validation/"

BODY = {
    "TransactionType": "Pay Bill",
    "TransID": "UKL4AB12CD",
    "TransTime": "20261121104531",
    "TransAmount": "1500.00",
    "BusinessShortCode": "600992",
    "BillRefNumber": " 1000017 ",
    "InvoiceNumber": "",
    "OrgAccountBalance": "25400.00",
    "ThirdPartyTransID": "",
    "MSISDN": "2547 ***** 126",
    "FirstName": "JANE",
    "MiddleName": "",
    "LastName": "DOE",
}


def parse(provider, **changes):
    return provider.parse_c2b(json.dumps(BODY | changes).encode())


def test_confirmation_is_read_whole(provider):
    assert parse(provider) == C2BPayment(
        receipt_number="UKL4AB12CD",
        amount=Decimal("1500.00"),
        currency="KES",
        at=datetime(2026, 11, 21, 10, 45, 31, tzinfo=NAIROBI),
        account_reference="1000017",
        msisdn="2547 ***** 126",
        payer_name="JANE DOE",
        shortcode="600992",
        transaction_type="Pay Bill",
    )


@pytest.mark.parametrize(
    ("msisdn", "phone_number"),
    [
        ("254712345678", "+254712345678"),
        (254712345678, "+254712345678"),
        ("2547 ***** 126", ""),
        ("0722***123", ""),
        ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", ""),
        (None, ""),
    ],
)
def test_phone_number_is_known_only_when_it_is_plain(provider, msisdn, phone_number):
    assert parse(provider, MSISDN=msisdn).phone_number == phone_number


def test_numbers_are_read_like_text(provider):
    told = parse(provider, TransAmount=1500, TransTime=20261121104531, BusinessShortCode=600992)

    assert (told.amount, told.shortcode) == (Decimal(1500), "600992")
    assert told.at == datetime(2026, 11, 21, 10, 45, 31, tzinfo=NAIROBI)


def test_what_may_be_missing_is_empty():
    told = c2b.parse_c2b(b'{"TransID": "ukl4ab12cd", "TransAmount": "1"}')

    assert told == C2BPayment("UKL4AB12CD", Decimal(1), "KES", None, "", "", "", "", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"TransID": ""},
        {"TransID": None},
        {"TransID": "UKL4 AB12"},
        {"TransAmount": ""},
        {"TransAmount": "0.00"},
        {"TransAmount": "-5"},
        {"TransAmount": "NaN"},
        {"TransAmount": True},
    ],
)
def test_confirmation_without_receipt_or_amount_is_unreadable(provider, changes):
    with pytest.raises(UnreadableEvent):
        parse(provider, **changes)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"TransID=UKL4AB12CD", b"\xff"])
def test_body_of_no_known_shape_is_unreadable(provider, body):
    with pytest.raises(UnreadableEvent):
        provider.parse_c2b(body)


def test_answers_are_as_documented():
    assert c2b.ACCEPTED == {"ResultCode": "0", "ResultDesc": "Accepted"}
    assert c2b.CONFIRMED == {"ResultCode": 0, "ResultDesc": "Success"}
    assert c2b.rejected(C2BRejection.AMOUNT) == {"ResultCode": "C2B00013", "ResultDesc": "Rejected"}
    assert [reason.value for reason in C2BRejection] == [f"C2B000{number}" for number in range(11, 17)]


# --- registration


def test_addresses_are_registered_as_documented(provider, network):
    done = {"OriginatorCoversationID": "6e86-45dd-91ac", "ResponseCode": "0", "ResponseDescription": "Success"}
    network.script({REGISTER: Reply(200, done)})

    registration = provider.register_urls(CONFIRMATION_URL, VALIDATION_URL)

    (sent,) = network.requests_to(REGISTER)
    assert sent.json == {
        "ShortCode": "600992",
        "ResponseType": "Completed",
        "ConfirmationURL": CONFIRMATION_URL,
        "ValidationURL": VALIDATION_URL,
    }
    assert registration == Registration(registered=True, detail="Success")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            gateway_error(500, "500.003.1001", "Urls are already registered"),
            Registration(registered=False, already=True, detail="500.003.1001 Urls are already registered"),
        ),
        (
            gateway_error(500, "500.003.1001", "Duplicate notification info"),
            Registration(registered=False, already=True, detail="500.003.1001 Duplicate notification info"),
        ),
        (
            gateway_error(400, "400.003.02", "Bad Request"),
            Registration(registered=False, detail="400.003.02 Bad Request"),
        ),
        (NO_PRODUCT, Registration(registered=False, detail="Invalid API call as no apiproduct match found")),
        (
            Reply(200, {"ResponseCode": "1", "ResponseDescription": "no"}),
            Registration(registered=False, detail="no"),
        ),
    ],
)
def test_refused_registration_says_why(provider, network, answer, expected):
    network.script({REGISTER: answer})

    assert provider.register_urls(CONFIRMATION_URL, VALIDATION_URL) == expected


@pytest.mark.parametrize(
    "answer",
    [
        gateway_error(500, "500.003.1001", "Internal Server Error"),
        gateway_error(500, "500.003.02", "System is busy"),
        SPIKE,
        Reply(200, b""),
        Reply(403, b"<html>"),
        Failure.SILENCE,
    ],
)
def test_registration_without_an_answer_is_unknown(provider, network, answer):
    network.script({REGISTER: answer})

    with pytest.raises(ProviderUnavailable):
        provider.register_urls(CONFIRMATION_URL, VALIDATION_URL)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://shop.test/api/payments/till/0a1b/confirmation/", []),
        ("https://shop.test/api/payments/MPESA/c2b/", ["mpesa"]),
        ("https://m-pesa.shop.test/", ["m-pesa"]),
        ("https://shop.test/execute/mySQL/", ["exe", "sql"]),
        ("https://shop.test/safaricom/cmd/query/", ["safaricom", "cmd", "query"]),
    ],
)
def test_forbidden_words_are_found(url, words):
    assert c2b.forbidden_words(url) == words
