"""Refunds: whole, in parts, refused, waiting, repeated."""

import pytest

from tests.simulator.paypal.shop import REFERENCE, issue_of


def money(value, currency="USD"):
    return {"currency_code": currency, "value": value}


def test_part_of_a_refund_is_the_reference_s(shop, inbox):
    capture = shop.paid()
    inbox.wait(3)
    body = {
        "amount": money("3.00"),
        "invoice_id": "refund-77",
        "custom_id": "refund-77",
        "note_to_payer": "Item out of stock",
    }

    response = shop.refund(capture["id"], body, "refund:77")

    refund = response.json()
    base = str(shop.http.base_url).rstrip("/")
    assert response.status_code == 201
    assert refund == {
        "id": refund["id"],
        "status": "COMPLETED",
        "amount": money("3.00"),
        "custom_id": "refund-77",
        "invoice_id": "refund-77",
        "note_to_payer": "Item out of stock",
        "seller_payable_breakdown": {
            "gross_amount": money("3.00"),
            "paypal_fee": money("0.00"),
            "net_amount": money("3.00"),
            "total_refunded_amount": money("3.00"),
        },
        "create_time": refund["create_time"],
        "update_time": refund["update_time"],
        "links": [
            {"href": f"{base}/v2/payments/refunds/{refund['id']}", "rel": "self", "method": "GET"},
            {"href": f"{base}/v2/payments/captures/{capture['id']}", "rel": "up", "method": "GET"},
        ],
    }
    assert shop.got(f"/v2/payments/refunds/{refund['id']}") == refund
    assert shop.got(f"/v2/payments/captures/{capture['id']}")["status"] == "PARTIALLY_REFUNDED"
    event = inbox.wait(4)[3].json
    assert (event["event_type"], event["resource_type"], event["resource"]) == (
        "PAYMENT.CAPTURE.REFUNDED",
        "refund",
        refund,
    )


def test_parts_and_the_rest_are_refunded_until_nothing_is_left(shop):
    capture = shop.paid()

    first = shop.refund(capture["id"], {"amount": money("3.00")})
    too_much = shop.refund(capture["id"], {"amount": money("8.64")})
    rest = shop.refund(capture["id"]).json()
    third = shop.refund(capture["id"])

    assert (first.status_code, rest["amount"]) == (201, money("8.63"))
    assert rest["seller_payable_breakdown"]["total_refunded_amount"] == money("11.63")
    assert issue_of(too_much) == (422, "UNPROCESSABLE_ENTITY", "REFUND_AMOUNT_EXCEEDED", "/amount/value")
    assert issue_of(third)[2] == "CAPTURE_FULLY_REFUNDED"
    assert shop.got(f"/v2/payments/captures/{capture['id']}")["status"] == "REFUNDED"
    assert [(entry["amount"], entry["status"]) for entry in shop.payment(REFERENCE)["refunds"]] == [
        ("3.00", "successful"),
        ("8.63", "successful"),
    ]
    assert shop.payment(REFERENCE)["status"] == "successful"


def test_refund_without_a_body_gives_everything_back(shop):
    capture = shop.paid()

    response = shop.post(f"/v2/payments/captures/{capture['id']}/refund", None)

    assert (response.status_code, response.json()["amount"]) == (201, money("11.63"))


@pytest.mark.parametrize(
    ("body", "status", "issue", "field"),
    [
        ({"amount": money("1.00", "EUR")}, 422, "CURRENCY_MISMATCH", "/amount/currency_code"),
        ({"amount": money("0.00")}, 422, "CANNOT_BE_ZERO_OR_NEGATIVE", "/amount/value"),
        ({"amount": money("1.001")}, 422, "DECIMAL_PRECISION", "/amount/value"),
        ({"amount": {"value": "1.00"}}, 400, "MISSING_REQUIRED_PARAMETER", "/amount/currency_code"),
        ({"note_to_payer": "x" * 256}, 400, "INVALID_STRING_LENGTH", "/note_to_payer"),
    ],
)
def test_wrong_refund_is_refused_and_gives_nothing_back(shop, body, status, issue, field):
    capture = shop.paid()

    response = shop.refund(capture["id"], body)

    assert (response.status_code, *issue_of(response)[2:]) == (status, issue, field)
    assert shop.payment(REFERENCE)["refunds"] == []


def test_repeat_with_the_id_refunds_once(shop):
    capture = shop.paid()

    first = shop.refund(capture["id"], {"amount": money("3.00")}, "refund:1")
    again = shop.refund(capture["id"], {"amount": money("3.00")}, "refund:1")
    other = shop.refund(capture["id"], {"amount": money("3.00")}, "refund:2")

    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert (other.json()["id"] == first.json()["id"], len(shop.payment(REFERENCE)["refunds"])) == (False, 2)


def test_unknown_capture_and_refund_are_404s(shop):
    answers = [
        shop.refund("8EX20417PB334265C"),
        shop.get("/v2/payments/captures/8EX20417PB334265C"),
        shop.get("/v2/payments/refunds/8EX20417PB334265C"),
    ]

    assert [issue_of(answer)[:3] for answer in answers] == [(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")] * 3


@pytest.mark.parametrize(
    ("fault", "status", "event", "books", "capture_status"),
    [
        ("pending", "COMPLETED", "PAYMENT.CAPTURE.REFUNDED", "successful", "REFUNDED"),
        ("turns_failed", "FAILED", "PAYMENT.REFUND.FAILED", "failed", "COMPLETED"),
    ],
)
def test_refund_may_be_pending_first(shop, inbox, fault, status, event, books, capture_status):
    shop.faults({"fault": f"paypal_refund_{fault}", "seconds": 1.0})
    capture = shop.paid()
    inbox.wait(3)

    refund = shop.refund(capture["id"]).json()
    before = shop.payment(REFERENCE)["refunds"][0]["status"]
    ended = shop.wait_for_status(f"/v2/payments/refunds/{refund['id']}", status)

    assert (refund["status"], refund["status_details"], before) == ("PENDING", {"reason": "ECHECK"}, "pending")
    assert "status_details" not in ended
    assert [message.json["event_type"] for message in inbox.wait(5)[3:]] == ["PAYMENT.REFUND.PENDING", event]
    assert shop.payment(REFERENCE)["refunds"][0]["status"] == books
    assert shop.got(f"/v2/payments/captures/{capture['id']}")["status"] == capture_status


def test_failed_refund_can_be_tried_again(shop):
    shop.faults({"fault": "paypal_refund_turns_failed", "seconds": 0.1})
    capture = shop.paid()
    refund = shop.refund(capture["id"]).json()
    shop.wait_for_status(f"/v2/payments/refunds/{refund['id']}", "FAILED")

    assert shop.refund(capture["id"]).json()["status"] == "COMPLETED"
    assert shop.books()["totals"]["refunded"] == {"USD": "11.63"}


@pytest.mark.parametrize("issue", ["REFUND_FAILED_INSUFFICIENT_FUNDS", "REFUND_TIME_LIMIT_EXCEEDED"])
def test_refund_may_be_refused_by_a_fault(shop, issue):
    shop.faults({"fault": "paypal_refund_issue", "issue": issue})
    capture = shop.paid()

    assert issue_of(shop.refund(capture["id"]))[:3] == (422, "UNPROCESSABLE_ENTITY", issue)
    assert shop.payment(REFERENCE)["refunds"] == []


def test_whole_units_are_refunded_without_decimals(shop):
    capture = shop.paid(currency="JPY", value="1500")

    assert shop.refund(capture["id"], {"amount": money("500", "JPY")}).json()["amount"] == money("500", "JPY")
    assert shop.refund(capture["id"]).json()["amount"] == money("1000", "JPY")
