import re

import pytest

from tests.simulator.daraja.shop import UTILITY, WORKING, parameters
from tests.simulator.merchant import MSISDN

CUSTOMER, BUSINESS = f"{MSISDN} - GRACE NJERI", "174379 - BYTEMTAANI"


def fate(shop, count=1):
    return parameters(shop.result(count))


def test_status_of_an_stk_payment_by_receipt(shop):
    receipt = shop.paid_receipt()

    answer = shop.status(TransactionID=receipt).json()

    result = shop.result()
    entries = result["ResultParameters"]["ResultParameter"]
    assert answer["ResponseCode"] == "0"
    assert (result["ResultCode"], result["TransactionID"][3:]) == (0, "0000000")
    assert [entry["Key"] for entry in entries] == [
        "DebitPartyName",
        "DebitPartyName",
        "CreditPartyName",
        "OriginatorConversationID",
        "InitiatedTime",
        "DebitAccountType",
        "DebitPartyCharges",
        "TransactionReason",
        "ReasonType",
        "TransactionStatus",
        "FinalisedTime",
        "Amount",
        "ConversationID",
        "ReceiptNo",
    ]
    assert entries[:3] == [
        {"Key": "DebitPartyName", "Value": CUSTOMER},
        {"Key": "DebitPartyName", "Value": BUSINESS},
        {"Key": "CreditPartyName", "Value": BUSINESS},
    ]
    assert {"Key": "TransactionReason"} in entries
    values = fate(shop)
    assert (values["TransactionStatus"], values["Amount"], values["ReceiptNo"]) == ("Completed", "1500", receipt)
    assert re.fullmatch(r"2[0-9]{13}", values["FinalisedTime"])
    assert result["ReferenceData"] == {"ReferenceItem": {"Key": "Occasion", "Value": "OK"}}


def test_status_of_a_payment_by_paybill(shop):
    receipt = shop.pay_bill()["receipt_number"]

    shop.status(TransactionID=receipt)

    assert (fate(shop)["TransactionStatus"], fate(shop)["ReasonType"]) == ("Completed", "Pay Utility")


def test_status_of_a_payout_by_receipt_and_by_conversation(shop):
    conversation = shop.b2c().json()["ConversationID"]
    receipt = shop.result()["TransactionID"]

    shop.status(TransactionID=receipt)
    by_receipt = fate(shop, 2)
    shop.status(OriginalConversationID="refund-1")
    by_conversation = fate(shop, 3)

    assert by_receipt == by_conversation
    assert (by_receipt["CreditPartyName"], by_receipt["ReceiptNo"]) == (CUSTOMER, receipt)
    assert (by_receipt["OriginatorConversationID"], by_receipt["ConversationID"]) == ("refund-1", conversation)
    assert by_receipt["DebitPartyCharges"] == "Fee For B2C Payment|KES|5.00"
    assert by_receipt["ReasonType"] == "Business Payment to Customer via API"


def test_status_of_a_payout_that_failed(shop):
    shop.b2c(Amount=9)
    shop.result()

    shop.status(OriginalConversationID="refund-1")

    assert (fate(shop, 2)["TransactionStatus"], fate(shop, 2)["ReceiptNo"]) == ("Declined", None)


def test_status_of_a_payout_that_waits(shop):
    shop.faults({"fault": "b2c_queue_timeout_then_success", "seconds": 20})
    shop.b2c()
    shop.inbox.at("/timeout/")

    shop.status(OriginalConversationID="refund-1")

    assert (fate(shop)["TransactionStatus"], fate(shop)["FinalisedTime"]) == ("Pending Authorized", None)


def test_status_of_a_payout_that_was_lost_in_the_queue_is_not_found(shop):
    shop.faults("b2c_queue_timeout")
    shop.b2c()
    shop.inbox.at("/timeout/")

    shop.status(OriginalConversationID="refund-1")

    assert shop.result()["ResultCode"] == 2033


def test_status_of_a_reversal(shop):
    original = shop.paid_receipt()
    conversation = shop.reverse(original).json()["OriginatorConversationID"]
    receipt = shop.result()["TransactionID"]

    shop.status(OriginalConversationID=conversation)

    values = fate(shop, 2)
    assert (values["TransactionStatus"], values["ReceiptNo"]) == ("Completed", receipt)
    assert (values["DebitPartyName"], values["CreditPartyName"]) == (CUSTOMER, CUSTOMER)  # the second of the two
    assert values["ReasonType"] == "Pay Bill Reversal"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"pin": "1234"}, "Completed"),
        ({"pin": "0000"}, "Declined"),
        ({"action": "cancel"}, "Cancelled"),
        ({"action": "timeout"}, "Expired"),
        (None, "Initiated"),
    ],
)
def test_status_of_a_push_by_its_merchant_request_id(shop, answer, status):
    push = shop.push().json()
    if answer:
        shop.answer(push["CheckoutRequestID"], **answer)

    shop.status(OriginalConversationID=push["MerchantRequestID"])

    assert fate(shop)["TransactionStatus"] == status


@pytest.mark.parametrize("asked", [{"TransactionID": "UKL4AB12CD"}, {"OriginalConversationID": "nothing"}])
def test_status_of_what_is_not_known(shop, asked):
    shop.status(**asked)

    assert (shop.result()["ResultCode"], "ResultParameters" in shop.result()) == (2033, False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "TransactionID"),
        ({"TransactionID": "lower case"}, "TransactionID"),
        ({"TransactionID": "UKL4AB12CD", "CommandID": "Status"}, "CommandID"),
        ({"TransactionID": "UKL4AB12CD", "IdentifierType": "9"}, "IdentifierType"),
        ({"TransactionID": "UKL4AB12CD", "PartyA": ""}, "PartyA"),
    ],
)
def test_status_with_a_bad_field_is_refused(shop, change, field):
    response = shop.status(**change)

    assert (response.status_code, response.json()["errorCode"]) == (400, "400.003.02")
    assert response.json()["errorMessage"] == f"Bad Request - Invalid {field}"


def test_balance_lists_the_accounts(shop):
    shop.pay()
    shop.balance()

    result = shop.result()

    assert parameters(result)["AccountBalance"] == (
        "Working Account|KES|100000.00|100000.00|0.00|0.00"
        "&Float Account|KES|0.00|0.00|0.00|0.00"
        "&Utility Account|KES|251500.00|251500.00|0.00|0.00"
        "&Charges Paid Account|KES|0.00|0.00|0.00|0.00"
        "&Organization Settlement Account|KES|0.00|0.00|0.00|0.00"
    )
    assert re.fullmatch(r"2[0-9]{13}", str(parameters(result)["BOCompletedTime"]))


def test_balance_of_another_shortcode_is_refused(shop):
    shop.balance(PartyA="600000")

    assert shop.result()["ResultCode"] == 2028


@pytest.mark.parametrize("stage", ["status", "balance"])
@pytest.mark.parametrize(
    ("fault", "status"),
    [("500", 500), ("system_busy", 500), ("spike_arrest", 429), ("html_403", 403), ("empty_body", 200)],
)
def test_transport_faults_break_the_answer(shop, stage, fault, status):
    shop.faults(f"{stage}_{fault}")
    ask = {"status": lambda: shop.status(TransactionID="UKL4AB12CD"), "balance": shop.balance}[stage]

    response = ask()

    assert (response.status_code, "ConversationID" in response.text) == (status, False)


@pytest.mark.parametrize(("stage", "status"), [("status", 400), ("balance", 401)])
def test_token_expired_refuses_until_there_is_another(shop, stage, status):
    shop.faults(f"{stage}_token_expired")
    ask = {"status": lambda: shop.status(TransactionID="UKL4AB12CD"), "balance": shop.balance}[stage]

    answers = [ask().status_code, ask().status_code]
    shop._token = ""

    assert [*answers, ask().status_code] == [status, status, 200]


def test_status_queue_timeout_has_no_result(shop):
    shop.faults("status_queue_timeout")
    shop.status(TransactionID="UKL4AB12CD")
    shop.inbox.at("/timeout/")

    assert shop.accounts() == (UTILITY, WORKING)
    assert shop.inbox.paths() == ["/timeout/", "/result/"]


def test_status_result_gives_any_code(shop):
    shop.faults({"fault": "status_result", "code": "100000001"})

    shop.status(TransactionID=shop.paid_receipt())

    assert shop.result()["ResultCode"] == 100000001
