"""Faults of the API's answers, and of the payments themselves."""

import time

import httpx
import pytest

from simulator.paystack.fault_kinds import PAYSTACK_FAULTS
from tests.simulator.merchant import wait_for

NAME = "ÀMÎNA ÒTIÉNO ንጋት"


def ask(paystack, stage):
    """Make the request that a stage is about; what it needs has been made before."""
    match stage:
        case "initialize":
            return paystack.initialize(reference="NEW")
        case "submit":
            return paystack.post("/charge/submit_otp", reference="OTP", otp="1234")
        case "verify":
            return paystack.verify("PAID")
        case "refund":
            return paystack.refund("PAID")
        case "transfer":
            return paystack.transfer()
        case "read":
            return paystack.get("/balance")
    raise ValueError(stage)


def effects(paystack, stage):
    """Say how often a stage's request had its effect."""
    books = paystack.books()
    references = {payment["reference"]: payment for payment in books["payments"]}
    match stage:
        case "initialize":
            return int("NEW" in references)
        case "submit":
            return int(references["OTP"]["status"] == "successful")
        case "refund":
            return len(references["PAID"]["refunds"])
        case "transfer":
            return len(books["payouts"])
    return 0


def is_whole(response):
    try:
        return response.json()["status"] is True
    except ValueError:
        return False


@pytest.fixture
def prepared(paystack):
    paystack.pay("PAID")
    paystack.charge(reference="OTP", currency="XOF", mobile_money={"phone": "0700000000", "provider": "orange"})
    paystack.recipient()
    return paystack


WRITES = ("initialize", "submit", "refund", "transfer")
READS = ("verify", "read")


@pytest.mark.parametrize("stage", WRITES)
@pytest.mark.parametrize(
    ("fault", "status", "text", "done"),
    [
        ("500_before", 500, "An error occurred", 0),
        ("html_before", 502, "<html>", 0),
        ("429", 429, "rate_limited", 0),
        ("key_refused", 401, "Invalid key", 0),
        ("500_after", 500, "An error occurred", 1),
        ("html_after", 502, "<html>", 1),
        ("empty_body", 200, "", 1),
        ("truncated_json", 200, '{"status":true', 1),
    ],
)
def test_write_that_goes_wrong_has_its_effect_or_not(prepared, stage, fault, status, text, done):
    prepared.faults(f"paystack_{stage}_{fault}")

    response = ask(prepared, stage)

    assert (response.status_code, text in response.text) == (status, True)
    assert effects(prepared, stage) == done
    if fault == "truncated_json":
        with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
            response.json()


@pytest.mark.parametrize("stage", WRITES)
def test_write_whose_answer_is_lost_has_its_effect(prepared, stage):
    prepared.faults(f"paystack_{stage}_answer_lost")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask(prepared, stage)

    assert effects(prepared, stage) == 1


@pytest.mark.parametrize("stage", WRITES)
@pytest.mark.parametrize(("fault", "done_early"), [("hang_before", 0), ("hang_after", 1)])
def test_write_that_hangs_has_its_effect_before_or_after(prepared, stage, fault, done_early):
    prepared.faults({"fault": f"paystack_{stage}_{fault}", "seconds": 0.6})
    prepared.http.timeout = httpx.Timeout(0.2)

    with pytest.raises(httpx.ReadTimeout):
        ask(prepared, stage)
    prepared.http.timeout = httpx.Timeout(10)
    early = effects(prepared, stage)

    assert early == done_early
    wait_for(lambda: effects(prepared, stage) == 1)


@pytest.mark.parametrize("stage", READS)
@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("500", 500, "An error occurred"),
        ("html", 502, "<html>"),
        ("429", 429, "rate_limited"),
        ("key_refused", 401, "Invalid key"),
        ("empty_body", 200, ""),
        ("truncated_json", 200, '{"status":true'),
    ],
)
def test_read_that_goes_wrong_says_nothing(prepared, stage, fault, status, text):
    prepared.faults(f"paystack_{stage}_{fault}")

    first, second = ask(prepared, stage), ask(prepared, stage)

    assert (first.status_code, text in first.text, is_whole(first)) == (status, True, False)
    assert (second.status_code, second.json()["status"]) == (200, True)


@pytest.mark.parametrize("stage", READS)
def test_read_may_hang_or_lose_its_answer(prepared, stage):
    prepared.faults(f"paystack_{stage}_answer_lost", {"fault": f"paystack_{stage}_hang", "seconds": 0.3})

    with pytest.raises(httpx.RemoteProtocolError):
        ask(prepared, stage)
    start = time.monotonic()
    response = ask(prepared, stage)

    assert (response.json()["status"], time.monotonic() - start >= 0.3) == (True, True)


def test_429_has_the_headers_of_a_limit(paystack):
    paystack.faults("paystack_initialize_429")

    response = paystack.initialize()

    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
    assert [response.headers[name] for name in names] == ["100", "0", "7"]
    assert (response.json()["code"], response.json()["type"]) == ("rate_limited", "api_error")


def test_duplicate_may_come_in_the_short_form(paystack):
    paystack.faults("paystack_initialize_duplicate_short")

    response = paystack.initialize()

    assert (response.status_code, response.json()) == (
        400,
        {"status": False, "message": "Duplicate Transaction Reference"},
    )
    assert paystack.books()["payments"] == []


# --- the payments themselves


@pytest.mark.parametrize(
    ("fault", "amount", "captured"),
    [
        ("paystack_underpaid", 75000, {"KES": "750.00"}),
        ({"fault": "paystack_underpaid", "amount": 149900}, 149900, {"KES": "1499.00"}),
        ("paystack_fee_on_top", 154350, {"KES": "1543.50"}),
        ("paystack_other_currency", 150000, {"NGN": "1500.00"}),
    ],
)
def test_money_that_is_not_what_was_asked_for_is_so_everywhere(paystack, inbox, fault, amount, captured):
    paystack.faults(fault)

    paystack.pay()

    data = paystack.verified()
    event = inbox.wait()[0].json["data"]
    currency = next(iter(captured))
    assert (data["amount"], data["requested_amount"], data["currency"]) == (amount, 150000, currency)
    assert (event["amount"], event["currency"], "requested_amount" in event) == (amount, currency, False)
    assert paystack.books()["totals"]["captured"] == captured


def test_what_was_cancelled_may_be_paid_later(paystack, inbox):
    paystack.faults({"fault": "paystack_success_after_abandoned", "seconds": 0.2})
    paystack.start()
    paystack.act("ORD-1001-a1", "cancel")

    before = (paystack.status(), paystack.payment("ORD-1001-a1")["status"])

    assert before == ("abandoned", "waiting")
    assert inbox.wait()[0].json["event"] == "charge.success"
    assert paystack.status() == "success"


@pytest.mark.parametrize("direct", [False, True])
def test_what_failed_may_be_paid_later(paystack, inbox, direct):
    paystack.faults({"fault": "paystack_success_after_failed", "seconds": 0.2})
    if direct:
        paystack.charge()
        paystack.act("ORD-1001-a1", "decline")
    else:
        paystack.start()
        paystack.act("ORD-1001-a1", "decline-card")

    before = paystack.status()

    assert before == "failed"
    assert inbox.wait()[0].json["event"] == "charge.success"
    assert paystack.status() == "success"


def test_what_nobody_confirmed_may_be_paid_later(start_paystack, inbox):
    _, merchant = start_paystack(confirm_seconds=0.1)
    merchant.faults({"fault": "paystack_success_after_failed", "seconds": 0.2})
    merchant.charge()

    wait_for(lambda: merchant.status() == "failed")

    assert inbox.wait()[0].json["data"]["reference"] == "ORD-1001-a1"
    assert merchant.status() == "success"


def test_id_may_be_too_wide_for_a_floating_point_number(paystack, inbox):
    paystack.faults("paystack_wide_id")

    paystack.pay()

    number = inbox.wait()[0].json["data"]["id"]
    assert (number > 2**53, int(float(number)) == number) == (True, False)
    assert paystack.get(f"/transaction/{number}").json()["data"]["id"] == number


def test_name_of_the_payer_may_not_be_ascii(paystack, inbox):
    paystack.faults("paystack_non_ascii_name")

    paystack.pay(action="pay-mpesa")

    message = inbox.wait()[0]
    assert message.json["data"]["authorization"]["account_name"] == NAME
    assert NAME in message.body


@pytest.mark.parametrize(
    ("fault", "value"),
    [("empty", ""), ("zero", 0), ("null", None), ("text", '{"order": "1001"}')],
)
def test_metadata_comes_in_every_shape(paystack, inbox, fault, value):
    paystack.faults(f"paystack_metadata_{fault}")

    paystack.pay()

    assert paystack.verified()["metadata"] == inbox.wait()[0].json["data"]["metadata"] == value


# --- verify


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        ("paystack_verify_not_found", 404, "Transaction reference not found"),
        ("paystack_verify_not_found_400", 400, "Transaction not found"),
    ],
)
@pytest.mark.parametrize("reference", ["ORD-1001-a1", "NOBODY"])
def test_reference_may_be_not_found_in_two_ways(paystack, fault, status, message, reference):
    paystack.pay()
    paystack.faults(fault)

    response = paystack.verify(reference)

    assert (response.status_code, response.json()["message"]) == (status, message)


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        ("paystack_verify_abandoned", {"status": "abandoned", "paid_at": None, "fees": None}),
        ("paystack_verify_ongoing", {"status": "ongoing", "paid_at": None, "fees": None}),
        ("paystack_verify_failed", {"status": "failed", "paid_at": None, "fees": None}),
        ("paystack_verify_other_status", {"status": "reversal pending"}),
        ("paystack_verify_wrong_amount", {"amount": 149900}),
        ({"fault": "paystack_verify_wrong_amount", "amount": 5}, {"amount": 5}),
        ("paystack_verify_wrong_currency", {"currency": "NGN"}),
        ("paystack_verify_wrong_mode", {"domain": "live"}),
        ("paystack_verify_foreign_reference", {"reference": "NOBODY-KNOWS-THIS"}),
    ],
)
def test_verify_may_not_tell_the_truth_once(paystack, fault, changed):
    paystack.pay()
    truth = paystack.verified()
    paystack.faults(fault)

    told, after = paystack.verified(), paystack.verified()

    assert {name: told[name] for name in changed} == changed
    assert after == truth


def test_verify_may_miss_the_requested_amount(paystack):
    paystack.pay()
    paystack.faults("paystack_verify_without_requested_amount")

    assert "requested_amount" not in paystack.verified()


def test_verify_faults_stay_with_their_payment_one_for_each_question(paystack):
    paystack.faults({"faults": ["paystack_webhook_lost", "paystack_verify_500", "paystack_verify_ongoing"]})
    paystack.pay("WITH")
    paystack.pay("WITHOUT")

    others = paystack.status("WITHOUT")
    answers = [paystack.verify("WITH") for _ in range(3)]

    assert others == "success"
    assert [answer.status_code for answer in answers] == [500, 200, 200]
    assert [answer.json()["data"]["status"] for answer in answers[1:]] == ["ongoing", "success"]


def test_faults_wait_for_their_reference(paystack):
    paystack.faults({"fault": "paystack_initialize_500_before", "reference": "SECOND"})

    statuses = [paystack.initialize(reference=reference).status_code for reference in ("FIRST", "SECOND")]

    assert statuses == [200, 500]


def test_faults_wait_for_a_start_that_would_be_accepted(paystack):
    paystack.faults("paystack_initialize_500_before")

    statuses = [paystack.initialize(amount=0).status_code, paystack.initialize().status_code]

    assert statuses == [400, 500]


def test_faults_by_probability_follow_the_seed(paystack):
    def struck_by(seed):
        paystack.http.post("/control/reset")
        paystack.faults(seed=seed, probabilities={"paystack_initialize_500_before": 0.4, "paystack_verify_500": 0.5})
        answers = [paystack.initialize(reference=f"P-{number}").status_code for number in range(30)]
        for _ in range(seed):
            paystack.verify("P-1")  # questions do not change the fate of starts
        return answers

    first = struck_by(7)

    assert first == struck_by(7)
    assert first != struck_by(8)
    assert 4 <= first.count(500) <= 20


def test_every_fault_is_described(paystack):
    known = paystack.http.get("/control/faults").json()["known"]

    assert {kind.name for kind in PAYSTACK_FAULTS} <= set(known)
    assert {known[kind.name]["stage"] for kind in PAYSTACK_FAULTS} == {
        f"paystack.{stage}" for stage in ("initialize", "submit", "verify", "refund", "transfer", "read")
    }
