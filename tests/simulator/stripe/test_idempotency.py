"""Idempotency keys: replayed, refused with other parameters, 409 while the first request is at work."""

import json
import threading

import httpx
import pytest

from tests.simulator.merchant import wait_for
from tests.simulator.stripe.shop import error_of

BAD = "invalid_request_error"


def without_log(response):
    body = response.json()
    body["error"].pop("request_log_url")
    return body


def test_repeat_with_the_same_parameters_is_answered_from_memory(shop):
    first = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1")
    second = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1")

    assert (second.status_code, second.json()) == (200, first.json())
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"]
    assert second.headers["request-id"] != first.headers["request-id"]
    assert len(shop.books()["payments"]) == 1


def test_repeat_gives_the_first_answer_although_the_object_has_changed(shop):
    first = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1").json()
    shop.confirm(first["id"])

    again = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1").json()

    assert (again["status"], shop.got(f"payment_intents/{first['id']}")["status"]) == (
        "requires_payment_method",
        "succeeded",
    )


def test_requests_without_a_key_are_all_carried_out(shop):
    ids = {shop.open_intent()["id"] for _ in range(2)}

    assert len(ids) == len(shop.books()["payments"]) == 2


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("payment_intents", {"amount": 150001}),
        ("payment_intents", {"metadata[more]": "x"}),
        ("payment_intents", {"expand[]": "latest_charge"}),
        ("refunds", {}),
    ],
)
def test_key_with_other_parameters_or_another_address_is_refused(shop, path, changes):
    shop.post("payment_intents", shop.intent_fields(), key="pi-create:1")

    response = shop.post(path, shop.intent_fields(**changes), key="pi-create:1")

    assert error_of(response) == (400, "idempotency_error", None, None)
    assert "pi-create:1" in response.json()["error"]["message"]
    assert len(shop.books()["payments"]) == 1


def test_refused_parameters_are_not_kept(shop):
    refused = shop.post("payment_intents", shop.intent_fields(currency="xyz"), key="pi-create:1")
    mended = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1")

    assert (refused.status_code, mended.status_code) == (400, 200)
    assert "idempotent-replayed" not in mended.headers


def test_decline_is_kept_and_replayed(shop):
    intent = shop.open_intent()
    wanted = {"payment_method": "pm_card_chargeDeclined", "return_url": "https://shop.example/"}

    first, second = (shop.post(f"payment_intents/{intent['id']}/confirm", wanted, key="confirm:1") for _ in range(2))

    assert error_of(first) == error_of(second) == (402, "card_error", "card_declined", None)
    assert second.json() == first.json()
    assert shop.event_types().count("charge.failed") == 1


def test_refusal_that_came_while_the_work_was_done_is_kept(shop):
    intent = shop.paid_intent()

    first = shop.post("refunds", {"payment_intent": intent["id"], "amount": 150001}, key="refund:1")
    second = shop.post("refunds", {"payment_intent": intent["id"], "amount": 150001}, key="refund:1")

    assert (first.status_code, second.headers["idempotent-replayed"]) == (400, "true")
    assert without_log(second) == without_log(first)


def test_key_that_is_too_long_is_refused(shop):
    response = shop.post("payment_intents", shop.intent_fields(), key="k" * 256)

    assert error_of(response) == (400, BAD, None, None)
    assert shop.post("payment_intents", shop.intent_fields(), key="k" * 255).status_code == 200


def test_two_at_once_with_one_key_make_one_and_a_409(shop):
    shop.faults({"fault": "stripe_create_hang_before", "seconds": 1.0})
    answers = []

    first = threading.Thread(
        target=lambda: answers.append(shop.post("payment_intents", shop.intent_fields(), key="pi-create:1"))
    )
    first.start()
    wait_for(lambda: shop.http.get("/control/faults").json()["struck"])
    meanwhile = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1")
    other = shop.post("payment_intents", shop.intent_fields(amount=1), key="pi-create:1")
    first.join()
    later = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1")

    assert error_of(meanwhile) == (409, BAD, "idempotency_key_in_use", None)
    assert error_of(other)[:2] == (400, "idempotency_error")
    assert (answers[0].status_code, later.json()["id"]) == (200, answers[0].json()["id"])
    assert len(shop.books()["payments"]) == 1


def test_keys_survive_a_restart_and_end_with_a_reset(start_stripe, tmp_path):
    simulator, shop = start_stripe(state=str(tmp_path / "stripe.db"))
    first = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1").json()
    simulator.stop()

    _, shop = start_stripe(state=str(tmp_path / "stripe.db"))
    again = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1").json()
    shop.http.post("/control/reset")
    anew = shop.post("payment_intents", shop.intent_fields(amount=5000), key="pi-create:1").json()

    assert (again["id"], anew["id"] == first["id"]) == (first["id"], False)


@pytest.mark.parametrize(("kept", "answered"), [(True, 500), (False, 200)])
def test_500_after_the_effect_is_replayed_when_it_was_kept(shop, kept, answered):
    shop.faults({"fault": "stripe_refund_500_after", "kept": kept})
    intent = shop.paid_intent()
    fields = {"payment_intent": intent["id"]}

    first = shop.post("refunds", fields, key="refund:1")
    again = shop.post("refunds", fields, key="refund:1")
    other_key = shop.post("refunds", fields, key="refund:2")

    assert error_of(first)[:2] == (500, "api_error")
    assert again.status_code == answered
    assert error_of(other_key)[2] == "charge_already_refunded"
    assert len(shop.payment("ORD-1001-a1")["refunds"]) == 1


def test_answer_that_was_lost_is_found_by_a_repeat(shop):
    shop.faults("stripe_create_answer_lost")

    with pytest.raises(httpx.RemoteProtocolError):
        shop.post("payment_intents", shop.intent_fields(), key="pi-create:1")
    again = shop.post("payment_intents", shop.intent_fields(), key="pi-create:1")

    assert again.headers["idempotent-replayed"] == "true"
    assert [payment["id"] for payment in shop.books()["payments"]] == [again.json()["id"]]


def test_event_names_the_request_and_its_key(shop, inbox):
    shop.post(
        "payment_intents",
        {
            **shop.intent_fields(),
            "confirm": True,
            "payment_method": "pm_card_visa",
            "return_url": "https://shop.example/",
        },
        key="pi-create:1",
    )

    event = json.loads(inbox.wait()[0].body)
    assert event["type"] == "payment_intent.succeeded"
    assert (event["request"]["idempotency_key"], event["request"]["id"][:4]) == ("pi-create:1", "req_")
