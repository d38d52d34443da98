"""Disputes: opened from the control side, answered by the merchant, decided by the bank."""

from operator import itemgetter

import pytest

from tests.simulator.merchant import wait_for

EVIDENCE = {
    "customer_email": "amina@example.com",
    "customer_name": "Amina Otieno",
    "customer_phone": "0712345678",
    "service_details": "A phone",
}


def events(inbox, count):
    wait_for(lambda: sum("dispute" in message.json["event"] for message in inbox.messages) >= count)
    return [message.json for message in inbox.messages if "dispute" in message.json["event"]]


@pytest.fixture
def paid(paystack):
    paystack.pay()
    return paystack


def open_dispute(paystack, **fields):
    response = paystack.http.post("/control/paystack/disputes", json={"reference": "ORD-1001-a1", **fields})
    assert response.status_code == 200, response.text
    return response.json()


def resolve(paystack, number, **changes):
    fields = {"resolution": "merchant-accepted", "message": "Sorry", "refund_amount": 150000, "uploaded_filename": "x"}
    return paystack.put(f"/dispute/{number}/resolve", **{**fields, **changes})


def test_dispute_is_told_with_its_transaction_and_no_reference_of_its_own(paid, inbox):
    dispute = open_dispute(paid)

    event = events(inbox, 1)[0]
    data = event["data"]
    assert event["event"] == "charge.dispute.create"
    assert (data["id"], data["status"], data["category"]) == (dispute["id"], "awaiting-merchant-feedback", "chargeback")
    assert (data["refund_amount"], data["currency"], data["resolution"]) == (150000, "KES", None)
    assert data["transaction_reference"] is None
    assert set(data["transaction"]) == {
        "id",
        "domain",
        "status",
        "reference",
        "amount",
        "currency",
        "channel",
        "gateway_response",
        "metadata",
    }
    assert data["transaction"]["reference"] == "ORD-1001-a1"
    assert set(data["customer"]) == {"id", "email", "customer_code"}
    assert (data["bin"], data["last4"]) == ("408408", "4081")
    assert [entry["by"] for entry in data["history"]] == ["bank@example.com"]


def test_dispute_can_be_listed_and_fetched(paid):
    number = open_dispute(paid)["id"]
    transaction = paid.verified()["id"]

    listed = paid.get("/dispute").json()["data"]

    assert [row["id"] for row in listed] == [number]
    assert paid.get(f"/dispute/{number}").json()["data"] == listed[0]
    assert paid.get(f"/dispute/transaction/{transaction}").json()["data"] == listed[0]
    assert paid.get("/dispute", transaction=transaction).json()["data"] == listed
    for query in ({"status": "resolved"}, {"transaction": 1}, {"to": "2020-01-01"}):
        assert paid.get("/dispute", **query).json()["data"] == []
    for path in ("/dispute/1", "/dispute/transaction/1", "/dispute/1/upload_url?upload_filename=a"):
        assert paid.get(path).status_code == 404


def test_dispute_accepted_gives_the_money_back(paid, inbox):
    number = open_dispute(paid)["id"]
    events(inbox, 1)  # webhooks may overtake each other

    response = resolve(paid, number)

    data = response.json()["data"]
    assert (response.status_code, data["status"], data["resolution"]) == (200, "resolved", "merchant-accepted")
    assert [event["event"] for event in events(inbox, 2)] == ["charge.dispute.create", "charge.dispute.resolve"]
    wait_for(lambda: paid.status() == "reversed")
    assert paid.books()["totals"]["refunded"] == {"KES": "1500.00"}
    assert resolve(paid, number).status_code == 422


@pytest.mark.parametrize(("merchant_wins", "refunded"), [(True, {}), (False, {"KES": "1500.00"})])
def test_dispute_declined_is_for_the_bank_to_decide(paid, inbox, merchant_wins, refunded):
    number = open_dispute(paid)["id"]
    events(inbox, 1)
    early = paid.http.post(f"/control/paystack/disputes/{number}/decide", json={"merchant_wins": True})
    declined = resolve(paid, number, resolution="declined").json()["data"]

    decided = paid.http.post(f"/control/paystack/disputes/{number}/decide", json={"merchant_wins": merchant_wins})

    assert (early.status_code, declined["status"]) == (409, "awaiting-bank-feedback")
    assert (decided.status_code, decided.json()["status"]) == (200, "resolved")
    assert events(inbox, 2)[-1]["event"] == "charge.dispute.resolve"
    wait_for(lambda: paid.books()["totals"]["refunded"] == refunded)


def test_dispute_that_nobody_answers_is_accepted_when_it_is_due(paid, inbox):
    open_dispute(paid, due_seconds=0.1, amount=50000, category="fraud")

    created, resolved = sorted(events(inbox, 2), key=itemgetter("event"))

    assert (created["data"]["category"], resolved["data"]["resolution"]) == ("fraud", "auto-accepted")
    wait_for(lambda: paid.books()["totals"]["refunded"] == {"KES": "500.00"})
    assert paid.status() == "success"


def test_dispute_takes_evidence_and_another_amount(paid):
    number = open_dispute(paid)["id"]

    missing = paid.post(f"/dispute/{number}/evidence", customer_email="x")
    evidence = paid.post(f"/dispute/{number}/evidence", **EVIDENCE)
    updated = paid.put(f"/dispute/{number}", refund_amount=50000)
    too_much = paid.put(f"/dispute/{number}", refund_amount=150001)
    upload = paid.get(f"/dispute/{number}/upload_url", upload_filename="receipt.pdf")
    unnamed = paid.get(f"/dispute/{number}/upload_url")

    assert [missing.status_code, too_much.status_code, unnamed.status_code] == [400, 400, 400]
    assert evidence.json()["data"]["customer_name"] == "Amina Otieno"
    assert updated.json()["data"][0]["refund_amount"] == 50000
    assert upload.json()["data"]["fileName"] == f"{number}-receipt.pdf"
    assert paid.get(f"/dispute/{number}").json()["data"]["evidence"]["dispute"] == number


@pytest.mark.parametrize(
    "changes", [{"resolution": "maybe"}, {"message": ""}, {"uploaded_filename": ""}, {"refund_amount": 150001}]
)
def test_resolution_that_makes_no_sense_is_refused(paid, changes):
    number = open_dispute(paid)["id"]

    assert resolve(paid, number, **changes).status_code == 400
    assert paid.get(f"/dispute/{number}").json()["data"]["status"] == "awaiting-merchant-feedback"


def test_dispute_is_reminded_of_while_it_waits(paid, inbox):
    number = open_dispute(paid)["id"]

    reminded = paid.http.post(f"/control/paystack/disputes/{number}/remind")
    resolve(paid, number)
    late = paid.http.post(f"/control/paystack/disputes/{number}/remind")

    assert (reminded.status_code, late.status_code) == (200, 409)
    assert sorted(event["event"] for event in events(inbox, 3)) == [
        "charge.dispute.create",
        "charge.dispute.remind",
        "charge.dispute.resolve",
    ]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"reference": 5}, 400),
        ({"reference": "ORD-1001-a1", "colour": "red"}, 400),
        ({"reference": "NOBODY"}, 404),
        ({"reference": "OPEN"}, 404),
        ({"reference": "ORD-1001-a1", "amount": 0}, 400),
        ({"reference": "ORD-1001-a1", "amount": 150001}, 400),
        ({"reference": "ORD-1001-a1", "due_seconds": -1}, 400),
        ({"reference": "ORD-1001-a1", "category": "theft"}, 400),
    ],
)
def test_dispute_that_cannot_be_is_not_opened(paid, fields, status):
    paid.start("OPEN")

    response = paid.http.post("/control/paystack/disputes", json=fields)

    assert (response.status_code, set(response.json())) == (status, {"error"})
    assert paid.get("/dispute").json()["data"] == []


def test_control_of_a_dispute_that_is_none_is_refused(paid):
    number = open_dispute(paid)["id"]

    assert paid.http.post("/control/paystack/disputes/1/remind").status_code == 404
    assert paid.http.post("/control/paystack/disputes/1/decide", json={"merchant_wins": True}).status_code == 404
    assert paid.http.post(f"/control/paystack/disputes/{number}/decide", json={}).status_code == 400
