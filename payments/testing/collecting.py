# ruff: noqa: S101 - rules are asserts
"""Rules for asking for money, and for asking what became of it."""

import copy
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from payments import outcomes
from payments.exceptions import AmountNotPayable, ProviderUnavailable, ProviderUnreachable
from payments.models import Payment
from payments.providers.base import Charge, InitiateResult, PaymentProvider, ProviderResult, Verdict
from payments.testing.hooks import (
    BROKEN,
    NOT_SENT,
    UNHEARD_OF,
    ProviderHooks,
    is_listed,
    is_settled,
    is_undecided,
    is_unknown,
    misfits,
    needs,
)
from payments.testing.network import Network, Reply

ANOTHER = "BM-9999-SOMEELSE"
ODD_VALUES: tuple[Any, ...] = (None, "", "odd", -1, True, [], {}, 10**30, "x\x00" * 2000)


class CollectingRules(ProviderHooks):
    # --- what it says of itself

    def test_provider_says_what_it_is(self, provider: PaymentProvider) -> None:
        assert re.fullmatch("[a-z0-9_-]{1,20}", provider.name), "it stands in addresses and in short columns"
        assert self.method in provider.methods
        assert [method for method in provider.methods if method not in Payment.Method.values] == []
        # What it can do must be filled in below, or its rules would not be run.
        gives_back = type(provider).refund is not PaymentProvider.refund
        assert provider.sends_webhooks is self.fills_in("webhook"), (
            "sends_webhooks, but no hook webhook, or the reverse"
        )
        assert gives_back is self.fills_in("refund_accepted"), "refund, but no hook refund_accepted, or the reverse"
        assert provider.can_pay_out is self.fills_in("payout_accepted"), "can_pay_out, but no hook, or the reverse"
        assert bool(provider.query_delays()) is self.fills_in("paid"), "query_delays, but no hook paid, or the reverse"
        assert self.decisive or not self.fills_in("paid"), "decisive must name what decides in the answer of paid"
        assert not [secret for secret in self.secrets if secret in repr(provider)]

    def test_questions_come_later_and_later(self, provider: PaymentProvider) -> None:
        delays = provider.query_delays()

        assert list(delays) == sorted(set(delays))
        assert all(delay > 0 for delay in delays)

    def test_amount_that_is_payable_stays_as_it_is(self, provider: PaymentProvider) -> None:
        assert provider.payable_amount(self.amount, self.currency) == Charge(self.amount, self.currency)

    @pytest.mark.parametrize("amount", ["0", "0.00", "-1", "-1500.00", "NaN", "Infinity"])
    def test_amount_that_is_none_is_refused(self, provider: PaymentProvider, amount: str) -> None:
        with pytest.raises(AmountNotPayable):
            provider.payable_amount(Decimal(amount), self.currency)

    @pytest.mark.parametrize("currency", ["", "XXX", "kes", "US", "SHILLING"])
    def test_currency_that_is_none_is_refused(self, provider: PaymentProvider, currency: str) -> None:
        with pytest.raises(AmountNotPayable):
            provider.payable_amount(self.amount, currency)

    # --- asking for the money

    @needs("accepted")
    def test_accepted_request_is_sent_once(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.initiate_route, self.accepted())

        result = provider.initiate(self.initiate_request())

        assert result.accepted is True
        assert result.provider_reference
        assert is_listed(result.outcome)
        assert misfits(result) == []
        assert provider.redirects is bool(result.authorization_url)
        if provider.redirects:
            assert result.authorization_url.startswith("https://")
        self._was_sent_once(network)
        collected = self.collected(network.sent)
        assert collected in (None, (self.amount, self.currency))

    @needs("accepted")
    def test_every_request_has_time_outs(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.initiate_route, self.accepted())

        provider.initiate(self.initiate_request())

        assert [sent.route for sent in network.sent if not sent.timeout] == []

    @needs("refused")
    def test_refused_request_has_a_reason(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.initiate_route, self.refused())

        result = provider.initiate(self.initiate_request())

        assert result.accepted is False
        assert is_listed(result.outcome)
        assert result.outcome is not outcomes.UNKNOWN
        assert misfits(result) == []
        self._was_sent_once(network)

    @needs("duplicate")
    def test_reference_used_before_opens_no_second_page(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.initiate_route, self.duplicate())

        result = self.outcome_of(lambda: provider.initiate(self.initiate_request()))

        self._was_sent_once(network)
        if isinstance(result, InitiateResult):
            assert (result.accepted, result.authorization_url) == (False, "")
            assert is_listed(result.outcome)
            assert result.outcome is not outcomes.UNKNOWN
        else:
            assert is_unknown(result)

    @needs("initiate_route", "accepted")
    @pytest.mark.parametrize("name", BROKEN)
    def test_answer_to_a_request_that_is_none_leaves_it_unknown(
        self, provider: PaymentProvider, network: Network, name: str
    ) -> None:
        self.break_route(network, self.initiate_route, self.accepted(), BROKEN[name])

        result = self.outcome_of(lambda: provider.initiate(self.initiate_request()))

        assert is_unknown(result), f"nobody knows what it did, so ProviderUnavailable; got {result}"
        self._was_sent_once(network)

    @needs("initiate_route", "accepted")
    @pytest.mark.parametrize("name", NOT_SENT)
    def test_request_without_a_connection_was_not_sent(
        self, provider: PaymentProvider, network: Network, name: str
    ) -> None:
        self.break_route(network, self.initiate_route, self.accepted(), NOT_SENT[name])

        result = self.outcome_of(lambda: provider.initiate(self.initiate_request()))

        assert isinstance(result, ProviderUnreachable), result

    @needs("initiate_route", "accepted")
    def test_request_refused_for_its_rate_is_not_accepted(self, provider: PaymentProvider, network: Network) -> None:
        busy = Reply(429, {"message": "Too many requests"}, {"Retry-After": "30"})
        self.break_route(network, self.initiate_route, self.accepted(), busy)

        result = self.outcome_of(lambda: provider.initiate(self.initiate_request()))

        if isinstance(result, InitiateResult):
            assert result.accepted is False
            assert is_listed(result.outcome)
        else:
            assert is_unknown(result)
        self._was_sent_once(network)

    @needs("initiate_route", "accepted")
    @pytest.mark.parametrize("seconds_per_read", [0.0, 1.0])
    def test_answer_without_an_end_is_cut_off(
        self, provider: PaymentProvider, network: Network, seconds_per_read: float
    ) -> None:
        """A body of two megabytes, and one that comes at a byte a second, both good JSON in the end."""
        if not self.cuts_off_endless_answers:
            pytest.skip("an SDK reads the answer")
        good = self.main_reply(self.initiate_route, self.accepted())
        padding = b" " * (100_000 if seconds_per_read else 2_000_000)
        endless = Reply(good.status, good.raw + padding, good.headers, seconds_per_read)
        self.break_route(network, self.initiate_route, self.accepted(), endless)
        started = network.now

        result = self.outcome_of(lambda: provider.initiate(self.initiate_request()))

        assert is_unknown(result), f"nobody knows what it did, so ProviderUnavailable; got {result}"
        assert network.now - started < 120

    def _was_sent_once(self, network: Network) -> None:
        routes = [sent.route for sent in network.writes]
        assert len(network.requests_to(self.initiate_route)) == (1 if self.initiate_route else 0), f"sent: {routes}"
        assert sorted(routes) == sorted(set(routes)), "nothing is written twice"

    # --- asking what became of it

    @needs("paid")
    def test_paid_is_paid(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.query_route, self.paid(self.amount, self.currency, self.reference))

        result = provider.query(self.facts())

        assert (result.verdict, result.problem) == (Verdict.SUCCEEDED, "")
        assert result.outcome is outcomes.PAID
        assert (result.amount, result.currency) == ((self.amount, self.currency) if self.tells_amount else (None, ""))
        assert misfits(result) == []

    @needs("paid")
    @pytest.mark.parametrize("difference", ["-0.01", "-1499.00", "0.01", "1000000.00"])
    def test_other_amount_is_told_as_it_is(self, provider: PaymentProvider, network: Network, difference: str) -> None:
        paid = self.amount + Decimal(difference)
        self.play(network, self.query_route, self.paid(paid, self.currency, self.reference))

        result = self.outcome_of(lambda: provider.query(self.facts()))

        if is_settled(result):
            assert isinstance(result, ProviderResult)
            assert result.amount == (paid if self.tells_amount else None)

    @needs("paid")
    def test_other_currency_is_told_as_it_is(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.query_route, self.paid(self.amount, self.other_currency, self.reference))

        result = self.outcome_of(lambda: provider.query(self.facts()))

        if is_settled(result):
            assert isinstance(result, ProviderResult)
            assert result.currency == self.other_currency

    @needs("paid_in_other_mode")
    def test_payment_of_the_other_mode_settles_nothing(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.query_route, self.paid_in_other_mode())

        result = self.outcome_of(lambda: provider.query(self.facts()))

        assert not is_settled(result), result

    @needs("paid")
    def test_answer_about_another_payment_settles_nothing(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.query_route, self.paid(self.amount, self.currency, ANOTHER))

        result = self.outcome_of(lambda: provider.query(self.facts()))

        assert not is_settled(result), result

    @needs("failed")
    def test_failure_of_another_payment_fails_nothing(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.query_route, self.failed(ANOTHER))

        result = self.outcome_of(lambda: provider.query(self.facts()))

        assert is_undecided(result), f"this decides nothing; got {result}"

    @needs("pending")
    def test_pending_is_in_flight(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.query_route, self.pending())

        result = provider.query(self.facts(age_seconds=60.0))

        assert result.verdict == Verdict.IN_FLIGHT
        assert is_listed(result.outcome)

    @needs("failed")
    def test_failure_has_a_reason(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.query_route, self.failed(self.reference))

        result = provider.query(self.facts())

        assert result.verdict == Verdict.FAILED
        assert is_listed(result.outcome)
        assert result.outcome not in (outcomes.UNKNOWN, outcomes.PAID)
        assert misfits(result) == []

    @needs("with_status")
    @pytest.mark.parametrize("status", UNHEARD_OF, ids=repr)
    def test_status_that_nobody_knows_decides_nothing(
        self, provider: PaymentProvider, network: Network, status: Any
    ) -> None:
        self.play(network, self.query_route, self.with_status(status))

        result = self.outcome_of(lambda: provider.query(self.facts()))

        assert is_undecided(result), f"this decides nothing; got {result}"

    @needs("not_known")
    def test_reference_that_the_provider_does_not_know_is_not_failed(
        self, provider: PaymentProvider, network: Network
    ) -> None:
        self.play(network, self.query_route, self.not_known())

        result = self.outcome_of(lambda: provider.query(self.facts()))

        assert is_undecided(result) or getattr(result, "verdict", None) == Verdict.NEVER_SEEN, result

    @needs("query_route", "paid")
    @pytest.mark.parametrize("name", [*BROKEN, *NOT_SENT])
    def test_answer_to_a_question_that_is_none_decides_nothing(
        self, provider: PaymentProvider, network: Network, name: str
    ) -> None:
        scenario = self.paid(self.amount, self.currency, self.reference)
        self.break_route(network, self.query_route, scenario, {**BROKEN, **NOT_SENT}[name])

        result = self.outcome_of(lambda: provider.query(self.facts()))

        assert is_undecided(result), f"this decides nothing; got {result}"

    @needs("query_route", "paid")
    def test_no_odd_value_anywhere_decides_or_breaks_anything(
        self, provider: PaymentProvider, network: Network
    ) -> None:
        """Replace each value of a paid answer, and leave each out. What decides must be right, all else may be odd."""
        scenario = self.paid(self.amount, self.currency, self.reference)
        good = self.main_reply(self.query_route, scenario)
        wrong = []

        for place, odd, body in odd_versions(json.loads(good.raw, parse_float=Decimal)):
            self.break_route(network, self.query_route, scenario, Reply(good.status, body, good.headers))
            try:
                result = self.outcome_of(lambda: provider.query(self.facts()))
            except Exception as error:
                error.add_note(f"asked with {place} {odd}")
                raise
            if fault := self._fault(place, result):
                wrong.append(f"{place} {odd}: {fault}")

        assert wrong == [], "\n".join(wrong)

    def _fault(self, place: str, result: ProviderResult | ProviderUnavailable) -> str:
        """Say what is wrong with an answer of which one place was odd; empty when nothing is."""
        if unfit := misfits(result):
            return f"the shop cannot keep {', '.join(unfit)}"
        if is_undecided(result):
            return ""
        if not isinstance(result, ProviderResult) or result.verdict != Verdict.SUCCEEDED:
            return f"decides, by {result}"
        told = result.amount is not None and result.currency != ""
        as_expected = (result.amount, result.currency) == (self.amount, self.currency) or not self.tells_amount
        decides = any(key == place or key.startswith(f"{place}.") for key in self.decisive)
        if result.problem:
            return ""
        if self.tells_amount and not told:
            return "paid, without an amount or a currency"
        return "paid all the same, though it is decisive" if decides and as_expected else ""


def odd_versions(body: Any) -> Iterator[tuple[str, str, Any]]:
    """Return copies of a JSON value, each with one odd or missing value; before it, where and what."""
    for keys in _places(body):
        place = ".".join(str(key) for key in keys)
        for odd in (*ODD_VALUES, ...):
            changed = copy.deepcopy(body)
            parent = changed
            for key in keys[:-1]:
                parent = parent[key]
            if odd is ...:
                del parent[keys[-1]]
            elif parent[keys[-1]] == odd and type(parent[keys[-1]]) is type(odd):
                continue
            else:
                parent[keys[-1]] = odd
            yield place, "left out" if odd is ... else f"= {odd!r:.20}", changed


def _places(value: Any) -> Iterator[tuple[Any, ...]]:
    children: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (key,)
        for rest in _places(child):
            yield (key, *rest)
