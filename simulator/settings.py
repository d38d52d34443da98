"""Settings, read from the environment once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

# Printed in Safaricom's public documentation of the sandbox; it protects nothing.
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


class BadSettings(Exception):
    """The simulator must not start; the message is one sentence for a person."""


@dataclass(frozen=True)
class DarajaSettings:
    """M-Pesa's side. Amounts are whole shillings."""

    consumer_key: str = "simulator-key"
    consumer_secret: str = "simulator-secret"  # noqa: S105 - it opens nothing but this simulator
    shortcode: str = "174379"
    till: str = ""  # the only till accepted as PartyB of a buy-goods push; any, when empty
    passkey: str = SANDBOX_PASSKEY
    merchant_name: str = "BYTEMTAANI"
    pin: str = "1234"
    prompt_seconds: float = 60.0
    token_seconds: float = 3599.0
    # Safaricom's FAQ says that a new token ends the one before it.
    single_token: bool = True
    balance: int = 500_000
    transaction_limit: int = 250_000
    daily_limit: int = 500_000
    # Result 17 for a second payment of the same amount by the same phone within two minutes.
    refuse_repeats: bool = False


@dataclass(frozen=True)
class PaystackSettings:
    secret_key: str = "sk_test_simulator"  # noqa: S105 - it opens nothing but this simulator
    webhook_url: str = ""


@dataclass(frozen=True)
class ChapaSettings:
    secret_key: str = "CHASECK_TEST-simulator"  # noqa: S105 - it opens nothing but this simulator
    webhook_secret: str = "simulator-secret-hash"  # noqa: S105 - it opens nothing but this simulator
    webhook_url: str = ""


@dataclass(frozen=True)
class StripeSettings:
    secret_key: str = "sk_test_simulator_stripe"  # noqa: S105 - it opens nothing but this simulator
    webhook_secret: str = "whsec_simulator"  # noqa: S105 - it opens nothing but this simulator
    webhook_url: str = ""


@dataclass(frozen=True)
class PayPalSettings:
    client_id: str = "simulator-client"
    client_secret: str = "simulator-secret"  # noqa: S105 - it opens nothing but this simulator
    webhook_id: str = "5EX13806WE220947H"
    webhook_url: str = ""


@dataclass(frozen=True)
class Settings:
    state: str = ":memory:"
    seed: int = 0
    daraja: DarajaSettings = field(default_factory=DarajaSettings)
    paystack: PaystackSettings = field(default_factory=PaystackSettings)
    chapa: ChapaSettings = field(default_factory=ChapaSettings)
    stripe: StripeSettings = field(default_factory=StripeSettings)
    paypal: PayPalSettings = field(default_factory=PayPalSettings)


def settings_from_environment(environ: Mapping[str, str], *, state: str = ":memory:", seed: int = 0) -> Settings:
    """Read every ``SIMULATOR_…`` variable.

    Raises:
        BadSettings: a value cannot be used, or this is a production environment.
    """
    if environ.get("ENVIRONMENT", "").strip().lower() == "production":
        raise BadSettings("The payment simulator does not start where ENVIRONMENT is production.")
    default = DarajaSettings()

    def text(name: str, fallback: str) -> str:
        return environ.get(f"SIMULATOR_{name}", "") or fallback

    daraja = DarajaSettings(
        consumer_key=text("CONSUMER_KEY", default.consumer_key),
        consumer_secret=text("CONSUMER_SECRET", default.consumer_secret),
        shortcode=_matching("SHORTCODE", text("SHORTCODE", default.shortcode), r"[0-9]{5,7}", "5 to 7 digits"),
        till=_matching("TILL", text("TILL", default.till), r"([0-9]{5,7})?", "5 to 7 digits"),
        passkey=text("PASSKEY", default.passkey),
        merchant_name=text("MERCHANT", default.merchant_name),
        pin=_matching("PIN", text("PIN", default.pin), r"[0-9]{4}", "4 digits"),
        prompt_seconds=_seconds("PROMPT_SECONDS", text("PROMPT_SECONDS", str(default.prompt_seconds))),
        token_seconds=_seconds("TOKEN_SECONDS", text("TOKEN_SECONDS", str(default.token_seconds))),
        single_token=_switch("SINGLE_TOKEN", text("SINGLE_TOKEN", "on")),
        balance=int(_matching("BALANCE", text("BALANCE", str(default.balance)), r"[0-9]{1,9}", "whole shillings")),
        refuse_repeats=_switch("REFUSE_REPEATS", text("REFUSE_REPEATS", "off")),
    )
    return Settings(
        state=state,
        seed=seed,
        daraja=daraja,
        paystack=PaystackSettings(**_texts(environ, "PAYSTACK", PaystackSettings)),
        chapa=ChapaSettings(**_texts(environ, "CHAPA", ChapaSettings)),
        stripe=StripeSettings(**_texts(environ, "STRIPE", StripeSettings)),
        paypal=PayPalSettings(**_texts(environ, "PAYPAL", PayPalSettings)),
    )


def _texts(environ: Mapping[str, str], prefix: str, settings: type[Any]) -> dict[str, str]:
    """Read a provider's settings that are plain text: ``SIMULATOR_PAYSTACK_SECRET_KEY`` and so on."""
    names = [entry.name for entry in fields(settings) if entry.type in (str, "str")]
    given = {name: environ.get(f"SIMULATOR_{prefix}_{name.upper()}", "") for name in names}
    return {name: value for name, value in given.items() if value}


def _matching(name: str, value: str, pattern: str, meaning: str) -> str:
    if not re.fullmatch(pattern, value):
        raise BadSettings(f"SIMULATOR_{name} must be {meaning}, not {value!r}.")
    return value


def _seconds(name: str, value: str) -> float:
    return float(_matching(name, value, r"[0-9]{1,6}(\.[0-9]{1,3})?", "a number of seconds"))


def _switch(name: str, value: str) -> bool:
    return _matching(name, value.lower(), r"on|off|true|false|1|0", "on or off") in {"on", "true", "1"}
