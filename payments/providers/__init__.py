"""The payment services, by name. ``PAYMENT_PROVIDERS`` says which of them new payments may use, in that order."""

from django.conf import settings
from django.utils.module_loading import import_string

from payments.exceptions import PaymentMethodUnavailable
from payments.providers.base import PaymentProvider

# Further ones join by the setting PAYMENT_PROVIDER_CLASSES, without a change here.
BUILT_IN = {
    "mpesa": "payments.providers.mpesa.MpesaProvider",
    "paystack": "payments.providers.paystack.PaystackProvider",
    "chapa": "payments.providers.chapa.ChapaProvider",
    "stripe": "payments.providers.stripe.StripeProvider",
    "paypal": "payments.providers.paypal.PayPalProvider",
    "manual": "payments.providers.manual.ManualProvider",
}


def provider_names() -> tuple[str, ...]:
    return (*BUILT_IN, *settings.PAYMENT_PROVIDER_CLASSES)


def get_provider(name: str) -> PaymentProvider:
    """Return the provider of that name, whether or not new payments may use it: old ones must still settle.

    Raises:
        KeyError: there is none of that name.
    """
    path = {**BUILT_IN, **settings.PAYMENT_PROVIDER_CLASSES}[name]
    provider: PaymentProvider = import_string(path)()
    return provider


def provider_for(method: str, name: str = "") -> PaymentProvider:
    """Return the first provider that is switched on and collects by ``method``; the one of that ``name``, if given.

    Raises:
        PaymentMethodUnavailable: the shop does not offer the method, or not by that provider.
    """
    for candidate in settings.PAYMENT_PROVIDERS:
        provider = get_provider(candidate)
        if name in ("", candidate) and method in provider.methods:
            return provider
    raise PaymentMethodUnavailable()
