import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.simulator.daraja.shop import UTILITY, WORKING, parameters
from tests.simulator.merchant import MSISDN, wait_for

OTHER = "254722000111"


def payouts(shop):
    return shop.books()["payouts"]


def test_b2c_pays_the_phone_and_reports_the_result(shop):
    answer = shop.b2c().json()

    result = shop.result()
    conversation, receipt = answer["ConversationID"], result["TransactionID"]
    assert re.fullmatch(r"AG_[0-9]{8}_[0-9a-f]{20}", conversation)
    assert answer == {
        "OriginatorConversationID": "refund-1",
        "ConversationID": conversation,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }
    values = parameters(result)
    assert re.fullmatch(r"\d\d\.\d\d\.20\d\d \d\d:\d\d:\d\d", values.pop("TransactionCompletedDateTime"))
    assert values == {
        "TransactionAmount": 1000,
        "TransactionReceipt": receipt,
        "ReceiverPartyPublicName": f"{MSISDN} - GRACE NJERI",
        "B2CUtilityAccountAvailableFunds": UTILITY - 1005,
        "B2CWorkingAccountAvailableFunds": WORKING,
        "B2CRecipientIsRegisteredCustomer": "Y",
        "B2CChargesPaidAccountAvailableFunds": 0,
    }
    result.pop("ResultParameters")
    assert result.pop("ReferenceData")["ReferenceItem"]["Key"] == "QueueTimeoutURL"
    assert result == {
        "ResultType": 0,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": "refund-1",
        "ConversationID": conversation,
        "TransactionID": receipt,
    }
    assert shop.set_phone(unlock_pin=False)["balance"] == "501000.00"
    assert re.fullmatch(
        receipt + r" Confirmed\. You have received Ksh1,000\.00 from BYTEMTAANI on \d+/\d+/\d\d at \d+:\d\d [AP]M\."
        r" New M-PESA balance is Ksh501,000\.00\.",
        shop.messages()[0],
    )
    assert shop.accounts() == (UTILITY - 1005, WORKING)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Amount": 9}, 2),
        ({"Amount": 250_001}, 3),
        ({"PartyA": "600000"}, 2028),
        ({"PartyB": "254700000011"}, 11),
        ({"PartyB": "254700002006"}, 2006),
        ({"PartyB": "254700002040"}, 2040),
        ({"PartyB": "254700000404"}, "SFC_IC0003"),
        ({"Amount": 249_996}, 1),
    ],
)
def test_b2c_that_cannot_be_done_fails_in_the_result(shop, change, code):
    shop.b2c(**change)

    result = shop.result()

    assert (result["ResultCode"], "ResultParameters" in result) == (code, False)
    assert result["TransactionID"].endswith("0000000")
    assert shop.accounts() == (UTILITY, WORKING)
    assert [(entry["status"], entry["receipt_number"]) for entry in payouts(shop)] == [("failed", None)]


def test_b2c_fills_a_wallet_up_to_its_limit(start_shop):
    _, shop = start_shop(wallet_limit=500_500)

    for number, amount in enumerate((501, 500), 1):
        shop.b2c(OriginatorConversationID=f"r{number}", Amount=amount)
        shop.result(number)

    assert [body["Result"]["ResultCode"] for body in shop.inbox.so_far("/result/")] == [8, 0]


def test_b2c_keeps_to_the_customer_s_daily_limit(start_shop):
    _, shop = start_shop(daily_limit=1500)

    for number, amount in enumerate((1000, 501, 500), 1):
        shop.b2c(OriginatorConversationID=f"r{number}", Amount=amount)
        shop.result(number)

    assert [body["Result"]["ResultCode"] for body in shop.inbox.so_far("/result/")] == [0, 4, 0]


def test_b2c_may_empty_the_utility_account(start_shop):
    _, shop = start_shop(utility_balance=1005)

    shop.b2c()

    assert shop.result()["ResultCode"] == 0
    assert shop.accounts() == (0, WORKING)


@pytest.mark.parametrize("code", ["15", "21", "SFC_IC0003", "2040"])
def test_b2c_result_gives_any_code(shop, code):
    shop.faults({"fault": "b2c_result", "code": code})

    shop.b2c()

    assert str(shop.result()["ResultCode"]) == code
    assert shop.accounts() == (UTILITY, WORKING)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"OriginatorConversationID": None}, "OriginatorConversationID"),
        ({"InitiatorName": ""}, "InitiatorName"),
        ({"CommandID": "Pay"}, "CommandID"),
        ({"Amount": 10.5}, "Amount"),
        ({"Amount": "10.00"}, "Amount"),
        ({"Amount": 0}, "Amount"),
        ({"PartyA": "shop"}, "PartyA"),
        ({"PartyB": "0712345678"}, "PartyB"),
        ({"Remarks": "x"}, "Remarks"),
        ({"Remarks": None}, "Remarks"),
        ({"Remarks": "x" * 101}, "Remarks"),
        ({"Occassion": "x" * 101}, "Occassion"),
        ({"ResultURL": "shop"}, "ResultURL"),
        ({"QueueTimeOutURL": None}, "QueueTimeOutURL"),
    ],
)
def test_b2c_with_a_bad_field_is_refused(shop, change, field):
    response = shop.b2c(**change)

    assert (response.status_code, response.json()["errorCode"]) == (400, "400.002.02")
    assert response.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert payouts(shop) == []


def test_b2c_takes_digits_as_text_and_either_spelling_of_the_occasion(shop):
    shop.b2c(Amount="1000", PartyA=174379, PartyB=int(MSISDN), Occassion=None, Occasion="payout")

    assert shop.result()["ResultCode"] == 0
    assert payouts(shop)[0]["reference"] == "payout"


def test_b2c_with_a_known_id_is_refused_and_pays_once(shop):
    shop.b2c()
    shop.result()

    again = shop.b2c(Amount=50)

    assert (again.status_code, again.json()["errorCode"]) == (500, "500.002.1001")
    assert again.json()["errorMessage"] == "Duplicate OriginatorConversationID."
    assert shop.accounts() == (UTILITY - 1005, WORKING)


def test_b2c_id_of_a_failed_payment_is_known_as_well(shop):
    shop.b2c(Amount=5)
    shop.result()

    assert shop.b2c().json()["errorCode"] == "500.002.1001"


def test_b2c_of_version_1_has_no_protection(shop):
    path = "/mpesa/b2c/v1/paymentrequest"
    first, second = (shop.b2c(path, OriginatorConversationID=None).json() for _ in range(2))
    shop.result(2)

    assert first["OriginatorConversationID"] != second["OriginatorConversationID"]
    assert shop.accounts() == (UTILITY - 2010, WORKING)


def test_b2c_to_pochi_takes_its_own_command_alone(shop):
    path = "/mpesa/b2pochi/v1/paymentrequest"

    refused = shop.b2c(path)
    shop.b2c(path, CommandID="BusinessPayToPochi")

    assert refused.json()["errorMessage"] == "Bad Request - Invalid CommandID"
    assert shop.result()["ResultCode"] == 0


# --- to businesses


def test_b2b_pays_from_the_working_account(shop):
    shop.b2b()

    result = shop.result()

    assert (result["ResultCode"], parameters(result)["Amount"]) == (0, "700.00")
    assert shop.accounts() == (UTILITY, WORKING - 700)
    assert [(entry["kind"], entry["recipient"], entry["reference"]) for entry in payouts(shop)] == [
        ("b2b", "888880", "RENT")
    ]


def test_b2b_top_up_moves_money_between_the_own_accounts(shop):
    shop.b2b(CommandID="BusinessPayToBulk", PartyB="600992", AccountReference=None)

    shop.result()

    assert shop.accounts() == (UTILITY + 700, WORKING - 700)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"PartyB": "600992"}, 2028),
        ({"CommandID": "BusinessPayToBulk"}, 2028),
        ({"PartyA": "600000"}, 2028),
        ({"Amount": WORKING + 1}, 1),
        ({"Amount": 250_001}, 3),
    ],
)
def test_b2b_that_cannot_be_done_fails_in_the_result(shop, change, code):
    shop.b2b(**change)

    assert shop.result()["ResultCode"] == code
    assert shop.accounts() == (UTILITY, WORKING)


# --- faults


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("b2c_500_before", 500, "500.003.1001"),
        ("b2c_system_busy", 500, "500.003.02"),
        ("b2c_token_expired", 401, "401.002.01"),
    ],
)
def test_b2c_fault_without_effect_pays_nothing(shop, fault, status, code):
    shop.faults(fault)

    response = shop.b2c()

    assert (response.status_code, response.json()["errorCode"]) == (status, code)
    assert payouts(shop) == []


def test_b2c_id_of_a_request_that_a_fault_refused_is_free(shop):
    shop.faults("b2c_500_before")
    shop.b2c()

    shop.b2c()

    assert shop.result()["ResultCode"] == 0


@pytest.mark.parametrize(("fault", "status"), [("b2c_spike_arrest", 429), ("b2c_html_403", 403)])
def test_b2c_rate_limits_pay_nothing(shop, fault, status):
    shop.faults(fault)

    assert shop.b2c().status_code == status
    assert payouts(shop) == []


@pytest.mark.parametrize(
    ("fault", "status"),
    [("b2c_500_after", 500), ("b2c_empty_body", 200), ("b2c_truncated_json", 200), ("b2c_duplicate", 500)],
)
def test_b2c_fault_after_the_effect_breaks_the_answer_only(shop, fault, status):
    shop.faults(fault)

    response = shop.b2c()

    assert (response.status_code, "ResponseCode" in response.text) == (status, False)
    assert shop.result()["ResultCode"] == 0
    assert shop.b2c().json()["errorCode"] == "500.002.1001"


def test_b2c_answer_lost_closes_the_connection_and_pays(shop):
    shop.faults("b2c_answer_lost")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        shop.b2c()

    assert shop.result()["ResultCode"] == 0


def test_b2c_hang_after_pays_before_the_answer(shop):
    shop.faults({"fault": "b2c_hang_after", "seconds": 0.4})

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(shop.b2c)
        shop.result()
        done = hanging.done()

        assert hanging.result().status_code == 200
    assert not done


def test_b2c_hang_before_loses_to_the_same_id(shop):
    shop.headers  # noqa: B018 - fetches the token
    shop.faults({"fault": "b2c_hang_before", "seconds": 0.4})

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(shop.b2c)
        wait_for(lambda: shop.http.get("/control/faults").json()["struck"])
        first = shop.b2c()

        assert hanging.result().json()["errorCode"] == "500.002.1001"
    assert first.status_code == 200
    shop.result()
    assert shop.accounts() == (UTILITY - 1005, WORKING)


def test_b2c_result_lost_is_recorded_and_never_sent(shop):
    shop.faults("b2c_result_lost")

    shop.b2c()

    wait_for(lambda: [entry["state"] for entry in shop.deliveries()] == ["lost"])
    assert payouts(shop)[0]["status"] == "successful"
    assert shop.inbox.received == []


def test_b2c_result_late_comes_after_the_money(shop):
    shop.faults({"fault": "b2c_result_late", "seconds": 0.4})

    shop.b2c()
    wait_for(lambda: payouts(shop)[0]["status"] == "successful")

    assert shop.inbox.received == []
    assert shop.result()["ResultCode"] == 0


@pytest.mark.parametrize("parallel", [False, True])
def test_b2c_result_doubled_is_sent_n_times(shop, parallel):
    shop.faults({"fault": "b2c_result_doubled", "times": 3, "parallel": parallel})

    shop.b2c()

    assert len({str(body) for body in shop.inbox.at("/result/", 3)}) == 1
    assert payouts(shop)[0]["amount"] == "1000.00"


def test_b2c_queue_timeout_pays_nothing_and_reports_nothing(shop):
    shop.faults("b2c_queue_timeout")

    answer = shop.b2c().json()

    (timeout,) = shop.inbox.at("/timeout/")
    assert timeout["Result"]["ConversationID"] == answer["ConversationID"]
    assert [(entry["status"], entry["result_code"]) for entry in payouts(shop)] == [("failed", "queue_timeout")]
    assert shop.accounts() == (UTILITY, WORKING)
    assert shop.inbox.paths() == ["/timeout/", "/result/"]  # the result is that of the balance


def test_b2c_queue_timeout_then_success_pays_after_all(shop):
    shop.faults({"fault": "b2c_queue_timeout_then_success", "seconds": 0.4})

    shop.b2c()
    shop.inbox.at("/timeout/")
    at_first = payouts(shop)[0]["status"]

    assert at_first == "waiting"
    assert shop.result()["ResultCode"] == 0
    assert payouts(shop)[0]["status"] == "successful"


def test_b2c_faults_wait_for_their_phone_and_their_id(shop):
    shop.faults(
        {"fault": "b2c_500_before", "msisdn": OTHER},
        {"fault": "b2c_system_busy", "reference": "refund-3"},
    )

    answers = [
        shop.b2c(OriginatorConversationID="refund-1").status_code,
        shop.b2c(OriginatorConversationID="refund-2", PartyB=OTHER).json()["errorCode"],
        shop.b2c(OriginatorConversationID="refund-3").json()["errorCode"],
    ]

    assert answers == [200, "500.003.1001", "500.003.02"]


def test_b2c_faults_by_probability_follow_the_seed(shop):
    def refused(seed):
        shop.http.post("/control/reset")
        shop.faults(seed=seed, probabilities={"b2c_500_before": 0.5})
        return [shop.b2c(OriginatorConversationID=f"r{number}").status_code for number in range(20)]

    first, again, other = refused(7), refused(7), refused(8)

    assert first == again != other
    assert 3 <= first.count(500) <= 17


@pytest.mark.parametrize("faults", [["b2c_500_before", "callback_lost"], ["b2c_500_before", "reversal_500_before"]])
def test_faults_of_a_payout_stand_alone(shop, faults):
    assert shop.http.post("/control/faults", json={"queue": [{"faults": faults}]}).status_code == 400
