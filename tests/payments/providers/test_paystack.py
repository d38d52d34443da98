"""Paystack's wire, to the letter: what is sent, and what each answer means."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

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
from payments.providers.paystack import PaystackProvider
from payments.testing.hooks import ProviderHooks
from payments.testing.network import Failure, Network, Reply
from tests.payments.providers.paystack_wire import (
    BANKS,
    FORMER_KEY,
    KEY,
    RECIPIENT,
    TRANSACTION_ID,
    envelope,
    error,
    refund,
    transaction,
    transfer,
)

REFERENCE = "BM-1001-K7QW2MZA"
NOTE = "refund-0197a1b2c3d4e5f6 for order BM-1001"
INITIALIZE, VERIFY = "POST /transaction/initialize", f"GET /transaction/verify/{REFERENCE}"
REFUND, REFUNDS = "POST /refund", "GET /refund"
RECIPIENTS, TRANSFER = "POST /transferrecipient", "POST /transfer"
VERIFY_TRANSFER = "GET /transfer/verify/payout-0197a1b2c3d4e5f6"
PAGE = {
    "authorization_url": "https://checkout.paystack.com/k3x9q2w7m1",
    "access_code": "k3x9q2w7m1",
    "reference": REFERENCE,
}
NOT_FOUND = error(404, "Transaction reference not found", "transaction_not_found")
TRANSFER_NOT_FOUND = error(404, "Transfer not found", "not_found")


class Asking(ProviderHooks):
    method = "card"
    receipt_number = str(TRANSACTION_ID)


ASK = Asking()


@pytest.fixture
def network(monkeypatch) -> Network:
    network = Network()
    network.install(monkeypatch)
    outgoing.reset_breakers()
    return network


@pytest.fixture
def provider(settings, network) -> PaystackProvider:
    settings.PAYSTACK = {"BASE_URL": "https://paystack.test", "SECRET_KEY": KEY, "FORMER_SECRET_KEY": FORMER_KEY}
    return PaystackProvider()


# --- amounts


@pytest.mark.parametrize(
    ("currency", "least"),
    [("NGN", "50.00"), ("USD", "2.00"), ("GHS", "0.10"), ("ZAR", "1.00"), ("KES", "3.00"), ("XOF", "1.00")],
)
def test_least_amount_of_a_currency_is_payable_and_less_is_not(provider, currency, least):
    assert provider.payable_amount(Decimal(least), currency).amount == Decimal(least)
    with pytest.raises(AmountNotPayable):
        provider.payable_amount(Decimal(least) - Decimal("0.01"), currency)


@pytest.mark.parametrize(("amount", "currency"), [("1500.005", "KES"), ("1E+12", "KES"), ("10", "ETB"), ("10", "JPY")])
def test_amount_that_paystack_cannot_take_is_refused(provider, amount, currency):
    with pytest.raises(AmountNotPayable):
        provider.payable_amount(Decimal(amount), currency)


def test_francs_are_rounded_up_since_their_fraction_would_be_ignored(provider):
    assert provider.payable_amount(Decimal("999.10"), "XOF").amount == Decimal("1000")


# --- initialize


@pytest.mark.parametrize("method", ["card", "bank_transfer", "mobile_money"])
def test_initialize_is_what_paystack_documents(provider, network, method):
    network.script({INITIALIZE: envelope(PAGE)})

    result = provider.initiate(ASK.initiate_request(method=method, amount=Decimal("1500.50")))

    assert result == InitiateResult(
        accepted=True,
        provider_reference="k3x9q2w7m1",
        outcome=outcomes.WAITING_ON_PAGE,
        authorization_url="https://checkout.paystack.com/k3x9q2w7m1",
    )
    (sent,) = network.sent
    assert sent.json == {
        "email": "amina@example.com",
        "amount": 150050,
        "currency": "KES",
        "reference": REFERENCE,
        "callback_url": "https://shop.test/api/payments/return/",
        "channels": [method],
        "metadata": {"order": "BM-1001", "cancel_action": "https://shop.test/api/payments/return/"},
    }
    assert (sent.headers["authorization"], sent.headers["content-type"]) == (f"Bearer {KEY}", "application/json")
    assert sent.timeout == (3.0, 20.0)


def test_francs_are_counted_in_hundredths_too(provider, network):
    network.script({INITIALIZE: envelope(PAGE)})

    provider.initiate(ASK.initiate_request(amount=Decimal("1000"), currency="XOF"))

    assert network.sent[0].json["amount"] == 100000


def test_page_for_nobody_is_not_asked_for(provider, network):
    result = provider.initiate(ASK.initiate_request(email=""))

    assert (result.accepted, result.outcome) == (False, outcomes.EMAIL_NEEDED)
    assert network.sent == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (error(401, "Invalid key"), outcomes.MISCONFIGURED),
        (error(400, "Invalid key"), outcomes.MISCONFIGURED),
        (error(400, "Currency not supported by merchant"), outcomes.REFUSED),
        (error(400, "Invalid Amount Sent", "invalid_params"), outcomes.REFUSED),
        (error(422, "State does not allow it"), outcomes.REFUSED),
        (error(429, "Too many requests", "rate_limited"), outcomes.SERVICE_BUSY),
    ],
)
def test_refused_page_says_why(provider, network, answer, outcome):
    network.script({INITIALIZE: answer})

    result = provider.initiate(ASK.initiate_request())

    assert (result.accepted, result.outcome) == (False, outcome)
    assert answer.body["message"] in result.detail
    assert len(network.sent) == 1


@pytest.mark.parametrize(
    "page",
    [
        {"authorization_url": "javascript:alert(1)"},
        {"authorization_url": "/k3x9q2w7m1"},
        {"authorization_url": None},
        {"authorization_url": "https://checkout.paystack.com/ k3x9"},
        {"authorization_url": "https://checkout.paystack.com/" + "x" * 2000},
        {"reference": "BM-9999-SOMEELSE"},
        {"reference": None},
    ],
)
def test_page_that_cannot_be_given_to_the_customer_leaves_it_unknown(provider, network, page):
    network.script({INITIALIZE: envelope(PAGE | page)})

    with pytest.raises(ProviderUnavailable) as raised:
        provider.initiate(ASK.initiate_request())

    assert not isinstance(raised.value, ProviderUnreachable)


DUPLICATES = [
    error(400, "Duplicate Transaction Reference", "duplicate_reference"),
    error(400, "Duplicate Transaction Reference"),
]


@pytest.mark.parametrize("answer", DUPLICATES)
def test_lost_page_that_nobody_has_used_is_given_up(provider, network, answer):
    opened = transaction(REFERENCE, status="abandoned", authorization={}, paid_at=None, gateway_response="")
    network.script({INITIALIZE: answer, VERIFY: envelope(opened)})

    result = provider.initiate(ASK.initiate_request())

    assert (result.accepted, result.outcome) == (False, outcomes.PAGE_LOST)
    assert [sent.route for sent in network.sent] == [INITIALIZE, VERIFY]


@pytest.mark.parametrize(
    "answer",
    [
        envelope(transaction(REFERENCE)),
        envelope(transaction(REFERENCE, status="ongoing", authorization={})),
        envelope(transaction(REFERENCE, status="pending", authorization={})),
        envelope(transaction(REFERENCE, status="failed", authorization={})),
        envelope(transaction(REFERENCE, status="abandoned", authorization={"authorization_code": "AUTH_1"})),
        envelope(transaction(REFERENCE, status="abandoned", authorization={}, log={"attempts": 1})),
        envelope(transaction(REFERENCE, status="abandoned", authorization={}, domain="live")),
        envelope(transaction("BM-9999-SOMEELSE", status="abandoned", authorization={})),
        NOT_FOUND,
        Reply(502, b"<html>"),
        Failure.SILENCE,
    ],
)
def test_lost_page_on_which_somebody_may_pay_is_not_given_up(provider, network, answer):
    network.script({INITIALIZE: DUPLICATES[0], VERIFY: answer})

    with pytest.raises(ProviderUnavailable):
        provider.initiate(ASK.initiate_request())

    assert len(network.writes) == 1


# --- verify


def test_paid_transaction_is_read_whole(provider, network):
    network.script({VERIFY: envelope(transaction(REFERENCE))})

    result = provider.query(ASK.facts())

    assert result == ProviderResult(
        verdict=Verdict.SUCCEEDED,
        outcome=outcomes.PAID,
        result_code="success",
        detail="Approved",
        amount=Decimal("1500.00"),
        currency="KES",
        fee=Decimal("22.50"),
        receipt_number="5120034477",
        paid_at=datetime(2026, 11, 20, 9, 15, 2, tzinfo=UTC),
    )
    (sent,) = network.sent
    assert (sent.headers["authorization"], sent.timeout) == (f"Bearer {KEY}", (3.0, 10.0))


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("success", Verdict.SUCCEEDED),
        ("failed", Verdict.FAILED),
        ("abandoned", Verdict.IN_FLIGHT),
        ("ongoing", Verdict.IN_FLIGHT),
        ("pending", Verdict.IN_FLIGHT),
        ("processing", Verdict.IN_FLIGHT),
        ("queued", Verdict.IN_FLIGHT),
        ("reversed", Verdict.REVERSED),
        ("reversal pending", Verdict.NO_ANSWER),
        ("Success", Verdict.NO_ANSWER),
        ("timeout", Verdict.NO_ANSWER),
    ],
)
def test_status_of_a_transaction_has_its_verdict(provider, network, status, verdict):
    network.script({VERIFY: envelope(transaction(REFERENCE, status=status))})

    assert provider.query(ASK.facts()).verdict == verdict


@pytest.mark.parametrize(
    ("status", "amount"), [("success", Decimal("1500.00")), ("reversed", Decimal("1500.00")), ("failed", None)]
)
def test_amount_is_told_where_money_moved(provider, network, status, amount):
    network.script({VERIFY: envelope(transaction(REFERENCE, status=status))})

    assert provider.query(ASK.facts()).amount == amount


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Insufficient Funds", outcomes.INSUFFICIENT_FUNDS),
        ("Declined", outcomes.DECLINED),
        ("Approved", outcomes.DECLINED),  # the words never decide
        (None, outcomes.DECLINED),
    ],
)
def test_failure_is_explained_by_its_text(provider, network, text, outcome):
    failed = transaction(REFERENCE, status="failed", gateway_response=None, message=text)
    network.script({VERIFY: envelope(failed)})

    result = provider.query(ASK.facts())

    assert (result.verdict, result.outcome) == (Verdict.FAILED, outcome)


@pytest.mark.parametrize(
    ("expected", "figures", "amount", "fee", "problem"),
    [
        # The customer bears the fee: the documentation's own sample.
        ("300.50", {"amount": 40333, "requested_amount": 30050, "fees": 10283}, "300.50", "0.00", ""),
        ("1500.00", {"amount": 152250, "requested_amount": 150000, "fees": 2250}, "1500.00", "0.00", ""),
        ("1500.00", {"amount": 152250, "requested_amount": 150000, "fees": None}, "1500.00", None, ""),
        ("1500.00", {"amount": 152250, "requested_amount": None, "fees": 2250}, "1500.00", "0.00", ""),
        # The shop bears it.
        ("1500.00", {"amount": 150000, "requested_amount": 150000, "fees": 2250}, "1500.00", "22.50", ""),
        ("1500.00", {"amount": 150000, "requested_amount": None, "fees": None}, "1500.00", None, ""),
        ("1500.00", {"amount": "150000", "requested_amount": "150000", "fees": "2250"}, "1500.00", "22.50", ""),
        # More and less than was asked for.
        ("1500.00", {"amount": 160000, "requested_amount": 150000, "fees": 2250}, "1600.00", "22.50", ""),
        ("1500.00", {"amount": 160000, "requested_amount": None, "fees": 2250}, "1600.00", "22.50", ""),
        ("1500.00", {"amount": 149999, "requested_amount": 150000, "fees": 2250}, "1499.99", "22.50", ""),
        # Paystack says that we asked for something else.
        (
            "1500.00",
            {"amount": 150000, "requested_amount": 100000, "fees": 2250},
            "1500.00",
            "22.50",
            "requested_amount_mismatch",
        ),
        (
            "1500.00",
            {"amount": 15000, "requested_amount": 15000, "fees": 0},
            "150.00",
            "0.00",
            "requested_amount_mismatch",
        ),
    ],
)
def test_money_is_told_without_a_fee_on_top(provider, network, expected, figures, amount, fee, problem):
    network.script({VERIFY: envelope(transaction(REFERENCE, **figures))})

    result = provider.query(ASK.facts(amount=Decimal(expected)))

    assert (result.verdict, result.amount, result.fee, result.problem) == (
        Verdict.SUCCEEDED,
        Decimal(amount),
        None if fee is None else Decimal(fee),
        problem,
    )


@pytest.mark.parametrize(
    "odd",
    [
        {"amount": Decimal("150000.5")},
        {"amount": "1500.00"},
        {"amount": None},
        {"amount": True},
        {"requested_amount": "odd"},
        {"requested_amount": []},
        {"currency": "kes"},
        {"currency": None},
        {"id": None},
        {"id": "AUTH_1"},
        {"id": -5},
    ],
)
def test_success_with_a_figure_that_is_none_decides_nothing(provider, network, odd):
    network.script({VERIFY: envelope(transaction(REFERENCE, **odd))})

    result = provider.query(ASK.facts())

    assert (result.verdict, result.outcome) == (Verdict.NO_ANSWER, outcomes.UNKNOWN)


@pytest.mark.parametrize(
    "metadata", ["", 0, None, [], {"reference": "BM-9999-SOMEELSE"}, '{"reference": "BM-9999-SOMEELSE"}']
)
def test_metadata_is_never_looked_at(provider, network, metadata):
    network.script({VERIFY: envelope(transaction(REFERENCE, metadata=metadata))})

    assert provider.query(ASK.facts()).verdict == Verdict.SUCCEEDED


def test_id_of_64_bits_is_kept_to_the_last_digit(provider, network):
    network.script({VERIFY: envelope(transaction(REFERENCE, id=18446744073709551615))})

    assert provider.query(ASK.facts()).receipt_number == "18446744073709551615"


@pytest.mark.parametrize(
    ("answer", "provider_reference", "age", "verdict"),
    [
        (NOT_FOUND, "", 61, Verdict.NEVER_SEEN),
        (error(400, "Transaction reference not found"), "", 61, Verdict.NEVER_SEEN),
        (error(404, "Transaction not found"), "", 61, Verdict.NEVER_SEEN),
        # What timed out here may still be on its way there.
        (NOT_FOUND, "", 59, Verdict.NO_ANSWER),
        # Paystack had accepted it.
        (NOT_FOUND, "k3x9q2w7m1", 3600, Verdict.NO_ANSWER),
        (error(400, "Something else"), "", 3600, Verdict.NO_ANSWER),
        (Reply(404, {"message": "Transaction not found"}), "", 3600, Verdict.NO_ANSWER),
        (error(500, "Transaction not found"), "", 3600, Verdict.NO_ANSWER),
        (error(429, "Too many requests", "rate_limited"), "", 3600, Verdict.NO_ANSWER),
    ],
)
def test_unknown_reference_may_be_sent_again_only_when_it_is_certain(
    provider, network, answer, provider_reference, age, verdict
):
    network.script({VERIFY: answer})

    result = provider.query(ASK.facts(provider_reference=provider_reference, age_seconds=age))

    assert result.verdict == verdict


def test_refused_key_is_told_as_our_own_fault(provider, network):
    network.script({VERIFY: error(401, "Invalid key")})

    result = provider.query(ASK.facts())

    assert (result.verdict, result.outcome) == (Verdict.NO_ANSWER, outcomes.MISCONFIGURED)


@pytest.mark.parametrize(
    ("key", "domain", "problem"),
    [
        ("sk_test_1", "test", ""),
        ("sk_live_1", "live", ""),
        ("sk_live_1", "test", "mode_mismatch"),
        ("sk_test_1", "live", "mode_mismatch"),
        ("sk_test_1", None, "mode_mismatch"),
        ("pk_test_1", "test", "mode_mismatch"),
        ("pk_test_1", "", "mode_mismatch"),
    ],
)
def test_money_of_another_mode_is_no_money(settings, network, key, domain, problem):
    settings.PAYSTACK = {"BASE_URL": "https://paystack.test", "SECRET_KEY": key, "FORMER_SECRET_KEY": ""}
    network.script({VERIFY: envelope(transaction(REFERENCE, domain=domain))})

    result = PaystackProvider().query(ASK.facts())

    assert (result.verdict, result.problem) == (Verdict.SUCCEEDED, problem)
    assert (result.amount, result.receipt_number) == ((None, "") if problem else (Decimal("1500.00"), "5120034477"))


def test_reference_is_escaped_in_an_address(provider, network):
    network.script({"GET *": NOT_FOUND})

    provider.query(ASK.facts(reference="../refund?x=1"))

    assert network.sent[0].path == "/transaction/verify/../refund?x=1"  # decoded: one segment with %2F
    assert network.sent[0].query == {}


# --- refunds


def test_refund_is_what_paystack_documents(provider, network):
    network.script({REFUND: envelope(refund(NOTE, status="pending", transaction={"id": TRANSACTION_ID}))})

    result = provider.refund(ASK.refund_request(amount=Decimal("500.00"), is_whole=False))

    assert result == TransferResult(
        verdict=Verdict.IN_FLIGHT,
        provider_reference="6600142",
        code="pending",
        detail=NOTE,
        amount=Decimal("1500.00"),
        currency="KES",
    )
    (sent,) = network.sent
    assert sent.json == {
        "transaction": "5120034477",
        "amount": 50000,
        "currency": "KES",
        "customer_note": "Item out of stock",
        "merchant_note": "refund-0197a1b2c3d4e5f6 for order BM-1001",
    }
    assert sent.timeout == (3.0, 20.0)


@pytest.mark.parametrize(
    ("status", "verdict", "needs_person", "receipt_number"),
    [
        ("pending", Verdict.IN_FLIGHT, False, ""),
        ("processing", Verdict.IN_FLIGHT, False, ""),
        ("processed", Verdict.SUCCEEDED, False, "refund-6600142"),
        ("failed", Verdict.FAILED, False, ""),
        ("needs-attention", Verdict.IN_FLIGHT, True, ""),
        ("reversed", Verdict.NO_ANSWER, False, ""),
    ],
)
def test_status_of_a_refund_has_its_verdict(provider, network, status, verdict, needs_person, receipt_number):
    network.script({"GET /refund/6600142": envelope(refund(NOTE, status=status))})

    result = provider.query_refund(ASK.refund_request(provider_reference="6600142"))

    assert (result.verdict, result.needs_person, result.receipt_number) == (verdict, needs_person, receipt_number)


def test_refund_of_another_id_decides_nothing(provider, network):
    network.script({"GET /refund/6600142": envelope(refund(NOTE, id=6600143))})

    assert provider.query_refund(ASK.refund_request(provider_reference="6600142")).verdict == Verdict.NO_ANSWER


def page(rows, total=None):
    return envelope(rows, meta={} if total is None else {"total": total, "perPage": 100})


def others(first, count):
    return [refund(f"refund-{number} for order BM-1001", id=number) for number in range(first, first + count)]


@pytest.mark.parametrize(
    "pages",
    [
        [page([refund(NOTE)], total=1)],
        [page([refund(NOTE)])],
        [page(others(1, 100), total=101), page([refund(NOTE)], total=101)],
        [page(others(1, 100)), page([refund(NOTE)])],
    ],
)
def test_refund_whose_answer_was_lost_is_found_by_its_note(provider, network, pages):
    network.script({REFUNDS: pages})

    result = provider.query_refund(ASK.refund_request())

    assert (result.verdict, result.provider_reference) == (Verdict.SUCCEEDED, "6600142")
    assert [sent.query for sent in network.sent] == [
        {"transaction": "5120034477", "perPage": "100", "page": str(number)} for number in range(1, len(pages) + 1)
    ]


@pytest.mark.parametrize(
    "note", ["", None, "refund-0197a1b2c3d4e5f60 for order BM-1001", "xrefund-0197a1b2c3d4e5f6", "BM-1001"]
)
def test_refund_that_a_whole_list_does_not_have_was_never_seen(provider, network, note):
    network.script({REFUNDS: page([refund(note)], total=1)})

    assert provider.query_refund(ASK.refund_request()).verdict == Verdict.NEVER_SEEN


@pytest.mark.parametrize(
    "pages",
    [
        [page(others(1, 100), total=150), page([], total=150)],
        [page(others(1, 100)), page(others(1, 100))],
        [page(others(1, 100), total=150), Reply(502, b"<html>")],
        [page(others(1, 100), total=150), Failure.SILENCE],
        [envelope({"id": 1})],
        [envelope([None])],
        [page([refund("another", id=None)], total=1)],
        [error(404, "Not found", "not_found")],
    ],
)
def test_list_that_is_not_whole_proves_nothing(provider, network, pages):
    network.script({REFUNDS: pages})

    with pytest.raises(ProviderUnavailable):
        provider.query_refund(ASK.refund_request())


def test_refund_of_a_transaction_without_an_id_cannot_be_looked_for(provider, network):
    assert provider.query_refund(ASK.refund_request(receipt_number="")).verdict == Verdict.NO_ANSWER
    assert network.sent == []


REFUND_REFUSED = error(400, "Transaction has been fully reversed")


def test_refused_refund_failed_when_paystack_has_none_of_ours(provider, network):
    network.script({REFUND: REFUND_REFUSED, REFUNDS: page([], total=0)})

    result = provider.refund(ASK.refund_request())

    assert (result.verdict, result.code, result.detail) == (
        Verdict.FAILED,
        "400",
        "Transaction has been fully reversed",
    )


def test_refused_refund_that_had_arrived_before_is_no_failure(provider, network):
    network.script({REFUND: REFUND_REFUSED, REFUNDS: page([refund(NOTE)], total=1)})

    assert provider.refund(ASK.refund_request()).verdict == Verdict.SUCCEEDED


def test_refused_refund_stays_unknown_while_the_list_does_not_come(provider, network):
    network.script({REFUND: REFUND_REFUSED, REFUNDS: Failure.SILENCE})

    with pytest.raises(ProviderUnavailable):
        provider.refund(ASK.refund_request())


@pytest.mark.parametrize("answer", [error(401, "Invalid key"), error(429, "Too many requests", "rate_limited")])
def test_refund_that_was_turned_away_may_be_sent_again(provider, network, answer):
    network.script({REFUND: answer})

    with pytest.raises(ProviderUnreachable):
        provider.refund(ASK.refund_request())


# --- payouts


def test_payout_is_what_paystack_documents(provider, network):
    queued = transfer("payout-0197a1b2c3d4e5f6", status="pending")
    network.script({"GET /bank": BANKS, RECIPIENTS: RECIPIENT, TRANSFER: envelope(queued)})

    result = provider.pay_out(ASK.payout_request(amount=Decimal("1200.00")))

    assert result == TransferResult(
        verdict=Verdict.IN_FLIGHT,
        provider_reference="TRF_ex4mpl3tr4n",
        receipt_number="550120033",
        code="pending",
        amount=Decimal("1500.00"),
        currency="KES",
    )
    banks, recipient, sent = network.sent
    assert banks.query == {"country": "kenya", "type": "mobile_money", "currency": "KES"}
    assert recipient.json == {
        "type": "mobile_money",
        "name": "Baraka Shop",
        "account_number": "0712345678",
        "bank_code": "MPESA",
        "currency": "KES",
    }
    assert sent.json == {
        "source": "balance",
        "amount": 120000,
        "currency": "KES",
        "recipient": "RCP_ex4mpl3rcp",
        "reference": "payout-0197a1b2c3d4e5f6",
        "reason": "November sales",
    }


@pytest.mark.parametrize(
    ("status", "verdict", "needs_person"),
    [
        ("pending", Verdict.IN_FLIGHT, False),
        ("received", Verdict.IN_FLIGHT, False),
        ("otp", Verdict.IN_FLIGHT, True),
        ("success", Verdict.SUCCEEDED, False),
        ("failed", Verdict.FAILED, False),
        ("abandoned", Verdict.FAILED, False),
        ("blocked", Verdict.FAILED, False),
        ("rejected", Verdict.FAILED, False),
        ("reversed", Verdict.REVERSED, False),
        ("new", Verdict.NO_ANSWER, False),
    ],
)
def test_status_of_a_payout_has_its_verdict(provider, network, status, verdict, needs_person):
    network.script({VERIFY_TRANSFER: envelope(transfer("payout-0197a1b2c3d4e5f6", status=status))})

    result = provider.query_payout(ASK.payout_request())

    assert (result.verdict, result.needs_person) == (verdict, needs_person)


@pytest.mark.parametrize(
    ("answer", "provider_reference", "verdict"),
    [
        (TRANSFER_NOT_FOUND, "", Verdict.NEVER_SEEN),
        (TRANSFER_NOT_FOUND, "TRF_1", Verdict.NO_ANSWER),
        (Reply(404, b""), "", Verdict.NO_ANSWER),
        (envelope(transfer("payout-of-another")), "", Verdict.NO_ANSWER),
    ],
)
def test_payout_was_never_seen_only_when_paystack_says_so(provider, network, answer, provider_reference, verdict):
    network.script({VERIFY_TRANSFER: answer})

    assert provider.query_payout(ASK.payout_request(provider_reference=provider_reference)).verdict == verdict


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        (TRANSFER_NOT_FOUND, Verdict.FAILED),
        (envelope(transfer("payout-0197a1b2c3d4e5f6")), Verdict.SUCCEEDED),
        (envelope(transfer("payout-0197a1b2c3d4e5f6", status="pending")), Verdict.IN_FLIGHT),
    ],
)
def test_refused_payout_failed_when_paystack_has_none_of_ours(provider, network, known, verdict):
    refused = error(400, "Duplicate Transfer Reference", "duplicate_reference")
    network.script({"GET /bank": BANKS, RECIPIENTS: RECIPIENT, TRANSFER: refused, VERIFY_TRANSFER: known})

    assert provider.pay_out(ASK.payout_request()).verdict == verdict


@pytest.mark.parametrize(
    "script",
    [
        {"GET /bank": Failure.SILENCE},
        {"GET /bank": envelope([{"name": "M-PESA Till", "code": "MPTILL"}])},
        {"GET /bank": BANKS, RECIPIENTS: Failure.SILENCE},
        {"GET /bank": BANKS, RECIPIENTS: error(401, "Invalid key")},
        {"GET /bank": BANKS, RECIPIENTS: RECIPIENT, TRANSFER: error(429, "Too many requests")},
    ],
)
def test_payout_that_was_never_asked_for_may_be_sent_again(provider, network, script):
    network.script(script)

    with pytest.raises(ProviderUnreachable):
        provider.pay_out(ASK.payout_request())


def test_payout_to_an_account_that_paystack_refuses_failed(provider, network):
    network.script({"GET /bank": BANKS, RECIPIENTS: error(400, "Account number is invalid", "invalid_params")})

    assert provider.pay_out(ASK.payout_request()).verdict == Verdict.FAILED


@pytest.mark.parametrize("changes", [{"phone_number": "+251912345678"}, {"currency": "USD"}])
def test_payout_elsewhere_than_to_kenya_failed_unsent(provider, network, changes):
    assert provider.pay_out(ASK.payout_request(**changes)).code == "not_kenyan"
    assert network.sent == []


# --- webhooks

VECTOR = (
    b'{"event":"charge.success","data":{"reference":"ORD-1001-a1","amount":150000,"currency":"KES","status":"success"}}'
)
SIGNATURE = (
    "d1804b093bfce2ad48301e0007ac7ef74ee25760d45c7c6d66d3f6809087c8f4"
    "2efc601a43da84df44f66b90a3529573b9ad4f3407ba05254be06591a0953c7e"
)


@pytest.mark.parametrize(
    ("present", "former"), [("sk_test_example", ""), ("sk_test_new", "sk_test_example"), ("", "sk_test_example")]
)
def test_signature_of_the_documented_vector_fits(settings, present, former):
    settings.PAYSTACK = {"BASE_URL": "https://paystack.test", "SECRET_KEY": present, "FORMER_SECRET_KEY": former}

    assert PaystackProvider().check_webhook({"x-paystack-signature": SIGNATURE}, VECTOR) is True


@pytest.mark.parametrize("signature", [SIGNATURE.upper(), SIGNATURE[:-1], f" {SIGNATURE}", f"{SIGNATURE}0"])
def test_signature_in_another_form_does_not_fit(settings, signature):
    settings.PAYSTACK = {"BASE_URL": "", "SECRET_KEY": "sk_test_example", "FORMER_SECRET_KEY": ""}

    with pytest.raises(ForgedEvent):
        PaystackProvider().check_webhook({"x-paystack-signature": signature}, VECTOR)


def test_empty_key_signs_nothing(settings):
    settings.PAYSTACK = {"BASE_URL": "", "SECRET_KEY": "", "FORMER_SECRET_KEY": ""}
    forged = hmac.new(b"", VECTOR, hashlib.sha512).hexdigest()

    with pytest.raises(ForgedEvent):
        PaystackProvider().check_webhook({"x-paystack-signature": forged}, VECTOR)


def test_event_written_anew_does_not_fit(provider):
    body = json.dumps({"event": "charge.success", "data": {"reference": REFERENCE, "amount": 150000}}).encode()
    signature = hmac.new(KEY.encode(), body, hashlib.sha512).hexdigest()
    compact = json.dumps(json.loads(body), separators=(",", ":")).encode()

    assert provider.check_webhook({"x-paystack-signature": signature}, body) is True
    with pytest.raises(ForgedEvent):
        provider.check_webhook({"x-paystack-signature": signature}, compact)


PROCESSED = {
    "status": "processed",
    "transaction_reference": REFERENCE,
    "refund_reference": "990011220033",
    "amount": "50000",
    "currency": "KES",
    "processor": "mpesa",
    "customer": {"first_name": "Amina", "last_name": "Otieno", "email": "amina@example.com"},
    "integration": 412000,
    "domain": "live",
}
DISPUTE = {
    "id": 771204,
    "refund_amount": 150000,
    "currency": "KES",
    "status": "awaiting-merchant-feedback",
    "resolution": None,
    "domain": "live",
    "transaction": {"id": TRANSACTION_ID, "domain": "live", "status": "success", "reference": REFERENCE},
    "transaction_reference": None,
    "category": "chargeback",
    "dueAt": "2026-11-25T18:00:00.000Z",
}
REJECTED = {
    "bank_transfer": {
        "amount": "1000",
        "message": "incorrect amount sent",
        "message_type": "INCORRECT_AMOUNT",
        "transaction_id": "5120034477",
    },
    "customer": {"id": 905512, "email": "amina@example.com"},
}


@pytest.mark.parametrize(
    ("event", "data", "notice"),
    [
        (
            "charge.success",
            transaction(REFERENCE, metadata=0, fees=None),
            Notice(
                "charge.success:5120034477",
                "charge.success",
                About.PAYMENT,
                REFERENCE,
                receipt_number="5120034477",
                amount=Decimal("1500.00"),
            ),
        ),
        (
            "charge.success",
            {"reference": REFERENCE},
            Notice(f"charge.success:{REFERENCE}", "charge.success", About.PAYMENT, REFERENCE),
        ),
        (
            "refund.processed",
            PROCESSED,
            Notice(
                f"refund.processed:{REFERENCE}:990011220033:50000",
                "refund.processed",
                About.REFUND,
                REFERENCE,
                amount=Decimal("500.00"),
            ),
        ),
        (
            "refund.processed",
            PROCESSED | {"amount": 50000, "id": 6600142},
            Notice(
                f"refund.processed:{REFERENCE}:990011220033:50000",
                "refund.processed",
                About.REFUND,
                REFERENCE,
                provider_reference="6600142",
                amount=Decimal("500.00"),
            ),
        ),
        (
            "charge.dispute.create",
            DISPUTE,
            Notice(
                "charge.dispute.create:771204:awaiting-merchant-feedback",
                "charge.dispute.create",
                About.DISPUTE,
                REFERENCE,
                provider_reference="771204",
                receipt_number="5120034477",
                amount=Decimal("1500.00"),
            ),
        ),
        (
            "transfer.success",
            transfer("payout-0197a1b2c3d4e5f6"),
            Notice(
                "transfer.success:550120033",
                "transfer.success",
                About.PAYOUT,
                "payout-0197a1b2c3d4e5f6",
                provider_reference="TRF_ex4mpl3tr4n",
                receipt_number="550120033",
                amount=Decimal("1500.00"),
            ),
        ),
        (
            "customeridentification.success",
            {"id": 7, "customer_code": "CUS_1"},
            Notice("customeridentification.success:7", "customeridentification.success", About.OTHER),
        ),
    ],
)
def test_event_is_read_whole(provider, event, data, notice):
    assert provider.read_webhook(json.dumps({"event": event, "data": data}).encode()) == notice


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("bank.transfer.rejected", REJECTED),
        ("subscription.expiring_cards", [{"brand": "visa"}]),
        ("invoice.update", {}),
        ("something.new", None),
    ],
)
def test_event_without_an_id_that_concerns_nobody_is_kept_by_its_digest(provider, event, data):
    body = json.dumps({"event": event, "data": data}).encode()

    assert provider.read_webhook(body) == Notice(hashlib.sha256(body).hexdigest(), event, About.OTHER)


def test_refunds_of_one_amount_without_a_number_are_told_apart_by_their_bodies(provider):
    first, second = (
        json.dumps({"event": "refund.pending", "data": PROCESSED | {"refund_reference": None, "id": number}}).encode()
        for number in (1, 2)
    )

    assert provider.read_webhook(first).event_id == hashlib.sha256(first).hexdigest()
    assert provider.read_webhook(second).event_id == hashlib.sha256(second).hexdigest()


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": {"reference": "BM-1001-K7QW2MZA"}}',
        b'{"event": "charge.success"}',
        b'{"event": "charge.success", "data": {"id": 5}}',
        b'{"event": "charge.success", "data": [{"reference": "BM-1001-K7QW2MZA"}]}',
        b'{"event": "refund.processed", "data": {"reference": "BM-1001-K7QW2MZA"}}',
        b'{"event": "transfer.success", "data": {"id": 5}}',
        b'{"event": "charge.dispute.create", "data": {"transaction_reference": null, "id": 5}}',
        b'{"event": ["charge.success"], "data": {"reference": "BM-1001-K7QW2MZA"}}',
    ],
)
def test_event_that_names_no_payment_is_left_for_a_person(provider, body):
    with pytest.raises(UnreadableEvent):
        provider.read_webhook(body)


# --- the books


def test_movements_are_what_came_in_and_what_went_back(provider, network):
    since = datetime(2026, 11, 20, tzinfo=UTC)
    rows = [
        transaction("BM-1001-A"),
        transaction("BM-1002-B", id=2, status="reversed", amount=102250, requested_amount=100000, channel="card"),
        transaction("BM-1003-C", id=3, status="abandoned", paid_at=None, paidAt=None),
        transaction("BM-1004-D", id=4, status="failed", paid_at=None, paidAt=None),
        transaction("BM-1005-E", id=5, domain="live"),
        transaction("BM-1006-F", id=6, paid_at="2026-11-19T23:59:59.000Z"),
        transaction("BM-1007-G", id=7, paid_at="2026-11-22T00:00:00.000Z"),
    ]
    returned = [
        refund(NOTE, refunded_at="2026-11-21T10:00:00.000Z"),
        refund("refund-b", id=8, status="pending"),
        refund("refund-c", id=9, refunded_at="2026-11-23T10:00:00.000Z"),
    ]
    network.script(
        {
            "GET /transaction": [page(rows[:4], total=7), page(rows[4:], total=7)],
            REFUNDS: page(returned, total=3),
        }
    )

    entries = provider.list_movements(since, since + timedelta(days=2))

    paid_at = datetime(2026, 11, 20, 9, 15, 2, tzinfo=UTC)
    assert entries == [
        StatementEntry(
            "5120034477", Decimal("1500.00"), "KES", paid_at, "BM-1001-A", Decimal("22.50"), kind="mobile_money"
        ),
        StatementEntry("2", Decimal("1000.00"), "KES", paid_at, "BM-1002-B", Decimal("0.00"), kind="card"),
        StatementEntry(
            "refund-6600142",
            Decimal("-1500.00"),
            "KES",
            datetime(2026, 11, 21, 10, tzinfo=UTC),
            "refund-0197a1b2c3d4e5f6",
            kind="refund",
        ),
    ]
    assert network.sent[0].query == {
        "perPage": "100",
        "page": "1",
        "from": "2026-11-18T00:00:00+00:00",
        "to": "2026-11-22T00:00:00+00:00",
    }


def test_movements_that_do_not_come_whole_are_none(provider, network):
    network.script({"GET /transaction": [page([transaction("BM-1001-A")], total=2), page([], total=2)]})

    with pytest.raises(ProviderUnavailable):
        provider.list_movements(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
