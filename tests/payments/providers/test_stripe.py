from decimal import Decimal
from typing import Any

import pytest

from ecommerce import outgoing
from payments import outcomes
from payments.exceptions import AmountNotPayable, ProviderUnavailable, ProviderUnreachable
from payments.providers import stripe as stripe_provider
from payments.providers.base import Charge, InitiateRequest, InitiateResult
from payments.providers.stripe import StripeProvider
from payments.testing.network import Failure, Network, Reply
from tests.payments.providers import stripe_wire as wire

CREATE, LIST = "POST /v1/checkout/sessions", "GET /v1/checkout/sessions"
EXPIRE = f"POST /v1/checkout/sessions/{wire.SESSION}/expire"
NOW = 1_795_200_000.0  # 600 s after a mark
MARK = 1_795_203_000  # 50 minutes later


@pytest.fixture(autouse=True)
def configured(settings: Any) -> None:
    wire.configure(settings)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    network.install(monkeypatch)
    outgoing.reset_breakers()
    return network


def initiate(**changes: Any) -> InitiateResult:
    request: dict[str, Any] = {
        "reference": wire.REFERENCE,
        "order_number": "BM-1001",
        "amount": Decimal("1500.00"),
        "currency": "KES",
        "method": "card",
        "phone_number": "",
        "email": "amina@example.com",
        "callback_url": "https://shop.test/api/payments/stripe/callback/secret/",
        "return_url": "https://shop.test/api/payments/return/BM-1001-K7QW2MZA/",
    }
    return StripeProvider().initiate(InitiateRequest(**request | changes))


# --- amounts


@pytest.mark.parametrize(
    ("amount", "currency", "payable"),
    [
        ("1500.00", "KES", "1500.00"),
        ("1500.001", "KES", "1500.01"),
        ("1499.50", "JPY", "1500"),
        ("1499.50", "RWF", "1500"),
        ("1.001", "KWD", "1.01"),  # three decimals, of which the last must be 0
        ("999999.99", "KES", "999999.99"),
        ("99999999", "JPY", "99999999"),
    ],
)
def test_amount_is_rounded_up_to_what_stripe_charges(amount, currency, payable):
    assert StripeProvider().payable_amount(Decimal(amount), currency) == Charge(Decimal(payable), currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("1000000.00", "KES"), ("100000000", "JPY"), ("10.00", "UGX"), ("10.00", "XYZ"), ("0.00", "KES")],
)
def test_amount_beyond_eight_digits_or_of_a_doubtful_currency_is_refused(amount, currency):
    with pytest.raises(AmountNotPayable):
        StripeProvider().payable_amount(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [("1500.00", "KES", "150000"), ("1500", "JPY", "1500"), ("1.23", "KWD", "1230"), ("15", "HUF", "1500")],
)
def test_amount_is_sent_in_the_smallest_unit(network, amount, currency, units):
    network.script({CREATE: Reply(200, wire.session())})

    initiate(amount=Decimal(amount), currency=currency)

    form = network.sent[0].form
    assert form["line_items[0][price_data][unit_amount]"] == units
    assert form["line_items[0][price_data][currency]"] == currency.lower()


# --- starting


def test_page_is_asked_for_in_stripes_own_words(network, monkeypatch):
    monkeypatch.setattr(stripe_provider, "time", wire.FixedTime(NOW))
    network.script({CREATE: Reply(200, wire.session())})

    result = initiate()

    [sent] = network.sent
    assert sent.form == {
        "mode": "payment",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "kes",
        "line_items[0][price_data][unit_amount]": "150000",
        "line_items[0][price_data][product_data][name]": "Order BM-1001",
        "allowed_payment_method_types[0]": "card",
        "adaptive_pricing[enabled]": "false",
        "success_url": "https://shop.test/api/payments/return/BM-1001-K7QW2MZA/?checkout=completed",
        "cancel_url": "https://shop.test/api/payments/return/BM-1001-K7QW2MZA/?checkout=cancelled",
        "client_reference_id": wire.REFERENCE,
        "metadata[reference]": wire.REFERENCE,
        "metadata[order]": "BM-1001",
        "payment_intent_data[metadata][reference]": wire.REFERENCE,
        "payment_intent_data[metadata][order]": "BM-1001",
        "payment_intent_data[description]": "Order BM-1001",
        "expires_at": str(MARK),
        "customer_email": "amina@example.com",
    }
    assert sent.headers["authorization"] == f"Bearer {wire.KEY}"
    assert sent.headers["idempotency-key"] == f"cs-create:{wire.REFERENCE}"
    assert sent.headers["stripe-version"] == "2026-10-28.endive"
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "x-stripe-client-telemetry" not in sent.headers
    assert (sent.host, sent.timeout) == ("api.stripe.com", (3.0, 10.0))
    assert result == InitiateResult(
        accepted=True,
        provider_reference=wire.SESSION,
        outcome=outcomes.WAITING_ON_PAGE,
        authorization_url=wire.PAGE,
    )


def test_page_of_a_customer_without_email_asks_for_none(network):
    network.script({CREATE: Reply(200, wire.session())})

    initiate(email="", return_url="https://shop.test/return/?order=7")

    form = network.sent[0].form
    assert "customer_email" not in form
    assert form["success_url"] == "https://shop.test/return/?order=7&checkout=completed"


@pytest.mark.parametrize("moment", range(0, 1500, 100))
def test_page_lives_between_35_and_60_minutes(network, monkeypatch, moment):
    monkeypatch.setattr(stripe_provider, "time", wire.FixedTime(NOW + moment))
    network.script({CREATE: Reply(200, wire.session())})

    initiate()

    assert 35 * 60 <= int(network.sent[0].form["expires_at"]) - (NOW + moment) <= 60 * 60


def test_repeat_sends_the_same_parameters_under_the_same_key(network, monkeypatch):
    network.script({CREATE: [Failure.SILENCE, Reply(200, wire.session())]})
    monkeypatch.setattr(stripe_provider, "time", wire.FixedTime(NOW))
    with pytest.raises(ProviderUnavailable):
        initiate()
    monkeypatch.setattr(stripe_provider, "time", wire.FixedTime(NOW + 60))

    assert initiate().accepted is True

    first, second = network.sent
    assert first.form == second.form
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_repeat_after_the_mark_has_moved_finds_the_page_of_before(network, monkeypatch):
    taken = wire.error(400, "idempotency_key_mismatch", "idempotency_error")
    network.script({CREATE: [taken, Reply(200, wire.session())]})
    monkeypatch.setattr(stripe_provider, "time", wire.FixedTime(NOW + 1200))

    result = initiate()

    assert result.provider_reference == wire.SESSION
    assert [sent.form["expires_at"] for sent in network.sent] == [str(MARK + 1500), str(MARK)]
    assert len({sent.headers["idempotency-key"] for sent in network.sent}) == 1


def test_key_that_is_taken_by_something_else_leaves_it_unknown(network):
    network.script({CREATE: wire.error(400, "idempotency_key_mismatch", "idempotency_error")})

    with pytest.raises(ProviderUnavailable) as error:
        initiate()

    assert not isinstance(error.value, ProviderUnreachable)
    assert len(network.sent) == 3


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (wire.error(400, "amount_too_small"), outcomes.AMOUNT_REFUSED),
        (wire.error(400, "amount_too_large"), outcomes.AMOUNT_REFUSED),
        (wire.error(400, "parameter_missing"), outcomes.MISCONFIGURED),
        (wire.error(400, "parameter_invalid_integer"), outcomes.MISCONFIGURED),
        (wire.error(401, "api_key_expired"), outcomes.MISCONFIGURED),
        (wire.error(402, "card_declined", "card_error"), outcomes.MISCONFIGURED),
        (wire.error(403, "more_permissions_required"), outcomes.MISCONFIGURED),
        (wire.error(404, "resource_missing"), outcomes.MISCONFIGURED),
    ],
)
def test_refusal_is_certain_and_has_a_name(network, answer, outcome):
    network.script({CREATE: answer})

    result = initiate()

    assert (result.accepted, result.outcome, result.authorization_url) == (False, outcome, "")
    assert len(network.sent) == 1


@pytest.mark.parametrize(
    "answer",
    [
        wire.error(409, "idempotency_key_in_use"),
        wire.error(424, "dependency_failed", "api_error"),
        wire.error(429, "rate_limit"),
        wire.error(400, "rate_limit"),
        wire.error(500, "", "api_error"),
        Reply(500, {"error": {"type": "api_error"}}, {"Stripe-Should-Retry": "true"}),
        wire.error(503, "", "api_error"),
        Reply(400, {"error": ["odd"]}),
        Reply(400, {"error": "odd"}),
        Reply(200, wire.session(id=None)),
        Reply(200, wire.session(url=None)),
        Reply(200, wire.session(url="javascript:alert(1)")),
    ],
)
def test_conflict_limit_and_fault_leave_it_unknown_and_are_not_repeated(network, answer):
    network.script({CREATE: answer})

    network.script({LIST: wire.listed()})

    with pytest.raises(ProviderUnavailable) as error:
        initiate()

    assert not isinstance(error.value, ProviderUnreachable)
    assert len(network.writes) == 1


def test_page_that_was_opened_in_spite_of_a_fault_is_found(network, monkeypatch):
    monkeypatch.setattr(stripe_provider, "time", wire.FixedTime(NOW))
    other = wire.session(id="cs_test_other", client_reference_id="BM-1002-OTHER")
    network.script({CREATE: wire.error(500, "", "api_error"), LIST: wire.listed(other, wire.session())})

    result = initiate()

    assert (result.accepted, result.provider_reference, result.authorization_url) == (True, wire.SESSION, wire.PAGE)
    assert network.sent[1].query == {"created[gte]": str(int(NOW) - 3600 - 300), "limit": "100"}


@pytest.mark.parametrize(
    "answer", [wire.listed(), wire.listed(wire.session(status="expired")), wire.error(401, ""), Failure.SILENCE]
)
def test_page_that_is_not_found_after_a_fault_leaves_it_unknown(network, answer):
    network.script({CREATE: wire.error(500, "", "api_error"), LIST: answer})

    with pytest.raises(ProviderUnavailable) as error:
        initiate()

    assert str(error.value) == "answered 500 APIError"


def test_stripe_that_never_answers_is_left_alone_for_a_while(network):
    network.script({CREATE: Failure.SILENCE})
    for _ in range(outgoing.Breaker.LIMIT):
        with pytest.raises(ProviderUnavailable):
            initiate()

    with pytest.raises(ProviderUnreachable):
        initiate()

    assert len(network.sent) == outgoing.Breaker.LIMIT


# --- closing


def test_page_that_is_left_is_closed(network):
    network.script({EXPIRE: Reply(200, wire.session(status="expired"))})

    StripeProvider().close(wire.facts())

    assert [sent.route for sent in network.sent] == [EXPIRE]


def test_page_that_cannot_be_closed_any_more_is_left(network):
    network.script({EXPIRE: wire.error(400, "")})

    StripeProvider().close(wire.facts())

    assert [sent.route for sent in network.sent] == [EXPIRE]


@pytest.mark.parametrize("answer", [wire.error(401, ""), wire.error(500, "", "api_error"), Failure.SILENCE])
def test_page_that_was_not_closed_is_told(network, answer):
    network.script({EXPIRE: answer})

    with pytest.raises(ProviderUnavailable):
        StripeProvider().close(wire.facts())


def test_page_whose_address_nobody_has_needs_no_closing(network):
    StripeProvider().close(wire.facts(provider_reference=""))

    assert network.sent == []


def test_questions_go_on_beyond_the_end_of_a_page():
    assert any(3600 < delay < 4000 for delay in StripeProvider().query_delays())
    assert StripeProvider().lifetime is None  # Stripe ends a page by itself
