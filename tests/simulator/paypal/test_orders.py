"""Orders: created, refused, approved, expired; and what every answer has."""

import pytest

from tests.simulator.merchant import wait_for
from tests.simulator.paypal.shop import CONTEXT, REFERENCE, issue_of, link_of

UNIT = "/purchase_units/0"
AMOUNT = f"{UNIT}/amount"


def money(value, currency="USD"):
    return {"currency_code": currency, "value": value}


def test_order_with_a_payment_source_is_the_reference_s(shop):
    response = shop.create()

    order = response.json()
    own = f"{str(shop.http.base_url).rstrip('/')}/v2/checkout/orders/{order['id']}"
    assert response.status_code == 200
    assert response.headers["paypal-debug-id"]
    assert order.pop("create_time").endswith("Z")
    assert order == {
        "id": order["id"],
        "intent": "CAPTURE",
        "status": "PAYER_ACTION_REQUIRED",
        "payment_source": {"paypal": {}},
        "purchase_units": [
            {
                "reference_id": "default",
                "custom_id": REFERENCE,
                "description": "Order 1001",
                "amount": money("11.63"),
                "payee": {"email_address": "merchant@example.com", "merchant_id": "SHQP234567ABC"},
            }
        ],
        "links": [
            {"href": own, "rel": "self", "method": "GET"},
            {
                "href": f"{str(shop.http.base_url).rstrip('/')}/checkout/paypal/{order['id']}",
                "rel": "payer-action",
                "method": "GET",
            },
        ],
    }
    assert len(order["id"]) == 17


def test_order_without_a_payment_source_has_the_other_status_and_link(shop):
    response = shop.create(shop.order_body(source=False), request_id="")

    order = response.json()
    assert (response.status_code, order["status"]) == (201, "CREATED")
    assert (link_of(order, "approve")[-17:], link_of(order, "payer-action")) == (order["id"], "")


@pytest.mark.parametrize("prefer", ["return=minimal", ""])
def test_less_is_answered_unless_everything_is_wanted(shop, prefer):
    order = shop.create(Prefer=prefer).json()

    assert set(order) == {"id", "status", "payment_source", "links"}
    assert "purchase_units" in shop.order(order["id"])


def test_everything_given_comes_back(shop):
    given = {
        "invoice_id": "INV-1",
        "soft_descriptor": "SHOP",
        "shipping": {"address": {"country_code": "KE"}},
        "amount": {
            **money("220.00"),
            "breakdown": {
                "item_total": money("180.00"),
                "shipping": money("30.00"),
                "tax_total": money("20.00"),
                "shipping_discount": money("10"),
            },
        },
        "items": [
            {"name": "T-shirt", "quantity": "1", "unit_amount": money("90.00")},
            {"name": "Cable", "quantity": "2", "unit_amount": money("45.00")},
        ],
    }

    unit = shop.created(**given)["purchase_units"][0]

    assert {name: unit[name] for name in given} == given


@pytest.mark.parametrize(
    ("changes", "status", "issue", "field"),
    [
        ({"value": "100.0001"}, 422, "DECIMAL_PRECISION", f"{AMOUNT}/value"),
        ({"value": "0.00"}, 422, "CANNOT_BE_ZERO_OR_NEGATIVE", f"{AMOUNT}/value"),
        ({"value": "-1.00"}, 422, "CANNOT_BE_ZERO_OR_NEGATIVE", f"{AMOUNT}/value"),
        ({"value": "10000000.00"}, 422, "MAX_VALUE_EXCEEDED", f"{AMOUNT}/value"),
        ({"value": "1,50"}, 400, "INVALID_PARAMETER_SYNTAX", f"{AMOUNT}/value"),
        ({"value": "1" * 33}, 400, "INVALID_STRING_LENGTH", f"{AMOUNT}/value"),
        ({"value": 11.63}, 400, "INVALID_PARAMETER_SYNTAX", f"{AMOUNT}/value"),
        ({"currency": "KES"}, 422, "CURRENCY_NOT_SUPPORTED", f"{AMOUNT}/currency_code"),
        ({"currency": "usd"}, 400, "INVALID_CURRENCY_CODE", f"{AMOUNT}/currency_code"),
        ({"currency": "JPY"}, 422, "DECIMALS_NOT_SUPPORTED", f"{AMOUNT}/value"),
        ({"amount": None}, 400, "MISSING_REQUIRED_PARAMETER", AMOUNT),
        ({"custom_id": "x" * 128}, 400, "INVALID_STRING_LENGTH", f"{UNIT}/custom_id"),
        ({"invoice_id": "x" * 128}, 400, "INVALID_STRING_LENGTH", f"{UNIT}/invoice_id"),
        ({"description": 5}, 400, "INVALID_PARAMETER_SYNTAX", f"{UNIT}/description"),
        (
            {"amount": {**money("11.63"), "breakdown": {"item_total": money("11.62")}}},
            422,
            "AMOUNT_MISMATCH",
            f"{AMOUNT}/value",
        ),
        (
            {"items": [{"name": "a", "quantity": "1", "unit_amount": money("11.63")}]},
            422,
            "ITEM_TOTAL_REQUIRED",
            f"{AMOUNT}/breakdown/item_total",
        ),
        (
            {
                "amount": {**money("11.63"), "breakdown": {"item_total": money("11.63")}},
                "items": [{"name": "a", "quantity": "2", "unit_amount": money("5.81")}],
            },
            422,
            "ITEM_TOTAL_MISMATCH",
            f"{AMOUNT}/breakdown/item_total/value",
        ),
    ],
)
def test_wrong_order_is_refused_and_makes_nothing(shop, changes, status, issue, field):
    response = shop.create(shop.order_body(**changes))

    name = {400: "INVALID_REQUEST", 422: "UNPROCESSABLE_ENTITY"}[status]
    assert issue_of(response) == (status, name, issue, field)
    assert (response.json()["debug_id"], shop.books()["payments"]) == (response.headers["paypal-debug-id"], [])


@pytest.mark.parametrize(
    ("changes", "issue", "field"),
    [
        ({"intent": None}, "MISSING_REQUIRED_PARAMETER", "/intent"),
        ({"intent": "SELL"}, "INVALID_PARAMETER_VALUE", "/intent"),
        ({"intent": "AUTHORIZE"}, "UNSUPPORTED_INTENT", "/intent"),
        ({"purchase_units": None}, "MISSING_REQUIRED_PARAMETER", "/purchase_units"),
        ({"purchase_units": []}, "INVALID_PARAMETER_SYNTAX", "/purchase_units"),
        ({"payment_source": {"card": {}}}, "PAYMENT_SOURCE_CANNOT_BE_USED", "/payment_source"),
        (
            {"payment_source": {"paypal": {"experience_context": {**CONTEXT, "user_action": "BUY"}}}},
            "INVALID_PARAMETER_VALUE",
            "/payment_source/paypal/experience_context/user_action",
        ),
        (
            {"payment_source": {"paypal": {"experience_context": {**CONTEXT, "return_url": "shop"}}}},
            "INVALID_PARAMETER_SYNTAX",
            "/payment_source/paypal/experience_context/return_url",
        ),
    ],
)
def test_wrong_frame_of_an_order_is_refused(shop, changes, issue, field):
    body = {name: value for name, value in {**shop.order_body(), **changes}.items() if value is not None}

    assert issue_of(shop.create(body))[2:] == (issue, field)
    assert shop.books()["payments"] == []


def test_units_of_one_order_have_one_currency_and_their_own_ids(shop):
    unit = shop.order_body()["purchase_units"][0]
    other = {**unit, "reference_id": "second", "amount": money("5.00", "EUR")}

    same_id = shop.create({**shop.order_body(), "purchase_units": [unit, unit]})
    two_currencies = shop.create({**shop.order_body(), "purchase_units": [unit, other]}, "create:2")

    assert [issue_of(answer)[2] for answer in (same_id, two_currencies)] == [
        "DUPLICATE_REFERENCE_ID",
        "MULTI_CURRENCY_ORDER",
    ]


def test_body_must_be_json(shop):
    headers = {**shop.headers, "PayPal-Request-Id": "create:1"}
    json_headers = {**headers, "Content-Type": "application/json"}

    form = shop.http.post("/v2/checkout/orders", data={"intent": "CAPTURE"}, headers=headers)
    broken = shop.http.post("/v2/checkout/orders", content="{", headers=json_headers)
    a_list = shop.http.post("/v2/checkout/orders", content="[]", headers=json_headers)

    assert issue_of(form)[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert [issue_of(answer)[2] for answer in (broken, a_list)] == ["MALFORMED_REQUEST_JSON"] * 2


def test_source_wants_a_request_id(shop):
    response = shop.create(request_id="")

    assert issue_of(response)[:3] == (400, "INVALID_REQUEST", "PAYPAL_REQUEST_ID_REQUIRED")
    assert shop.books()["payments"] == []


@pytest.mark.parametrize("prefix", ["", "/paypal"])
def test_unknown_order_and_address_are_404s_in_paypals_form(shop, prefix):
    order = shop.get(f"{prefix}/v2/checkout/orders/7EX41820KA556731M")
    address = shop.get(f"{prefix}/v2/checkout/nothing")
    method = shop.http.delete(f"{prefix}/v2/checkout/orders", headers=shop.headers)

    assert issue_of(order) == (404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", None)
    assert (issue_of(address)[:2], issue_of(method)[:2]) == (
        (404, "RESOURCE_NOT_FOUND"),
        (405, "METHOD_NOT_SUPPORTED"),
    )


def test_links_lead_back_under_the_prefix(shop):
    base = str(shop.http.base_url).rstrip("/")
    body = shop.order_body(source=False)

    order = shop.http.post("/paypal/v2/checkout/orders", json=body, headers=shop.headers).json()

    assert link_of(order, "self") == f"{base}/paypal/v2/checkout/orders/{order['id']}"
    assert link_of(order, "approve") == f"{base}/checkout/paypal/{order['id']}"


# --- the payer


@pytest.mark.parametrize("source", [True, False])
def test_approved_order_waits_for_its_capture(shop, inbox, source):
    order = shop.created(source=source)

    answer = shop.choose(order["id"])

    approved = shop.order(order["id"])
    event = inbox.wait()[0].json
    assert answer.json() == {
        "next": f"{CONTEXT['return_url']}?token={order['id']}&PayerID=BUYER23456789" if source else ""
    }
    assert (approved["status"], approved["payer"]["email_address"]) == ("APPROVED", "buyer@example.com")
    assert approved["payment_source"]["paypal"]["account_id"] == "BUYER23456789"
    assert "payments" not in approved["purchase_units"][0]
    assert (event["event_type"], event["resource_type"], event["resource"]) == (
        "CHECKOUT.ORDER.APPROVED",
        "checkout-order",
        approved,
    )
    assert shop.payment(REFERENCE)["status"] == "waiting"


def test_payer_who_goes_back_leaves_the_order_open(shop):
    order = shop.created()

    answer = shop.choose(order["id"], "cancel")

    assert answer.json() == {"next": f"{CONTEXT['cancel_url']}?token={order['id']}"}
    assert shop.order(order["id"]) == order


def test_card_that_paypal_refuses_leaves_the_payer_on_the_page(shop):
    order = shop.created()

    answer = shop.choose(order["id"], "decline")

    checkout = shop.open_checkouts(REFERENCE)[0]
    assert (answer.json(), shop.order(order["id"])["status"]) == ({"next": ""}, "PAYER_ACTION_REQUIRED")
    assert (checkout["amount"], checkout["currency"], checkout["merchant"]) == ("11.63", "USD", "Shop")
    assert "could not use this card" in checkout["note"]


def test_old_place_of_the_context_is_read_as_well(shop):
    body = {**shop.order_body(source=False), "application_context": CONTEXT}
    order = shop.create(body, request_id="").json()

    assert shop.choose(order["id"]).json()["next"].startswith(CONTEXT["return_url"])


def test_approval_lapses_without_a_capture(shop, inbox):
    shop.faults("paypal_approval_lapses")
    order_id = shop.approved()

    voided = shop.wait_for_status(f"/v2/checkout/orders/{order_id}", "VOIDED")

    event = inbox.wait(2)[1].json
    assert (event["event_type"], event["resource"]["order_id"]) == ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", order_id)
    assert "payer" not in voided
    assert issue_of(shop.capture(order_id))[2] == "ORDER_NOT_APPROVED"
    assert shop.payment(REFERENCE)["status"] == "failed"


def test_order_that_nobody_approves_expires(start_paypal, monkeypatch):
    monkeypatch.setattr("simulator.paypal.orders.APPROVAL_SECONDS", 0.2)
    _, shop = start_paypal()
    order = shop.created()

    wait_for(lambda: shop.get(f"/v2/checkout/orders/{order['id']}").status_code == 404)

    assert issue_of(shop.capture(order["id"]))[2] == "INVALID_RESOURCE_ID"
    assert (shop.choose(order["id"]).status_code, shop.payment(REFERENCE)["status"]) == (409, "failed")


def test_payer_may_approve_by_himself(shop, inbox):
    shop.auto_checkout(provider="paypal", action="pay")

    order = shop.created()

    assert inbox.wait()[0].json["event_type"] == "CHECKOUT.ORDER.APPROVED"
    assert shop.order(order["id"])["status"] == "APPROVED"
