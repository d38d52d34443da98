# ruff: noqa: S101 - rules are asserts
"""Rules for money that leaves: refunds and payouts. Both have one form, so each rule stands here once."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from payments.exceptions import ProviderUnavailable, ProviderUnreachable
from payments.providers.base import PaymentProvider, TransferResult, Verdict
from payments.testing.hooks import (
    BROKEN,
    NEEDS,
    NOT_SENT,
    UNHEARD_OF,
    ProviderHooks,
    Scenario,
    is_undecided,
    is_unknown,
    misfits,
    needs,
)
from payments.testing.network import Network

Outgoing = TransferResult | ProviderUnavailable
KINDS = ("refund", "payout")


class MoneyOutRules(ProviderHooks):
    @needs("{kind}_route", "{kind}_accepted")
    def test_accepted_money_out_is_sent_once(self, provider: PaymentProvider, network: Network, kind: str) -> None:
        route = self._script(network, kind, "accepted")

        result = self._send(provider, kind)

        assert isinstance(result, TransferResult), result
        assert result.verdict in (Verdict.IN_FLIGHT, Verdict.SUCCEEDED)
        assert result.provider_reference
        assert misfits(result) == []
        _was_sent_once(network, route)

    @needs("{kind}_route", "{kind}_refused")
    def test_refused_money_out_failed_for_a_reason(
        self, provider: PaymentProvider, network: Network, kind: str
    ) -> None:
        route = self._script(network, kind, "refused")

        result = self._send(provider, kind)

        assert isinstance(result, TransferResult), result
        assert result.verdict == Verdict.FAILED
        assert result.detail or result.code
        assert misfits(result) == []
        _was_sent_once(network, route)

    @needs("{kind}_route", "{kind}_accepted")
    @pytest.mark.parametrize("name", BROKEN)
    def test_answer_to_money_out_that_is_none_leaves_it_unknown(
        self, provider: PaymentProvider, network: Network, kind: str, name: str
    ) -> None:
        route = self._route(kind)
        self.break_route(network, route, self._scenario(kind, "accepted"), BROKEN[name])

        result = self._send(provider, kind)

        assert is_unknown(result) or (isinstance(result, TransferResult) and is_undecided(result)), result
        _was_sent_once(network, route)

    @needs("{kind}_route", "{kind}_accepted")
    @pytest.mark.parametrize("name", NOT_SENT)
    def test_money_out_without_a_connection_was_not_sent(
        self, provider: PaymentProvider, network: Network, kind: str, name: str
    ) -> None:
        self.break_route(network, self._route(kind), self._scenario(kind, "accepted"), NOT_SENT[name])

        result = self._send(provider, kind)

        assert isinstance(result, ProviderUnreachable), result

    @needs("{kind}_done")
    def test_money_out_that_is_done_is_told_with_its_amount(
        self, provider: PaymentProvider, network: Network, kind: str
    ) -> None:
        self._play_question(network, kind, self._scenario(kind, "done", self.amount))

        result = self._ask(provider, kind)

        assert isinstance(result, TransferResult), result
        assert result.verdict == Verdict.SUCCEEDED
        assert result.amount in (None, self.amount)
        assert misfits(result) == []

    @needs("{kind}_done")
    def test_other_amount_of_money_out_is_told_as_it_is(
        self, provider: PaymentProvider, network: Network, kind: str
    ) -> None:
        gone = self.amount - Decimal("1.00")
        self._play_question(network, kind, self._scenario(kind, "done", gone))

        result = self._ask(provider, kind)

        assert is_undecided(result) or getattr(result, "amount", None) in (None, gone), result

    @needs("{kind}_open")
    def test_money_out_that_is_on_its_way_is_in_flight(
        self, provider: PaymentProvider, network: Network, kind: str
    ) -> None:
        self._play_question(network, kind, self._scenario(kind, "open"))

        result = self._ask(provider, kind)

        assert isinstance(result, TransferResult), result
        assert result.verdict == Verdict.IN_FLIGHT

    @needs("{kind}_failed")
    def test_money_out_that_failed_is_told_so(self, provider: PaymentProvider, network: Network, kind: str) -> None:
        self._play_question(network, kind, self._scenario(kind, "failed"))

        result = self._ask(provider, kind)

        assert isinstance(result, TransferResult), result
        assert result.verdict == Verdict.FAILED
        assert misfits(result) == []

    @needs("{kind}_with_status")
    @pytest.mark.parametrize("status", UNHEARD_OF, ids=repr)
    def test_status_of_money_out_that_nobody_knows_decides_nothing(
        self, provider: PaymentProvider, network: Network, kind: str, status: Any
    ) -> None:
        self._play_question(network, kind, self._scenario(kind, "with_status", status))

        result = self._ask(provider, kind)

        assert is_undecided(result), f"this decides nothing; got {result}"

    @needs("query_{kind}_route", "{kind}_accepted")
    @pytest.mark.parametrize("name", [*BROKEN, *NOT_SENT])
    def test_answer_about_money_out_that_is_none_decides_nothing(
        self, provider: PaymentProvider, network: Network, kind: str, name: str
    ) -> None:
        answer = {**BROKEN, **NOT_SENT}[name]
        route = self.query_refund_route if kind == "refund" else self.query_payout_route
        self.break_route(network, route, self._scenario(kind, "done", self.amount), answer)

        result = self._ask(provider, kind)

        assert is_undecided(result), f"this decides nothing; got {result}"

    @needs("refund_never_seen")
    def test_refund_that_never_arrived_may_be_sent_again(self, provider: PaymentProvider, network: Network) -> None:
        self.play(network, self.query_refund_route, self.refund_never_seen())

        result = self.outcome_of(lambda: provider.query_refund(self.refund_request()))

        assert isinstance(result, TransferResult), result
        assert result.verdict == Verdict.NEVER_SEEN

    @classmethod
    def kinds_for(cls, rule: str) -> list[str]:
        """Return for which of both a rule can be played."""
        return [kind for kind in KINDS if all(cls.fills_in(name.format(kind=kind)) for name in NEEDS.get(rule, ()))]

    def _route(self, kind: str) -> str:
        return self.refund_route if kind == "refund" else self.payout_route

    def _scenario(self, kind: str, name: str, *details: Any) -> Scenario:
        hook: Callable[..., Scenario] = getattr(self, f"{kind}_{name}")
        return hook(*details)

    def _script(self, network: Network, kind: str, name: str) -> str:
        route = self._route(kind)
        self.play(network, route, self._scenario(kind, name))
        return route

    def _play_question(self, network: Network, kind: str, scenario: Scenario) -> None:
        self.play(network, self.query_refund_route if kind == "refund" else self.query_payout_route, scenario)

    def _send(self, provider: PaymentProvider, kind: str) -> Outgoing:
        if kind == "refund":
            return self.outcome_of(lambda: provider.refund(self.refund_request()))
        return self.outcome_of(lambda: provider.pay_out(self.payout_request()))

    def _ask(self, provider: PaymentProvider, kind: str) -> Outgoing:
        if kind == "refund":
            refund = self.refund_request(provider_reference=self.known_refund)
            return self.outcome_of(lambda: provider.query_refund(refund))
        payout = self.payout_request(provider_reference=self.known_payout)
        return self.outcome_of(lambda: provider.query_payout(payout))


def _was_sent_once(network: Network, route: str) -> None:
    routes = [sent.route for sent in network.writes]
    assert len(network.requests_to(route)) == 1, f"sent: {routes}"
    assert sorted(routes) == sorted(set(routes)), "nothing is written twice"
