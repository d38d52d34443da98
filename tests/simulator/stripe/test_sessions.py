"""Checkout Sessions from opening to payment, expiry and delayed money."""

import time

import pytest

from tests.simulator.merchant import wait_for
from tests.simulator.stripe.shop import error_of

BAD = "invalid_request_error"
PRICE = "line_items[0][price_data]"


def types(inbox, count):
    return [message.json["type"] for message in inbox.wait(count)]


def test_open_session_is_the_reference_s(shop):
    session = shop.open_session(customer_email="amina@example.com", **{"metadata[order]": "1001"})

    known = {
        "object": "checkout.session",
        "mode": "payment",
        "status": "open",
        "payment_status": "unpaid",
        "amount_subtotal": 150000,
        "amount_total": 150000,
        "currency": "kes",
        "client_reference_id": "ORD-1001-a1",
        "customer_email": "amina@example.com",
        "payment_intent": None,
        "metadata": {"order": "1001"},
        "success_url": "https://shop.example/pay/return?s={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/pay/cancel",
        "livemode": False,
    }
    assert {name: session[name] for name in known} == known
    assert session["customer_details"]["email"] == "amina@example.com"
    assert session["id"].startswith("cs_test_")
    assert session["url"] == f"{str(shop.http.base_url).rstrip('/')}/checkout/stripe/{session['id']}"
    assert session["expires_at"] - session["created"] == 24 * 3600
    assert shop.got(f"checkout/sessions/{session['id']}") == session


def test_lines_add_up_to_the_total(shop):
    more = {
        "line_items[1][quantity]": 3,
        "line_items[1][price_data][currency]": "kes",
        "line_items[1][price_data][unit_amount]": 1050,
        "line_items[1][price_data][product_data][name]": "Cable",
    }

    session = shop.open_session(**more)
    items = shop.got(f"checkout/sessions/{session['id']}/line_items")

    assert session["amount_total"] == 153150
    assert [(item["description"], item["quantity"], item["amount_total"]) for item in items["data"]] == [
        ("Order 1001", 1, 150000),
        ("Cable", 3, 3150),
    ]
    assert shop.got(f"checkout/sessions/{session['id']}/line_items", limit=1)["has_more"]


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"mode": None}, "parameter_missing", "mode"),
        ({"mode": "subscription"}, None, "mode"),
        ({"ui_mode": "embedded"}, None, "ui_mode"),
        ({"success_url": None}, "parameter_missing", "success_url"),
        ({"line_items[0][quantity]": None}, "parameter_missing", "line_items[0][quantity]"),
        ({"line_items[0][price]": "price_1"}, "resource_missing", "line_items[0][price]"),
        ({f"{PRICE}[currency]": "xyz"}, None, f"{PRICE}[currency]"),
        ({f"{PRICE}[unit_amount]": None}, "parameter_missing", f"{PRICE}[unit_amount]"),
        ({f"{PRICE}[unit_amount]": "1.5"}, "parameter_invalid_integer", f"{PRICE}[unit_amount]"),
        ({f"{PRICE}[unit_amount]": 100_000_000}, "amount_too_large", "line_items"),
        ({f"{PRICE}[product_data][name]": None}, "parameter_missing", f"{PRICE}[product_data]"),
        ({f"{PRICE}[colour]": "red"}, "parameter_unknown", f"{PRICE}[colour]"),
        ({"currency": "usd"}, None, "line_items"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
        ({"expires_at": int(time.time()) + 60}, None, "expires_at"),
        ({"expires_at": int(time.time()) + 25 * 3600}, None, "expires_at"),
        ({"order": "1001"}, "parameter_unknown", "order"),
    ],
)
def test_wrong_session_is_refused_and_makes_nothing(shop, changes, code, param):
    response = shop.post("checkout/sessions", shop.session_fields(**changes))

    assert error_of(response) == (400, BAD, code, param)
    assert shop.got("checkout/sessions")["data"] == []


def test_session_without_lines_is_refused(shop):
    fields = {name: value for name, value in shop.session_fields().items() if not name.startswith("line_items")}

    assert error_of(shop.post("checkout/sessions", fields)) == (400, BAD, "parameter_missing", "line_items")


def test_second_wrong_line_is_named(shop):
    fields = shop.session_fields(**{"line_items[1][quantity]": 1, "line_items[1][price_data][currency]": "kes"})

    assert error_of(shop.post("checkout/sessions", fields))[3] == "line_items[1][price_data][unit_amount]"


def test_paid_session_is_complete_and_tells_of_it_twice(shop, inbox):
    session = shop.open_session(customer_email="amina@example.com")

    answer = shop.choose(session["id"], "pay-card")

    assert answer.json() == {"next": f"https://shop.example/pay/return?s={session['id']}"}
    paid = shop.got(f"checkout/sessions/{session['id']}", **{"expand[]": "payment_intent"})
    intent = paid["payment_intent"]
    assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
    assert (intent["status"], intent["amount_received"], intent["receipt_email"]) == (
        "succeeded",
        150000,
        "amina@example.com",
    )
    assert (intent["metadata"], paid["metadata"]) == ({"order": "1001"}, {})
    assert types(inbox, 2) == ["payment_intent.succeeded", "checkout.session.completed"]
    told = inbox.messages[1].json["data"]["object"]
    assert {**told, "payment_intent": intent} == paid


@pytest.mark.parametrize(
    ("action", "code"),
    [("decline", "card_declined"), ("insufficient-funds", "card_declined"), ("fail-3ds", None)],
)
def test_declined_session_stays_open_for_another_try(shop, inbox, action, code):
    session = shop.open_session()

    answer = shop.choose(session["id"], action)
    tried = shop.got(f"checkout/sessions/{session['id']}", **{"expand[]": "payment_intent"})
    shop.choose(session["id"], "pay-card")
    paid = shop.got(f"checkout/sessions/{session['id']}", **{"expand[]": "payment_intent"})

    assert answer.json() == {"next": ""}
    assert (tried["status"], tried["payment_status"]) == ("open", "unpaid")
    assert tried["payment_intent"]["status"] == "requires_payment_method"
    if code:
        assert tried["payment_intent"]["last_payment_error"]["code"] == code
    assert (paid["payment_status"], paid["payment_intent"]["id"]) == ("paid", tried["payment_intent"]["id"])
    wait_for(lambda: "payment_intent.payment_failed" in types(inbox, 3))
    assert [payment["status"] for payment in shop.books()["payments"]] == ["successful"]


def test_session_paid_with_3d_secure_says_so(shop):
    paid = shop.pay_session("pay-3ds")

    charge = shop.got(f"payment_intents/{paid['payment_intent']}", **{"expand[]": "latest_charge"})["latest_charge"]
    assert charge["payment_method_details"]["card"]["three_d_secure"]["result"] == "authenticated"


def test_customer_who_goes_back_leaves_the_session_open(shop):
    session = shop.open_session()

    answer = shop.choose(session["id"], "cancel")

    assert answer.json() == {"next": "https://shop.example/pay/cancel"}
    assert shop.got(f"checkout/sessions/{session['id']}")["status"] == "open"


def test_session_without_a_cancel_url_has_no_way_back(shop):
    session = shop.open_session(cancel_url=None)

    assert shop.choose(session["id"], "cancel").status_code == 404


def test_paid_session_takes_no_second_payment(shop):
    paid = shop.pay_session()

    assert shop.choose(paid["id"], "pay-card").status_code == 409
    assert len(shop.got("charges")["data"]) == 1


@pytest.mark.parametrize(
    ("action", "session_event", "intent_event", "status", "books"),
    [
        ("delayed-success", "succeeded", "payment_intent.succeeded", "paid", "successful"),
        ("delayed-failure", "failed", "payment_intent.payment_failed", "unpaid", "failed"),
    ],
)
def test_bank_debit_completes_unpaid_and_ends_later(shop, inbox, action, session_event, intent_event, status, books):
    session = shop.pay_session("pay-delayed")
    before = (session["status"], session["payment_status"], shop.payment("ORD-1001-a1")["status"])
    inbox.wait(2)  # what follows would otherwise be told beside it

    shop.choose(session["id"], action)

    ended = shop.got(f"checkout/sessions/{session['id']}")
    assert before == ("complete", "unpaid", "waiting")
    assert (ended["status"], ended["payment_status"], shop.payment("ORD-1001-a1")["status"]) == (
        "complete",
        status,
        books,
    )
    told = [kind for kind in types(inbox, 4) if kind != "charge.failed"]
    assert told == [
        "payment_intent.processing",
        "checkout.session.completed",
        intent_event,
        f"checkout.session.async_payment_{session_event}",
    ]


@pytest.mark.parametrize(("outcome", "status"), [("succeeded", "paid"), ("failed", "unpaid")])
def test_completion_may_be_unpaid_by_a_fault(shop, inbox, outcome, status):
    shop.faults({"fault": "stripe_unpaid_completion", "outcome": outcome, "seconds": 1.0})

    session = shop.pay_session()

    assert (session["status"], session["payment_status"]) == ("complete", "unpaid")
    assert types(inbox, 4)[-1] == f"checkout.session.async_payment_{outcome}"
    assert shop.got(f"checkout/sessions/{session['id']}")["payment_status"] == status


def test_expired_session_cannot_be_paid(shop, inbox):
    session = shop.open_session()

    expired = shop.posted(f"checkout/sessions/{session['id']}/expire")

    assert (expired["status"], expired["url"]) == ("expired", None)
    assert shop.choose(session["id"], "pay-card").status_code == 409
    assert types(inbox, 1) == ["checkout.session.expired"]
    assert shop.payment("ORD-1001-a1")["status"] == "failed"


def test_expiry_after_a_decline_cancels_the_intent(shop):
    session = shop.pay_session("decline")

    shop.posted(f"checkout/sessions/{session['id']}/expire")

    intent = shop.got(f"payment_intents/{session['payment_intent']}")
    assert (intent["status"], intent["cancellation_reason"]) == ("canceled", "expired")


def test_only_an_open_session_expires(shop):
    paid = shop.pay_session()

    response = shop.post(f"checkout/sessions/{paid['id']}/expire")

    assert error_of(response) == (400, BAD, None, None)
    assert "has a status of `complete`" in response.json()["error"]["message"]
    assert shop.got(f"checkout/sessions/{paid['id']}") == paid


def test_session_expires_by_itself_also_over_a_restart(start_stripe, tmp_path, monkeypatch):
    monkeypatch.setattr("simulator.stripe.session_calls.SHORTEST_SECONDS", 0)
    simulator, shop = start_stripe(state=str(tmp_path / "stripe.db"))
    session = shop.open_session(expires_at=int(time.time()) + 2)
    simulator.stop()

    _, shop = start_stripe(state=str(tmp_path / "stripe.db"))

    wait_for(lambda: shop.got(f"checkout/sessions/{session['id']}")["status"] == "expired")


def test_metadata_of_a_session_can_be_changed(shop):
    session = shop.open_session(**{"metadata[a]": "1", "metadata[b]": "2"})

    changed = shop.posted(f"checkout/sessions/{session['id']}", {"metadata[a]": "", "metadata[c]": "3"})

    assert changed["metadata"] == {"b": "2", "c": "3"}
    assert shop.got(f"checkout/sessions/{session['id']}") == changed


def test_manual_capture_leaves_the_session_unpaid_until_captured(shop):
    session = shop.pay_session(**{"payment_intent_data[capture_method]": "manual"})
    before = (session["status"], session["payment_status"])

    shop.posted(f"payment_intents/{session['payment_intent']}/capture")

    after = shop.got(f"checkout/sessions/{session['id']}")
    assert (before, (after["status"], after["payment_status"])) == (("complete", "unpaid"), ("complete", "paid"))


def test_intent_of_an_open_session_cannot_be_canceled_by_itself(shop):
    session = shop.pay_session("decline")

    response = shop.post(f"payment_intents/{session['payment_intent']}/cancel")

    assert error_of(response)[:2] == (400, BAD)
    assert shop.got(f"checkout/sessions/{session['id']}")["status"] == "open"


def test_unknown_session_is_a_404(shop):
    answers = [shop.get("checkout/sessions/cs_test_no"), shop.post("checkout/sessions/cs_test_no/expire")]

    assert [error_of(answer) for answer in answers] == [(404, BAD, "resource_missing", "session")] * 2


def test_customer_may_pay_by_itself(shop, inbox):
    shop.auto_checkout(provider="stripe", action="pay")

    session = shop.open_session()

    inbox.wait(2)
    assert shop.got(f"checkout/sessions/{session['id']}")["payment_status"] == "paid"
