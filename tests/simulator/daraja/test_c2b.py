import hashlib
import re

import pytest

from tests.simulator.daraja.shop import SHORTCODE, UTILITY
from tests.simulator.merchant import MSISDN, wait_for


def test_registration_is_answered_in_daraja_s_spelling(shop):
    answer = shop.register().json()

    conversation = answer.pop("OriginatorCoversationID")
    assert re.fullmatch(r"[0-9a-f-]{15}[0-9a-f]+[0-9]{7}", conversation)
    assert answer == {"ResponseCode": "0", "ResponseDescription": "Success"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ShortCode": "x"}, "ShortCode"),
        ({"ResponseType": "completed"}, "ResponseType"),
        ({"ResponseType": None}, "ResponseType"),
        ({"ConfirmationURL": None}, "ConfirmationURL"),
        ({"ConfirmationURL": "ftp://shop.example/"}, "ConfirmationURL"),
        ({"ConfirmationURL": "https://shop.example/mpesa/conf/"}, "ConfirmationURL"),
        ({"ConfirmationURL": "https://m-pesa.shop.example/conf/"}, "ConfirmationURL"),
        ({"ValidationURL": "https://shop.example/val/exec/"}, "ValidationURL"),
        ({"ValidationURL": "https://shop.example/SQL.php"}, "ValidationURL"),
    ],
)
def test_registration_with_a_bad_field_is_refused_and_nothing_kept(shop, inbox, change, field):
    response = shop.register(**change)

    assert (response.status_code, response.json()["errorCode"]) == (400, "400.003.02")
    assert response.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    shop.pay_bill()
    assert inbox.received == []


def test_registration_takes_a_token_that_holds_a_forbidden_word(shop, inbox):
    response = shop.register(ConfirmationURL=f"{inbox.url}/conf/aBexeCmdQ/", ValidationURL=None)

    shop.pay_bill()

    assert response.status_code == 200
    assert len(inbox.at("/conf/aBexeCmdQ/")) == 1


def test_registration_is_replaced_where_the_settings_allow_it(shop, inbox):
    shop.register(ValidationURL=None)
    shop.register(ConfirmationURL=f"{inbox.url}/other/", ValidationURL=None)

    shop.pay_bill()

    inbox.at("/other/")
    assert inbox.paths() == ["/other/"]


def test_registration_is_taken_once_where_the_settings_say_so(start_shop, inbox):
    _, shop = start_shop(c2b_register_again=False)
    shop.register(ValidationURL=None)

    again = shop.register(ConfirmationURL=f"{inbox.url}/other/", ValidationURL=None)

    assert (again.status_code, again.json()["errorCode"]) == (500, "500.003.1001")
    assert again.json()["errorMessage"] == "Urls are already registered"
    shop.pay_bill()
    inbox.at("/conf/")
    assert inbox.paths() == ["/conf/"]


def test_registration_needs_a_token(shop):
    shop._token = "none"

    response = shop.register()

    assert (response.status_code, response.json()["errorCode"]) == (400, "400.003.01")


def test_payment_by_paybill_is_validated_then_confirmed(shop, inbox):
    shop.register()

    outcome = shop.pay_bill()

    (validation,) = inbox.at("/val/")
    (confirmation,) = inbox.at("/conf/")
    receipt = outcome["receipt_number"]
    moment = confirmation.pop("TransTime")
    assert re.fullmatch(r"2[0-9]{13}", moment)
    assert confirmation == {
        "TransactionType": "Pay Bill",
        "TransID": receipt,
        "TransAmount": "300.00",
        "BusinessShortCode": SHORTCODE,
        "BillRefNumber": "1000017",
        "InvoiceNumber": "",
        "OrgAccountBalance": f"{UTILITY + 300}.00",
        "ThirdPartyTransID": "",
        "MSISDN": "2547 ***** 678",
        "FirstName": "GRACE",
        "MiddleName": "",
        "LastName": "",
    }
    validation.pop("TransTime")
    assert validation == {**confirmation, "OrgAccountBalance": ""}
    assert inbox.paths() == ["/val/", "/conf/"]
    entry = shop.books()["payments"][0]
    assert (entry["kind"], entry["status"], entry["reference"]) == ("c2b", "successful", "1000017")
    assert (entry["receipt_number"], entry["amount"], entry["refunds"]) == (receipt, "300.00", [])
    assert shop.messages()[0].startswith(f"{receipt} Confirmed. Ksh300.00 sent to BYTEMTAANI for account 1000017 on ")


def test_payment_at_a_till_has_no_reference(shop, inbox):
    shop.register(ValidationURL=None)

    outcome = shop.pay_till()

    (confirmation,) = inbox.at("/conf/")
    assert (confirmation["TransactionType"], confirmation["BillRefNumber"]) == ("Buy Goods", "")
    assert outcome["text"].startswith(f"{outcome['receipt_number']} Confirmed. Ksh300.00 paid to BYTEMTAANI on ")


def test_version_1_hashes_the_number(shop, inbox):
    shop.register("v1", ValidationURL=None)

    shop.pay_bill()

    assert inbox.at("/conf/")[0]["MSISDN"] == hashlib.sha256(MSISDN.encode()).hexdigest()


def test_third_party_id_of_the_validation_comes_back_in_the_confirmation(shop, inbox):
    shop.register()
    inbox.answers["/val/"] = {"ResultCode": "0", "ResultDesc": "Accepted", "ThirdPartyTransID": "SHOP-7"}

    shop.pay_bill()

    assert inbox.at("/conf/")[0]["ThirdPartyTransID"] == "SHOP-7"


@pytest.mark.parametrize("code", ["C2B00011", "C2B00012", "C2B00013", "C2B00014", "C2B00015", "C2B00016"])
def test_payment_that_the_shop_rejects_moves_no_money(shop, inbox, code):
    shop.register()
    inbox.answers["/val/"] = {"ResultCode": code, "ResultDesc": "Rejected"}

    outcome = shop.pay_bill()

    assert (outcome["status"], outcome["result_code"], outcome["receipt_number"]) == ("failed", code, None)
    assert outcome["text"].startswith("Failed. BYTEMTAANI did not accept Ksh300.00 to BYTEMTAANI: Invalid") or (
        code == "C2B00016"
    )
    entry = shop.books()["payments"][0]
    assert (entry["status"], entry["result_code"], entry["receipt_number"]) == ("failed", code, None)
    assert shop.set_phone(unlock_pin=False)["balance"] == "500000.00"
    assert inbox.paths() == ["/val/"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [("nonsense", 200), ("[]", 200), ({"ResultCode": "17"}, 200), ({"ResultCode": 0}, 500), ({}, 200)],
)
@pytest.mark.parametrize(("response_type", "outcome"), [("Completed", "successful"), ("Cancelled", "failed")])
def test_response_type_decides_where_the_answer_says_nothing(shop, inbox, answer, status, response_type, outcome):
    shop.register(ResponseType=response_type)
    inbox.answers["/val/"], inbox.statuses["/val/"] = answer, status

    assert shop.pay_bill()["status"] == outcome


@pytest.mark.parametrize(("response_type", "outcome"), [("Completed", "successful"), ("Cancelled", "failed")])
def test_response_type_decides_where_no_answer_comes_in_time(start_shop, inbox, response_type, outcome):
    _, shop = start_shop(c2b_validation_seconds=0.2)
    shop.register(ResponseType=response_type)
    inbox.delays["/val/"] = 0.6
    inbox.answers["/val/"] = {"ResultCode": "C2B00012", "ResultDesc": "Rejected"}

    assert shop.pay_bill()["status"] == outcome


def test_validation_can_be_switched_off(start_shop, inbox):
    _, shop = start_shop(c2b_validation=False)
    shop.register()

    shop.pay_bill()

    inbox.at("/conf/")
    assert inbox.paths() == ["/conf/"]


def test_confirmation_is_sent_once_whatever_is_answered(shop, inbox):
    shop.register(ValidationURL=None)
    inbox.statuses["/conf/"] = 500

    shop.pay_bill()

    wait_for(lambda: shop.deliveries()[0]["state"] == "answered")
    assert (shop.deliveries()[0]["status"], shop.deliveries()[0]["attempts"]) == (500, 1)


def test_money_that_is_spent_while_the_shop_is_asked_cannot_be_paid(start_shop, inbox):
    _, shop = start_shop()
    shop.register()
    inbox.delays["/val/"] = 0.5
    shop.set_phone(balance=300)
    shop.simulate()
    inbox.at("/val/")
    shop.set_phone(balance=100)

    wait_for(lambda: shop.books()["totals"]["waiting"] == 0)

    entry = shop.books()["payments"][0]
    assert (entry["status"], entry["result_code"]) == ("failed", "1")
    assert shop.set_phone(unlock_pin=False)["balance"] == "100.00"


def test_reset_while_the_shop_is_asked_forgets_the_payment(shop, inbox):
    shop.register()
    inbox.delays["/val/"] = 0.3
    shop.simulate()
    inbox.at("/val/")

    shop.http.post("/control/reset")

    wait_for(lambda: shop.deliveries() == [])
    assert shop.books()["payments"] == []
    assert shop.http.get("/phone/api/phones").json()["phones"] == []


# --- the sandbox's simulation


def test_simulation_pays_without_a_pin(shop, inbox):
    shop.register()

    answer = shop.simulate().json()

    (confirmation,) = inbox.at("/conf/")
    answer.pop("OriginatorCoversationID")
    assert answer == {"ResponseCode": "0", "ResponseDescription": "Accept the service request successfully."}
    assert (confirmation["TransAmount"], confirmation["BillRefNumber"]) == ("300.00", "1000017")
    assert shop.books()["totals"]["captured"] == {"KES": "300.00"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ShortCode": "600000"}, "ShortCode"),
        ({"CommandID": "Pay"}, "CommandID"),
        ({"Amount": "10.5"}, "Amount"),
        ({"Amount": 0}, "Amount"),
        ({"Amount": 250_001}, "Amount"),
        ({"Msisdn": "0712345678"}, "Msisdn"),
        ({"BillRefNumber": None}, "BillRefNumber"),
        ({"BillRefNumber": "x" * 21}, "BillRefNumber"),
    ],
)
def test_simulation_with_a_bad_field_is_refused(shop, change, field):
    response = shop.simulate(**change)

    assert (response.status_code, response.json()["errorMessage"]) == (400, f"Bad Request - Invalid {field}")
    assert shop.books()["payments"] == []


# --- an STK payment's confirmation


def test_stk_payment_is_confirmed_with_the_receipt_of_its_callback(shop, inbox):
    shop.register()

    receipt = shop.paid_receipt()

    (confirmation,) = inbox.at("/conf/")
    assert (confirmation["TransID"], confirmation["TransAmount"]) == (receipt, "1500.00")
    assert (confirmation["BillRefNumber"], confirmation["MSISDN"]) == ("1000017", "2547 ***** 678")
    assert inbox.paths() == ["/stk/8Qk1x/", "/conf/"]  # the callback first, and no validation


def test_stk_payment_at_a_till_is_confirmed_without_a_reference(shop, inbox):
    shop.register()

    shop.pay(TransactionType="CustomerBuyGoodsOnline", PartyB="512345")

    (confirmation,) = inbox.at("/conf/")
    assert (confirmation["TransactionType"], confirmation["BillRefNumber"]) == ("Buy Goods", "")


@pytest.mark.parametrize("answer", [{"pin": "0000"}, {"action": "cancel"}])
def test_stk_payment_that_fails_is_not_confirmed(shop, inbox, answer):
    shop.register()

    shop.answer(shop.start(), **answer)

    inbox.at("/stk/8Qk1x/")
    wait_for(lambda: shop.deliveries()[0]["state"] == "answered")
    assert len(shop.deliveries()) == 1


def test_stk_payment_is_not_confirmed_where_the_settings_say_so(start_shop, inbox):
    _, shop = start_shop(c2b_for_stk=False)
    shop.register()

    shop.pay()

    inbox.at("/stk/8Qk1x/")
    assert len(shop.deliveries()) == 1


# --- faults


def test_confirmation_lost_is_recorded_and_never_sent(shop, inbox):
    shop.register(ValidationURL=None)
    shop.faults("c2b_confirmation_lost")

    shop.pay_bill()
    shop.pay_bill()

    assert len(inbox.at("/conf/")) == 1
    assert shop.deliveries()[0]["state"] == "lost"
    assert shop.books()["totals"]["captured"] == {"KES": "600.00"}


def test_confirmation_doubled_is_sent_n_times(shop, inbox):
    shop.register(ValidationURL=None)
    shop.faults({"fault": "c2b_confirmation_doubled", "times": 3})

    shop.pay_bill()

    assert len({str(body) for body in inbox.at("/conf/", 3)}) == 1


def test_confirmation_late_does_not_hold_up_the_callback(shop, inbox):
    shop.register()
    shop.faults({"fault": "c2b_confirmation_late", "seconds": 0.4})

    shop.pay()

    inbox.at("/stk/8Qk1x/")
    assert inbox.so_far("/conf/") == []
    inbox.at("/conf/")


def test_callback_late_does_not_hold_up_the_confirmation(shop, inbox):
    shop.register()
    shop.faults({"fault": "callback_late", "seconds": 0.4})

    shop.pay()

    inbox.at("/conf/")
    assert inbox.so_far("/stk/8Qk1x/") == []
    inbox.at("/stk/8Qk1x/")


def test_callback_reordered_does_not_hold_up_the_confirmation(shop, inbox):
    shop.register()
    shop.faults({"fault": "callback_reordered", "seconds": 0.3})

    shop.pay()

    inbox.at("/conf/")
    assert inbox.so_far("/stk/8Qk1x/") == []
    inbox.at("/stk/8Qk1x/")


def test_confirmation_before_the_callback_comes_first(shop, inbox):
    shop.register()
    shop.faults("c2b_before_callback")

    shop.pay()

    inbox.at("/stk/8Qk1x/")
    assert inbox.paths() == ["/conf/", "/stk/8Qk1x/"]


@pytest.mark.parametrize(
    ("fault", "amount"),
    [
        ("c2b_confirmation_wrong_amount", "299.00"),
        ({"fault": "c2b_confirmation_wrong_amount", "amount": 3}, "3.00"),
    ],
)
def test_confirmation_with_a_wrong_amount_leaves_the_books_right(shop, inbox, fault, amount):
    shop.register(ValidationURL=None)
    shop.faults(fault)

    shop.pay_bill()

    assert inbox.at("/conf/")[0]["TransAmount"] == amount
    assert shop.books()["payments"][0]["amount"] == "300.00"


def test_confirmation_forged_has_a_receipt_of_nobody(shop, inbox):
    shop.register(ValidationURL=None)
    shop.faults("c2b_confirmation_forged")

    receipt = shop.pay_bill()["receipt_number"]

    true, forged = inbox.at("/conf/", 2)
    assert true["TransID"] == receipt
    assert forged["TransID"] not in (receipt, "")
    assert {**forged, "TransID": receipt} == true
    assert shop.books()["totals"]["payments"] == 1


def test_faults_of_a_push_strike_its_confirmation(shop, inbox):
    shop.register()
    shop.faults({"faults": ["callback_lost", "c2b_confirmation_doubled"]}, "c2b_confirmation_lost")

    shop.pay()
    shop.pay_bill()  # the scenario of confirmations alone waits for the next one

    assert len({body["TransID"] for body in inbox.at("/conf/", 2)}) == 1
    sent = [(entry["note"], entry["state"]) for entry in shop.deliveries() if entry["url"].endswith("/conf/")]
    assert [note for note, _ in sent] == [*["confirmation, c2b_confirmation_doubled"] * 2, sent[2][0]]
    assert sent[2] == ("confirmation, c2b_confirmation_lost", "lost")


@pytest.mark.parametrize(
    ("fault", "kind", "reference", "amount"),
    [
        ("c2b_without_stk", "Buy Goods", "", "1500.00"),
        ({"fault": "c2b_without_stk", "account": "same"}, "Pay Bill", "1000017", "1500.00"),
        ({"fault": "c2b_without_stk", "account": "HELLO", "amount": 40}, "Pay Bill", "HELLO", "40.00"),
    ],
)
def test_stranger_pays_out_of_the_blue(shop, inbox, fault, kind, reference, amount):
    shop.register(ValidationURL=None)
    shop.faults(fault)

    shop.start()

    (confirmation,) = inbox.at("/conf/")
    assert (confirmation["TransactionType"], confirmation["BillRefNumber"]) == (kind, reference)
    assert confirmation["TransAmount"] == amount
    kinds = [(entry["kind"], entry["status"]) for entry in shop.books()["payments"]]
    assert kinds == [("stk", "waiting"), ("c2b", "successful")]
