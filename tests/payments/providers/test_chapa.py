"""Chapa's wire, to the letter: what is sent, and what each answer means."""

import hashlib
import hmac
import json
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from catalog.currencies import rates
from catalog.currencies.exceptions import RateUnavailable
from ecommerce import outgoing
from payments import outcomes
from payments.exceptions import (
    AmountNotPayable,
    ForgedEvent,
    ProviderUnavailable,
    ProviderUnreachable,
    UnreadableEvent,
)
from payments.providers.base import (
    About,
    InitiateResult,
    Notice,
    ProviderResult,
    StatementEntry,
    TransferResult,
    Verdict,
)
from payments.providers.chapa import ChapaProvider
from payments.testing.hooks import ProviderHooks
from payments.testing.network import Failure, Network, Reply
from tests.payments.providers.chapa_wire import BANKS, KEY, SECRET, envelope, error, payment, payout, refund

REFERENCE = "BM-1001-K7QW2MZA"
INITIALIZE = "POST /v1/transaction/initialize"
VERIFY = f"GET /v1/transaction/verify/{REFERENCE}"
CANCEL = f"PUT /v1/transaction/cancel/{REFERENCE}"
REFUND, VERIFY_REFUND = "POST /v1/refund/AP9x8y7z6w", "GET /v1/refund/SHOP-DIS-REF-0001/verify"
TRANSFER, VERIFY_TRANSFER = "POST /v1/transfers", "GET /v1/transfers/verify/payout-0197a1b2c3d4e5f6"
LINK = {"checkout_url": "https://checkout.chapa.co/checkout/payment/Xy12ab"}
NOT_PAID = error(404, "Payment not paid yet", "null")
UNKNOWN = error(404, "Invalid transaction or Transaction not found")
USED = error(400, "Transaction reference has been used before")
HOUR = timedelta(hours=1).total_seconds()


class Asking(ProviderHooks):
    method = "mobile_money"
    currency = "ETB"
    receipt_number = "AP9x8y7z6w"


ASK = Asking()


def payout_request(**changes):
    return ASK.payout_request(**{"phone_number": "+251912345678", **changes})


@pytest.fixture
def network(monkeypatch) -> Network:
    network = Network()
    network.install(monkeypatch)
    outgoing.reset_breakers()
    return network


@pytest.fixture
def provider(settings, network) -> ChapaProvider:
    settings.CHAPA = {"BASE_URL": "https://chapa.test/v1", "SECRET_KEY": KEY, "WEBHOOK_SECRET": SECRET}
    return ChapaProvider()


# --- amounts


@pytest.mark.parametrize(
    ("amount", "currency"), [("1500.00", "XYZ"), ("1500.005", "ETB"), ("0.001", "USD"), ("1E+11", "ETB")]
)
def test_amount_that_chapa_cannot_take_is_refused(provider, amount, currency):
    with pytest.raises(AmountNotPayable):
        provider.payable_amount(Decimal(amount), currency)


@pytest.mark.parametrize(("amount", "currency"), [("0.01", "ETB"), ("1500.00", "USD"), ("400", "ETB")])
def test_birr_and_dollars_are_payable_as_they_are(provider, amount, currency):
    charge = provider.payable_amount(Decimal(amount), currency)

    assert (charge.amount, charge.currency) == (Decimal(amount), currency)


@pytest.mark.django_db
def test_other_currencies_are_converted_to_birr_at_the_days_rate(provider):
    rates.set_rate(currency="ETB", rate=Decimal("0.91"))

    charge = provider.payable_amount(Decimal("1500.00"), "KES")

    assert (charge.amount, charge.currency) == (Decimal("1648.35"), "ETB")


@pytest.mark.django_db
def test_nothing_is_charged_without_a_rate(provider):
    with pytest.raises(RateUnavailable):
        provider.payable_amount(Decimal("1500.00"), "KES")


# --- initialize


def test_initialize_is_what_chapa_documents(provider, network):
    network.script({INITIALIZE: envelope(LINK, "Hosted Link")})

    result = provider.initiate(ASK.initiate_request(amount=Decimal("400"), phone_number="+251912345678"))

    assert result == InitiateResult(
        accepted=True,
        provider_reference=REFERENCE,
        outcome=outcomes.WAITING_ON_PAGE,
        authorization_url="https://checkout.chapa.co/checkout/payment/Xy12ab",
    )
    (sent,) = network.sent
    assert sent.json == {
        "amount": "400.00",
        "currency": "ETB",
        "tx_ref": REFERENCE,
        "email": "amina@example.com",
        "phone_number": "0912345678",
        "callback_url": "https://shop.test/api/payments/x/callback/token/",
        "return_url": "https://shop.test/api/payments/return/",
        "customization": {"title": "Order BM-1001", "description": "Order BM-1001"},
        "meta": {"order": "BM-1001"},
    }
    assert (sent.headers["authorization"], sent.headers["content-type"]) == (f"Bearer {KEY}", "application/json")
    assert sent.timeout == (3.0, 20.0)


@pytest.mark.parametrize("phone_number", ["", "+254712345678", "+2519123456789", "+251112345678"])
def test_what_chapa_would_refuse_is_left_out(provider, network, phone_number):
    network.script({INITIALIZE: envelope(LINK)})

    provider.initiate(ASK.initiate_request(email="", phone_number=phone_number))

    assert {"email", "phone_number"} & network.sent[0].json.keys() == set()


@pytest.mark.parametrize(
    ("number", "title", "description"),
    [
        ("BM-20261121-000042", "Order BM-2026112", "Order BM-20261121-000042"),
        ("ኦ/1001*", "Order 1001", "Order 1001"),
        ("BM 100001 - second", "Order BM 100001", "Order BM 100001 - second"),
    ],
)
def test_title_has_few_and_plain_characters(provider, network, number, title, description):
    network.script({INITIALIZE: envelope(LINK)})

    provider.initiate(ASK.initiate_request(order_number=number))

    assert network.sent[0].json["customization"] == {"title": title, "description": description}


@pytest.mark.parametrize(
    ("answer", "outcome", "detail"),
    [
        (error(401, "Authorization required"), outcomes.MISCONFIGURED, "Authorization required"),
        (error(401, "Invalid API Key or User doesn't exist"), outcomes.MISCONFIGURED, "Invalid API Key"),
        (error(404, "Payments through API is disabled, please contact us"), outcomes.MISCONFIGURED, "disabled"),
        (error(400, "User can't receive payments"), outcomes.REFUSED, "can't receive"),
        (error(400, {"amount": ["validation.required"]}), outcomes.REFUSED, "amount: ['validation.required']"),
        (error(400, {"email": ["validation.email"]}), outcomes.EMAIL_NEEDED, "validation.email"),
        (error(400, ["Invalid currency"]), outcomes.REFUSED, "Invalid currency"),
        (error(400, None), outcomes.REFUSED, ""),
        (error(400, "Invalid currency", "null"), outcomes.REFUSED, "Invalid currency"),
        (error(400, "Invalid currency", None), outcomes.REFUSED, "Invalid currency"),
    ],
)
def test_refused_link_says_why(provider, network, answer, outcome, detail):
    network.script({INITIALIZE: answer})

    result = provider.initiate(ASK.initiate_request())

    assert (result.accepted, result.outcome) == (False, outcome)
    assert detail in result.detail
    assert len(network.sent) == 1


@pytest.mark.parametrize(
    "answer",
    [
        envelope({"checkout_url": "javascript:alert(1)"}),
        envelope({"checkout_url": None}),
        envelope({"checkout_url": "https://checkout.chapa.co/" + "x" * 2000}),
        envelope("https://checkout.chapa.co/1"),
        Reply(200, {"message": "Hosted Link", "status": "failed", "data": LINK}),
        Reply(400, {"status": "failed"}),
        Reply(400, {"message": "Invalid currency", "status": "success"}),
        error(429, "Too many requests"),
        error(403, "Forbidden"),
    ],
)
def test_link_of_no_known_shape_leaves_it_unknown(provider, network, answer):
    network.script({INITIALIZE: answer})

    with pytest.raises(ProviderUnavailable) as raised:
        provider.initiate(ASK.initiate_request())

    assert not isinstance(raised.value, ProviderUnreachable)
    assert len(network.sent) == 1


CLOSED = envelope(None, "Checkout link expired successfully")


@pytest.mark.parametrize("closed", [CLOSED, error(400, "Payment link already expired")])
@pytest.mark.parametrize(
    "verified", [NOT_PAID, UNKNOWN, envelope(payment(REFERENCE, status="cancelled")), error(404, "Anything", None)]
)
def test_lost_link_is_closed_and_given_up(provider, network, closed, verified):
    network.script({INITIALIZE: USED, CANCEL: closed, VERIFY: verified})

    result = provider.initiate(ASK.initiate_request())

    assert (result.accepted, result.outcome) == (False, outcomes.PAGE_LOST)
    assert [sent.route for sent in network.sent] == [INITIALIZE, CANCEL, VERIFY]


@pytest.mark.parametrize(
    ("closed", "verified"),
    [
        (error(400, "Payment is in progress"), NOT_PAID),
        (Failure.SILENCE, NOT_PAID),
        (Reply(502, b"<html>"), NOT_PAID),
        (CLOSED, envelope(payment(REFERENCE))),
        (CLOSED, envelope(payment(REFERENCE, status="pending"))),
        (CLOSED, envelope(payment(REFERENCE, status="new"))),
        (CLOSED, Reply(404, b"<html>")),
        (CLOSED, Failure.SILENCE),
    ],
)
def test_lost_link_on_which_somebody_may_have_paid_is_not_given_up(provider, network, closed, verified):
    network.script({INITIALIZE: USED, CANCEL: closed, VERIFY: verified})

    with pytest.raises(ProviderUnavailable):
        provider.initiate(ASK.initiate_request())


@pytest.mark.parametrize(
    "answer",
    [CLOSED, error(400, "Payment link already expired"), error(404, "Invalid transaction reference")],
)
def test_close_cancels_the_link_and_takes_any_answer(provider, network, answer):
    network.script({CANCEL: answer})

    provider.close(ASK.facts())

    assert [sent.route for sent in network.sent] == [CANCEL]


@pytest.mark.parametrize("answer", [Reply(502, b"<html>"), Reply(200, {}), Failure.SILENCE])
def test_close_without_an_answer_is_tried_again(provider, network, answer):
    network.script({CANCEL: answer})

    with pytest.raises(ProviderUnavailable):
        provider.close(ASK.facts())


def test_link_lives_for_an_hour(provider):
    assert provider.lifetime == timedelta(hours=1)


# --- verify


def test_paid_link_is_read_whole(provider, network):
    network.script({VERIFY: envelope(payment(REFERENCE), "Payment details")})

    result = provider.query(ASK.facts())

    assert result == ProviderResult(
        verdict=Verdict.SUCCEEDED,
        provider_reference=REFERENCE,
        outcome=outcomes.PAID,
        result_code="success",
        detail="telebirr",
        amount=Decimal("1500"),
        currency="ETB",
        fee=Decimal("45.0"),
        receipt_number="AP9x8y7z6w",
        paid_at=datetime(2026, 11, 20, 7, 6, 2, tzinfo=UTC),
    )
    assert network.sent[0].timeout == (3.0, 10.0)


@pytest.mark.parametrize(
    ("status", "age", "verdict", "outcome"),
    [
        ("success", 60, Verdict.SUCCEEDED, outcomes.PAID),
        ("Success", 60, Verdict.SUCCEEDED, outcomes.PAID),
        ("SUCCESS", 60, Verdict.SUCCEEDED, outcomes.PAID),
        ("pending", 9 * HOUR, Verdict.IN_FLIGHT, outcomes.WAITING_ON_PAGE),
        # Ten tries on one link: a failure is one when the link is over.
        ("failed", HOUR - 1, Verdict.IN_FLIGHT, outcomes.DECLINED),
        ("failed", HOUR, Verdict.FAILED, outcomes.DECLINED),
        ("cancelled", HOUR - 1, Verdict.IN_FLIGHT, outcomes.CANCELLED),
        ("cancelled", HOUR, Verdict.FAILED, outcomes.CANCELLED),
        ("failed/cancelled", HOUR - 1, Verdict.IN_FLIGHT, outcomes.DECLINED),
        ("failed/cancelled", HOUR, Verdict.FAILED, outcomes.DECLINED),
        ("refunded", 60, Verdict.REVERSED, outcomes.REVERSED),
        ("reversed", 60, Verdict.REVERSED, outcomes.REVERSED),
        ("successful", 9 * HOUR, Verdict.NO_ANSWER, outcomes.UNKNOWN),
        ("expired", 9 * HOUR, Verdict.NO_ANSWER, outcomes.UNKNOWN),
    ],
)
def test_status_of_a_payment_has_its_verdict(provider, network, status, age, verdict, outcome):
    network.script({VERIFY: envelope(payment(REFERENCE, status=status))})

    result = provider.query(ASK.facts(age_seconds=age))

    assert (result.verdict, result.outcome) == (verdict, outcome)


@pytest.mark.parametrize(
    ("answer", "verdict", "problem"),
    [
        (NOT_PAID, Verdict.IN_FLIGHT, ""),
        (error(404, "Payment not paid yet", None), Verdict.IN_FLIGHT, ""),
        (UNKNOWN, Verdict.NO_ANSWER, ""),
        (error(404, "Invalid transaction reference"), Verdict.NO_ANSWER, ""),
        (
            error(401, "Live secret keys can't be used to verify a test transaction"),
            Verdict.NO_ANSWER,
            "mode_mismatch",
        ),
        (
            error(401, "Test secret keys can't be used to verify a live transaction"),
            Verdict.NO_ANSWER,
            "mode_mismatch",
        ),
        (error(401, "Invalid API Key or User doesn't exist"), Verdict.NO_ANSWER, ""),
        (error(404, {"tx_ref": ["validation.exists"]}), Verdict.NO_ANSWER, ""),
        (Reply(404, b"<html>Payment not paid yet</html>"), Verdict.NO_ANSWER, ""),
        (error(400, "Payment not paid yet"), Verdict.NO_ANSWER, ""),
        # The envelope's word is not the payment's.
        (envelope(None), Verdict.NO_ANSWER, ""),
        (envelope({"tx_ref": REFERENCE}), Verdict.NO_ANSWER, "mode_mismatch"),
    ],
)
def test_answer_without_a_payment_is_never_a_failure(provider, network, answer, verdict, problem):
    network.script({VERIFY: answer})

    result = provider.query(ASK.facts(age_seconds=9 * HOUR))

    assert (result.verdict, result.problem) == (verdict, problem)


@pytest.mark.parametrize("amount", [1500, "1500", "1500.00", Decimal("1500.00"), Decimal("1500.0"), " 1500.00 "])
def test_amount_is_read_in_every_spelling(provider, network, amount):
    network.script({VERIFY: envelope(payment(REFERENCE, amount=amount))})

    assert provider.query(ASK.facts()).amount == Decimal("1500.00")


def test_fee_is_no_part_of_the_amount(provider, network):
    network.script({VERIFY: envelope(payment(REFERENCE, amount="1545.00", charge="45.00"))})

    result = provider.query(ASK.facts())

    assert (result.amount, result.fee) == (Decimal("1545.00"), Decimal("45.00"))


@pytest.mark.parametrize(
    ("key", "mode", "problem"),
    [
        ("CHASECK_TEST-1", "test", ""),
        ("CHASECK-1", "live", ""),
        ("CHASECK-1", "test", "mode_mismatch"),
        ("CHASECK_TEST-1", "live", "mode_mismatch"),
        ("CHASECK_TEST-1", None, "mode_mismatch"),
        ("CHAPA_LIVE_1", "live", "mode_mismatch"),  # a key of v2 opens nothing here
        ("CHAPUBK-1", "", "mode_mismatch"),
    ],
)
def test_money_of_another_mode_is_no_money(settings, network, key, mode, problem):
    settings.CHAPA = {"BASE_URL": "https://chapa.test/v1", "SECRET_KEY": key, "WEBHOOK_SECRET": SECRET}
    network.script({VERIFY: envelope(payment(REFERENCE, mode=mode))})

    result = ChapaProvider().query(ASK.facts())

    assert (result.verdict, result.problem) == (Verdict.SUCCEEDED, problem)
    assert (result.amount, result.receipt_number) == ((None, "") if problem else (Decimal("1500"), "AP9x8y7z6w"))


# --- refunds


def test_refund_is_what_chapa_documents(provider, network):
    network.script({REFUND: envelope(refund("refund-0197a1b2c3d4e5f6", amount="100.00"))})

    result = provider.refund(ASK.refund_request(amount=Decimal("100"), is_whole=False))

    assert result == TransferResult(
        verdict=Verdict.IN_FLIGHT,
        provider_reference="SHOP-DIS-REF-0001",
        code="refund initiated",
        detail="Item out of stock",
        amount=Decimal("100.00"),
        currency="ETB",
    )
    (sent,) = network.sent
    assert sent.form == {
        "amount": "100.00",
        "reason": "Item out of stock",
        "reference": "refund-0197a1b2c3d4e5f6",
    }
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"


def test_newer_name_of_a_refunds_id_is_read_too(provider, network):
    newer = refund("refund-0197a1b2c3d4e5f6", ref=None, ref_id="RF-2")
    network.script({REFUND: envelope(newer)})

    assert provider.refund(ASK.refund_request()).provider_reference == "RF-2"


@pytest.mark.parametrize(
    "answer",
    [
        envelope(refund("refund-of-another")),
        envelope(refund("refund-0197a1b2c3d4e5f6", ref=None)),
        envelope("SHOP-DIS-REF-0001"),
        error(400, "Reference has been used before"),
    ],
)
def test_refund_of_no_known_shape_leaves_it_unknown(provider, network, answer):
    network.script({REFUND: answer})

    with pytest.raises(ProviderUnavailable):
        provider.refund(ASK.refund_request())


def test_refund_with_a_refused_key_may_be_sent_again(provider, network):
    network.script({REFUND: error(401, "Invalid API Key or User doesn't exist")})

    with pytest.raises(ProviderUnreachable):
        provider.refund(ASK.refund_request())


def test_refund_of_a_payment_without_a_receipt_failed_unsent(provider, network):
    assert provider.refund(ASK.refund_request(receipt_number="")).verdict == Verdict.FAILED
    assert network.sent == []


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("Refund Initiated", Verdict.IN_FLIGHT),
        ("processing", Verdict.IN_FLIGHT),
        ("success", Verdict.IN_FLIGHT),  # the word is not documented for refunds
        ("failed", Verdict.IN_FLIGHT),
        ("refunded", Verdict.SUCCEEDED),
        ("Refunded", Verdict.SUCCEEDED),
    ],
)
def test_only_a_word_that_means_refunded_ends_a_refund(provider, network, status, verdict):
    network.script({VERIFY_REFUND: envelope(refund("refund-0197a1b2c3d4e5f6", status=status))})

    result = provider.query_refund(ASK.refund_request(provider_reference="SHOP-DIS-REF-0001", is_whole=False))

    assert (result.verdict, result.amount) == (verdict, Decimal("1500.00"))


def test_whole_refund_is_done_when_the_payment_itself_is_refunded(provider, network):
    network.script(
        {
            VERIFY_REFUND: envelope(refund("refund-0197a1b2c3d4e5f6")),
            VERIFY: envelope(payment(REFERENCE, status="refunded")),
        }
    )

    result = provider.query_refund(ASK.refund_request(provider_reference="SHOP-DIS-REF-0001"))

    assert (result.verdict, result.provider_reference) == (Verdict.SUCCEEDED, "SHOP-DIS-REF-0001")


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        (payment(REFERENCE, status="refunded"), {"is_whole": False}),
        (payment(REFERENCE, status="reversed"), {}),
        (payment("BM-9999-SOMEELSE", status="refunded"), {}),
        (payment("", status="refunded"), {"payment_reference": ""}),
    ],
)
def test_payment_that_is_not_ours_or_not_refunded_ends_no_refund(provider, network, told, changes):
    network.script({VERIFY_REFUND: envelope(refund("refund-0197a1b2c3d4e5f6")), "GET *verify/BM*": envelope(told)})
    network.script({VERIFY: envelope(told)})

    result = provider.query_refund(ASK.refund_request(provider_reference="SHOP-DIS-REF-0001", **changes))

    assert result.verdict == Verdict.IN_FLIGHT


def test_refund_whose_answer_was_lost_waits_for_a_person(provider, network):
    network.script({VERIFY: envelope(payment(REFERENCE))})

    result = provider.query_refund(ASK.refund_request())

    assert (result.verdict, result.needs_person) == (Verdict.NO_ANSWER, True)


# --- payouts


@pytest.mark.parametrize(
    ("phone_number", "account_number", "bank_code"),
    [("+251912345678", "0912345678", 855), ("+251712345678", "0712345678", 266)],
)
def test_payout_is_what_chapa_documents(provider, network, phone_number, account_number, bank_code):
    queued = envelope("payout-0197a1b2c3d4e5f6", "Transfer Queued Successfully in Test Mode.")
    network.script({"GET /v1/banks": BANKS, TRANSFER: queued})

    result = provider.pay_out(payout_request(phone_number=phone_number, amount=Decimal("350")))

    assert (result.verdict, result.provider_reference) == (Verdict.IN_FLIGHT, "payout-0197a1b2c3d4e5f6")
    assert network.writes[0].json == {
        "account_name": "Baraka Shop",
        "account_number": account_number,
        "amount": "350.00",
        "currency": "ETB",
        "reference": "payout-0197a1b2c3d4e5f6",
        "bank_code": bank_code,
    }


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("success", Verdict.SUCCEEDED),
        ("pending", Verdict.IN_FLIGHT),
        ("failed", Verdict.FAILED),
        ("cancelled", Verdict.FAILED),
        ("failed/cancelled", Verdict.FAILED),
        ("reversed", Verdict.REVERSED),
        ("queued up", Verdict.NO_ANSWER),
    ],
)
def test_status_of_a_payout_has_its_verdict(provider, network, status, verdict):
    network.script({VERIFY_TRANSFER: envelope(payout("payout-0197a1b2c3d4e5f6", status=status))})

    assert provider.query_payout(payout_request()).verdict == verdict


@pytest.mark.parametrize(
    "answer", [envelope([None]), envelope(None), envelope(payout("payout-of-another")), error(404, "Not found")]
)
def test_payout_without_an_answer_of_its_own_is_not_decided(provider, network, answer):
    network.script({VERIFY_TRANSFER: answer})

    assert provider.query_payout(payout_request()).verdict == Verdict.NO_ANSWER


@pytest.mark.parametrize(
    ("refused", "known", "verdict"),
    [
        ("Insufficient Balance", error(404, "Transfer not found"), Verdict.FAILED),
        ("Insufficient Balance", envelope(payout("payout-0197a1b2c3d4e5f6")), Verdict.SUCCEEDED),
        ("Reference number has been used before", envelope(payout("payout-0197a1b2c3d4e5f6")), Verdict.SUCCEEDED),
        ("Reference number has been used before", error(404, "Transfer not found"), Verdict.NO_ANSWER),
        ("Reference number has been used before", envelope([None]), Verdict.NO_ANSWER),
    ],
)
def test_refused_payout_failed_when_chapa_has_none_of_ours(provider, network, refused, known, verdict):
    network.script({"GET /v1/banks": BANKS, TRANSFER: error(400, refused), VERIFY_TRANSFER: known})

    assert provider.pay_out(payout_request()).verdict == verdict


@pytest.mark.parametrize(
    "script",
    [
        {"GET /v1/banks": Failure.SILENCE},
        {"GET /v1/banks": Reply(200, {"data": [{"id": 1, "name": "telebirr", "is_mobilemoney": None}]})},
        {"GET /v1/banks": BANKS, TRANSFER: error(401, "Transfers are allowed from 08:30 to 16:30")},
    ],
)
def test_payout_that_was_never_asked_for_may_be_sent_again(provider, network, script):
    network.script(script)

    with pytest.raises(ProviderUnreachable):
        provider.pay_out(payout_request())


@pytest.mark.parametrize("changes", [{"phone_number": "+254712345678"}, {"currency": "USD"}])
def test_payout_elsewhere_than_to_ethiopia_failed_unsent(provider, network, changes):
    assert provider.pay_out(payout_request(**changes)).code == "not_ethiopian"
    assert network.sent == []


# --- webhooks

VECTOR = rb'{"event":"charge.failed\/cancelled","tx_ref":"ORD-1001-a1","amount":"400.00"}'
PAYLOAD_SIGNATURE = "e95b9a785822b7fb71ab9261c5dbda11d7633bd615f0afd7749e423b00344d90"
CONSTANT = "85e5650fdbec9dfab736fe1a41de9ddeffe166f0f39a27ce1d6e640f43f3d50c"


def hexdigest(message: bytes) -> str:
    return hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("headers", "proven"),
    [
        ({"x-chapa-signature": PAYLOAD_SIGNATURE}, True),
        ({"x-chapa-signature": PAYLOAD_SIGNATURE, "chapa-signature": CONSTANT}, True),
        ({"x-chapa-signature": PAYLOAD_SIGNATURE, "chapa-signature": "0" * 64}, True),
        ({"chapa-signature": PAYLOAD_SIGNATURE}, True),  # "custom webhooks" put it there
        ({"chapa-signature": CONSTANT}, False),
        ({"x-chapa-signature": "0" * 64, "chapa-signature": CONSTANT}, False),
        ({"x-chapa-signature": CONSTANT, "chapa-signature": CONSTANT}, False),
    ],
)
def test_only_a_signature_of_the_documented_vector_is_proof(provider, headers, proven):
    assert len(VECTOR) == 77
    assert provider.check_webhook(headers, VECTOR) is proven


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-chapa-signature": "0" * 64},
        {"x-chapa-signature": CONSTANT},
        {"x-chapa-signature": PAYLOAD_SIGNATURE.upper()},
        {"chapa-signature": "0" * 64},
        {"chapa-signature": SECRET},
    ],
)
def test_event_without_any_signature_of_chapas_is_forged(provider, headers):
    with pytest.raises(ForgedEvent):
        provider.check_webhook(headers, VECTOR)


def test_constant_signature_proves_no_body(provider):
    forged = VECTOR.replace(b"400.00", b"999.00")

    assert provider.check_webhook({"chapa-signature": CONSTANT}, forged) is False
    with pytest.raises(ForgedEvent):
        provider.check_webhook({"x-chapa-signature": PAYLOAD_SIGNATURE}, forged)


@pytest.mark.parametrize(
    ("body", "signed", "matched"),
    [
        (rb'{"event":"a\/b","name":"\u12a0\u1260\u1260"}', rb'{"event":"a\/b","name":"\u12a0\u1260\u1260"}', "raw"),
        (rb'{"event":"a\/b","name":"\u12a0"}', '{"event":"a/b","name":"አ"}'.encode(), "compact"),
        ('{ "event": "a/b",\n "name": "አ" }'.encode(), '{"event":"a/b","name":"አ"}'.encode(), "compact"),
    ],
)
def test_bytes_that_chapa_may_have_signed_are_tried_and_named(provider, caplog, body, signed, matched):
    caplog.set_level(logging.INFO)

    assert provider.check_webhook({"x-chapa-signature": hexdigest(signed)}, body) is True
    assert [record.matched for record in caplog.records if record.message == "chapa_signature"] == [matched]


def test_empty_secret_signs_nothing(settings, provider):
    settings.CHAPA = settings.CHAPA | {"WEBHOOK_SECRET": ""}
    forged = hmac.new(b"", VECTOR, hashlib.sha256).hexdigest()
    constant = hmac.new(b"", b"", hashlib.sha256).hexdigest()

    with pytest.raises(ForgedEvent):
        provider.check_webhook({"x-chapa-signature": forged, "chapa-signature": constant}, VECTOR)


CHARGE = {
    "event": "charge.success",
    "type": "API",
    "mobile": "25191XXXX678",
    "currency": "ETB",
    "amount": "1500.00",
    "charge": "45.00",
    "status": "success",
    "mode": "test",
    "reference": "AP9x8y7z6w",
    "tx_ref": REFERENCE,
    "payment_method": "telebirr",
    "updated_at": "2026-11-20T07:06:02.000000Z",
}
PAYOUT = {
    "event": "payout.success",
    "type": "Payout",
    "account_number": "0912345678",
    "bank_id": 855,
    "amount": "350.00",
    "currency": "ETB",
    "status": "success",
    "reference": "payout-0197a1b2c3d4e5f6",
    "chapa_reference": "PO123",
    "bank_reference": "B987",
    "updated_at": "2026-11-21T07:06:02.000000Z",
}


@pytest.mark.parametrize(
    ("event", "status", "about"),
    [
        ("charge.success", "success", About.PAYMENT),
        ("charge.failed/cancelled", "failed/cancelled", About.PAYMENT),
        ("charge.reversed", "reversed", About.PAYMENT),
        ("charge.refunded", "refunded", About.REFUND),
        ("refund.success", "success", About.REFUND),
        ("charge.new", "new", About.OTHER),
    ],
)
def test_event_of_a_payment_is_read_whole(provider, event, status, about):
    body = json.dumps(CHARGE | {"event": event, "status": status}).encode()

    assert provider.read_webhook(body) == Notice(
        event_id=f"{event}:{REFERENCE}:{status}:2026-11-20T07:06:02.000000Z:1500.00",
        kind=event,
        about=about,
        reference=REFERENCE,
        provider_reference=REFERENCE,
        receipt_number="AP9x8y7z6w",
        amount=Decimal("1500.00"),
    )


@pytest.mark.parametrize("event", ["payout.success", "payout.failed/cancelled"])
def test_event_of_a_payout_is_read_whole(provider, event):
    assert provider.read_webhook(json.dumps(PAYOUT | {"event": event}).encode()) == Notice(
        event_id=f"{event}:payout-0197a1b2c3d4e5f6:success:2026-11-21T07:06:02.000000Z:350.00",
        kind=event,
        about=About.PAYOUT,
        reference="payout-0197a1b2c3d4e5f6",
        provider_reference="PO123",
        receipt_number="PO123",
        amount=Decimal("350.00"),
    )


def test_documented_vector_is_read(provider):
    assert provider.read_webhook(VECTOR) == Notice(
        event_id=hashlib.sha256(VECTOR).hexdigest(),  # without a status and a time
        kind="charge.failed/cancelled",
        about=About.PAYMENT,
        reference="ORD-1001-a1",
        provider_reference="ORD-1001-a1",
        amount=Decimal("400.00"),
    )


@pytest.mark.parametrize("kind", ["Payment Link", "Event", "Donation", "", 7])
def test_event_of_something_that_is_not_the_shops_concerns_nobody(provider, kind):
    assert provider.read_webhook(json.dumps(CHARGE | {"type": kind}).encode()).about == About.OTHER


@pytest.mark.parametrize(
    "changes", [{"tx_ref": None}, {"tx_ref": ""}, {"tx_ref": [REFERENCE]}, {"event": None}, {"event": ""}]
)
def test_event_that_names_no_payment_is_left_for_a_person(provider, changes):
    with pytest.raises(UnreadableEvent):
        provider.read_webhook(json.dumps(CHARGE | changes).encode())


# --- the books


def row(reference, **changes):
    return {
        "status": "success",
        "ref_id": f"AP{reference}",
        "type": "API",
        "created_at": "2026-11-20T07:05:28.000000Z",
        "currency": "ETB",
        "amount": "400.00",
        "charge": "12.00",
        "trans_id": reference,
        "payment_method": "telebirr",
        "customer": {"id": 1, "first_name": "Abebe", "last_name": "Bikila", "mobile": "2519XXXX678"},
    } | changes


def listed(page, rows, following=None):
    pagination = {"per_page": 10, "current_page": page, "next_page_url": following}
    return envelope({"transactions": rows, "pagination": pagination})


SINCE = datetime(2026, 11, 20, tzinfo=UTC)


def test_movements_are_what_came_in(provider, network):
    network.script(
        {
            "GET /v1/transactions": [
                listed(
                    1,
                    [row("A"), row("B", status="pending"), row("C", status="failed/cancelled")],
                    "http://evil/?page=2",
                ),
                listed(
                    2,
                    [
                        row("D", status="Refunded", created_at="2026-11-21T23:59:59.000000Z", amount=100, charge=None),
                        row("E", created_at="2026-11-19T23:59:59.000000Z"),
                        row("F", created_at="2026-11-22T00:00:00.000000Z"),
                        row("G", amount="odd"),
                        row("H", ref_id=None),
                        None,
                    ],
                ),
            ]
        }
    )

    entries = provider.list_movements(SINCE, SINCE + timedelta(days=2))

    shared = {"payer_phone": "2519XXXX678", "payer_name": "Abebe Bikila", "kind": "telebirr"}
    assert entries == [
        StatementEntry(
            "APA",
            Decimal("400.00"),
            "ETB",
            datetime(2026, 11, 20, 7, 5, 28, tzinfo=UTC),
            "A",
            Decimal("12.00"),
            **shared,
        ),
        StatementEntry("APD", Decimal("100"), "ETB", datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC), "D", **shared),
    ]
    assert [(sent.host, sent.query) for sent in network.sent] == [
        ("chapa.test", {"page": "1"}),
        ("chapa.test", {"page": "2"}),
    ]


@pytest.mark.parametrize(
    "second",
    [listed(1, [row("A")]), Reply(502, b"<html>"), Failure.SILENCE, envelope([]), envelope({"transactions": []})],
)
def test_movements_that_do_not_come_whole_are_none(provider, network, second):
    network.script({"GET /v1/transactions": [listed(1, [row("A")], "https://chapa.test/2"), second]})

    with pytest.raises(ProviderUnavailable):
        provider.list_movements(SINCE, SINCE + timedelta(days=2))
