"""Webhooks: signed over the CRC32 of their bytes, sent again, and what can go wrong with them."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import padding

from simulator.paypal.certificates import signed_text
from tests.simulator.merchant import wait_for
from tests.simulator.paypal.shop import REFERENCE, capture_of
from tests.simulator.paypal.signatures import certificates_of, is_genuine, verified_by_paypal

APPROVED = "CHECKOUT.ORDER.APPROVED"
PAID = ["PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.COMPLETED"]


def types(messages):
    return [message.json["event_type"] for message in messages]


def paid_messages(shop, inbox, count=2, **changes):
    """Let a payment be captured; return the webhooks that follow the approval's."""
    order_id = shop.approved(**changes)
    before = len(inbox.wait())
    assert shop.capture(order_id).status_code == 201
    return inbox.wait(before + count)[before:]


def test_signed_text_is_that_of_the_reference():
    body = b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"breakdown":{}}}'

    assert (
        signed_text("0f3a9b52-6c1e-11f0-9d47-2b8e6a51c3d4", "2026-11-21T08:05:46Z", "5EX13806WE220947H", body)
        == "0f3a9b52-6c1e-11f0-9d47-2b8e6a51c3d4|2026-11-21T08:05:46Z|5EX13806WE220947H|934900949"
    )


def test_webhook_is_the_reference_s_and_signed(shop, inbox):
    message = paid_messages(shop, inbox)[0]

    event = message.json
    base = str(shop.http.base_url).rstrip("/")
    own = f"{base}/v1/notifications/webhooks-events/{event['id']}"
    assert (message.method, message.path) == ("POST", "/paypal/")
    assert set(event) == {
        "id",
        "event_version",
        "resource_version",
        "create_time",
        "resource_type",
        "event_type",
        "summary",
        "resource",
        "links",
    }
    assert (event["id"][:3], event["event_version"], event["resource_version"]) == ("WH-", "1.0", "2.0")
    assert event["links"] == [
        {"href": own, "rel": "self", "method": "GET"},
        {"href": f"{own}/resend", "rel": "resend", "method": "POST"},
    ]
    assert {name: message.headers[f"paypal-{name}"] for name in ("auth-algo", "auth-version")} == {
        "auth-algo": "SHA256withRSA",
        "auth-version": "v2",
    }
    assert message.headers["paypal-cert-url"].startswith(f"{base}/v1/notifications/certs/CERT-")
    sent = datetime.fromisoformat(message.headers["paypal-transmission-time"])
    assert abs(datetime.now(UTC) - sent) < timedelta(seconds=10)
    assert is_genuine(shop, message)
    assert not is_genuine(shop, message, webhook_id="another")


def test_certificate_is_signed_by_its_authority(shop, inbox):
    certificate, authority = certificates_of(shop, paid_messages(shop, inbox)[0])

    certificate.verify_directly_issued_by(authority)
    authority.public_key().verify(
        authority.signature, authority.tbs_certificate_bytes, padding.PKCS1v15(), authority.signature_hash_algorithm
    )
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc


def test_unknown_certificate_is_a_404(shop):
    assert shop.http.get("/v1/notifications/certs/CERT-nobody").status_code == 404


def test_webhook_under_the_prefix_names_a_certificate_there(shop, inbox):
    headers = {**shop.headers, "PayPal-Request-Id": "1"}
    order = shop.http.post("/paypal/v2/checkout/orders", json=shop.order_body(), headers=headers).json()

    shop.choose(order["id"])

    message = inbox.wait()[0]
    assert "/paypal/v1/notifications/certs/" in message.headers["paypal-cert-url"]
    assert is_genuine(shop, message)


def test_webhook_comes_again_until_it_is_taken_with_a_new_transmission(shop, inbox):
    shop.http.post("/control/webhooks", json={"retry_seconds": [0.05, 0.05]})
    inbox.statuses = [500, 302]

    shop.approved()

    messages = inbox.wait(3)
    assert len({message.body for message in messages}) == 1
    assert len({message.headers["paypal-transmission-id"] for message in messages}) == 3
    assert all(is_genuine(shop, message) for message in messages)
    wait_for(lambda: shop.deliveries()[0]["state"] == "answered")
    assert [entry["status"] for entry in shop.deliveries()[0]["tries"]] == [500, 302, 200]


def test_signature_can_be_checked_after_a_restart(start_paypal, inbox, tmp_path):
    simulator, shop = start_paypal(state=str(tmp_path / "paypal.db"))
    shop.approved()
    message = inbox.wait()[0]
    simulator.stop()

    _, shop = start_paypal(state=str(tmp_path / "paypal.db"))

    path = message.headers["paypal-cert-url"].partition("/v1/")[2]
    message.headers["paypal-cert-url"] = f"/v1/{path}"
    assert is_genuine(shop, message)


# --- faults


@pytest.mark.parametrize("fault", ["forged", "tampered", "other_webhook_id"])
def test_webhook_that_must_not_be_believed(shop, inbox, fault):
    shop.faults(f"paypal_webhook_{fault}")

    messages = paid_messages(shop, inbox)

    assert [is_genuine(shop, message) for message in messages] == [False, False]
    assert [verified_by_paypal(shop, message) for message in messages] == ["FAILURE", "FAILURE"]
    assert is_genuine(shop, inbox.messages[0])


def test_webhook_may_be_unsigned(shop, inbox):
    shop.faults("paypal_webhook_unsigned")

    message = paid_messages(shop, inbox)[0]

    assert [name for name in message.headers if name.startswith("paypal-")] == []


def test_webhook_may_name_a_certificate_elsewhere(shop, inbox):
    shop.faults({"fault": "paypal_webhook_foreign_cert_url", "host": "paypal.com.evil.example"})

    message = paid_messages(shop, inbox)[0]

    assert message.headers["paypal-cert-url"].startswith("https://paypal.com.evil.example/v1/notifications/certs/")
    assert verified_by_paypal(shop, message) == "FAILURE"


def test_tampered_webhook_tells_another_amount(shop, inbox):
    shop.faults("paypal_webhook_tampered")

    message = paid_messages(shop, inbox)[0]

    assert message.json["resource"]["amount"]["value"] == "11.62"
    assert shop.payment(REFERENCE)["amount"] == "11.63"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"fault": "paypal_webhook_wrong_amount"}, {"currency_code": "USD", "value": "11.62"}),
        ({"fault": "paypal_webhook_wrong_amount", "amount": 100}, {"currency_code": "USD", "value": "1.00"}),
        ({"fault": "paypal_webhook_wrong_currency", "currency": "EUR"}, {"currency_code": "EUR", "value": "11.63"}),
    ],
)
def test_webhook_may_tell_something_wrong_under_a_right_signature(shop, inbox, fault, told):
    shop.faults(fault)

    capture, order = paid_messages(shop, inbox)

    assert capture.json["resource"]["amount"] == told
    assert capture_of(order.json["resource"])["amount"] == told
    assert is_genuine(shop, capture)
    assert (shop.payment(REFERENCE)["amount"], shop.payment(REFERENCE)["currency"]) == ("11.63", "USD")


def test_webhook_that_is_hard_to_parse_is_genuine_as_it_came_only(shop, inbox):
    shop.faults("paypal_webhook_empty_objects")

    message = paid_messages(shop, inbox)[0]

    # What Python gives back for it: a blank after each colon, and the letter for the escape.
    written_again = json.dumps(message.json, ensure_ascii=False)
    assert '"breakdown":{}' in message.body
    assert "\\u00e9" in message.body
    assert is_genuine(shop, message)
    assert verified_by_paypal(shop, message) == "SUCCESS"
    assert verified_by_paypal(shop, message, event=written_again) == "FAILURE"


@pytest.mark.parametrize(("fault", "sign"), [("old_time", -1), ("future_time", 1)])
def test_time_of_the_transmission_can_be_wrong(shop, inbox, fault, sign):
    shop.faults({"fault": f"paypal_webhook_{fault}", "seconds": 600_000.0})

    message = paid_messages(shop, inbox)[0]

    sent = datetime.fromisoformat(message.headers["paypal-transmission-time"])
    off = (sent - datetime.now(UTC)).total_seconds()
    assert abs(off - sign * 600_000) < 10
    assert is_genuine(shop, message)


def test_lost_webhooks_are_recorded_and_never_sent(shop, inbox):
    shop.faults("paypal_webhook_lost")
    order_id = shop.approved()

    shop.capture(order_id)

    assert [delivery["state"] for delivery in shop.wait_until_delivered(3)] == ["answered", "lost", "lost"]
    assert types(inbox.messages) == [APPROVED]


@pytest.mark.parametrize("parallel", [False, True])
def test_doubled_webhooks_have_one_event_id(shop, inbox, parallel):
    shop.faults({"fault": "paypal_webhook_doubled", "times": 3, "parallel": parallel})

    messages = paid_messages(shop, inbox, count=6)

    assert sorted(types(messages)) == sorted(PAID * 3)
    assert len({message.json["id"] for message in messages}) == 2
    assert all(is_genuine(shop, message) for message in messages)


def test_late_webhook_comes_after_its_seconds(shop, inbox):
    shop.faults({"fault": "paypal_webhook_late", "seconds": 0.4})
    order_id = shop.approved()
    inbox.wait()

    start = time.monotonic()
    shop.capture(order_id)

    assert (types(inbox.wait(3)[1:]), time.monotonic() - start >= 0.4) == (PAID, True)


def test_webhook_may_be_out_before_the_capture_s_answer(shop, inbox):
    shop.faults("paypal_webhook_early")
    order_id = shop.approved()
    inbox.wait()

    shop.capture(order_id)

    assert "PAYMENT.CAPTURE.COMPLETED" in types(inbox.messages)


@pytest.mark.parametrize("fault", ["reversed", "together"])
def test_webhooks_of_one_moment_come_in_another_order_or_at_once(shop, inbox, fault):
    shop.faults(f"paypal_webhook_{fault}")

    told = types(paid_messages(shop, inbox))

    assert (sorted(told) if fault == "together" else told) == PAID[::-1]


def test_reordered_webhooks_wait_for_those_of_another_payment(shop, inbox):
    shop.faults({"faults": [{"fault": "paypal_webhook_reordered", "seconds": 5.0}], "reference": "FIRST"})
    first, second = shop.approved("1", custom_id="FIRST"), shop.approved("2", custom_id="SECOND")
    inbox.wait(2)

    shop.capture(first)
    shop.capture(second)

    messages = inbox.wait(6)[2:]
    assert [
        message.json["resource"].get("custom_id") for message in messages if "capture" in message.json["resource_type"]
    ] == [
        "SECOND",
        "FIRST",
    ]


def test_webhook_of_the_approval_may_be_lost(shop, inbox):
    shop.faults("paypal_approval_lost")
    order_id = shop.approved()

    shop.capture(order_id)

    assert types(inbox.wait(2)) == PAID
    assert shop.deliveries()[0]["state"] == "lost"


def test_webhook_of_the_approval_may_be_late(shop, inbox):
    shop.faults({"fault": "paypal_approval_late", "seconds": 1.5})
    order_id = shop.approved()

    shop.capture(order_id)

    assert types(inbox.wait(3)) == [*PAID, APPROVED]


def test_faults_of_refunds_leave_the_payment_alone(shop, inbox):
    shop.faults("paypal_refund_webhook_forged")
    capture = shop.paid()
    inbox.wait(3)

    shop.refund(capture["id"])

    verdicts = {message.json["event_type"]: is_genuine(shop, message) for message in inbox.wait(4)}
    assert verdicts == {APPROVED: True, **dict.fromkeys(PAID, True), "PAYMENT.CAPTURE.REFUNDED": False}
