"""Payouts: recipients, transfers, one-time passwords, banks and the balance."""

import time

import pytest

from tests.simulator.merchant import wait_for

REFERENCE = "payout-2026-11-seller-42"


def transfer_events(inbox, count):
    return [message.json for message in inbox.wait(count)]


def test_recipient_is_made_once_for_each_account(paystack):
    fields = {"type": "mobile_money", "name": "Baraka Shop", "account_number": "0710000000", "bank_code": "MPESA"}

    first = paystack.post("/transferrecipient", **fields, currency="KES")
    again = paystack.post("/transferrecipient", **fields, currency="KES")
    other = paystack.post("/transferrecipient", **{**fields, "account_number": "0711000000"}, currency="KES")

    data = first.json()["data"]
    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 201]
    assert data["recipient_code"][:4] == "RCP_"
    assert again.json()["data"]["recipient_code"] == data["recipient_code"] != other.json()["data"]["recipient_code"]
    assert data["details"] == {
        "authorization_code": None,
        "account_number": "0710000000",
        "account_name": None,
        "bank_code": "MPESA",
        "bank_name": "M-PESA",
    }
    assert paystack.get(f"/transferrecipient/{data['recipient_code']}").json()["data"] == data
    assert paystack.get("/transferrecipient").json()["meta"]["total"] == 2
    assert paystack.get("/transferrecipient/RCP_nobody").status_code == 404


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "cash"}, "Invalid recipient type"),
        ({"name": ""}, "name is required"),
        ({"account_number": "abc"}, "Account number is invalid"),
        ({"bank_code": "XXX"}, "Bank is invalid"),
        ({"bank_code": "MPTILL"}, "Bank is invalid"),
        ({"currency": "EUR"}, "Currency not supported by merchant"),
    ],
)
def test_recipient_that_cannot_be_is_refused(paystack, changes, message):
    fields = {"type": "mobile_money", "name": "B", "account_number": "0710000000", "bank_code": "MPESA"}

    response = paystack.post("/transferrecipient", **{**fields, **changes})

    assert (response.status_code, response.json()["message"]) == (400, message)
    assert paystack.get("/transferrecipient").json()["data"] == []


def test_transfer_is_through_at_once_and_told(paystack, inbox):
    response = paystack.transfer()

    answer = response.json()
    data = answer["data"]
    assert (response.status_code, answer["message"]) == (200, "Transfer has been queued")
    assert (data["status"], data["reference"], data["transfer_code"][:4]) == ("success", REFERENCE, "TRF_")
    assert isinstance(data["recipient"], int)
    event = inbox.wait()[0].json
    assert event["event"] == "transfer.success"
    told = event["data"]
    assert told.pop("createdAt").endswith("Z")
    assert told.pop("updatedAt").endswith("Z")
    assert told.pop("id") == data["id"]
    assert told.pop("transfer_code") == data["transfer_code"]
    recipient = told.pop("recipient")
    assert told == {
        "amount": 120000,
        "currency": "KES",
        "domain": "test",
        "status": "success",
        "reference": REFERENCE,
        "reason": "November sales",
        "source": "balance",
        "source_details": None,
        "failures": None,
        "titan_code": None,
        "transferred_at": None,
        "fee_charged": 0,
        "gateway_response": None,
        "session": {"provider": None, "id": None},
        "integration": {"id": 412000, "is_live": False, "business_name": "Shop"},
    }
    assert (recipient["name"], recipient["details"]["bank_code"]) == ("Baraka Shop", "MPESA")
    verified = paystack.get(f"/transfer/verify/{REFERENCE}").json()
    assert (verified["message"], verified["data"]["status"]) == ("Transfer retrieved", "success")
    assert paystack.books()["totals"]["paid_out"] == {"KES": "1200.00"}


def test_transfer_of_the_same_reference_is_the_same_transfer(paystack, inbox):
    recipient = paystack.recipient()

    first = paystack.transfer(recipient=recipient).json()["data"]
    again = paystack.transfer(recipient=recipient).json()["data"]
    other = paystack.transfer(recipient=recipient, amount=1)

    assert first == again
    assert (other.status_code, other.json()["code"]) == (400, "duplicate_reference")
    assert len(paystack.books()["payouts"]) == 1
    inbox.wait()
    time.sleep(0.1)
    assert len(inbox.messages) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "card"}, "Invalid source"),
        ({"amount": 0}, "Amount is invalid"),
        ({"recipient": "RCP_nobody"}, "Recipient specified is invalid"),
        ({"recipient": ""}, "recipient is required"),
        ({"currency": "NGN"}, "Currency does not match the recipient"),
        ({"reference": "short"}, "Invalid transfer reference"),
        ({"reference": "PAYOUT-2026-11-SELLER-42"}, "Invalid transfer reference"),
        ({"reference": "p" * 51}, "Invalid transfer reference"),
        ({"amount": 100_000_001}, "Your balance is not enough to fulfil this request"),
    ],
)
def test_transfer_that_cannot_be_is_refused(paystack, changes, message):
    response = paystack.transfer(**changes)

    assert (response.status_code, response.json()["message"]) == (400, message)
    assert paystack.books()["payouts"] == []


def test_transfer_that_is_not_known_is_a_404(paystack):
    for path in (f"/transfer/verify/{REFERENCE}", "/transfer/TRF_nobody", "/transfer/1"):
        response = paystack.get(path)
        assert (response.status_code, response.json()["message"]) == (404, "Transfer not found")


def test_transfers_are_listed_and_fetched_by_code_and_id(paystack):
    data = paystack.transfer().json()["data"]

    assert [row["reference"] for row in paystack.get("/transfer").json()["data"]] == [REFERENCE]
    for name in (data["transfer_code"], data["id"]):
        assert paystack.get(f"/transfer/{name}").json()["data"]["reference"] == REFERENCE


def test_transfer_by_otp_waits_for_it(paystack, inbox):
    paystack.faults("paystack_transfer_otp")

    answer = paystack.transfer().json()
    code = answer["data"]["transfer_code"]
    wrong = paystack.post("/transfer/finalize_transfer", transfer_code=code, otp="000000")
    waiting = paystack.books()["payouts"][0]["status"]
    resent = paystack.post("/transfer/resend_otp", transfer_code=code)
    right = paystack.post("/transfer/finalize_transfer", transfer_code=code, otp="123456")
    again = paystack.post("/transfer/finalize_transfer", transfer_code=code, otp="123456")

    assert (answer["message"], answer["data"]["status"]) == ("Transfer requires OTP to continue", "otp")
    assert (wrong.status_code, waiting, resent.json()["message"]) == (400, "waiting", "OTP has been resent")
    assert (right.json()["data"]["status"], again.status_code) == ("pending", 400)
    assert transfer_events(inbox, 1)[0]["event"] == "transfer.success"
    assert paystack.post("/transfer/finalize_transfer", transfer_code="TRF_nobody", otp="1").status_code == 404
    assert paystack.post("/transfer/resend_otp", transfer_code=code).status_code == 400


def test_otp_is_switched_on_and_off_by_the_merchant(paystack):
    paystack.post("/transfer/enable_otp")
    first = paystack.transfer().json()["data"]["status"]
    paystack.post("/transfer/disable_otp")
    wrong = paystack.post("/transfer/disable_otp_finalize", otp="1")
    still = paystack.transfer(reference="payout-2026-11-seller-43").json()["data"]["status"]
    paystack.post("/transfer/disable_otp_finalize", otp="123456")
    after = paystack.transfer(reference="payout-2026-11-seller-44").json()["data"]["status"]

    assert (first, wrong.status_code, still, after) == ("otp", 400, "otp", "success")


@pytest.mark.parametrize(
    ("fault", "events", "status", "booked"),
    [
        ({"fault": "paystack_transfer_pending", "seconds": 0.1}, ["transfer.success"], "success", "successful"),
        ("paystack_transfer_fails", ["transfer.failed"], "failed", "failed"),
        (
            {"fault": "paystack_transfer_reversed", "seconds": 0.1},
            ["transfer.success", "transfer.reversed"],
            "reversed",
            "failed",
        ),
        ("paystack_transfer_blocked", [], "blocked", "failed"),
    ],
)
def test_transfer_may_end_otherwise(paystack, inbox, fault, events, status, booked):
    paystack.faults(fault)

    paystack.transfer()
    wait_for(lambda: paystack.get(f"/transfer/verify/{REFERENCE}").json()["data"]["status"] == status)

    told = transfer_events(inbox, len(events))
    assert [event["event"] for event in told] == events
    assert paystack.books()["payouts"][0]["status"] == booked
    expected = 100_000_000 - (120_000 if status == "success" else 0)
    assert paystack.get("/balance").json()["data"] == [{"currency": "KES", "balance": expected}]
    for event in told:
        dated = "createdAt" if event["event"] == "transfer.success" else "created_at"
        assert dated in event["data"]


@pytest.mark.parametrize(
    ("fault", "count"),
    [
        ("paystack_transfer_webhook_doubled", 2),
        ({"fault": "paystack_transfer_webhook_late", "seconds": 0.1}, 1),
        ({"fault": "paystack_transfer_webhook_reordered", "seconds": 0.1}, 1),
        ("paystack_transfer_webhook_bad_signature", 1),
        ("paystack_transfer_webhook_lost", 0),
    ],
)
def test_transfer_webhooks_may_go_wrong(paystack, inbox, fault, count):
    paystack.faults(fault)

    paystack.transfer()

    paystack.wait_until_delivered(max(1, count))
    assert len(inbox.messages) == count


def test_bulk_transfer_queues_all_or_nothing(paystack, inbox):
    recipient = paystack.recipient()
    entries = [
        {"amount": 10000, "recipient": recipient, "reference": f"payout-2026-11-bulk-{number}"} for number in range(3)
    ]

    refused = paystack.post("/transfer/bulk", source="balance", currency="KES", transfers=[*entries, {"amount": 1}])
    twice = paystack.post("/transfer/bulk", source="balance", currency="KES", transfers=[entries[0], entries[0]])
    empty = paystack.post("/transfer/bulk", source="balance", currency="KES", transfers=[])
    before = paystack.books()["payouts"]
    done = paystack.post("/transfer/bulk", source="balance", currency="KES", transfers=entries)
    again = paystack.post("/transfer/bulk", source="balance", currency="KES", transfers=entries)

    assert [response.status_code for response in (refused, twice, empty, done, again)] == [400, 400, 400, 200, 400]
    assert before == []
    assert done.json()["message"] == "3 transfers queued."
    assert [row["reference"] for row in done.json()["data"]] == [entry["reference"] for entry in entries]
    assert len(transfer_events(inbox, 3)) == 3
    assert paystack.books()["totals"]["paid_out"] == {"KES": "300.00"}


def test_balance_follows_payments_fees_refunds_and_transfers(paystack):
    paystack.pay("IN", action="pay-mpesa")
    paystack.refund("IN", amount=50000)
    paystack.transfer(amount=20000)

    answer = paystack.get("/balance").json()

    expected = 100_000_000 + 150_000 - 2_250 - 50_000 - 20_000
    assert (answer["message"], answer["data"]) == (
        "Balances retrieved",
        [{"currency": "KES", "balance": expected}],
    )


def test_banks_are_listed_by_country_and_type(paystack):
    everything = paystack.get("/bank").json()["data"]
    kenya = paystack.get("/bank", country="kenya", type="mobile_money").json()["data"]
    refused = paystack.get("/bank", country="atlantis")

    assert [bank["code"] for bank in kenya] == ["MPESA", "ATL_KE"]
    assert {bank["currency"] for bank in everything} == {"KES", "NGN", "GHS", "ZAR", "XOF"}
    assert refused.status_code == 400
