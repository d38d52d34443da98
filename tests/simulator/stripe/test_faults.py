"""Faults of the API's answers: what they look like, and whether the work was done."""

import time

import httpx
import pytest

from simulator.stripe.fault_kinds import STRIPE_FAULTS
from tests.simulator.merchant import wait_for
from tests.simulator.stripe.shop import RETURN_URL, error_of

BAD = "invalid_request_error"
WRITES = ("create", "change", "refund", "transfer")
READS = ("retrieve", "list")


@pytest.fixture
def prepared(shop):
    """A shop with one payment that is paid and one that is open."""
    shop.paid = shop.paid_intent(**{"metadata[reference]": "PAID"})
    shop.open = shop.open_intent(**{"metadata[reference]": "OPEN"})
    return shop


def ask(shop, stage, key=""):
    """Make the request that a stage is about."""
    match stage:
        case "create":
            return shop.post("payment_intents", shop.intent_fields(**{"metadata[reference]": "NEW"}), key=key)
        case "change":
            fields = {"payment_method": "pm_card_visa", "return_url": RETURN_URL}
            return shop.post(f"payment_intents/{shop.open['id']}/confirm", fields, key=key)
        case "refund":
            return shop.post("refunds", {"payment_intent": shop.paid["id"], "amount": 100}, key=key)
        case "transfer":
            return shop.post("transfers", {"amount": 100, "currency": "kes", "destination": "acct_1S"}, key=key)
        case "retrieve":
            return shop.get(f"payment_intents/{shop.paid['id']}")
        case "list":
            return shop.get("payment_intents")
    raise ValueError(stage)


def effects(shop, stage):
    """Say how often a stage's request had its effect."""
    books = shop.books()
    payments = {payment["reference"]: payment for payment in books["payments"]}
    return {
        "create": int("NEW" in payments),
        "change": int(payments["OPEN"]["status"] == "successful"),
        "refund": len(payments["PAID"]["refunds"]),
        "transfer": len(books["payouts"]),
    }[stage]


@pytest.mark.parametrize("stage", WRITES)
@pytest.mark.parametrize(
    ("fault", "status", "text", "done"),
    [
        ("500_before", 500, "api_error", 0),
        ("429", 429, "rate_limit", 0),
        ("409", 409, "idempotency_key_in_use", 0),
        ("html_503", 503, "<html>", 0),
        ("500_after", 500, "api_error", 1),
        ("empty_body", 200, "", 1),
        ("truncated_json", 200, '{"id"', 1),
    ],
)
def test_write_that_goes_wrong_has_its_effect_or_not(prepared, stage, fault, status, text, done):
    prepared.faults(f"stripe_{stage}_{fault}")

    response = ask(prepared, stage)

    assert (response.status_code, text in response.text) == (status, True)
    assert effects(prepared, stage) == done
    if status == 200:
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            response.json()


@pytest.mark.parametrize("stage", WRITES)
@pytest.mark.parametrize("fault", ["500_before", "429", "409", "html_503"])
def test_repeat_after_a_fault_without_effect_runs_anew(prepared, stage, fault):
    prepared.faults(f"stripe_{stage}_{fault}")

    first, second = (ask(prepared, stage, key="key:1") for _ in range(2))

    assert (first.is_success, second.status_code) == (False, 200)
    assert "idempotent-replayed" not in second.headers
    assert effects(prepared, stage) == 1


@pytest.mark.parametrize("stage", WRITES)
def test_repeat_after_a_lost_answer_is_a_replay(prepared, stage):
    prepared.faults(f"stripe_{stage}_answer_lost")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask(prepared, stage, key="key:1")
    again = ask(prepared, stage, key="key:1")

    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert effects(prepared, stage) == 1


@pytest.mark.parametrize("stage", WRITES)
@pytest.mark.parametrize(("fault", "done_early"), [("hang_before", 0), ("hang_after", 1)])
def test_write_that_hangs_has_its_effect_before_or_after(prepared, stage, fault, done_early):
    prepared.faults({"fault": f"stripe_{stage}_{fault}", "seconds": 0.6})
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
        ("500", 500, "api_error"),
        ("429", 429, "rate_limit"),
        ("html_503", 503, "<html>"),
        ("empty_body", 200, ""),
        ("truncated_json", 200, '{"id"'),
    ],
)
def test_read_that_goes_wrong_says_nothing(prepared, stage, fault, status, text):
    prepared.faults(f"stripe_{stage}_{fault}")

    first, second = ask(prepared, stage), ask(prepared, stage)

    assert (first.status_code, text in first.text) == (status, True)
    assert prepared.paid["id"] not in first.text
    assert prepared.paid["id"] in second.text


@pytest.mark.parametrize("stage", READS)
def test_read_may_hang_or_lose_its_answer(prepared, stage):
    prepared.faults(f"stripe_{stage}_answer_lost", {"fault": f"stripe_{stage}_hang", "seconds": 0.3})

    with pytest.raises(httpx.RemoteProtocolError):
        ask(prepared, stage)
    start = time.monotonic()
    response = ask(prepared, stage)

    assert (response.status_code, time.monotonic() - start >= 0.3) == (200, True)


@pytest.mark.parametrize("fault", ["create_500_before", "create_500_after", "create_409"])
@pytest.mark.parametrize("wanted", ["true", "false", "unsaid"])
def test_header_says_whether_to_try_again(shop, fault, wanted):
    shop.faults({"fault": f"stripe_{fault}", "should_retry": wanted})

    response = ask(shop, "create")

    assert response.headers.get("stripe-should-retry", "unsaid") == wanted


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"fault": "stripe_retrieve_wrong_amount"}, (149999, "kes", False)),
        ({"fault": "stripe_retrieve_wrong_amount", "amount": 7}, (7, "kes", False)),
        ({"fault": "stripe_retrieve_wrong_currency"}, (150000, "usd", False)),
        ({"fault": "stripe_retrieve_wrong_livemode"}, (150000, "kes", True)),
    ],
)
def test_object_may_be_told_wrong(prepared, fault, told):
    prepared.faults(fault)

    wrong, right = (prepared.got(f"payment_intents/{prepared.paid['id']}") for _ in range(2))

    assert (wrong["amount_received"], wrong["currency"], wrong["livemode"]) == told
    assert right == prepared.paid


def test_object_may_be_missing(prepared):
    prepared.faults("stripe_retrieve_missing")

    missing, there = (prepared.get(f"payment_intents/{prepared.paid['id']}") for _ in range(2))

    assert (error_of(missing), there.status_code) == ((404, BAD, "resource_missing", "id"), 200)


def test_faults_of_a_payment_s_reads_stay_with_it(shop):
    shop.faults({"faults": ["stripe_create_500_after", "stripe_retrieve_500", "stripe_retrieve_missing"]})
    shop.post("payment_intents", shop.intent_fields())
    struck = shop.books()["payments"][0]["id"]
    other = shop.open_intent()["id"]

    statuses = [shop.get(f"payment_intents/{intent}").status_code for intent in (other, struck, struck, struck)]

    assert statuses == [200, 500, 404, 200]


def test_faults_by_probability_come_again_with_the_seed(shop):
    runs = []
    for _ in range(2):
        shop.http.post("/control/reset")
        shop.faults(seed=7, probabilities={"stripe_create_500_before": 0.5})
        runs.append([ask(shop, "create").status_code for _ in range(12)])

    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_every_fault_has_a_stage_of_its_own_provider():
    assert {kind.provider for kind in STRIPE_FAULTS} == {"stripe"}
    assert len({kind.name for kind in STRIPE_FAULTS}) == len(STRIPE_FAULTS)
