"""Faults of the API's answers: what they look like, and whether the work was done."""

import time

import httpx
import pytest

from simulator.paypal.fault_kinds import PAYPAL_FAULTS
from tests.simulator.merchant import wait_for
from tests.simulator.paypal.shop import capture_of, issue_of

WRITES = ("create", "capture", "refund", "payout")
READS = ("get", "notify")


@pytest.fixture
def prepared(shop):
    """A shop with an order that is approved and one that is paid."""
    shop.approved_id = shop.approved("prepare:1", custom_id="APPROVED")
    shop.capture_id = shop.paid("prepare:2", custom_id="PAID")["id"]
    return shop


def ask(shop, stage):
    """Make the request that a stage is about, each time with the same request id."""
    match stage:
        case "create":
            return shop.create(shop.order_body(custom_id="NEW"), "create:1")
        case "capture":
            return shop.capture(shop.approved_id, "capture:1")
        case "refund":
            return shop.refund(shop.capture_id, {}, "refund:1")
        case "payout":
            return shop.pay_out(request_id="payout:1")
        case "get":
            return shop.get(f"/v2/payments/captures/{shop.capture_id}")
        case "notify":
            return shop.get("/v1/notifications/webhooks")
    raise ValueError(stage)


def effects(shop, stage):
    """Say how often a stage's request had its effect."""
    books = shop.books()
    payments = {payment["reference"]: payment for payment in books["payments"]}
    return {
        "create": int("NEW" in payments),
        "capture": int(payments["APPROVED"]["status"] == "successful"),
        "refund": len(payments["PAID"]["refunds"]),
        "payout": len(books["payouts"]),
    }[stage]


@pytest.mark.parametrize("stage", WRITES)
@pytest.mark.parametrize(
    ("fault", "status", "text", "done"),
    [
        ("500_before", 500, "INTERNAL_SERVER_ERROR", 0),
        ("html_before", 502, "<html>", 0),
        ("429", 429, "RATE_LIMIT_REACHED", 0),
        ("key_refused", 401, "invalid_token", 0),
        ("500_after", 500, "INTERNAL_SERVER_ERROR", 1),
        ("html_after", 502, "<html>", 1),
        ("empty_body", 200, "", 1),
        ("truncated_json", 200, "{", 1),
    ],
)
def test_write_that_goes_wrong_has_its_effect_or_not(prepared, stage, fault, status, text, done):
    prepared.faults(f"paypal_{stage}_{fault}")

    response = ask(prepared, stage)

    assert (response.status_code, text in response.text) == (status, True)
    assert effects(prepared, stage) == done
    if status == 200:
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            response.json()


@pytest.mark.parametrize("stage", WRITES)
@pytest.mark.parametrize("fault", ["500_before", "500_after", "html_after", "429", "answer_lost"])
def test_repeat_with_the_same_id_does_it_once(prepared, stage, fault):
    prepared.faults(f"paypal_{stage}_{fault}")

    if fault == "answer_lost":
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            ask(prepared, stage)
    else:
        assert not ask(prepared, stage).is_success
    again = ask(prepared, stage)

    assert (again.is_success, effects(prepared, stage)) == (True, 1)


@pytest.mark.parametrize("stage", ["create", "capture", "refund"])
def test_conflict_does_nothing(prepared, stage):
    prepared.faults(f"paypal_{stage}_409")

    response = ask(prepared, stage)

    assert issue_of(response)[:3] == (409, "RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS")
    assert effects(prepared, stage) == 0
    assert ask(prepared, stage).is_success


@pytest.mark.parametrize("stage", WRITES)
@pytest.mark.parametrize(("fault", "done_early"), [("hang_before", 0), ("hang_after", 1)])
def test_write_that_hangs_has_its_effect_before_or_after(prepared, stage, fault, done_early):
    prepared.faults({"fault": f"paypal_{stage}_{fault}", "seconds": 0.6})
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
        ("500", 500, "INTERNAL_SERVER_ERROR"),
        ("html", 502, "<html>"),
        ("429", 429, "RATE_LIMIT_REACHED"),
        ("key_refused", 401, "invalid_token"),
        ("empty_body", 200, ""),
        ("truncated_json", 200, "{"),
    ],
)
def test_read_that_goes_wrong_says_nothing(prepared, stage, fault, status, text):
    prepared.faults(f"paypal_{stage}_{fault}")

    first, second = ask(prepared, stage), ask(prepared, stage)

    assert (first.status_code, text in first.text, second.status_code) == (status, True, 200)
    assert first.text != second.text


@pytest.mark.parametrize("stage", READS)
def test_read_may_hang_or_lose_its_answer(prepared, stage):
    prepared.faults(f"paypal_{stage}_answer_lost", {"fault": f"paypal_{stage}_hang", "seconds": 0.3})

    with pytest.raises(httpx.RemoteProtocolError):
        ask(prepared, stage)
    start = time.monotonic()
    response = ask(prepared, stage)

    assert (response.status_code, time.monotonic() - start >= 0.3) == (200, True)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"fault": "paypal_capture_wrong_amount"}, {"currency_code": "USD", "value": "11.62"}),
        ({"fault": "paypal_capture_wrong_amount", "amount": 100}, {"currency_code": "USD", "value": "1.00"}),
        ({"fault": "paypal_capture_wrong_currency"}, {"currency_code": "EUR", "value": "11.63"}),
    ],
)
def test_capture_s_answer_may_be_wrong(prepared, fault, told):
    prepared.faults(fault)

    wrong = ask(prepared, "capture").json()

    assert capture_of(wrong)["amount"] == told
    assert capture_of(prepared.order(prepared.approved_id))["amount"] == {"currency_code": "USD", "value": "11.63"}


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"fault": "paypal_get_wrong_amount"}, {"currency_code": "USD", "value": "11.62"}),
        ({"fault": "paypal_get_wrong_currency", "currency": "GBP"}, {"currency_code": "GBP", "value": "11.63"}),
    ],
)
def test_question_s_answer_may_be_wrong(prepared, fault, told):
    prepared.faults(fault)

    wrong, right = (ask(prepared, "get").json() for _ in range(2))

    assert (wrong["amount"], right["amount"]) == (told, {"currency_code": "USD", "value": "11.63"})


def test_order_may_be_missing_or_shown_as_it_was(prepared):
    prepared.capture(prepared.approved_id)
    prepared.faults("paypal_get_missing", "paypal_get_stale")
    path = f"/v2/checkout/orders/{prepared.approved_id}"

    missing, stale, right = prepared.get(path), prepared.got(path), prepared.got(path)

    assert issue_of(missing)[2] == "INVALID_RESOURCE_ID"
    assert (stale["status"], "payments" in stale["purchase_units"][0]) == ("APPROVED", False)
    assert (right["status"], "payments" in right["purchase_units"][0]) == ("COMPLETED", True)


def test_faults_of_a_payment_s_later_calls_stay_with_it(shop):
    shop.faults({"faults": ["paypal_create_500_after", "paypal_capture_500_after", "paypal_get_missing"]})
    shop.create(request_id="create:1")
    struck = shop.books()["payments"][0]["id"]
    other = shop.created("create:2")["id"]
    shop.choose(struck)
    shop.choose(other)

    statuses = [
        shop.get(f"/v2/checkout/orders/{other}").status_code,
        shop.capture(other).status_code,
        shop.capture(struck).status_code,
        shop.get(f"/v2/checkout/orders/{struck}").status_code,
        shop.get(f"/v2/checkout/orders/{struck}").status_code,
    ]

    assert statuses == [200, 201, 500, 404, 200]


@pytest.mark.parametrize("header", ["nonsense", "{}", "[]"])
def test_mock_header_that_cannot_be_read_is_refused(shop, header):
    answer = shop.create(PayPal_Mock_Response=header)

    assert issue_of(answer)[2:] == ("INVALID_PARAMETER_SYNTAX", "PayPal-Mock-Response")
    assert shop.books()["payments"] == []


def test_every_fault_has_a_stage_of_its_own_provider():
    assert {kind.provider for kind in PAYPAL_FAULTS} == {"paypal"}
    assert len({kind.name for kind in PAYPAL_FAULTS}) == len(PAYPAL_FAULTS)
