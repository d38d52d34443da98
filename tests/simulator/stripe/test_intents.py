"""PaymentIntents: confirmed with test cards, authenticated, captured, canceled, changed."""

import pytest

from tests.simulator.merchant import wait_for
from tests.simulator.stripe.shop import RETURN_URL, error_of

BAD = "invalid_request_error"


def test_new_intent_is_the_reference_s(shop):
    intent = shop.open_intent(
        receipt_email="amina@example.com", description="Order 1001", **{"automatic_payment_methods[enabled]": True}
    )

    known = {
        "object": "payment_intent",
        "amount": 150000,
        "amount_capturable": 0,
        "amount_received": 0,
        "currency": "kes",
        "status": "requires_payment_method",
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "latest_charge": None,
        "last_payment_error": None,
        "next_action": None,
        "payment_method": None,
        "payment_method_types": ["card"],
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "receipt_email": "amina@example.com",
        "description": "Order 1001",
        "metadata": {"reference": "ORD-1001-a1"},
        "cancellation_reason": None,
        "canceled_at": None,
        "customer": None,
        "transfer_group": None,
        "livemode": False,
    }
    assert {name: intent[name] for name in known} == known
    assert intent["client_secret"].startswith(f"{intent['id']}_secret_")
    assert "charges" not in intent
    assert shop.got(f"payment_intents/{intent['id']}") == intent


def test_confirmed_intent_is_paid(shop, inbox):
    intent = shop.open_intent()

    paid = shop.confirm(intent["id"]).json()

    charge = shop.got(f"charges/{paid['latest_charge']}")
    assert (paid["id"], paid["status"], paid["amount_received"]) == (intent["id"], "succeeded", 150000)
    assert (charge["status"], charge["paid"], charge["captured"], charge["amount_captured"]) == (
        "succeeded",
        True,
        True,
        150000,
    )
    assert charge["metadata"] == {"reference": "ORD-1001-a1"}
    assert charge["payment_method_details"]["card"]["last4"] == "4242"
    event = inbox.wait()[0].json
    assert (event["type"], event["data"]["object"]) == ("payment_intent.succeeded", paid)
    assert shop.event_types() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
def test_declined_card_is_a_402_with_the_intent(shop, inbox, card, code, decline_code):
    intent = shop.open_intent()

    response = shop.confirm(intent["id"], card)

    error = response.json()["error"]
    assert error_of(response) == (402, "card_error", code, None)
    assert error.get("decline_code") == decline_code
    assert (error["payment_intent"]["id"], error["payment_intent"]["status"]) == (
        intent["id"],
        "requires_payment_method",
    )
    failed = shop.got(f"charges/{error['charge']}")
    assert (failed["status"], failed["failure_code"], failed["paid"]) == ("failed", code, False)
    after = shop.got(f"payment_intents/{intent['id']}")
    assert (after["status"], after["last_payment_error"]["code"], after["payment_method"]) == (
        "requires_payment_method",
        code,
        None,
    )
    assert [message.json["type"] for message in inbox.wait()] == ["payment_intent.payment_failed"]
    assert shop.got("balance_transactions")["data"] == []


@pytest.mark.parametrize(
    ("number", "status"),
    [("4242 4242 4242 4242", 200), ("4000000000000002", 402), ("5555555555554444", 200), ("1234", 402)],
)
def test_card_is_known_by_its_number(shop, number, status):
    fields = {"payment_method_data[type]": "card", "payment_method_data[card][number]": number, "confirm": True}

    response = shop.post("payment_intents", {**shop.intent_fields(), **fields, "return_url": RETURN_URL})

    assert response.status_code == status


def test_payment_method_made_before_pays_the_intent(shop):
    method = shop.posted("payment_methods", {"type": "card", "card[token]": "tok_visa"})
    declined = shop.posted("payment_methods", {"type": "card", "card[number]": "4000000000000002"})

    assert shop.got(f"payment_methods/{method['id']}") == method
    assert shop.confirm(shop.open_intent()["id"], method["id"]).json()["status"] == "succeeded"
    assert shop.confirm(shop.open_intent()["id"], declined["id"]).status_code == 402


def test_second_try_pays_the_same_intent_once(shop):
    intent = shop.open_intent()
    shop.confirm(intent["id"], "pm_card_chargeDeclined")

    paid = shop.confirm(intent["id"]).json()
    third = shop.confirm(intent["id"])

    assert (paid["status"], paid["last_payment_error"]) == ("succeeded", None)
    assert error_of(third) == (400, BAD, "payment_intent_unexpected_state", None)
    assert third.json()["error"]["payment_intent"]["status"] == "succeeded"
    charges = shop.got("charges", payment_intent=intent["id"])["data"]
    assert [charge["status"] for charge in charges] == ["succeeded", "failed"]


def test_confirmation_wants_a_payment_method_and_a_return_url(shop):
    intent = shop.open_intent()

    without_method = shop.post(f"payment_intents/{intent['id']}/confirm", {"return_url": RETURN_URL})
    without_url = shop.post(f"payment_intents/{intent['id']}/confirm", {"payment_method": "pm_card_visa"})

    assert error_of(without_method)[2] == "payment_intent_unexpected_state"
    assert "`return_url`" in without_url.json()["error"]["message"]
    assert shop.got(f"payment_intents/{intent['id']}") == intent


@pytest.mark.parametrize(
    "fields",
    [
        {"automatic_payment_methods[enabled]": True, "automatic_payment_methods[allow_redirects]": "never"},
        {"payment_method_types[]": "card"},
    ],
)
def test_no_return_url_is_wanted_where_nothing_redirects(shop, fields):
    paid = shop.open_intent(confirm=True, payment_method="pm_card_visa", **fields)

    assert paid["status"] == "succeeded"


def test_intent_that_cannot_be_confirmed_at_once_is_not_made(shop):
    response = shop.post("payment_intents", shop.intent_fields(confirm=True, payment_method="pm_card_visa"))

    assert error_of(response)[:2] == (400, BAD)
    assert (shop.books()["payments"], shop.got("events")["data"]) == ([], [])


# --- 3-D Secure


@pytest.mark.parametrize(
    ("action", "status", "redirect", "event"),
    [
        ("authenticate", "succeeded", "succeeded", "payment_intent.succeeded"),
        ("fail-authentication", "requires_payment_method", "failed", "payment_intent.payment_failed"),
    ],
)
def test_card_with_3d_secure_sends_the_customer_away_and_back(shop, inbox, action, status, redirect, event):
    intent = shop.open_intent()

    waiting = shop.confirm(intent["id"], "pm_card_authenticationRequired").json()
    action_url = waiting["next_action"]["redirect_to_url"]
    answer = shop.choose(intent["id"], action)

    assert (waiting["status"], waiting["next_action"]["type"]) == ("requires_action", "redirect_to_url")
    assert action_url["return_url"] == RETURN_URL
    assert action_url["url"].endswith(f"/checkout/stripe/{intent['id']}")
    assert answer.json()["next"] == (
        f"{RETURN_URL}?payment_intent={intent['id']}"
        f"&payment_intent_client_secret={intent['client_secret']}&redirect_status={redirect}"
    )
    ended = shop.got(f"payment_intents/{intent['id']}")
    assert (ended["status"], ended["next_action"]) == (status, None)
    assert {message.json["type"] for message in inbox.wait(2)} == {"payment_intent.requires_action", event}


def test_3d_secure_may_be_an_error_instead(shop):
    intent = shop.open_intent()

    response = shop.confirm(intent["id"], "pm_card_authenticationRequired", error_on_requires_action=True)

    assert error_of(response) == (402, "card_error", "authentication_required", None)


# --- holding money


def test_held_money_is_captured_later(shop, inbox):
    held = shop.paid_intent(capture_method="manual")
    waiting = shop.payment("ORD-1001-a1")["status"]

    captured = shop.posted(f"payment_intents/{held['id']}/capture")

    assert (held["status"], held["amount_capturable"], held["amount_received"], waiting) == (
        "requires_capture",
        150000,
        0,
        "waiting",
    )
    assert (captured["status"], captured["amount_capturable"], captured["amount_received"]) == ("succeeded", 0, 150000)
    assert {message.json["type"] for message in inbox.wait(2)} == {
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
    }


def test_less_than_is_held_can_be_captured(shop):
    held = shop.paid_intent(capture_method="manual")

    captured = shop.posted(f"payment_intents/{held['id']}/capture", {"amount_to_capture": 100000})
    again = shop.post(f"payment_intents/{held['id']}/capture", {"amount_to_capture": 50000})

    charge = shop.got(f"charges/{captured['latest_charge']}")
    assert (captured["amount_received"], charge["amount"], charge["amount_captured"]) == (100000, 150000, 100000)
    assert error_of(again)[2] == "payment_intent_unexpected_state"
    assert shop.payment("ORD-1001-a1")["amount"] == "1000.00"


def test_more_than_is_held_cannot_be_captured(shop):
    held = shop.paid_intent(capture_method="manual")

    response = shop.post(f"payment_intents/{held['id']}/capture", {"amount_to_capture": 150001})

    assert error_of(response) == (400, BAD, "amount_too_large", "amount_to_capture")
    assert shop.got(f"payment_intents/{held['id']}") == held


def test_held_money_is_let_go_by_canceling(shop):
    held = shop.paid_intent(capture_method="manual")

    canceled = shop.posted(f"payment_intents/{held['id']}/cancel", {"cancellation_reason": "abandoned"})

    charge = shop.got(f"charges/{held['latest_charge']}")
    assert (canceled["status"], canceled["cancellation_reason"], canceled["amount_capturable"]) == (
        "canceled",
        "abandoned",
        0,
    )
    assert (charge["refunded"], charge["amount_captured"]) == (True, 0)
    assert shop.books()["totals"]["captured"] == {}


# --- canceling, changing


def test_canceled_intent_cannot_be_paid(shop, inbox):
    intent = shop.open_intent()

    canceled = shop.posted(f"payment_intents/{intent['id']}/cancel")

    assert (canceled["status"], canceled["cancellation_reason"]) == ("canceled", None)
    assert canceled["canceled_at"] >= intent["created"]
    assert error_of(shop.confirm(intent["id"]))[2] == "payment_intent_unexpected_state"
    assert [message.json["type"] for message in inbox.wait()] == ["payment_intent.canceled"]


@pytest.mark.parametrize("reason", ["automatic", "because"])
def test_reason_that_merchants_cannot_give_is_refused(shop, reason):
    intent = shop.open_intent()

    response = shop.post(f"payment_intents/{intent['id']}/cancel", {"cancellation_reason": reason})

    assert error_of(response) == (400, BAD, None, "cancellation_reason")
    assert shop.got(f"payment_intents/{intent['id']}") == intent


def test_paid_intent_can_be_neither_canceled_nor_changed(shop):
    paid = shop.paid_intent()

    canceled = shop.post(f"payment_intents/{paid['id']}/cancel")
    changed = shop.post(f"payment_intents/{paid['id']}", {"amount": 1})

    assert error_of(canceled)[2] == error_of(changed)[2] == "payment_intent_unexpected_state"
    assert shop.got(f"payment_intents/{paid['id']}") == paid


def test_amount_can_change_before_confirmation(shop):
    intent = shop.open_intent()

    changed = shop.posted(f"payment_intents/{intent['id']}", {"amount": 160000, "metadata[b]": "2"})
    paid = shop.confirm(intent["id"]).json()

    assert (changed["amount"], changed["metadata"]) == (160000, {"reference": "ORD-1001-a1", "b": "2"})
    assert paid["amount_received"] == 160000
    assert shop.payment("ORD-1001-a1")["amount"] == "1600.00"


def test_unknown_intent_is_a_404(shop):
    answers = [
        shop.get("payment_intents/pi_nobody"),
        *(shop.post(f"payment_intents/pi_nobody{path}") for path in ("", "/confirm", "/capture", "/cancel")),
    ]

    assert [error_of(answer) for answer in answers] == [(404, BAD, "resource_missing", "intent")] * 5


def test_intent_alone_is_paid_on_the_checkout_page(shop):
    intent = shop.open_intent(description="Order 1001")

    checkout = shop.open_checkouts("ORD-1001-a1")[0]
    shop.choose(intent["id"], "pay-card")

    assert (checkout["id"], checkout["amount"], checkout["currency"], checkout["description"]) == (
        intent["id"],
        "1500.00",
        "KES",
        "Order 1001",
    )
    wait_for(lambda: shop.got(f"payment_intents/{intent['id']}")["status"] == "succeeded")
    assert shop.open_checkouts() == []
