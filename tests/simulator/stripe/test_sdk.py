"""Stripe's own library against the simulator: it must see what it sees at Stripe."""

import pytest
import stripe

from tests.simulator.stripe.shop import SECRET_KEY, WEBHOOK_SECRET


@pytest.fixture
def make_client(shop):
    def make(key=SECRET_KEY, retries=0, read=10.0):
        return stripe.StripeClient(
            key,
            base_addresses={"api": str(shop.http.base_url).rstrip("/")},
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=(5, read)),
        )

    return make


@pytest.fixture
def client(make_client):
    return make_client()


def session_of(client, key=None):
    return client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {"currency": "kes", "unit_amount": 150000, "product_data": {"name": "Order 1001"}},
                }
            ],
            "success_url": "https://shop.example/r?s={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/c",
            "client_reference_id": "ORD-1001-a1",
            "payment_intent_data": {"metadata": {"order": "1001"}},
        },
        {"idempotency_key": key} if key else None,
    )


def paid(client, **changes):
    return client.v1.payment_intents.create(
        {
            "amount": 150000,
            "currency": "kes",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "payment_method": "pm_card_visa",
            "confirm": True,
            "metadata": {"order": "1001"},
            **changes,
        }
    )


def test_session_is_paid_and_found(shop, client, inbox):
    session = session_of(client, "cs-create:a1")

    shop.choose(session.id, "pay-card")

    found = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    event = stripe.Webhook.construct_event(
        inbox.wait(2)[1].body.encode(), inbox.messages[1].headers["stripe-signature"], WEBHOOK_SECRET
    )
    assert (session.status, found.status, found.payment_status) == ("open", "complete", "paid")
    assert found.payment_intent.latest_charge.amount_captured == 150000
    assert found.payment_intent.metadata["order"] == "1001"
    assert (event.type, event.data.object.id) == ("checkout.session.completed", session.id)


def test_same_key_gives_the_same_session(client):
    first, second = (session_of(client, "cs-create:a1") for _ in range(2))

    assert first.id == second.id


def test_decline_is_a_card_error(client):
    with pytest.raises(stripe.CardError) as caught:
        paid(client, payment_method="pm_card_chargeDeclinedInsufficientFunds")

    error = caught.value
    assert (error.http_status, error.code, error.error.decline_code) == (402, "card_declined", "insufficient_funds")
    assert error.error.payment_intent.status == "requires_payment_method"
    assert error.user_message == "Your card has insufficient funds."
    assert error.request_id.startswith("req_")


@pytest.mark.parametrize(
    ("work", "expected", "code"),
    [
        (
            lambda client: client.v1.payment_intents.retrieve("pi_nobody"),
            stripe.InvalidRequestError,
            "resource_missing",
        ),
        (lambda client: paid(client, amount=100_000_000), stripe.InvalidRequestError, "amount_too_large"),
        (lambda client: paid(client, currency="usd", amount=1), stripe.InvalidRequestError, "amount_too_small"),
    ],
)
def test_refusal_is_an_invalid_request(client, work, expected, code):
    with pytest.raises(expected) as caught:
        work(client)

    assert caught.value.code == code


def test_wrong_key_is_an_authentication_error(make_client):
    with pytest.raises(stripe.AuthenticationError):
        paid(make_client(key="sk_test_wrong"))


def test_other_parameters_under_a_key_are_an_idempotency_error(client):
    session_of(client, "one-key")

    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create({"amount": 5000, "currency": "kes"}, {"idempotency_key": "one-key"})


def test_too_many_requests_are_a_rate_limit_error(shop, client):
    shop.faults("stripe_create_429")

    with pytest.raises(stripe.RateLimitError):
        paid(client)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("stripe_create_500_before", stripe.APIError),
        ("stripe_create_html_503", stripe.APIError),
        ("stripe_create_truncated_json", stripe.APIError),
        ("stripe_create_empty_body", stripe.APIError),
        ("stripe_create_answer_lost", stripe.APIConnectionError),
        ({"fault": "stripe_create_hang_after", "seconds": 1.0}, stripe.APIConnectionError),
    ],
)
def test_broken_answer_is_an_error_of_the_library(shop, make_client, fault, expected):
    shop.faults(fault)

    with pytest.raises(expected):
        session_of(make_client(read=0.3))


@pytest.mark.parametrize(
    "fault",
    ["stripe_create_500_before", "stripe_create_409", "stripe_create_answer_lost", "stripe_create_html_503"],
)
def test_library_s_own_repeats_make_one_payment(shop, make_client, fault):
    shop.faults(fault)

    intent = paid(make_client(retries=2))

    assert [payment["id"] for payment in shop.books()["payments"]] == [intent.id]


def test_library_does_not_repeat_when_it_is_told_not_to(shop, make_client):
    shop.faults({"fault": "stripe_create_500_before", "should_retry": "false"})

    with pytest.raises(stripe.APIError):
        paid(make_client(retries=2))

    assert shop.books()["payments"] == []


def test_held_money_is_captured_refunded_and_transferred(client):
    held = paid(client, capture_method="manual")
    captured = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 100000})
    refund = client.v1.refunds.create({"payment_intent": held.id, "amount": 30000, "metadata": {"refund": "77"}})
    transfer = client.v1.transfers.create(
        {"amount": 50000, "currency": "kes", "destination": "acct_1S", "source_transaction": captured.latest_charge}
    )
    reversal = client.v1.transfers.reversals.create(transfer.id, {"amount": 1000})

    assert (held.status, captured.amount_received, refund.status) == ("requires_capture", 100000, "succeeded")
    assert client.v1.refunds.retrieve(refund.id).to_dict() == refund.to_dict()
    assert (reversal.amount, client.v1.transfers.retrieve(transfer.id).amount_reversed) == (1000, 1000)
    assert client.v1.balance.retrieve().available[0].amount == 100000 - 2930 - 30000 - 49000


def test_lists_are_walked_page_by_page(client):
    made = [paid(client).id for _ in range(5)]

    walked = [intent.id for intent in client.v1.payment_intents.list({"limit": 2}).auto_paging_iter()]
    found = client.v1.payment_intents.search({"query": "metadata['order']:'1001'", "limit": 2})

    assert walked == made[::-1]
    assert [intent.id for intent in found.auto_paging_iter()] == made[::-1]


def test_dispute_is_answered(shop, client):
    intent = paid(client, payment_method="pm_card_createDispute")
    shop.wait_until_delivered(3)

    dispute = client.v1.disputes.list({"payment_intent": intent.id}).data[0]
    won = client.v1.disputes.update(
        dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True}
    )

    assert (dispute.status, won.status) == ("needs_response", "won")


def test_webhook_endpoint_is_made_and_deleted(client, inbox):
    endpoint = client.v1.webhook_endpoints.create({"url": f"{inbox.url}/own/", "enabled_events": ["charge.succeeded"]})
    paid(client)

    message = next(m for m in inbox.wait(2) if m.path == "/own/")
    event = stripe.Webhook.construct_event(message.body.encode(), message.headers["stripe-signature"], endpoint.secret)

    assert event.type == "charge.succeeded"
    assert client.v1.webhook_endpoints.delete(endpoint.id).deleted
