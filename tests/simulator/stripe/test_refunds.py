"""Refunds: whole, in parts, too much, waiting, failing after they looked done."""

import pytest

from tests.simulator.stripe.shop import error_of

BAD = "invalid_request_error"


def told(inbox, count):
    """Return the types of the events about refunds."""
    found = [message.json["type"] for message in inbox.wait(count)]
    return [kind for kind in found if "refund" in kind]


def test_whole_refund_is_the_reference_s(shop, inbox):
    intent = shop.paid_intent()

    refund = shop.refund(intent, reason="requested_by_customer", **{"metadata[refund]": "77"}).json()

    known = {
        "object": "refund",
        "amount": 150000,
        "charge": intent["latest_charge"],
        "payment_intent": intent["id"],
        "currency": "kes",
        "status": "succeeded",
        "reason": "requested_by_customer",
        "metadata": {"refund": "77"},
        "receipt_number": None,
    }
    charge = shop.got(f"charges/{intent['latest_charge']}")
    assert {name: refund[name] for name in known} == known
    assert (refund["id"][:3], refund["balance_transaction"][:4]) == ("re_", "txn_")
    assert refund["destination_details"]["card"]["type"] == "refund"
    assert shop.got(f"refunds/{refund['id']}") == refund
    assert (charge["amount_refunded"], charge["refunded"]) == (150000, True)
    assert told(inbox, 3) == ["charge.refunded", "refund.created"]
    assert shop.got(f"payment_intents/{intent['id']}")["status"] == "succeeded"


def test_parts_are_refunded_until_nothing_is_left(shop, inbox):
    intent = shop.paid_intent()

    first = shop.refund(intent, amount=50000).json()
    too_much = shop.refund(intent, amount=100001)
    second = shop.post("refunds", {"charge": intent["latest_charge"]}).json()
    third = shop.refund(intent, amount=1)

    assert (first["amount"], second["amount"]) == (50000, 100000)
    assert error_of(too_much) == (400, BAD, None, "amount")
    assert error_of(third) == (400, BAD, "charge_already_refunded", None)
    cumulative = [m.json["data"]["object"] for m in inbox.wait(5) if m.json["type"] == "charge.refunded"]
    assert sorted((charge["amount_refunded"], charge["refunded"]) for charge in cumulative) == [
        (50000, False),
        (150000, True),
    ]
    payment = shop.payment("ORD-1001-a1")
    assert [(refund["id"], refund["amount"], refund["status"]) for refund in payment["refunds"]] == [
        (first["id"], "500.00", "successful"),
        (second["id"], "1000.00", "successful"),
    ]


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({}, 400, "parameter_missing", None),
        ({"payment_intent": "pi_nobody"}, 404, "resource_missing", "payment_intent"),
        ({"charge": "ch_nobody"}, 404, "resource_missing", "charge"),
        ({"payment_intent": "PAID", "amount": 0}, 400, "parameter_invalid_integer", "amount"),
        ({"payment_intent": "PAID", "amount": -5}, 400, "parameter_invalid_integer", "amount"),
        ({"payment_intent": "PAID", "reason": "because"}, 400, None, "reason"),
        ({"payment_intent": "PAID", "note": "x"}, 400, "parameter_unknown", "note"),
    ],
)
def test_wrong_refund_is_refused_and_gives_nothing_back(shop, fields, status, code, param):
    intent = shop.paid_intent()
    wanted = {name: intent["id"] if value == "PAID" else value for name, value in fields.items()}

    response = shop.post("refunds", wanted)

    assert error_of(response) == (status, BAD, code, param)
    assert shop.books()["totals"]["refunded"] == {}


@pytest.mark.parametrize("state", ["open", "declined", "held", "canceled"])
def test_nothing_can_be_given_back_that_was_not_taken(shop, state):
    intent = shop.open_intent(capture_method="manual" if state == "held" else None)
    if state in ("declined", "held"):
        shop.confirm(intent["id"], "pm_card_visa" if state == "held" else "pm_card_chargeDeclined")
    if state == "canceled":
        shop.post(f"payment_intents/{intent['id']}/cancel")

    response = shop.refund(intent)

    assert error_of(response)[:2] == (400, BAD)
    assert "does not have a successful charge" in response.json()["error"]["message"]
    assert shop.got("refunds")["data"] == []


def test_refund_of_a_partly_captured_payment_stops_at_what_was_captured(shop):
    held = shop.paid_intent(capture_method="manual")
    shop.posted(f"payment_intents/{held['id']}/capture", {"amount_to_capture": 100000})

    assert shop.refund(held, amount=100001).status_code == 400
    assert shop.refund(held).json()["amount"] == 100000


def test_refund_may_be_pending_first(shop, inbox):
    shop.faults({"fault": "stripe_refund_pending", "seconds": 1.0})
    intent = shop.paid_intent()

    refund = shop.refund(intent).json()
    waiting = shop.payment("ORD-1001-a1")["refunds"][0]["status"]
    ended = shop.wait_for_status(f"refunds/{refund['id']}", "succeeded")

    assert (refund["status"], refund["pending_reason"], waiting) == ("pending", "processing", "pending")
    assert "pending_reason" not in ended
    assert told(inbox, 5) == ["charge.refunded", "refund.created", "refund.updated", "charge.refund.updated"]
    updated = next(message.json for message in inbox.messages if message.json["type"] == "refund.updated")
    assert updated["data"]["previous_attributes"] == {"status": "pending"}


def test_refund_may_fail_after_it_looked_done(shop, inbox):
    shop.faults({"fault": "stripe_refund_turns_failed", "seconds": 1.0, "reason": "expired_or_canceled_card"})
    intent = shop.paid_intent()
    before = shop.got("balance")["available"][0]["amount"]

    refund = shop.refund(intent).json()
    failed = shop.wait_for_status(f"refunds/{refund['id']}", "failed")

    charge = shop.got(f"charges/{intent['latest_charge']}")
    assert (refund["status"], failed["failure_reason"]) == ("succeeded", "expired_or_canceled_card")
    assert failed["failure_balance_transaction"].startswith("txn_")
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    assert shop.got("balance")["available"][0]["amount"] == before
    assert told(inbox, 6)[-3:] == ["refund.updated", "charge.refund.updated", "refund.failed"]
    assert shop.payment("ORD-1001-a1")["refunds"][0]["status"] == "failed"
    assert shop.refund(intent).json()["amount"] == 150000


@pytest.mark.parametrize(
    ("card", "first", "last"), [("refundFail", "succeeded", "failed"), ("pendingRefund", "pending", "succeeded")]
)
def test_test_cards_for_refunds_do_the_same(shop, card, first, last):
    intent = shop.paid_intent(f"pm_card_{card}")

    refund = shop.refund(intent).json()

    assert refund["status"] == first
    shop.wait_for_status(f"refunds/{refund['id']}", last)


def test_refund_that_waits_is_taken_up_after_a_restart(start_stripe, tmp_path):
    simulator, shop = start_stripe(state=str(tmp_path / "stripe.db"))
    shop.faults({"fault": "stripe_refund_pending", "seconds": 0.5})
    refund = shop.refund(shop.paid_intent()).json()
    simulator.stop()

    _, shop = start_stripe(state=str(tmp_path / "stripe.db"))

    shop.wait_for_status(f"refunds/{refund['id']}", "succeeded")


def test_metadata_of_a_refund_can_be_changed(shop):
    refund = shop.refund(shop.paid_intent(), **{"metadata[refund]": "77"}).json()

    changed = shop.posted(f"refunds/{refund['id']}", {"metadata[note]": "broken"})

    assert changed["metadata"] == {"refund": "77", "note": "broken"}


def test_unknown_refund_is_a_404(shop):
    assert error_of(shop.get("refunds/re_nobody")) == (404, BAD, "resource_missing", "id")
