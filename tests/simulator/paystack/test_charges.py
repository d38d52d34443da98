"""``POST /charge``: every way to pay, the forms of the answer, and what comes between."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.simulator.merchant import wait_for

PROMPT = "Please complete authorization process on your mobile phone"


def data_of(response):
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["status"], answer["message"]) == (True, "Charge attempted")
    return answer["data"]


def test_mpesa_is_to_be_confirmed_on_the_phone(paystack, inbox):
    data = data_of(paystack.charge())

    assert data == {"reference": "ORD-1001-a1", "status": "pay_offline", "display_text": PROMPT}
    assert paystack.status() == "pending"
    checkout = paystack.open_checkouts()[0]
    assert checkout["customer"] == "+254712345678"
    assert [action["name"] for action in checkout["actions"]] == ["confirm", "decline", "insufficient-funds"]
    paystack.act("ORD-1001-a1", "confirm")
    assert (paystack.status(), inbox.wait()[0].json["event"]) == ("success", "charge.success")


@pytest.mark.parametrize(
    ("currency", "way"),
    [
        ("KES", {"phone": "+254710000000", "provider": "mpesa"}),
        ("GHS", {"phone": "0551234987", "provider": "mtn"}),
    ],
)
def test_phone_of_the_tests_confirms_by_itself(paystack, inbox, currency, way):
    data = data_of(paystack.charge(currency=currency, mobile_money=way))

    assert data["status"] == "pay_offline"
    assert inbox.wait()[0].json["data"]["status"] == "success"
    assert paystack.status() == "success"


@pytest.mark.parametrize(
    ("currency", "way", "expected"),
    [
        ("KES", {"phone": "+254733000111", "provider": "atl"}, {"status": "pay_offline", "display_text": PROMPT}),
        ("KES", {"account": "123456", "provider": "mptill"}, {"status": "pay_offline", "display_text": PROMPT}),
        ("GHS", {"phone": "0201234567", "provider": "atl"}, {"status": "pay_offline", "display_text": PROMPT}),
        ("XOF", {"phone": "0501234567", "provider": "mtn"}, {"status": "pay_offline", "display_text": PROMPT}),
        (
            "GHS",
            {"phone": "0201234567", "provider": "vod"},
            {"status": "send_otp", "display_text": "Please dial *110# to generate a voucher, then enter it"},
        ),
        (
            "XOF",
            {"phone": "0700000000", "provider": "orange"},
            {"status": "send_otp", "display_text": "Please enter the OTP sent to you"},
        ),
    ],
)
def test_mobile_money_of_each_country_begins_its_own_way(paystack, currency, way, expected):
    data = data_of(paystack.charge(currency=currency, mobile_money=way))

    assert data == {"reference": "ORD-1001-a1", **expected}


def test_mpesa_offline_tells_the_paybill_to_type_in(paystack):
    data = data_of(paystack.charge(mobile_money={"phone": "+254712345678", "provider": "mpesa_offline"}))

    assert (data["status"], data["account_number"]) == ("pay_offline", "4000111")
    assert isinstance(data["account_reference"], int)


def test_wave_sends_the_customer_to_a_page(paystack):
    data = data_of(paystack.charge(currency="XOF", mobile_money={"phone": "0700000000", "provider": "wave"}))

    assert (data["status"], paystack.status()) == ("open_url", "ongoing")
    page = data["url"].rsplit("/", 1)[1]
    assert paystack.http.get(f"/checkout/api/paystack/{page}").json()["state"] == "open"


@pytest.mark.parametrize(
    ("currency", "way", "status", "named"),
    [
        ("NGN", {"ussd": {"type": "737"}}, "pay_offline", "ussd_code"),
        ("ZAR", {"eft": {"provider": "ozow"}}, "open_url", "url"),
        ("ZAR", {"qr": {"provider": "scan-to-pay"}}, "pay_offline", "qr_code"),
        ("ZAR", {"capitec_pay": {"identifier_key": "k", "identifier_value": "v"}}, "pay_offline", "display_text"),
    ],
)
def test_other_channels_are_taken_where_they_exist(paystack, currency, way, status, named):
    data = data_of(paystack.charge(currency=currency, **way))
    paystack.act("ORD-1001-a1", "confirm")

    assert (data["status"], named in data) == (status, True)
    assert paystack.verified()["channel"] == next(iter(way))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mobile_money": None}, "Charge channel is required"),
        (
            {"mobile_money": {"phone": "+254712345678", "provider": "mpesa"}, "ussd": {"type": "737"}},
            "Only one charge channel is allowed",
        ),
        ({"mobile_money": "mpesa"}, "Invalid mobile_money passed"),
        ({"mobile_money": {"phone": "+254712345678"}}, "provider is required"),
        ({"mobile_money": {"phone": "+254712345678", "provider": "tmobile"}}, "Invalid mobile money provider"),
        ({"mobile_money": {"phone": "+254712345678", "provider": "vod"}}, "Invalid mobile money provider"),
        ({"mobile_money": {"provider": "mpesa"}}, "phone is required"),
        ({"mobile_money": {"phone": "0712345678", "provider": "mpesa"}}, "Invalid phone number"),
        ({"mobile_money": {"phone": "254712345678", "provider": "mpesa"}}, "Invalid phone number"),
        ({"mobile_money": {"provider": "mptill"}}, "account is required"),
        ({"mobile_money": {"provider": "mptill", "account": "till"}}, "Invalid till number"),
        ({"ussd": {"type": "737"}}, "Channel not available"),
        ({"currency": "ZAR", "eft": {"provider": "other"}}, "Invalid EFT provider"),
        ({"currency": "ZAR", "qr": {"provider": "other"}}, "Invalid QR provider"),
        ({"currency": "ZAR", "capitec_pay": {}}, "identifier_key is required"),
        ({"currency": "NGN", "bank": {"code": "057"}}, "account_number is required"),
        ({"currency": "GHS", "bank_transfer": {"account_expires_at": None}}, "Bank transfer is not available"),
        ({"currency": "NGN", "bank_transfer": {"account_expires_at": "soon"}}, "Invalid account_expires_at"),
        (
            {"currency": "NGN", "bank_transfer": {"account_expires_at": "2020-01-01T00:00:00Z"}},
            "Invalid account_expires_at",
        ),
        ({"authorization_code": "AUTH_nobody"}, "Invalid authorization code"),
        ({"email": ""}, "Email Address is required"),
    ],
)
def test_charge_that_cannot_be_is_refused(paystack, changes, message):
    response = paystack.charge(**changes)

    assert (response.status_code, response.json()["message"]) == (400, message)
    assert paystack.books()["payments"] == []


@pytest.mark.parametrize(
    ("action", "text"), [("decline", "Transaction was declined"), ("insufficient-funds", "Insufficient Funds")]
)
def test_phone_that_does_not_pay_ends_the_charge_and_no_event_says_so(paystack, inbox, action, text):
    paystack.charge()

    paystack.act("ORD-1001-a1", action)

    check = paystack.get("/charge/ORD-1001-a1")
    assert (check.status_code, check.json()) == (
        200,
        {
            "status": True,
            "message": "Reference check successful",
            "data": {"reference": "ORD-1001-a1", "status": "failed", "message": text},
        },
    )
    assert (paystack.status(), paystack.verified()["message"]) == ("failed", text)
    assert paystack.open_checkouts() == []
    assert paystack.payment("ORD-1001-a1")["status"] == "failed"
    time.sleep(0.1)
    assert (inbox.messages, paystack.deliveries()) == ([], [])


def test_charge_that_nobody_confirms_fails_in_silence(start_paystack, inbox):
    _, merchant = start_paystack(confirm_seconds=0.2)
    merchant.charge()
    pending = merchant.get("/charge/ORD-1001-a1").json()["data"]

    wait_for(lambda: merchant.status() == "failed")

    assert pending == {"reference": "ORD-1001-a1", "status": "pending"}
    assert merchant.get("/charge/ORD-1001-a1").json()["data"] == {
        "reference": "ORD-1001-a1",
        "status": "timeout",
        "message": "The customer did not confirm in time",
    }
    assert inbox.messages == []


def test_check_of_a_paid_charge_is_the_whole_transaction(paystack):
    paystack.charge()
    paystack.act("ORD-1001-a1", "confirm")

    data = paystack.get("/charge/ORD-1001-a1").json()["data"]

    assert (data["status"], data["amount"], data["channel"]) == ("success", 150000, "mobile_money")


def test_check_of_an_unknown_charge_is_a_400(paystack):
    response = paystack.get("/charge/NOBODY")

    assert (response.status_code, response.json()) == (
        400,
        {"status": False, "message": "Transaction reference is invalid"},
    )


# --- bank transfer


def test_pesalink_gives_an_account_for_25_minutes_and_a_reference(paystack):
    before = datetime.now(UTC)

    data = data_of(paystack.charge(bank_transfer={"account_expires_at": None}))

    expires = datetime.fromisoformat(data.pop("account_expires_at"))
    assert timedelta(minutes=24) < expires - before < timedelta(minutes=26)
    assert re.fullmatch(r"[0-9]{10}", data.pop("account_number"))
    assert re.fullmatch(r"[A-Z0-9]{6}", data.pop("transaction_reference"))
    assert data == {
        "reference": "ORD-1001-a1",
        "status": "pending_bank_transfer",
        "display_text": "Please make a transfer to the account specified",
        "amount": 150000,
        "account_name": "PAYSTACK CHECKOUT",
        "bank": {"slug": "example-bank", "name": "Example Bank", "id": 999},
    }
    assert paystack.get("/charge/ORD-1001-a1").json()["data"]["status"] == "pending_bank_transfer"


def test_account_in_nigeria_lives_as_long_as_the_merchant_says(paystack):
    wanted = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    data = data_of(paystack.charge(currency="NGN", bank_transfer={"account_expires_at": wanted}))

    assert data["account_expires_at"] == wanted


def test_bank_transfer_of_the_wrong_and_then_the_right_amount_pays(paystack, inbox):
    paystack.charge(bank_transfer={"account_expires_at": None})

    paystack.act("ORD-1001-a1", "wrong-bank-transfer")
    rejected = paystack.status()
    paystack.act("ORD-1001-a1", "pay-bank-transfer")

    assert (rejected, paystack.status()) == ("ongoing", "success")
    assert sorted(message.json["event"] for message in inbox.wait(2)) == ["bank.transfer.rejected", "charge.success"]


# --- what the merchant submits


@pytest.mark.parametrize(("otp", "status"), [("1234", "success"), ("9999", "failed")])
def test_orange_takes_the_otp_of_the_tests(paystack, otp, status):
    paystack.charge(currency="XOF", mobile_money={"phone": "0700000000", "provider": "orange"})

    data = data_of(paystack.post("/charge/submit_otp", reference="ORD-1001-a1", otp=otp))

    assert (data["status"], paystack.status()) == (status, status)
    assert paystack.books()["totals"]["successful"] == (status == "success")


def test_bank_asks_for_the_birthday_and_then_for_the_otp(paystack):
    first = data_of(paystack.charge(currency="NGN", bank={"code": "057", "account_number": "0000000000"}))
    early = paystack.post("/charge/submit_otp", reference="ORD-1001-a1", otp="123456")
    second = data_of(paystack.post("/charge/submit_birthday", reference="ORD-1001-a1", birthday="1990-01-31"))
    third = data_of(paystack.post("/charge/submit_otp", reference="ORD-1001-a1", otp="123456"))

    assert (first["status"], second["status"], third["status"]) == ("send_birthday", "send_otp", "success")
    assert (early.status_code, early.json()["message"]) == (400, "Charge attempt cannot be fulfilled")


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        ("pin", {"pin": "1234"}),
        ("otp", {"otp": "123456"}),
        ("phone", {"phone": "+254712345678"}),
        ("birthday", {"birthday": "1990-01-31"}),
        ("address", {"address": "1 Moi Avenue", "city": "Nairobi", "state": "Nairobi", "zip_code": "00100"}),
    ],
)
def test_charge_that_asks_for_something_goes_on_with_it(paystack, step, fields):
    paystack.faults({"fault": "paystack_charge_asks", "step": f"send_{step}"})
    asked = data_of(paystack.charge())

    missing = paystack.post(f"/charge/submit_{step}", reference="ORD-1001-a1")
    unknown = paystack.post(f"/charge/submit_{step}", reference="NOBODY", **fields)
    data = data_of(paystack.post(f"/charge/submit_{step}", reference="ORD-1001-a1", **fields))

    assert (asked["status"], data["status"]) == (f"send_{step}", "success")
    assert (missing.status_code, missing.json()["code"]) == (400, "missing_params")
    assert (unknown.status_code, unknown.json()["message"]) == (400, "Transaction reference is invalid")


# --- the forms of the answer


def test_charge_may_answer_with_the_whole_transaction(paystack, inbox):
    paystack.faults("paystack_charge_whole")

    data = data_of(paystack.charge())

    assert (data["status"], data["reference"], data["amount"]) == ("success", "ORD-1001-a1", 150000)
    assert (data["authorization"]["exp_month"], data["authorization"]["exp_year"]) == (12, 9999)
    assert inbox.wait()[0].json["event"] == "charge.success"


def test_charge_may_answer_with_no_more_than_pending(paystack, inbox):
    paystack.faults("paystack_charge_pending")

    data = data_of(paystack.charge())

    assert data == {"reference": "ORD-1001-a1", "status": "pending"}
    paystack.act("ORD-1001-a1", "confirm")
    assert inbox.wait()[0].json["data"]["reference"] == "ORD-1001-a1"


@pytest.mark.parametrize("path", ["/charge", "/transaction/charge_authorization"])
def test_saved_card_pays_at_once_for_its_own_customer_alone(paystack, path):
    paystack.pay("FIRST")
    code = paystack.verified("FIRST")["authorization"]["authorization_code"]
    fields = {"email": "amina@example.com", "amount": 99900, "reference": "AGAIN", "authorization_code": code}

    other = paystack.post(path, **{**fields, "email": "other@example.com"})
    data = data_of(paystack.post(path, **fields))

    assert (other.status_code, other.json()["message"]) == (400, "Invalid authorization code")
    assert (data["status"], data["amount"], data["authorization"]["authorization_code"]) == ("success", 99900, code)


def test_charge_authorization_needs_a_code(paystack):
    response = paystack.post("/transaction/charge_authorization", email="amina@example.com", amount=99900)

    assert (response.status_code, response.json()["code"]) == (400, "missing_params")
