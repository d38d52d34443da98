"""Refunds: what is taken, what is refused, how they end, and what can go wrong with them."""

import re

import pytest

from tests.simulator.chapa.merchant import TX_REF, signatures
from tests.simulator.merchant import wait_for

MOMENT = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z"


def told(inbox, event="charge.refunded"):
    return [message for message in inbox.messages if message.json["event"] == event]


def test_refund_is_answered_as_initiated_and_then_done(chapa, inbox):
    chapa.pay()

    response = chapa.refund(amount="100.00", reason="Item out of stock", reference="refund-77", meta={"a": "b"})

    answer = response.json()
    data = dict(answer["data"])
    assert (response.status_code, answer["status"]) == (200, "success")
    assert answer["message"] == "Refund initiated successfully. Processing time: 1-3 business days"
    ref = data.pop("ref")
    assert isinstance(data.pop("id"), int)
    assert all(re.fullmatch(MOMENT, data.pop(name)) for name in ("created_at", "updated_at"))
    assert data == {
        "chapa_reference": chapa.reference(),
        "bank_reference": None,
        "amount": "100.00",
        "currency": "ETB",
        "status": "Refund Initiated",
        "reason": "Item out of stock",
        "merchant_reference": "refund-77",
    }
    wait_for(lambda: told(inbox))
    checked = chapa.get(f"/v1/refund/{ref}/verify").json()
    assert checked["message"] == "Refund verified successfully"
    assert {name: checked["data"][name] for name in ("ref_id", "status", "amount", "currency")} == {
        "ref_id": ref,
        "status": "Refunded",
        "amount": "100.00",
        "currency": "ETB",
    }
    assert "ref" not in checked["data"]
    assert chapa.verified()["status"] == "success"


def test_refund_of_everything_is_told_and_changes_the_payment(chapa, inbox):
    chapa.pay()

    assert chapa.refund().json()["data"]["amount"] == "400.00"

    message = wait_for(lambda: told(inbox))[0]
    assert (message.json["status"], message.json["amount"], message.json["tx_ref"]) == ("refunded", "400.00", TX_REF)
    assert (message.json["reference"], signatures(message)) == (chapa.reference(), (True, True))
    assert chapa.verified()["status"] == "refunded"
    assert chapa.payment(TX_REF)["status"] == "successful"
    assert chapa.books()["totals"]["refunded"] == {"ETB": "400.00"}


def test_parts_can_be_refunded_until_nothing_is_left(chapa, inbox):
    chapa.pay()

    answers = [chapa.refund(amount=amount) for amount in ("150", "100.50", "149.51", "149.50", "1")]

    assert [answer.status_code for answer in answers] == [200, 200, 400, 200, 400]
    assert [answer.json()["message"] for answer in answers if answer.status_code == 400] == [
        "Refund amount can not be greater than the transaction amount",
        "Transaction has already been refunded",
    ]
    wait_for(lambda: len(told(inbox)) == 3)
    assert sorted(message.json["amount"] for message in told(inbox)) == ["100.50", "149.50", "150.00"]
    assert chapa.verified()["status"] == "refunded"


def test_form_bodies_are_taken_too(chapa):
    chapa.pay()
    body = {"amount": "100", "reason": "Late", "reference": "refund-77", "meta[customer]": "7"}

    response = chapa.http.post(f"/v1/refund/{chapa.reference()}", data=body, headers=chapa.headers)

    assert (response.status_code, response.json()["data"]["merchant_reference"]) == (200, "refund-77")


def test_refund_reference_used_again_is_refused_and_moves_nothing(chapa, inbox):
    chapa.pay()
    chapa.refund(amount="100", reference="refund-77")

    again = chapa.refund(amount="100", reference="refund-77")

    assert (again.status_code, again.json()) == (
        400,
        {"message": "Refund reference has been used before", "status": "failed", "data": None},
    )
    wait_for(lambda: told(inbox))
    assert [entry["amount"] for entry in chapa.payment(TX_REF)["refunds"]] == ["100.00"]


@pytest.mark.parametrize("amount", ["0", "-1", "1.005", "all", True])
def test_refund_amount_that_is_none_is_refused(chapa, amount):
    chapa.pay()

    response = chapa.refund(amount=amount)

    assert (response.status_code, response.json()["message"]) == (400, {"amount": ["validation.numeric"]})
    assert chapa.payment(TX_REF)["refunds"] == []


def test_refund_needs_chapas_own_reference(chapa):
    chapa.pay()

    responses = [chapa.post(f"/v1/refund/{name}") for name in (TX_REF, "APnobody00")]

    assert [(response.status_code, response.json()["message"]) for response in responses] == [
        (404, "Invalid transaction reference")
    ] * 2


@pytest.mark.parametrize("end", ["open", "cancel", "fail-card", "reversed"])
def test_only_a_paid_payment_can_be_refunded(chapa, end):
    if end == "reversed":
        chapa.pay()
        chapa.reverse()
    else:
        chapa.start()
        if end != "open":
            chapa.act(TX_REF, end)

    response = chapa.refund()

    assert (response.status_code, response.json()["message"]) == (
        400,
        "Only successful transactions can be refunded",
    )


def test_refund_above_the_balance_is_refused(chapa):
    chapa.pay("BIG", amount="2000000.00")
    chapa.pay("USD", amount="10.00", currency="USD")
    for number in range(30):
        chapa.transfer(reference=f"out-{number}", amount="97000.00", bank_code=946)

    refused, dollars = chapa.refund("BIG"), chapa.refund("USD")

    assert (refused.status_code, refused.json()["message"]) == (400, "Insufficient Balance")
    assert dollars.status_code == 200


def test_unknown_refund_is_not_found(chapa):
    response = chapa.get("/v1/refund/NOBODY/verify")

    assert (response.status_code, response.json()["message"]) == (404, "Refund not found")


# --- faults


def test_refund_may_be_slow(chapa, inbox):
    chapa.pay()
    chapa.faults({"fault": "chapa_refund_slow", "seconds": 0.6})

    ref = chapa.refund(reference="refund-77").json()["data"]["ref"]

    inbox.wait()
    assert chapa.get(f"/v1/refund/{ref}/verify").json()["data"]["status"] == "Refund Initiated"
    assert chapa.payment(TX_REF)["refunds"][0]["status"] == "pending"
    wait_for(lambda: told(inbox))
    assert chapa.payment(TX_REF)["refunds"][0]["status"] == "successful"


def test_refund_may_fail_in_silence_and_be_sent_again(chapa, inbox):
    chapa.pay()
    chapa.faults("chapa_refund_fails")

    ref = chapa.refund().json()["data"]["ref"]

    wait_for(lambda: chapa.get(f"/v1/refund/{ref}/verify").json()["data"]["status"] == "Failed")
    assert (told(inbox), chapa.verified()["status"]) == ([], "success")
    assert chapa.refund().status_code == 200
    wait_for(lambda: told(inbox))
    statuses = [entry["status"] for entry in chapa.payment(TX_REF)["refunds"]]
    assert (statuses, chapa.books()["totals"]["refunded"]) == (["failed", "successful"], {"ETB": "400.00"})


def test_refund_may_be_named_otherwise_in_answer_and_event(chapa, inbox):
    chapa.pay()
    chapa.faults({"faults": ["chapa_refund_ref_id", {"fault": "chapa_refund_other_event", "event": "refund.success"}]})

    data = chapa.refund().json()["data"]

    assert ("ref" in data, data["ref_id"].startswith("REF-")) == (False, True)
    assert wait_for(lambda: told(inbox, "refund.success"))[0].json["status"] == "refunded"


@pytest.mark.parametrize(
    ("fault", "count", "right"),
    [
        ("chapa_refund_webhook_lost", 0, None),
        ("chapa_refund_webhook_doubled", 2, (True, True)),
        ("chapa_refund_webhook_bad_signature", 1, (False, False)),
    ],
)
def test_refund_webhook_may_go_wrong_on_its_way(chapa, inbox, fault, count, right):
    chapa.pay()
    chapa.faults(fault)

    chapa.refund()

    chapa.wait_until_delivered(1 + max(1, count))
    assert [signatures(message) for message in told(inbox)] == [right] * count
    assert chapa.verified()["status"] == "refunded"


def test_refund_faults_may_come_with_the_payment(chapa, inbox):
    chapa.faults({"faults": ["chapa_webhook_lost", "chapa_refund_500_after"]})
    chapa.pay("WITH")
    chapa.pay("WITHOUT")

    statuses = [chapa.refund(name, amount="1").status_code for name in ("WITHOUT", "WITH", "WITH")]

    assert statuses == [200, 500, 200]
    assert [entry["amount"] for entry in chapa.payment("WITH")["refunds"]] == ["1.00", "1.00"]
