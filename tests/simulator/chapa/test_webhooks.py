"""Webhooks and the call of callback_url: what they say, how they are signed, and what can go wrong with them."""

import json
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from simulator.chapa.events import php, sign
from tests.simulator.chapa.merchant import TX_REF, digest, signatures

TRUE = (True, True)


def by_way(messages):
    """Part the webhooks from the calls of callback_url."""
    return [one for one in messages if one.method == "POST"], [one for one in messages if one.method == "GET"]


def query_of(message):
    return {name: values[0] for name, values in parse_qs(urlsplit(message.path).query).items()}


def test_signatures_are_those_of_the_reference():
    body = r'{"event":"charge.failed\/cancelled","tx_ref":"ORD-1001-a1","amount":"400.00"}'

    assert php(json.loads(body)) == body
    assert (sign("example-secret-hash", body), sign("example-secret-hash", "example-secret-hash")) == (
        "e95b9a785822b7fb71ab9261c5dbda11d7633bd615f0afd7749e423b00344d90",
        "85e5650fdbec9dfab736fe1a41de9ddeffe166f0f39a27ce1d6e640f43f3d50c",
    )


def test_charge_success_is_flat_has_every_field_and_both_signatures(chapa, inbox):
    chapa.pay()

    message = inbox.wait()[0]
    told, truth = message.json, chapa.verified()
    assert (message.method, message.path, message.headers["content-type"]) == ("POST", "/chapa/", "application/json")
    assert signatures(message) == TRUE
    assert message.body == json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    assert told == {
        "event": "charge.success",
        "type": "API",
        "first_name": "Abebe",
        "last_name": "Bikila",
        "email": "abebe@example.com",
        "mobile": "25191XXXX678",
        "currency": "ETB",
        "amount": "400.00",
        "charge": "12.00",
        "status": "success",
        "mode": "test",
        "reference": truth["reference"],
        "tx_ref": TX_REF,
        "payment_method": "telebirr",
        "customization": {"title": "Order 1001", "description": "Order 1001, 3 items", "logo": None},
        "meta": {"order": "1001"},
        "created_at": truth["created_at"],
        "updated_at": truth["updated_at"],
    }


def test_constant_signature_is_the_same_for_every_body(chapa, inbox):
    chapa.pay("ONE")
    chapa.pay("TWO", amount="5.00")

    messages = inbox.wait(2)

    assert len({message.headers["chapa-signature"] for message in messages}) == 1
    assert len({message.headers["x-chapa-signature"] for message in messages}) == 2


def test_no_webhook_address_means_no_webhook(chapa, inbox):
    chapa.http.post("/control/webhooks", json={"chapa": ""})

    chapa.pay()

    time.sleep(0.1)
    assert (inbox.messages, chapa.deliveries(), chapa.verified()["status"]) == ([], [], "success")


def test_reversal_by_the_bank_is_told(chapa, inbox):
    chapa.pay()
    inbox.wait()  # webhooks may overtake each other

    answer = chapa.reverse()

    message = inbox.wait(2)[1]
    assert (answer.status_code, chapa.verified()["status"]) == (200, "reversed")
    assert (message.json["event"], message.json["status"], message.json["amount"]) == (
        "charge.reversed",
        "reversed",
        "400.00",
    )
    assert signatures(message) == TRUE


@pytest.mark.parametrize(
    ("body", "status"),
    [({"reference": "OPEN"}, 404), ({"reference": "NOBODY"}, 404), ({"reference": 5}, 400), ({}, 400), ([], 400)],
)
def test_only_a_paid_payment_can_be_reversed(chapa, body, status):
    chapa.start("OPEN")

    assert chapa.http.post("/control/chapa/reversals", json=body).status_code == status


# --- on its way


def test_webhook_lost_is_recorded_and_never_sent(chapa, inbox):
    chapa.faults("chapa_webhook_lost")

    chapa.pay("LOST")
    chapa.pay("SENT")

    assert [message.json["tx_ref"] for message in inbox.wait()] == ["SENT"]
    assert [delivery["state"] for delivery in chapa.wait_until_delivered(2)] == ["lost", "answered"]
    assert chapa.verified("LOST")["status"] == "success"


def test_webhook_late_comes_after_its_seconds(chapa, inbox):
    chapa.faults({"fault": "chapa_webhook_late", "seconds": 0.4})

    chapa.pay()
    time.sleep(0.2)
    early = len(inbox.messages)

    assert (early, len(inbox.wait())) == (0, 1)


@pytest.mark.parametrize("parallel", [False, True])
def test_webhook_doubled_is_the_same_each_time(chapa, inbox, parallel):
    chapa.faults({"fault": "chapa_webhook_doubled", "times": 10, "parallel": parallel})

    chapa.pay()

    messages = inbox.wait(10)
    assert len({message.body for message in messages}) == 1
    assert {signatures(message) for message in messages} == {TRUE}


def test_webhook_reordered_goes_out_after_another_payments(chapa, inbox):
    chapa.faults("chapa_webhook_reordered")

    chapa.pay("FIRST")
    time.sleep(0.1)
    chapa.pay("SECOND")

    assert [message.json["tx_ref"] for message in inbox.wait(2)] == ["SECOND", "FIRST"]


def test_webhook_early_comes_before_the_answer(chapa, inbox):
    chapa.auto_checkout()
    chapa.faults("chapa_webhook_early")

    chapa.start()

    assert [message.json["tx_ref"] for message in inbox.messages] == [TX_REF]


def test_webhook_early_gives_up_when_nobody_pays(chapa, inbox):
    chapa.faults({"fault": "chapa_webhook_early", "seconds": 0.2})

    chapa.start()

    assert (inbox.messages, chapa.verify().status_code) == ([], 404)


def test_webhook_that_is_not_taken_comes_again(chapa, inbox):
    chapa.http.post("/control/webhooks", json={"retry_seconds": [0.05, 0.05, 0.05]})
    inbox.statuses = [500, 503]

    chapa.pay()

    messages = inbox.wait(3)
    delivery = chapa.wait_until_delivered(1)[0]
    assert len({message.body for message in messages}) == 1
    assert [entry["status"] for entry in delivery["tries"]] == [500, 503, 200]
    time.sleep(0.15)
    assert len(inbox.messages) == 3


def test_webhook_is_tried_ten_times_at_most(chapa, inbox):
    chapa.http.post("/control/webhooks", json={"retry_seconds": [0.01] * 9})
    inbox.statuses = [500] * 20

    chapa.pay()

    delivery = chapa.wait_until_delivered(1)[0]
    assert (delivery["state"], delivery["attempts"], len(inbox.messages)) == ("answered", 10, 10)


def test_retries_are_ten_minutes_apart_where_nothing_shortens_them(chapa, inbox):
    inbox.statuses = [500]

    chapa.pay()
    inbox.wait()

    time.sleep(0.1)
    assert (len(inbox.messages), chapa.deliveries()[0]["state"]) == (1, "planned")


# --- its signatures


@pytest.mark.parametrize(
    ("fault", "right"),
    [
        ("chapa_webhook_bad_signature", (False, False)),
        ("chapa_webhook_only_constant", (True, None)),
        ("chapa_webhook_only_payload", (None, True)),
        ("chapa_webhook_escaped", (True, True)),
    ],
)
def test_webhook_signed_otherwise_tells_the_truth(chapa, inbox, fault, right):
    chapa.faults(fault)

    chapa.pay()

    message = inbox.wait()[0]
    assert (signatures(message), message.json["status"]) == (right, "success")


def test_payloads_signature_may_come_in_the_constants_header(chapa, inbox):
    chapa.faults("chapa_webhook_payload_in_constant")

    chapa.pay()

    message = inbox.wait()[0]
    assert message.headers["chapa-signature"] == digest(message.body)
    assert "x-chapa-signature" not in message.headers


def test_escaped_body_is_as_php_writes_it(chapa, inbox):
    chapa.faults({"faults": ["chapa_webhook_escaped", "chapa_non_ascii_name"]})
    chapa.start()

    chapa.act(TX_REF, "fail-card")

    message = inbox.wait()[0]
    assert r'"event":"charge.failed\/cancelled"' in message.body
    assert (message.body.isascii(), message.json["first_name"], signatures(message)) == (True, "አበበ", TRUE)


def test_signature_of_the_compact_form_fits_no_raw_body(chapa, inbox):
    chapa.faults({"faults": ["chapa_webhook_signed_compact", "chapa_non_ascii_name"]})

    chapa.pay()

    message = inbox.wait()[0]
    compact = json.dumps(message.json, separators=(",", ":"), ensure_ascii=False)
    assert message.headers["x-chapa-signature"] == digest(compact) != digest(message.body)


def test_name_of_the_payer_may_not_be_ascii(chapa, inbox):
    chapa.faults("chapa_non_ascii_name")

    chapa.pay()

    message = inbox.wait()[0]
    assert ("አበበ" in message.body, signatures(message)) == (True, TRUE)
    assert chapa.verified()["first_name"] == "አበበ"


@pytest.mark.parametrize(
    ("fault", "right"), [("chapa_webhook_forged", (True, False)), ("chapa_webhook_forged_constant", (True, None))]
)
def test_webhook_forged_comes_before_anything_was_paid(chapa, inbox, fault, right):
    chapa.http.post("/control/webhooks", json={"retry_seconds": [0.05]})
    chapa.faults(fault)
    inbox.statuses = [401]
    chapa.start()

    forged = inbox.wait()[0]
    before = chapa.verify().status_code
    time.sleep(0.15)
    tries = len(inbox.messages)
    chapa.act(TX_REF, "pay-card")
    true = inbox.wait(2)[1]

    assert (signatures(forged), forged.json["event"], forged.json["status"]) == (right, "charge.success", "success")
    assert (before, tries, signatures(true)) == (404, 1, TRUE)


# --- its content


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        ("chapa_webhook_wrong_amount", {"amount": "399.00"}),
        ({"fault": "chapa_webhook_wrong_amount", "amount": 100}, {"amount": "1.00"}),
        ("chapa_webhook_wrong_currency", {"currency": "USD"}),
        ("chapa_webhook_wrong_mode", {"mode": "live"}),
        ("chapa_webhook_foreign_reference", {"tx_ref": "NOBODY-KNOWS-THIS"}),
        ("chapa_webhook_other_type", {"type": "Payment Link"}),
        ("chapa_webhook_amount_as_number", {"amount": 400, "charge": 12}),
    ],
)
def test_webhook_fault_changes_one_value_and_not_the_books(chapa, inbox, fault, changed):
    chapa.faults(fault)

    chapa.pay()

    message = inbox.wait()[0]
    truth = {
        "amount": "400.00",
        "charge": "12.00",
        "currency": "ETB",
        "mode": "test",
        "tx_ref": TX_REF,
        "type": "API",
    }
    assert {name: message.json[name] for name in truth} == {**truth, **changed}
    assert signatures(message) == TRUE
    data = chapa.verified()
    assert (data["amount"], data["currency"], data["mode"], data["tx_ref"]) == (400, "ETB", "test", TX_REF)
    assert chapa.books()["totals"]["captured"] == {"ETB": "400.00"}


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ("chapa_webhook_failure_after_success", ["success", "failed/cancelled"]),
        ("chapa_webhook_success_after_failure", ["failed/cancelled", "success"]),
    ],
)
def test_paid_payment_may_also_be_told_as_failed(chapa, inbox, fault, statuses):
    chapa.faults(fault)

    chapa.pay()

    assert [message.json["status"] for message in inbox.wait(2)] == statuses
    assert chapa.verified()["status"] == "success"


def test_webhook_faults_stay_with_their_payment(chapa, inbox):
    chapa.faults({"faults": ["chapa_webhook_doubled", "chapa_webhook_wrong_amount"]})
    chapa.start("WITH")
    chapa.start("WITHOUT")

    chapa.act("WITHOUT", "pay-card")
    chapa.act("WITH", "pay-card")

    told = sorted((message.json["tx_ref"], message.json["amount"]) for message in inbox.wait(3))
    assert told == [("WITH", "399.00"), ("WITH", "399.00"), ("WITHOUT", "400.00")]
    assert {delivery["note"] for delivery in chapa.wait_until_delivered(3)} == {
        "",
        "chapa_webhook_doubled, chapa_webhook_wrong_amount",
    }


# --- callback_url


def test_callback_url_is_called_with_three_keys_and_no_signature(chapa, inbox):
    chapa.pay(callback_url=f"{inbox.url}/callback?order=7")

    webhooks, calls = by_way(inbox.wait(2))
    assert (len(webhooks), calls[0].path.partition("?")[0], calls[0].body) == (1, "/callback", "")
    assert query_of(calls[0]) == {
        "order": "7",
        "trx_ref": TX_REF,
        "ref_id": chapa.reference(),
        "status": "success",
    }
    assert signatures(calls[0]) == (None, None)


def test_callback_url_is_called_without_a_webhook_address_and_once(chapa, inbox):
    chapa.http.post("/control/webhooks", json={"chapa": "", "retry_seconds": [0.01]})
    inbox.statuses = [500]

    chapa.pay(callback_url=f"{inbox.url}/callback")

    inbox.wait()
    time.sleep(0.1)
    assert [message.method for message in inbox.messages] == ["GET"]


def test_callback_url_hears_of_an_end_but_of_no_failed_try(chapa, inbox):
    chapa.start(callback_url=f"{inbox.url}/callback")

    chapa.act(TX_REF, "fail-card")
    inbox.wait()
    chapa.act(TX_REF, "cancel")

    webhooks, calls = by_way(inbox.wait(3))
    assert (len(webhooks), [query_of(call)["status"] for call in calls]) == (2, ["failed"])


@pytest.mark.parametrize(
    ("fault", "methods"),
    [("chapa_callback_first", ["GET", "POST"]), ("chapa_callback_last", ["POST", "GET"])],
)
def test_callback_url_is_called_before_or_after_the_webhook(chapa, inbox, fault, methods):
    chapa.faults(fault)

    chapa.pay(callback_url=f"{inbox.url}/callback")

    assert [message.method for message in inbox.wait(2)] == methods


def test_callback_url_may_not_be_called(chapa, inbox):
    chapa.faults("chapa_callback_lost")

    chapa.pay(callback_url=f"{inbox.url}/callback")

    assert sorted(delivery["state"] for delivery in chapa.wait_until_delivered(2)) == ["answered", "lost"]
    assert [message.method for message in inbox.messages] == ["POST"]


def test_callback_url_may_be_called_without_the_webhook(chapa, inbox):
    chapa.faults("chapa_webhook_lost")

    chapa.pay(callback_url=f"{inbox.url}/callback")

    chapa.wait_until_delivered(2)
    assert [message.method for message in inbox.messages] == ["GET"]


@pytest.mark.parametrize(
    ("fault", "query", "body"),
    [
        ("chapa_callback_tx_ref", {"tx_ref", "ref_id", "status"}, None),
        ("chapa_callback_json", set(), {"trx_ref", "ref_id", "status"}),
    ],
)
def test_callback_url_is_called_in_other_forms(chapa, inbox, fault, query, body):
    chapa.faults(fault)

    chapa.pay(callback_url=f"{inbox.url}/callback")

    call = by_way(inbox.wait(2))[1][0]
    assert (set(query_of(call)), set(call.json) if call.body else None) == (query, body)


def test_addresses_of_other_machines_are_recorded_and_not_contacted(chapa, inbox):
    chapa.pay(callback_url="https://shop.example/callback")

    states = {delivery["method"]: delivery["state"] for delivery in chapa.wait_until_delivered(2)}
    assert states == {"GET": "refused", "POST": "answered"}
