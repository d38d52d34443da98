"""What ``manage.py check`` says of the payment providers in the settings, before the first customer meets it."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from payments.models import Payment
from payments.providers import get_provider, provider_names


@register()
def check_providers(**_: Any) -> list[CheckMessage]:
    """Build every provider that is switched on or added by a setting."""
    found: list[CheckMessage] = []
    for name in dict.fromkeys([*settings.PAYMENT_PROVIDERS, *settings.PAYMENT_PROVIDER_CLASSES]):
        if name not in provider_names():
            hint = f"Known: {', '.join(provider_names())}. Others are named in PAYMENT_PROVIDER_CLASSES."
            found.append(Error(f"PAYMENT_PROVIDERS names {name!r}, which there is not.", hint=hint, id="payments.E001"))
            continue
        try:
            provider = get_provider(name)
        except Exception as error:  # noqa: BLE001 - somebody else's class may fail in any way
            found.append(Error(f"The payment provider {name!r} cannot be made: {error!r}.", id="payments.E002"))
            continue
        if provider.name != name:
            message = f"The payment provider {name!r} calls itself {provider.name!r}."
            found.append(Error(message, hint="The name in the setting must be the class's.", id="payments.E003"))
        if unknown := set(provider.methods) - set(Payment.Method.values):
            message = f"The payment provider {name!r} collects by {', '.join(sorted(unknown))}, which there is not."
            found.append(Error(message, hint=f"Methods: {', '.join(Payment.Method.values)}.", id="payments.E004"))
    return found
