"""Cash and bank transfers keep the rules of every provider, as far as they speak of one without a network."""

from decimal import Decimal

import pytest

from payments.providers.base import Verdict
from payments.providers.manual import ManualProvider
from payments.testing.conformance import ProviderConformance


class TestCashOnDelivery(ProviderConformance):
    method = "cash_on_delivery"

    def make_provider(self, settings):
        settings.MANUAL = settings.MANUAL | {"BANK_INSTRUCTIONS": "Equity Bank, account 0123456789, ByteMtaani Ltd"}
        return ManualProvider()

    def accepted(self):
        return {}

    def pending(self):
        return {}

    def test_refund_waits_for_a_person_and_sends_nothing(self, provider, network):
        for result in (provider.refund(self.refund_request()), provider.query_refund(self.refund_request())):
            assert (result.verdict, result.needs_person) == (Verdict.IN_FLIGHT, True)
        assert network.sent == []

    @pytest.mark.parametrize(("amount", "currency"), [("0.05", "KES"), ("1500.00", "USD"), ("1500", "JPY")])
    def test_any_amount_of_cash_is_payable(self, provider, amount, currency):
        assert provider.payable_amount(Decimal(amount), currency).amount == Decimal(amount)


class TestBankTransfer(TestCashOnDelivery):
    method = "bank_transfer"
