"""Refunds: what may be given back, the states on the way, and their events."""

import time

import pytest

from tests.simulator.merchant import wait_for


def states(inbox, count):
    return [message.json["event"] for message in inbox.wait(count)]


def refund_events(inbox, count):
    """Wait for so many refund events and return them, the payment's own left out."""
    wait_for(lambda: sum(message.json["event"].startswith("refund.") for message in inbox.messages) >= count)
    return [message.json for message in inbox.messages if message.json["event"].startswith("refund.")]


@pytest.fixture
def paid(paystack, inbox):
    """A merchant with one paid transaction of 1500.00, whose event has come."""
    paystack.pay(action="pay-mpesa")
    inbox.wait()
    inbox.messages.clear()
    return paystack


def test_refund_is_queued_and_answered_with_its_transaction_in_full(paid):
    number = paid.verified()["id"]

    response = paid.refund(amount=50000, customer_note="Item out of stock", merchant_note="refund 77")

    answer = response.json()
    data = answer["data"]
    transaction = data.pop("transaction")
    assert (response.status_code, answer["message"]) == (200, "Refund has been queued for processing")
    assert isinstance(data.pop("id"), int)
    assert data.pop("createdAt") == data.pop("updatedAt")
    assert data.pop("expected_at").endswith("Z")
    assert data == {
        "status": "pending",
        "amount": 50000,
        "deducted_amount": 0,
        "fully_deducted": False,
        "currency": "KES",
        "domain": "test",
        "channel": None,
        "integration": 412000,
        "merchant_note": "refund 77",
        "customer_note": "Item out of stock",
        "refunded_by": "ops@shop.example",
    }
    assert (transaction["id"], transaction["reference"], transaction["amount"]) == (number, "ORD-1001-a1", 150000)
    assert transaction["authorization"] == {"exp_month": None, "exp_year": None, "account_name": None}


def test_refund_goes_from_state_to_state_and_each_is_told(paid, inbox):
    number = paid.refund(amount=50000).json()["data"]["id"]

    events = refund_events(inbox, 3)

    assert [event["event"] for event in events] == ["refund.pending", "refund.processing", "refund.processed"]
    assert [event["data"]["amount"] for event in events] == ["50000"] * 3
    assert [event["data"]["refund_reference"] is None for event in events] == [True, True, False]
    done = events[-1]["data"]
    done.pop("refund_reference")
    assert done == {
        "status": "processed",
        "transaction_reference": "ORD-1001-a1",
        "amount": "50000",
        "currency": "KES",
        "processor": "mpesa",
        "customer": {"first_name": None, "last_name": None, "email": "amina@example.com"},
        "integration": 412000,
        "domain": "test",
    }
    refund = paid.get(f"/refund/{number}").json()["data"]
    assert (refund["status"], refund["deducted_amount"], refund["fully_deducted"]) == ("processed", 50000, 1)
    assert (refund["transaction"], refund["refunded_at"] is None) == (paid.verified()["id"], False)


def test_partial_refunds_add_up_to_the_whole_and_no_further(paid, inbox):
    first = paid.refund(amount=50000)
    too_much = paid.refund(amount=100001)
    second = paid.refund(paid.verified()["id"], amount="100000")
    nothing_left = paid.refund(amount=1)

    assert [response.status_code for response in (first, too_much, second, nothing_left)] == [200, 400, 200, 400]
    assert too_much.json()["message"] == "Refund amount cannot be more than the transaction amount"
    assert nothing_left.json()["message"] == "Transaction has been fully reversed"
    assert paid.status() == "reversal pending"
    wait_for(lambda: paid.status() == "reversed")
    assert paid.books()["totals"]["refunded"] == {"KES": "1500.00"}


def test_refund_without_an_amount_is_of_all_that_is_left(paid):
    paid.refund(amount=50000)

    assert paid.refund().json()["data"]["amount"] == 100000


def test_partial_refund_leaves_the_transaction_successful(paid):
    paid.refund(amount=50000)

    wait_for(lambda: paid.books()["totals"]["refunded"] == {"KES": "500.00"})

    assert paid.status() == "success"


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"transaction": None}, 400, "transaction is required"),
        ({"transaction": "NOBODY"}, 404, "Transaction not found"),
        ({"transaction": "OPEN"}, 400, "Transaction cannot be refunded"),
        ({"amount": 0}, 400, "Invalid Amount Sent"),
        ({"amount": -1}, 400, "Invalid Amount Sent"),
        ({"amount": 150001}, 400, "Refund amount cannot be more than the transaction amount"),
        ({"currency": "USD"}, 400, "Currency does not match the transaction"),
    ],
)
def test_refund_that_cannot_be_is_refused(paid, fields, status, message):
    paid.start("OPEN")

    response = paid.refund(**{"transaction": "ORD-1001-a1", **fields})

    assert (response.status_code, response.json()["message"]) == (status, message)
    assert paid.get("/refund").json()["data"] == []


def test_refunds_are_listed_newest_first_and_filtered(paid):
    paid.pay("OTHER")
    first = paid.refund(amount=10000).json()["data"]["id"]
    second = paid.refund(amount=20000).json()["data"]["id"]
    third = paid.refund("OTHER", amount=30000).json()["data"]["id"]
    number = paid.verified()["id"]

    def listed(**query):
        return [row["id"] for row in paid.get("/refund", **query).json()["data"]]

    assert listed() == [third, second, first]
    assert listed(transaction=number) == listed(transaction="ORD-1001-a1") == [second, first]
    assert listed(currency="USD") == listed(transaction="NOBODY") == listed(to="2020-01-01") == []
    assert listed(perPage=1, page=2) == [second]
    assert paid.get("/refund").json()["data"][0]["transaction"] == paid.verified("OTHER")["id"]
    assert paid.get("/refund/1").status_code == 404


def test_refund_of_the_card_for_failures_fails_and_the_money_stays(paystack, inbox):
    paystack.pay(action="pay-card-refund-fails")
    paystack.refund()
    during = paystack.status()

    event = refund_events(inbox, 3)[-1]

    assert (event["event"], event["data"]["amount"], event["data"]["processor"]) == ("refund.failed", 150000, "mpgs")
    assert (during, paystack.status()) == ("reversal pending", "success")
    assert paystack.books()["totals"]["refunded"] == {}
    assert paystack.refund(amount=1000).status_code == 200


def test_refund_that_needs_attention_waits_for_the_customers_account(paystack, inbox):
    paystack.pay(action="pay-card-needs-attention")
    number = paystack.refund(merchant_note="refund 77").json()["data"]["id"]
    event = refund_events(inbox, 3)[-1]
    path, account = f"/refund/retry_with_customer_details/{number}", {"currency": "KES", "account_number": "0123456789"}

    missing = paystack.post(path, refund_account_details=account)
    without = paystack.post(path)
    retried = paystack.post(path, refund_account_details={**account, "bank_id": "9"})
    again = paystack.post(path, refund_account_details={**account, "bank_id": "9"})

    assert (event["event"], event["data"]["id"], event["data"]["merchant_note"]) == (
        "refund.needs-attention",
        str(number),
        "refund 77",
    )
    assert [missing.status_code, without.status_code, retried.status_code] == [400, 400, 200]
    assert retried.json()["message"] == "Refund has been retried and has been queued for processing"
    assert (again.status_code, again.json()["code"]) == (422, "invalid_params")
    assert refund_events(inbox, 5)[-1]["event"] == "refund.processed"


# --- faults


@pytest.mark.parametrize(
    ("fault", "end"),
    [("paystack_refund_fails", "refund.failed"), ("paystack_refund_needs_attention", "refund.needs-attention")],
)
def test_refund_may_end_badly(paid, inbox, fault, end):
    paid.faults(fault)

    paid.refund(amount=50000)

    assert [event["event"] for event in refund_events(inbox, 3)] == ["refund.pending", "refund.processing", end]


def test_refund_may_be_slow(paid, inbox):
    paid.faults({"fault": "paystack_refund_slow", "seconds": 0.5})

    number = paid.refund().json()["data"]["id"]
    time.sleep(0.3)

    assert paid.get(f"/refund/{number}").json()["data"]["status"] == "pending"
    assert refund_events(inbox, 3)[-1]["event"] == "refund.processed"


def test_refund_events_may_come_out_of_order(paid, inbox):
    paid.faults("paystack_refund_events_reordered")

    paid.refund(amount=50000)

    assert [event["event"] for event in refund_events(inbox, 3)] == [
        "refund.pending",
        "refund.processed",
        "refund.processing",
    ]


def test_refund_amounts_may_be_numbers_and_text_the_other_way(paid, inbox):
    paid.faults({"faults": ["paystack_refund_amount_flipped", "paystack_refund_fails"]})

    paid.refund(amount=50000)

    assert [event["data"]["amount"] for event in refund_events(inbox, 3)] == [50000, 50000, "50000"]


def test_refund_webhooks_may_be_lost(paid, inbox):
    paid.faults("paystack_refund_webhook_lost")

    paid.refund(amount=50000)

    wait_for(lambda: paid.books()["totals"]["refunded"] == {"KES": "500.00"})
    assert [delivery["state"] for delivery in paid.deliveries()[1:]] == ["lost"] * 3
    assert inbox.messages == []


@pytest.mark.parametrize(
    ("fault", "amounts"),
    [
        ("paystack_refund_webhook_wrong_amount", ["49900"] * 3),
        ({"fault": "paystack_refund_webhook_doubled", "times": 2}, ["50000"] * 6),
        ({"fault": "paystack_refund_webhook_late", "seconds": 0.1}, ["50000"] * 3),
        ("paystack_refund_webhook_bad_signature", ["50000"] * 3),
        ({"fault": "paystack_refund_webhook_reordered", "seconds": 0.1}, ["50000"] * 3),
    ],
)
def test_refund_webhooks_may_go_wrong(paid, inbox, fault, amounts):
    paid.faults(fault)

    paid.refund(amount=50000)

    assert [event["data"]["amount"] for event in refund_events(inbox, len(amounts))] == amounts


def test_refund_may_be_forged(paid, inbox):
    paid.faults("paystack_refund_webhook_forged")

    paid.refund(amount=50000)

    events = refund_events(inbox, 4)
    assert [event["event"] for event in events][:2] == ["refund.processed", "refund.pending"]
    assert paid.deliveries()[1]["note"] == "forged"


def test_refund_faults_of_a_payment_strike_its_first_refund(paystack, inbox):
    paystack.faults({"faults": ["paystack_webhook_lost", "paystack_refund_fails", "paystack_refund_webhook_doubled"]})
    paystack.pay()
    paystack.pay("OTHER")
    inbox.wait()  # webhooks may overtake each other

    paystack.refund("OTHER", amount=10000)
    assert states(inbox, 4)[1:] == ["refund.pending", "refund.processing", "refund.processed"]
    inbox.messages.clear()
    paystack.refund(amount=10000)
    first = [event["event"] for event in refund_events(inbox, 6)]
    inbox.messages.clear()
    paystack.refund(amount=10000)

    assert first[-2:] == ["refund.failed", "refund.failed"]
    assert [event["event"] for event in refund_events(inbox, 3)][-1] == "refund.processed"
