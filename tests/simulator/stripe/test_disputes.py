"""Disputes: the money goes, and comes back when the merchant wins."""

import pytest

from tests.simulator.merchant import wait_for
from tests.simulator.stripe.shop import error_of

BAD = "invalid_request_error"


def disputed(shop, card="pm_card_createDispute", **changes):
    """Let a payment be disputed; return the intent and the dispute."""
    intent = shop.paid_intent(card, **changes)
    found = wait_for(lambda: shop.got("disputes", payment_intent=intent["id"])["data"])
    shop.wait_until_delivered(3)  # what follows would otherwise be told beside it
    return intent, found[0]


def balance(shop):
    return {entry["currency"]: entry["amount"] for entry in shop.got("balance")["available"]}


def told(inbox, count):
    return [message.json["type"] for message in inbox.wait(count)]


def test_dispute_takes_the_money_and_a_fee(shop, inbox):
    intent, dispute = disputed(shop)

    known = {
        "object": "dispute",
        "amount": 150000,
        "charge": intent["latest_charge"],
        "payment_intent": intent["id"],
        "currency": "kes",
        "status": "needs_response",
        "reason": "fraudulent",
        "is_charge_refundable": False,
    }
    assert {name: dispute[name] for name in known} == known
    assert dispute["evidence_details"]["due_by"] > dispute["created"]
    assert [(entry["amount"], entry["fee"]) for entry in dispute["balance_transactions"]] == [(-150000, 1500)]
    assert told(inbox, 3)[1:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert shop.got(f"charges/{intent['latest_charge']}")["disputed"]
    assert balance(shop) == {"kes": 150000 - 4380 - 150000 - 1500}
    assert shop.payment("ORD-1001-a1")["disputed"]


def test_dispute_may_strike_a_session_by_a_fault(shop):
    shop.faults({"fault": "stripe_dispute", "reason": "product_not_received", "seconds": 0.1})

    shop.pay_session()

    wait_for(lambda: shop.got("disputes")["data"])
    assert shop.got("disputes")["data"][0]["reason"] == "product_not_received"


def test_disputed_charge_cannot_be_refunded_on_top(shop):
    intent, _ = disputed(shop)

    response = shop.refund(intent)

    assert error_of(response)[:3] == (400, BAD, "charge_disputed")
    assert shop.got("refunds")["data"] == []


def test_what_is_refunded_already_is_not_disputed_again(shop):
    shop.faults({"fault": "stripe_dispute", "seconds": 1.0})
    intent = shop.paid_intent()
    shop.refund(intent, amount=50000)

    dispute = wait_for(lambda: shop.got("disputes")["data"])[0]

    assert dispute["amount"] == 100000


@pytest.mark.parametrize(
    ("evidence", "verdict", "events", "left"),
    [
        ("winning_evidence", "won", ["charge.dispute.closed", "charge.dispute.funds_reinstated"], 150000 - 4380),
        ("losing_evidence", "lost", ["charge.dispute.closed"], -4380 - 1500),
    ],
)
def test_evidence_decides(shop, inbox, evidence, verdict, events, left):
    _, dispute = disputed(shop)

    shop.posted(f"disputes/{dispute['id']}", {"evidence[uncategorized_text]": evidence, "submit": True})

    ended = shop.got(f"disputes/{dispute['id']}")
    again = shop.post(f"disputes/{dispute['id']}", {"evidence[uncategorized_text]": "more"})
    assert ended["status"] == verdict
    assert told(inbox, 4 + len(events))[3:] == ["charge.dispute.updated", *events]
    assert balance(shop) == {"kes": left}
    assert error_of(again)[:2] == (400, BAD)


def test_evidence_without_submission_changes_nothing_yet(shop):
    _, dispute = disputed(shop)

    staged = shop.posted(
        f"disputes/{dispute['id']}", {"evidence[customer_name]": "Amina", "submit": False, "metadata[case]": "7"}
    )
    submitted = shop.posted(f"disputes/{dispute['id']}", {"evidence[receipt]": "R1"})

    assert (staged["status"], staged["evidence_details"]["submission_count"]) == ("needs_response", 0)
    assert (staged["evidence"]["customer_name"], staged["metadata"]) == ("Amina", {"case": "7"})
    assert (submitted["status"], submitted["evidence_details"]["submission_count"]) == ("under_review", 1)
    assert submitted["evidence"]["customer_name"] == "Amina"


def test_merchant_may_give_in(shop, inbox):
    _, dispute = disputed(shop)

    closed = shop.posted(f"disputes/{dispute['id']}/close")

    assert closed["status"] == "lost"
    assert told(inbox, 4)[-1] == "charge.dispute.closed"
    assert error_of(shop.post(f"disputes/{dispute['id']}/close"))[:2] == (400, BAD)


def test_unknown_evidence_and_dispute_are_refused(shop):
    _, dispute = disputed(shop)

    unknown_field = shop.post(f"disputes/{dispute['id']}", {"evidence[colour]": "red"})

    assert error_of(unknown_field) == (400, BAD, "parameter_unknown", "evidence[colour]")
    assert error_of(shop.get("disputes/dp_nobody")) == (404, BAD, "resource_missing", "id")
    assert shop.got(f"disputes/{dispute['id']}") == dispute
