"""STK push, query and callback, on the wire."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from payments import outcomes
from payments.exceptions import AmountNotPayable, ProviderUnavailable, UnreadableEvent
from payments.providers.base import Charge, InitiateResult, ProviderResult, Verdict
from payments.providers.mpesa import MpesaProvider
from payments.providers.mpesa.reading import NAIROBI
from payments.testing.network import Failure, Reply, wire_json
from tests.payments.daraja import stk_callback
from tests.payments.providers.mpesa_wire import (
    CHECKOUT_ID,
    MERCHANT_ID,
    NO_PRODUCT,
    PUSH,
    QUERY,
    SETTINGS,
    SPIKE,
    facts,
    gateway_error,
    initiate_request,
    mpesa,
    pushed,
    queried,
    scripted_network,
)

network = pytest.fixture(scripted_network)
provider = pytest.fixture(mpesa)

IDS = {"provider_reference": CHECKOUT_ID, "merchant_reference": MERCHANT_ID}


@pytest.fixture
def noon(monkeypatch):
    """It is 10:45:12 in Nairobi."""
    monkeypatch.setattr(
        "payments.providers.mpesa.stk.timezone.now", lambda: datetime(2026, 11, 21, 7, 45, 12, tzinfo=UTC)
    )


# --- what can be paid


@pytest.mark.parametrize(
    ("amount", "charged"), [("1", "1"), ("0.01", "1"), ("99.01", "100"), ("1500.00", "1500"), ("250000", "250000")]
)
def test_whole_shillings_are_charged(provider, amount, charged):
    assert provider.payable_amount(Decimal(amount), "KES") == Charge(Decimal(charged), "KES")


@pytest.mark.parametrize(
    ("amount", "currency"), [("0", "KES"), ("-1", "KES"), ("250000.01", "KES"), ("NaN", "KES"), ("100", "USD")]
)
def test_other_amounts_are_not_payable(provider, amount, currency):
    with pytest.raises(AmountNotPayable):
        provider.payable_amount(Decimal(amount), currency)


# --- the push


def test_push_is_what_daraja_documents(provider, network, noon):
    network.script({PUSH: pushed()})

    result = provider.initiate(initiate_request())

    (sent,) = network.requests_to(PUSH)
    assert sent.json == {
        "BusinessShortCode": "600992",
        "Password": base64.b64encode(b"600992passkey20261121104512").decode(),
        "Timestamp": "20261121104512",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 1500,
        "PartyA": "254712345678",
        "PartyB": "600992",
        "PhoneNumber": "254712345678",
        "CallBackURL": "https://shop.test/api/payments/mpesa/callback/Kq81/",
        "AccountReference": "1000017",
        "TransactionDesc": "Order",
    }
    assert result == InitiateResult(accepted=True, outcome=outcomes.WAITING, **IDS)


def test_till_receives_and_the_head_office_signs(network, settings, noon):
    settings.MPESA = SETTINGS | {"TRANSACTION_TYPE": "CustomerBuyGoodsOnline", "TILL_NUMBER": "5551234"}
    network.script({PUSH: pushed()})

    MpesaProvider().initiate(initiate_request())

    sent = network.requests_to(PUSH)[0].json
    assert (sent["TransactionType"], sent["BusinessShortCode"], sent["PartyB"]) == (
        "CustomerBuyGoodsOnline",
        "600992",
        "5551234",
    )
    assert base64.b64decode(sent["Password"]) == b"600992passkey20261121104512"


def test_account_reference_is_twelve_harmless_characters(provider, network):
    network.script({PUSH: pushed()})

    provider.initiate(initiate_request(order_number="BM#1001/é&2002-3003-4"))

    assert network.requests_to(PUSH)[0].json["AccountReference"] == "BM10012002-3"


@pytest.mark.parametrize("phone_number", ["", "+255712345678", "+254201234567", "+25471234567", "+2547123456789"])
def test_phone_that_mpesa_cannot_reach_is_not_asked(provider, network, phone_number):
    result = provider.initiate(initiate_request(phone_number=phone_number))

    assert (result.accepted, result.outcome) == (False, outcomes.REFUSED_PHONE)
    assert network.sent == []


LOCKED = "Unable to lock subscriber, a transaction is already in process for the current subscriber"


@pytest.mark.parametrize(
    ("answer", "outcome", "detail"),
    [
        (
            gateway_error(400, "400.002.02", "Bad Request - Invalid PhoneNumber"),
            outcomes.REFUSED_PHONE,
            "400.002.02 Bad Request - Invalid PhoneNumber",
        ),
        (
            gateway_error(400, "400.002.02", "Bad Request - Invalid CallBackURL"),
            outcomes.MISCONFIGURED,
            "400.002.02 Bad Request - Invalid CallBackURL",
        ),
        (
            gateway_error(404, "404.001.01", "Resource not found"),
            outcomes.MISCONFIGURED,
            "404.001.01 Resource not found",
        ),
        (
            gateway_error(500, "500.001.1001", "[MerchantValidate] - Wrong credentials"),
            outcomes.MISCONFIGURED,
            "500.001.1001 [MerchantValidate] - Wrong credentials",
        ),
        (
            gateway_error(500, "500.001.1001", "Merchant does not exist"),
            outcomes.MISCONFIGURED,
            "500.001.1001 Merchant does not exist",
        ),
        (gateway_error(500, "500.001.1001", LOCKED), outcomes.PHONE_BUSY, f"500.001.1001 {LOCKED}"),
        (gateway_error(500, "500.003.02", "System is busy"), outcomes.BUSY, "rate limited"),
        (gateway_error(500, "500.003.03", "Quota Violation"), outcomes.BUSY, "rate limited"),
        (SPIKE, outcomes.BUSY, "rate limited"),
        (NO_PRODUCT, outcomes.MISCONFIGURED, "Invalid API call as no apiproduct match found"),
        (Reply(200, {"ResponseCode": "1", "ResponseDescription": "Rejected"}), outcomes.MISCONFIGURED, "Rejected"),
    ],
)
def test_refused_push_says_why(provider, network, answer, outcome, detail):
    network.script({PUSH: answer})

    result = provider.initiate(initiate_request())

    assert result == InitiateResult(accepted=False, outcome=outcome, detail=detail)
    assert len(network.requests_to(PUSH)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        gateway_error(500, "500.003.1001", "Internal Server Error"),
        gateway_error(500, "500.001.1001", "something new"),
        gateway_error(500, "500.001.1001", ""),
        Reply(200, b""),
        Reply(200, b"<html>portal</html>"),
        Reply(403, b"<html>firewall</html>"),
        Reply(200, b'{"MerchantRequestID": "29115'),
        Reply(200, {"ResponseCode": "0"}),
        pushed(None),
        pushed(["ws_CO_1"]),
        Reply(200, {"ResponseCode": None, "CheckoutRequestID": CHECKOUT_ID}),
        Reply(502, b""),
        Failure.SILENCE,
        Failure.CUT,
    ],
)
def test_any_other_answer_leaves_the_push_unknown(provider, network, answer):
    network.script({PUSH: answer})

    with pytest.raises(ProviderUnavailable):
        provider.initiate(initiate_request())

    assert len(network.requests_to(PUSH)) == 1


# --- the query


def test_query_is_what_daraja_documents(provider, network, noon):
    network.script({QUERY: queried("0", "The service request is processed successfully.")})

    result = provider.query(facts())

    (sent,) = network.requests_to(QUERY)
    assert sent.json == {
        "BusinessShortCode": "600992",
        "Password": base64.b64encode(b"600992passkey20261121104512").decode(),
        "Timestamp": "20261121104512",
        "CheckoutRequestID": CHECKOUT_ID,
    }
    assert result == ProviderResult(
        verdict=Verdict.SUCCEEDED,
        provider_reference=CHECKOUT_ID,
        outcome=outcomes.PAID,
        result_code="0",
        detail="The service request is processed successfully.",
    )


def test_attempt_without_an_id_cannot_be_asked_about(provider, network):
    result = provider.query(facts(provider_reference=""))

    assert result == ProviderResult(verdict=Verdict.NO_ANSWER, outcome=outcomes.WAITING)
    assert network.sent == []


@pytest.mark.parametrize("code", [0, "0"])
def test_success_is_a_number_or_text(provider, network, code):
    network.script({QUERY: queried(code)})

    assert provider.query(facts(age_seconds=1.0)).verdict == Verdict.SUCCEEDED


@pytest.mark.parametrize(
    ("age_seconds", "verdict"), [(89.9, Verdict.NO_ANSWER), (90.0, Verdict.FAILED), (float("inf"), Verdict.FAILED)]
)
def test_failure_is_final_after_ninety_seconds(provider, network, age_seconds, verdict):
    network.script({QUERY: queried("1032", "Request cancelled by user")})

    assert provider.query(facts(age_seconds)).verdict == verdict


FAILURES = [
    ("1", "insufficient_funds"),
    ("2", "below_minimum"),
    ("3", "above_limit"),
    ("4", "daily_limit"),
    ("8", "misconfigured"),
    ("26", "provider_busy"),
    ("1019", "expired"),
    ("1025", "provider_busy"),
    ("1031", "cancelled_by_customer"),
    ("1032", "cancelled_by_customer"),
    ("1036", "phone_not_reached"),
    ("1037", "phone_not_reached"),
    ("1101", "misconfigured"),
    ("1102", "misconfigured"),
    ("2001", "wrong_pin"),
    ("2002", "misconfigured"),
    ("2006", "misconfigured"),
    ("2028", "misconfigured"),
    ("8006", "pin_locked"),
    ("9999", "provider_busy"),
    ("SFC_IC0003", "misconfigured"),
]


@pytest.mark.parametrize(("code", "outcome"), FAILURES)
def test_failure_told_by_a_query_has_its_outcome(provider, network, code, outcome):
    network.script({QUERY: queried(code, "words that differ from day to day")})

    assert provider.query(facts()) == ProviderResult(
        verdict=Verdict.FAILED,
        provider_reference=CHECKOUT_ID,
        outcome=outcomes.BY_NAME[outcome],
        result_code=code,
        detail="words that differ from day to day",
    )


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (gateway_error(500, "500.001.1001", "The transaction is being processed"), Verdict.IN_FLIGHT),
        (gateway_error(200, "500.001.1001", ""), Verdict.IN_FLIGHT),
        (queried("4999", "The transaction is still under processing"), Verdict.IN_FLIGHT),
        (gateway_error(500, "500.001.1001", ""), Verdict.IN_FLIGHT),
        (gateway_error(500, "500.001.1001", "The transaction does not Exist"), Verdict.IN_FLIGHT),
        (queried("2029", "Unresolved reason type"), Verdict.IN_FLIGHT),
        (queried("17"), Verdict.IN_FLIGHT),
        (queried("1001"), Verdict.IN_FLIGHT),
        (queried("1037", "The transaction is still under processing"), Verdict.IN_FLIGHT),
        (queried("1", "The transaction is still under processing"), Verdict.IN_FLIGHT),
        (queried("12345", "new"), Verdict.NO_ANSWER),
        (queried("1032", "Request cancelled by user", "ws_CO_other"), Verdict.NO_ANSWER),
        (queried("0", "ok", "ws_CO_other"), Verdict.NO_ANSWER),
        (gateway_error(400, "400.002.02", "Bad Request - Invalid CheckoutRequestID"), Verdict.NO_ANSWER),
        (SPIKE, Verdict.NO_ANSWER),
        (Reply(403, b"<html>firewall</html>"), Verdict.NO_ANSWER),
        (Reply(200, b""), Verdict.NO_ANSWER),
    ],
)
def test_query_without_a_final_answer_decides_nothing(provider, network, answer, verdict):
    network.script({QUERY: answer})

    result = provider.query(facts())

    assert (result.verdict, result.outcome) == (verdict, outcomes.WAITING)


# --- the callback


def test_callback_of_a_paid_push(provider):
    result = provider.parse_callback(json.dumps(stk_callback()).encode())

    assert result == ProviderResult(
        verdict=Verdict.SUCCEEDED,
        outcome=outcomes.PAID,
        result_code="0",
        detail="The service request is processed successfully.",
        amount=Decimal(1500),
        currency="KES",
        receipt_number="UKL4AB12CD",
        paid_at=datetime(2026, 11, 21, 10, 45, 31, tzinfo=NAIROBI),
        **IDS,
    )


@pytest.mark.parametrize(
    ("code", "outcome"), [(int(code) if code.isdigit() else code, outcome) for code, outcome in FAILURES]
)
def test_callback_of_a_failed_push(provider, code, outcome):
    body = json.dumps(stk_callback(code=code, description="why")).encode()

    assert provider.parse_callback(body) == ProviderResult(
        verdict=Verdict.FAILED, outcome=outcomes.BY_NAME[outcome], result_code=str(code), detail="why", **IDS
    )


@pytest.mark.parametrize("code", [17, 1001, 2029, 4999, 4242, "SFC_IC9999", "", None, True])
def test_callback_with_a_code_that_is_not_final_decides_nothing(provider, code):
    result = provider.parse_callback(json.dumps(stk_callback(code=code)).encode())

    assert (result.verdict, result.outcome) == (Verdict.NO_ANSWER, outcomes.UNKNOWN)


@pytest.mark.parametrize("amount", [1500, "1500", Decimal("1500.0"), Decimal("1500.00"), "1500.00"])
def test_callback_amount_is_read_in_every_spelling(provider, amount):
    result = provider.parse_callback(wire_json(stk_callback(amount=amount)))

    assert (result.amount, result.currency) == (Decimal(1500), "KES")


@pytest.mark.parametrize(
    "items",
    [
        [],
        {"Name": "Balance"},
        None,
        "odd",
        [None, 1, {"Name": "Amount"}, {"Value": 3}],
        [{"Name": "Amount", "Value": True}, {"Name": "MpesaReceiptNumber", "Value": "no receipt!"}],
        [{"Name": "Amount", "Value": "NaN"}, {"Name": "TransactionDate", "Value": "yesterday"}],
    ],
)
def test_callback_that_lacks_facts_is_a_success_without_them(provider, items):
    body = stk_callback()
    body["Body"]["stkCallback"]["CallbackMetadata"]["Item"] = items

    result = provider.parse_callback(json.dumps(body).encode())

    assert (result.verdict, result.amount, result.currency, result.receipt_number, result.paid_at) == (
        Verdict.SUCCEEDED,
        None,
        "",
        "",
        None,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"Body": {}}',
        b'{"Body": {"stkCallback": []}}',
        b'{"Body": {"stkCallback": {}}}',
        b'{"Body": "stkCallback"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_callback_of_no_known_shape_is_unreadable(provider, body):
    with pytest.raises(UnreadableEvent):
        provider.parse_callback(body)


def test_callback_texts_fit_their_columns(provider):
    body = stk_callback(code="9" * 99, checkout_id="c\x00" * 200, description="d" * 999)

    result = provider.parse_callback(json.dumps(body).encode())

    assert (len(result.provider_reference), len(result.result_code), len(result.detail)) == (100, 40, 300)
    assert "\x00" not in result.provider_reference
