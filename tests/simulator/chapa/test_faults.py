"""Faults of the API's answers, and of the payments themselves."""

import time

import httpx
import pytest

from simulator.chapa.fault_kinds import CHAPA_FAULTS
from tests.simulator.chapa.merchant import TX_REF
from tests.simulator.merchant import wait_for

STAGES = ("initialize", "verify", "cancel", "refund", "transfer", "transfer_verify", "read")
WRITES = ("initialize", "cancel", "refund", "transfer")
READS = ("verify", "transfer_verify", "read")


def ask(chapa, stage):
    """Make the request that a stage is about; what it needs has been made before."""
    match stage:
        case "initialize":
            return chapa.initialize(tx_ref="NEW")
        case "verify":
            return chapa.verify("PAID")
        case "cancel":
            return chapa.cancel("OPEN")
        case "refund":
            return chapa.refund("PAID", amount="1")
        case "transfer":
            return chapa.transfer()
        case "transfer_verify":
            return chapa.get("/v1/transfers/verify/EARLIER")
        case "read":
            return chapa.get("/v1/transactions")
    raise ValueError(stage)


def effects(chapa, stage):
    """Say how often a stage's request had its effect."""
    books = chapa.books()
    payments = {payment["reference"]: payment for payment in books["payments"]}
    match stage:
        case "initialize":
            return int("NEW" in payments)
        case "cancel":
            return int(payments["OPEN"]["provider_status"] == "cancelled")
        case "refund":
            return len(payments["PAID"]["refunds"])
        case "transfer":
            return len(books["payouts"]) - 1
    raise ValueError(stage)


def is_whole(response):
    try:
        return response.json().get("status") == "success"
    except ValueError:
        return False


@pytest.fixture
def prepared(chapa):
    chapa.pay("PAID")
    chapa.start("OPEN")
    chapa.transfer(reference="EARLIER")
    return chapa


@pytest.mark.parametrize("stage", WRITES)
@pytest.mark.parametrize(
    ("fault", "status", "text", "done"),
    [
        ("500_before", 500, "Server Error", 0),
        ("html_before", 502, "<html>", 0),
        ("429", 429, "Too Many Attempts.", 0),
        ("key_refused", 401, "Invalid API Key or User doesn't exist", 0),
        ("500_after", 500, "Server Error", 1),
        ("html_after", 502, "<html>", 1),
        ("empty_body", 200, "", 1),
        ("truncated_json", 200, '{"message":"', 1),
    ],
)
def test_write_that_goes_wrong_has_its_effect_or_not(prepared, stage, fault, status, text, done):
    prepared.faults(f"chapa_{stage}_{fault}")

    response = ask(prepared, stage)

    assert (response.status_code, text in response.text, is_whole(response)) == (status, True, False)
    assert effects(prepared, stage) == done


@pytest.mark.parametrize("stage", WRITES)
def test_write_whose_answer_is_lost_has_its_effect(prepared, stage):
    prepared.faults(f"chapa_{stage}_answer_lost")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask(prepared, stage)

    assert effects(prepared, stage) == 1


@pytest.mark.parametrize("stage", WRITES)
@pytest.mark.parametrize(("fault", "done_early"), [("hang_before", 0), ("hang_after", 1)])
def test_write_that_hangs_has_its_effect_before_or_after(prepared, stage, fault, done_early):
    prepared.faults({"fault": f"chapa_{stage}_{fault}", "seconds": 0.6})
    prepared.http.timeout = httpx.Timeout(0.2)

    with pytest.raises(httpx.ReadTimeout):
        ask(prepared, stage)
    prepared.http.timeout = httpx.Timeout(10)
    early = effects(prepared, stage)

    assert early == done_early
    wait_for(lambda: effects(prepared, stage) == 1)


def test_start_that_was_done_all_the_same_is_used_before(chapa):
    chapa.faults("chapa_initialize_500_after")

    first, second = chapa.initialize(), chapa.initialize()

    assert (first.status_code, second.json()["message"]) == (500, "Transaction reference has been used before")
    chapa.act(TX_REF, "pay-telebirr")
    assert chapa.verified()["status"] == "success"


@pytest.mark.parametrize("stage", READS)
@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("500", 500, "Server Error"),
        ("html", 502, "<html>"),
        ("429", 429, "Too Many Attempts."),
        ("key_refused", 401, "Invalid API Key or User doesn't exist"),
        ("empty_body", 200, ""),
        ("truncated_json", 200, '{"message":"'),
    ],
)
def test_read_that_goes_wrong_says_nothing(prepared, stage, fault, status, text):
    prepared.faults(f"chapa_{stage}_{fault}")

    first, second = ask(prepared, stage), ask(prepared, stage)

    assert (first.status_code, text in first.text, is_whole(first)) == (status, True, False)
    assert (second.status_code, is_whole(second)) == (200, True)


@pytest.mark.parametrize("stage", READS)
def test_read_may_hang_or_lose_its_answer(prepared, stage):
    prepared.faults(f"chapa_{stage}_answer_lost", {"fault": f"chapa_{stage}_hang", "seconds": 0.3})

    with pytest.raises(httpx.RemoteProtocolError):
        ask(prepared, stage)
    start = time.monotonic()
    response = ask(prepared, stage)

    assert (is_whole(response), time.monotonic() - start >= 0.3) == (True, True)


def test_429_has_the_headers_of_a_limit(chapa):
    chapa.faults("chapa_initialize_429")

    response = chapa.initialize()

    names = ("retry-after", "x-ratelimit-limit", "x-ratelimit-remaining")
    assert [response.headers[name] for name in names] == ["7", "60", "0"]


@pytest.mark.parametrize(
    ("fault", "status", "message", "made"),
    [
        ("chapa_initialize_disabled", 404, "Payments through API is disabled, please contact us", 0),
        ("chapa_initialize_used_before", 400, "Transaction reference has been used before", 1),
    ],
)
def test_start_may_be_refused_for_no_fault_of_the_merchant(chapa, fault, status, message, made):
    chapa.faults(fault)

    response = chapa.initialize()

    assert (response.status_code, response.json()["message"]) == (status, message)
    assert len(chapa.open_checkouts(TX_REF)) == made


# --- the payments themselves


@pytest.mark.parametrize(
    ("fault", "amount", "captured"),
    [
        ("chapa_underpaid", 200, {"ETB": "200.00"}),
        ({"fault": "chapa_underpaid", "amount": 39999}, 399.99, {"ETB": "399.99"}),
        ("chapa_fee_on_top", 412, {"ETB": "412.00"}),
        ("chapa_other_currency", 400, {"USD": "400.00"}),
    ],
)
def test_money_that_is_not_what_was_asked_for_is_so_everywhere(chapa, inbox, fault, amount, captured):
    chapa.faults(fault)

    chapa.pay()

    currency, text = next(iter(captured.items()))
    event = inbox.wait()[0].json
    data = chapa.verified()
    assert (data["amount"], data["currency"], data["status"]) == (amount, currency, "success")
    assert (event["amount"], event["currency"]) == (text, currency)
    assert chapa.books()["totals"]["captured"] == captured
    assert chapa.payment(TX_REF)["requested_amount"] == "400.00"


@pytest.mark.parametrize(
    ("fault", "action", "status"),
    [
        ("chapa_success_after_failed", "fail-card", "failed"),
        ("chapa_success_after_cancelled", "cancel", "cancelled"),
    ],
)
def test_what_did_not_work_may_be_paid_later(chapa, inbox, fault, action, status):
    chapa.faults({"fault": fault, "seconds": 0.3})
    chapa.start()
    chapa.act(TX_REF, action)

    before = (chapa.verified()["status"], chapa.payment(TX_REF)["status"], chapa.open_checkouts())

    assert before == (status, "waiting", [])
    assert [message.json["event"] for message in inbox.wait(2)] == ["charge.failed/cancelled", "charge.success"]
    assert (chapa.verified()["status"], chapa.payment(TX_REF)["status"]) == ("success", "successful")


# --- verify


@pytest.mark.parametrize(
    ("fault", "status", "message", "envelope"),
    [
        ("unknown", 404, "Invalid transaction or Transaction not found", "failed"),
        ("not_paid", 404, "Payment not paid yet", "null"),
        ("null_status", 404, "Payment not paid yet", None),
        ("wrong_mode_401", 401, "Test secret keys can't be used to verify a live transaction", "failed"),
        ("message_object", 400, {"tx_ref": ["validation.exists"]}, "failed"),
    ],
)
@pytest.mark.parametrize("reference", [TX_REF, "NOBODY"])
def test_verify_may_refuse_to_answer(chapa, reference, fault, status, message, envelope):
    chapa.pay()
    chapa.faults(f"chapa_verify_{fault}")

    response = chapa.verify(reference)

    assert response.status_code == status
    assert response.json() == {"message": message, "status": envelope, "data": None}


def test_live_key_is_refused_in_its_own_words(start_chapa):
    _, merchant = start_chapa(secret_key="CHASECK-simulator")
    merchant.headers = {"Authorization": "Bearer CHASECK-simulator"}
    merchant.faults("chapa_verify_wrong_mode_401")

    assert merchant.verify().json()["message"] == "Live secret keys can't be used to verify a test transaction"


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        ("chapa_verify_pending", {"status": "pending"}),
        ("chapa_verify_failed", {"status": "failed/cancelled"}),
        ("chapa_verify_other_status", {"status": "processing"}),
        ({"fault": "chapa_verify_other_status", "status": "reversed"}, {"status": "reversed"}),
        ("chapa_verify_upper_case", {"status": "SUCCESS"}),
        ("chapa_verify_amount_as_text", {"amount": "400.00", "charge": "12.00"}),
        ("chapa_verify_wrong_amount", {"amount": 399}),
        ({"fault": "chapa_verify_wrong_amount", "amount": 5}, {"amount": 0.05}),
        ("chapa_verify_wrong_currency", {"currency": "USD"}),
        ("chapa_verify_wrong_mode", {"mode": "live"}),
        ("chapa_verify_foreign_reference", {"tx_ref": "NOBODY-KNOWS-THIS"}),
    ],
)
def test_verify_may_not_tell_the_truth_once(chapa, fault, changed):
    chapa.pay()
    truth = chapa.verified()
    chapa.faults(fault)

    told, after = chapa.verified(), chapa.verified()

    assert told == {**truth, **changed}
    assert after == truth


def test_verify_may_call_an_unpaid_link_pending(chapa):
    chapa.start()
    chapa.faults("chapa_verify_pending")

    assert [response.status_code for response in (chapa.verify(), chapa.verify())] == [200, 404]


def test_verify_faults_stay_with_their_payment_one_for_each_question(chapa):
    chapa.faults({"faults": ["chapa_webhook_lost", "chapa_verify_500", "chapa_verify_pending"]})
    chapa.pay("WITH")
    chapa.pay("WITHOUT")

    others = chapa.verified("WITHOUT")["status"]
    answers = [chapa.verify("WITH") for _ in range(3)]

    assert others == "success"
    assert [answer.status_code for answer in answers] == [500, 200, 200]
    assert [answer.json()["data"]["status"] for answer in answers[1:]] == ["pending", "success"]


# --- which request they strike


def test_faults_wait_for_their_reference(chapa):
    chapa.faults({"fault": "chapa_initialize_500_before", "reference": "SECOND"})

    statuses = [chapa.initialize(tx_ref=tx_ref).status_code for tx_ref in ("FIRST", "SECOND")]

    assert statuses == [200, 500]


def test_faults_wait_for_a_start_that_would_be_accepted(chapa):
    chapa.start()
    chapa.faults("chapa_initialize_500_before")

    refused = [chapa.initialize(amount="0").status_code, chapa.initialize().status_code]

    assert (refused, chapa.initialize(tx_ref="NEW").status_code) == ([400, 400], 500)


def test_faults_by_probability_follow_the_seed(chapa):
    def struck_by(seed):
        chapa.http.post("/control/reset")
        chapa.faults(seed=seed, probabilities={"chapa_initialize_500_before": 0.4, "chapa_verify_500": 0.5})
        answers = [chapa.initialize(tx_ref=f"P-{number}").status_code for number in range(30)]
        for _ in range(seed):
            chapa.verify("P-1")  # questions do not change the fate of starts
        return answers

    first = struck_by(7)

    assert first == struck_by(7)
    assert first != struck_by(8)
    assert 4 <= first.count(500) <= 20


def test_every_fault_is_described(chapa):
    known = chapa.http.get("/control/faults").json()["known"]

    assert {kind.name for kind in CHAPA_FAULTS} <= set(known)
    assert {known[kind.name]["stage"] for kind in CHAPA_FAULTS} == {f"chapa.{stage}" for stage in STAGES}
