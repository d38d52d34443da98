# ruff: noqa: S101 - rules are asserts
"""What a provider's own test file fills in: how its wire looks. The rules that use it stand beside this module."""

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from ecommerce import outgoing
from payments import outcomes
from payments.exceptions import ProviderUnavailable, ProviderUnreachable
from payments.outcomes import Outcome
from payments.providers.base import (
    AttemptFacts,
    InitiateRequest,
    PaymentProvider,
    PayoutRequest,
    ProviderResult,
    RefundRequest,
    TransferResult,
    Verdict,
)
from payments.testing.network import Answer, Failure, Network, Reply, Script, Sent

T = TypeVar("T")
Rule = TypeVar("Rule", bound=Callable[..., None])

# An answer of the main route, or several routes; None: this cannot happen with this provider.
Scenario = Answer | Script | None

# What is no answer at all, whatever it was asked. Nobody knows what the provider has done.
BROKEN: Mapping[str, Answer] = {
    "html_502": Reply(502, b"<html><body>Bad gateway</body></html>", {"Content-Type": "text/html"}),
    "html_200": Reply(200, b"<html><body>We will be back soon</body></html>", {"Content-Type": "text/html"}),
    "html_403": Reply(403, b"<html><body>Blocked</body></html>", {"Content-Type": "text/html"}),
    "html_404": Reply(404, b"<html><body>Not found</body></html>", {"Content-Type": "text/html"}),
    "json_500": Reply(500, {"message": "Internal server error"}),
    "json_503": Reply(503, {"status": False, "message": "Service unavailable"}),
    "truncated": Reply(200, b'{"status": true, "data": {"status": "succ'),
    "empty_200": Reply(200, b""),
    "empty_204": Reply(204, b""),
    "empty_500": Reply(500, b""),
    "empty_object": Reply(200, {}),
    "list": Reply(200, []),
    "null": Reply(200, None),
    "text": Reply(200, "OK"),
    "number": Reply(200, 1),
    "not_utf8": Reply(200, b'{"status": "\xff\xfe\xfa"}'),
    "deeply_nested": Reply(200, b"[" * 100_000),
    "not_gzip": Reply(200, b'{"status": "success"}', {"Content-Encoding": "gzip"}),
    "redirect": Reply(302, b"", {"Location": "https://elsewhere.test/"}),
    "silence": Failure.SILENCE,
    "cut": Failure.CUT,
}
NOT_SENT: Mapping[str, Failure] = {"refused": Failure.REFUSED, "no_connection": Failure.NO_CONNECTION}

# Words that no provider of ours uses for a state, and what is no word.
UNHEARD_OF: tuple[Any, ...] = ("unheard-of", "", None, 0, 1, True, ["success"], {"status": "success"}, "succeeded?")


# What a rule needs to be filled in, by the rule's name; ``{kind}`` stands for ``refund`` and ``payout``.
NEEDS: dict[str, tuple[str, ...]] = {}


def needs(*names: str) -> Callable[[Rule], Rule]:
    """Say which hooks and routes a rule plays with; for a provider without them it does not exist."""

    def register(rule: Rule) -> Rule:
        NEEDS[rule.__name__] = names
        return rule

    return register


class ProviderHooks:
    """Facts and wire answers of one provider. What is not filled in counts as impossible: its rules are left out."""

    # --- facts

    method: str  # one of the provider's methods
    currency = "KES"
    other_currency = "USD"
    amount = Decimal("1500.00")  # payable as it is
    reference = "BM-1001-K7QW2MZA"  # ours, in every question
    provider_reference = ""  # what the shop has kept of the accepted answer
    receipt_number = "RCPT0001"  # of the payment that is given back
    refund_reference = "refund-0197a1b2c3d4e5f6"
    payout_reference = "payout-0197a1b2c3d4e5f6"
    # The provider's references of both, as the shop knows them when it asks; empty: it knows none.
    known_refund = ""
    known_payout = ""
    # Old enough for a failure to be final.
    age = timedelta(days=2)
    # What must never show: keys, tokens, and what stands in callback addresses.
    secrets: tuple[str, ...] = ()

    # Where the scenarios below are answered, as ``METHOD /path`` with ``*`` for anything. The path is the whole one,
    # with what stands in the base address (``/v1``), and without the query.
    initiate_route = ""
    query_route = ""
    refund_route = ""
    query_refund_route = ""
    payout_route = ""
    query_payout_route = ""

    # Places in the JSON of ``paid`` that decide, as ``data.status`` or ``items.0.state``: with any other value there,
    # or in place of what holds them, the payment is not settled as it was expected.
    decisive: tuple[str, ...] = ()
    # False: an answer to a question does not say how much was paid.
    tells_amount = True
    # False, with a reason beside it: the body is read by an SDK that waits for its end.
    cuts_off_endless_answers = True
    # False, with a reason beside it: signatures are not compared, but verified by a public key.
    compares_signatures = True
    # False, with a reason beside it: it signs twice, and one of both will do.
    every_header_is_needed = True
    # False, with a reason beside it: JSON is signed as parsed, so that spaces between values do not count.
    signature_covers_spaces = True

    def make_provider(self, settings: Any) -> PaymentProvider:
        """Return the provider, set up by ``settings`` (pytest-django's fixture)."""
        raise NotImplementedError

    def side_script(self) -> Script:
        """Return what every scenario may need besides its main route: a token, a certificate, a list of banks."""
        return {}

    # --- collecting

    def accepted(self) -> Scenario:
        return None

    def collected(self, sent: Sequence[Sent]) -> tuple[Decimal, str] | None:
        """Read from the requests what the provider was asked to collect, in major units."""
        return None

    def refused(self) -> Scenario:
        """Return a refusal that is certain: nothing was started."""
        return None

    def duplicate(self) -> Scenario:
        """Return the answer to a reference that was used before; nobody knows where the earlier page went."""
        return None

    def paid(self, amount: Decimal, currency: str, reference: str) -> Scenario:
        """Return the answer to a question, paid. ``reference`` may be another one's."""
        return None

    def paid_in_other_mode(self) -> Scenario:
        """Return a paid answer of the test mode for a live key, or the reverse."""
        return None

    def with_status(self, status: Any) -> Scenario:
        """Return the paid answer in all but the word (or code) that says so."""
        return None

    def pending(self) -> Scenario:
        return None

    def failed(self, reference: str) -> Scenario:
        return None

    def not_known(self) -> Scenario:
        """Return the answer to a question about a reference that the provider has never seen."""
        return None

    # --- giving back, paying out

    def refund_accepted(self) -> Scenario:
        return None

    def refund_refused(self) -> Scenario:
        return None

    def refund_done(self, amount: Decimal) -> Scenario:
        return None

    def refund_open(self) -> Scenario:
        return None

    def refund_failed(self) -> Scenario:
        return None

    def refund_with_status(self, status: Any) -> Scenario:
        return None

    def refund_never_seen(self) -> Scenario:
        """Return the answer that proves that the provider never got the refund."""
        return None

    def payout_accepted(self) -> Scenario:
        return None

    def payout_refused(self) -> Scenario:
        return None

    def payout_done(self, amount: Decimal) -> Scenario:
        return None

    def payout_open(self) -> Scenario:
        return None

    def payout_failed(self) -> Scenario:
        return None

    def payout_with_status(self, status: Any) -> Scenario:
        return None

    # --- hearing from it

    def webhook(self) -> bytes:
        """Return the body of a webhook that tells of a payment with ``reference``."""
        raise NotImplementedError

    def sign(self, body: bytes) -> Mapping[str, str]:
        """Return the headers, in lower case, with which the provider would send ``body``."""
        raise NotImplementedError

    # --- what the rules use; not to be overridden

    @classmethod
    def fills_in(cls, name: str) -> bool:
        value = getattr(cls, name)
        return bool(value) if name.endswith("_route") else value is not getattr(ProviderHooks, name)

    @pytest.fixture
    def network(self, monkeypatch: pytest.MonkeyPatch) -> Network:
        network = Network()
        network.install(monkeypatch)
        outgoing.reset_breakers()
        network.script(self.side_script())
        return network

    @pytest.fixture
    def provider(self, settings: Any, network: Network) -> PaymentProvider:
        return self.make_provider(settings)

    @pytest.fixture(autouse=True)
    def no_secret_is_told(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        """Watch every test for secrets in logs and in exceptions."""
        self.told: list[str] = []
        caplog.set_level(logging.DEBUG)
        yield
        logged = [f"{record.getMessage()} {vars(record)!r}" for record in caplog.get_records("call")]
        told = "\n".join([*logged, *self.told])
        leaked = [secret for secret in self.secrets if secret in told]
        assert leaked == [], "it stands in a log line, an exception or a repr"

    def play(self, network: Network, route: str, scenario: Scenario) -> None:
        """Script a scenario, or skip the test when it cannot happen with this provider."""
        if scenario is None:
            pytest.skip("cannot happen with this provider")
        network.script({route: scenario} if isinstance(scenario, Reply | Failure) else scenario)

    def main_reply(self, route: str, scenario: Scenario) -> Reply:
        """Return a scenario's answer on its main route."""
        if scenario is None:
            pytest.skip("cannot happen with this provider")
        answer: Any = scenario if isinstance(scenario, Reply | Failure) else scenario.get(route)
        if isinstance(answer, Sequence):
            answer = answer[-1]
        if not isinstance(answer, Reply):
            pytest.skip("has no answer of its own on this route")
        return answer

    def break_route(self, network: Network, route: str, scenario: Scenario, answer: Answer) -> None:
        """Script a scenario with something else on its main route."""
        if isinstance(scenario, Mapping):
            network.script(scenario)
        network.script({route: answer})

    def outcome_of(self, call: Callable[[], T]) -> T | ProviderUnavailable:
        """Return what a call returns, or that nothing is known; any other exception is a fault."""
        try:
            result = call()
        except ProviderUnavailable as error:
            self.told.append("".join(traceback.format_exception(error)))
            return error
        self.told.append(repr(result))
        return result

    def initiate_request(self, **changes: Any) -> InitiateRequest:
        return InitiateRequest(
            **{
                "reference": self.reference,
                "order_number": "BM-1001",
                "amount": self.amount,
                "currency": self.currency,
                "method": self.method,
                "phone_number": "+254712345678",
                "email": "amina@example.com",
                "callback_url": "https://shop.test/api/payments/x/callback/token/",
                "return_url": "https://shop.test/api/payments/return/",
                **changes,
            }
        )

    def facts(self, **changes: Any) -> AttemptFacts:
        return AttemptFacts(
            **{
                "reference": self.reference,
                "provider_reference": self.provider_reference,
                "amount": self.amount,
                "currency": self.currency,
                "method": self.method,
                "age_seconds": self.age.total_seconds(),
                **changes,
            }
        )

    def refund_request(self, **changes: Any) -> RefundRequest:
        return RefundRequest(
            **{
                "reference": self.refund_reference,
                "amount": self.amount,
                "currency": self.currency,
                "is_whole": True,
                "reason": "Item out of stock",
                "order_number": "BM-1001",
                "receipt_number": self.receipt_number,
                "payment_reference": self.reference,
                "payment_provider_reference": self.provider_reference,
                "phone_number": "+254712345678",
                "result_url": "https://shop.test/api/payments/x/result/token/",
                **changes,
            }
        )

    def payout_request(self, **changes: Any) -> PayoutRequest:
        return PayoutRequest(
            **{
                "reference": self.payout_reference,
                "amount": self.amount,
                "currency": self.currency,
                "recipient_name": "Baraka Shop",
                "phone_number": "+254712345678",
                "reason": "November sales",
                "result_url": "https://shop.test/api/payments/x/result/token/",
                **changes,
            }
        )


def is_settled(result: ProviderResult | ProviderUnavailable) -> bool:
    """Tell whether the shop would take the payment for paid, amount and currency apart."""
    return isinstance(result, ProviderResult) and result.verdict == Verdict.SUCCEEDED and not result.problem


def is_undecided(result: ProviderResult | TransferResult | ProviderUnavailable) -> bool:
    """Tell whether nothing was concluded: not paid, not failed, not taken back, and not safe to send again."""
    return isinstance(result, ProviderUnavailable) or result.verdict in (Verdict.IN_FLIGHT, Verdict.NO_ANSWER)


def is_unknown(result: Any) -> bool:
    """Tell whether a call said that nobody knows what it has done."""
    return isinstance(result, ProviderUnavailable) and not isinstance(result, ProviderUnreachable)


def is_listed(outcome: Outcome) -> bool:
    return outcomes.BY_NAME.get(outcome.name) is outcome


def misfits(result: Any) -> list[str]:
    """Name what of a result the shop's tables could not keep: long texts, NUL, other types, amounts that are none."""
    limits = {
        "provider_reference": 100,
        "merchant_reference": 100,
        "receipt_number": 64,
        "result_code": 40,
        "code": 40,
        "detail": 300,
        "authorization_url": 2000,
        "instructions": 500,
        "route": 20,
        "event_id": 140,
        "kind": 40,
        "currency": 3,
    }
    found = []
    for name, most in limits.items():
        text = getattr(result, name, "")
        if not isinstance(text, str) or len(text) > most or "\x00" in text:
            found.append(name)
    for name in ("amount", "fee"):
        number = getattr(result, name, None)
        if number is not None and (not isinstance(number, Decimal) or not number.is_finite()):
            found.append(name)
    return found
