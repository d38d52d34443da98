"""The rules that every payment provider must keep, as a test class to subclass.

A provider is written against ``payments.providers.base.PaymentProvider``; this is how to find out whether it can be
trusted with money. In a test file of your own:

    from payments.testing.conformance import ProviderConformance
    from payments.testing.network import Reply

    class TestAcmePay(ProviderConformance):
        method = "card"
        secrets = ("sk_acme_test_1",)
        initiate_route = "POST /v1/checkouts"
        query_route = "GET /v1/checkouts/*"
        decisive = ("state", "reference", "amount", "currency")

        def make_provider(self, settings):
            return AcmePayProvider(key="sk_acme_test_1")

        def accepted(self):
            return Reply(201, {"id": "chk_1", "url": "https://pay.acme.test/chk_1"})

        def paid(self, amount, currency, reference):
            return Reply(200, {"state": "paid", "reference": reference, "amount": str(amount), "currency": currency})

        def with_status(self, status):
            return Reply(200, {"state": status, "reference": self.reference, "amount": "1500.00", "currency": "KES"})

and so on through ``ProviderHooks`` (payments/testing/hooks.py), which lists every fact and every answer that can be
filled in. A hook that is left out says that the scenario cannot happen with this provider, and its rules are left out
too; one that returns None says so for these arguments alone, and skips. A misspelt one counts as left out: look at
``pytest --collect-only``. Nothing of the database is touched, and no socket is opened.

**Answers.** A hook returns a ``Reply(status, body)``, which is given on the scenario's main route (``initiate_route``
for ``accepted``, ``query_route`` for ``paid``, ``refund_route`` for ``refund_accepted``, and so on), or a ``Failure``,
or a script of several routes: ``{"POST /token": Reply(...), "GET /orders/*": [Reply(...), Reply(...)]}``. A route has
the whole path, with what stands in the base address (``/v1``). Of several answers on one route the last stays. What
every scenario needs besides goes into ``side_script``. A request that is scripted nowhere fails the test. ``body`` is
bytes, or JSON in which a ``Decimal`` is a number.

**The network** stands below ``requests`` (``HTTPAdapter.send``), so that ``ProviderHttp`` and SDKs built on
``requests`` both meet it. In your own tests use it through the fixtures ``network`` (``network.script({...})``,
``network.sent``, ``network.writes``, ``network.requests_to("POST /refund")``) and ``provider``. Time in
``ProviderHttp`` is the network's, so a dripping answer costs a test nothing.

**The rules**, in short (each test's name says one):

- Collecting: accepted and refused are told apart; a used reference opens no second page; HTML, half JSON, an empty
  body, silence, a cut line, a redirect, an endless or dripping body leave it *unknown* (``ProviderUnavailable``); only
  what certainly was not sent is ``ProviderUnreachable``; nothing is written twice by one call.
- Asking: paid only by a final answer about our own reference, in our mode; amount and currency as they were paid,
  ``Decimal``; unknown words and shapes decide nothing; each value of a paid answer is replaced by odd ones in turn.
- Money out: the same for refunds and payouts; NEVER_SEEN only on proof. Which amount was asked to go back, and that
  the answer is about that refund, is for tests of your own.
- Webhooks: proven only as signed, byte for byte, compared in constant time; odd bodies end in ``ForgedEvent``,
  ``UnreadableEvent`` or a ``Notice``, and in nothing else.
- Always: what the class says it can do is filled in; no secret in a log line, an exception or a ``repr``; outcomes
  come from ``payments.outcomes``; texts fit the shop's tables; 0, negative amounts, NaN and unknown currencies are not
  payable.
"""

from typing import Any

import pytest

from payments.testing.collecting import CollectingRules
from payments.testing.hooks import NEEDS
from payments.testing.money_out import MoneyOutRules
from payments.testing.webhooks import WebhookRules


class ProviderConformance(CollectingRules, MoneyOutRules, WebhookRules):
    """Subclass it, name the subclass ``Test…``, and fill in the hooks of ``ProviderHooks``."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Leave out the rules whose hooks are not filled in."""
        super().__init_subclass__(**kwargs)
        for rule in NEEDS:
            own = next(vars(base)[rule] for base in cls.__mro__ if callable(vars(base).get(rule)))
            setattr(cls, rule, own if cls.kinds_for(rule) else None)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "kind" in metafunc.fixturenames:
            metafunc.parametrize("kind", self.kinds_for(metafunc.function.__name__))
