from decimal import Decimal
from typing import Any

import pytest

from ecommerce import outgoing
from payments import outcomes
from payments.exceptions import ProviderUnavailable
from payments.providers import stripe as stripe_provider
from payments.providers.base import Verdict
from payments.providers.stripe import StripeProvider
from payments.testing.network import Network, Reply
from tests.payments.providers import stripe_wire as wire

LIST = "GET /v1/checkout/sessions"
SHOW = f"GET /v1/checkout/sessions/{wire.SESSION}"
NOW = 1_795_200_000.0


@pytest.fixture(autouse=True)
def configured(settings: Any) -> None:
    wire.configure(settings)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    network.install(monkeypatch)
    outgoing.reset_breakers()
    return network


def asked(network: Network, answer: Any, **changes: Any) -> Any:
    network.script({SHOW: Reply(200, answer) if isinstance(answer, dict) else answer})
    return StripeProvider().query(wire.facts(**changes))


def test_question_shows_the_intent_its_charge_and_the_fee(network):
    result = asked(network, wire.paid_session())

    [sent] = network.sent
    assert sent.query == {"expand[0]": "payment_intent.latest_charge.balance_transaction"}
    assert (result.verdict, result.outcome, result.problem) == (Verdict.SUCCEEDED, outcomes.PAID, "")
    assert (result.amount, result.currency, result.fee) == (Decimal("1500.00"), "KES", Decimal("58.50"))
    assert (result.provider_reference, result.merchant_reference) == (wire.SESSION, wire.INTENT)
    assert result.receipt_number == wire.INTENT
    assert result.paid_at is not None
    assert int(result.paid_at.timestamp()) == 1795200100


def test_fee_in_another_currency_is_left_out(network):
    session = wire.paid_session()
    session["payment_intent"]["latest_charge"]["balance_transaction"].update(currency="usd", fee=45)

    result = asked(network, session)

    assert (result.verdict, result.fee) == (Verdict.SUCCEEDED, None)


@pytest.mark.parametrize(
    ("status", "payment_status", "intent_status", "verdict", "outcome"),
    [
        ("open", "unpaid", None, Verdict.IN_FLIGHT, outcomes.WAITING_ON_PAGE),
        ("open", "unpaid", "requires_payment_method", Verdict.IN_FLIGHT, outcomes.WAITING_ON_PAGE),
        ("open", "unpaid", "requires_action", Verdict.IN_FLIGHT, outcomes.WAITING_ON_PAGE),
        ("open", "unpaid", "succeeded", Verdict.IN_FLIGHT, outcomes.WAITING_ON_PAGE),
        ("open", "paid", "succeeded", Verdict.NO_ANSWER, outcomes.UNKNOWN),
        ("complete", "unpaid", "processing", Verdict.IN_FLIGHT, outcomes.PROVIDER_CHECKS),
        ("complete", "unpaid", "requires_payment_method", Verdict.FAILED, outcomes.DECLINED),
        ("complete", "unpaid", "canceled", Verdict.FAILED, outcomes.DECLINED),
        ("complete", "unpaid", None, Verdict.IN_FLIGHT, outcomes.PROVIDER_CHECKS),
        ("complete", "paid", "succeeded", Verdict.SUCCEEDED, outcomes.PAID),
        ("complete", "paid", "requires_capture", Verdict.NO_ANSWER, outcomes.UNKNOWN),
        ("complete", "paid", "canceled", Verdict.NO_ANSWER, outcomes.UNKNOWN),
        ("complete", "paid", None, Verdict.NO_ANSWER, outcomes.UNKNOWN),
        ("complete", "odd", "succeeded", Verdict.NO_ANSWER, outcomes.UNKNOWN),
        ("expired", "unpaid", None, Verdict.FAILED, outcomes.EXPIRED),
        ("expired", "unpaid", "canceled", Verdict.FAILED, outcomes.EXPIRED),
        ("expired", "unpaid", "requires_payment_method", Verdict.FAILED, outcomes.EXPIRED),
        ("expired", "unpaid", "requires_confirmation", Verdict.IN_FLIGHT, outcomes.WAITING_ON_PAGE),
        ("expired", "unpaid", "requires_action", Verdict.IN_FLIGHT, outcomes.WAITING_ON_PAGE),
        ("expired", "unpaid", "processing", Verdict.IN_FLIGHT, outcomes.PROVIDER_CHECKS),
        ("expired", "unpaid", "requires_capture", Verdict.IN_FLIGHT, outcomes.WAITING_ON_PAGE),
        ("expired", "unpaid", "succeeded", Verdict.SUCCEEDED, outcomes.PAID),
        ("expired", "unpaid", "odd", Verdict.NO_ANSWER, outcomes.UNKNOWN),
        ("expired", "paid", None, Verdict.NO_ANSWER, outcomes.UNKNOWN),
        ("odd", "paid", "succeeded", Verdict.NO_ANSWER, outcomes.UNKNOWN),
        ("odd", "unpaid", None, Verdict.NO_ANSWER, outcomes.UNKNOWN),
    ],
)
def test_session_and_intent_decide_together(network, status, payment_status, intent_status, verdict, outcome):
    intent = wire.intent(status=intent_status) if intent_status else None
    session = wire.session(status=status, payment_status=payment_status, payment_intent=intent)

    result = asked(network, session)

    assert (result.verdict, result.outcome, result.problem) == (verdict, outcome, "")


def test_session_that_needed_no_payment_is_told_with_its_amount(network):
    session = wire.session(status="complete", payment_status="no_payment_required", amount_total=0)

    result = asked(network, session)

    assert (result.verdict, result.amount, result.receipt_number) == (Verdict.SUCCEEDED, Decimal(0), "")


@pytest.mark.parametrize(
    ("error", "code", "outcome"),
    [
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient_funds", "insufficient_funds"),
        ({"code": "card_declined", "decline_code": "generic_decline"}, "generic_decline", "card_declined"),
        ({"code": "expired_card", "decline_code": "expired_card"}, "expired_card", "card_details_wrong"),
        ({"code": "incorrect_cvc", "decline_code": "incorrect_cvc"}, "incorrect_cvc", "card_details_wrong"),
        ({"code": "processing_error"}, "processing_error", "card_declined"),
        (
            {"code": "payment_intent_authentication_failure"},
            "payment_intent_authentication_failure",
            "not_authenticated",
        ),
        ({"code": "odd"}, "odd", "card_declined"),
    ],
)
def test_try_that_failed_leaves_the_page_open_and_has_advice(network, error, code, outcome):
    intent = wire.intent(status="requires_payment_method", amount_received=0, last_payment_error=error)

    result = asked(network, wire.session(payment_intent=intent))

    assert (result.verdict, result.outcome.name, result.result_code) == (Verdict.IN_FLIGHT, outcome, code)


@pytest.mark.parametrize(
    ("changes", "intent_changes", "problem"),
    [
        ({"livemode": True}, {}, "mode_mismatch"),
        ({}, {"livemode": True}, "mode_mismatch"),
        ({"client_reference_id": "BM-1002-OTHER"}, {}, "reference_mismatch"),
        ({"client_reference_id": None}, {}, "reference_mismatch"),
        ({"amount_total": 140000}, {}, "amount_mismatch"),
        ({}, {"amount_received": 1}, "amount_mismatch"),
        ({"currency": "usd"}, {}, "amount_mismatch"),
    ],
)
def test_payment_that_does_not_fit_has_a_problem(network, changes, intent_changes, problem):
    session = wire.paid_session(**{"payment_intent": wire.intent(**intent_changes), **changes})

    result = asked(network, session)

    assert (result.verdict, result.problem) == (Verdict.SUCCEEDED, problem)


@pytest.mark.parametrize("key", ["sk_live_51Qexample", "rk_live_51Qexample"])
def test_live_key_takes_live_payments_only(network, settings, key):
    wire.configure(settings, SECRET_KEY=key)
    live = wire.paid_session(livemode=True)

    assert asked(network, live).problem == ""
    assert asked(network, wire.paid_session()).problem == "mode_mismatch"


def test_expired_session_of_the_other_mode_fails_nothing(network):
    result = asked(network, wire.session(status="expired", livemode=True))

    assert (result.verdict, result.problem) == (Verdict.NO_ANSWER, "mode_mismatch")


def test_answer_about_another_session_is_none(network):
    with pytest.raises(ProviderUnavailable):
        asked(network, wire.paid_session(id="cs_test_other"))


@pytest.mark.parametrize("answer", [wire.error(404, "resource_missing"), wire.error(401, "api_key_expired")])
def test_refused_question_decides_nothing(network, answer):
    result = asked(network, answer)

    assert (result.verdict, result.outcome) == (Verdict.NO_ANSWER, outcomes.UNKNOWN)


# --- asking without an id


def test_session_without_a_known_id_is_found_in_the_list(network, monkeypatch):
    monkeypatch.setattr(stripe_provider, "time", wire.FixedTime(NOW))
    other = wire.session(id="cs_test_other", client_reference_id="BM-1002-OTHER")
    network.script(
        {
            LIST: [wire.listed(other, has_more=True), wire.listed(wire.session())],
            SHOW: Reply(200, wire.paid_session()),
        }
    )

    result = StripeProvider().query(wire.facts(provider_reference=""))

    assert (result.verdict, result.provider_reference) == (Verdict.SUCCEEDED, wire.SESSION)
    first, second, _ = network.sent
    assert first.query == {"created[gte]": str(int(NOW - 300 - 300)), "limit": "100"}
    assert second.query == first.query | {"starting_after": "cs_test_other"}


def test_paid_session_is_preferred_to_another_of_the_same_reference(network):
    newer = wire.session(id="cs_test_newer")
    network.script({LIST: wire.listed(newer, wire.paid_session()), SHOW: Reply(200, wire.paid_session())})

    assert StripeProvider().query(wire.facts(provider_reference="")).verdict == Verdict.SUCCEEDED


@pytest.mark.parametrize(("age", "verdict"), [(119.0, Verdict.NO_ANSWER), (120.0, Verdict.NEVER_SEEN)])
def test_session_that_is_not_listed_was_never_made_once_some_time_has_passed(network, age, verdict):
    network.script({LIST: wire.listed()})

    assert StripeProvider().query(wire.facts(provider_reference="", age_seconds=age)).verdict == verdict


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, {"object": "list", "data": None, "has_more": False}),
        Reply(200, {"object": "list", "data": ["odd"], "has_more": False}),
        wire.listed(has_more=True),
        wire.listed(wire.session(client_reference_id="BM-1002-OTHER"), has_more=True),  # without an end
    ],
)
def test_list_that_is_not_whole_proves_nothing(network, answer):
    network.script({LIST: answer})

    with pytest.raises(ProviderUnavailable):
        StripeProvider().query(wire.facts(provider_reference="", age_seconds=3600.0))
