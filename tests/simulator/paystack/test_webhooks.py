"""Webhooks: what they say, how they are signed, and what can go wrong with them."""

import hashlib
import hmac
import time

import pytest

from simulator.paystack.events import sign
from tests.simulator.paystack.merchant import SECRET_KEY


def is_genuine(message, key=SECRET_KEY):
    right = hmac.new(key.encode(), message.body.encode(), hashlib.sha512).hexdigest()
    return message.headers["x-paystack-signature"] == right


def test_signature_is_that_of_the_reference():
    body = (
        '{"event":"charge.success","data":{"reference":"ORD-1001-a1","amount":150000,"currency":"KES",'
        '"status":"success"}}'
    )

    assert sign("sk_test_example", body) == (
        "d1804b093bfce2ad48301e0007ac7ef74ee25760d45c7c6d66d3f6809087c8f42efc601a43da84df44f66b90a3529573"
        "b9ad4f3407ba05254be06591a0953c7e"
    )


def test_charge_success_has_every_field_and_is_signed(paystack, inbox):
    paystack.pay(action="pay-mpesa", metadata=None)

    message = inbox.wait()[0]
    data = message.json["data"]
    authorization, customer = data.pop("authorization"), data.pop("customer")
    assert (message.method, message.path) == ("POST", "/paystack/")
    assert message.headers["content-type"] == "application/json"
    assert is_genuine(message)
    assert ": " not in message.body.replace('", "', "").split('"ip_address"')[0]
    assert message.json["event"] == "charge.success"
    assert data.pop("id") == paystack.verified()["id"]
    assert data.pop("paid_at") == data.pop("paidAt")
    assert data.pop("created_at").endswith("Z")
    assert data == {
        "domain": "test",
        "status": "success",
        "reference": "ORD-1001-a1",
        "amount": 150000,
        "message": "madePayment",
        "gateway_response": "Approved",
        "channel": "mobile_money",
        "currency": "KES",
        "ip_address": "127.0.0.1, 198.51.100.4",
        "metadata": "",
        "log": None,
        "fees": 2250,
        "fees_split": None,
        "plan": {},
        "subaccount": {},
    }
    assert (authorization["bank"], authorization["account_name"]) == ("M-PESA", "AMINA OTIENO")
    assert (customer["first_name"], customer["last_name"], customer["phone"]) == ("Amina", "Otieno", "")


def test_no_webhook_address_means_no_webhook(paystack, inbox):
    paystack.http.post("/control/webhooks", json={"paystack": ""})

    paystack.pay()

    time.sleep(0.1)
    assert (inbox.messages, paystack.deliveries()) == ([], [])
    assert paystack.status() == "success"


def test_webhook_lost_is_recorded_and_never_sent(paystack, inbox):
    paystack.faults("paystack_webhook_lost")

    paystack.pay("LOST")
    paystack.pay("SENT")

    assert [message.json["data"]["reference"] for message in inbox.wait()] == ["SENT"]
    assert [delivery["state"] for delivery in paystack.wait_until_delivered(2)] == ["lost", "answered"]


def test_webhook_late_comes_after_its_seconds(paystack, inbox):
    paystack.faults({"fault": "paystack_webhook_late", "seconds": 0.4})

    paystack.pay()
    time.sleep(0.2)
    early = len(inbox.messages)

    assert (early, len(inbox.wait())) == (0, 1)


@pytest.mark.parametrize("parallel", [False, True])
def test_webhook_doubled_is_the_same_each_time(paystack, inbox, parallel):
    paystack.faults({"fault": "paystack_webhook_doubled", "times": 10, "parallel": parallel})

    paystack.pay()

    messages = inbox.wait(10)
    assert len({message.body for message in messages}) == 1
    assert all(is_genuine(message) for message in messages)


def test_webhook_doubled_may_come_again_after_a_while(paystack, inbox):
    paystack.faults({"fault": "paystack_webhook_doubled", "seconds": 0.4})

    paystack.pay()
    inbox.wait()
    time.sleep(0.15)
    at_first = len(inbox.messages)

    assert (at_first, len(inbox.wait(2))) == (1, 2)


def test_webhook_reordered_goes_out_after_another_payments(paystack, inbox):
    paystack.faults("paystack_webhook_reordered")

    paystack.pay("FIRST")
    time.sleep(0.1)
    paystack.pay("SECOND")

    assert [message.json["data"]["reference"] for message in inbox.wait(2)] == ["SECOND", "FIRST"]


def test_webhook_with_a_bad_signature_is_the_truth_that_cannot_be_checked(paystack, inbox):
    paystack.faults("paystack_webhook_bad_signature")

    paystack.pay()

    message = inbox.wait()[0]
    assert (is_genuine(message), message.json["data"]["status"]) == (False, "success")
    assert len(message.headers["x-paystack-signature"]) == 128


def test_webhook_forged_comes_before_anything_was_paid(paystack, inbox):
    paystack.faults("paystack_webhook_forged")
    paystack.start()

    forged = inbox.wait()[0]
    before = paystack.status()
    paystack.act("ORD-1001-a1", "pay-card")
    true = inbox.wait(2)[1]

    assert (is_genuine(forged), forged.json["event"], forged.json["data"]["status"]) == (
        False,
        "charge.success",
        "success",
    )
    assert (before, is_genuine(true)) == ("abandoned", True)


def test_webhook_early_comes_before_the_answer(paystack, inbox):
    paystack.auto_checkout()
    paystack.faults("paystack_webhook_early")

    paystack.start()

    assert [message.json["data"]["reference"] for message in inbox.messages] == ["ORD-1001-a1"]


def test_webhook_early_gives_up_when_nobody_pays(paystack, inbox):
    paystack.faults({"fault": "paystack_webhook_early", "seconds": 0.2})

    paystack.start()

    assert (inbox.messages, paystack.status()) == ([], "abandoned")


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        ("paystack_webhook_wrong_amount", {"amount": 149900}),
        ({"fault": "paystack_webhook_wrong_amount", "amount": 100}, {"amount": 100}),
        ("paystack_webhook_wrong_currency", {"currency": "NGN"}),
        ("paystack_webhook_wrong_mode", {"domain": "live"}),
        ("paystack_webhook_foreign_reference", {"reference": "NOBODY-KNOWS-THIS"}),
        ("paystack_webhook_amount_as_text", {"amount": "150000"}),
    ],
)
def test_webhook_fault_changes_one_value_and_not_the_books(paystack, inbox, fault, changed):
    paystack.faults(fault)

    paystack.pay()

    message = inbox.wait()[0]
    truth = {"amount": 150000, "currency": "KES", "domain": "test", "reference": "ORD-1001-a1"}
    assert {name: message.json["data"][name] for name in truth} == {**truth, **changed}
    assert is_genuine(message)
    assert {name: paystack.verified()[name] for name in truth} == truth
    assert paystack.books()["totals"]["captured"] == {"KES": "1500.00"}


def test_webhook_faults_stay_with_their_payment(paystack, inbox):
    paystack.faults({"faults": ["paystack_webhook_doubled", "paystack_webhook_wrong_amount"]})
    paystack.start("WITH")
    paystack.start("WITHOUT")

    paystack.act("WITHOUT", "pay-card")
    paystack.act("WITH", "pay-card")

    messages = inbox.wait(3)
    amounts = [(message.json["data"]["reference"], message.json["data"]["amount"]) for message in messages]
    assert sorted(amounts) == [("WITH", 149900), ("WITH", 149900), ("WITHOUT", 150000)]
    assert {delivery["note"] for delivery in paystack.wait_until_delivered(3)} == {
        "",
        "paystack_webhook_doubled, paystack_webhook_wrong_amount",
    }


def test_webhook_that_is_not_taken_comes_again(paystack, inbox):
    paystack.http.post("/control/webhooks", json={"retry_seconds": [0.05, 0.05, 0.05]})
    inbox.statuses = [500, 503]

    paystack.pay()

    messages = inbox.wait(3)
    delivery = paystack.wait_until_delivered(1)[0]
    assert len({message.body for message in messages}) == 1
    assert (delivery["state"], delivery["status"], delivery["attempts"]) == ("answered", 200, 3)
    assert [entry["status"] for entry in delivery["tries"]] == [500, 503, 200]
    time.sleep(0.15)
    assert len(inbox.messages) == 3


def test_forged_webhook_is_not_sent_again(paystack, inbox):
    paystack.http.post("/control/webhooks", json={"retry_seconds": [0.05]})
    paystack.faults("paystack_webhook_forged")
    inbox.statuses = [401]

    paystack.start()

    paystack.wait_until_delivered(1)
    time.sleep(0.15)
    assert len(inbox.messages) == 1
