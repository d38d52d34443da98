"""``manage.py check`` names a payment provider that would fail the first customer."""

import pytest

from payments.system_checks import check_providers

PAGEPAY = "tests.payments.pagepay.PagePay"


def test_providers_of_the_settings_can_be_made():
    assert check_providers() == []


@pytest.mark.parametrize(
    ("names", "classes", "found"),
    [
        (["mpesa", "mpsea"], {}, "payments.E001"),
        (["mpesa"], {"pagepay": "tests.payments.nowhere.PagePay"}, "payments.E002"),
        (["mpesa"], {"payments": PAGEPAY}, "payments.E003"),
        (["pagepay"], {"pagepay": PAGEPAY}, None),
    ],
)
def test_provider_that_would_fail_is_named(settings, names, classes, found):
    settings.PAYMENT_PROVIDERS, settings.PAYMENT_PROVIDER_CLASSES = names, classes

    assert [message.id for message in check_providers()] == ([found] if found else [])


def test_method_that_there_is_not_is_named(settings, monkeypatch):
    settings.PAYMENT_PROVIDER_CLASSES = {"pagepay": PAGEPAY}
    monkeypatch.setattr("tests.payments.pagepay.PagePay.methods", ("card", "barter"))

    (message,) = check_providers()

    assert (message.id, "barter" in message.msg) == ("payments.E004", True)
