"""Cash at the door and transfers to the shop's account: only people see this money."""

from decimal import Decimal

import pytest

from payments import outcomes
from payments.providers.base import Charge, InitiateResult, Verdict
from payments.providers.manual import ManualProvider
from payments.testing.hooks import ProviderHooks

BANK = "Equity Bank, Moi Avenue\nAccount 0123456789\nByteMtaani Ltd"


class Asking(ProviderHooks):
    method = "bank_transfer"


ASK = Asking()


@pytest.fixture
def provider(settings) -> ManualProvider:
    settings.MANUAL = settings.MANUAL | {"BANK_INSTRUCTIONS": BANK}
    return ManualProvider()


def test_customer_is_told_where_to_pay_and_what_to_write(provider):
    assert provider.initiate(ASK.initiate_request()) == InitiateResult(
        accepted=True,
        provider_reference="BM-1001-K7QW2MZA",
        outcome=outcomes.AWAITING_MONEY,
        instructions=(
            "Please transfer KES 1,500.00.\n"
            "Reason for payment: BM-1001\n"
            "Equity Bank, Moi Avenue\nAccount 0123456789\nByteMtaani Ltd"
        ),
    )


def test_customer_is_told_how_much_cash_to_have_ready(provider):
    result = provider.initiate(ASK.initiate_request(method="cash_on_delivery", amount=Decimal("999.50")))

    assert result.instructions == "Please have KES 999.50 ready when your order arrives."


def test_longest_instructions_fit_their_column(settings):
    settings.MANUAL = settings.MANUAL | {"BANK_INSTRUCTIONS": "x" * 400}

    result = ManualProvider().initiate(
        ASK.initiate_request(order_number="BM-20261121-000042", amount=Decimal("9999999999.99"))
    )

    assert len(result.instructions) <= 500


def test_without_a_bank_account_only_cash_is_offered(settings):
    settings.MANUAL = settings.MANUAL | {"BANK_INSTRUCTIONS": ""}
    provider = ManualProvider()

    refused = provider.initiate(ASK.initiate_request())

    assert provider.methods == ("cash_on_delivery",)
    assert ManualProvider.methods == ("cash_on_delivery", "bank_transfer")
    assert (refused.accepted, refused.outcome) == (False, outcomes.MISCONFIGURED)


@pytest.mark.parametrize(("amount", "currency"), [("0.01", "KES"), ("1500", "JPY"), ("9999999999.99", "ETB")])
def test_any_amount_that_exists_is_payable(provider, amount, currency):
    assert provider.payable_amount(Decimal(amount), currency) == Charge(Decimal(amount), currency)


def test_nobody_but_staff_decides(provider):
    asked = provider.query(ASK.facts())
    refund = provider.refund(ASK.refund_request())

    assert (asked.verdict, asked.outcome) == (Verdict.IN_FLIGHT, outcomes.AWAITING_MONEY)
    assert provider.query_delays() == ()
    assert (refund.verdict, refund.needs_person) == (Verdict.IN_FLIGHT, True)
