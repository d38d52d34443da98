"""The provider that docs/adding-a-provider.md shows keeps the rules, as it stands there."""

import re
from decimal import Decimal
from types import ModuleType

import pytest
from django.conf import settings as shop

from payments.testing.conformance import ProviderConformance
from payments.testing.network import Reply

KEY = "sk_acme_4f9d8c7b6a5e"
PAGE = shop.BASE_DIR / "docs" / "adding-a-provider.md"


class TestDocumentedExample(ProviderConformance):
    method = "card"
    provider_reference = "chk_1"
    secrets = (KEY,)
    initiate_route = "POST /checkouts"
    query_route = "GET /checkouts/*"
    decisive = ("ref", "state", "paid", "currency")

    @pytest.fixture(autouse=True)
    def key(self, monkeypatch):
        monkeypatch.setenv("ACME_SECRET_KEY", KEY)

    def make_provider(self, settings):
        page = PAGE.read_text()
        (block,) = re.finditer(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        lines_before = "\n" * page[: block.start(1)].count("\n")  # so that a traceback shows the page's own lines
        module = ModuleType("acme_shop.pay")
        exec(compile(lines_before + block[1], str(PAGE), "exec"), vars(module))
        return module.AcmePayProvider()

    def accepted(self):
        return Reply(201, {"id": "chk_1", "url": "https://pay.acme.example/chk_1"})

    def collected(self, sent):
        return Decimal(sent[0].json["amount"]), "KES"

    def refused(self):
        return Reply(422, {"error": "amount is too small"})

    def checkout(self, **changes):
        facts = {"id": "chk_1", "ref": self.reference, "state": "paid", "paid": "1500.00", "currency": "KES"}
        return Reply(200, facts | changes)

    def paid(self, amount, currency, reference):
        return self.checkout(ref=reference, paid=str(amount), currency=currency)

    def with_status(self, status):
        return self.checkout(state=status)

    def pending(self):
        return self.checkout(state="open", paid=None)

    def failed(self, reference):
        return self.checkout(ref=reference, state="expired", paid=None)

    def not_known(self):
        return Reply(404, {"error": "no such checkout"})
