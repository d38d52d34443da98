"""Payouts to sellers, in batches."""

import pytest

from tests.simulator.merchant import wait_for
from tests.simulator.paypal.shop import issue_of, payout_item

URL = "/v1/payments/payouts"


def paid_out(shop, batch_id):
    """Wait until a batch is through, and return it."""
    wait_for(lambda: shop.got(f"{URL}/{batch_id}")["batch_header"]["batch_status"] == "SUCCESS")
    return shop.got(f"{URL}/{batch_id}")


def types(inbox, count):
    return [message.json["event_type"] for message in inbox.wait(count)]


def test_batch_is_the_reference_s_and_paid_soon(shop, inbox):
    response = shop.pay_out(payout_item(), payout_item(receiver="b@example.com", sender_item_id="seller-43"))

    made = response.json()
    batch_id = made["batch_header"]["payout_batch_id"]
    own = f"{str(shop.http.base_url).rstrip('/')}{URL}/{batch_id}"
    assert response.status_code == 201
    assert made == {
        "batch_header": {
            "payout_batch_id": batch_id,
            "batch_status": "PENDING",
            "sender_batch_header": {
                "sender_batch_id": "payout-2026-11",
                "email_subject": "You have a payout",
                "recipient_type": "EMAIL",
            },
        },
        "links": [{"href": own, "rel": "self", "method": "GET", "encType": "application/json"}],
    }
    batch = paid_out(shop, batch_id)
    item = batch["items"][0]
    assert batch["batch_header"]["amount"] == {"currency": "USD", "value": "19.60"}
    assert [entry["transaction_status"] for entry in batch["items"]] == ["SUCCESS"] * 2
    assert (item["payout_item"]["sender_item_id"], len(item["transaction_id"])) == ("seller-42-2026-11", 17)
    assert shop.got(f"/v1/payments/payouts-item/{item['payout_item_id']}") == item
    assert types(inbox, 4) == [
        "PAYMENT.PAYOUTSBATCH.PROCESSING",
        *["PAYMENT.PAYOUTS-ITEM.SUCCEEDED"] * 2,
        "PAYMENT.PAYOUTSBATCH.SUCCESS",
    ]
    assert inbox.messages[1].json["resource"] == item
    assert [(entry["reference"], entry["amount"], entry["status"]) for entry in shop.books()["payouts"]] == [
        ("seller-42-2026-11", "9.80", "successful"),
        ("seller-43", "9.80", "successful"),
    ]


def test_batch_id_counts_once(shop):
    first = shop.pay_out().json()

    again = shop.pay_out()

    detail = again.json()["details"][0]
    assert (again.status_code, again.json()["name"], detail["field"]) == (400, "USER_BUSINESS_ERROR", "SENDER_BATCH_ID")
    assert detail["link"] == first["links"]
    assert len(shop.books()["payouts"]) == 1


def test_repeat_with_the_request_id_is_the_first_batch(shop):
    first = shop.pay_out(request_id="payout:1").json()
    again = shop.pay_out(batch="another", request_id="payout:1")

    assert (again.status_code, again.json()["batch_header"]["payout_batch_id"]) == (
        200,
        first["batch_header"]["payout_batch_id"],
    )
    assert len(shop.books()["payouts"]) == 1


@pytest.mark.parametrize(
    ("note", "status", "event", "books"),
    [
        ("ERRPYO002", "FAILED", "FAILED", "failed"),
        ("ERRPYO003", "UNCLAIMED", "UNCLAIMED", "waiting"),
        ("ERRPYO004", "RETURNED", "RETURNED", "failed"),
        ("ERRPYO005", "BLOCKED", "BLOCKED", "failed"),
    ],
)
def test_item_fails_by_the_code_in_its_note(shop, inbox, note, status, event, books):
    made = shop.pay_out(payout_item(note=note), payout_item(sender_item_id="good")).json()

    batch = paid_out(shop, made["batch_header"]["payout_batch_id"])

    item = batch["items"][0]
    assert [entry["transaction_status"] for entry in batch["items"]] == [status, "SUCCESS"]
    assert set(item["errors"]) == {"name", "message", "debug_id"}
    assert bool(item["transaction_id"]) == (status == "UNCLAIMED")
    assert f"PAYMENT.PAYOUTS-ITEM.{event}" in types(inbox, 4)
    assert [entry["status"] for entry in shop.books()["payouts"]] == [books, "successful"]
    assert shop.books()["totals"]["paid_out"] == {"USD": "9.80"}


@pytest.mark.parametrize(
    ("changes", "issue", "field"),
    [
        ({"receiver": None}, "MISSING_REQUIRED_PARAMETER", "/items/0/receiver"),
        ({"recipient_type": "PIGEON"}, "INVALID_PARAMETER_VALUE", "/items/0/recipient_type"),
        ({"sender_item_id": "x" * 64}, "INVALID_STRING_LENGTH", "/items/0/sender_item_id"),
        ({"amount": None}, "MISSING_REQUIRED_PARAMETER", "/items/0/amount"),
        (
            {"amount": {"value": "9.80", "currency_code": "USD"}},
            "MISSING_REQUIRED_PARAMETER",
            "/items/0/amount/currency",
        ),
        ({"amount": {"value": "9.80", "currency": "KES"}}, "CURRENCY_NOT_SUPPORTED", "/items/0/amount/currency"),
    ],
)
def test_wrong_item_refuses_the_batch(shop, changes, issue, field):
    response = shop.pay_out(payout_item(**changes))

    assert issue_of(response)[2:] == (issue, field)
    assert shop.books()["payouts"] == []


@pytest.mark.parametrize("body", [{}, {"sender_batch_header": {}}, {"sender_batch_header": {}, "items": []}])
def test_batch_without_its_parts_is_refused(shop, body):
    assert issue_of(shop.post(URL, body))[2] == "MISSING_REQUIRED_PARAMETER"


def test_unknown_batch_and_item_are_404s(shop):
    answers = [shop.get(f"{URL}/NOBODY"), shop.get("/v1/payments/payouts-item/NOBODY")]

    assert [issue_of(answer)[:3] for answer in answers] == [(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")] * 2


def test_batch_that_waits_is_paid_after_a_restart(start_paypal, tmp_path, monkeypatch):
    monkeypatch.setattr("simulator.paypal.payouts.PROCESSING_SECONDS", 0.5)
    simulator, shop = start_paypal(state=str(tmp_path / "paypal.db"))
    made = shop.pay_out().json()
    simulator.stop()

    _, shop = start_paypal(state=str(tmp_path / "paypal.db"))

    assert paid_out(shop, made["batch_header"]["payout_batch_id"])["items"][0]["transaction_status"] == "SUCCESS"
