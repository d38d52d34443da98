"""Captures: the money, each refusal, repeats by request id, two at once."""

import threading

import pytest

from tests.simulator.merchant import wait_for
from tests.simulator.paypal.shop import REFERENCE, capture_of, issue_of, link_of

PAID = ["PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.COMPLETED"]


def types(inbox, count):
    return [message.json["event_type"] for message in inbox.wait(count)]


def test_capture_is_the_reference_s(shop, inbox):
    order_id = shop.approved(invoice_id="INV-1")

    response = shop.capture(order_id)

    order = response.json()
    capture = capture_of(order)
    base = str(shop.http.base_url).rstrip("/")
    own = f"{base}/v2/payments/captures/{capture['id']}"
    assert (response.status_code, order["status"], order["payer"]["payer_id"]) == (201, "COMPLETED", "BUYER23456789")
    assert capture == {
        "id": capture["id"],
        "status": "COMPLETED",
        "amount": {"currency_code": "USD", "value": "11.63"},
        "final_capture": True,
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
        "seller_receivable_breakdown": {
            "gross_amount": {"currency_code": "USD", "value": "11.63"},
            "paypal_fee": {"currency_code": "USD", "value": "0.89"},
            "net_amount": {"currency_code": "USD", "value": "10.74"},
        },
        "invoice_id": "INV-1",
        "custom_id": REFERENCE,
        "create_time": capture["create_time"],
        "update_time": capture["update_time"],
        "links": [
            {"href": own, "rel": "self", "method": "GET"},
            {"href": f"{own}/refund", "rel": "refund", "method": "POST"},
            {"href": f"{base}/v2/checkout/orders/{order_id}", "rel": "up", "method": "GET"},
        ],
    }
    assert shop.order(order_id) == order
    related = {"supplementary_data": {"related_ids": {"order_id": order_id}}}
    assert shop.got(f"/v2/payments/captures/{capture['id']}") == {**capture, **related}


def test_capture_is_told_by_two_events(shop, inbox):
    order_id = shop.approved()
    inbox.wait()

    capture = capture_of(shop.capture(order_id).json())

    messages = inbox.wait(3)[1:]
    assert [message.json["event_type"] for message in messages] == PAID
    assert messages[0].json["resource"] == shop.got(f"/v2/payments/captures/{capture['id']}")
    assert messages[1].json["resource"] == shop.order(order_id)
    assert (messages[0].json["resource_type"], messages[0].json["summary"]) == (
        "capture",
        "Payment completed for $ 11.63 USD",
    )


def test_whole_units_have_no_decimals(shop):
    assert shop.paid(currency="JPY", value="1500")["seller_receivable_breakdown"] == {
        "gross_amount": {"currency_code": "JPY", "value": "1500"},
        "paypal_fee": {"currency_code": "JPY", "value": "100"},
        "net_amount": {"currency_code": "JPY", "value": "1400"},
    }
    assert [(entry["amount"], entry["currency"]) for entry in shop.books()["payments"]] == [("1500.00", "JPY")]


def test_minimal_answer_still_has_the_capture(shop):
    order = shop.capture(shop.approved(), Prefer="return=minimal").json()

    assert set(order) == {"id", "status", "payment_source", "payer", "links", "purchase_units"}
    assert set(order["purchase_units"][0]) == {"reference_id", "payments"}


def test_each_unit_has_a_capture(shop):
    body = shop.order_body()
    first = body["purchase_units"][0]
    second = {**first, "reference_id": "second", "amount": {"currency_code": "USD", "value": "5.00"}}
    order_id = shop.create({**body, "purchase_units": [first, second]}).json()["id"]
    shop.choose(order_id)

    units = shop.capture(order_id).json()["purchase_units"]

    assert [unit["payments"]["captures"][0]["amount"]["value"] for unit in units] == ["11.63", "5.00"]
    assert shop.payment(REFERENCE)["amount"] == "16.63"


# --- refusals


def test_order_that_is_not_approved_is_not_captured(shop):
    order = shop.created()

    response = shop.capture(order["id"])

    assert issue_of(response)[:3] == (422, "UNPROCESSABLE_ENTITY", "ORDER_NOT_APPROVED")
    assert link_of(response.json(), "payer-action") == link_of(order, "payer-action")
    assert shop.order(order["id"]) == order


def test_captured_order_is_not_captured_again(shop):
    order_id = shop.approved()
    first = shop.capture(order_id, "capture:1").json()

    response = shop.capture(order_id, "capture:2")

    assert issue_of(response)[:3] == (422, "UNPROCESSABLE_ENTITY", "ORDER_ALREADY_CAPTURED")
    assert shop.order(order_id) == first


def test_declined_card_sends_the_payer_back_to_choose_another(shop):
    order = shop.created()
    shop.choose(order["id"], "approve-then-decline")

    declined = shop.capture(order["id"], "capture:1")
    replayed = shop.capture(order["id"], "capture:1")
    waiting = shop.capture(order["id"], "capture:2")
    shop.choose(order["id"])
    still_replayed = shop.capture(order["id"], "capture:1")
    paid = shop.capture(order["id"], "capture:2")

    assert [issue_of(answer)[2] for answer in (declined, replayed, waiting, still_replayed)] == [
        "INSTRUMENT_DECLINED",
        "INSTRUMENT_DECLINED",
        "PAYER_ACTION_REQUIRED",
        "INSTRUMENT_DECLINED",
    ]
    assert link_of(declined.json(), "redirect") == link_of(order, "payer-action")
    assert (paid.status_code, paid.json()["status"]) == (201, "COMPLETED")


def test_invoice_id_pays_once(shop):
    shop.paid(invoice_id="INV-1")
    order_id = shop.approved("create:2", invoice_id="INV-1")

    response = shop.capture(order_id)

    assert issue_of(response) == (
        422,
        "UNPROCESSABLE_ENTITY",
        "DUPLICATE_INVOICE_ID",
        "/purchase_units/0/invoice_id",
    )
    assert (response.json()["details"][0]["value"], shop.order(order_id)["status"]) == ("INV-1", "APPROVED")
    assert shop.books()["totals"]["captured"] == {"USD": "11.63"}


@pytest.mark.parametrize(
    ("issue", "status"),
    [
        ("INSTRUMENT_DECLINED", 422),
        ("TRANSACTION_REFUSED", 422),
        ("MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", 422),
        ("PAYER_CANNOT_PAY", 422),
        ("COMPLIANCE_VIOLATION", 422),
        ("PERMISSION_DENIED", 403),
        ("INTERNAL_SERVER_ERROR", 500),
        ("SOMETHING_NEW", 422),
    ],
)
@pytest.mark.parametrize("by", ["fault", "mock header"])
def test_any_issue_can_be_had(shop, issue, status, by):
    order_id = shop.approved()
    headers = {}
    if by == "fault":
        shop.faults({"fault": "paypal_capture_issue", "issue": issue})
    else:
        headers = {"PayPal_Mock_Response": f'{{"mock_application_codes": "{issue}"}}'}

    refused = shop.capture(order_id, "capture:1", **headers)
    paid = shop.capture(order_id, "capture:1")

    assert (refused.status_code, issue_of(refused)[2], paid.status_code) == (status, issue, 201)


def test_capture_may_be_declined_although_the_order_is_completed(shop, inbox):
    shop.faults("paypal_capture_declined")
    order_id = shop.approved()

    response = shop.capture(order_id)

    order = response.json()
    assert (response.status_code, order["status"], capture_of(order)["status"]) == (201, "COMPLETED", "DECLINED")
    assert "seller_receivable_breakdown" not in capture_of(order)
    assert "PAYMENT.CAPTURE.DECLINED" in types(inbox, 3)
    assert (shop.payment(REFERENCE)["status"], shop.books()["totals"]["captured"]) == ("failed", {})


@pytest.mark.parametrize(
    ("outcome", "status", "event", "books"),
    [
        ("COMPLETED", "COMPLETED", "PAYMENT.CAPTURE.COMPLETED", "successful"),
        ("DENIED", "DECLINED", "PAYMENT.CAPTURE.DENIED", "failed"),
    ],
)
def test_capture_may_be_pending_first(shop, inbox, outcome, status, event, books):
    shop.faults({"fault": "paypal_capture_pending", "reason": "ECHECK", "outcome": outcome, "seconds": 1.0})
    order_id = shop.approved()

    order = shop.capture(order_id).json()
    before = shop.payment(REFERENCE)["status"]
    refund = shop.refund(capture_of(order)["id"])
    shop.wait_for_status(f"/v2/payments/captures/{capture_of(order)['id']}", status)

    pending = capture_of(order)
    decided = capture_of(shop.order(order_id))
    assert (order["status"], pending["status"], pending["status_details"]) == (
        "COMPLETED",
        "PENDING",
        {"reason": "ECHECK"},
    )
    assert (issue_of(refund)[2], before) == ("PENDING_CAPTURE", "waiting")
    assert ("status_details" in decided, "seller_receivable_breakdown" in decided) == (False, outcome == "COMPLETED")
    told = types(inbox, 4)
    assert ("PAYMENT.CAPTURE.PENDING" in told, told[-1]) == (True, event)
    assert shop.payment(REFERENCE)["status"] == books


def test_pending_capture_is_decided_after_a_restart(start_paypal, tmp_path):
    simulator, shop = start_paypal(state=str(tmp_path / "paypal.db"))
    shop.faults({"fault": "paypal_capture_pending", "seconds": 0.5})
    capture_id = capture_of(shop.capture(shop.approved()).json())["id"]
    simulator.stop()

    _, shop = start_paypal(state=str(tmp_path / "paypal.db"))

    shop.wait_for_status(f"/v2/payments/captures/{capture_id}", "COMPLETED")


# --- request ids


def test_repeat_of_a_creation_gives_the_first_order_as_it_is_now(shop):
    first = shop.created()
    shop.choose(first["id"])

    again = shop.create(shop.order_body(value="99.99"))

    assert (again.status_code, again.json()) == (200, shop.order(first["id"]))
    assert (again.json()["status"], len(shop.books()["payments"])) == ("APPROVED", 1)


def test_repeat_of_a_capture_gives_its_latest_state(shop):
    order_id = shop.approved()
    first = shop.capture(order_id, "capture:1")
    shop.refund(capture_of(first.json())["id"])

    again = shop.capture(order_id, "capture:1")

    assert (first.status_code, again.status_code) == (201, 200)
    assert (again.json()["id"], capture_of(again.json())["status"]) == (order_id, "REFUNDED")


def test_requests_without_an_id_are_all_carried_out(shop):
    made = {shop.create(shop.order_body(source=False), request_id="").json()["id"] for _ in range(2)}

    assert len(made) == len(shop.books()["payments"]) == 2


def test_one_id_may_serve_creation_and_capture(shop):
    order_id = shop.approved("same")

    assert shop.capture(order_id, "same").status_code == 201


def test_refusal_before_anything_was_done_frees_the_id(shop):
    order = shop.created()
    refused = shop.capture(order["id"], "capture:1")
    shop.choose(order["id"])

    assert (refused.status_code, shop.capture(order["id"], "capture:1").status_code) == (422, 201)


def test_id_that_is_too_long_is_refused(shop):
    assert issue_of(shop.create(request_id="x" * 109))[2:] == ("INVALID_STRING_LENGTH", "PayPal-Request-Id")
    assert shop.create(request_id="x" * 108).status_code == 200


def test_ids_survive_a_restart(start_paypal, tmp_path):
    simulator, shop = start_paypal(state=str(tmp_path / "paypal.db"))
    first = shop.created()
    simulator.stop()

    _, shop = start_paypal(state=str(tmp_path / "paypal.db"))

    assert shop.created()["id"] == first["id"]


@pytest.mark.parametrize(
    ("second_id", "status", "issue"),
    [("capture:1", 409, "PREVIOUS_REQUEST_IN_PROGRESS"), ("capture:2", 422, "ORDER_COMPLETION_IN_PROGRESS")],
)
def test_two_captures_at_once_take_the_money_once(shop, second_id, status, issue):
    order_id = shop.approved()
    shop.faults({"fault": "paypal_capture_hang_before", "seconds": 1.0})
    answers = []

    first = threading.Thread(target=lambda: answers.append(shop.capture(order_id, "capture:1")))
    first.start()
    wait_for(lambda: shop.http.get("/control/faults").json()["struck"])
    meanwhile = shop.capture(order_id, second_id)
    first.join()

    assert (meanwhile.status_code, issue_of(meanwhile)[2], answers[0].status_code) == (status, issue, 201)
    assert len(shop.order(order_id)["purchase_units"][0]["payments"]["captures"]) == 1


def test_two_creations_at_once_with_one_id_make_one_order(shop):
    shop.faults({"fault": "paypal_create_hang_before", "seconds": 1.0})
    answers = []

    first = threading.Thread(target=lambda: answers.append(shop.create()))
    first.start()
    wait_for(lambda: shop.http.get("/control/faults").json()["struck"])
    meanwhile = shop.create()
    first.join()

    assert issue_of(meanwhile)[:3] == (409, "RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS")
    assert [payment["id"] for payment in shop.books()["payments"]] == [answers[0].json()["id"]]
