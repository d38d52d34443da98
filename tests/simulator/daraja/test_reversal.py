import re

import pytest

from tests.simulator.daraja.shop import UTILITY, WORKING, parameters
from tests.simulator.merchant import MSISDN, wait_for


def refunds(shop):
    return [(refund["kind"], refund["amount"], refund["status"]) for refund in shop.books()["payments"][0]["refunds"]]


def test_reversal_sends_an_stk_payment_back(shop):
    original = shop.paid_receipt()

    shop.reverse(original)

    result = shop.result()
    receipt = result["TransactionID"]
    values = parameters(result)
    assert re.fullmatch(r"2[0-9]{13}", str(values.pop("TransCompletedTime")))
    assert receipt != original
    assert values == {
        "DebitAccountBalance": f"Utility Account|KES|{UTILITY}.00|{UTILITY}.00|0.00|0.00",
        "Amount": "1500.00",
        "OriginalTransactionID": original,
        "Charge": 0,
        "CreditPartyPublicName": f"{MSISDN} - GRACE NJERI",
        "DebitPartyPublicName": "174379 - BYTEMTAANI",
    }
    assert refunds(shop) == [("reversal", "1500.00", "successful")]
    assert shop.books()["totals"]["refunded"] == {"KES": "1500.00"}
    assert shop.set_phone(unlock_pin=False)["balance"] == "500000.00"
    assert shop.messages()[0].startswith(
        f"{receipt} Confirmed. Reversal of transaction {original} has been successfully reversed on "
    )


def test_reversal_sends_a_payment_by_paybill_back(shop):
    receipt = shop.pay_bill()["receipt_number"]

    shop.reverse(receipt, 300)

    assert shop.result()["ResultCode"] == 0
    assert shop.set_phone(unlock_pin=False)["balance"] == "500000.00"


def test_reversal_of_a_reversed_payment_is_refused(shop):
    receipt = shop.paid_receipt()
    shop.reverse(receipt)
    shop.result()

    shop.reverse(receipt)

    assert shop.result(2)["ResultCode"] == "R000001"
    assert shop.accounts() == (UTILITY, WORKING)
    assert refunds(shop) == [("reversal", "1500.00", "successful"), ("reversal", "1500.00", "failed")]


def test_reversal_of_what_is_not_known_is_refused(shop):
    shop.reverse("UKL4AB12CD")

    assert shop.result()["ResultCode"] == "R000002"


def test_reversal_of_a_payout_is_refused(shop):
    shop.b2c()
    receipt = shop.result()["TransactionID"]

    shop.reverse(receipt, 1000)

    assert shop.result(2)["ResultCode"] == "R000002"
    assert shop.accounts() == (UTILITY - 1005, WORKING)


@pytest.mark.parametrize("amount", [1499, 1, 1501])
def test_reversal_of_a_part_is_refused(shop, amount):
    shop.reverse(shop.paid_receipt(), amount)

    assert shop.result()["ResultCode"] == 25
    assert shop.accounts() == (UTILITY + 1500, WORKING)


def test_reversal_of_parts_where_the_settings_allow_it(start_shop):
    _, shop = start_shop(partial_reversals=True)
    receipt = shop.paid_receipt()

    for number, amount in enumerate((600, 901, 900, 1), 1):
        shop.reverse(receipt, amount)
        shop.result(number)

    codes = [body["Result"]["ResultCode"] for body in shop.inbox.so_far("/result/")]
    assert codes == [0, 25, 0, "R000001"]
    assert shop.accounts() == (UTILITY, WORKING)


def test_reversal_needs_money_in_the_utility_account(start_shop):
    _, shop = start_shop(utility_balance=0, b2c_charge=0)
    receipt = shop.paid_receipt()
    shop.b2c(Amount=1500)
    shop.result()

    shop.reverse(receipt)

    assert shop.result(2)["ResultCode"] == 1


def test_reversal_for_another_shortcode_is_refused(shop):
    shop.reverse(shop.paid_receipt(), ReceiverParty="600000")

    assert shop.result()["ResultCode"] == 2028


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"TransactionID": "short"}, "TransactionID"),
        ({"CommandID": "Reversal"}, "CommandID"),
        ({"RecieverIdentifierType": "1"}, "RecieverIdentifierType"),
        ({"ReceiverParty": None}, "ReceiverParty"),
        ({"Amount": "1500.00"}, "Amount"),
        ({"Remarks": ""}, "Remarks"),
    ],
)
def test_reversal_with_a_bad_field_is_refused(shop, change, field):
    response = shop.reverse("UKL4AB12CD", **change)

    assert (response.status_code, response.json()["errorMessage"]) == (400, f"Bad Request - Invalid {field}")


@pytest.mark.parametrize("kind", ["4", 11])
def test_reversal_takes_the_identifier_types_that_clients_send(shop, kind):
    shop.reverse(shop.paid_receipt(), RecieverIdentifierType=kind)

    assert shop.result()["ResultCode"] == 0


def test_reversal_result_lost_leaves_the_money_moved(shop):
    receipt = shop.paid_receipt()
    shop.faults("reversal_result_lost")

    shop.reverse(receipt)

    wait_for(lambda: refunds(shop) == [("reversal", "1500.00", "successful")])
    assert shop.inbox.so_far("/result/") == []


def test_reversal_queue_timeout_then_success_waits(shop):
    receipt = shop.paid_receipt()
    shop.faults({"fault": "reversal_queue_timeout_then_success", "seconds": 0.3})

    shop.reverse(receipt)
    shop.inbox.at("/timeout/")
    at_first = refunds(shop)

    shop.result()
    assert at_first == [("reversal", "1500.00", "pending")]
    assert refunds(shop) == [("reversal", "1500.00", "successful")]


def test_reversal_500_after_is_done(shop):
    receipt = shop.paid_receipt()
    shop.faults("reversal_500_after")

    response = shop.reverse(receipt)

    assert response.status_code == 500
    assert shop.result()["ResultCode"] == 0


def test_reversal_faults_wait_for_the_phone_that_paid_and_for_the_receipt(shop):
    receipt = shop.paid_receipt()
    shop.faults(
        {"fault": "reversal_500_before", "msisdn": "254722000111"},
        {"fault": "reversal_system_busy", "msisdn": MSISDN},
        {"fault": "reversal_spike_arrest", "reference": receipt},
    )

    statuses = [shop.reverse(receipt).status_code for _ in range(3)]

    assert statuses == [500, 429, 200]
    assert shop.http.get("/control/faults").json()["queue"][0]["faults"] == [{"fault": "reversal_500_before"}]
