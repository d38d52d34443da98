import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.simulator.merchant import MSISDN, wait_for

OTHER = "254722000111"


def statuses(merchant):
    return [(payment["status"], payment["result_code"]) for payment in merchant.books()["payments"]]


# --- the push's answer


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("push_500_before", 500, "500.003.1001"),
        ("push_system_busy", 500, "500.003.02"),
        ("push_locked", 500, "500.001.1001"),
        ("push_token_expired", 404, "404.001.03"),
    ],
)
def test_push_fault_without_effect_is_an_error_and_no_payment(merchant, fault, status, code):
    merchant.faults(fault)

    response = merchant.push()

    assert (response.status_code, response.json()["errorCode"]) == (status, code)
    assert merchant.books()["payments"] == []


def test_push_spike_arrest_is_the_gateways_fault_object(merchant):
    merchant.faults("push_spike_arrest")

    response = merchant.push()

    fault = response.json()["fault"]
    assert response.status_code == 429
    assert fault["faultstring"].startswith("Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=")
    assert fault["detail"] == {"errorcode": "policies.ratelimit.SpikeArrestViolation"}
    assert merchant.books()["payments"] == []


def test_push_html_403_is_a_page_and_no_payment(merchant):
    merchant.faults("push_html_403")

    response = merchant.push()

    assert (response.status_code, response.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "Incapsula" in response.text
    assert merchant.books()["payments"] == []


def test_push_refused_200_has_another_response_code_and_no_payment(merchant):
    merchant.faults("push_refused_200")

    response = merchant.push()

    assert (response.status_code, response.json()["ResponseCode"]) == (200, "1")
    assert merchant.books()["payments"] == []


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [("push_empty_body", 200, ""), ("push_truncated_json", 200, '{"MerchantRequestID":"29115-3462')],
)
def test_push_fault_after_the_effect_breaks_the_answer_only(merchant, receiver, fault, status, text):
    merchant.auto_answer()
    merchant.faults(fault)

    response = merchant.push()

    assert (response.status_code, response.text) == (status, text)
    assert receiver.result_codes(1) == [0]
    assert statuses(merchant) == [("successful", "0")]


def test_push_500_after_sends_the_prompt(merchant):
    merchant.faults("push_500_after")

    response = merchant.push()

    assert (response.status_code, response.json()["errorCode"]) == (500, "500.003.1001")
    assert len(merchant.prompts()) == 1


def test_push_answer_lost_closes_the_connection_and_the_callback_comes(merchant, receiver):
    merchant.auto_answer()
    merchant.faults("push_answer_lost")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        merchant.push()

    assert receiver.result_codes(1) == [0]
    assert statuses(merchant) == [("successful", "0")]


def test_push_hang_after_sends_the_prompt_before_the_answer(merchant, receiver):
    merchant.auto_answer()
    merchant.faults({"fault": "push_hang_after", "seconds": 3})

    with pytest.raises(httpx.ReadTimeout):
        merchant.http.post(
            "/mpesa/stkpush/v1/processrequest",
            json=merchant.push_body(),
            headers=merchant.headers,
            timeout=0.2,
        )

    assert receiver.result_codes(1) == [0]


def test_push_hang_before_sends_the_prompt_late(merchant):
    headers = merchant.headers
    merchant.faults({"fault": "push_hang_before", "seconds": 0.4})

    with pytest.raises(httpx.ReadTimeout):
        merchant.http.post("/mpesa/stkpush/v1/processrequest", json=merchant.push_body(), headers=headers, timeout=0.1)
    at_first = merchant.prompts()

    assert at_first == []
    assert len(wait_for(merchant.prompts)) == 1


def test_push_hang_before_ends_locked_when_another_push_came_first(merchant):
    headers = merchant.headers
    merchant.faults({"fault": "push_hang_before", "seconds": 0.3})
    with ThreadPoolExecutor(1) as pool:
        url = "/mpesa/stkpush/v1/processrequest"
        hanging = pool.submit(merchant.http.post, url, json=merchant.push_body(), headers=headers)
        wait_for(lambda: merchant.http.get("/control/faults").json()["struck"])

        other = merchant.start()

        answer = hanging.result().json()
    assert answer["errorMessage"].startswith("Unable to lock subscriber")
    assert [payment["id"] for payment in merchant.books()["payments"]] == [other]


def test_push_token_expired_ends_the_token_for_good(merchant):
    merchant.faults("push_token_expired")

    answers = [merchant.push().status_code, merchant.push().status_code]
    merchant._token = ""
    answers.append(merchant.push().status_code)

    assert answers == [404, 404, 200]


def test_payment_result_ends_the_payment_without_a_prompt(merchant, receiver):
    merchant.faults({"fault": "payment_result", "code": "SFC_IC0003"}, {"fault": "payment_result", "code": "1019"})

    for number in (1, 2):
        merchant.start()
        wait_for(lambda: merchant.books()["totals"]["waiting"] == 0)
        receiver.result_codes(number)  # callbacks may overtake each other

    assert receiver.result_codes(2) == ["SFC_IC0003", 1019]
    assert merchant.prompts() == []
    assert statuses(merchant) == [("failed", "SFC_IC0003"), ("failed", "1019")]


# --- callbacks


def test_callback_lost_is_recorded_and_never_sent(merchant, receiver):
    merchant.faults("callback_lost")

    checkout = merchant.pay()
    merchant.pay()

    assert [callback["CheckoutRequestID"] == checkout for callback in receiver.stk()] == [False]
    assert merchant.deliveries()[0]["state"] == "lost"
    assert merchant.query(checkout).json()["ResultCode"] == "0"


@pytest.mark.parametrize("parallel", [False, True])
def test_callback_doubled_is_sent_n_times(merchant, receiver, parallel):
    merchant.faults({"fault": "callback_doubled", "times": 10, "parallel": parallel})

    merchant.pay()

    receiver.stk(10)
    wait_for(lambda: {delivery["state"] for delivery in merchant.deliveries()} == {"answered"})
    assert len(receiver.requests) == 10
    assert len({body for _, _, body in receiver.requests}) == 1


def test_callback_late_comes_after_its_seconds(merchant, receiver):
    merchant.faults({"fault": "callback_late", "seconds": 0.4})

    merchant.pay()
    time.sleep(0.25)
    early = len(receiver.requests)

    assert receiver.result_codes(1) == [0]
    assert early == 0


def test_callback_early_comes_before_the_answer(merchant, receiver):
    merchant.auto_answer()
    merchant.faults("callback_early")

    checkout = merchant.start()

    assert [json.loads(body)["Body"]["stkCallback"]["CheckoutRequestID"] for _, _, body in receiver.requests] == [
        checkout
    ]


def test_callback_reordered_goes_out_after_another_payments(merchant, receiver):
    merchant.faults("callback_reordered")

    first = merchant.pay()
    time.sleep(0.1)
    second = merchant.pay(msisdn=OTHER)

    assert [callback["CheckoutRequestID"] for callback in receiver.stk(2)] == [second, first]


def test_callback_reordered_goes_out_alone_in_the_end(merchant, receiver):
    merchant.faults({"fault": "callback_reordered", "seconds": 0.2})

    merchant.pay()

    assert receiver.result_codes(1) == [0]


@pytest.mark.parametrize(
    ("fault", "name", "value"),
    [
        ("callback_wrong_amount", "Amount", 1499),
        ({"fault": "callback_wrong_amount", "amount": 15}, "Amount", 15),
        ({"fault": "callback_foreign_receipt", "receipt": "UKL4AB12CD"}, "MpesaReceiptNumber", "UKL4AB12CD"),
        ("callback_masked_phone", "PhoneNumber", "2547***678"),
    ],
)
def test_callback_fault_changes_one_value_and_not_the_books(merchant, receiver, fault, name, value):
    merchant.faults(fault)

    merchant.pay()

    truth = merchant.books()["payments"][0]
    expected = {
        "Amount": 1500,
        "MpesaReceiptNumber": truth["receipt_number"],
        "PhoneNumber": int(MSISDN),
        name: value,
    }
    items = {item["Name"]: item["Value"] for item in receiver.stk()[0]["CallbackMetadata"]["Item"]}
    items.pop("TransactionDate")
    assert items == expected
    assert (truth["amount"], truth["status"]) == ("1500.00", "successful")


def test_callback_foreign_receipt_is_an_earlier_payments(merchant, receiver):
    merchant.pay()
    receiver.stk()
    merchant.faults("callback_foreign_receipt")

    merchant.pay()

    first, second = (callback["CallbackMetadata"]["Item"][1]["Value"] for callback in receiver.stk(2))
    receipts = [payment["receipt_number"] for payment in merchant.books()["payments"]]
    assert first == second == receipts[0]
    assert receipts[1] != receipts[0]


def test_callback_balance_without_value_has_the_name_alone(merchant, receiver):
    merchant.faults("callback_balance_without_value")

    merchant.pay()

    items = receiver.stk()[0]["CallbackMetadata"]["Item"]
    assert [item["Name"] for item in items] == [
        "Amount",
        "MpesaReceiptNumber",
        "Balance",
        "TransactionDate",
        "PhoneNumber",
    ]
    assert items[2] == {"Name": "Balance"}


def test_callback_text_code_is_text(merchant, receiver):
    merchant.faults("callback_text_code", "callback_text_code")

    merchant.pay()
    receiver.stk()
    merchant.answer(merchant.start(), action="cancel")

    assert receiver.result_codes(2) == ["0", "1032"]


def test_callback_other_shortcode_is_in_the_header(merchant, receiver):
    merchant.faults("callback_other_shortcode")

    merchant.pay()

    receiver.stk()
    assert receiver.requests[0][1]["Businessshortcode"] == "600000"


@pytest.mark.parametrize(
    ("fault", "codes"),
    [("callback_failure_after_success", [0, 1032]), ("callback_success_after_failure", [1032, 0])],
)
def test_callbacks_that_contradict_each_other_come_in_order(merchant, receiver, fault, codes):
    merchant.faults({"fault": fault, "seconds": 0.05})

    merchant.pay()

    assert receiver.result_codes(2) == codes
    assert statuses(merchant) == [("successful", "0")]


def test_callbacks_do_not_contradict_a_failure(merchant, receiver):
    merchant.faults("callback_success_after_failure")

    merchant.answer(merchant.start(), action="cancel")

    assert receiver.result_codes(1) == [1032]
    wait_for(lambda: merchant.deliveries()[0]["state"] == "answered")
    assert len(merchant.deliveries()) == 1
