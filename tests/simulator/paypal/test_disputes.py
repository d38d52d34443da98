"""Disputes: opened by a fault, answered by the merchant, decided for one side."""

import pytest

from tests.simulator.merchant import wait_for
from tests.simulator.paypal.shop import REFERENCE, issue_of, link_of

URL = "/v1/customer/disputes"
PAID = {"CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.COMPLETED"}
NOT_NOW = "ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE"


def disputed(shop, outcome="open"):
    """Let a payment be disputed; return its capture and the dispute."""
    shop.faults({"fault": "paypal_dispute", "outcome": outcome, "seconds": 0.1})
    capture = shop.paid()
    found = wait_for(lambda: shop.got(URL, disputed_transaction_id=capture["id"])["items"])
    shop.wait_until_delivered({"open": 4, "buyer": 6, "seller": 5}[outcome])
    return capture, shop.got(f"{URL}/{found[0]['dispute_id']}")


def told_of(inbox):
    """Return what came but for the payment's own three events, which may be overtaken."""
    return [message.json for message in inbox.messages if message.json["event_type"] not in PAID]


def types(inbox):
    return [event["event_type"] for event in told_of(inbox)]


def test_dispute_is_the_reference_s(shop, inbox):
    capture, dispute = disputed(shop)

    assert (dispute["status"], dispute["dispute_amount"]) == ("WAITING_FOR_SELLER_RESPONSE", capture["amount"])
    assert dispute["disputed_transactions"][0]["seller_transaction_id"] == capture["id"]
    assert dispute["disputed_transactions"][0]["custom"] == REFERENCE
    assert "dispute_outcome" not in dispute
    assert types(inbox) == ["CUSTOMER.DISPUTE.CREATED"]
    event = told_of(inbox)[0]
    assert (event["resource_type"], event["resource"]) == ("dispute", dispute)
    assert (shop.payment(REFERENCE)["disputed"], shop.payment(REFERENCE)["refunds"]) == (True, [])


def test_disputed_capture_cannot_be_refunded_on_top(shop):
    capture, _ = disputed(shop)

    assert issue_of(shop.refund(capture["id"]))[:3] == (422, "UNPROCESSABLE_ENTITY", "TRANSACTION_DISPUTED")
    assert shop.payment(REFERENCE)["refunds"] == []


@pytest.mark.parametrize("way", ["outcome", "accept-claim", "adjudicate"])
def test_buyer_who_wins_gets_the_money_back(shop, inbox, way):
    capture, dispute = disputed(shop, "buyer" if way == "outcome" else "open")
    own = f"{URL}/{dispute['dispute_id']}"
    if way == "accept-claim":
        assert shop.post(f"{own}/accept-claim", {"note": "Sorry"}).status_code == 200
    if way == "adjudicate":
        shop.post(f"{own}/provide-evidence", {})
        assert shop.post(f"{own}/adjudicate", {"adjudication_outcome": "BUYER_FAVOR"}).status_code == 200

    resolved = shop.got(own)
    told = {"adjudicate": ["CUSTOMER.DISPUTE.UPDATED"]}.get(way, [])
    expected = ["CUSTOMER.DISPUTE.CREATED", *told, "PAYMENT.CAPTURE.REVERSED", "CUSTOMER.DISPUTE.RESOLVED"]
    inbox.wait(3 + len(expected))
    assert (resolved["status"], resolved["dispute_outcome"]["outcome_code"]) == ("RESOLVED", "RESOLVED_BUYER_FAVOUR")
    assert sorted(types(inbox)) == sorted(expected)
    reversal = next(m.json for m in inbox.messages if m.json["event_type"] == "PAYMENT.CAPTURE.REVERSED")["resource"]
    assert (reversal["amount"], link_of(reversal, "up")[-17:]) == (capture["amount"], capture["id"])
    assert shop.got(f"/v2/payments/captures/{capture['id']}")["status"] == "REFUNDED"
    assert shop.books()["totals"]["refunded"] == {"USD": "11.63"}
    assert issue_of(shop.refund(capture["id"]))[2] == "CAPTURE_FULLY_REFUNDED"


@pytest.mark.parametrize("way", ["outcome", "adjudicate"])
def test_seller_who_wins_keeps_the_money(shop, inbox, way):
    capture, dispute = disputed(shop, "seller" if way == "outcome" else "open")
    own = f"{URL}/{dispute['dispute_id']}"
    if way == "adjudicate":
        shop.post(f"{own}/provide-evidence", {})
        shop.post(f"{own}/adjudicate", {"adjudication_outcome": "SELLER_FAVOR"})

    resolved = shop.got(own)
    assert (resolved["status"], resolved["dispute_outcome"]["outcome_code"]) == ("RESOLVED", "RESOLVED_SELLER_FAVOUR")
    assert shop.books()["totals"]["refunded"] == {}
    assert shop.refund(capture["id"]).status_code == 201


@pytest.mark.parametrize("form", ["json", "files"])
def test_evidence_puts_the_dispute_under_review(shop, inbox, form):
    _, dispute = disputed(shop)
    path = f"{URL}/{dispute['dispute_id']}/provide-evidence"

    if form == "json":
        answer = shop.post(path, {"evidences": [{"evidence_type": "PROOF_OF_FULFILLMENT", "notes": "Delivered"}]})
    else:
        answer = shop.http.post(path, files={"input": ("input.json", b"{}", "application/json")}, headers=shop.headers)

    inbox.wait(5)
    reviewed = shop.got(f"{URL}/{dispute['dispute_id']}")
    assert (answer.status_code, reviewed["status"]) == (200, "UNDER_REVIEW")
    assert types(inbox)[1:] == ["CUSTOMER.DISPUTE.UPDATED"]
    assert (link_of(dispute, "provide_evidence") != "", link_of(reviewed, "provide_evidence")) == (True, "")
    assert issue_of(shop.post(path, {}))[2] == NOT_NOW


def test_dispute_is_decided_only_when_it_can_be(shop):
    _, dispute = disputed(shop)
    own = f"{URL}/{dispute['dispute_id']}"

    too_early = shop.post(f"{own}/adjudicate", {"adjudication_outcome": "BUYER_FAVOR"})
    nonsense = shop.post(f"{own}/adjudicate", {"adjudication_outcome": "NOBODY"})
    nothing = shop.post(f"{own}/adjudicate", {})
    shop.post(f"{own}/accept-claim", {})
    too_late = shop.post(f"{own}/accept-claim", {})

    assert [issue_of(answer)[2] for answer in (too_early, nonsense, nothing, too_late)] == [
        NOT_NOW,
        "INVALID_PARAMETER_VALUE",
        "MISSING_REQUIRED_PARAMETER",
        NOT_NOW,
    ]


def test_disputes_are_listed_by_transaction_and_unknown_ones_are_404s(shop):
    _, dispute = disputed(shop)

    assert [entry["dispute_id"] for entry in shop.got(URL)["items"]] == [dispute["dispute_id"]]
    assert shop.got(URL, disputed_transaction_id="nobody")["items"] == []
    assert issue_of(shop.get(f"{URL}/PP-R-nobody"))[:2] == (404, "RESOURCE_NOT_FOUND")
