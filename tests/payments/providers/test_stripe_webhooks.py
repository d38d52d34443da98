import json
import time
from decimal import Decimal
from typing import Any

import pytest
from stripe import WebhookSignature

from payments.exceptions import ForgedEvent, UnreadableEvent
from payments.providers import stripe_webhooks
from payments.providers.base import About, Notice
from payments.providers.stripe import StripeProvider
from tests.payments.providers import stripe_wire as wire

# The vector of Stripe's signature scheme for these three.
BODY, AT = b'{"id":"evt_1","object":"event"}', 1795200000
SIGNATURE = "a65a795890e22ea5d646f7048f578a42678e12c4349ced8f3e11b82d11a2924e"


@pytest.fixture(autouse=True)
def configured(settings: Any) -> None:
    wire.configure(settings)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the moment of the vector, for us and for Stripe's library."""
    monkeypatch.setattr(time, "time", lambda: float(AT))


def check(signature: str, body: bytes = BODY) -> bool:
    return StripeProvider().check_webhook({"stripe-signature": signature}, body)


@pytest.mark.parametrize(
    "signature",
    [
        f"t={AT},v1={SIGNATURE}",
        f"t={AT},v1={'0' * 64},v1={SIGNATURE}",
        f"t={AT},v1={SIGNATURE},v0={'0' * 64}",
    ],
)
def test_signature_of_the_published_vector_is_proven(clock, signature):
    assert check(signature) is True


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "garbage",
        f"t={AT},v0={SIGNATURE}",  # taking a test scheme would be a downgrade
        f"t={AT},v1={'0' * 64}",
        f"t={AT}",
        f"v1={SIGNATURE}",
        f"t=later,v1={SIGNATURE}",
        f"t={AT + 1},v1={SIGNATURE}",
        f"t={AT},v1=é",
    ],
)
def test_other_signature_is_forged(clock, signature):
    with pytest.raises(ForgedEvent):
        check(signature)


@pytest.mark.parametrize("body", [b'{"id":"evt_2","object":"event"}', BODY + b"\n", b"", b"\xff"])
def test_signature_of_another_body_is_forged(clock, body):
    with pytest.raises(ForgedEvent):
        check(f"t={AT},v1={SIGNATURE}", body)


@pytest.mark.parametrize("age", [300, 0, -300])
def test_signature_of_the_last_minutes_is_proven(age):
    signed_at = int(time.time()) - age + (1 if age == 300 else 0)

    assert check(WebhookSignature.generate_signature_header(BODY.decode(), wire.WEBHOOK_SECRET, signed_at)) is True


@pytest.mark.parametrize("age", [302, 3600, -302, -3600, -86400])
def test_signature_of_another_time_is_forged(age):
    signed_at = int(time.time()) - age
    header = WebhookSignature.generate_signature_header(BODY.decode(), wire.WEBHOOK_SECRET, signed_at)

    with pytest.raises(ForgedEvent):
        check(header)


@pytest.mark.parametrize(("secrets", "proven"), [(["whsec_new", wire.WEBHOOK_SECRET], True), (["whsec_new"], False)])
def test_any_of_our_secrets_proves_while_one_is_changed(clock, settings, secrets, proven):
    wire.configure(settings, WEBHOOK_SECRETS=secrets)

    assert is_proven(f"t={AT},v1={SIGNATURE}") is proven


@pytest.mark.parametrize("secrets", [[], [""], [" "]])
def test_shop_without_a_secret_believes_nobody(clock, settings, secrets):
    wire.configure(settings, WEBHOOK_SECRETS=secrets)
    signed_with_nothing = WebhookSignature._compute_signature(f"{AT}.{BODY.decode()}", "")

    assert is_proven(f"t={AT},v1={SIGNATURE}") is False
    assert is_proven(f"t={AT},v1={signed_with_nothing}") is False


def is_proven(signature: str) -> bool:
    try:
        return check(signature)
    except ForgedEvent:
        return False


# --- what it is about


def read(kind: str, thing: dict[str, Any], **changes: Any) -> Notice:
    return StripeProvider().read_webhook(json.dumps(wire.event(kind, thing, **changes)).encode())


@pytest.mark.parametrize(
    "kind",
    [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    ],
)
def test_session_event_names_attempt_session_and_intent(kind):
    assert read(kind, wire.paid_session(payment_intent=wire.INTENT)) == Notice(
        event_id="evt_1Abc",
        kind=kind,
        about=About.PAYMENT,
        reference=wire.REFERENCE,
        provider_reference=wire.SESSION,
        receipt_number=wire.INTENT,
        amount=Decimal("1500.00"),
    )


@pytest.mark.parametrize(
    "kind",
    [
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.amount_capturable_updated",
        "payment_intent.partially_funded",
        "payment_intent.canceled",
    ],
)
def test_intent_event_names_the_attempt_by_our_reference_alone(kind):
    assert read(kind, wire.intent()) == Notice(
        event_id="evt_1Abc",
        kind=kind,
        about=About.PAYMENT,
        reference=wire.REFERENCE,
        receipt_number=wire.INTENT,
        amount=Decimal("1500.00"),
    )


def test_intent_that_has_received_nothing_is_told_with_what_it_asks_for():
    assert read("payment_intent.processing", wire.intent(amount_received=0)).amount == Decimal("1500.00")


def test_intent_of_somebody_else_in_the_account_is_only_kept():
    assert read("payment_intent.succeeded", wire.intent(metadata={})).about == About.OTHER


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
def test_refund_event_names_the_refund_and_what_it_gives_back(kind):
    assert read(kind, wire.refund(amount=50000)) == Notice(
        event_id="evt_1Abc",
        kind=kind,
        about=About.REFUND,
        reference=wire.REFUND_REFERENCE,
        provider_reference=wire.REFUND,
        receipt_number=wire.INTENT,
        amount=Decimal("500.00"),
    )


@pytest.mark.parametrize("what", ["created", "updated", "funds_withdrawn", "funds_reinstated", "closed"])
def test_dispute_event_names_the_payment(what):
    dispute = {"id": "dp_1Abc", "object": "dispute", "amount": 150000, "currency": "kes", "charge": "ch_1Abc"}

    told = read(f"charge.dispute.{what}", dispute | {"payment_intent": wire.INTENT})
    without_intent = read(f"charge.dispute.{what}", dispute)

    assert told == Notice(
        event_id="evt_1Abc",
        kind=f"charge.dispute.{what}",
        about=About.DISPUTE,
        provider_reference="dp_1Abc",
        receipt_number=wire.INTENT,
        amount=Decimal("1500.00"),
    )
    assert without_intent.receipt_number == "ch_1Abc"


@pytest.mark.parametrize(
    "kind", ["charge.refunded", "charge.succeeded", "payment_intent.created", "payout.paid", "customer.created"]
)
def test_other_event_is_only_kept(kind):
    charge = {"id": "ch_1Abc", "amount_refunded": 100000, "currency": "kes", "metadata": {"reference": wire.REFERENCE}}

    assert read(kind, charge) == Notice("evt_1Abc", kind, About.OTHER)


@pytest.mark.parametrize("changes", [{"livemode": True}, {"livemode": None}, {"account": "acct_1X"}])
def test_event_of_the_other_mode_or_of_a_connected_account_is_only_kept(changes):
    assert read("checkout.session.completed", wire.paid_session(), **changes).about == About.OTHER


@pytest.mark.parametrize(
    "changes", [{"id": None}, {"id": "odd"}, {"id": 1}, {"type": None}, {"type": "Ä"}, {"object": "v2.core.event"}]
)
def test_event_of_no_known_shape_is_left_for_a_person(changes):
    with pytest.raises(UnreadableEvent):
        read("checkout.session.completed", wire.paid_session(), **changes)


def test_names_of_all_events_fit_the_shops_table():
    names = stripe_webhooks._PAYMENT_EVENTS | stripe_webhooks._REFUND_EVENTS | stripe_webhooks._DISPUTE_EVENTS

    assert max(len(name) for name in names) <= 40
