"""The payment services, by name. ``PAYMENT_PROVIDERS`` says which of them the shop uses."""

from django.conf import settings

from payments.exceptions import PaymentMethodUnavailable
from payments.models import Payment
from payments.providers.base import PaymentProvider
from payments.providers.mpesa import MpesaProvider

_PROVIDERS: dict[str, type[PaymentProvider]] = {"mpesa": MpesaProvider}
_BY_METHOD = {Payment.Method.MPESA.value: "mpesa"}


def get_provider(name: str) -> PaymentProvider:
    """Return the provider of that name, whether or not new payments may use it: old ones must still settle."""
    return _PROVIDERS[name]()


def provider_for(method: str) -> str:
    """Return the name of the provider that collects by ``method``.

    Raises:
        PaymentMethodUnavailable: the shop does not offer the method.
    """
    name = _BY_METHOD.get(method)
    if name is None or name not in settings.PAYMENT_PROVIDERS:
        raise PaymentMethodUnavailable()
    return name
