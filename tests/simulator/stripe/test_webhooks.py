"""Webhooks: signed as Stripe's library wants them, sent again, and what can go wrong with them."""

import json
import time
from datetime import datetime, timedelta

import pytest
import stripe

from simulator.stripe.signatures import signature_header
from tests.simulator.merchant import wait_for
from tests.simulator.stripe.shop import WEBHOOK_SECRET, error_of

PAYMENT = ["payment_intent.succeeded", "checkout.session.completed"]


def opened(message, secret=WEBHOOK_SECRET):
    """Return a webhook's event as Stripe's own library reads it."""
    return stripe.Webhook.construct_event(message.body.encode(), message.headers["stripe-signature"], secret)


def is_genuine(message, secret=WEBHOOK_SECRET):
    try:
        opened(message, secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def types(messages):
    return [message.json["type"] for message in messages]


def test_signature_is_that_of_the_reference():
    assert signature_header("whsec_example", 1795200000, '{"id":"evt_1","object":"event"}') == (
        "t=1795200000,v1=a65a795890e22ea5d646f7048f578a42678e12c4349ced8f3e11b82d11a2924e"
    )


def test_webhook_is_the_reference_s_and_opens_with_the_library(shop, inbox):
    session = shop.pay_session()

    messages = inbox.wait(2)
    event = opened(messages[0])
    body = messages[0].json
    assert (messages[0].method, messages[0].path) == ("POST", "/stripe/")
    assert messages[0].headers["content-type"] == "application/json; charset=utf-8"
    assert (event.type, event.data.object.id, event.data.object.amount_received) == (
        "payment_intent.succeeded",
        session["payment_intent"],
        150000,
    )
    assert {name: body[name] for name in ("object", "api_version", "livemode", "pending_webhooks", "request")} == {
        "object": "event",
        "api_version": "2026-10-28.endive",
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
    }
    assert "previous_attributes" not in body["data"]
    assert body["data"]["object"] == shop.got(f"payment_intents/{session['payment_intent']}")
    assert shop.got(f"events/{event.id}") == body
    assert opened(messages[1]).data.object.id == session["id"]


def test_no_address_means_no_webhook(shop, inbox):
    shop.http.post("/control/webhooks", json={"stripe": ""})

    shop.pay_session()

    time.sleep(0.1)
    assert (inbox.messages, shop.deliveries()) == ([], [])


def test_webhook_comes_again_until_it_is_taken_and_is_signed_anew(shop, inbox):
    shop.http.post("/control/webhooks", json={"retry_seconds": [1.1, 0.1]})
    inbox.statuses = [500, 301]

    shop.posted(f"payment_intents/{shop.open_intent()['id']}/cancel")

    messages = inbox.wait(3)
    assert len({message.body for message in messages}) == 1
    assert all(is_genuine(message) for message in messages)
    assert messages[0].headers["stripe-signature"] != messages[1].headers["stripe-signature"]
    wait_for(lambda: shop.deliveries()[0]["state"] == "answered")
    assert [entry["status"] for entry in shop.deliveries()[0]["tries"]] == [500, 301, 200]


@pytest.mark.parametrize("fault", ["lost", "forged", "tampered", "unsigned", "v0_only"])
def test_webhook_that_must_not_be_believed(shop, inbox, fault):
    shop.faults(f"stripe_webhook_{fault}")

    shop.pay_session()
    shop.pay_session()

    if fault == "lost":
        assert types(inbox.wait(2)) == PAYMENT
        assert [delivery["state"] for delivery in shop.wait_until_delivered(4)][:2] == ["lost", "lost"]
        return
    messages = inbox.wait(4)
    told = {message.json["id"]: message for message in messages}
    genuine = sorted(is_genuine(message) for message in messages if "stripe-signature" in message.headers)
    assert genuine == ([True] * 2 if fault == "unsigned" else [False] * 2 + [True] * 2)
    assert len(told) == 4


def test_tampered_webhook_tells_another_amount(shop, inbox):
    shop.faults("stripe_webhook_tampered")

    intent = shop.paid_intent()

    assert inbox.wait()[0].json["data"]["object"]["amount_received"] == 149999
    assert shop.got(f"payment_intents/{intent['id']}")["amount_received"] == 150000


def test_second_signature_beside_the_right_one_is_no_harm(shop, inbox):
    shop.faults("stripe_webhook_two_signatures")

    shop.pay_session()

    header = inbox.wait(2)[0].headers["stripe-signature"]
    assert header.count("v1=") == 2
    assert all(is_genuine(message) for message in inbox.messages)


@pytest.mark.parametrize(
    ("fault", "seconds", "genuine"), [("old_t", 600, False), ("old_t", 200, True), ("future_t", 3600, True)]
)
def test_time_of_the_signature_can_be_wrong(shop, inbox, fault, seconds, genuine):
    shop.faults({"fault": f"stripe_webhook_{fault}", "seconds": float(seconds)})

    shop.pay_session()

    message = inbox.wait(2)[0]
    moment = int(message.headers["stripe-signature"].partition(",")[0].removeprefix("t="))
    off = moment - time.time()
    assert abs(abs(off) - seconds) < 5
    assert (off > 0) == (fault == "future_t")
    assert is_genuine(message) == genuine


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"fault": "stripe_webhook_wrong_amount"}, (149999, "kes", False)),
        ({"fault": "stripe_webhook_wrong_amount", "amount": 7}, (7, "kes", False)),
        ({"fault": "stripe_webhook_wrong_currency"}, (150000, "usd", False)),
        ({"fault": "stripe_webhook_wrong_livemode"}, (150000, "kes", True)),
    ],
)
def test_webhook_may_tell_something_wrong_under_a_right_signature(shop, inbox, fault, told):
    shop.faults(fault)

    shop.pay_session()

    for message, amount in zip(inbox.wait(2), ("amount_received", "amount_total"), strict=True):
        event = opened(message)
        thing = event.data.object
        assert (getattr(thing, amount), thing.currency, thing.livemode) == told
        assert event.livemode == told[2]
    assert [(entry["amount"], entry["currency"]) for entry in shop.books()["payments"]] == [("1500.00", "KES")]


@pytest.mark.parametrize("parallel", [False, True])
def test_doubled_webhooks_have_one_event_id(shop, inbox, parallel):
    shop.faults({"fault": "stripe_webhook_doubled", "times": 5, "parallel": parallel})

    shop.pay_session()

    messages = inbox.wait(10)
    assert sorted(types(messages)) == sorted(PAYMENT * 5)
    assert len({message.json["id"] for message in messages}) == 2
    assert all(is_genuine(message) for message in messages)


def test_late_webhook_comes_after_its_seconds(shop, inbox):
    shop.faults({"fault": "stripe_webhook_late", "seconds": 0.4})

    start = time.monotonic()
    shop.pay_session()

    assert (types(inbox.wait(2)), time.monotonic() - start >= 0.4) == (PAYMENT, True)


def test_webhook_may_be_out_before_the_answer(shop, inbox):
    shop.faults("stripe_webhook_early")
    intent = shop.open_intent()

    shop.confirm(intent["id"])

    assert types(inbox.messages) == ["payment_intent.succeeded"]


def test_webhook_of_a_customer_who_pays_at_once_may_be_out_before_the_session_s_answer(shop, inbox):
    shop.auto_checkout(provider="stripe")
    shop.faults("stripe_webhook_early")

    session = shop.open_session()

    assert "payment_intent.succeeded" in types(inbox.messages)
    assert session["status"] == "open"


def test_reordered_webhooks_wait_for_those_of_another_payment(shop, inbox):
    shop.faults({"fault": "stripe_webhook_reordered", "seconds": 5.0})

    first = shop.pay_session(client_reference_id="FIRST")
    second = shop.pay_session(client_reference_id="SECOND")

    order = [message.json["data"]["object"]["id"] for message in inbox.wait(4)]
    assert order == [second["payment_intent"], second["id"], first["payment_intent"], first["id"]]


@pytest.mark.parametrize(("fault", "order"), [("reversed", PAYMENT[::-1]), ("together", sorted(PAYMENT))])
def test_webhooks_of_one_moment_come_in_another_order_or_at_once(shop, inbox, fault, order):
    shop.faults(f"stripe_webhook_{fault}")

    shop.pay_session()

    told = types(inbox.wait(2))
    assert (sorted(told) if fault == "together" else told) == order
    if fault == "together":
        first, second = (datetime.fromisoformat(d["sent_at"]) for d in shop.wait_until_delivered(2))
        assert abs(first - second) < timedelta(seconds=0.2)


def test_faults_of_refunds_leave_the_payment_alone(shop, inbox):
    shop.faults({"fault": "stripe_refund_webhook_doubled", "times": 2})
    intent = shop.paid_intent()

    shop.refund(intent)

    assert sorted(types(inbox.wait(5))) == [
        *["charge.refunded"] * 2,
        "payment_intent.succeeded",
        *["refund.created"] * 2,
    ]


def test_fault_waits_for_its_reference(shop, inbox):
    shop.faults({"fault": "stripe_webhook_forged", "reference": "SECOND"})

    shop.pay_session(client_reference_id="FIRST")
    first = [is_genuine(message) for message in inbox.wait(2)]
    shop.pay_session(client_reference_id="SECOND")

    assert (first, [is_genuine(message) for message in inbox.wait(4)[2:]]) == ([True] * 2, [False] * 2)


# --- endpoints made by the API


def test_endpoint_of_the_api_has_a_secret_of_its_own(shop, inbox):
    endpoint = shop.posted(
        "webhook_endpoints", {"url": f"{inbox.url}/own/", "enabled_events[]": ["payment_intent.created"]}
    )

    shop.open_intent()

    message = inbox.wait()[0]
    assert (message.path, types([message])) == ("/own/", ["payment_intent.created"])
    assert (is_genuine(message, endpoint["secret"]), is_genuine(message)) == (True, False)
    shown = shop.got(f"webhook_endpoints/{endpoint['id']}")
    assert shown == {name: value for name, value in endpoint.items() if name != "secret"}
    assert shop.got("webhook_endpoints")["data"] == [shown]


def test_endpoint_can_be_changed_disabled_and_deleted(shop, inbox):
    shop.http.post("/control/webhooks", json={"stripe": ""})
    endpoint = shop.posted("webhook_endpoints", {"url": f"{inbox.url}/own/", "enabled_events[]": "*"})
    own = f"webhook_endpoints/{endpoint['id']}"

    shop.posted(own, {"url": f"{inbox.url}/moved/", "enabled_events[]": "payment_intent.canceled"})
    shop.posted(f"payment_intents/{shop.open_intent()['id']}/cancel")
    moved = inbox.wait()
    disabled = shop.posted(own, {"disabled": True})
    shop.posted(f"payment_intents/{shop.open_intent()['id']}/cancel")
    deleted = shop.http.delete(f"/v1/{own}", headers=shop.headers).json()

    assert [(message.path, message.json["type"]) for message in moved] == [("/moved/", "payment_intent.canceled")]
    assert (disabled["status"], deleted) == (
        "disabled",
        {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True},
    )
    assert (len(shop.deliveries()), error_of(shop.get(own))[0]) == (1, 404)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"enabled_events[]": "*"}, "parameter_missing", "url"),
        ({"url": "shop.example", "enabled_events[]": "*"}, "url_invalid", "url"),
        ({"url": "https://shop.example/"}, "parameter_missing", "enabled_events"),
    ],
)
def test_wrong_endpoint_is_refused(shop, fields, code, param):
    answer = shop.post("webhook_endpoints", fields)

    assert error_of(answer) == (400, "invalid_request_error", code, param)
    assert shop.got("webhook_endpoints")["data"] == []


def test_endpoint_elsewhere_is_never_contacted(shop):
    shop.posted("webhook_endpoints", {"url": "https://shop.example/hooks/", "enabled_events[]": "*"})

    shop.open_intent()

    delivery = shop.wait_until_delivered(1)[0]
    assert (delivery["state"], json.loads(delivery["body"])["type"]) == ("refused", "payment_intent.created")
